//! A whole server without a host: one shard, its sessions and the hub, driven by one caller.
//!
//! The WASM build, the tests and later the simulator run on it. Bytes go in with the time, bytes come out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::connection::Connection;
use crate::context::Env;
use crate::effects::Effects;
use crate::execute::execute;
use crate::hash::Random;
use crate::hub::{ByClient, Client, Counters, Host, Hub, ProcessInfo, Signals};
use crate::keyspace::eviction::{Evictor, Shards, TURNS_PER_LOOK, patience_us};
use crate::keyspace::shard::Shard;
use crate::keyspace::{Held, Layout, ShardId, ShardSet};
use crate::plan::plan;
use crate::resp::Reply;
use crate::retry::{give_up, resume, unpark};
use crate::session::{ClientId, Session};
use crate::settings::Settings;

/// A keyspace with its clients on one thread.
#[derive(Debug)]
pub struct Engine {
    hub: Hub,
    /// The hub's own, beside it so that commands may change the hub while they run.
    signals: Arc<Signals>,
    settings: Arc<Settings>,
    settings_epoch: u64,
    layout: Layout,
    shards: Vec<Shard>,
    connections: ByClient<Connection>,
    counters: Arc<Counters>,
    effects: Effects,
    random: Random,
    evictor: Evictor,
}

/// The shards of an engine, for eviction.
struct Lent<'a>(&'a mut [Shard]);

impl Shards for Lent<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn hold<R>(&mut self, id: ShardId, work: impl FnOnce(&mut Shard) -> R) -> R {
        work(&mut self.0[id])
    }
}

/// The host that an engine without a process around it has.
#[derive(Debug)]
struct NoHost;

impl Host for NoHost {
    fn process(&self) -> ProcessInfo {
        ProcessInfo { os: std::env::consts::ARCH.to_owned(), threads: 1, ..ProcessInfo::default() }
    }

    fn rewrite_config(&self, _: &Settings) -> Result<(), String> {
        Err("ERR The server is running without a config file".to_owned())
    }

    fn shutdown(&self) -> Result<(), String> {
        Err("ERR SHUTDOWN is for servers: this engine belongs to its caller".to_owned())
    }

    fn sleep(&self, _: std::time::Duration) {
        // Time is the caller's: there is nothing to wait on.
    }
}

/// What MIGRATE hears.
const NO_NETWORK: &[u8] = b"-ERR MIGRATE needs a server: this engine has no network\r\n";

/// Says when a command has evicted for long enough. Core knows no clock; a key takes about a microsecond.
fn patience(settings: &Settings) -> impl FnMut() -> bool + use<> {
    let patience_us = patience_us(settings.maxmemory_eviction_tenacity);
    let mut spent_us = 0;
    move || {
        spent_us += TURNS_PER_LOOK as u64;
        spent_us >= patience_us
    }
}

impl Engine {
    /// An empty engine with default settings. The seed decides hashes and random choices.
    pub fn new(seed: u64, now_ms: u64) -> Self {
        Self::with_settings(Settings::default(), seed, now_ms)
    }

    /// An empty engine with one shard.
    #[inline(never)]
    pub fn with_settings(settings: Settings, seed: u64, now_ms: u64) -> Self {
        let mut random = Random::new(seed);
        let layout = Layout::new(1, settings.databases, [random.next_u64(), random.next_u64()]);
        let settings = Arc::new(settings);
        let mut hub = Hub::new(Arc::clone(&settings), now_ms, random.next_u64());
        let counters = Arc::new(Counters::default());
        hub.counters.push(Arc::clone(&counters));
        Self {
            signals: Arc::clone(&hub.signals),
            hub,
            settings,
            settings_epoch: 0,
            layout,
            shards: layout.build(),
            connections: ByClient::default(),
            counters,
            effects: Effects::default(),
            evictor: Evictor::new(seed),
            random,
        }
    }

    /// Ends the engine and gives its memory back. Being here, the code that drops everything is compiled like core, for
    /// size in the WASM build, and not like the crate that calls it.
    #[inline(never)]
    pub fn discard(self) {}

