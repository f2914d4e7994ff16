//! Commands that take elements from the first of several lists that has some: LMPOP, BLMPOP, BLPOP, BRPOP.

use std::ops::Range;

use super::ends::take_some;
use super::{count_from, end_named};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::waiting::Wait;
use crate::structure::chunked_list::End;
use crate::value::List;

pub(super) fn lmpop(cx: &mut Context) -> Result<(), CommandError> {
    let request = ManyPop::parse(cx, 1)?;
    if !request.run(cx)? {
        cx.reply.null_array();
    }
    Ok(())
}

pub(super) fn blmpop(cx: &mut Context) -> Result<(), CommandError> {
    let request = ManyPop::parse(cx, 2)?;
    let deadline_ms = cx.timeout_seconds(1)?;
    if !request.run(cx)? {
        wait_or_null(cx, request.keys, deadline_ms);
    }
    Ok(())
}

pub(super) fn blocking_pop(cx: &mut Context, end: End) -> Result<(), CommandError> {
    let limit = cx.env.settings.list_limit();
    let last = cx.args.len() - 1;
    let deadline_ms = cx.timeout_seconds(last)?;
    for at in 1..last {
        let key = cx.arg(at);
        let slot = cx.keys.write(key);
        let reply = &mut cx.reply;
        let found = cx.keys.edit::<List, _>(slot, |list| {
            reply.array(2);
            reply.bulk(key);
            list.drain(end, 1, limit, |item| reply.element(item));
            ((), true)
        })?;
        if found.is_some() {
            return Ok(());
        }
    }
    wait_or_null(cx, 1..last, deadline_ms);
    Ok(())
}

/// Waits for any of the keys that stand at these words.
fn wait_or_null(cx: &mut Context, words: Range<usize>, deadline_ms: Option<u64>) {
    let keys = words.map(|at| cx.arg(at).into()).collect();
    if !cx.wait_for(Wait { keys, deadline_ms, wants_missing: false, ..Wait::default() }) {
        cx.reply.null_array();
    }
}

/// What LMPOP and BLMPOP take.
struct ManyPop {
    /// Words of the keys.
    keys: Range<usize>,
    end: End,
    count: usize,
}

impl ManyPop {
    /// Reads `numkeys key [key ...] <LEFT|RIGHT> [COUNT count]` from a word on.
    fn parse(cx: &Context, at: usize) -> Result<Self, CommandError> {
        let numkeys = count_from(cx, at, 1, "ERR numkeys should be greater than 0")?;
        let side = (at + 1).checked_add(numkeys).ok_or(CommandError::SYNTAX)?;
        let end = end_named(cx, side)?;
        let count = match cx.args.len() - side {
            1 => 1,
            words if words > 2 && cx.arg(side + 1).eq_ignore_ascii_case(b"COUNT") => {
                let count = count_from(cx, side + 2, 1, "ERR count should be greater than 0")?;
                // The count is read first: what is wrong with it is what the client hears of.
                if words > 3 {
                    return Err(CommandError::SYNTAX);
                }
                count
            }
            _ => return Err(CommandError::SYNTAX),
        };
        Ok(Self { keys: at + 1..side, end, count })
    }

    /// Takes and answers; false, without an answer, if no list has any.
    fn run(&self, cx: &mut Context) -> Result<bool, CommandError> {
        let limit = cx.env.settings.list_limit();
        for at in self.keys.clone() {
            let key = cx.arg(at);
            let slot = cx.keys.write(key);
            let reply = &mut cx.reply;
            let found = cx.keys.edit::<List, _>(slot, |list| {
                reply.array(2);
                reply.bulk(key);
                (take_some(list, self.end, self.count, limit, reply), true)
            })?;
            if found.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
