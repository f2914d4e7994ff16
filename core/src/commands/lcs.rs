//! LCS: what two strings have in common.

use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Slot;
use crate::lcs::{self, Lcs};
use crate::resp::Reply;

use super::string::read_text;

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "lcs",
    group: Group::String,
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::range(KeyAccess::RO.union(KeyAccess::ACCESS), 1, 1, 1)],
    since: "7.0.0",
    summary: "Finds the longest sequence of bytes that two strings share, gaps allowed.",
    complexity: "O(N*M) for strings of N and M bytes",
    syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    handler: lcs,
    ..Command::ROW
}]);

#[derive(Default)]
struct Options {
    length_only: bool,
    indexes: bool,
    match_lengths: bool,
    min_match_bytes: usize,
}

impl Options {
    fn parse(cx: &Context) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut i = 3;
        while let Some(word) = cx.args.try_get(i) {
            if word.eq_ignore_ascii_case(b"LEN") {
                options.length_only = true;
            } else if word.eq_ignore_ascii_case(b"IDX") {
                options.indexes = true;
            } else if word.eq_ignore_ascii_case(b"WITHMATCHLEN") {
                options.match_lengths = true;
            } else if word.eq_ignore_ascii_case(b"MINMATCHLEN") && i + 1 < cx.args.len() {
                i += 1;
                let bytes = cx.integer(i)?.max(0);
                // No match is longer than memory.
                options.min_match_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            } else {
                return Err(CommandError::SYNTAX);
            }
            i += 1;
        }
        if options.length_only && options.indexes {
            return Err(CommandError::fixed("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(options)
    }
}

fn lcs(cx: &mut Context) -> Result<(), CommandError> {
    let (first, second) = (cx.arg(1), cx.arg(2));
    cx.keys.read(first);
    let second = cx.keys.read(second);
    // The second lookup may have removed an expired key, and with it the first one's place.
    let first = cx.keys.locate(first);
    let (first_len, second_len) = (length(cx, first)?, length(cx, second)?);
    let options = Options::parse(cx)?;
    let table_bytes =
        lcs::table_bytes(first_len, second_len).ok_or(CommandError::fixed("ERR String too long for LCS"))?;
    if table_bytes > cx.max_string_bytes() {
        return Err(CommandError::fixed(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let first = cx.keys.string(first)?.unwrap_or_default();
    let second = cx.keys.string(second)?.unwrap_or_default();
    if options.length_only {
        cx.reply.integer(lcs::length(&first, &second) as i64);
        return Ok(());
    }
    let found = lcs::lcs(&first, &second, options.min_match_bytes);
    if options.indexes {
        reply_indexes(&mut cx.reply, &found, options.match_lengths);
    } else {
        cx.reply.bulk(&found.subsequence);
    }
    Ok(())
}

fn length(cx: &Context, slot: Slot<'_>) -> Result<usize, CommandError> {
    read_text(cx.keys.entry(slot), |text| text.map_or(0, <[u8]>::len))
        .map_err(|_| CommandError::fixed("ERR The specified keys must contain string values"))
}

fn reply_indexes(reply: &mut Reply, found: &Lcs, match_lengths: bool) {
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(found.matches.len());
    for part in &found.matches {
        reply.array(if match_lengths { 3 } else { 2 });
        for range in [&part.a, &part.b] {
            reply.array(2);
            reply.integer(*range.start() as i64);
            reply.integer(*range.end() as i64);
        }
        if match_lengths {
            reply.integer(part.length() as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(found.subsequence.len() as i64);
}
