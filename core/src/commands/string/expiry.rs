//! The options that say when a key expires: EX, PX, EXAT, PXAT, KEEPTTL, PERSIST.

use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::{Keyspace, Slot};
use crate::number;

/// When a key shall expire, as the options of a request say it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Expiry<'a> {
    /// No option said anything.
    #[default]
    Unsaid,
    /// As before: KEEPTTL.
    Keep,
    /// Never: PERSIST.
    Persist,
    /// At a time that is still text: Redis reads it only when it is needed.
    At(Clock, &'a [u8]),
}

/// How a time is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// EX.
    Seconds,
    /// PX.
    Millis,
    /// EXAT.
    UnixSeconds,
    /// PXAT.
    UnixMillis,
}

impl Clock {
    /// The option of this name.
    pub(crate) fn named(word: &[u8]) -> Option<Self> {
        match word.len() {
            2 if word.eq_ignore_ascii_case(b"EX") => Some(Self::Seconds),
            2 if word.eq_ignore_ascii_case(b"PX") => Some(Self::Millis),
            4 if word.eq_ignore_ascii_case(b"EXAT") => Some(Self::UnixSeconds),
            4 if word.eq_ignore_ascii_case(b"PXAT") => Some(Self::UnixMillis),
            _ => None,
        }
    }
}

impl<'a> Expiry<'a> {
    /// Takes EX, PX, EXAT or PXAT with the word behind it and answers whether `word` was one of them.
    ///
    /// # Errors
    /// A syntax error when the time is missing, or another kind of expiry was asked for before.
    pub(crate) fn take_time(&mut self, word: &[u8], next: Option<&'a [u8]>) -> Result<bool, CommandError> {
        let Some(clock) = Clock::named(word) else { return Ok(false) };
        let time = next.ok_or(CommandError::SYNTAX)?;
        match *self {
            Self::Unsaid => {}
            Self::At(before, _) if before == clock => {}
            _ => return Err(CommandError::SYNTAX),
        }
        *self = Self::At(clock, time);
        Ok(true)
    }

    /// Takes KEEPTTL.
    pub(crate) fn take_keep(&mut self) -> Result<(), CommandError> {
        match *self {
            Self::Unsaid | Self::Keep => *self = Self::Keep,
            _ => return Err(CommandError::SYNTAX),
        }
        Ok(())
    }

    /// Takes PERSIST.
    pub(crate) fn take_persist(&mut self) -> Result<(), CommandError> {
        match *self {
            Self::Unsaid | Self::Persist => *self = Self::Persist,
            _ => return Err(CommandError::SYNTAX),
        }
        Ok(())
    }

    /// The time as Unix milliseconds; `None` for all but EX, PX, EXAT and PXAT. It may lie in the past.
    pub(crate) fn deadline_ms(self, cx: &Context) -> Result<Option<u64>, CommandError> {
        match self {
            Self::At(clock, time) => deadline_ms(cx, clock, time).map(Some),
            Self::Unsaid | Self::Keep | Self::Persist => Ok(None),
        }
    }

    /// Gives an existing key the expiry asked for, whose time was read as `deadline_ms`; one in the past removes it.
    pub(crate) fn apply(self, keys: &mut Keyspace<'_>, slot: Slot<'_>, deadline_ms: Option<u64>) {
        let had_deadline = keys.entry(slot).is_some_and(|entry| entry.deadline_ms().is_some());
        match (self, deadline_ms) {
            (_, Some(deadline)) if deadline <= keys.now_ms() => {
                keys.discard(slot);
            }
            (_, Some(_)) => keys.set_deadline(slot, deadline_ms),
            (Self::Persist, None) if had_deadline => keys.set_deadline(slot, None),
            (_, None) => {}
        }
    }
}

/// Reads a time as a deadline in Unix milliseconds.
///
/// # Errors
/// Not an integer; not positive, or beyond 63 bits of milliseconds.
pub(crate) fn deadline_ms(cx: &Context, clock: Clock, time: &[u8]) -> Result<u64, CommandError> {
    let time = number::parse_i64(time).ok_or(CommandError::NOT_AN_INTEGER)?;
    let now_ms = i64::try_from(cx.env.now_ms()).expect("63 bits of milliseconds outlast the sun");
    let in_seconds = time.checked_mul(1000);
    let deadline = match clock {
        _ if time <= 0 => None,
        Clock::Seconds => in_seconds.and_then(|after| after.checked_add(now_ms)),
        Clock::Millis => time.checked_add(now_ms),
        Clock::UnixSeconds => in_seconds,
        Clock::UnixMillis => Some(time),
    };
    deadline
        .and_then(|deadline| u64::try_from(deadline).ok())
        .ok_or_else(|| CommandError::invalid_expire(cx.command.name))
}
