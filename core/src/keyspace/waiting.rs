//! Requests that wait for keys: BLPOP and its kin.
//!
//! The whole request waits, in the queue of each of its keys, and is run again once one of them changes. A queue is
//! served in the order of arrival, by whoever made the change and while it still holds the shards.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Layout, ShardSet};
use crate::command::CommandId;
use crate::resp::{Protocol, RequestBuf};
use crate::session::{ClientId, ClientRecord, Session};
use crate::store::Lsn;

/// What a handler asks for when it finds nothing to answer with: see [`crate::context::Context::wait_for`].
#[derive(Debug, Default)]
pub struct Wait {
    /// What brings the answer, besides the time.
    pub until: Until,
    /// The keys to wait for, of the session's database.
    pub keys: Vec<Box<[u8]>>,
    /// When to give up, Unix time in milliseconds.
    pub deadline_ms: Option<u64>,
    /// Whether the request wants to run again when a key is gone, to answer an error.
    pub wants_missing: bool,
}

/// What ends a wait before its time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// Keys that change: BLPOP.
    #[default]
    Keys,
    /// Replicas that follow, which there are none of: WAIT.
    Replicas,
    /// A record of the log that reaches the device, if that is enough to answer: WAITAOF.
    Flush {
        /// The newest record of the client.
        lsn: Lsn,
        /// Whether the flush alone is the answer; others wait for replicas, in vain.
        is_enough: bool,
    },
    /// The host, whose answer comes without fail: SAVE, MIGRATE. CLIENT UNBLOCK cannot end it.
    Host,
}

/// A request that waits.
#[derive(Debug)]
pub struct Parked {
    /// Whose request it is.
    pub client: ClientId,
    /// The command.
    pub command: CommandId,
    /// The request.
    pub request: RequestBuf,
    /// Database of the keys.
    pub db: u16,
    /// What it waits for.
    pub wait: Wait,
    /// The shards of all keys of the request, which running it again needs.
    pub shards: ShardSet,
    protocol: Protocol,
    no_touch: bool,
    /// CLIENT REPLY is off: the request runs, the client hears nothing.
    is_silent: bool,
    record: Arc<ClientRecord>,
}

impl Parked {
    /// Parks a request of a session.
    pub fn new(
        session: &Session,
        command: CommandId,
        request: RequestBuf,
        wait: Wait,
        shards: ShardSet,
        is_silent: bool,
    ) -> Self {
        Self {
            client: session.id,
            command,
            request,
            db: session.db,
            wait,
            shards,
            protocol: session.protocol,
            no_touch: session.no_touch,
            is_silent,
            record: Arc::clone(&session.record),
        }
    }

    /// A session like the client's own, whose thread is elsewhere, to run the request again.
    pub fn session(&self) -> Session {
        Session {
            db: self.db,
            protocol: self.protocol,
            no_touch: self.no_touch,
            may_wait: true,
            record: Arc::clone(&self.record),
            ..Session::new(self.client, true)
        }
    }

    /// Whether the client hears nothing.
    pub fn is_silent(&self) -> bool {
        self.is_silent
    }
}

/// A key of a database.
pub type DbKey = (u16, Box<[u8]>);

/// The requests that wait for keys of one shard.
#[derive(Debug, Default)]
pub struct Waiting {
    queues: BTreeMap<DbKey, VecDeque<Arc<Parked>>>,
    /// Keys that have changed and have a queue, in the order of their first change.
    ready: VecDeque<DbKey>,
}

impl Waiting {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// How many keys are being waited for.
    pub fn keys(&self) -> usize {
        self.queues.len()
    }

    /// Adds a request to the end of a key's queue.
    pub fn park(&mut self, key: &[u8], parked: &Arc<Parked>) {
        let queue = self.queues.entry((parked.db, key.into())).or_default();
        // A request may name a key twice.
        if !queue.iter().any(|waiting| Arc::ptr_eq(waiting, parked)) {
            queue.push_back(Arc::clone(parked));
        }
    }

    /// Takes a request out of a key's queue and says whether it was there.
    pub fn unpark(&mut self, key: &[u8], parked: &Parked) -> bool {
        let place = (parked.db, key.into());
        let Some(queue) = self.queues.get_mut(&place) else { return false };
        let Some(at) = queue.iter().position(|waiting| std::ptr::eq(&**waiting, parked)) else { return false };
        queue.remove(at);
        if queue.is_empty() {
            self.queues.remove(&place);
        }
        true
    }

    /// The request at a place of a key's queue, 0 being the next to be served.
    pub fn nth(&self, key: &DbKey, place: usize) -> Option<&Arc<Parked>> {
        self.queues.get(key)?.get(place)
    }

    /// Notes that a key has changed.
    pub fn changed(&mut self, db: u16, key: &[u8]) {
        let place = (db, key.into());
        if self.queues.contains_key(&place) && !self.ready.contains(&place) {
            self.ready.push_back(place);
        }
    }

    /// Notes that any key of a database may have changed.
    pub fn all_changed(&mut self, db: u16) {
        let Self { queues, ready } = self;
        let keys = queues.keys().filter(|(of, _)| *of == db);
        ready.extend(keys.filter(|key| !ready.contains(key)).cloned().collect::<Vec<_>>());
    }

    /// Whether a key with a queue has changed.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next key with a queue that has changed.
    pub fn next_ready(&mut self) -> Option<DbKey> {
        self.ready.pop_front()
    }
}

/// What a request must hold to be run again beside those who wait for the same keys.
#[derive(Debug)]
pub struct Retry {
    /// The request that could not be run under the holds of whoever changed its key.
    pub parked: Arc<Parked>,
    /// The key that changed.
    pub key: DbKey,
}

impl Retry {
    /// The shards that [`crate::retry::retry`] needs.
    pub fn shards(&self, layout: &Layout) -> ShardSet {
        self.parked.shards.with(layout.shard_of(layout.hash(&self.key.1)))
    }
}
