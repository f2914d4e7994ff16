//! XPENDING.

use super::{count, end, is, no_key_or_group, start, stream, write_id};
use crate::context::Context;
use crate::error::CommandError;
use crate::resp::Reply;
use crate::structure::stream::{Consumer, Group, StreamId};

/// Which pending entries to show.
struct Filter<'c> {
    min_idle_ms: u64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'c [u8]>,
}

pub(super) fn xpending(cx: &mut Context) -> Result<(), CommandError> {
    let filter = filter(cx)?;
    let (key, name, now_ms) = (cx.arg(1), cx.arg(2), cx.keys.now_ms());
    let slot = cx.keys.read(key);
    let group = stream(cx.keys, slot)?.and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| no_key_or_group(key, name, ""))?;
    match filter {
        None => write_summary(&mut cx.reply, group),
        Some(filter) => write_filtered(&mut cx.reply, group, &filter, now_ms),
    }
    Ok(())
}

/// `[[IDLE min-idle-time] start end count [consumer]]`.
fn filter<'c>(cx: &Context<'c, '_>) -> Result<Option<Filter<'c>>, CommandError> {
    let words = cx.args.len();
    let has_idle = match words {
        3 => return Ok(None),
        6..=9 => is(cx.arg(3), "IDLE"),
        _ => return Err(CommandError::SYNTAX),
    };
    let min_idle_ms = if has_idle { u64::try_from(cx.integer(4)?).unwrap_or(0) } else { 0 };
    let at = if has_idle { 5 } else { 3 };
    if words < at + 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = count(cx, at + 2, 0)?;
    let (start, end) = (start(cx.arg(at))?, end(cx.arg(at + 1))?);
    Ok(Some(Filter { min_idle_ms, start, end, count, consumer: cx.args.try_get(at + 3) }))
}

fn write_summary(reply: &mut Reply, group: &Group) {
    reply.array(4);
    reply.integer(group.pending_len() as i64);
    let Some((first, last)) = group.pending_ends() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    write_id(reply, first);
    write_id(reply, last);
    let array = reply.deferred_array();
    let mut len = 0;
    for consumer in group.consumers().filter(|consumer| consumer.pending_len() > 0) {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_integer(consumer.pending_len() as i64);
        len += 1;
    }
    reply.close(array, len);
}

fn write_filtered(reply: &mut Reply, group: &Group, filter: &Filter, now_ms: u64) {
    let owner = filter.consumer.map(|name| group.find_consumer(name).and_then(|id| group.consumer(id)));
    let range = match owner {
        None => group.pending_range(filter.start, filter.end),
        Some(Some(consumer)) => consumer.pending_range(filter.start, filter.end),
        Some(None) => return reply.array(0),
    };
    let array = reply.deferred_array();
    let mut len = 0;
    for (id, pending) in range {
        let idle_ms = now_ms.saturating_sub(pending.delivered_ms);
        if len == filter.count {
            break;
        }
        if idle_ms < filter.min_idle_ms {
            continue;
        }
        reply.array(4);
        write_id(reply, id);
        reply.bulk(group.consumer(pending.consumer).map_or(b"", Consumer::name));
        reply.integer(idle_ms as i64);
        reply.integer(pending.deliveries as i64);
        len += 1;
    }
    reply.close(array, len);
}
