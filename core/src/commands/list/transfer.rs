//! Commands that move an element from one list to another: LMOVE, RPOPLPUSH and their waiting forms.

use super::end_named;
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::waiting::Wait;
use crate::structure::chunked_list::End;
use crate::value::List;

pub(super) fn lmove(cx: &mut Context) -> Result<(), CommandError> {
    let (from, to) = (end_named(cx, 3)?, end_named(cx, 4)?);
    transfer_or_null(cx, from, to)
}

pub(super) fn rpoplpush(cx: &mut Context) -> Result<(), CommandError> {
    transfer_or_null(cx, End::Back, End::Front)
}

pub(super) fn blmove(cx: &mut Context) -> Result<(), CommandError> {
    let (from, to) = (end_named(cx, 3)?, end_named(cx, 4)?);
    transfer_or_wait(cx, from, to, 5)
}

pub(super) fn brpoplpush(cx: &mut Context) -> Result<(), CommandError> {
    transfer_or_wait(cx, End::Back, End::Front, 3)
}

fn transfer_or_null(cx: &mut Context, from: End, to: End) -> Result<(), CommandError> {
    if !transfer(cx, from, to)? {
        cx.reply.null();
    }
    Ok(())
}

fn transfer_or_wait(cx: &mut Context, from: End, to: End, timeout: usize) -> Result<(), CommandError> {
    let deadline_ms = cx.timeout_seconds(timeout)?;
    if !transfer(cx, from, to)? {
        let keys = vec![cx.arg(1).into()];
        if !cx.wait_for(Wait { keys, deadline_ms, wants_missing: false, ..Wait::default() }) {
            cx.reply.null();
        }
    }
    Ok(())
}

/// Moves an element from the list of the first key to that of the second and answers with it. False, without an
/// answer, if there is none.
fn transfer(cx: &mut Context, from: End, to: End) -> Result<bool, CommandError> {
    let limit = cx.env.settings.list_limit();
    let (source_key, target_key) = (cx.arg(1), cx.arg(2));
    let source = cx.keys.write(source_key);
    let Some(list) = cx.keys.get::<List>(source)? else { return Ok(false) };
    let item = list.at_end(from).expect("empty lists are removed");
    if source_key == target_key {
        let text = item.to_vec();
        cx.keys.edit::<List, _>(source, |list| {
            list.drain(from, 1, limit, |_| {});
            list.push(to, &text, limit);
            ((), true)
        })?;
        cx.reply.bulk(&text);
        return Ok(true);
    }
    let text = item.to_vec();
    let target = cx.keys.write(target_key);
    cx.keys.edit_or_create::<List, _>(target, |list| {
        list.push(to, &text, limit);
        ((), true)
    })?;
    // A target that came into being may have displaced the source.
    let source = if target.exists() { source } else { cx.keys.locate(source_key) };
    cx.keys.edit::<List, _>(source, |list| {
        list.drain(from, 1, limit, |_| {});
        ((), true)
    })?;
    cx.reply.bulk(&text);
    Ok(true)
}
