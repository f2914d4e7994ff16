//! Counters in hashes: HINCRBY, HINCRBYFLOAT. A field keeps its expiry.

use crate::context::Context;
use crate::error::CommandError;
use crate::number::{Extended, parse_i64};
use crate::structure::listpack::Item;
use crate::value::{FieldExpiry, Hash};

pub(super) fn hincrby(cx: &mut Context) -> Result<(), CommandError> {
    let increment = cx.integer(3)?;
    let field = cx.arg(2);
    let (limits, hasher) = (cx.env.settings.hash_limits(), cx.env.layout.hasher());
    let slot = cx.keys.write(cx.arg(1));
    let sum = cx.keys.edit_or_create::<Hash, _>(slot, |hash| {
        let sum = integer_of(hash.get(field, hasher)).and_then(|value| {
            value.checked_add(increment).ok_or(CommandError::fixed("ERR increment or decrement would overflow"))
        });
        if let Ok(sum) = sum {
            hash.store(field, Item::Integer(sum), FieldExpiry::Keep, limits, hasher);
        }
        let is_stored = sum.is_ok();
        (sum, is_stored)
    })?;
    cx.reply.integer(sum?);
    Ok(())
}

pub(super) fn hincrbyfloat(cx: &mut Context) -> Result<(), CommandError> {
    let increment = Extended::parse(cx.arg(3)).ok_or(CommandError::NOT_A_FLOAT)?;
    if !increment.is_finite() {
        return Err(CommandError::fixed("ERR value is NaN or Infinity"));
    }
    let field = cx.arg(2);
    let (limits, hasher) = (cx.env.settings.hash_limits(), cx.env.layout.hasher());
    let slot = cx.keys.write(cx.arg(1));
    let mut text = Vec::new();
    let done = cx.keys.edit_or_create::<Hash, _>(slot, |hash| {
        let sum = number_of(hash.get(field, hasher)).map(|value| value.add(increment));
        match sum.and_then(|sum| {
            if sum.is_finite() {
                Ok(sum)
            } else {
                Err(CommandError::fixed("ERR increment would produce NaN or Infinity"))
            }
        }) {
            Err(error) => (Err(error), false),
            Ok(sum) => {
                sum.write(&mut text);
                hash.store(field, Item::from(&text[..]), FieldExpiry::Keep, limits, hasher);
                (Ok(()), true)
            }
        }
    })?;
    done?;
    cx.reply.bulk(&text);
    Ok(())
}

/// The integer that a field holds, 0 if there is none.
fn integer_of(value: Option<Item<'_>>) -> Result<i64, CommandError> {
    match value {
        None => Ok(0),
        Some(Item::Integer(integer)) => Ok(integer),
        Some(Item::Text(text)) => parse_i64(text).ok_or(CommandError::fixed("ERR hash value is not an integer")),
    }
}

/// The number that a field holds, 0 if there is none.
fn number_of(value: Option<Item<'_>>) -> Result<Extended, CommandError> {
    match value {
        None => Ok(Extended::from_i64(0)),
        Some(Item::Integer(integer)) => Ok(Extended::from_i64(integer)),
        Some(Item::Text(text)) => Extended::parse(text).ok_or(CommandError::fixed("ERR hash value is not a float")),
    }
}
