//! Snapshots of the keyspace while commands go on: on request, at save points, when the log has grown long, and to heal
//! the store after a fault. One thread takes them, one at a time.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use larder_core::effects::{Delivery, SnapshotWish};
use larder_core::keyspace::shard::Shard;
use larder_core::keyspace::snapshot::Progress;
use larder_core::keyspace::{ShardId, ShardSet};
use larder_core::rdb::{Form, write_database, write_end, write_header, write_sizes};
use larder_core::resp::{Protocol, Reply};
use larder_core::session::ClientId;
use larder_core::structure::rdb::crc64;
use larder_core::structure::rdb::length::write_string_as;

use super::log::Log;
use super::process::now_ms;
use super::{Shared, lock};

/// How often the thread looks whether a snapshot is due, and tries to heal a store.
const INTERVAL: Duration = Duration::from_millis(200);

/// Bytes written of one shard while it is held: a fraction of a millisecond.
const SLICE_BYTES: usize = 32 << 10;

/// What the thread is asked for.
#[derive(Default)]
pub struct Desk {
    orders: Mutex<Orders>,
    ordered: Condvar,
}

#[derive(Default)]
struct Orders {
    is_wanted: bool,
    waiters: Vec<ClientId>,
    stop: bool,
}

impl Desk {
    /// Asks for a snapshot that begins from now on.
    pub fn order(&self, wish: SnapshotWish) {
        let mut orders = lock(&self.orders);
        orders.is_wanted = true;
        orders.waiters.extend(wish.waiter);
        self.ordered.notify_one();
    }

    /// Ends the thread, after the snapshot that it may be at.
    pub fn stop(&self) {
        lock(&self.orders).stop = true;
        self.ordered.notify_one();
    }

    /// Waits for orders, or for a while.
    fn wait(&self) -> Orders {
        let orders = lock(&self.orders);
        let idle = |orders: &mut Orders| !orders.is_wanted && !orders.stop;
        let waited = self.ordered.wait_timeout_while(orders, INTERVAL, idle);
        let mut orders = waited.unwrap_or_else(PoisonError::into_inner).0;
        let stop = orders.stop;
        Orders { stop, ..std::mem::take(&mut *orders) }
    }
}

/// Takes snapshots until [`Desk::stop`]; for a thread of its own.
pub fn run(shared: &Shared) {
    let Some(log) = &shared.log else { return };
    loop {
        let orders = shared.desk.wait();
        if orders.stop && !orders.is_wanted {
            return;
        }
        if !orders.is_wanted && log.fault().is_none() && !is_due(shared, log) {
            continue;
        }
        let result = take(shared, log);
        let reply = |protocol| {
            let mut bytes = Vec::new();
            let mut reply = Reply::new(&mut bytes, protocol);
            match &result {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(&format!("ERR the snapshot failed: {error}")),
            }
            bytes
        };
        // Both are the same in either protocol.
        let bytes = reply(Protocol::Resp2);
        for client in orders.waiters {
            shared.deliver(Delivery { client, reply: bytes.clone(), depends_on: 0 });
        }
    }
}

/// Whether a save point has come, or the log has outgrown the snapshot.
fn is_due(shared: &Shared, log: &Log) -> bool {
    let status = log.store().status();
    let (changes, hub) = (shared.changes(), shared.hub());
    let (settings, persistence) = (&hub.settings, &hub.persistence);
    let since_ms = now_ms().saturating_sub(persistence.last_save_ms);
    let changed = changes.saturating_sub(persistence.saved_changes);
    let is_save_point =
        settings.save.0.iter().any(|point| since_ms >= point.seconds.saturating_mul(1000) && changed >= point.changes);
    let percentage = u64::from(settings.auto_aof_rewrite_percentage);
    let limit = status.snapshot_bytes.saturating_mul(100 + percentage) / 100;
    let is_long = percentage > 0 && status.log_bytes > limit.max(settings.auto_aof_rewrite_min_size_bytes);
    is_save_point || is_long
}

