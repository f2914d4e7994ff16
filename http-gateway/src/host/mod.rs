//! The only place that knows threads and locks: a keyspace shared by the runtimes of all cores.
//!
//! A connection's own task takes what its plan names (the hub first, then shards ascending), runs and lets go. No
//! lock is held over an await, and no command hops between threads.

pub mod driver;
mod eviction;
pub mod free;
mod load;
pub mod log;
pub mod mailbox;
pub mod maintenance;
pub mod migrate;
pub mod process;
pub mod snapshot;
#[cfg(test)]
mod tests;
pub mod workers;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use larder_core::effects::{Delivery, Effects};
use larder_core::hash::Random;
use larder_core::hub::{Client, Host, Hub, ProcessInfo, Signals};
use larder_core::keyspace::eviction::Evictor;
use larder_core::keyspace::shard::Shard;
use larder_core::keyspace::waiting::{Parked, Until, Wait};
use larder_core::keyspace::{Held, Layout, ShardId, ShardSet};
use larder_core::limits::MAX_SHARDS;
use larder_core::retry::{resume, unpark};
use larder_core::session::{ClientId, ClientRecord, Session};
use larder_core::settings::{AppendFsync, Settings};
use larder_core::store::{Lsn, Opened, Status, StoreError};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use free::Freer;
use log::Log;
use mailbox::Mailbox;
use process::{ServerProcess, now_ms, now_us};
use snapshot::Desk;

/// Shards for each core, so that two cores seldom want the same one.
const SHARDS_PER_CORE: usize = 4;

/// How often those who wait for a flush look whether a fault is over.
const FAULT_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

/// A keyspace and its hub, shared by all threads.
pub struct Shared {
    shards: Box<[PaddedShard]>,
    hub: Mutex<Hub>,
    /// Where keys live.
    pub layout: Layout,
    /// Flags that every session reads.
    pub signals: Arc<Signals>,
    /// Where changes are told of, if they are.
    pub log: Option<Log>,
    /// Where large values go that were removed.
    freer: Freer,
    /// Where snapshots are asked for.
    pub desk: Desk,
    /// The process, as commands see it.
    pub process: ServerProcess,
    /// Tasks of connected clients, for CLIENT KILL and the shutdown.
    tasks: Mutex<HashMap<ClientId, AbortHandle>>,
    /// Where to leave replies for clients whose requests wait.
    mailboxes: Mutex<HashMap<ClientId, Arc<Mailbox>>>,
    /// Makes room. Taken while nothing else is held.
    evictor: Mutex<Evictor>,
    /// Wakes those whom a pause holds back when it changes.
    pause_changed: Notify,
}

/// The other end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// `ip:port`, or the path of the Unix socket with `:0`.
    pub address: String,
    /// The listener's side.
    pub local_address: String,
    /// File descriptor, −1 where it is not known.
    pub descriptor: i64,
    /// Whether it is on this machine.
    pub is_local: bool,
}

/// A shard's lock on cache lines of its own.
#[repr(align(128))]
struct PaddedShard(Mutex<Shard>);

