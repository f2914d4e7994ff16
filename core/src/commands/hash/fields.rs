//! What the commands on the expiry of fields have in common: `FIELDS numfields field …` and times.

use crate::commands::string::expiry::Clock;
use crate::context::Context;
use crate::error::CommandError;
use crate::number::parse_i64;
use crate::resp::Arguments;

/// The latest time a field may end, Unix milliseconds: 2⁴⁶ − 1, as in Redis, which packs more beside it.
pub(super) const LATEST_MS: i64 = (1 << 46) - 1;

/// What GET-like commands answer to a bad number of fields.
pub(super) const FIELDS_NOT_POSITIVE: CommandError =
    CommandError::fixed("ERR Number of fields must be a positive integer");

/// The fields that a request names behind `FIELDS numfields`, which stand at word `at`.
pub(super) fn fields<'c>(
    cx: &Context<'c, '_>,
    at: usize,
    not_positive: CommandError,
) -> Result<Arguments<'c>, CommandError> {
    const MISSING: CommandError =
        CommandError::fixed("ERR Mandatory argument FIELDS is missing or not at the right position");
    if !cx.args.try_get(at).is_some_and(|word| word.eq_ignore_ascii_case(b"FIELDS")) {
        return Err(MISSING);
    }
    let number = cx.args.try_get(at + 1).ok_or_else(|| CommandError::arity(cx.command.name))?;
    let number = parse_i64(number).filter(|number| *number > 0).ok_or(not_positive)?;
    let fields = cx.args.tail(at + 2);
    if usize::try_from(number) != Ok(fields.len()) {
        return Err(CommandError::fixed("ERR The `numfields` parameter must match the number of arguments"));
    }
    Ok(fields)
}

/// Reads a time as a deadline in Unix milliseconds, which may lie in the past.
pub(super) fn deadline_ms(cx: &Context<'_, '_>, clock: Clock, time: &[u8]) -> Result<u64, CommandError> {
    let time = parse_i64(time).ok_or(CommandError::NOT_AN_INTEGER)?;
    let time = u64::try_from(time).map_err(|_| CommandError::fixed("ERR invalid expire time, must be >= 0"))?;
    let (unit_ms, base_ms) = match clock {
        Clock::Seconds => (1000, cx.env.now_ms()),
        Clock::Millis => (1, cx.env.now_ms()),
        Clock::UnixSeconds => (1000, 0),
        Clock::UnixMillis => (1, 0),
    };
    let deadline_ms = time.checked_mul(unit_ms).and_then(|after_ms| after_ms.checked_add(base_ms));
    deadline_ms
        .filter(|deadline_ms| *deadline_ms <= LATEST_MS as u64)
        .ok_or_else(|| CommandError::invalid_expire(cx.command.name))
}
