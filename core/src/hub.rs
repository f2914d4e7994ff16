//! What all clients of a server share besides data: settings, the list of clients, statistics.
//!
//! The hub is held only by commands whose row says so. What the hot path must know of it stands in [`Signals`] and
//! in the snapshot of the settings that each host thread keeps.

mod by_client;
mod rates;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::command::registry;
use crate::effects::ErrorCounts;
use crate::session::{ClientId, ClientRecord};
use crate::settings::Settings;
use crate::store::Status;

pub use by_client::ByClient;
pub use rates::Rates;

/// A client as CLIENT LIST knows it.
#[derive(Debug)]
pub struct Client {
    /// `ip:port` or the path of the Unix socket with `:0`.
    pub address: String,
    /// The listener's own `ip:port`.
    pub local_address: String,
    /// File descriptor, −1 where there is none.
    pub descriptor: i64,
    /// Unix time of its arrival in milliseconds.
    pub created_ms: u64,
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: Vec<u8>,
    /// The live part, written by the client's own commands.
    pub record: Arc<ClientRecord>,
}

impl Client {
    /// Memory of a client and its buffers, in bytes.
    pub fn bytes(record: &ClientRecord) -> u64 {
        record.buffer_bytes() + size_of::<Self>() as u64
    }
}

/// How snapshots and the log stand, for INFO and LASTSAVE. The host keeps it up to date.
#[derive(Clone, Debug, Default)]
pub struct Persistence {
    /// Whether there is a log.
    pub has_log: bool,
    /// When the running snapshot began, Unix time in milliseconds.
    pub running_since_ms: Option<u64>,
    /// Keys that the running snapshot has looked at, and how many there were at its beginning.
    pub progress: (u64, u64),
    /// When the last snapshot was complete, or the server started, Unix time in milliseconds.
    pub last_save_ms: u64,
    /// How long the last snapshot took, in milliseconds.
    pub last_duration_ms: Option<u64>,
    /// Why the last snapshot failed.
    pub last_error: Option<String>,
    /// Snapshots that were completed.
    pub snapshots: u64,
    /// Sum of [`crate::keyspace::shard::ShardStats::dirty`] that the last snapshot holds.
    pub saved_changes: u64,
    /// How often the log was healed after a fault.
    pub heals: u64,
    /// Bytes that were cut off the end of the log at the start.
    pub truncated_bytes: u64,
    /// Keys that were loaded at the start, and how long that took in milliseconds.
    pub loaded_keys: u64,
    /// See `loaded_keys`.
    pub load_ms: u64,
}

/// What every session must know at once, read without holding the hub.
#[derive(Debug, Default)]
pub struct Signals {
    /// Moves with every change of the settings.
    pub settings_epoch: AtomicU64,
    /// Clients wait until this Unix time in milliseconds: CLIENT PAUSE.
    pub pause_until_ms: AtomicU64,
    /// The pause holds all commands, not only writes.
    pub pause_all: AtomicBool,
    /// Memory of all data and client buffers. Each shard and client adds what it has come to take or give back:
    /// background work sees to it that all have, and while there is a `maxmemory` whatever exceeds
    /// [`crate::keyspace::eviction::untold_bytes`] is told at once.
    pub memory_bytes: AtomicU64,
    /// The log cannot be written: commands that write are refused.
    pub write_fault: AtomicBool,
    /// DEBUG SET-ACTIVE-EXPIRE 0 stops active expiry.
    pub active_expiry_stopped: AtomicBool,
    /// DEBUG SET-SKIP-CHECKSUM-VALIDATION 1: RESTORE takes payloads whose checksums do not fit.
    pub dump_checksums_ignored: AtomicBool,
}

impl Signals {
    /// Whether data and client buffers take more than a limit; 0 is none.
    #[inline]
    pub fn exceeds(&self, limit_bytes: u64) -> bool {
        limit_bytes > 0 && self.memory_bytes.load(Ordering::Relaxed) > limit_bytes
    }

