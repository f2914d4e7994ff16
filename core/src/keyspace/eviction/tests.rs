use std::sync::Mutex;

use super::*;
use crate::engine::Engine;
use crate::hub::{Counters, Host, ProcessInfo, Signals};
use crate::journal::Journal;
use crate::session::ClientId;
use crate::store::Lsn;

const START_MS: u64 = 1_700_000_000_000;

/// A server with a client, its time and its replies.
struct Server {
    engine: Engine,
    client: ClientId,
    now_ms: u64,
}

impl Server {
    fn new() -> Self {
        let mut engine = Engine::new(7, START_MS);
        let client = engine.open(START_MS);
        Self { engine, client, now_ms: START_MS }
    }

    fn run(&mut self, line: &str) -> String {
        let mut out = Vec::new();
        self.engine.exec(self.client, format!("{line}\r\n").as_bytes(), self.now_ms, &mut out);
        String::from_utf8(out).expect("replies in these tests are text")
    }

    fn info(&mut self, field: &str) -> u64 {
        let text = self.run("INFO everything");
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.and_then(|value| value.parse().ok()).expect("a number")
    }

    /// A limit that leaves this much more, under a policy.
    fn limit(&mut self, room_bytes: u64, policy: &str) -> u64 {
        let limit = self.info("used_memory") + room_bytes;
        assert_eq!(self.run(&format!("CONFIG SET maxmemory {limit} maxmemory-policy {policy}")), "+OK\r\n");
        limit
    }

    /// How many of the keys `{prefix}0`, `{prefix}1`, … below a number exist.
    fn count(&mut self, prefix: &str, keys: u32) -> u32 {
        (0..keys).map(|i| u32::from(self.run(&format!("EXISTS {prefix}{i}")) == ":1\r\n")).sum()
    }
}

const VALUE: &str =
    "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";
const POLICIES: [&str; 7] =
    ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"];

#[test]
fn every_policy_keeps_the_limit() {
    for policy in POLICIES {
        let mut server = Server::new();
        let limit = server.limit(300_000, policy);
        for i in 0..6000 {
            assert_eq!(server.run(&format!("SETEX k{i} {} {VALUE}", 1000 + i)), "+OK\r\n", "{policy}");
            if i % 100 == 0 {
                let used = server.info("used_memory");
                assert!(used <= limit + limit / 100 + 200, "{policy}: {used} of {limit}");
            }
        }
        let (used, evicted) = (server.info("used_memory"), server.info("evicted_keys"));
        assert!(used > limit * 9 / 10, "{policy}: no more than needed goes: {used} of {limit}");
        assert!((3000..5500).contains(&evicted), "{policy}: {evicted}");
    }
}

#[test]
fn keys_without_expiry_stay_under_volatile_policies() {
    for policy in POLICIES.iter().filter(|policy| policy.starts_with("volatile")) {
        let mut server = Server::new();
        server.limit(200_000, policy);
        for i in 0..500 {
            assert_eq!(server.run(&format!("SET stays{i} {VALUE}")), "+OK\r\n");
        }
        for i in 0..3000 {
            assert_eq!(server.run(&format!("SETEX goes{i} 1000 {VALUE}")), "+OK\r\n", "{policy}");
        }
        assert_eq!(server.count("stays", 500), 500, "{policy}");
        let refused = (500..3000).any(|i| server.run(&format!("SET stays{i} {VALUE}")).starts_with("-OOM"));
        assert!(refused, "{policy}: nothing more may go");
        assert_eq!(server.count("goes", 3000), 0, "{policy}");
        assert_eq!(server.run("GET stays0").len(), VALUE.len() + 8, "reading goes on");
        // What is freed can be used at once.
        (0..20).for_each(|i| drop(server.run(&format!("DEL stays{i}"))));
        assert_eq!(server.run(&format!("SET stays0 {VALUE}")), "+OK\r\n");
    }
}

/// Fills a server to its limit with two groups of a thousand keys, makes one of them worth more and adds 700 keys.
/// Answers how many remain of each group.
fn compete(policy: &str, mut prefer: impl FnMut(&mut Server, u32)) -> (u32, u32) {
    const KEYS: u32 = 1000;
    const MORE_KEYS: u32 = 700;
    let mut server = Server::new();
    server.run(&format!("CONFIG SET maxmemory-policy {policy}"));
    for i in 0..KEYS {
        server.run(&format!("SETEX good{i} 5000 {VALUE}"));
        server.run(&format!("SETEX poor{i} 5000 {VALUE}"));
    }
    (0..KEYS).for_each(|i| prefer(&mut server, i));
    server.limit(1000, policy);
    for i in 0..MORE_KEYS {
        server.now_ms += 10;
        assert_eq!(server.run(&format!("SETEX new{i} 5000 {VALUE}")), "+OK\r\n", "{policy}");
    }
    (server.count("good", KEYS), server.count("poor", KEYS))
}

