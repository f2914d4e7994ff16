//! TIME, ROLE, LOLWUT.

use crate::command::{Categories, Command, Flags, Group, rows};
use crate::context::Context;
use crate::error::CommandError;

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "lolwut",
        group: Group::Server,
        arity: -1,
        flags: Flags::READONLY.union(Flags::FAST),
        since: "5.0.0",
        summary: "Answers the versions of Larder and of the Redis it behaves like.",
        syntax: "[VERSION version]",
        handler: lolwut,
        ..Command::ROW
    },
    Command {
        name: "role",
        group: Group::Server,
        arity: 1,
        flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST),
        categories: Categories::ADMIN.union(Categories::DANGEROUS),
        since: "2.8.12",
        summary: "Answers the part this server plays in replication.",
        handler: role,
        ..Command::ROW
    },
    Command {
        name: "time",
        group: Group::Server,
        arity: 1,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        since: "2.6.0",
        summary: "Answers the server's time: Unix seconds, and microseconds within the second.",
        tips: &["nondeterministic_output"],
        handler: time,
        ..Command::ROW
    },
]);

fn time(cx: &mut Context) -> Result<(), CommandError> {
    let (seconds, microseconds) = (cx.env.now_us / 1_000_000, cx.env.now_us % 1_000_000);
    cx.reply.array(2);
    cx.reply.bulk_integer(seconds.cast_signed());
    cx.reply.bulk_integer(microseconds.cast_signed());
    Ok(())
}

/// A primary at offset 0 without replicas: there is no replication yet.
fn role(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.array(3);
    cx.reply.bulk(b"master");
    cx.reply.integer(0);
    cx.reply.array(0);
    Ok(())
}

fn lolwut(cx: &mut Context) -> Result<(), CommandError> {
    let text = format!("Larder ver. {}, like Redis ver. {}\n", crate::VERSION, crate::REDIS_VERSION);
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