    /// Whether a command has to wait for the end of a pause.
    #[inline]
    pub fn holds_back(&self, writes: bool, now_ms: u64) -> bool {
        self.pause_until_ms.load(Ordering::Relaxed) > now_ms && (writes || self.pause_all.load(Ordering::Relaxed))
    }
}

/// Counters of one host thread. Only that thread adds, so plain loads and stores suffice; others read at any time.
#[derive(Debug)]
pub struct Counters {
    commands: Box<[CommandCounters]>,
    /// Connections accepted.
    pub connections: Counter,
    /// Connections refused: maxclients, protected mode.
    pub rejected_connections: Counter,
    /// Bytes received.
    pub received_bytes: Counter,
    /// Bytes sent.
    pub sent_bytes: Counter,
}

/// A number that one thread adds to and others read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds, from the owning thread.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What one command did: INFO commandstats.
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Runs.
    pub calls: Counter,
    /// Time spent in them.
    pub microseconds: Counter,
    /// Refused before running.
    pub rejected: Counter,
    /// Runs that answered an error.
    pub failed: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            commands: (0..registry().len()).map(|_| CommandCounters::default()).collect(),
            connections: Counter::default(),
            rejected_connections: Counter::default(),
            received_bytes: Counter::default(),
            sent_bytes: Counter::default(),
        }
    }
}

impl Counters {
    /// Runs of all commands together.
    pub fn calls(&self) -> u64 {
        self.commands.iter().map(|command| command.calls.get()).sum()
    }

    /// The counters of a command.
    #[inline]
    pub fn command(&self, index: usize) -> &CommandCounters {
        &self.commands[index]
    }

    fn reset(&self) {
        for command in &self.commands {
            command.calls.reset();
            command.microseconds.reset();
            command.rejected.reset();
            command.failed.reset();
        }
        self.connections.reset();
        self.rejected_connections.reset();
        self.received_bytes.reset();
        self.sent_bytes.reset();
    }
}

/// What the host knows and core may not ask the system for.
#[derive(Clone, Debug, Default)]
pub struct ProcessInfo {
    /// Process id, 0 where there is none.
    pub pid: u32,
    /// Operating system and architecture.
    pub os: String,
    /// Resident memory in bytes, 0 if unknown.
    pub resident_bytes: u64,
    /// Memory of the machine in bytes, 0 if unknown.
    pub system_bytes: u64,
    /// CPU time in user mode.
    pub user_seconds: f64,
    /// CPU time in the kernel.
    pub system_seconds: f64,
    /// Host threads that run commands.
    pub threads: usize,
    /// Path of the program.
    pub executable: String,
    /// Path of the configuration file, empty if there is none.
    pub config_file: String,
}

/// What commands may ask of their host while they run. The engine in a tab answers most of it with an error.
pub trait Host {
    /// Facts about the process.
    fn process(&self) -> ProcessInfo;

    /// Writes the settings back to the configuration file: CONFIG REWRITE. The error is the whole reply text.
    fn rewrite_config(&self, settings: &Settings) -> Result<(), String>;

    /// Stops the server: SHUTDOWN. The error is the whole reply text.
    fn shutdown(&self) -> Result<(), String>;

    /// Blocks everything for a while: DEBUG SLEEP.
    fn sleep(&self, duration: std::time::Duration);

    /// How the store behind the log stands; `None` where there is none.
    fn store_status(&self) -> Option<Status> {
        None
    }

    /// Flushes of the log that were carried out.
    fn log_flushes(&self) -> u64 {
        0
    }

    /// Why the log cannot be written at present.
    fn log_fault(&self) -> Option<String> {
        None
    }

    /// Keys whose large values wait to be freed, and those whose values have been.
    fn lazily_freed(&self) -> (u64, u64) {
        (0, 0)
    }

    /// Name of the memory allocator.
    fn allocator(&self) -> &'static str {
        "default"
    }
}