#[test]
fn what_is_used_stays() {
    let use_one = |server: &mut Server, i: u32| {
        server.now_ms += 20;
        for _ in 0..4 {
            server.run(&format!("GET good{i}"));
        }
    };
    for policy in ["allkeys-lru", "volatile-lru", "allkeys-lfu", "volatile-lfu"] {
        let (good, poor) = compete(policy, use_one);
        assert!(good >= 960 && poor <= 600, "{policy}: {good} used and {poor} unused keys remain");
    }
    let (good, poor) = compete("volatile-ttl", |server, i| drop(server.run(&format!("EXPIRE poor{i} 4000"))));
    assert!(good >= 960 && poor <= 400, "{good} keys with much and {poor} with little time remain");
    let (good, poor) = compete("allkeys-random", use_one);
    assert!((500..850).contains(&good) && good.abs_diff(poor) < 150, "by chance: {good} and {poor}");
}

#[test]
fn frequency_is_of_the_key_and_decays() {
    let mut server = Server::new();
    server.run("CONFIG SET maxmemory-policy allkeys-lfu lfu-log-factor 0");
    server.run("SET k 1");
    assert_eq!(server.run("OBJECT FREQ k"), ":5\r\n");
    (0..20).for_each(|_| drop(server.run("GET k")));
    assert_eq!(server.run("OBJECT FREQ k"), ":25\r\n");
    server.run("SET k 2");
    assert_eq!(server.run("OBJECT FREQ k"), ":26\r\n", "a new value is another use");
    server.now_ms += 10 * 60_000;
    assert_eq!(server.run("OBJECT FREQ k"), ":16\r\n", "one a minute");
    server.run("CONFIG SET lfu-decay-time 5");
    assert_eq!(server.run("OBJECT FREQ k"), ":24\r\n");
}

#[test]
fn clocks_that_differ_a_little_make_nobody_old() {
    let clock = AccessClock::Seconds(100);
    assert_eq!(clock.idle_seconds(40), 60);
    assert_eq!(clock.idle_seconds(103), 0, "used by a thread that read the time later");
    assert_eq!(clock.idle_seconds(0xff_ff00), 100 + 0x100, "the clock has 24 bits");
}

#[test]
fn eviction_is_a_change_to_those_who_watch() {
    let mut server = Server::new();
    let watcher = server.client;
    server.run(&format!("SET k {VALUE}"));
    server.run("WATCH k");
    server.client = server.engine.open(START_MS);
    server.run("CONFIG SET maxmemory 1 maxmemory-policy allkeys-random");
    assert!(server.run("SET other 1").starts_with("-OOM"), "buffers of clients alone exceed the limit");
    assert_eq!(server.run("DBSIZE"), ":0\r\n");
    server.run("CONFIG SET maxmemory 0");
    server.client = watcher;
    server.run("MULTI");
    server.run("PING");
    assert_eq!(server.run("EXEC"), "*-1\r\n");
}

#[test]
fn a_lower_limit_is_approached_in_slices_and_then_held() {
    let mut server = Server::new();
    for i in 0..20_000 {
        server.run(&format!("SET k{i} {VALUE}"));
    }
    let full = server.info("used_memory");
    let limit = full / 2;
    server.run(&format!("CONFIG SET maxmemory {limit} maxmemory-policy allkeys-lru"));
    assert_eq!(server.run("SET a 1"), "+OK\r\n");
    let after = server.info("used_memory");
    assert!(after < full && after > limit * 3 / 2, "one command does not pay for all: {after} of {full}");
    let mut slices = 1;
    while server.engine.tick(server.now_ms) {
        slices += 1;
    }
    let after = server.info("used_memory");
    assert!(after <= limit && after > limit * 9 / 10 && slices > 5, "{after} of {limit} after {slices} slices");
    // A large value makes as much room as it takes, however long that lasts.
    server.run("SETRANGE large 400000 x");
    server.run("SET a 1");
    let after = server.info("used_memory");
    assert!(after <= limit + limit / 100, "{after} of {limit}");
}

#[test]
fn nothing_is_evicted_while_clients_are_paused() {
    let mut server = Server::new();
    (0..100).for_each(|i| drop(server.run(&format!("SET k{i} {VALUE}"))));
    server.run("CLIENT PAUSE 1000 WRITE");
    server.run("CONFIG SET maxmemory 1 maxmemory-policy allkeys-lru");
    server.engine.tick(server.now_ms);
    assert_eq!(server.run("DBSIZE"), ":100\r\n");
    server.now_ms += 1001;
    while server.engine.tick(server.now_ms) {}
    assert_eq!(server.run("DBSIZE"), ":0\r\n");
}