/// Takes a snapshot and says in the hub how it went.
fn take(shared: &Shared, log: &Log) -> Result<(), String> {
    let (begun, begun_ms) = (Instant::now(), now_ms());
    shared.hub().persistence.running_since_ms = Some(begun_ms);
    let heals = log.fault().is_some();
    let result = write(shared, log, heals);
    let mut hub = shared.hub();
    let persistence = &mut hub.persistence;
    persistence.running_since_ms = None;
    persistence.last_duration_ms = Some(begun.elapsed().as_millis() as u64);
    match result {
        Ok(changes) => {
            persistence.last_save_ms = now_ms();
            persistence.last_error = None;
            persistence.snapshots += 1;
            persistence.saved_changes = changes;
            if heals {
                persistence.heals += 1;
                tracing::info!("the log is healed");
            }
            Ok(())
        }
        Err(error) => {
            if persistence.last_error.as_ref() != Some(&error) {
                tracing::error!("the snapshot failed: {error}");
            }
            persistence.last_error = Some(error.clone());
            Err(error)
        }
    }
}

/// Writes a snapshot, which `heals` the log if the store had failed before. Answers how many changes it holds.
fn write(shared: &Shared, log: &Log, heals: bool) -> Result<u64, String> {
    let form = Form::new(&shared.hub().settings);
    let mut file = log.store().begin_snapshot().map_err(|error| error.to_string())?;
    let (lsn, changes, sizes) = {
        let mut guards = shared.shards(ShardSet::All);
        guards.iter_mut().for_each(|(_, shard)| shard.begin_snapshot(form));
        let sizes: Vec<(usize, usize)> = (0..shared.layout.databases() as u16).map(|db| sizes(&guards, db)).collect();
        (log.mark(), guards.iter().map(|(_, shard)| shard.stats.dirty).sum(), sizes)
    };
    let mut sum = 0;
    let mut out = Vec::new();
    write_header(form.version, &mut out);
    for (db, (keys, deadlines)) in (0..).zip(sizes).filter(|(_, (keys, _))| *keys > 0) {
        write_database(db, &mut out);
        write_sizes(keys, deadlines, &mut out);
    }
    let mut put = |out: &mut Vec<u8>| {
        sum = crc64::update(sum, out);
        let result = file.write_all(out);
        out.clear();
        result
    };
    let mut result = Ok(());
    let mut rest: VecDeque<ShardId> = (0..shared.shard_count()).collect();
    while let Some(id) = rest.pop_front() {
        let begun = Instant::now();
        let progress = shared.shard(id).snapshot_slice(SLICE_BYTES, &mut out);
        match progress {
            Progress::WithinValue => rest.push_front(id),
            Progress::More => rest.push_back(id),
            Progress::LongText(text) => {
                if result.is_ok() {
                    write_string_as(&mut out, &text, form.compression);
                }
                rest.push_back(id);
            }
            Progress::Over { is_whole: true } => {}
            Progress::Over { is_whole: false } => result = Err(std::io::Error::other("a value was lost on the way")),
        }
        if result.is_ok() {
            result = put(&mut out);
            if result.is_err() {
                // The walk goes on to its end, or the next snapshot would find some entries on the wrong side.
                (0..shared.shard_count()).for_each(|id| shared.shard(id).discard_snapshot());
            }
        }
        out.clear();
        // Others come first: the thread rests for as long as it has worked.
        std::thread::sleep(begun.elapsed());
    }
    write_end(&mut out);
    result.and_then(|()| put(&mut out)).map_err(|error| error.to_string())?;
    file.write_all(&sum.to_le_bytes()).map_err(|error| error.to_string())?;
    file.commit(lsn).map_err(|error| error.to_string())?;
    // A fault that came meanwhile stays: the file does not hold what was written after its beginning.
    if heals {
        log.healed(lsn);
    }
    Ok(changes)
}

/// The keys of a database, and how many of them have an expiry.
fn sizes(guards: &[(ShardId, MutexGuard<'_, Shard>)], db: u16) -> (usize, usize) {
    let tables = guards.iter().map(|(_, shard)| shard.database(db));
    tables.fold((0, 0), |(keys, deadlines), table| (keys + table.len(), deadlines + table.deadlines()))
}

/// Starts the thread.
pub fn start(shared: &Arc<Shared>) -> std::io::Result<std::thread::JoinHandle<()>> {
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name("larder-snapshot".to_owned()).spawn(move || run(&shared))
}
