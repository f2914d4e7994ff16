//! Storing and removing fields: HSET, HMSET, HSETNX, HDEL.

use crate::context::Context;
use crate::error::CommandError;
use crate::value::Hash;

pub(super) fn hset(cx: &mut Context) -> Result<(), CommandError> {
    let added = set_pairs(cx)?;
    cx.reply.integer(added);
    Ok(())
}

pub(super) fn hmset(cx: &mut Context) -> Result<(), CommandError> {
    set_pairs(cx)?;
    cx.reply.ok();
    Ok(())
}

/// Stores the fields and values from word 2 on and says how many fields are new.
fn set_pairs(cx: &mut Context) -> Result<i64, CommandError> {
    let words = cx.args;
    if words.len() % 2 == 1 {
        return Err(CommandError::arity(cx.command.name));
    }
    let (limits, hasher) = (cx.env.settings.hash_limits(), cx.env.layout.hasher());
    let slot = cx.keys.write(cx.arg(1));
    cx.keys.edit_or_create::<Hash, _>(slot, |hash| {
        let bytes = words.iter().skip(2).map(<[u8]>::len).sum();
        hash.expect(words.len() / 2 - 1, bytes, limits, hasher);
        let mut added = 0;
        for place in (2..words.len()).step_by(2) {
            added += i64::from(hash.set(words.get(place), words.get(place + 1), limits, hasher));
        }
        (added, true)
    })
}

pub(super) fn hsetnx(cx: &mut Context) -> Result<(), CommandError> {
    let (field, value) = (cx.arg(2), cx.arg(3));
    let (limits, hasher) = (cx.env.settings.hash_limits(), cx.env.layout.hasher());
    let slot = cx.keys.write(cx.arg(1));
    let is_new = cx.keys.edit_or_create::<Hash, _>(slot, |hash| {
        let is_new = !hash.contains(field, hasher) && hash.set(field, value, limits, hasher);
        (is_new, is_new)
    })?;
    cx.reply.integer(is_new.into());
    Ok(())
}

pub(super) fn hdel(cx: &mut Context) -> Result<(), CommandError> {
    let fields = cx.args.tail(2);
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.write(cx.arg(1));
    let removed = cx.keys.edit::<Hash, _>(slot, |hash| {
        let removed = fields.iter().filter(|field| hash.remove(field, hasher)).count();
        (removed, removed > 0)
    })?;
    cx.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
