//! XCLAIM, XAUTOCLAIM.

use super::{edit_group, has_group, id, is, no_key_or_group, start, write_entry, write_id};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Slot;
use crate::resp::{Arguments, Reply};
use crate::structure::stream::{AutoClaim, Claim, Claimed, Log, StreamId};

/// The entries XAUTOCLAIM claims without COUNT.
const AUTO_COUNT: usize = 100;
/// The largest COUNT of XAUTOCLAIM.
const AUTO_COUNT_MAX: i64 = i64::MAX / 16;

/// What follows the IDs of XCLAIM.
#[derive(Default)]
struct Options {
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

pub(super) fn xclaim(cx: &mut Context) -> Result<(), CommandError> {
    let slot = existing_group(cx)?;
    let min_idle_ms = min_idle_ms(cx, "ERR Invalid min-idle-time argument for XCLAIM")?;
    let words = cx.args.tail(5);
    let ids_len = words.iter().take_while(|word| id(word).is_ok()).count();
    let options = options(cx, words.tail(ids_len))?;
    let (name, consumer, now_ms) = (cx.arg(2), cx.arg(3), cx.keys.now_ms());
    // A time that cannot be is taken for now: clients compute it, and clocks differ.
    let delivered_ms = options.delivered_ms.and_then(|ms| u64::try_from(ms).ok()).map_or(now_ms, |ms| ms.min(now_ms));
    let reply = &mut cx.reply;
    let array = reply.deferred_array();
    let mut len = 0;
    edit_group(cx.keys, slot, name, &mut |log, group| {
        let mut has_changed = options.last_id > group.last_id();
        group.raise_last_id(options.last_id);
        let (consumer, is_new) = group.see_consumer(consumer, now_ms);
        has_changed |= is_new;
        let claim = Claim {
            consumer,
            min_idle_ms,
            delivered_ms,
            deliveries: options.deliveries,
            just_id: options.just_id,
            force: options.force,
        };
        for id in words.iter().take(ids_len).filter_map(|word| id(word).ok()) {
            let claimed = group.claim(log, id, &claim, now_ms);
            has_changed |= claimed != Claimed::No;
            if claimed == Claimed::Yes {
                write_claimed(reply, log, id, options.just_id);
                len += 1;
            }
        }
        has_changed
    })?;
    cx.reply.close(array, len);
    Ok(())
}

pub(super) fn xautoclaim(cx: &mut Context) -> Result<(), CommandError> {
    let min_idle_ms = min_idle_ms(cx, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
    let start = start(cx.arg(5))?;
    let (count, just_id) = auto_options(cx)?;
    let slot = existing_group(cx)?;
    let (name, consumer, now_ms) = (cx.arg(2), cx.arg(3), cx.keys.now_ms());
    let reply = &mut cx.reply;
    edit_group(cx.keys, slot, name, &mut |log, group| {
        let (consumer, is_new) = group.see_consumer(consumer, now_ms);
        let claim = AutoClaim { consumer, min_idle_ms, start, count, just_id };
        let result = group.auto_claim(log, &claim, now_ms);
        reply.array(3);
        write_id(reply, result.next);
        reply.array(result.claimed.len());
        result.claimed.iter().for_each(|id| write_claimed(reply, log, *id, just_id));
        reply.array(result.gone.len());
        result.gone.iter().for_each(|id| write_id(reply, *id));
        is_new || !result.claimed.is_empty() || !result.gone.is_empty()
    })?;
    Ok(())
}

fn write_claimed(reply: &mut Reply, log: &Log, id: StreamId, just_id: bool) {
    match log.get(id).filter(|_| !just_id) {
        Some(entry) => write_entry(reply, entry),
        None => write_id(reply, id),
    }
}

/// The slot of a stream that has the group which the request names.
fn existing_group<'c>(cx: &mut Context<'c, '_>) -> Result<Slot<'c>, CommandError> {
    let (key, name) = (cx.arg(1), cx.arg(2));
    let slot = cx.keys.write(key);
    if has_group(cx.keys, slot, name)? { Ok(slot) } else { Err(no_key_or_group(key, name, "")) }
}

fn min_idle_ms(cx: &Context, error: &'static str) -> Result<u64, CommandError> {
    integer_or(cx, 4, error).map(|ms| u64::try_from(ms).unwrap_or(0))
}

fn integer_or(cx: &Context, index: usize, error: &'static str) -> Result<i64, CommandError> {
    cx.integer(index).map_err(|_| CommandError::fixed(error))
}

/// Reads the options of XCLAIM: all words behind the IDs.
fn options(cx: &Context, words: Arguments) -> Result<Options, CommandError> {
    let first = cx.args.len() - words.len();
    let now_ms = cx.keys.now_ms() as i64;
    let mut options = Options::default();
    let mut at = first;
    while let Some(word) = cx.args.try_get(at) {
        let is = |option| is(word, option);
        let has_value = at + 1 < cx.args.len();
        match () {
            () if is("FORCE") => options.force = true,
            () if is("JUSTID") => options.just_id = true,
            () if is("IDLE") && has_value => {
                at += 1;
                let idle_ms = integer_or(cx, at, "ERR Invalid IDLE option argument for XCLAIM")?;
                options.delivered_ms = Some(now_ms.saturating_sub(idle_ms));
            }
            () if is("TIME") && has_value => {
                at += 1;
                options.delivered_ms = Some(integer_or(cx, at, "ERR Invalid TIME option argument for XCLAIM")?);
            }
            () if is("RETRYCOUNT") && has_value => {
                at += 1;
                let deliveries = integer_or(cx, at, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                options.deliveries = u64::try_from(deliveries).ok();
            }
            () if is("LASTID") && has_value => {
                at += 1;
                options.last_id = id(cx.arg(at))?;
            }
            () => return Err(CommandError::quoting("ERR Unrecognized XCLAIM option '", word, "'")),
        }
        at += 1;
    }
    Ok(options)
}

/// Reads the options of XAUTOCLAIM.
fn auto_options(cx: &Context) -> Result<(usize, bool), CommandError> {
    let (mut count, mut just_id) = (AUTO_COUNT, false);
    let mut at = 6;
    while let Some(word) = cx.args.try_get(at) {
        if is(word, "COUNT") && at + 1 < cx.args.len() {
            at += 1;
            // A word that is no integer is refused with the same text.
            let asked = cx.integer(at).ok().filter(|asked| (1..=AUTO_COUNT_MAX).contains(asked));
            count = asked
                .and_then(|asked| usize::try_from(asked).ok())
                .ok_or(CommandError::fixed("ERR COUNT must be > 0"))?;
        } else if is(word, "JUSTID") {
            just_id = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 1;
    }
    Ok((count, just_id))
}
