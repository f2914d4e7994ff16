//! CLIENT REPLY, PAUSE, UNPAUSE, NO-EVICT, NO-TOUCH, UNBLOCK and what there is to say of tracking.

use std::sync::atomic::Ordering;

use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::retry::{UNBLOCK_AS_TIMEOUT, UNBLOCK_WITH_ERROR};
use crate::session::ReplyMode;

use super::wrong_words;

/// No reply to the command itself but to ON.
pub(super) fn reply(cx: &mut Context) -> Result<(), CommandError> {
    let mode = cx.arg(2);
    if mode.eq_ignore_ascii_case(b"ON") {
        cx.session.replies = ReplyMode::On;
        cx.reply.ok();
    } else if mode.eq_ignore_ascii_case(b"OFF") {
        cx.session.replies = ReplyMode::Off;
    } else if mode.eq_ignore_ascii_case(b"SKIP") {
        if cx.session.replies != ReplyMode::Off {
            cx.session.replies = ReplyMode::SkipNext;
        }
    } else {
        return Err(CommandError::SYNTAX);
    }
    Ok(())
}

/// A pause that still lasts is only ever made longer and stricter.
pub(super) fn pause(cx: &mut Context) -> Result<(), CommandError> {
    let all = match cx.args.try_get(3) {
        None => true,
        Some(_) if cx.args.len() > 4 => return Err(wrong_words(cx)),
        Some(mode) if mode.eq_ignore_ascii_case(b"WRITE") => false,
        Some(mode) if mode.eq_ignore_ascii_case(b"ALL") => true,
        Some(_) => return Err(CommandError::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout_ms = number::parse_i64(cx.arg(2))
        .ok_or(CommandError::fixed("ERR timeout is not an integer or out of range"))
        .and_then(|timeout| u64::try_from(timeout).map_err(|_| CommandError::fixed("ERR timeout is negative")))?;
    let (now_ms, signals) = (cx.env.now_ms(), cx.env.signals);
    let present_ms = signals.pause_until_ms.load(Ordering::Relaxed);
    let until_ms = now_ms.saturating_add(timeout_ms);
    if present_ms > now_ms {
        signals.pause_all.fetch_or(all, Ordering::Relaxed);
    } else {
        signals.pause_all.store(all, Ordering::Relaxed);
    }
    signals.pause_until_ms.store(until_ms.max(present_ms), Ordering::Relaxed);
    cx.effects.pause_changed = true;
    cx.reply.ok();
    Ok(())
}

pub(super) fn unpause(cx: &mut Context) -> Result<(), CommandError> {
    cx.env.signals.pause_until_ms.store(0, Ordering::Relaxed);
    cx.effects.pause_changed = true;
    cx.reply.ok();
    Ok(())
}

pub(super) fn no_evict(cx: &mut Context) -> Result<(), CommandError> {
    let on = on_or_off(cx)?;
    cx.session.record.no_evict.store(on, Ordering::Relaxed);
    cx.reply.ok();
    Ok(())
}

pub(super) fn no_touch(cx: &mut Context) -> Result<(), CommandError> {
    cx.session.no_touch = on_or_off(cx)?;
    cx.session.record.no_touch.store(cx.session.no_touch, Ordering::Relaxed);
    cx.reply.ok();
    Ok(())
}

fn on_or_off(cx: &Context) -> Result<bool, CommandError> {
    let word = cx.arg(2);
    match word.eq_ignore_ascii_case(b"ON") {
        false if !word.eq_ignore_ascii_case(b"OFF") => Err(CommandError::SYNTAX),
        on => Ok(on),
    }
}

pub(super) fn unblock(cx: &mut Context) -> Result<(), CommandError> {
    match cx.args.try_get(3) {
        Some(_) if cx.args.len() > 4 => return Err(wrong_words(cx)),
        Some(reason) if !reason.eq_ignore_ascii_case(b"TIMEOUT") && !reason.eq_ignore_ascii_case(b"ERROR") => {
            return Err(CommandError::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
        _ => {}
    }
    let wants_error = cx.args.try_get(3).is_some_and(|reason| reason.eq_ignore_ascii_case(b"ERROR"));
    let how = if wants_error { UNBLOCK_WITH_ERROR } else { UNBLOCK_AS_TIMEOUT };
    let id = cx.integer(2)?;
    let client = u64::try_from(id).ok().and_then(|id| cx.hub().clients.get(&id));
    // The first to ask ends the wait; to others it has ended.
    let ends = client.is_some_and(|client| {
        let record = &client.record;
        record.waits.load(Ordering::Relaxed)
            && record.unblock.compare_exchange(0, how, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    });
    if ends {
        cx.effects.wake.push(id as u64);
    }
    cx.reply.integer(i64::from(ends));
    Ok(())
}

/// There is no CLIENT TRACKING yet, so tracking is off.
pub(super) fn get_redirection(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.integer(-1);
    Ok(())
}

pub(super) fn tracking_info(cx: &mut Context) -> Result<(), CommandError> {
    let reply = &mut cx.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.integer(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}
