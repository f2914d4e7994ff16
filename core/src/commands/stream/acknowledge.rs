//! XACK, XACKDEL.

use super::delete::{check_ids, code, references_and_ids};
use super::{edit, edit_group, has_group, id};
use crate::context::Context;
use crate::error::CommandError;
use crate::structure::stream::Deletion;

pub(super) fn xack(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    let (name, ids) = (cx.arg(2), cx.args.tail(3));
    let mut acknowledged = 0;
    if has_group(cx.keys, slot, name)? {
        check_ids(ids)?;
        edit_group(cx.keys, slot, name, &mut |_, group| {
            for id in ids.iter().filter_map(|word| id(word).ok()) {
                acknowledged += i64::from(group.acknowledge(id));
            }
            acknowledged > 0
        })?;
    }
    cx.reply.integer(acknowledged);
    Ok(())
}

pub(super) fn xackdel(cx: &mut Context) -> Result<(), CommandError> {
    let (references, ids) = references_and_ids(cx.args.tail(3))?;
    let slot = cx.keys.write(cx.arg(1));
    let name = cx.arg(2);
    let reply = &mut cx.reply;
    reply.array(ids.len());
    if !has_group(cx.keys, slot, name)? {
        ids.iter().for_each(|_| reply.integer(code(Deletion::Missing)));
        return Ok(());
    }
    check_ids(ids)?;
    edit(cx.keys, slot, &mut |stream| {
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
        has_changed
    })?;
    Ok(())
}
