//! XLEN, XRANGE, XREVRANGE.

use super::{count, end, is, start, stream, write_entries};
use crate::context::Context;
use crate::error::CommandError;

pub(super) fn xlen(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let len = stream(cx.keys, slot)?.map_or(0, |stream| stream.log().len());
    cx.reply.integer(len as i64);
    Ok(())
}

pub(super) fn xrange(cx: &mut Context) -> Result<(), CommandError> {
    range(cx, 2, 3, false)
}

pub(super) fn xrevrange(cx: &mut Context) -> Result<(), CommandError> {
    range(cx, 3, 2, true)
}

fn range(cx: &mut Context, start_at: usize, end_at: usize, is_reverse: bool) -> Result<(), CommandError> {
    let start = start(cx.arg(start_at))?;
    let end = end(cx.arg(end_at))?;
    let mut limit = usize::MAX;
    for option in (4..cx.args.len()).step_by(2) {
        if !is(cx.arg(option), "COUNT") || option + 1 == cx.args.len() {
            return Err(CommandError::SYNTAX);
        }
        limit = count(cx, option + 1, 0)?;
    }
    let slot = cx.keys.read(cx.arg(1));
    match stream(cx.keys, slot)?.map(|stream| stream.log()) {
        None => cx.reply.array(0),
        Some(_) if limit == 0 => cx.reply.null_array(),
        Some(log) => {
            write_entries(&mut cx.reply, log.entries(start, end, is_reverse), limit);
        }
    }
    Ok(())
}
