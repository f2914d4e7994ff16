//! Commands that change the inside of a list: LINSERT, LREM, LSET, LTRIM.

use super::{place_of, span_of};
use crate::context::Context;
use crate::error::CommandError;
use crate::structure::chunked_list::End;
use crate::structure::listpack::Needle;
use crate::value::List;

pub(super) fn linsert(cx: &mut Context) -> Result<(), CommandError> {
    let limit = cx.env.settings.list_limit();
    let side = cx.arg(2);
    let behind = match (side.eq_ignore_ascii_case(b"BEFORE"), side.eq_ignore_ascii_case(b"AFTER")) {
        (true, _) => 0,
        (_, true) => 1,
        _ => return Err(CommandError::SYNTAX),
    };
    let (pivot, text) = (Needle::new(cx.arg(3)), cx.arg(4));
    let slot = cx.keys.write(cx.arg(1));
    let len = cx.keys.edit::<List, _>(slot, |list| match list.iter().position(|item| pivot.matches(item)) {
        Some(place) => {
            list.insert(place + behind, text, limit);
            (list.len() as i64, true)
        }
        None => (-1, false),
    })?;
    cx.reply.integer(len.unwrap_or(0));
    Ok(())
}

pub(super) fn lrem(cx: &mut Context) -> Result<(), CommandError> {
    let limit = cx.env.settings.list_limit();
    let wanted = cx.integer(2)?;
    let end = if wanted < 0 { End::Back } else { End::Front };
    let most = if wanted == 0 { usize::MAX } else { usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX) };
    let text = cx.arg(3);
    let slot = cx.keys.write(cx.arg(1));
    let removed = cx.keys.edit::<List, _>(slot, |list| {
        let removed = list.remove_matching(end, text, most, limit);
        (removed, removed > 0)
    })?;
    cx.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}

pub(super) fn lset(cx: &mut Context) -> Result<(), CommandError> {
    let limit = cx.env.settings.list_limit();
    let slot = cx.keys.write(cx.arg(1));
    let Some(list) = cx.keys.get::<List>(slot)? else { return Err(CommandError::NO_SUCH_KEY) };
    let place = place_of(cx.integer(2)?, list.len());
    let place = place.ok_or(CommandError::fixed("ERR index out of range"))?;
    let text = cx.arg(3);
    cx.keys.edit::<List, _>(slot, |list| (list.set(place, text, limit), true))?;
    cx.reply.ok();
    Ok(())
}

pub(super) fn ltrim(cx: &mut Context) -> Result<(), CommandError> {
    let limit = cx.env.settings.list_limit();
    let (start, stop) = (cx.integer(2)?, cx.integer(3)?);
    let slot = cx.keys.write(cx.arg(1));
    cx.keys.edit::<List, _>(slot, |list| {
        let (first, count) = span_of(start, stop, list.len());
        list.remove_range(first + count, usize::MAX, limit);
        list.remove_range(0, first, limit);
        ((), true)
    })?;
    cx.reply.ok();
    Ok(())
}
