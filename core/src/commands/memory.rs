//! MEMORY: what keys and tables take. PURGE and DOCTOR are missing: core knows no allocator but by its name.

use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::entry::Entry;
use crate::resp::Reply;

use super::help::help;

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "memory",
    group: Group::Server,
    arity: -2,
    since: "4.0.0",
    summary: "Groups commands that tell about memory.",
    complexity: "That of the subcommand",
    subcommands: SUBCOMMANDS,
    ..Command::ROW
}]);

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "help",
        group: Group::Server,
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE),
        since: "4.0.0",
        summary: "Prints this help.",
        handler: help,
        ..Command::ROW
    },
    Command {
        name: "malloc-stats",
        group: Group::Server,
        arity: 2,
        since: "4.0.0",
        summary: "Names the memory allocator, and says that it keeps no statistics.",
        complexity: "O(1)",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        handler: malloc_stats,
        ..Command::ROW
    },
    Command {
        name: "stats",
        group: Group::Server,
        arity: 2,
        scope: Scope::Everything,
        since: "4.0.0",
        summary: "Tells how the memory of keys and tables is spent.",
        complexity: "O(N) for N shards and databases",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        handler: stats,
        ..Command::ROW
    },
    Command {
        name: "usage",
        group: Group::Server,
        arity: -3,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(KeyAccess::RO, 2)],
        since: "4.0.0",
        summary: "Answers the bytes that a key and its value take. They are counted exactly, whatever SAMPLES says.",
        complexity: "O(1)",
        syntax: "key [SAMPLES count]",
        handler: usage,
        ..Command::ROW
    },
];

/// Bytes of the place in a table that every key takes.
const SLOT_BYTES: usize = size_of::<Option<Entry>>();

fn usage(cx: &mut Context) -> Result<(), CommandError> {
    for i in (3..cx.args.len()).step_by(2) {
        if !cx.arg(i).eq_ignore_ascii_case(b"SAMPLES") || i + 1 == cx.args.len() {
            return Err(CommandError::SYNTAX);
        }
        if cx.integer(i + 1)? < 0 {
            return Err(CommandError::SYNTAX);
        }
    }
    // Shows an expired key too: its memory is still taken.
    match cx.keys.peek(cx.keys.db, cx.arg(2)) {
        None => cx.reply.null(),
        Some(entry) => {
            let bytes = entry.heap_bytes() + SLOT_BYTES;
            cx.reply.integer(bytes as i64);
        }
    }
    Ok(())
}

/// As Redis answers where its allocator is not jemalloc.
fn malloc_stats(cx: &mut Context) -> Result<(), CommandError> {
    let text = format!("The allocator is {}: it keeps no statistics. See INFO memory.\n", cx.env.host.allocator());
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Keys of one database and the bytes of the tables that find them.
#[derive(Clone, Copy, Default)]
struct DatabaseUse {
    keys: usize,
    table_bytes: usize,
}

fn stats(cx: &mut Context) -> Result<(), CommandError> {
    let total_bytes: usize = cx.keys.shards().map(|shard| shard.heap_bytes()).sum();
    let mut databases = vec![DatabaseUse::default(); cx.env.layout.databases() as usize];
    for shard in cx.keys.shards() {
        for (db, used) in (0..).zip(&mut databases) {
            used.keys += shard.database(db).len();
            used.table_bytes += shard.database(db).heap_bytes();
        }
    }
    let keys: usize = databases.iter().map(|used| used.keys).sum();
    let table_bytes: usize = databases.iter().map(|used| used.table_bytes).sum();
    let dataset_bytes = total_bytes - table_bytes;
    let peak_bytes = cx.hub().peak_memory_bytes.max(total_bytes);
    let used_databases = || databases.iter().enumerate().filter(|(_, used)| used.keys > 0);

    let reply = &mut cx.reply;
    reply.map(8 + used_databases().count());
    figure(reply, "peak.allocated", peak_bytes);
    figure(reply, "total.allocated", total_bytes);
    for (db, used) in used_databases() {
        reply.bulk(format!("db.{db}").as_bytes());
        reply.map(1);
        figure(reply, "overhead.hashtable.main", used.table_bytes);
    }
    figure(reply, "overhead.total", table_bytes);
    figure(reply, "keys.count", keys);
    figure(reply, "keys.bytes-per-key", total_bytes / keys.max(1));
    figure(reply, "dataset.bytes", dataset_bytes);
    percentage(reply, "dataset.percentage", dataset_bytes, total_bytes);
    percentage(reply, "peak.percentage", total_bytes, peak_bytes);
    Ok(())
}

fn figure(reply: &mut Reply<'_>, name: &str, value: usize) {
    reply.bulk(name.as_bytes());
    reply.integer(value as i64);
}

fn percentage(reply: &mut Reply<'_>, name: &str, part: usize, whole: usize) {
    reply.bulk(name.as_bytes());
    reply.double(if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 });
}
