//! Commands that store one string: SET, SETNX, SETEX, PSETEX, GETSET.

use super::compare::Condition;
use super::expiry::{Clock, Expiry, deadline_ms};
use super::read::reply_string;
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::{Keyspace, Slot};

#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn set(cx: &mut Context) -> Result<(), CommandError> {
    // By far the most frequent write has no options.
    if cx.args.len() > 3 {
        return set_with_options(cx);
    }
    let slot = cx.keys.locate(cx.arg(1));
    cx.keys.set_string(slot, cx.arg(2), None);
    cx.reply.ok();
    Ok(())
}

#[derive(Default)]
struct Options<'a> {
    condition: Condition<'a>,
    expiry: Expiry<'a>,
    returns_old: bool,
}

impl<'a> Options<'a> {
    fn parse(cx: &Context<'a, '_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut i = 3;
        while let Some(word) = cx.args.try_get(i) {
            let next = cx.args.try_get(i + 1);
            if options.expiry.take_time(word, next)? || options.condition.take_comparison(word, next)? {
                i += 2;
                continue;
            }
            if word.eq_ignore_ascii_case(b"KEEPTTL") {
                options.expiry.take_keep()?;
            } else if word.eq_ignore_ascii_case(b"GET") {
                options.returns_old = true;
            } else if !options.condition.take_existence(word)? {
                return Err(CommandError::SYNTAX);
            }
            i += 1;
        }
        Ok(options)
    }
}

#[inline(never)]
fn set_with_options(cx: &mut Context) -> Result<(), CommandError> {
    let options = Options::parse(cx)?;
    let deadline = options.expiry.deadline_ms(cx)?;
    let slot = if options.returns_old {
        let slot = cx.keys.read(cx.arg(1));
        reply_string(&mut cx.reply, cx.keys.entry(slot))?;
        slot
    } else {
        cx.keys.locate(cx.arg(1))
    };
    let entry = cx.keys.entry(slot);
    if !options.condition.holds(entry)? {
        if !options.returns_old {
            cx.reply.null();
        }
        return Ok(());
    }
    let deadline = match options.expiry {
        Expiry::Keep => entry.and_then(|entry| entry.deadline_ms()),
        _ => deadline,
    };
    store(cx.keys, slot, cx.arg(2), deadline);
    if !options.returns_old {
        cx.reply.ok();
    }
    Ok(())
}

/// Stores a string, or removes the key if the string would have expired already.
#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn store(keys: &mut Keyspace<'_>, slot: Slot<'_>, value: &[u8], deadline_ms: Option<u64>) {
    if deadline_ms.is_some_and(|deadline| deadline <= keys.now_ms()) {
        keys.discard(slot);
    } else {
        keys.set_string(slot, value, deadline_ms);
    }
}

pub(super) fn setnx(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    if !slot.exists() {
        cx.keys.set_string(slot, cx.arg(2), None);
    }
    cx.reply.integer((!slot.exists()).into());
    Ok(())
}

pub(super) fn setex(cx: &mut Context) -> Result<(), CommandError> {
    set_for(cx, Clock::Seconds)
}

pub(super) fn psetex(cx: &mut Context) -> Result<(), CommandError> {
    set_for(cx, Clock::Millis)
}

fn set_for(cx: &mut Context, clock: Clock) -> Result<(), CommandError> {
    let deadline = deadline_ms(cx, clock, cx.arg(2))?;
    let slot = cx.keys.locate(cx.arg(1));
    cx.keys.set_string(slot, cx.arg(3), Some(deadline));
    cx.reply.ok();
    Ok(())
}

pub(super) fn getset(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    reply_string(&mut cx.reply, cx.keys.entry(slot))?;
    cx.keys.set_string(slot, cx.arg(2), None);
    Ok(())
}
