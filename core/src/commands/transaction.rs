//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use std::collections::btree_map::Entry;

use crate::command::{Categories, Command, Flags, Group, KeyAccess, KeySpec, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::execute::run;
use crate::keyspace::Keyspace;
use crate::limits::WATCHED_BYTES;
use crate::session::{Session, Transaction, Watch};
use crate::store::record::write_request;

const QUICK: Flags =
    Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST).union(Flags::ALLOW_BUSY);

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "multi",
        group: Group::Transactions,
        arity: 1,
        flags: QUICK.union(Flags::IMMEDIATE),
        since: "1.2.0",
        summary: "Starts a transaction: commands are queued until EXEC.",
        handler: multi,
        ..Command::ROW
    },
    Command {
        name: "exec",
        group: Group::Transactions,
        arity: 1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::SKIP_SLOWLOG)
            .union(Flags::IMMEDIATE),
        scope: Scope::Transaction,
        since: "1.2.0",
        summary: "Runs the queued commands as one, unless a watched key has changed.",
        complexity: "That of the queued commands",
        handler: exec,
        ..Command::ROW
    },
    Command {
        name: "discard",
        group: Group::Transactions,
        arity: 1,
        flags: QUICK.union(Flags::IMMEDIATE),
        scope: Scope::Transaction,
        since: "2.0.0",
        summary: "Throws the queued commands away.",
        complexity: "O(N) for N queued commands",
        handler: discard,
        ..Command::ROW
    },
    Command {
        name: "watch",
        group: Group::Transactions,
        arity: -2,
        flags: QUICK.union(Flags::IMMEDIATE),
        categories: Categories::TRANSACTION,
        keys: &[KeySpec::range(KeyAccess::RO, 1, -1, 1)],
        since: "2.2.0",
        summary: "Makes the next EXEC depend on keys staying as they are.",
        complexity: "O(1) for each key",
        syntax: "key [key ...]",
        handler: watch,
        ..Command::ROW
    },
    Command {
        name: "unwatch",
        group: Group::Transactions,
        arity: 1,
        flags: QUICK,
        scope: Scope::Transaction,
        since: "2.2.0",
        summary: "Forgets all watched keys.",
        handler: unwatch,
        ..Command::ROW
    },
]);

fn multi(cx: &mut Context) -> Result<(), CommandError> {
    if cx.session.transaction.is_some() {
        return Err(CommandError::fixed("ERR MULTI calls can not be nested"));
    }
    cx.session.transaction = Some(Transaction::default());
    cx.session.publish();
    cx.reply.ok();
    Ok(())
}

fn discard(cx: &mut Context) -> Result<(), CommandError> {
    if cx.session.transaction.take().is_none() {
        return Err(CommandError::fixed("ERR DISCARD without MULTI"));
    }
    unwatch_all(cx.session, cx.keys);
    cx.session.publish();
    cx.reply.ok();
    Ok(())
}

fn exec(cx: &mut Context) -> Result<(), CommandError> {
    let Some(transaction) = cx.session.transaction.take() else {
        return Err(CommandError::fixed("ERR EXEC without MULTI"));
    };
    let stale = watched_changed(cx.session, cx.keys);
    unwatch_all(cx.session, cx.keys);
    cx.session.publish();
    if transaction.broken {
        return Err(CommandError::fixed("EXECABORT Transaction discarded because of previous errors."));
    }
    if stale {
        cx.reply.null_array();
        return Ok(());
    }
    cx.reply.array(transaction.queue.len());
    let may_wait = std::mem::replace(&mut cx.session.may_wait, false);
    let mut journaled = Vec::new();
    for (id, request) in &transaction.queue {
        cx.keys.db = cx.session.db;
        let out = cx.reply.buffer();
        let mark = out.len();
        let wait = run(cx.session, cx.keys, cx.hub.as_deref_mut(), *id, request.arguments(), cx.env, out, cx.effects);
        debug_assert!(wait.is_none(), "commands of a transaction do not wait");
        if cx.env.journal.is_some() && (id.row().flags.contains(Flags::WRITE) || id.row().name == "select") {
            match cx.effects.rewritten.take() {
                Some(requests) => journaled.extend_from_slice(&requests),
                None => write_request(&mut journaled, request.arguments()),
            }
        }
        if cx.reply.position() == mark {
            // CLIENT REPLY OFF and SKIP say nothing, but the array has promised an element.
            cx.reply.null();
        }
        cx.env.seed = cx.random.next_u64();
    }
    cx.session.may_wait = may_wait;
    cx.effects.rewritten = cx.env.journal.map(|_| journaled);
    Ok(())
}

fn watch(cx: &mut Context) -> Result<(), CommandError> {
    if cx.session.transaction.is_some() {
        return Err(CommandError::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    let db = cx.session.db;
    let bytes: usize = cx.args.iter().skip(1).map(watch_bytes).sum();
    if cx.session.watched_bytes.saturating_add(bytes) > WATCHED_BYTES {
        return Err(CommandError::fixed("ERR too many keys are being watched"));
    }
    for key in cx.args.iter().skip(1) {
        let Entry::Vacant(place) = cx.session.watched.entry((db, key.into())) else { continue };
        let slot = cx.keys.locate(key);
        let version = cx.keys.shard(slot.shard()).watch(db, key);
        place.insert(Watch { shard: slot.shard(), version, existed: slot.exists() });
        cx.session.watched_bytes += watch_bytes(key);
    }
    cx.session.publish();
    cx.reply.ok();
    Ok(())
}

/// What a watch of a key costs: the session and the shard each keep the name.
fn watch_bytes(key: &[u8]) -> usize {
    /// Two names with their places in the trees.
    const PLACES: usize = 2 * size_of::<((u16, Box<[u8]>), Watch)>();
    2 * key.len() + PLACES
}

fn unwatch(cx: &mut Context) -> Result<(), CommandError> {
    unwatch_all(cx.session, cx.keys);
    cx.session.publish();
    cx.reply.ok();
    Ok(())
}

/// Whether any watched key has changed or expired since its watch began.
fn watched_changed(session: &Session, keys: &mut Keyspace<'_>) -> bool {
    session.watched.iter().any(|((db, key), watch)| {
        let version = keys.shard(watch.shard).watched_version(*db, key);
        // Expiry moves no version: a key that was there when the watch began and is gone now has expired.
        version != Some(watch.version) || watch.existed && !keys.locate_in(*db, key).exists()
    })
}

/// Ends all watches of a session; their shards must be held.
pub(crate) fn unwatch_all(session: &mut Session, keys: &mut Keyspace<'_>) {
    session.end_watches(|shard, db, key| keys.shard(shard).unwatch(db, key));
}
