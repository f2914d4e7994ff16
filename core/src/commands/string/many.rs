//! Commands on several strings: MGET, MSET, MSETNX, MSETEX.

use super::compare::Condition;
use super::expiry::Expiry;
use super::read::reply_string;
use super::set::store;
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::KEYS_AHEAD;
use crate::number;
use crate::resp::Arguments;

pub(super) fn mget(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.array(cx.args.len() - 1);
    for (at, key) in cx.args.iter().enumerate().skip(1) {
        if at % KEYS_AHEAD == 1 {
            cx.keys.warm(cx.args.iter().skip(at));
        }
        let slot = cx.keys.read(key);
        if reply_string(&mut cx.reply, cx.keys.entry(slot)).is_err() {
            // Another type counts as no string here.
            cx.reply.null();
        }
    }
    Ok(())
}

pub(super) fn mset(cx: &mut Context) -> Result<(), CommandError> {
    require_pairs(cx)?;
    set_pairs(cx);
    cx.reply.ok();
    Ok(())
}

pub(super) fn msetnx(cx: &mut Context) -> Result<(), CommandError> {
    require_pairs(cx)?;
    let unset = pairs(cx.args.tail(1)).all(|(key, _)| !cx.keys.write(key).exists());
    if unset {
        set_pairs(cx);
    }
    cx.reply.integer(unset.into());
    Ok(())
}

fn require_pairs(cx: &Context) -> Result<(), CommandError> {
    match cx.args.len() % 2 {
        0 => Err(CommandError::arity(cx.command.name)),
        _ => Ok(()),
    }
}

fn set_pairs(cx: &mut Context) {
    for (at, (key, value)) in pairs(cx.args.tail(1)).enumerate() {
        if at % KEYS_AHEAD == 0 {
            cx.keys.warm(pairs(cx.args.tail(1 + 2 * at)).map(|(key, _)| key));
        }
        let slot = cx.keys.locate(key);
        cx.keys.set_string(slot, value, None);
    }
}

fn pairs(words: Arguments<'_>) -> impl Iterator<Item = (&[u8], &[u8])> {
    let values = words.iter().skip(1).step_by(2);
    words.iter().step_by(2).zip(values)
}

pub(super) fn msetex(cx: &mut Context) -> Result<(), CommandError> {
    let count = number::parse_i64(cx.arg(1))
        .and_then(|count| i32::try_from(count).ok())
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| *count > 0)
        .ok_or(CommandError::fixed("ERR invalid numkeys value"))?;
    if count > (cx.args.len() - 2) / 2 {
        return Err(CommandError::fixed("ERR wrong number of key-value pairs"));
    }
    let (condition, expiry) = parse_msetex(cx.args.tail(2 + 2 * count))?;
    let deadline = expiry.deadline_ms(cx)?;
    let given = || pairs(cx.args.tail(2)).take(count);
    for (key, _) in given() {
        let slot = cx.keys.locate(key);
        if !condition.holds(cx.keys.entry(slot))? {
            cx.reply.integer(0);
            return Ok(());
        }
    }
    for (key, value) in given() {
        let slot = cx.keys.locate(key);
        let deadline = match expiry {
            Expiry::Keep => cx.keys.entry(slot).and_then(|entry| entry.deadline_ms()),
            _ => deadline,
        };
        store(cx.keys, slot, value, deadline);
    }
    cx.reply.integer(1);
    Ok(())
}

fn parse_msetex(options: Arguments<'_>) -> Result<(Condition<'_>, Expiry<'_>), CommandError> {
    let (mut condition, mut expiry) = (Condition::default(), Expiry::default());
    let mut i = 0;
    while let Some(word) = options.try_get(i) {
        if expiry.take_time(word, options.try_get(i + 1))? {
            i += 2;
            continue;
        }
        if word.eq_ignore_ascii_case(b"KEEPTTL") {
            expiry.take_keep()?;
        } else if !condition.take_existence(word)? {
            return Err(CommandError::SYNTAX);
        }
        i += 1;
    }
    Ok((condition, expiry))
}
