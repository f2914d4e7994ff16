//! Waiting for replicas, of which there are none, and for the log.

use crate::command::{Categories, Command, Flags, Group, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::waiting::{Until, Wait};
use crate::retry::answer_flush;

const LEAST_OF_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:agg_min"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "wait",
        group: Group::Generic,
        arity: 3,
        categories: Categories::CONNECTION,
        since: "3.0.0",
        summary: "Waits until replicas have followed, and answers how many have.",
        syntax: "numreplicas timeout",
        tips: LEAST_OF_SHARDS,
        handler: wait,
        ..Command::ROW
    },
    Command {
        name: "waitaof",
        group: Group::Generic,
        arity: 4,
        flags: Flags::NOSCRIPT,
        categories: Categories::CONNECTION,
        since: "7.2.0",
        summary: "Waits until the client's writes would survive a power cut, here and on replicas.",
        syntax: "numlocal numreplicas timeout",
        tips: LEAST_OF_SHARDS,
        handler: waitaof,
        ..Command::ROW
    },
]);

const LOCAL_RANGE: CommandError = CommandError::fixed("ERR value is out of range, value must between 0 and 1");
const NOT_POSITIVE: CommandError = CommandError::fixed("ERR value is out of range, must be positive");
const NO_LOG: CommandError =
    CommandError::fixed("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");

fn wait(cx: &mut Context) -> Result<(), CommandError> {
    let replicas = cx.integer(1)?;
    let deadline_ms = cx.timeout_milliseconds(2)?;
    if replicas <= 0 || !cx.wait_for(Wait { until: Until::Replicas, deadline_ms, ..Wait::default() }) {
        cx.reply.integer(0);
    }
    Ok(())
}

fn waitaof(cx: &mut Context) -> Result<(), CommandError> {
    let wants_local = match cx.integer(1)? {
        0 => false,
        1 => true,
        _ => return Err(LOCAL_RANGE),
    };
    let replicas = cx.integer(2).ok().filter(|&count| count >= 0).ok_or(NOT_POSITIVE)?;
    let deadline_ms = cx.timeout_milliseconds(3)?;
    let lsn = cx.session.wrote;
    let is_flushed = match cx.env.journal {
        None if wants_local => return Err(NO_LOG),
        None => false,
        // The writes of a running transaction have no record yet.
        Some(journal) => journal.flushed() >= lsn && !cx.keys.shards().any(|shard| shard.has_unlogged_changes()),
    };
    let is_enough = replicas == 0;
    let until = Until::Flush { lsn, is_enough };
    if is_enough && (is_flushed || !wants_local) || !cx.wait_for(Wait { until, deadline_ms, ..Wait::default() }) {
        answer_flush(&mut cx.reply, is_flushed);
    }
    Ok(())
}
