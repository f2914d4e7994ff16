//! XINFO.

use super::{no_group, write_entries, write_entry, write_id};
use crate::context::Context;
use crate::error::CommandError;
use crate::resp::Reply;
use crate::structure::stream::{Consumer, Group, Log, Stream, StreamId};

/// How many entries of each kind FULL shows without COUNT.
const FULL_COUNT: usize = 10;

pub(super) fn stream(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(2));
    let stream = cx.keys.get::<Stream>(slot)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let full = full_count(cx)?;
    let reply = &mut cx.reply;
    reply.map(if full.is_some() { 9 } else { 10 });
    write_log(reply, stream.log());
    match full {
        None => write_ends(reply, stream),
        Some(count) => write_full(reply, stream, count),
    }
    Ok(())
}

pub(super) fn groups(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(2));
    let stream = cx.keys.get::<Stream>(slot)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let reply = &mut cx.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        write_count(reply, "consumers", group.consumers_len() as u64);
        write_count(reply, "pending", group.pending_len() as u64);
        write_progress(reply, stream.log(), group);
    }
    Ok(())
}

pub(super) fn consumers(cx: &mut Context) -> Result<(), CommandError> {
    let (key, name, now_ms) = (cx.arg(2), cx.arg(3), cx.keys.now_ms());
    let slot = cx.keys.read(key);
    let stream = cx.keys.get::<Stream>(slot)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let group = stream.group(name).ok_or_else(|| no_group(key, name))?;
    let reply = &mut cx.reply;
    reply.array(group.consumers_len());
    for consumer in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        write_count(reply, "pending", consumer.pending_len() as u64);
        write_count(reply, "idle", now_ms.saturating_sub(consumer.seen_ms));
        reply.bulk(b"inactive");
        reply.integer(consumer.active_ms.map_or(-1, |active_ms| now_ms.saturating_sub(active_ms) as i64));
    }
    Ok(())
}

/// `[FULL [COUNT count]]`; 0 is without limit.
fn full_count(cx: &Context) -> Result<Option<usize>, CommandError> {
    let is = |index: usize, name: &[u8]| cx.args.try_get(index).is_some_and(|word| word.eq_ignore_ascii_case(name));
    match cx.args.len() {
        3 => Ok(None),
        4 if is(3, b"FULL") => Ok(Some(FULL_COUNT)),
        6 if is(3, b"FULL") && is(4, b"COUNT") => match super::count(cx, 5, FULL_COUNT)? {
            0 => Ok(Some(usize::MAX)),
            count => Ok(Some(count)),
        },
        _ => Err(CommandError::wrong_words("XINFO", cx.arg(1))),
    }
}

fn write_log(reply: &mut Reply, log: &Log) {
    write_count(reply, "length", log.len());
    write_count(reply, "radix-tree-keys", log.nodes_len() as u64);
    write_count(reply, "radix-tree-nodes", log.radix_nodes_len() as u64);
    let ids = [("last-generated-id", log.last_id()), ("max-deleted-entry-id", log.max_deleted_id())];
    for (name, id) in ids {
        reply.bulk(name.as_bytes());
        write_id(reply, id);
    }
    write_count(reply, "entries-added", log.entries_added());
    reply.bulk(b"recorded-first-entry-id");
    write_id(reply, log.first_id());
}

fn write_ends(reply: &mut Reply, stream: &Stream) {
    write_count(reply, "groups", stream.groups().len() as u64);
    let log = stream.log();
    let ends = [
        ("first-entry", log.range(StreamId::MIN, StreamId::MAX).next()),
        ("last-entry", log.range_back(StreamId::MIN, StreamId::MAX).next()),
    ];
    for (name, entry) in ends {
        reply.bulk(name.as_bytes());
        match entry {
            Some(entry) => write_entry(reply, entry),
            None => reply.null(),
        }
    }
}

fn write_full(reply: &mut Reply, stream: &Stream, count: usize) {
    reply.bulk(b"entries");
    write_entries(reply, stream.log().range(StreamId::MIN, StreamId::MAX).take(count));
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(name);
        write_progress(reply, stream.log(), group);
        write_count(reply, "pel-count", group.pending_len() as u64);
        write_pending(reply, group, count);
        reply.bulk(b"consumers");
        reply.array(group.consumers_len());
        group.consumers().for_each(|consumer| write_consumer(reply, group, consumer, count));
    }
}

fn write_pending(reply: &mut Reply, group: &Group, count: usize) {
    reply.bulk(b"pending");
    reply.array(group.pending_len().min(count));
    for (id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX).take(count) {
        reply.array(4);
        write_id(reply, id);
        reply.bulk(group.consumer(pending.consumer).map_or(b"", |consumer| consumer.name()));
        reply.integer(pending.delivered_ms as i64);
        reply.integer(pending.deliveries as i64);
    }
}

fn write_consumer(reply: &mut Reply, group: &Group, consumer: &Consumer, count: usize) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    write_count(reply, "seen-time", consumer.seen_ms);
    reply.bulk(b"active-time");
    reply.integer(consumer.active_ms.map_or(-1, |active_ms| active_ms as i64));
    write_count(reply, "pel-count", consumer.pending_len() as u64);
    reply.bulk(b"pending");
    reply.array(consumer.pending_len().min(count));
    let id = group.find_consumer(consumer.name());
    let pending = id.into_iter().flat_map(|id| group.consumer_pending_range(id, StreamId::MIN, StreamId::MAX));
    for (id, pending) in pending.take(count) {
        reply.array(3);
        write_id(reply, id);
        reply.integer(pending.delivered_ms as i64);
        reply.integer(pending.deliveries as i64);
    }
}

/// How far a group has read.
fn write_progress(reply: &mut Reply, log: &Log, group: &Group) {
    reply.bulk(b"last-delivered-id");
    write_id(reply, group.last_id());
    for (name, value) in [("entries-read", group.entries_read().map(|read| read as i64)), ("lag", group.lag(log))] {
        reply.bulk(name.as_bytes());
        match value {
            Some(value) => reply.integer(value),
            None => reply.null(),
        }
    }
}

fn write_count(reply: &mut Reply, name: &str, value: u64) {
    reply.bulk(name.as_bytes());
    reply.integer(value as i64);
}
