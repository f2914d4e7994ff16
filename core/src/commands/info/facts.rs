//! What INFO knows, gathered once for all sections.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::command::{CommandId, registry};
use crate::context::Context;
use crate::hash::Random;
use crate::hub::{Client, Counters, Hub, Persistence, ProcessInfo};
use crate::keyspace::entry::Entry;
use crate::keyspace::shard::{Shard, ShardStats};
use crate::keyspace::table::Table;
use crate::settings::Settings;
use crate::store::Status;

/// Keys of each shard and database whose time to live is looked at for their average.
const TTL_SAMPLES: u64 = 4;

/// What INFO shows.
pub(super) struct Facts {
    pub now_us: u64,
    pub settings: Arc<Settings>,
    pub process: ProcessInfo,
    pub allocator: &'static str,
    /// Keys whose values wait to be freed, and those whose values have been.
    pub lazily_freed: (u64, u64),
    pub started_ms: u64,
    pub run_id: String,
    pub port: u16,
    /// Entries and tables of all shards.
    pub data_bytes: usize,
    /// Buffers of all clients.
    pub client_bytes: usize,
    pub peak_bytes: usize,
    pub clients: usize,
    pub blocked_clients: usize,
    pub connections: u64,
    pub rejected_connections: u64,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    /// Commands, received bytes and sent bytes a second, if the host takes samples.
    pub rates: Option<[f64; 3]>,
    pub keys: ShardStats,
    pub persistence: Persistence,
    /// The store behind the log.
    pub store: Option<Status>,
    /// Flushes of the log.
    pub log_flushes: u64,
    /// Why the log cannot be written at present.
    pub log_fault: Option<String>,
    pub commands: Vec<CommandFacts>,
    /// Error replies by their first word.
    pub errors: Vec<(String, u64)>,
    pub databases: Vec<DatabaseFacts>,
}

/// What one command did.
pub(super) struct CommandFacts {
    pub name: &'static str,
    pub calls: u64,
    pub microseconds: u64,
    pub rejected: u64,
    pub failed: u64,
}

/// What one database holds.
#[derive(Default)]
pub(super) struct DatabaseFacts {
    pub number: u16,
    pub keys: usize,
    pub with_deadline: usize,
    /// Average time to live of the keys that have one, from samples.
    pub average_ttl_ms: u64,
}

impl Facts {
    /// Reads everything. Needs the hub and all shards.
    pub fn gather(cx: &mut Context) -> Self {
        let signals = Arc::clone(&cx.hub().signals);
        cx.keys.tell_bytes(&signals.memory_bytes, 0);
        let shards: Vec<&Shard> = cx.keys.shards().map(|shard| &*shard).collect();
        let data_bytes = shards.iter().map(|shard| shard.heap_bytes()).sum();
        let keys = shards.iter().fold(ShardStats::default(), |sum, shard| add(sum, shard.stats));
        let databases = databases(&shards, cx.env.now_ms(), &mut cx.random);
        // Errors of this very batch are on their way to the hub.
        let pending = std::mem::take(&mut cx.effects.errors);
        let (env, hub) = (cx.env, cx.hub());
        hub.errors.join(&pending);
        hub.note_memory();
        let used_bytes = usize::try_from(hub.signals.memory_bytes.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let client_bytes = used_bytes.saturating_sub(data_bytes);
        let blocked = |client: &&Client| client.record.blocked.load(Ordering::Relaxed);
        Self {
            now_us: env.now_us,
            settings: Arc::clone(&hub.settings),
            process: env.host.process(),
            allocator: env.host.allocator(),
            lazily_freed: env.host.lazily_freed(),
            started_ms: hub.started_ms,
            run_id: hub.run_id.clone(),
            port: hub.port,
            data_bytes,
            client_bytes,
            peak_bytes: hub.peak_memory_bytes,
            clients: hub.clients.len(),
            blocked_clients: hub.clients.values().filter(blocked).count(),
            connections: hub.sum(|counters| counters.connections.get()),
            rejected_connections: hub.sum(|counters| counters.rejected_connections.get()),
            received_bytes: hub.sum(|counters| counters.received_bytes.get()),
            sent_bytes: hub.sum(|counters| counters.sent_bytes.get()),
            rates: hub.rates.per_second(),
            keys,
            persistence: hub.persistence.clone(),
            store: env.host.store_status(),
            log_flushes: env.host.log_flushes(),
            log_fault: env.host.log_fault(),
            commands: registry().iter().map(|id| command(hub, id)).collect(),
            errors: hub.errors.iter().map(|(prefix, count)| (prefix.to_owned(), count)).collect(),
            databases,
        }
    }

    /// Unix time in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.now_us / 1000
    }

    /// All memory that is accounted for.
    pub fn used_bytes(&self) -> usize {
        self.data_bytes + self.client_bytes
    }
}

fn add(sum: ShardStats, shard: ShardStats) -> ShardStats {
    ShardStats {
        hits: sum.hits + shard.hits,
        misses: sum.misses + shard.misses,
        expired: sum.expired + shard.expired,
        evicted: sum.evicted + shard.evicted,
        dirty: sum.dirty + shard.dirty,
    }
}

fn command(hub: &Hub, id: CommandId) -> CommandFacts {
    let sum = |field: fn(&Counters, usize) -> u64| hub.sum(|counters| field(counters, id.index()));
    CommandFacts {
        name: id.full_name(),
        calls: sum(|counters, i| counters.command(i).calls.get()),
        microseconds: sum(|counters, i| counters.command(i).microseconds.get()),
        rejected: sum(|counters, i| counters.command(i).rejected.get()),
        failed: sum(|counters, i| counters.command(i).failed.get()),
    }
}

/// The databases that hold keys.
fn databases(shards: &[&Shard], now_ms: u64, random: &mut Random) -> Vec<DatabaseFacts> {
    let numbers = 0..shards.first().map_or(0, |shard| shard.databases());
    numbers.map(|number| database(shards, number, now_ms, random)).filter(|facts| facts.keys > 0).collect()
}

fn database(shards: &[&Shard], number: u16, now_ms: u64, random: &mut Random) -> DatabaseFacts {
    let mut facts = DatabaseFacts { number, ..DatabaseFacts::default() };
    let mut weighted_ttl_ms = 0;
    for table in shards.iter().map(|shard| shard.database(number)) {
        facts.keys += table.len();
        facts.with_deadline += table.deadlines();
        weighted_ttl_ms += u128::from(sampled_ttl_ms(table, now_ms, random)) * table.deadlines() as u128;
    }
    if facts.with_deadline > 0 {
        let average_ms = weighted_ttl_ms / facts.with_deadline as u128;
        facts.average_ttl_ms = u64::try_from(average_ms).expect("an average of 64-bit numbers fits 64 bits");
    }
    facts
}

fn sampled_ttl_ms(table: &Table<Entry>, now_ms: u64, random: &mut Random) -> u64 {
    let sampled = (0..TTL_SAMPLES).filter_map(|_| table.random_with_deadline(random.next_u64())?.deadline_ms());
    let (count, sum) = sampled.fold((0, 0), |(count, sum): (u128, u128), deadline_ms| {
        (count + 1, sum + u128::from(deadline_ms.saturating_sub(now_ms)))
    });
    sum.checked_div(count)
        .map_or(0, |average| u64::try_from(average).expect("an average of 64-bit numbers fits 64 bits"))
}