/// Takes a lock. A panic while one is held ends the process, so poisoning cannot be seen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shards behind guards, as commands want them.
fn held<'g>(guards: &'g mut [(ShardId, MutexGuard<'_, Shard>)]) -> Held<'g> {
    Held::Many(guards.iter_mut().map(|(id, guard)| (*id, &mut **guard)).collect())
}

impl Shared {
    /// An empty keyspace for this many cores. Fails if no thread can be started.
    pub fn new(
        settings: Settings,
        cores: usize,
        process: ServerProcess,
        now_ms: u64,
        seed: [u64; 3],
    ) -> std::io::Result<Self> {
        let shards = (cores * SHARDS_PER_CORE).next_power_of_two().min(MAX_SHARDS);
        let layout = Layout::new(shards, settings.databases, [seed[0], seed[1]]);
        let hub = Hub::new(Arc::new(settings), now_ms, seed[2]);
        Ok(Self {
            shards: layout.build().into_iter().map(|shard| PaddedShard(Mutex::new(shard))).collect(),
            signals: Arc::clone(&hub.signals),
            hub: Mutex::new(hub),
            layout,
            log: None,
            freer: Freer::start()?,
            desk: Desk::default(),
            process,
            tasks: Mutex::default(),
            mailboxes: Mutex::default(),
            evictor: Mutex::new(Evictor::new(seed[2])),
            pause_changed: Notify::new(),
        })
    }

    /// Brings back what a store holds, and tells it of all changes from now on.
    pub fn load(&mut self, opened: Opened) -> Result<(), StoreError> {
        let Opened { store, snapshot, changes, last, truncated_bytes } = opened;
        let settings = Arc::clone(&self.hub().settings);
        let begun_ms = now_ms();
        let mut shards = load::load(snapshot, changes, &self.layout, &settings)?;
        shards.iter_mut().for_each(Shard::start_journaling);
        let loaded_keys = shards_len(&shards);
        {
            let persistence = &mut self.hub().persistence;
            persistence.has_log = true;
            persistence.truncated_bytes = truncated_bytes;
            persistence.load_ms = now_ms().saturating_sub(begun_ms);
            persistence.loaded_keys = loaded_keys;
        }
        self.shards = shards.into_iter().map(|shard| PaddedShard(Mutex::new(shard))).collect();
        self.log = Some(Log::new(store, last, Arc::clone(&self.signals)));
        Ok(())
    }

    /// Whether replies that depend on a record may leave at once.
    #[inline]
    pub fn is_settled(&self, depends_on: Lsn, policy: AppendFsync) -> bool {
        self.log.as_ref().is_none_or(|log| {
            log.appended() >= depends_on && (policy != AppendFsync::Always || log.flushed() >= depends_on)
        })
    }

    /// Waits until replies that depend on a record may leave, as the policy promises. Answers false if what the session
    /// itself `wrote` may be lost; reads are served from memory whatever becomes of the log.
    pub async fn settle(&self, depends_on: Lsn, wrote: Lsn, policy: AppendFsync) -> bool {
        let Some(log) = &self.log else { return true };
        let is_safe = match policy {
            // Whoever flushes writes out first.
            AppendFsync::Always => log.wait_flushed(depends_on).await,
            _ => {
                // Whoever else is ready on this thread has its turn first: one writing serves all.
                others_first().await;
                log.write_out(depends_on)
            }
        };
        // What the session only read is in memory, whatever becomes of the log.
        let reached = if policy == AppendFsync::Always { log.flushed() } else { log.appended() };
        if is_safe || reached >= wrote {
            return true;
        }
        log.wait_healed(wrote).await && (policy != AppendFsync::Always || log.wait_flushed(wrote).await)
    }

    /// Holds the hub. Never taken while a shard is held.
    pub fn hub(&self) -> MutexGuard<'_, Hub> {
        lock(&self.hub)
    }

    /// Holds one shard.
    #[inline]
    pub fn shard(&self, id: ShardId) -> MutexGuard<'_, Shard> {
        lock(&self.shards[id].0)
    }

    /// Holds one shard if nobody else does.
    pub fn try_shard(&self, id: ShardId) -> Option<MutexGuard<'_, Shard>> {
        self.shards[id].0.try_lock().ok()
    }

    /// Holds the shards of a set, ascending.
    pub fn shards(&self, set: ShardSet) -> Vec<(ShardId, MutexGuard<'_, Shard>)> {
        (0..self.shards.len()).filter(|&id| set.contains(id)).map(|id| (id, self.shard(id))).collect()
    }

    /// How many shards there are.
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Lists a client that has connected. The password decides whether it may run commands at once.
    pub fn open_session(&self, peer: Peer, now_ms: u64) -> Session {
        let mut hub = self.hub();
        let id = hub.next_client_id();
        let mut session = Session::new(id, hub.settings.requirepass.is_empty());
        session.local = peer.is_local;
        session.may_wait = true;
        session.record.active_ms.store(now_ms, Ordering::Relaxed);
        hub.add_client(
            id,
            Client {
                address: peer.address,
                local_address: peer.local_address,
                descriptor: peer.descriptor,
                created_ms: now_ms,
                name: Vec::new(),
                library_name: Vec::new(),
                library_version: Vec::new(),
                record: Arc::clone(&session.record),
            },
        );
        session
    }

    /// Where replies are left for a client that has a driver.
    pub fn open_mailbox(&self, id: ClientId) -> Arc<Mailbox> {
        Arc::clone(lock(&self.mailboxes).entry(id).or_default())
    }

    /// Whether a request that waits for the log has its answer.
    pub fn is_flushed(&self, wait: &Wait) -> bool {
        match (wait.until, &self.log) {
            (Until::Flush { lsn, is_enough: true }, Some(log)) => log.flushed() >= lsn,
            _ => false,
        }
    }

    /// Waits until the log has been flushed as far as a request needs, for others for ever.
    pub async fn flushed(&self, wait: &Wait) {
        match (wait.until, &self.log) {
            (Until::Flush { lsn, is_enough: true }, Some(log)) => {
                while !log.wait_flushed(lsn).await {
                    tokio::time::sleep(FAULT_INTERVAL).await;
                }
            }
            _ => std::future::pending().await,
        }
    }

    /// Ends the wait of a client's request. False if it was served meanwhile: its reply is on the way.
    pub fn unpark(&self, parked: &Parked) -> bool {
        let mut guards = self.shards(parked.shards);
        unpark(held(&mut guards), &self.layout, parked)
    }

    /// Takes a client off the list and ends its waits and watches.
    pub fn close_session(&self, session: &mut Session) {
        if let Some(parked) = resume(session) {
            self.unpark(&parked);
        }
        lock(&self.mailboxes).remove(&session.id);
        session.end_watches(|shard, db, key| self.shard(shard).unwatch(db, key));
        // Off the list first: whoever registers the task now sees that the client is gone.
        self.hub().remove_client(session.id);
        lock(&self.tasks).remove(&session.id);
    }

    /// Remembers the task of a client, so that others can end it. A client that has ended already, or was killed
    /// before it had a task, is ended here.
    pub fn register_task(&self, id: ClientId, task: AbortHandle) {
        let mut tasks = lock(&self.tasks);
        if self.hub().clients.contains_key(&id) {
            tasks.insert(id, task);
        } else {
            task.abort();
        }
    }

    /// Ends the tasks of all clients.
    pub fn abort_all(&self) {
        lock(&self.tasks).values().for_each(AbortHandle::abort);
    }

    /// Ends clients that have been idle for longer than the `timeout` setting. Those who wait for us are not idle.
    pub fn close_idle(&self, now_ms: u64) {
        let idle: Vec<ClientId> = {
            let hub = self.hub();
            let timeout_ms = u64::from(hub.settings.timeout_seconds) * 1000;
            let is_idle = |record: &ClientRecord| {
                let idle_ms = now_ms.saturating_sub(record.active_ms.load(Ordering::Relaxed));
                timeout_ms > 0 && idle_ms > timeout_ms && !record.blocked.load(Ordering::Relaxed)
            };
            hub.clients.iter().filter(|(_, client)| is_idle(&client.record)).map(|(&id, _)| id).collect()
        };
        self.abort_clients(&idle);
    }

    /// Carries out what a batch of commands asked for. Nothing may be held.
    pub fn carry_out(&self, effects: &mut Effects) {
        if effects.is_empty() {
            return;
        }
        let effects = std::mem::take(effects);
        if !effects.errors.is_empty() {
            self.hub().errors.join(&effects.errors);
        }
        effects.deliver.into_iter().for_each(|delivery| self.deliver(delivery));
        self.freer.free(effects.discarded);
        if let Some(wish) = effects.snapshot {
            self.desk.order(wish);
        }
        for id in effects.wake {
            if let Some(mailbox) = lock(&self.mailboxes).get(&id) {
                mailbox.wake();
            }
        }
        self.abort_clients(&effects.close);
        if effects.settings_changed {
            self.sum_memory();
        }
        if effects.pause_changed {
            self.pause_changed.notify_waiters();
        }
    }

    /// One slice of a shard's background work; says whether more is due right away.
    pub fn tick(&self, id: ShardId) -> bool {
        let mut shard = self.shard(id);
        let now_us = now_us();
        let more = shard.tick(now_us / 1000);
        if let Some(log) = self.log.as_ref().filter(|_| shard.has_expired()) {
            shard.log_expired(log, now_us);
            let lsn = shard.last_record();
            shard.logged(lsn);
        }
        let discarded = shard.take_discarded();
        drop(shard);
        self.freer.free(discarded);
        more
    }

    /// Leaves a reply for a client whose request waits.
    pub fn deliver(&self, delivery: Delivery) {
        // Whoever has gone meanwhile has no mailbox.
        if let Some(mailbox) = lock(&self.mailboxes).get(&delivery.client) {
            mailbox.deliver(delivery);
        }
    }

    /// Changes of all data since the start.
    pub fn changes(&self) -> u64 {
        (0..self.shards.len()).map(|id| self.shard(id).stats.dirty).sum()
    }

    /// Sums up the memory of the data, for `maxmemory` and INFO.
    pub fn sum_memory(&self) {
        (0..self.shards.len()).for_each(|id| self.shard(id).tell_bytes(&self.signals.memory_bytes, 0));
        self.hub().note_memory();
    }

    /// Waits until a pause may have ended: its time is over or CLIENT UNPAUSE came.
    pub async fn wait_for_pause(&self, now_ms: u64) {
        let changed = self.pause_changed.notified();
        let until_ms = self.signals.pause_until_ms.load(Ordering::Relaxed);
        let rest = std::time::Duration::from_millis(until_ms.saturating_sub(now_ms).max(1));
        // Either way the caller looks again.
        let _ = tokio::time::timeout(rest, changed).await;
    }

    fn abort_clients(&self, ids: &[ClientId]) {
        let tasks = lock(&self.tasks);
        ids.iter().filter_map(|id| tasks.get(id)).for_each(AbortHandle::abort);
    }
}

