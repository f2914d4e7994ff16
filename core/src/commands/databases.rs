//! Whole databases: their size, emptying and exchanging them.

use crate::command::{Categories, Command, Flags, Group, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::number;

const FLUSH_TIPS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "dbsize",
        group: Group::Server,
        arity: 1,
        flags: Flags::READONLY.union(Flags::FAST),
        categories: Categories::KEYSPACE,
        scope: Scope::AllShards,
        since: "1.0.0",
        summary: "Counts the keys of the selected database, those included that have expired and are not removed yet.",
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        handler: dbsize,
        ..Command::ROW
    },
    Command {
        name: "flushdb",
        group: Group::Server,
        arity: -1,
        flags: Flags::WRITE,
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        scope: Scope::AllShards,
        since: "1.0.0",
        summary: "Removes all keys of the selected database.",
        complexity: "O(N) for N keys",
        syntax: "[ASYNC|SYNC]",
        tips: FLUSH_TIPS,
        handler: flushdb,
        ..Command::ROW
    },
    Command {
        name: "flushall",
        group: Group::Server,
        arity: -1,
        flags: Flags::WRITE,
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        scope: Scope::AllShards,
        since: "1.0.0",
        summary: "Removes all keys of all databases.",
        complexity: "O(N) for N keys",
        syntax: "[ASYNC|SYNC]",
        tips: FLUSH_TIPS,
        handler: flushall,
        ..Command::ROW
    },
    Command {
        name: "swapdb",
        group: Group::Server,
        arity: 3,
        flags: Flags::WRITE.union(Flags::FAST),
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        scope: Scope::AllShards,
        since: "4.0.0",
        summary: "Exchanges two databases, at once for all clients.",
        complexity: "O(N) for N watched keys",
        syntax: "index1 index2",
        handler: swapdb,
        ..Command::ROW
    },
]);

fn dbsize(cx: &mut Context) -> Result<(), CommandError> {
    let db = cx.keys.db;
    let keys: usize = cx.keys.shards().map(|shard| shard.database(db).len()).sum();
    cx.reply.integer(keys as i64);
    Ok(())
}

fn flushdb(cx: &mut Context) -> Result<(), CommandError> {
    check_flush_mode(cx)?;
    let (db, now_ms) = (cx.keys.db, cx.keys.now_ms());
    for shard in cx.keys.shards() {
        shard.clear(db, now_ms);
    }
    cx.reply.ok();
    Ok(())
}

fn flushall(cx: &mut Context) -> Result<(), CommandError> {
    check_flush_mode(cx)?;
    let now_ms = cx.keys.now_ms();
    for shard in cx.keys.shards() {
        for db in 0..shard.databases() {
            shard.clear(db, now_ms);
        }
    }
    cx.reply.ok();
    Ok(())
}

/// ASYNC and SYNC alike: the keys are gone at once, their memory is freed in the background.
fn check_flush_mode(cx: &Context) -> Result<(), CommandError> {
    match cx.args.len() {
        1 => Ok(()),
        2 if cx.arg(1).eq_ignore_ascii_case(b"ASYNC") || cx.arg(1).eq_ignore_ascii_case(b"SYNC") => Ok(()),
        _ => Err(CommandError::SYNTAX),
    }
}

fn swapdb(cx: &mut Context) -> Result<(), CommandError> {
    let one = parse_index(cx.arg(1)).ok_or(CommandError::fixed("ERR invalid first DB index"))?;
    let other = parse_index(cx.arg(2)).ok_or(CommandError::fixed("ERR invalid second DB index"))?;
    let (one, other) = (cx.database_number(one)?, cx.database_number(other)?);
    let now_ms = cx.keys.now_ms();
    cx.keys.shards().for_each(|shard| shard.swap(one, other, now_ms));
    cx.reply.ok();
    Ok(())
}

/// A number that could be an index: 32 bits, as in Redis.
fn parse_index(word: &[u8]) -> Option<i64> {
    number::parse_i64(word).filter(|&index| i32::try_from(index).is_ok())
}
