//! Commands on the ends of a list: LPUSH, RPUSH, LPUSHX, RPUSHX, LPOP, RPOP.

use super::count_from;
use crate::context::Context;
use crate::error::CommandError;
use crate::resp::{Arguments, Reply};
use crate::structure::chunked_list::{ChunkLimit, End};
use crate::value::List;

pub(super) fn push(cx: &mut Context, end: End) -> Result<(), CommandError> {
    let (limit, args) = (cx.env.settings.list_limit(), cx.args);
    let slot = cx.keys.write(cx.arg(1));
    let len = cx.keys.edit_or_create(slot, |list| (push_all(list, end, args, limit), true))?;
    cx.reply.integer(len as i64);
    Ok(())
}

pub(super) fn push_if_exists(cx: &mut Context, end: End) -> Result<(), CommandError> {
    let (limit, args) = (cx.env.settings.list_limit(), cx.args);
    let slot = cx.keys.write(cx.arg(1));
    let len = cx.keys.edit(slot, |list| (push_all(list, end, args, limit), true))?;
    cx.reply.integer(len.unwrap_or(0) as i64);
    Ok(())
}

/// Adds the words from the third on, and says how long the list is then.
fn push_all(list: &mut List, end: End, args: Arguments<'_>, limit: ChunkLimit) -> usize {
    const FIRST: usize = 2;
    if args.len() == FIRST + 1 {
        list.push(end, args.get(FIRST), limit);
    } else {
        let bytes = args.iter().skip(FIRST).map(<[u8]>::len).sum();
        list.make_room(bytes, args.len() - FIRST, limit);
        args.iter().skip(FIRST).for_each(|text| list.push_prepared(end, text));
    }
    list.len()
}

pub(super) fn pop(cx: &mut Context, end: End) -> Result<(), CommandError> {
    let limit = cx.env.settings.list_limit();
    let count = match cx.args.len() {
        2 => None,
        3 => Some(count_from(cx, 2, 0, "ERR value is out of range, must be positive")?),
        _ => return Err(CommandError::arity(cx.command.name)),
    };
    let slot = cx.keys.write(cx.arg(1));
    let reply = &mut cx.reply;
    let found = cx.keys.edit::<List, _>(slot, |list| match count {
        None => {
            list.drain(end, 1, limit, |item| reply.element(item));
            ((), true)
        }
        Some(count) => ((), take_some(list, end, count, limit, reply) > 0),
    })?;
    match (found, count) {
        (Some(()), _) => {}
        (None, None) => cx.reply.null(),
        (None, Some(_)) => cx.reply.null_array(),
    }
    Ok(())
}

/// Takes up to `count` elements as an array and says how many there were.
pub(super) fn take_some(list: &mut List, end: End, count: usize, limit: ChunkLimit, reply: &mut Reply<'_>) -> usize {
    let count = count.min(list.len());
    reply.array(count);
    list.drain(end, count, limit, |item| reply.element(item))
}
