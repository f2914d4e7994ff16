//! XINFO.

use super::{is, no_group, write_entries, write_entry, write_id};
use crate::context::Context;
use crate::error::CommandError;
use crate::resp::Reply;
use crate::structure::stream::{Consumer, Group, Log, PendingRange, Stream, StreamId};

/// How many entries of each kind FULL shows without COUNT.
const FULL_COUNT: usize = 10;

/// Answered as -1.
const NEVER: u64 = u64::MAX;

pub(super) fn stream(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(2));
    let stream = super::stream(cx.keys, slot)?.ok_or(CommandError::NO_SUCH_KEY)?;
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
    let stream = super::stream(cx.keys, slot)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let reply = &mut cx.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        write_name(reply, "name");
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
    let stream = super::stream(cx.keys, slot)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let group = stream.group(name).ok_or_else(|| no_group(key, name))?;
    let reply = &mut cx.reply;
    reply.array(group.consumers_len());
    for consumer in group.consumers() {
        reply.map(4);
        write_name(reply, "name");
        reply.bulk(consumer.name());
        write_count(reply, "pending", consumer.pending_len() as u64);
        write_count(reply, "idle", now_ms.saturating_sub(consumer.seen_ms));
        let inactive_ms = consumer.active_ms.map_or(NEVER, |active_ms| now_ms.saturating_sub(active_ms));
        write_count(reply, "inactive", inactive_ms);
    }
    Ok(())
}

/// `[FULL [COUNT count]]`; 0 is without limit.
fn full_count(cx: &Context) -> Result<Option<usize>, CommandError> {
    match cx.args.len() {
        3 => Ok(None),
        4 if is(cx.arg(3), "FULL") => Ok(Some(FULL_COUNT)),
        6 if is(cx.arg(3), "FULL") && is(cx.arg(4), "COUNT") => match super::count(cx, 5, FULL_COUNT)? {
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
    write_named_id(reply, "last-generated-id", log.last_id());
    write_named_id(reply, "max-deleted-entry-id", log.max_deleted_id());
    write_count(reply, "entries-added", log.entries_added());
    write_named_id(reply, "recorded-first-entry-id", log.first_id());
}

fn write_ends(reply: &mut Reply, stream: &Stream) {
    write_count(reply, "groups", stream.groups().len() as u64);
    let log = stream.log();
    for (name, entry) in [("first-entry", log.first()), ("last-entry", log.last())] {
        write_name(reply, name);
        match entry {
            Some(entry) => write_entry(reply, entry),
            None => reply.null(),
        }
    }
}

fn write_full(reply: &mut Reply, stream: &Stream, count: usize) {
    write_name(reply, "entries");
    write_entries(reply, stream.log().range(StreamId::MIN, StreamId::MAX), count);
    write_name(reply, "groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        write_name(reply, "name");
        reply.bulk(name);
        write_progress(reply, stream.log(), group);
        let pending = group.pending_range(StreamId::MIN, StreamId::MAX);
        write_pending(reply, Some(group), group.pending_len(), pending, count);
        write_name(reply, "consumers");
        reply.array(group.consumers_len());
        group.consumers().for_each(|consumer| write_consumer(reply, consumer, count));
    }
}

/// Pending entries, of a group with their owners.
fn write_pending(reply: &mut Reply, owners: Option<&Group>, len: usize, pending: PendingRange, count: usize) {
    write_count(reply, "pel-count", len as u64);
    write_name(reply, "pending");
    reply.array(len.min(count));
    for (id, pending) in pending.take(count) {
        reply.array(if owners.is_some() { 4 } else { 3 });
        write_id(reply, id);
        if let Some(group) = owners {
            reply.bulk(group.consumer(pending.consumer).map_or(b"", Consumer::name));
        }
        reply.integer(pending.delivered_ms as i64);
        reply.integer(pending.deliveries as i64);
    }
}

fn write_consumer(reply: &mut Reply, consumer: &Consumer, count: usize) {
    reply.map(5);
    write_name(reply, "name");
    reply.bulk(consumer.name());
    write_count(reply, "seen-time", consumer.seen_ms);
    write_count(reply, "active-time", consumer.active_ms.unwrap_or(NEVER));
    let pending = consumer.pending_range(StreamId::MIN, StreamId::MAX);
    write_pending(reply, None, consumer.pending_len(), pending, count);
}

/// How far a group has read.
fn write_progress(reply: &mut Reply, log: &Log, group: &Group) {
    write_named_id(reply, "last-delivered-id", group.last_id());
    for (name, value) in [("entries-read", group.entries_read().map(|read| read as i64)), ("lag", group.lag(log))] {
        write_name(reply, name);
        match value {
            Some(value) => reply.integer(value),
            None => reply.null(),
        }
    }
}

/// Writes a count behind its name. Names are written in one place, for each would take its own code for its length.
#[inline(never)]
fn write_count(reply: &mut Reply, name: &str, value: u64) {
    write_name(reply, name);
    reply.integer(value as i64);
}

#[inline(never)]
fn write_name(reply: &mut Reply, name: &str) {
    reply.bulk(name.as_bytes());
}

fn write_named_id(reply: &mut Reply, name: &str, id: StreamId) {
    write_name(reply, name);
    write_id(reply, id);
}
