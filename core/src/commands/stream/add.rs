//! XADD, XTRIM, XSETID.

use super::{INVALID_ID, edit, edit_or_create, id, is, references, write_id};
use crate::context::Context;
use crate::error::CommandError;
use crate::number::parse_i64;
use crate::resp::{Arguments, RequestBuf};
use crate::store::record::write_request;
use crate::structure::stream::{
    AppendError, NewId, NodeLimits, References, StateError, Stream, StreamId, Trim, TrimTo, Words, default_limit,
};

const NOT_ASCENDING: CommandError =
    CommandError::fixed("ERR The ID specified in XADD is equal or smaller than the target stream top item");

const TOO_LARGE: CommandError = CommandError::fixed("ERR Elements are too large to be stored");

/// What stands before the ID of XADD and the ID itself, or what follows the key of XTRIM.
#[derive(Default)]
struct Options {
    to: Option<TrimTo>,
    approximate: bool,
    limit: Option<u64>,
    references: References,
    keeps_missing: bool,
    id: Option<NewId>,
    /// The first word behind the ID.
    end: usize,
}

pub(super) fn xadd(cx: &mut Context) -> Result<(), CommandError> {
    let limits = cx.env.settings.stream_limits();
    let options = Options::parse(cx.args, true)?;
    let trim = options.trim(limits)?;
    let fields = cx.args.tail(options.end);
    let new_id = options.id.filter(|_| !fields.is_empty() && fields.len().is_multiple_of(2));
    let new_id = new_id.ok_or(CommandError::arity("xadd"))?;
    if new_id == NewId::Exact(StreamId::MIN) {
        return Err(CommandError::fixed("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let slot = cx.keys.write(cx.arg(1));
    if !slot.exists() && options.keeps_missing {
        cx.reply.null();
        return Ok(());
    }
    let now_ms = cx.keys.now_ms();
    let (mut added, mut len) = (Ok(StreamId::MIN), 0);
    edit_or_create(cx.keys, slot, &mut |stream| {
        added = append(stream, new_id, now_ms, fields, limits);
        if let (Ok(_), Some(trim)) = (&added, &trim) {
            stream.trim(trim, options.references);
        }
        len = stream.log().len();
        added.is_ok()
    })?;
    let added = added?;
    write_id(&mut cx.reply, added);
    if options.approximate {
        rewrite(cx, options.references, len, Some(added), fields);
    }
    Ok(())
}

/// Tells the journal of an approximate trim in exact words: where nodes end depends on more than the requests.
fn rewrite(cx: &mut Context, references: References, len: u64, id: Option<StreamId>, fields: Arguments) {
    let references = match references {
        References::Keep => b"KEEPREF".as_slice(),
        References::Delete => b"DELREF",
        // It never goes by nodes.
        References::Acknowledged => return,
    };
    if cx.env.journal.is_some() {
        let mut words = RequestBuf::new();
        [cx.arg(0), cx.arg(1), references, b"MAXLEN"].into_iter().for_each(|word| words.push(word));
        words.push(itoa::Buffer::new().format(len).as_bytes());
        if let Some(id) = id {
            words.push(id.text(&mut [0; StreamId::TEXT_BYTES]));
            fields.iter().for_each(|word| words.push(word));
        }
        write_request(cx.effects.rewritten.get_or_insert_default(), words.arguments());
    }
}

fn append(
    stream: &mut Stream,
    id: NewId,
    now_ms: u64,
    fields: Arguments,
    limits: NodeLimits,
) -> Result<StreamId, CommandError> {
    let last = stream.log().last_id();
    if last == StreamId::MAX {
        return Err(CommandError::fixed("ERR The stream has exhausted the last possible ID, unable to add more items"));
    }
    // The reference has this text for a millisecond whose sequence numbers are used up.
    let id = id.after(last, now_ms).ok_or(TOO_LARGE)?;
    let words = Words { len: fields.len(), word: &|place| fields.get(place) };
    stream.log_mut().append(id, words, limits).map_err(|error| match error {
        AppendError::NotAscending => NOT_ASCENDING,
        AppendError::TooLarge => TOO_LARGE,
    })?;
    Ok(id)
}

pub(super) fn xtrim(cx: &mut Context) -> Result<(), CommandError> {
    let options = Options::parse(cx.args, false)?;
    if options.to.is_none() && options.limit.is_none_or(|limit| limit == 0) {
        return Err(CommandError::fixed("ERR syntax error, XTRIM must be called with a trimming strategy"));
    }
    let Some(trim) = options.trim(cx.env.settings.stream_limits())? else { return Err(CommandError::SYNTAX) };
    let slot = cx.keys.write(cx.arg(1));
    let (mut removed, mut len) = (0, 0);
    edit(cx.keys, slot, &mut |stream| {
        removed = stream.trim(&trim, options.references);
        len = stream.log().len();
        removed > 0
    })?;
    cx.reply.integer(removed as i64);
    if options.approximate && removed > 0 {
        rewrite(cx, options.references, len, None, cx.args);
    }
    Ok(())
}

pub(super) fn xsetid(cx: &mut Context) -> Result<(), CommandError> {
    let last_id = id(cx.arg(2))?;
    let (mut added, mut max_deleted) = (None, None);
    for option in (3..cx.args.len()).step_by(2) {
        let has_value = option + 1 < cx.args.len();
        match cx.arg(option) {
            word if has_value && is(word, "ENTRIESADDED") => {
                let count = u64::try_from(cx.integer(option + 1)?);
                added = Some(count.map_err(|_| CommandError::fixed("ERR entries_added must be positive"))?);
            }
            word if has_value && is(word, "MAXDELETEDID") => {
                let deleted = id(cx.arg(option + 1))?;
                if last_id < deleted {
                    return Err(CommandError::fixed(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                max_deleted = Some(deleted);
            }
            _ => return Err(CommandError::SYNTAX),
        }
    }
    let slot = cx.keys.write(cx.arg(1));
    let mut set = Ok(());
    let exists = cx.keys.edit_unwatched(slot, &mut |stream: &mut Stream| {
        set = stream.log_mut().set_state(last_id, added, max_deleted);
        set.is_ok()
    })?;
    if !exists {
        return Err(CommandError::NO_SUCH_KEY);
    }
    set.map_err(|error| {
        CommandError::fixed(match error {
            StateError::BelowMaxDeleted => {
                "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
            }
            StateError::BelowTopEntry => "ERR The ID specified in XSETID is smaller than the target stream top item",
            StateError::AddedBelowLength => {
                "ERR The entries_added specified in XSETID is smaller than the target stream length"
            }
        })
    })?;
    cx.reply.ok();
    Ok(())
}

impl Options {
    fn parse(args: Arguments, is_add: bool) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut at = 2;
        while let Some(word) = args.try_get(at) {
            at += 1;
            let value = args.try_get(at);
            match value {
                _ if is_add && word == b"*" => {
                    options.id = Some(NewId::Auto);
                    break;
                }
                Some(value) if is(word, "MAXLEN") => at = options.threshold(args, at, value, maxlen)?,
                Some(value) if is(word, "MINID") => at = options.threshold(args, at, value, minid)?,
                Some(value) if is(word, "LIMIT") => {
                    let limit = parse_i64(value).ok_or(CommandError::NOT_AN_INTEGER)?;
                    let limit = u64::try_from(limit);
                    options.limit =
                        Some(limit.map_err(|_| CommandError::fixed("ERR The LIMIT argument must be >= 0."))?);
                    at += 1;
                }
                _ if is_add && is(word, "NOMKSTREAM") => options.keeps_missing = true,
                _ => match references(word) {
                    Some(references) => options.references = references,
                    None if is_add => {
                        options.id = Some(NewId::parse(word).map_err(|_| INVALID_ID)?);
                        break;
                    }
                    None => return Err(CommandError::SYNTAX),
                },
            }
        }
        options.end = at;
        Ok(options)
    }

    /// Reads `[=|~] threshold` at a word and returns where the next option stands.
    fn threshold(
        &mut self,
        args: Arguments,
        at: usize,
        word: &[u8],
        read: fn(&[u8]) -> Result<TrimTo, CommandError>,
    ) -> Result<usize, CommandError> {
        if self.to.is_some() {
            return Err(CommandError::fixed(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let (at, threshold) = match args.try_get(at + 1) {
            Some(threshold) if word == b"~" || word == b"=" => (at + 1, threshold),
            _ => (at, word),
        };
        self.approximate = word == b"~" && threshold != word;
        self.to = Some(read(threshold)?);
        Ok(at + 1)
    }

    /// The trim that is asked for.
    fn trim(&self, limits: NodeLimits) -> Result<Option<Trim>, CommandError> {
        let limit = match self.limit {
            Some(1..) if self.to.is_none() => {
                return Err(CommandError::fixed(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                ));
            }
            Some(_) if !self.approximate => {
                return Err(CommandError::fixed("ERR syntax error, LIMIT cannot be used without the special ~ option"));
            }
            Some(limit) => limit,
            None if self.approximate => default_limit(limits),
            None => 0,
        };
        Ok(self.to.map(|to| Trim { to, approximate: self.approximate, limit }))
    }
}

fn maxlen(word: &[u8]) -> Result<TrimTo, CommandError> {
    let len = u64::try_from(parse_i64(word).ok_or(CommandError::NOT_AN_INTEGER)?);
    len.map(TrimTo::MaxLen).map_err(|_| CommandError::fixed("ERR The MAXLEN argument must be >= 0."))
}

fn minid(word: &[u8]) -> Result<TrimTo, CommandError> {
    id(word).map(TrimTo::MinId)
}
