//! What is in a hash: HGET, HMGET, HEXISTS, HLEN, HSTRLEN, HGETALL, HKEYS, HVALS, HSCAN.

use crate::commands::scan;
use crate::context::Context;
use crate::error::CommandError;
use crate::structure::listpack::Item;
use crate::value::{Hash, element_of, text_bytes};

pub(super) fn hget(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    match cx.keys.get::<Hash>(slot)?.and_then(|hash| hash.get(cx.arg(2), hasher)) {
        Some(value) => cx.reply.element(value),
        None => cx.reply.null(),
    }
    Ok(())
}

pub(super) fn hmget(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let hash = cx.keys.get::<Hash>(slot)?;
    let fields = cx.args.tail(2);
    cx.reply.array(fields.len());
    for field in fields.iter() {
        match hash.and_then(|hash| hash.get(field, hasher)) {
            Some(value) => cx.reply.element(value),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn hexists(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let exists = cx.keys.get::<Hash>(slot)?.is_some_and(|hash| hash.contains(cx.arg(2), hasher));
    cx.reply.integer(exists.into());
    Ok(())
}

pub(super) fn hlen(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let len = cx.keys.get::<Hash>(slot)?.map_or(0, Hash::len);
    cx.reply.integer(len as i64);
    Ok(())
}

pub(super) fn hstrlen(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let value = cx.keys.get::<Hash>(slot)?.and_then(|hash| hash.get(cx.arg(2), hasher));
    cx.reply.integer(value.map_or(0, text_bytes) as i64);
    Ok(())
}

pub(super) fn hgetall(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let hash = cx.keys.get::<Hash>(slot)?;
    cx.reply.map(hash.map_or(0, Hash::len));
    for (field, value, _) in hash.into_iter().flat_map(Hash::iter) {
        cx.reply.element(field);
        cx.reply.element(value);
    }
    Ok(())
}

pub(super) fn hkeys(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, |(field, _)| field)
}

pub(super) fn hvals(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, |(_, value)| value)
}

/// Answers one part of each field.
fn list(cx: &mut Context, part: impl for<'a> Fn((Item<'a>, Item<'a>)) -> Item<'a>) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let hash = cx.keys.get::<Hash>(slot)?;
    cx.reply.array(hash.map_or(0, Hash::len));
    for (field, value, _) in hash.into_iter().flat_map(Hash::iter) {
        cx.reply.element(part((field, value)));
    }
    Ok(())
}

pub(super) fn hscan(cx: &mut Context) -> Result<(), CommandError> {
    let cursor = scan::cursor_of(cx.arg(2))?;
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let Some(hash) = cx.keys.get::<Hash>(slot)? else {
        scan::empty_page(&mut cx.reply);
        return Ok(());
    };
    let filter = scan::Filter::parse(cx.args.tail(3), scan::Extra::NoValues)?;
    scan::page(&mut cx.reply, |reply| {
        let mut elements = 0;
        let mut visit = |field: Item<'_>, value: Item<'_>| {
            if filter.matches(field) {
                reply.element(field);
                elements += 1;
                if !filter.no_values {
                    reply.element(value);
                    elements += 1;
                }
            }
        };
        let next = match hash {
            Hash::Packed(_) => {
                hash.iter().for_each(|(field, value, _)| visit(field, value));
                0
            }
            Hash::Table(members) => scan::walk_members(members, cursor, filter.count, hasher, |entry| {
                visit(Item::Text(entry.key()), element_of(entry));
            }),
        };
        (next, elements)
    });
    Ok(())
}
