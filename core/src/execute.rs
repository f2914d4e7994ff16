//! The one gate every command passes.

use crate::command::{Command, CommandId};
use crate::commands::transaction::unwatch_all;
use crate::context::{Context, Env};
use crate::effects::Effects;
use crate::error::CommandError;
use crate::hash::Random;
use crate::hub::Hub;
use crate::journal;
use crate::keyspace::eviction::untold_bytes;
use crate::keyspace::waiting::{Parked, Until, Wait};
use crate::keyspace::{Held, Keyspace, ShardSet};
use crate::plan::{Action, Plan};
use crate::resp::Reply;
use crate::resp::{Arguments, RequestBuf};
use crate::retry::serve;
use crate::session::{ReplyMode, Session};

use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Carries out a planned request while everything the plan asked for is held. Appends exactly one reply to `out`,
/// none if the client turned replies off, nor if the request waits for data: it is [`Session::parked`] then.
#[expect(clippy::too_many_arguments, reason = "a command needs the whole world; a struct of it would only rename that")]
#[cfg_attr(hot_paths, optimize(speed))]
pub fn execute(
    session: &mut Session,
    held: Held<'_>,
    mut hub: Option<&mut Hub>,
    plan: Plan,
    args: Arguments<'_>,
    env: Env<'_>,
    out: &mut Vec<u8>,
    effects: &mut Effects,
) {
    let mark = out.len();
    let mode = session.replies;
    if mode == ReplyMode::SkipNext {
        session.replies = ReplyMode::Skip;
    }
    match (plan.action, plan.command) {
        (Action::Run, Some(id)) => {
            let clock = env.access_clock();
            let mut keys = Keyspace::new(held, env.layout, session.db, env.now_ms(), clock, plan.first_key);
            keys.keeps_clocks = session.no_touch;
            note_start(session, id, &env);
            let db = session.db;
            let wait = run(session, &mut keys, hub.as_deref_mut(), id, args, env, out, effects);
            journal::note(&mut keys, session, db, args, &env, effects);
            keys.tell_bytes(&env.signals.memory_bytes, untold_bytes(env.settings, env.layout));
            if let Some((wait, resolved)) = wait {
                let is_silent = matches!(session.replies, ReplyMode::Off | ReplyMode::Skip);
                let request = resolved.unwrap_or_else(|| RequestBuf::from(args));
                park(session, &mut keys, id, request, wait, plan.shards, is_silent);
            }
            if keys.has_ready() {
                serve(&mut keys, env, effects);
            }
            if keys.has_discarded() {
                keys.take_discarded(&mut effects.discarded);
            }
        }
        (Action::Queue, Some(id)) => queue(session, id, args, out),
        (Action::Refuse(error), command) => {
            if let Some(transaction) = &mut session.transaction {
                transaction.broken = true;
            }
            refuse(session, &error, command, hub, &env, out, effects);
        }
        (Action::Abort(error), command) => {
            session.transaction = None;
            let mut keys = Keyspace::new(held, env.layout, session.db, env.now_ms(), env.access_clock(), None);
            unwatch_all(session, &mut keys);
            session.publish();
            refuse(session, &error, command, hub, &env, out, effects);
        }
        (Action::Run | Action::Queue, None) => unreachable!("plans run only commands that exist"),
    }
    match (mode, session.replies) {
        (ReplyMode::On, _) | (_, ReplyMode::On) => {}
        (_, ReplyMode::Skip) => {
            out.truncate(mark);
            session.replies = ReplyMode::On;
        }
        // The command itself asked for silence: what it set stays.
        (_, ReplyMode::SkipNext | ReplyMode::Off) => out.truncate(mark),
    }
}

/// Runs one command, top-level or queued, and answers its error if it has one. What it waits for if it has no answer,
/// and the words to wait with unless they are the request's.
#[expect(clippy::too_many_arguments, reason = "a command needs the whole world; a struct of it would only rename that")]
#[cfg_attr(hot_paths, optimize(speed))]
pub(crate) fn run(
    session: &mut Session,
    keys: &mut Keyspace<'_>,
    mut hub: Option<&mut Hub>,
    id: CommandId,
    args: Arguments<'_>,
    env: Env<'_>,
    out: &mut Vec<u8>,
    effects: &mut Effects,
) -> Option<(Wait, Option<RequestBuf>)> {
    let row: &'static Command = id.row();
    let mark = out.len();
    env.counters.command(id.index()).calls.add(1);
    let protocol = session.protocol;
    let mut cx = Context {
        session: &mut *session,
        keys,
        reply: Reply::new(out, protocol),
        args,
        command: row,
        env,
        hub: hub.as_deref_mut(),
        effects: &mut *effects,
        random: Random::new(env.seed),
        wait: None,
        waiting_request: None,
        is_retry: false,
    };
    if let Err(error) = (row.handler)(&mut cx) {
        out.truncate(mark);
        env.counters.command(id.index()).failed.add(1);
        answer_error(session, &error, hub, out, effects);
        return None;
    }
    let wait = cx.wait.take()?;
    Some((wait, cx.waiting_request))
}

/// Puts a request into the queues of the keys it waits for.
#[cold]
#[inline(never)]
fn park(
    session: &mut Session,
    keys: &mut Keyspace<'_>,
    id: CommandId,
    request: RequestBuf,
    wait: Wait,
    shards: ShardSet,
    is_silent: bool,
) {
    let parked = Arc::new(Parked::new(session, id, request, wait, shards, is_silent));
    let layout = keys.layout();
    for key in &parked.wait.keys {
        keys.shard(layout.shard_of(layout.hash(key))).waiting.park(key, &parked);
    }
    session.record.unblock.store(0, Ordering::Relaxed);
    session.record.waits.store(parked.wait.until != Until::Host, Ordering::Relaxed);
    session.record.blocked.store(true, Ordering::Relaxed);
    session.parked = Some(parked);
}

#[inline(never)]
fn refuse(
    session: &Session,
    error: &CommandError,
    command: Option<CommandId>,
    hub: Option<&mut Hub>,
    env: &Env<'_>,
    out: &mut Vec<u8>,
    effects: &mut Effects,
) {
    if let Some(id) = command {
        env.counters.command(id.index()).rejected.add(1);
    }
    answer_error(session, error, hub, out, effects);
}

#[inline(never)]
fn answer_error(
    session: &Session,
    error: &CommandError,
    hub: Option<&mut Hub>,
    out: &mut Vec<u8>,
    effects: &mut Effects,
) {
    Reply::new(out, session.protocol).error_bytes(error.text());
    match hub {
        Some(hub) => hub.errors.count(&error.prefix()),
        None => effects.errors.count(&error.prefix()),
    }
}

#[inline(never)]
fn queue(session: &mut Session, id: CommandId, args: Arguments<'_>, out: &mut Vec<u8>) {
    let protocol = session.protocol;
    let transaction = session.transaction.as_mut().expect("plans queue only inside a transaction");
    let request = RequestBuf::from(args);
    transaction.queued_bytes += request.allocated_bytes() + size_of::<(CommandId, RequestBuf)>();
    transaction.queue.push((id, request));
    Reply::new(out, protocol).status("QUEUED");
    session.publish();
}

/// Lets CLIENT LIST of others, and of this very command, see what runs.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
fn note_start(session: &Session, id: CommandId, env: &Env<'_>) {
    let record = &session.record;
    record.active_ms.store(env.now_ms(), Ordering::Relaxed);
    record.last_command.store(id.index() as u64 + 1, Ordering::Relaxed);
}