    /// Adds a client and returns its number.
    #[inline(never)]
    pub fn open(&mut self, now_ms: u64) -> ClientId {
        let id = self.hub.next_client_id();
        let mut session = Session::new(id, self.settings.requirepass.is_empty());
        session.may_wait = true;
        let client = Client {
            address: format!("engine:{id}"),
            local_address: "engine:0".to_owned(),
            descriptor: -1,
            created_ms: now_ms,
            name: Vec::new(),
            library_name: Vec::new(),
            library_version: Vec::new(),
            record: Arc::clone(&session.record),
        };
        self.hub.add_client(id, client);
        self.connections.insert(id, Connection::new(session));
        self.counters.connections.add(1);
        id
    }

    /// Removes a client.
    #[inline(never)]
    pub fn close(&mut self, id: ClientId) {
        if let Some(mut connection) = self.connections.remove(&id) {
            if let Some(parked) = resume(&mut connection.session) {
                unpark(Held::One(0, &mut self.shards[0]), &self.layout, &parked);
            }
            connection.session.end_watches(|shard, db, key| self.shards[shard].unwatch(db, key));
        }
        self.hub.remove_client(id);
    }

    /// Whether a client is still there: QUIT, CLIENT KILL and protocol errors remove it.
    pub fn is_open(&self, id: ClientId) -> bool {
        self.connections.contains_key(&id)
    }

