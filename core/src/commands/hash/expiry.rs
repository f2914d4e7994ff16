//! When fields end: HEXPIRE, HTTL, HPERSIST and their kin. Each answers one code for each field.

use super::fields::{FIELDS_NOT_POSITIVE, deadline_ms, fields};
use crate::commands::string::expiry::Clock;
use crate::context::Context;
use crate::error::CommandError;
use crate::value::Hash;

/// There is no such field.
const NO_FIELD: i64 = -2;
/// The field has no expiry.
const NO_EXPIRY: i64 = -1;
/// The condition does not hold.
const REFUSED: i64 = 0;
/// The expiry was set, or taken off.
const DONE: i64 = 1;
/// The time is over: the field was removed.
const REMOVED: i64 = 2;

/// What the expiry of a field must be for a new one to be set.
#[derive(Clone, Copy, PartialEq)]
enum Condition {
    /// Anything.
    Always,
    /// None.
    Nx,
    /// There is one.
    Xx,
    /// An earlier one; none counts as later than any.
    Gt,
    /// A later one, or none.
    Lt,
}

impl Condition {
    fn named(word: &[u8]) -> Option<Self> {
        let conditions = [(b"NX", Self::Nx), (b"XX", Self::Xx), (b"GT", Self::Gt), (b"LT", Self::Lt)];
        let known = conditions.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(*name));
        known.map(|(_, condition)| condition)
    }

    fn allows(self, wanted_ms: u64, current_ms: Option<u64>) -> bool {
        match self {
            Self::Always => true,
            Self::Nx => current_ms.is_none(),
            Self::Xx => current_ms.is_some(),
            Self::Gt => current_ms.is_some_and(|current_ms| wanted_ms > current_ms),
            Self::Lt => current_ms.is_none_or(|current_ms| wanted_ms < current_ms),
        }
    }
}

pub(super) fn hexpire(cx: &mut Context) -> Result<(), CommandError> {
    set_expiry(cx, Clock::Seconds)
}

pub(super) fn hpexpire(cx: &mut Context) -> Result<(), CommandError> {
    set_expiry(cx, Clock::Millis)
}

pub(super) fn hexpireat(cx: &mut Context) -> Result<(), CommandError> {
    set_expiry(cx, Clock::UnixSeconds)
}

pub(super) fn hpexpireat(cx: &mut Context) -> Result<(), CommandError> {
    set_expiry(cx, Clock::UnixMillis)
}

fn set_expiry(cx: &mut Context, clock: Clock) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    cx.keys.get::<Hash>(slot)?;
    let deadline_ms = deadline_ms(cx, clock, cx.arg(2))?;
    let condition = Condition::named(cx.arg(3));
    let fields_at = if condition.is_some() { 4 } else { 3 };
    let not_positive = CommandError::fixed("ERR Parameter `numFields` should be greater than 0");
    let fields = fields(cx, fields_at, not_positive)?;
    let condition = condition.unwrap_or(Condition::Always);
    let (now_ms, hasher) = (cx.env.now_ms(), cx.env.layout.hasher());
    cx.reply.array(fields.len());
    let done = cx.keys.edit::<Hash, _>(slot, |hash| {
        let mut has_changed = false;
        for field in fields.iter() {
            let code = match hash.deadline_ms(field, hasher) {
                None => NO_FIELD,
                Some(current_ms) if !condition.allows(deadline_ms, current_ms) => REFUSED,
                Some(_) if deadline_ms <= now_ms => {
                    hash.remove(field, hasher);
                    REMOVED
                }
                Some(_) => {
                    hash.set_deadline(field, Some(deadline_ms), hasher);
                    DONE
                }
            };
            has_changed |= code > 0;
            cx.reply.integer(code);
        }
        ((), has_changed)
    })?;
    if done.is_none() {
        fields.iter().for_each(|_| cx.reply.integer(NO_FIELD));
    }
    Ok(())
}

pub(super) fn hpersist(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    cx.keys.get::<Hash>(slot)?;
    let fields = fields(cx, 2, FIELDS_NOT_POSITIVE)?;
    let hasher = cx.env.layout.hasher();
    cx.reply.array(fields.len());
    let done = cx.keys.edit::<Hash, _>(slot, |hash| {
        let mut has_changed = false;
        for field in fields.iter() {
            let code = match hash.deadline_ms(field, hasher) {
                None => NO_FIELD,
                Some(None) => NO_EXPIRY,
                Some(Some(_)) => {
                    hash.set_deadline(field, None, hasher);
                    DONE
                }
            };
            has_changed |= code == DONE;
            cx.reply.integer(code);
        }
        ((), has_changed)
    })?;
    if done.is_none() {
        fields.iter().for_each(|_| cx.reply.integer(NO_FIELD));
    }
    Ok(())
}

pub(super) fn httl(cx: &mut Context) -> Result<(), CommandError> {
    answer_deadlines(cx, Clock::Seconds)
}

pub(super) fn hpttl(cx: &mut Context) -> Result<(), CommandError> {
    answer_deadlines(cx, Clock::Millis)
}

pub(super) fn hexpiretime(cx: &mut Context) -> Result<(), CommandError> {
    answer_deadlines(cx, Clock::UnixSeconds)
}

pub(super) fn hpexpiretime(cx: &mut Context) -> Result<(), CommandError> {
    answer_deadlines(cx, Clock::UnixMillis)
}

/// Answers when fields end; parts of seconds count as whole ones.
fn answer_deadlines(cx: &mut Context, clock: Clock) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let hash = cx.keys.get::<Hash>(slot)?;
    let fields = fields(cx, 2, FIELDS_NOT_POSITIVE)?;
    let (now_ms, hasher) = (cx.env.now_ms(), cx.env.layout.hasher());
    cx.reply.array(fields.len());
    for field in fields.iter() {
        cx.reply.integer(match hash.and_then(|hash| hash.deadline_ms(field, hasher)) {
            None => NO_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(deadline_ms)) => {
                let left_ms = deadline_ms.saturating_sub(now_ms);
                let time = match clock {
                    Clock::Seconds => left_ms.div_ceil(1000),
                    Clock::Millis => left_ms,
                    Clock::UnixSeconds => deadline_ms.div_ceil(1000),
                    Clock::UnixMillis => deadline_ms,
                };
                i64::try_from(time).unwrap_or(i64::MAX)
            }
        });
    }
    Ok(())
}
