//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, SHUTDOWN.
//!
//! A snapshot is both: the file that SAVE makes in Redis, and the rewritten log. The host takes it in slices while
//! commands go on, so SAVE makes its own client wait and nobody else.

use crate::command::{Categories, Command, Flags, Group, Scope, rows};
use crate::context::Context;
use crate::effects::SnapshotWish;
use crate::error::CommandError;
use crate::keyspace::waiting::{Until, Wait};

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "bgrewriteaof",
        group: Group::Server,
        arity: 1,
        flags: ADMINISTRATION,
        scope: Scope::Hub,
        since: "1.0.0",
        summary: "Begins a snapshot, after which the log starts anew.",
        complexity: "O(1); the snapshot itself is taken in the background",
        handler: bgrewriteaof,
        ..Command::ROW
    },
    Command {
        name: "bgsave",
        group: Group::Server,
        arity: -1,
        flags: ADMINISTRATION,
        scope: Scope::Hub,
        since: "1.0.0",
        summary: "Begins a snapshot in the background.",
        complexity: "O(1); the snapshot itself is taken in the background",
        syntax: "[SCHEDULE]",
        handler: bgsave,
        ..Command::ROW
    },
    Command {
        name: "lastsave",
        group: Group::Server,
        arity: 1,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        categories: Categories::ADMIN.union(Categories::DANGEROUS),
        scope: Scope::Hub,
        since: "1.0.0",
        summary: "Answers the Unix time of the last snapshot, or of the start if there was none.",
        tips: &["nondeterministic_output"],
        handler: lastsave,
        ..Command::ROW
    },
    Command {
        name: "save",
        group: Group::Server,
        arity: 1,
        flags: ADMINISTRATION.union(Flags::NO_MULTI),
        scope: Scope::Hub,
        since: "1.0.0",
        summary: "Takes a snapshot and answers once it is complete. Others are served meanwhile.",
        complexity: "O(N) for N keys in all databases",
        handler: save,
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
        scope: Scope::Hub,
        since: "1.0.0",
        summary: "Stops the server. What the log holds is kept in any case.",
        complexity: "O(1), and O(N) for N keys where a snapshot is asked for",
        syntax: "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]",
        handler: shutdown,
        ..Command::ROW
    },
]);

const ADMINISTRATION: Flags = Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::NO_ASYNC_LOADING);

const NO_STORE: CommandError =
    CommandError::fixed("ERR there is nowhere to save to: the data lives in memory only (store is memory)");
const SAVE_IN_PROGRESS: CommandError = CommandError::fixed("ERR Background save already in progress");
const CANNOT_WAIT: CommandError = CommandError::fixed("ERR SAVE would have to wait, which it cannot here; use BGSAVE");

fn save(cx: &mut Context) -> Result<(), CommandError> {
    if is_running(cx)? {
        return Err(SAVE_IN_PROGRESS);
    }
    // Without a deadline: the snapshot ends, well or badly, and the host answers then.
    if !cx.wait_for(Wait { until: Until::Host, ..Wait::default() }) {
        return Err(CANNOT_WAIT);
    }
    let waiter = Some(cx.session.id);
    order(cx, SnapshotWish { waiter, follows: false });
    Ok(())
}

fn bgsave(cx: &mut Context) -> Result<(), CommandError> {
    let follows = match cx.args.len() {
        1 => false,
        2 if cx.arg(1).eq_ignore_ascii_case(b"SCHEDULE") => true,
        _ => return Err(CommandError::SYNTAX),
    };
    let status = match (is_running(cx)?, follows) {
        (false, _) => "Background saving started",
        (true, true) => "Background saving scheduled",
        (true, false) => return Err(SAVE_IN_PROGRESS),
    };
    order(cx, SnapshotWish { waiter: None, follows });
    cx.reply.status(status);
    Ok(())
}

fn bgrewriteaof(cx: &mut Context) -> Result<(), CommandError> {
    let is_running = is_running(cx)?;
    order(cx, SnapshotWish { waiter: None, follows: true });
    cx.reply.status(match is_running {
        false => "Background append only file rewriting started",
        true => "Background append only file rewriting scheduled",
    });
    Ok(())
}

/// Whether a snapshot is being taken or about to be. An error where none can be.
fn is_running(cx: &mut Context) -> Result<bool, CommandError> {
    let persistence = &cx.hub().persistence;
    if !persistence.has_log {
        return Err(NO_STORE);
    }
    Ok(persistence.running_since_ms.is_some())
}

fn order(cx: &mut Context, wish: SnapshotWish) {
    let now_ms = cx.env.now_ms();
    // From this very moment, so that the next command of a pipeline sees it.
    cx.hub().persistence.running_since_ms.get_or_insert(now_ms);
    // One snapshot serves all wishes of a batch: it begins after the last of them.
    let before = cx.effects.snapshot.unwrap_or(wish);
    cx.effects.snapshot =
        Some(SnapshotWish { waiter: before.waiter.or(wish.waiter), follows: before.follows || wish.follows });
}

fn lastsave(cx: &mut Context) -> Result<(), CommandError> {
    let seconds = cx.hub().persistence.last_save_ms / 1000;
    cx.reply.integer(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(())
}

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
    if saves && !cx.hub().persistence.has_log {
        return Err(CommandError::fixed("ERR Errors trying to SHUTDOWN: the data lives in memory only"));
    }
    cx.env.host.shutdown().map_err(CommandError::new)?;
    if saves {
        // The host takes it once all clients are gone.
        order(cx, SnapshotWish { waiter: None, follows: true });
    }
    cx.session.closing = true;
    Ok(())
}

#[cfg(test)]
mod tests;
