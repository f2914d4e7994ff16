//! Commands on parts of strings: APPEND, SETRANGE, GETRANGE, SUBSTR, STRLEN.

use std::ops::Range;

use super::{grow, read_text};
use crate::context::Context;
use crate::error::CommandError;

pub(super) fn append(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    let addition = cx.arg(2);
    if !slot.exists() {
        cx.keys.set_string(slot, addition, None);
        cx.reply.integer(addition.len() as i64);
        return Ok(());
    }
    let len = length(cx, slot)?;
    require_room(cx, len as u64, addition)?;
    let len = cx.keys.edit_string(slot, |bytes| {
        grow(bytes, len + addition.len());
        bytes[len..].copy_from_slice(addition);
        bytes.len()
    })?;
    cx.reply.integer(len as i64);
    Ok(())
}

pub(super) fn setrange(cx: &mut Context) -> Result<(), CommandError> {
    let offset = u64::try_from(cx.integer(2)?).map_err(|_| CommandError::fixed("ERR offset is out of range"))?;
    let patch = cx.arg(3);
    let slot = cx.keys.write(cx.arg(1));
    let len = length(cx, slot)?;
    if patch.is_empty() {
        cx.reply.integer(len as i64);
        return Ok(());
    }
    require_room(cx, offset, patch)?;
    let start = usize::try_from(offset).map_err(|_| CommandError::STRING_TOO_LONG)?;
    let end = start.checked_add(patch.len()).ok_or(CommandError::STRING_TOO_LONG)?;
    cx.require_memory(start.saturating_sub(len))?;
    let len = cx.keys.edit_string(slot, |bytes| {
        grow(bytes, end);
        bytes[start..end].copy_from_slice(patch);
        bytes.len()
    })?;
    cx.reply.integer(len as i64);
    Ok(())
}

/// Refuses a write of `bytes` at `offset` that makes a string longer than clients may.
fn require_room(cx: &Context, offset: u64, bytes: &[u8]) -> Result<(), CommandError> {
    match offset.checked_add(bytes.len() as u64) {
        Some(end) if end <= cx.max_string_bytes() => Ok(()),
        _ => Err(CommandError::STRING_TOO_LONG),
    }
}

fn length(cx: &Context, slot: crate::keyspace::Slot<'_>) -> Result<usize, CommandError> {
    read_text(cx.keys.entry(slot), |text| text.map_or(0, <[u8]>::len))
}

pub(super) fn strlen(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let len = length(cx, slot)?;
    cx.reply.integer(len as i64);
    Ok(())
}

pub(super) fn getrange(cx: &mut Context) -> Result<(), CommandError> {
    let (start, end) = (cx.integer(2)?, cx.integer(3)?);
    let slot = cx.keys.read(cx.arg(1));
    let reply = &mut cx.reply;
    read_text(cx.keys.entry(slot), |text| {
        let text = text.unwrap_or_default();
        reply.bulk(&text[byte_range(start, end, text.len())]);
    })
}

/// Resolves a range with both ends included, where negative ends count from the end, to one within `len` bytes.
fn byte_range(start: i64, end: i64, len: usize) -> Range<usize> {
    // Both before the start in the wrong order would otherwise meet at the first byte.
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let from_start = |index: i64| match usize::try_from(index) {
        Ok(index) => index,
        Err(_) if index > 0 => usize::MAX,
        Err(_) => len.saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let start = from_start(start);
    let end = from_start(end).saturating_add(1).min(len);
    if start < end { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_agree_with_one_index_at_a_time(start in -12i64..12, end in -12i64..12, len in 0usize..9) {
            let place = |index: i64| if index < 0 { (index + len as i64).max(0) } else { index };
            let wrong_order = start < 0 && end < 0 && start > end;
            let wanted = |index: &i64| !wrong_order && (place(start)..=place(end)).contains(index);
            let expected: Vec<usize> = (0..len as i64).filter(wanted).map(|index| index as usize).collect();
            prop_assert_eq!(byte_range(start, end, len).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn extreme_ranges() {
        assert_eq!(byte_range(i64::MIN, i64::MAX, 3), 0..3);
        assert_eq!(byte_range(i64::MIN, i64::MIN, 3), 0..1);
        assert_eq!(byte_range(i64::MAX, i64::MAX, 3), 0..0);
        assert_eq!(byte_range(0, -1, 0), 0..0);
    }
}
