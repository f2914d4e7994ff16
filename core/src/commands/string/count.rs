//! Counters: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.

use super::read_text;
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Slot;
use crate::keyspace::entry::{Entry, NewValue, Value};
use crate::number::{Extended, parse_i64};

/// What INCRBYFLOAT answers when the sum is no number.
pub(super) const NOT_FINITE: CommandError = CommandError::fixed("ERR increment would produce NaN or Infinity");

#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn incr(cx: &mut Context) -> Result<(), CommandError> {
    add(cx, 1)
}

pub(super) fn decr(cx: &mut Context) -> Result<(), CommandError> {
    add(cx, -1)
}

#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn incrby(cx: &mut Context) -> Result<(), CommandError> {
    let increment = cx.integer(2)?;
    add(cx, increment)
}

pub(super) fn decrby(cx: &mut Context) -> Result<(), CommandError> {
    let increment = cx.integer(2)?.checked_neg().ok_or(CommandError::fixed("ERR decrement would overflow"))?;
    add(cx, increment)
}

#[cfg_attr(hot_paths, optimize(speed))]
fn add(cx: &mut Context, increment: i64) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    let sum = integer_of(cx.keys.entry(slot))?
        .checked_add(increment)
        .ok_or(CommandError::fixed("ERR increment or decrement would overflow"))?;
    replace(cx, slot, NewValue::Integer(sum));
    cx.reply.integer(sum);
    Ok(())
}

pub(super) fn incrbyfloat(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    let value = number_of(cx.keys.entry(slot))?;
    let increment = Extended::parse(cx.arg(2)).ok_or(CommandError::NOT_A_FLOAT)?;
    let sum = value.add(increment);
    if !sum.is_finite() {
        return Err(NOT_FINITE);
    }
    let mut text = Vec::new();
    sum.write(&mut text);
    replace(cx, slot, NewValue::Bytes(&text));
    cx.reply.bulk(&text);
    Ok(())
}

/// Stores the new value of a counter and keeps its expiry.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn replace(cx: &mut Context, slot: Slot<'_>, value: NewValue<'_>) {
    if slot.exists() {
        cx.keys.update(slot, |entry| entry.set_value(value));
    } else {
        cx.keys.put(slot, value, None);
    }
}

/// The integer under a key, 0 if there is no key.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn integer_of(entry: Option<&Entry>) -> Result<i64, CommandError> {
    if let Some(Value::Integer(integer)) = entry.map(Entry::value) {
        return Ok(integer);
    }
    read_text(entry, |text| text.map_or(Some(0), parse_i64))?.ok_or(CommandError::NOT_AN_INTEGER)
}

/// The number under a key, 0 if there is no key.
pub(super) fn number_of(entry: Option<&Entry>) -> Result<Extended, CommandError> {
    read_text(entry, |text| text.map_or(Some(Extended::from_i64(0)), Extended::parse))?.ok_or(CommandError::NOT_A_FLOAT)
}