    /// Feeds bytes of a client, runs every whole request in them and appends the replies to `out`. Requests that a
    /// pause holds back, or that follow one that waits for data, stay in the client's input until a later call.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn exec(&mut self, id: ClientId, input: &[u8], now_ms: u64, out: &mut Vec<u8>) {
        // The list steps aside as a whole, so that the client is worked on in its place beside the rest of the engine.
        let mut connections = std::mem::take(&mut self.connections);
        let closing = connections.get_mut(&id).is_some_and(|connection| {
            connection.input.feed(input);
            self.counters.received_bytes.add(input.len() as u64);
            // What has come while others worked goes first.
            out.append(&mut connection.out);
            std::mem::swap(&mut connection.out, out);
            let before = connection.out.len();
            self.run_requests(connection, now_ms);
            self.counters.sent_bytes.add((connection.out.len() - before) as u64);
            std::mem::swap(&mut connection.out, out);
            connection.session.closing
        });
        self.connections = connections;
        if closing {
            self.close(id);
        }
        while !self.effects.is_empty() {
            self.carry_out_effects(now_ms);
        }
    }

    /// Whether a client's request waits for data.
    pub fn is_waiting(&self, id: ClientId) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.session.parked.is_some())
    }

    /// One slice of background work; says whether more is due right away.
    #[inline(never)]
    pub fn tick(&mut self, now_ms: u64) -> bool {
        self.sum_memory();
        self.end_overdue_waits(now_ms);
        let stopped = self.signals.active_expiry_stopped.load(Ordering::Relaxed);
        let mut more = self.evict(now_ms);
        if !stopped {
            // Every shard gets its slice, whether or not an earlier one has more.
            self.shards.iter_mut().for_each(|shard| more |= shard.tick(now_ms));
        }
        more
    }

    /// When [`Engine::tick`] has something to do at the latest, Unix time in milliseconds.
    #[inline(never)]
    pub fn next_deadline(&self) -> Option<u64> {
        let waits =
            self.connections.values().filter_map(|connection| connection.session.parked.as_ref()?.wait.deadline_ms);
        self.shards.iter().filter_map(Shard::next_deadline).chain(waits).min()
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    fn run_requests(&mut self, connection: &mut Connection, now_ms: u64) {
        while !connection.session.closing && connection.session.parked.is_none() {
            self.refresh_settings();
            match connection.advance(&self.settings) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let protocol = connection.session.protocol;
                    error.write(&mut Reply::new(&mut connection.out, protocol));
                    connection.session.closing = true;
                    return;
                }
            }
            if !self.run_request(connection, now_ms) {
                connection.postpone_request();
                return;
            }
        }
    }

    /// Runs the request the connection stands at. Answers false if a pause holds it back.
    #[cfg_attr(hot_paths, optimize(speed))]
    fn run_request(&mut self, connection: &mut Connection, now_ms: u64) -> bool {
        let Self { hub, signals, settings, layout, shards, counters, effects, random, evictor, .. } = self;
        let env = Env {
            now_us: now_ms.saturating_mul(1000),
            seed: random.next_u64(),
            settings,
            layout,
            signals,
            counters,
            journal: None,
            host: &NoHost,
        };
        let (session, args, out) = connection.parts();
        let mut plan = plan(session, args, &env);
        if signals.holds_back(plan.writes, now_ms) {
            return false;
        }
        if plan.needs_room && !evictor.make_room(&mut Lent(shards), env, effects, patience(settings)) {
            plan = plan.refused_for_memory(session);
        }
        let held = match plan.shards {
            ShardSet::None => Held::None,
            ShardSet::One(_) | ShardSet::Many(_) | ShardSet::All if shards.len() == 1 => Held::One(0, &mut shards[0]),
            _ => Held::Many(shards.iter_mut().enumerate().collect()),
        };
        execute(session, held, Some(hub), plan, args, env, out, effects);
        true
    }

    /// One slice of eviction, for what was taken without a command that makes room: a new limit. Says whether more is
    /// due.
    fn evict(&mut self, now_ms: u64) -> bool {
        let Self { signals, settings, layout, shards, counters, effects, random, evictor, .. } = self;
        if !signals.exceeds(settings.maxmemory_bytes) {
            return false;
        }
        let env = Env {
            now_us: now_ms.saturating_mul(1000),
            seed: random.next_u64(),
            settings,
            layout,
            signals,
            counters,
            journal: None,
            host: &NoHost,
        };
        evictor.make_room(&mut Lent(shards), env, effects, patience(settings))
            && signals.exceeds(settings.maxmemory_bytes)
    }

    fn sum_memory(&mut self) {
        self.shards.iter_mut().for_each(|shard| shard.tell_bytes(&self.signals.memory_bytes, 0));
        self.hub.note_memory();
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    fn refresh_settings(&mut self) {
        let epoch = self.signals.settings_epoch.load(Ordering::Acquire);
        if epoch != self.settings_epoch {
            self.settings = Arc::clone(&self.hub.settings);
            self.settings_epoch = epoch;
        }
    }

    /// Ends waits whose time is over.
    fn end_overdue_waits(&mut self, now_ms: u64) {
        let is_overdue = |connection: &Connection| {
            let parked = connection.session.parked.as_ref();
            parked.and_then(|parked| parked.wait.deadline_ms).is_some_and(|deadline_ms| deadline_ms <= now_ms)
        };
        let overdue = self.connections.iter().filter(|(_, connection)| is_overdue(connection));
        for id in overdue.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end_wait(id, None, now_ms);
        }
        while !self.effects.is_empty() {
            self.carry_out_effects(now_ms);
        }
    }

    /// Ends a client's wait with a reply, or without, and runs what it has sent since.
    #[inline(never)]
    fn end_wait(&mut self, id: ClientId, reply: Option<Vec<u8>>, now_ms: u64) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        match (reply, connection.session.parked.clone()) {
            (Some(reply), parked) => {
                resume(&mut connection.session);
                if !parked.is_some_and(|parked| parked.is_silent()) {
                    connection.out.extend_from_slice(&reply);
                }
            }
            (None, Some(parked)) => {
                unpark(Held::One(0, &mut self.shards[0]), &self.layout, &parked);
                give_up(&mut connection.session, None, &mut connection.out);
            }
            (None, None) => {}
        }
        self.run_requests(&mut connection, now_ms);
        let closing = connection.session.closing;
        self.connections.insert(id, *connection);
        if closing {
            self.close(id);
        }
    }

    #[cold]
    #[inline(never)]
    fn carry_out_effects(&mut self, now_ms: u64) {
        let effects = std::mem::take(&mut self.effects);
        if effects.settings_changed {
            self.sum_memory();
        }
        if let Some(migration) = effects.migration {
            migration.end_watches(|shard, db, key| self.shards[shard].unwatch(db, key));
            self.end_wait(migration.client, Some(NO_NETWORK.to_vec()), now_ms);
        }
        for delivery in effects.deliver {
            self.end_wait(delivery.client, Some(delivery.reply), now_ms);
        }
        for id in effects.wake {
            self.end_wait(id, None, now_ms);
        }
        for id in effects.close {
            self.close(id);
        }
        self.hub.errors.join(&effects.errors);
    }
}
