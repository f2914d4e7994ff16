//! XDEL, XDELEX.

use super::{edit, id, is, references, stream};
use crate::context::Context;
use crate::error::CommandError;
use crate::number::parse_i64;
use crate::resp::Arguments;
use crate::structure::stream::{Deletion, References};

pub(super) fn xdel(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    let ids = cx.args.tail(2);
    if stream(cx.keys, slot)?.is_some() {
        check_ids(ids)?;
    }
    let mut deleted = 0;
    edit(cx.keys, slot, &mut |stream| {
        for id in ids.iter().filter_map(|word| id(word).ok()) {
            deleted += i64::from(stream.log_mut().delete(id));
        }
        deleted > 0
    })?;
    cx.reply.integer(deleted);
    Ok(())
}

pub(super) fn xdelex(cx: &mut Context) -> Result<(), CommandError> {
    let (references, ids) = references_and_ids(cx.args.tail(2))?;
    let slot = cx.keys.write(cx.arg(1));
    if stream(cx.keys, slot)?.is_some() {
        check_ids(ids)?;
    }
    let reply = &mut cx.reply;
    reply.array(ids.len());
    let exists = edit(cx.keys, slot, &mut |stream| {
        let mut has_changed = false;
        for id in ids.iter().filter_map(|word| id(word).ok()) {
            let deletion = stream.delete(id, references);
            has_changed |= deletion == Deletion::Deleted;
            reply.integer(code(deletion));
        }
        has_changed
    })?;
    if !exists {
        ids.iter().for_each(|_| cx.reply.integer(code(Deletion::Missing)));
    }
    Ok(())
}

/// Refuses the whole request for one wrong ID.
pub(super) fn check_ids(ids: Arguments) -> Result<(), CommandError> {
    ids.iter().try_for_each(|word| id(word).map(|_| ()))
}

/// `[KEEPREF|DELREF|ACKED] IDS numids id [id ...]`.
pub(super) fn references_and_ids(words: Arguments) -> Result<(References, Arguments), CommandError> {
    let mut chosen = References::Keep;
    let mut at = 0;
    while let Some(word) = words.try_get(at) {
        if let Some(references) = references(word) {
            chosen = references;
            at += 1;
            continue;
        }
        let count = words.try_get(at + 1).filter(|_| is(word, "IDS")).ok_or(CommandError::SYNTAX)?;
        let count = parse_i64(count).filter(|count| *count > 0);
        let count = count.ok_or(CommandError::fixed("ERR Number of IDs must be a positive integer"))?;
        let ids = words.tail(at + 2);
        if ids.len() as i64 != count {
            return Err(CommandError::fixed("ERR The `numids` parameter must match the number of arguments"));
        }
        return Ok((chosen, ids));
    }
    Err(CommandError::SYNTAX)
}

/// What XDELEX and XACKDEL answer for an ID.
pub(super) fn code(deletion: Deletion) -> i64 {
    match deletion {
        Deletion::Deleted => 1,
        Deletion::Missing => -1,
        Deletion::Referenced => 2,
    }
}
