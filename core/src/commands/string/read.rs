//! Commands that return whole strings: GET, GETDEL, GETEX.

use super::expiry::Expiry;
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::string_of;
use crate::resp::Reply;

/// Answers the string of an entry, null if there is none, WRONGTYPE for other types.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn reply_string(reply: &mut Reply, entry: Option<&Entry>) -> Result<(), CommandError> {
    match entry.map(Entry::value) {
        None => reply.null(),
        Some(Value::Bytes(bytes)) => reply.bulk(bytes),
        Some(Value::Integer(integer)) => reply.bulk_integer(integer),
        Some(Value::Object(_)) => return reply_object(reply, entry.expect("it has a value")),
    }
    Ok(())
}

#[inline(never)]
fn reply_object(reply: &mut Reply, entry: &Entry) -> Result<(), CommandError> {
    reply.bulk(&string_of(entry)?);
    Ok(())
}

#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn get(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    reply_string(&mut cx.reply, cx.keys.entry(slot))
}

pub(super) fn getdel(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    reply_string(&mut cx.reply, cx.keys.entry(slot))?;
    cx.keys.discard(slot);
    Ok(())
}

pub(super) fn getex(cx: &mut Context) -> Result<(), CommandError> {
    let expiry = parse_getex(cx)?;
    let slot = cx.keys.read(cx.arg(1));
    reply_string(&mut cx.reply, cx.keys.entry(slot))?;
    // Redis reads the time only if there is a string.
    if slot.exists() {
        let deadline = expiry.deadline_ms(cx)?;
        expiry.apply(cx.keys, slot, deadline);
    }
    Ok(())
}

fn parse_getex<'c>(cx: &Context<'c, '_>) -> Result<Expiry<'c>, CommandError> {
    let mut expiry = Expiry::default();
    let mut i = 2;
    while let Some(word) = cx.args.try_get(i) {
        if expiry.take_time(word, cx.args.try_get(i + 1))? {
            i += 2;
        } else if word.eq_ignore_ascii_case(b"PERSIST") {
            expiry.take_persist()?;
            i += 1;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok(expiry)
}
