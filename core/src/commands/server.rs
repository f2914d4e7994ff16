//! TIME, ROLE, LASTSAVE, LOLWUT, SHUTDOWN.

use crate::command::{Categories, Command, Flags, Group, Scope};
use crate::context::Context;
use crate::error::CommandError;

/// Rows of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "lastsave",
        group: Group::Server,
        arity: 1,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        categories: Categories::ADMIN.union(Categories::DANGEROUS),
        scope: Scope::Hub,
        since: "1.0.0",
        summary: "Answers the Unix time of the last save, or of the start if there was none.",
        tips: &["nondeterministic_output"],
        handler: lastsave,
        ..Command::ROW
    },
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
        name: "shutdown",
        group: Group::Server,
        arity: -1,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::NO_MULTI)
            .union(Flags::ALLOW_BUSY),
        since: "1.0.0",
        summary: "Stops the server.",
        syntax: "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]",
        handler: shutdown,
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
];

/// Closes without a reply when it succeeds, as clients expect of a server that is gone.
fn shutdown(cx: &mut Context) -> Result<(), CommandError> {
    let (mut saves, mut keeps, mut aborts) = (false, false, false);
    for word in cx.args.iter().skip(1) {
        match () {
            () if word.eq_ignore_ascii_case(b"SAVE") => saves = true,
            () if word.eq_ignore_ascii_case(b"NOSAVE") => keeps = true,
            () if word.eq_ignore_ascii_case(b"ABORT") => aborts = true,
            // There is nobody to wait for: a stop is always immediate.
            () if word.eq_ignore_ascii_case(b"NOW") || word.eq_ignore_ascii_case(b"FORCE") => {}
            () => return Err(CommandError::SYNTAX),
        }
    }
    if saves && keeps || aborts && cx.args.len() > 2 {
        return Err(CommandError::SYNTAX);
    }
    if aborts {
        return Err(CommandError::fixed("ERR No shutdown in progress."));
    }
    if saves {
        return Err(CommandError::fixed("ERR Errors trying to SHUTDOWN: this version keeps data in memory only"));
    }
    cx.env.host.shutdown().map_err(CommandError::new)?;
    cx.session.closing = true;
    Ok(())
}

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

/// Until data is saved anywhere this is the time of the start, as in Redis before its first save.
fn lastsave(cx: &mut Context) -> Result<(), CommandError> {
    let started_seconds = cx.hub().started_ms / 1000;
    cx.reply.integer(i64::try_from(started_seconds).unwrap_or(i64::MAX));
    Ok(())
}

fn lolwut(cx: &mut Context) -> Result<(), CommandError> {
    let text = format!("Larder ver. {}, like Redis ver. {}\n", crate::VERSION, crate::REDIS_VERSION);
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
