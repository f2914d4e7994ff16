//! The state of one client across its commands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::command::CommandId;
use crate::keyspace::ShardId;
use crate::keyspace::waiting::Parked;
use crate::resp::Protocol;
use crate::resp::RequestBuf;
use crate::store::Lsn;

/// Number of a client, unique in the life of a server, ascending from 1.
pub type ClientId = u64;

/// How a client's replies are treated: CLIENT REPLY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyMode {
    /// Sent.
    On,
    /// Dropped until further notice.
    Off,
    /// The reply of the next command is dropped.
    SkipNext,
    /// The reply of this command is dropped.
    Skip,
}

/// What is known of a key under WATCH.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// Its shard.
    pub shard: ShardId,
    /// Its version when the watch began.
    pub version: u64,
    /// Whether it existed, unexpired, when the watch began.
    pub existed: bool,
}

/// A transaction between MULTI and EXEC.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Commands to run, in order.
    pub queue: Vec<(CommandId, RequestBuf)>,
    /// Bytes of all queued requests.
    pub queued_bytes: usize,
    /// A command was refused while queueing: EXEC must abort.
    pub broken: bool,
}

/// What other clients may see of a client at any moment: CLIENT LIST reads it while the client's own commands run.
#[derive(Debug, Default)]
pub struct ClientRecord {
    /// Unix time of the last command in milliseconds.
    pub active_ms: AtomicU64,
    /// [`CommandId::index`] of the last command plus one, 0 before the first.
    pub last_command: AtomicU64,
    /// Selected database.
    pub db: AtomicU64,
    /// Protocol version.
    pub protocol: AtomicU64,
    /// Queued commands plus one, 0 outside a transaction.
    pub queued: AtomicU64,
    /// Bytes of the queued commands.
    pub queued_bytes: AtomicU64,
    /// Number of watched keys.
    pub watched: AtomicU64,
    /// Bytes of input that are not consumed yet.
    pub query_bytes: AtomicU64,
    /// Bytes free in the input buffer.
    pub query_free_bytes: AtomicU64,
    /// Bytes of the arguments of the running command.
    pub argument_bytes: AtomicU64,
    /// Bytes of replies that are not sent yet.
    pub output_bytes: AtomicU64,
    /// CLIENT NO-EVICT is on.
    pub no_evict: AtomicBool,
    /// CLIENT NO-TOUCH is on.
    pub no_touch: AtomicBool,
    /// Waits for the end of a pause, or for data.
    pub blocked: AtomicBool,
    /// Waits for data: CLIENT UNBLOCK may end that.
    pub waits: AtomicBool,
    /// What CLIENT UNBLOCK wants: 0 nothing, 1 as if the time were over, 2 an error.
    pub unblock: AtomicU8,
    /// To be closed: CLIENT KILL.
    pub killed: AtomicBool,
    /// Memory of the client that the sum of all memory knows.
    pub told_bytes: AtomicU64,
}

impl ClientRecord {
    /// Memory of the buffers, in bytes.
    pub fn buffer_bytes(&self) -> u64 {
        let buffers =
            [&self.query_bytes, &self.query_free_bytes, &self.queued_bytes, &self.argument_bytes, &self.output_bytes];
        buffers.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }

    /// Lets the sum of all memory know how much the client takes, once it is off by `untold` bytes. Says whether the
    /// sum has grown.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn tell_bytes(&self, sum: &AtomicU64, bytes: u64, untold: u64) -> bool {
        if bytes.abs_diff(self.told_bytes.load(Ordering::Relaxed)) < untold {
            return false;
        }
        let before = self.told_bytes.swap(bytes, Ordering::Relaxed);
        // Wraps where memory has become less.
        sum.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        bytes > before
    }
}

/// One client's state.
#[derive(Debug)]
pub struct Session {
    /// Its number; 0 for a request that has no connection of its own.
    pub id: ClientId,
    /// Selected database.
    pub db: u16,
    /// Protocol of its replies.
    pub protocol: Protocol,
    /// Whether the peer is on this machine.
    pub local: bool,
    /// Whether it may run commands.
    pub authenticated: bool,
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// Between MULTI and EXEC.
    pub transaction: Option<Transaction>,
    /// Keys under WATCH, by database and name.
    pub watched: BTreeMap<(u16, Box<[u8]>), Watch>,
    /// Bytes that these watches take, here and in the shards.
    pub watched_bytes: usize,
    /// CLIENT REPLY.
    pub replies: ReplyMode,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// Whether its commands may wait for data; those of a transaction never do.
    pub may_wait: bool,
    /// The request that waits for data: the next one runs after its reply.
    pub parked: Option<Arc<Parked>>,
    /// The newest record of the journal that its replies depend on.
    pub depends_on: Lsn,
    /// The newest record of the journal that it made itself.
    pub wrote: Lsn,
    /// To be closed once its replies are sent.
    pub closing: bool,
    /// What others see.
    pub record: Arc<ClientRecord>,
}

impl Session {
    /// A new client. `authenticated` is whether the server asks for no password.
    pub fn new(id: ClientId, authenticated: bool) -> Self {
        let session = Self {
            id,
            db: 0,
            protocol: Protocol::Resp2,
            local: true,
            authenticated,
            name: Vec::new(),
            transaction: None,
            watched: BTreeMap::new(),
            watched_bytes: 0,
            replies: ReplyMode::On,
            no_touch: false,
            may_wait: false,
            parked: None,
            depends_on: 0,
            wrote: 0,
            closing: false,
            record: Arc::default(),
        };
        session.publish();
        session
    }

    /// Forgets all watched keys. Each is handed to `unwatch`, with its shard and database, to be ended there too.
    pub fn end_watches(&mut self, mut unwatch: impl FnMut(ShardId, u16, &[u8])) {
        self.watched_bytes = 0;
        for ((db, key), watch) in std::mem::take(&mut self.watched) {
            unwatch(watch.shard, db, &key);
        }
    }

    /// Lets others see the state that commands change.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn publish(&self) {
        let record = &self.record;
        record.db.store(u64::from(self.db), Ordering::Relaxed);
        record.protocol.store(self.protocol.version().into(), Ordering::Relaxed);
        let queued = self.transaction.as_ref().map_or(0, |transaction| transaction.queue.len() as u64 + 1);
        record.queued.store(queued, Ordering::Relaxed);
        let queued_bytes = self.transaction.as_ref().map_or(0, |transaction| transaction.queued_bytes as u64);
        record.queued_bytes.store(queued_bytes, Ordering::Relaxed);
        record.watched.store(self.watched.len() as u64, Ordering::Relaxed);
    }
}
