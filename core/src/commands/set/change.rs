//! Adding, removing and moving members.

use crate::context::Context;
use crate::error::CommandError;
use crate::value::Set;

pub(super) fn sadd(cx: &mut Context) -> Result<(), CommandError> {
    let (limits, hasher) = (cx.env.settings.set_limits(), cx.env.layout.hasher());
    let members = cx.args.tail(2);
    let slot = cx.keys.write(cx.arg(1));
    // Who adds what is there opens nothing for a change. Only a hash table finds out so fast that it pays.
    if let Some(set @ Set::Table(_)) = cx.keys.get::<Set>(slot)?
        && members.iter().all(|member| set.contains(member, hasher))
    {
        cx.reply.integer(0);
        return Ok(());
    }
    let added = cx.keys.edit_or_create(slot, |set: &mut Set| {
        set.expect_members(members.get(0), members.len(), limits, hasher);
        let added = members.iter().filter(|member| set.add(member, limits, hasher)).count();
        (added, added > 0)
    })?;
    cx.reply.integer(added as i64);
    Ok(())
}

pub(super) fn srem(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let members = cx.args.tail(2);
    let slot = cx.keys.write(cx.arg(1));
    let removed = cx.keys.edit(slot, |set: &mut Set| {
        let removed = members.iter().filter(|member| set.remove(member, hasher)).count();
        (removed, removed > 0)
    })?;
    cx.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}

pub(super) fn smove(cx: &mut Context) -> Result<(), CommandError> {
    let (limits, hasher) = (cx.env.settings.set_limits(), cx.env.layout.hasher());
    let (source, destination, member) = (cx.arg(1), cx.arg(2), cx.arg(3));
    // Looking for an expired key removes it, after which the other stands elsewhere.
    cx.keys.write(destination);
    let from = cx.keys.write(source);
    let Some(set) = cx.keys.get::<Set>(from)? else {
        cx.reply.integer(0);
        return Ok(());
    };
    if source == destination {
        cx.reply.integer(set.contains(member, hasher).into());
        return Ok(());
    }
    let to = cx.keys.locate(destination);
    cx.keys.get::<Set>(to)?;
    let removed = cx.keys.edit(from, |set: &mut Set| {
        let removed = set.remove(member, hasher);
        (removed, removed)
    })?;
    if removed == Some(true) {
        let to = cx.keys.locate(destination);
        cx.keys.edit_or_create(to, |set: &mut Set| {
            let is_new = set.add(member, limits, hasher);
            ((), is_new)
        })?;
    }
    cx.reply.integer((removed == Some(true)).into());
    Ok(())
}