/// Shared state of a server.
#[derive(Debug)]
pub struct Hub {
    /// Settings in force. Sessions work on snapshots.
    pub settings: Arc<Settings>,
    /// What sessions read without the hub.
    pub signals: Arc<Signals>,
    /// Clients by number.
    pub clients: ByClient<Client>,
    /// Counters of every host thread.
    pub counters: Vec<Arc<Counters>>,
    /// Error replies by their first word.
    pub errors: ErrorCounts,
    /// Most clients at a time so far.
    pub peak_clients: usize,
    /// Largest memory use seen by INFO and by ticks, in bytes.
    pub peak_memory_bytes: usize,
    /// Unix time of the start in milliseconds.
    pub started_ms: u64,
    /// Forty hexadecimal digits that name this run.
    pub run_id: String,
    /// RESP port, 0 where there is none.
    pub port: u16,
    /// How fast statistics grow.
    pub rates: Rates,
    /// Snapshots and the log.
    pub persistence: Persistence,
    next_client: ClientId,
}

impl Hub {
    /// A hub without clients. `seed` names the run.
    pub fn new(settings: Arc<Settings>, started_ms: u64, seed: u64) -> Self {
        let mut random = crate::hash::Random::new(seed);
        let run_id = (0..3).map(|_| format!("{:016x}", random.next_u64())).collect::<String>()[..40].to_owned();
        Self {
            settings,
            signals: Arc::default(),
            clients: ByClient::default(),
            counters: Vec::new(),
            errors: ErrorCounts::default(),
            peak_clients: 0,
            peak_memory_bytes: 0,
            started_ms,
            run_id,
            port: 0,
            rates: Rates::default(),
            persistence: Persistence { last_save_ms: started_ms, ..Persistence::default() },
            next_client: 1,
        }
    }

    /// A number for the next client.
    pub fn next_client_id(&mut self) -> ClientId {
        let id = self.next_client;
        self.next_client += 1;
        id
    }

    /// Lists a client.
    pub fn add_client(&mut self, id: ClientId, client: Client) {
        self.clients.insert(id, client);
        self.peak_clients = self.peak_clients.max(self.clients.len());
    }

    /// Takes a client off the list.
    pub fn remove_client(&mut self, id: ClientId) {
        if let Some(client) = self.clients.remove(&id) {
            client.record.tell_bytes(&self.signals.memory_bytes, 0, 0);
        }
    }

    /// Memory of all clients' buffers, in bytes.
    pub fn client_bytes(&self) -> usize {
        let bytes: u64 = self.clients.values().map(|client| Client::bytes(&client.record)).sum();
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Lets the sum of all memory know what the clients take, and notes how high it is. The shards have told theirs.
    pub fn note_memory(&mut self) {
        let sum = &self.signals.memory_bytes;
        for client in self.clients.values() {
            client.record.tell_bytes(sum, Client::bytes(&client.record), 0);
        }
        let used = usize::try_from(sum.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        self.peak_memory_bytes = self.peak_memory_bytes.max(used);
    }

    /// Puts changed settings in force.
    pub fn replace_settings(&mut self, settings: Settings) {
        self.settings = Arc::new(settings);
        self.signals.settings_epoch.fetch_add(1, Ordering::Release);
    }

    /// CONFIG RESETSTAT. Another thread's addition may slip through.
    pub fn reset_statistics(&mut self) {
        self.counters.iter().for_each(|counters| counters.reset());
        self.errors.clear();
        self.rates = Rates::default();
    }

    /// Notes how far the statistics are. A host calls it about ten times a second.
    pub fn sample(&mut self, now_ms: u64) {
        let values = [
            self.sum(Counters::calls),
            self.sum(|counters| counters.received_bytes.get()),
            self.sum(|counters| counters.sent_bytes.get()),
        ];
        self.rates.sample(now_ms, values);
    }

    /// Sums a counter over all host threads.
    pub fn sum(&self, counter: impl Fn(&Counters) -> u64) -> u64 {
        self.counters.iter().map(|counters| counter(counters)).sum()
    }
}
