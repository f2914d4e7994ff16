//! Asking for members.

use crate::commands::scan::{self, Extra, Filter};
use crate::context::Context;
use crate::error::CommandError;
use crate::structure::listpack::Item;
use crate::value::Set;

pub(super) fn scard(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let len = cx.keys.get(slot)?.map_or(0, Set::len);
    cx.reply.integer(len as i64);
    Ok(())
}

pub(super) fn sismember(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let is_member = cx.keys.get(slot)?.is_some_and(|set: &Set| set.contains(cx.arg(2), hasher));
    cx.reply.integer(is_member.into());
    Ok(())
}

pub(super) fn smismember(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let set = cx.keys.get::<Set>(slot)?;
    let members = cx.args.tail(2);
    cx.reply.array(members.len());
    for member in members.iter() {
        let is_member = set.is_some_and(|set| set.contains(member, hasher));
        cx.reply.integer(is_member.into());
    }
    Ok(())
}

pub(super) fn smembers(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let set = cx.keys.get::<Set>(slot)?;
    cx.reply.set(set.map_or(0, Set::len));
    set.into_iter().flat_map(Set::iter).for_each(|item| cx.reply.element(item));
    Ok(())
}

pub(super) fn sscan(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let cursor = scan::cursor_of(cx.arg(2))?;
    let slot = cx.keys.read(cx.arg(1));
    let Some(set) = cx.keys.get::<Set>(slot)? else {
        scan::empty_page(&mut cx.reply);
        return Ok(());
    };
    let filter = Filter::parse(cx.args.tail(3), Extra::None)?;
    scan::page(&mut cx.reply, |reply| {
        let mut written = 0;
        let mut write = |item: Item<'_>| {
            if filter.matches(item) {
                reply.element(item);
                written += 1;
            }
        };
        let cursor = match set {
            Set::Table(members) => {
                scan::walk_members(members, cursor, filter.count, hasher, |entry| write(Item::Text(entry.key())))
            }
            Set::Integers(_) | Set::Packed(_) => {
                set.iter().for_each(write);
                0
            }
        };
        (cursor, written)
    });
    Ok(())
}
