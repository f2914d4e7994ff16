//! XLEN, XRANGE, XREVRANGE.

use super::{count, end, start, write_entries};
use crate::context::Context;
use crate::error::CommandError;
use crate::structure::stream::Stream;

pub(super) fn xlen(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let len = cx.keys.get::<Stream>(slot)?.map_or(0, |stream| stream.log().len());
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
        if !cx.arg(option).eq_ignore_ascii_case(b"COUNT") || option + 1 == cx.args.len() {
            return Err(CommandError::SYNTAX);
        }
        limit = count(cx, option + 1, 0)?;
    }
    let slot = cx.keys.read(cx.arg(1));
    let Some(stream) = cx.keys.get::<Stream>(slot)? else {
        cx.reply.array(0);
        return Ok(());
    };
    match (limit, is_reverse) {
        (0, _) => cx.reply.null_array(),
        (_, false) => write_entries(&mut cx.reply, stream.log().range(start, end).take(limit)),
        (_, true) => write_entries(&mut cx.reply, stream.log().range_back(start, end).take(limit)),
    }
    Ok(())
}