#[test]
fn all_databases_lose_keys_in_proportion() {
    let mut server = Server::new();
    for db in 0..4 {
        server.run(&format!("SELECT {db}"));
        (0..500).for_each(|i| drop(server.run(&format!("SET k{i} {VALUE}"))));
    }
    server.limit(0, "allkeys-lru");
    server.run("SELECT 9");
    (0..1000).for_each(|i| drop(server.run(&format!("SET k{i} {VALUE}"))));
    for db in 0..4 {
        server.run(&format!("SELECT {db}"));
        let left = server.count("k", 500);
        assert!((100..400).contains(&left), "database {db} keeps {left}");
    }
}

#[test]
fn patience_grows_with_tenacity() {
    let us: Vec<u64> = [0, 1, 10, 11, 50, 99, 100].into_iter().map(patience_us).collect();
    assert_eq!(us[..4], [0, 50, 500, 575]);
    assert!((130_000..140_000).contains(&us[4]) && us[5] > 100_000_000 && us[6] == u64::MAX, "{us:?}");
}

/// Writes down what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<Vec<u8>>>);

impl Journal for Notes {
    fn append(&self, _: u64, db: u16, requests: &mut dyn FnMut(&mut Vec<u8>)) -> Lsn {
        assert_eq!(db, 3);
        let mut notes = self.0.lock().expect("nobody panicked");
        let mut record = Vec::new();
        requests(&mut record);
        notes.push(record);
        notes.len() as Lsn
    }

    fn flushed(&self) -> Lsn {
        0
    }
}

struct Lent(Vec<Shard>);

impl Shards for Lent {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn hold<R>(&mut self, id: ShardId, work: impl FnOnce(&mut Shard) -> R) -> R {
        work(&mut self.0[id])
    }
}

struct Nobody;

impl Host for Nobody {
    fn process(&self) -> ProcessInfo {
        ProcessInfo::default()
    }

    fn rewrite_config(&self, _: &Settings) -> Result<(), String> {
        Ok(())
    }

    fn shutdown(&self) -> Result<(), String> {
        Ok(())
    }

    fn sleep(&self, _: std::time::Duration) {}
}

#[test]
fn the_journal_hears_of_every_key_that_goes() {
    const KEYS: usize = 1000;
    let layout = Layout::new(8, 4, [1, 2]);
    let mut shards = Lent(layout.build());
    shards.0.iter_mut().for_each(Shard::start_journaling);
    for i in 0..KEYS {
        let held = Held::Many(shards.0.iter_mut().enumerate().collect());
        let mut keys = Keyspace::new(held, &layout, 3, START_MS, AccessClock::Seconds(0), None);
        let name = format!("k{i}");
        let slot = keys.write(name.as_bytes());
        keys.set_string(slot, VALUE.as_bytes(), None);
    }
    shards.0.iter_mut().for_each(|shard| shard.logged(0));

    let (signals, counters, notes) = (Signals::default(), Counters::default(), Notes::default());
    shards.0.iter_mut().for_each(|shard| shard.tell_bytes(&signals.memory_bytes, 0));
    let limit_bytes = signals.memory_bytes.load(Ordering::Relaxed) / 2;
    let settings =
        Settings { maxmemory_bytes: limit_bytes, maxmemory_policy: EvictionPolicy::AllkeysLru, ..Settings::default() };
    let env = Env {
        now_us: START_MS * 1000,
        seed: 0,
        settings: &settings,
        layout: &layout,
        signals: &signals,
        counters: &counters,
        journal: Some(&notes),
        host: &Nobody,
    };
    let mut effects = Effects::default();
    assert!(Evictor::new(1).make_room(&mut shards, env, &mut effects, || false));
    assert!(!signals.exceeds(limit_bytes));

    let shard_of = |name: &str| layout.shard_of(layout.hash(name.as_bytes()));
    let is_there = |name: &str| shards.0[shard_of(name)].peek(3, layout.hash(name.as_bytes()), name.as_bytes());
    let gone = (0..KEYS).map(|i| format!("k{i}")).filter(|name| is_there(name).is_none());
    let mut expected: Vec<Vec<u8>> =
        gone.map(|name| format!("*2\r\n$3\r\nDEL\r\n${}\r\n{name}\r\n", name.len()).into_bytes()).collect();
    let mut told = notes.0.into_inner().expect("nobody panicked");
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
    assert!((300..700).contains(&told.len()), "{}", told.len());
    assert!(shards.0.iter().all(|shard| !shard.has_unlogged_changes() && !shard.has_expired()));
    assert!(shards.0.iter().all(|shard| shard.stats.evicted > 20), "all shards give");
}
