//! XACK, XACKDEL.

use super::delete::{check_ids, code, references_and_ids};
use super::id;
use crate::context::Context;
use crate::error::CommandError;
use crate::structure::stream::{Deletion, Stream};

pub(super) fn xack(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    let (name, ids) = (cx.arg(2), cx.args.tail(3));
    if cx.keys.get::<Stream>(slot)?.is_none_or(|stream| stream.group(name).is_none()) {
        cx.reply.integer(0);
        return Ok(());
    }
    check_ids(ids)?;
    let acknowledged = cx.keys.edit(slot, |stream: &mut Stream| {
        let acknowledged = stream.with_group(name, |_, group| {
            ids.iter().filter_map(|word| id(word).ok()).filter(|id| group.acknowledge(*id)).count()
        });
        let acknowledged = acknowledged.unwrap_or_default();
        (acknowledged, acknowledged > 0)
    })?;
    cx.reply.integer(acknowledged.unwrap_or_default() as i64);
    Ok(())
}

pub(super) fn xackdel(cx: &mut Context) -> Result<(), CommandError> {
    let (references, ids) = references_and_ids(cx.args.tail(3))?;
    let slot = cx.keys.write(cx.arg(1));
    let name = cx.arg(2);
    let reply = &mut cx.reply;
    if cx.keys.get::<Stream>(slot)?.is_none_or(|stream| stream.group(name).is_none()) {
        reply.array(ids.len());
        ids.iter().for_each(|_| reply.integer(code(Deletion::Missing)));
        return Ok(());
    }
    check_ids(ids)?;
    reply.array(ids.len());
    cx.keys.edit(slot, |stream: &mut Stream| {
        let mut has_changed = false;
        for id in ids.iter().filter_map(|word| id(word).ok()) {
            let is_acknowledged = stream.with_group(name, |_, group| group.acknowledge(id)) == Some(true);
            has_changed |= is_acknowledged;
            // An entry that is gone already counts as deleted.
            let deletion = match is_acknowledged.then(|| stream.delete(id, references)) {
                None => Deletion::Missing,
                Some(Deletion::Referenced) => Deletion::Referenced,
                Some(Deletion::Deleted | Deletion::Missing) => Deletion::Deleted,
            };
            reply.integer(code(deletion));
        }
        ((), has_changed)
    })?;
    Ok(())
}