impl Host for Shared {
    fn process(&self) -> ProcessInfo {
        self.process.info()
    }

    fn rewrite_config(&self, settings: &Settings) -> Result<(), String> {
        self.process.rewrite_config(settings)
    }

    fn shutdown(&self) -> Result<(), String> {
        self.process.stop.notify_one();
        Ok(())
    }

    fn sleep(&self, duration: std::time::Duration) {
        std::thread::sleep(duration);
    }

    fn store_status(&self) -> Option<Status> {
        self.log.as_ref().map(|log| log.store().status())
    }

    fn log_flushes(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.flushes.load(Ordering::Relaxed))
    }

    fn log_fault(&self) -> Option<String> {
        self.log.as_ref().and_then(Log::fault)
    }

    fn lazily_freed(&self) -> (u64, u64) {
        self.freer.counts()
    }

    fn allocator(&self) -> &'static str {
        process::ALLOCATOR
    }
}

/// Gives a turn to every task that is ready on this thread now, but not to those whose input has yet to be looked for:
/// [`tokio::task::yield_now`] looks first, and replies that could leave would wait for requests that could not.
async fn others_first() {
    let mut had_turn = false;
    let turn = std::future::poll_fn(|context| {
        if had_turn {
            return Poll::Ready(());
        }
        had_turn = true;
        context.waker().wake_by_ref();
        Poll::Pending
    });
    turn.await;
}

/// Keys of all databases.
fn shards_len(shards: &[Shard]) -> u64 {
    shards.iter().map(|shard| (0..shard.databases()).map(|db| shard.database(db).len() as u64).sum::<u64>()).sum()
}

/// Random bits from the operating system, for hash secrets and seeds.
pub fn system_seed() -> std::io::Result<[u64; 4]> {
    use std::io::Read;
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(chunk.try_into().expect("chunks of eight"));
    }
    Ok(words)
}

/// A generator of its own for one connection.
pub fn connection_random(id: ClientId, seed: u64) -> Random {
    Random::new(seed ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
