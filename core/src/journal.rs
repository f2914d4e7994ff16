//! Telling the log of changes, under the holds that made them, so that the log has the order of every key's changes.
//!
//! A record holds the requests as they came, with the instant they ran at: running them again at that instant, on the
//! same data, does the same. What would not be the same, such as a random choice, hands over words that are:
//! [`crate::effects::Effects::rewritten`].

use crate::context::Env;
use crate::effects::Effects;
use crate::keyspace::Keyspace;
use crate::keyspace::journaling::Expired;
use crate::resp::{Arguments, RequestBuf};
use crate::session::Session;
use crate::store::Lsn;
use crate::store::record::write_request;

/// Where changes are told of. The host brings it.
pub trait Journal: Sync {
    /// Appends one record, whose requests the closure writes, and returns its number.
    fn append(&self, now_us: u64, db: u16, requests: &mut dyn FnMut(&mut Vec<u8>)) -> Lsn;

    /// The newest record that survives a power cut.
    fn flushed(&self) -> Lsn;
}

/// Tells the journal what a request has changed, and the session on which record its reply depends. Everything the
/// request worked on is still held.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
pub(crate) fn note(
    keys: &mut Keyspace<'_>,
    session: &mut Session,
    db: u16,
    args: Arguments<'_>,
    env: &Env<'_>,
    effects: &mut Effects,
) {
    let Some(journal) = env.journal else { return };
    note_expired(keys, journal, env.now_us);
    let rewritten = effects.rewritten.take();
    if keys.shards().any(|shard| shard.has_unlogged_changes()) {
        let lsn = journal.append(env.now_us, db, &mut |out| match &rewritten {
            Some(requests) => out.extend_from_slice(requests),
            None => write_request(out, args),
        });
        keys.shards().filter(|shard| shard.has_unlogged_changes()).for_each(|shard| shard.logged(lsn));
        session.wrote = lsn;
    }
    let newest = keys.shards().map(|shard| shard.last_record()).max().unwrap_or(0);
    session.depends_on = session.depends_on.max(newest);
}

/// Tells the journal of keys whose time has come, before the change of whoever found them so.
#[inline]
fn note_expired(keys: &mut Keyspace<'_>, journal: &dyn Journal, now_us: u64) {
    for shard in keys.shards() {
        if shard.has_expired() {
            shard.log_expired(journal, now_us);
        }
    }
}

/// The request that brings about an expiry.
pub(crate) fn expiry_request(expired: &Expired) -> RequestBuf {
    match expired {
        Expired::Key(key) => [b"DEL", &key[..]].into_iter().collect(),
        // To look at a hash is to drop the fields whose time has come.
        Expired::Fields(key) => [b"TOUCH", &key[..]].into_iter().collect(),
    }
}
