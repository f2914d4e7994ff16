//! Serving requests that wait for keys: who changes a key runs them again, in the order of their arrival.

use std::sync::atomic::Ordering;

use crate::command::{Command, Group};
use crate::context::{Context, Env};
use crate::effects::{Delivery, Effects};
use crate::hash::Random;
use crate::journal;
use crate::keyspace::eviction::untold_bytes;
use crate::keyspace::waiting::{DbKey, Parked, Retry, Until};
use crate::keyspace::{Held, Keyspace, Layout, type_name};
use crate::resp::Reply;
use crate::session::Session;
use crate::store::Lsn;

/// Runs a waiting request again, and those behind it, while everything that [`Retry::shards`] names is held.
pub fn retry(held: Held<'_>, retry: &Retry, env: Env<'_>, effects: &mut Effects) {
    let mut keys = Keyspace::new(held, env.layout, retry.parked.db, env.now_ms(), env.access_clock(), None);
    serve_key(&mut keys, &retry.key, Some(&retry.parked), env, effects);
    serve(&mut keys, env, effects);
    keys.take_discarded(&mut effects.discarded);
}

/// Serves those who wait for keys that have changed under the present holds.
#[inline(never)]
pub(crate) fn serve(keys: &mut Keyspace<'_>, env: Env<'_>, effects: &mut Effects) {
    loop {
        // In the order of the shards; each key has one shard, and order matters within a key alone.
        let Some(key) = keys.shards().find_map(|shard| shard.waiting.next_ready()) else { return };
        serve_key(keys, &key, None, env, effects);
    }
}

/// Serves the queue of a key, from its head or from one of its requests. A request that needs more than is held gets
/// a retry of its own, and those behind it are served after it.
fn serve_key(keys: &mut Keyspace<'_>, key: &DbKey, from: Option<&Parked>, env: Env<'_>, effects: &mut Effects) {
    let held = keys.held();
    let shard = keys.layout().shard_of(keys.layout().hash(&key.1));
    let mut place = from.map_or(0, |from| {
        let waiting = &keys.shard(shard).waiting;
        let at = (0..).map_while(|place| waiting.nth(key, place)).position(|parked| std::ptr::eq(&**parked, from));
        // It gave up meanwhile: whoever stands at the head now has not been looked at.
        at.unwrap_or(0)
    });
    loop {
        let slot = keys.locate_in(key.0, &key.1);
        let found = keys.entry(slot).map(type_name);
        let Some(parked) = keys.shard(shard).waiting.nth(key, place) else { return };
        if !is_wanted(parked, found) {
            place += 1;
            continue;
        }
        let parked = parked.clone();
        if held.union(parked.shards) != held {
            effects.retries.push(Retry { parked, key: key.clone() });
            return;
        }
        match run_again(keys, &parked, env, effects) {
            None => place += 1,
            Some(delivery) => {
                take_out(keys, &parked);
                effects.deliver.push(delivery);
            }
        }
    }
}

/// Whether a request wants to run again for a key that holds this type now, or nothing. A value of another type is as
/// good as none to those who wait.
fn is_wanted(parked: &Parked, found: Option<&'static str>) -> bool {
    let wanted = match parked.command.row().group {
        Group::List => Some("list"),
        Group::SortedSet => Some("zset"),
        Group::Stream => Some("stream"),
        _ => None,
    };
    parked.wait.wants_missing || found.is_some() && (wanted.is_none() || found == wanted)
}

/// Runs a request again. `None` if it still waits.
fn run_again(keys: &mut Keyspace<'_>, parked: &Parked, env: Env<'_>, effects: &mut Effects) -> Option<Delivery> {
    let mut session = parked.session();
    let row: &'static Command = parked.command.row();
    let (db, keeps_clocks) = (keys.db, keys.keeps_clocks);
    (keys.db, keys.keeps_clocks) = (parked.db, session.no_touch);
    let mut out = Vec::new();
    let protocol = session.protocol;
    let mut cx = Context {
        session: &mut session,
        keys,
        reply: Reply::new(&mut out, protocol),
        args: parked.request.arguments(),
        command: row,
        env,
        hub: None,
        effects,
        random: Random::new(env.seed),
        wait: None,
        waiting_request: None,
        is_retry: true,
    };
    let result = (row.handler)(&mut cx);
    let waits = cx.wait.is_some();
    journal::note(keys, &mut session, parked.db, parked.request.arguments(), &env, effects);
    keys.tell_bytes(&env.signals.memory_bytes, untold_bytes(env.settings, env.layout));
    (keys.db, keys.keeps_clocks) = (db, keeps_clocks);
    match result {
        Err(error) => {
            out.clear();
            Reply::new(&mut out, protocol).error_bytes(error.text());
            env.counters.command(parked.command.index()).failed.add(1);
            effects.errors.count(&error.prefix());
        }
        Ok(()) if waits => return None,
        Ok(()) => {}
    }
    if parked.is_silent() {
        out.clear();
    }
    Some(Delivery { client: parked.client, reply: out, depends_on: session.depends_on })
}

/// Ends the wait of a request while all its shards are held. False if it had ended before: its reply is on the way.
pub fn unpark(held: Held<'_>, layout: &Layout, parked: &Parked) -> bool {
    let mut keys = Keyspace::new(held, layout, parked.db, 0, crate::keyspace::AccessClock::Seconds(0), None);
    take_out(&mut keys, parked)
}

fn take_out(keys: &mut Keyspace<'_>, parked: &Parked) -> bool {
    let layout = keys.layout();
    // Without keys it waits for time alone, and nobody else ends that.
    let mut was_there = parked.wait.keys.is_empty();
    for key in &parked.wait.keys {
        was_there |= keys.shard(layout.shard_of(layout.hash(key))).waiting.unpark(key, parked);
    }
    was_there
}

/// Ends the wait of a session's request with what the client hears when nothing came: the time is over, or another
/// client has called CLIENT UNBLOCK.
/// `flushed` is the newest record that survives a power cut, where there is a log.
pub fn give_up(session: &mut Session, flushed: Option<Lsn>, out: &mut Vec<u8>) {
    let Some(parked) = resume(session) else { return };
    let wants_error = session.record.unblock.swap(0, Ordering::Relaxed) == UNBLOCK_WITH_ERROR;
    let mut reply = Reply::new(out, session.protocol);
    match (parked.is_silent(), wants_error) {
        (true, _) => {}
        (false, true) => reply.error_bytes(b"UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        (false, false) => match parked.wait.until {
            Until::Keys => reply.null_array(),
            // This many replicas have followed.
            Until::Replicas => reply.integer(0),
            Until::Flush { lsn, .. } => answer_flush(&mut reply, flushed.is_some_and(|flushed| flushed >= lsn)),
            Until::Host => {}
        },
    }
}

/// What WAITAOF answers: whether our log is on the device, and how many replicas have their own there.
pub(crate) fn answer_flush(reply: &mut Reply<'_>, is_flushed: bool) {
    reply.array(2);
    reply.integer(i64::from(is_flushed));
    reply.integer(0);
}

/// Lets a session run its next request, after the reply of the one that waited.
pub fn resume(session: &mut Session) -> Option<std::sync::Arc<Parked>> {
    session.record.waits.store(false, Ordering::Relaxed);
    session.record.blocked.store(false, Ordering::Relaxed);
    session.parked.take()
}

/// [`crate::session::ClientRecord::unblock`]: as if the time were over.
pub const UNBLOCK_AS_TIMEOUT: u8 = 1;
/// [`crate::session::ClientRecord::unblock`]: with an error.
pub const UNBLOCK_WITH_ERROR: u8 = 2;
