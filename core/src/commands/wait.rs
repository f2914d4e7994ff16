//! Waiting for replicas: there are none, so WAIT waits for its time to be over.

use crate::command::{Categories, Command, Group};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::waiting::Wait;

/// Rows of this family.
pub static COMMANDS: &[Command] = &[Command {
    name: "wait",
    group: Group::Generic,
    arity: 3,
    categories: Categories::CONNECTION,
    since: "3.0.0",
    summary: "Waits until replicas have followed, and answers how many have.",
    syntax: "numreplicas timeout",
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    handler: wait,
    ..Command::ROW
}];

fn wait(cx: &mut Context) -> Result<(), CommandError> {
    let replicas = cx.integer(1)?;
    let deadline_ms = cx.timeout_milliseconds(2)?;
    if replicas <= 0 || !cx.wait_for(Wait { keys: Vec::new(), deadline_ms, wants_missing: false }) {
        cx.reply.integer(0);
    }
    Ok(())
}
