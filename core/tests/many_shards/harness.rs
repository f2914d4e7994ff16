//! A server without a host: many shards, a hub and some clients, where a command holds what its plan names and no more.

use std::sync::Arc;
use std::time::Duration;

use larder_core::context::Env;
use larder_core::effects::Effects;
use larder_core::execute::execute;
use larder_core::hash::Random;
use larder_core::hub::{Client, Counters, Host, Hub, ProcessInfo, Signals};
use larder_core::keyspace::entry::Entry;
use larder_core::keyspace::shard::Shard;
use larder_core::keyspace::{Held, Layout, ShardSet};
use larder_core::plan::plan;
use larder_core::resp::{RequestBuf, Value, decode};
use larder_core::session::{ReplyMode, Session};
use larder_core::settings::{Access, Settings};

const SHARDS: usize = 8;
pub const START_MS: u64 = 1_700_000_000_000;

struct NoHost;

impl Host for NoHost {
    fn process(&self) -> ProcessInfo {
        ProcessInfo::default()
    }

    fn rewrite_config(&self, _: &Settings) -> Result<(), String> {
        Ok(())
    }

    fn shutdown(&self) -> Result<(), String> {
        Err("ERR no host".to_owned())
    }

    fn sleep(&self, _: Duration) {}
}

/// Many shards with a client, or several.
pub struct Server {
    pub settings: Settings,
    pub layout: Layout,
    pub shards: Vec<Shard>,
    pub sessions: Vec<Session>,
    pub now_ms: u64,
    hub: Hub,
    counters: Counters,
    random: Random,
}

impl Server {
    pub fn new() -> Self {
        Self::with_clients(1)
    }

    pub fn with_clients(clients: usize) -> Self {
        let settings = Settings { enable_debug_command: Access::Yes, ..Settings::default() };
        let layout = Layout::new(SHARDS, settings.databases, [3, 5]);
        let mut hub = Hub::new(settings.clone().into(), START_MS, 1);
        Self {
            sessions: (0..clients).map(|_| open(&mut hub)).collect(),
            hub,
            settings,
            layout,
            shards: layout.build(),
            counters: Counters::default(),
            random: Random::new(11),
            now_ms: START_MS,
        }
    }

    /// Runs a request of the first client.
    pub fn run(&mut self, words: &[&str]) -> Value {
        self.run_as(0, words).expect("the client has not turned replies off")
    }

    /// Runs a request of one client; `None` if it wants no reply. A client that the request closes is followed by
    /// another.
    pub fn run_as(&mut self, client: usize, words: &[impl AsRef<[u8]> + std::fmt::Debug]) -> Option<Value> {
        let request: RequestBuf = words.iter().collect();
        let signals = Signals::default();
        let env = Env {
            now_us: self.now_ms * 1000,
            seed: self.random.next_u64(),
            settings: &self.settings,
            layout: &self.layout,
            signals: &signals,
            counters: &self.counters,
            journal: None,
            host: &NoHost,
        };
        let session = &mut self.sessions[client];
        let replies = session.replies;
        let plan = plan(session, request.arguments(), &env);
        let named = |id: usize| match plan.shards {
            ShardSet::None => false,
            ShardSet::One(one) => one == id,
            ShardSet::Many(bits) => bits >> id & 1 == 1,
            ShardSet::All => true,
        };
        let held = Held::Many(self.shards.iter_mut().enumerate().filter(|(id, _)| named(*id)).collect());
        let hub = plan.hub.then_some(&mut self.hub);
        let (mut out, mut effects) = (Vec::new(), Effects::default());
        execute(session, held, hub, plan, request.arguments(), env, &mut out, &mut effects);
        let is_silent = [replies, session.replies].iter().any(|mode| *mode != ReplyMode::On);
        for client in 0..self.sessions.len() {
            if self.sessions[client].closing || effects.close.contains(&self.sessions[client].id) {
                self.close(client);
                self.sessions[client] = open(&mut self.hub);
            }
        }
        if out.is_empty() && is_silent {
            return None;
        }
        let (reply, used) = decode(&out).expect("a valid reply").expect("a whole reply");
        assert_eq!(used, out.len(), "exactly one reply to {words:?}");
        Some(reply)
    }

    /// Ends what a client leaves behind in shards and hub.
    pub fn close(&mut self, client: usize) {
        self.sessions[client].end_watches(|shard, db, key| self.shards[shard].unwatch(db, key));
        self.hub.remove_client(self.sessions[client].id);
    }

    /// The entry of a key as a command at this instant would see it.
    pub fn live_entry(&self, db: u16, key: &[u8]) -> Option<&Entry> {
        let hash = self.layout.hash(key);
        let entry = self.shards[self.layout.shard_of(hash)].peek(db, hash, key)?;
        (!entry.is_expired(self.now_ms)).then_some(entry)
    }

    /// Runs a line of words without spaces in them and answers an integer.
    pub fn integer(&mut self, line: &str) -> i64 {
        match self.run(&words(line)) {
            Value::Integer(number) => number,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Runs a line and answers the text of a string, status or error.
    pub fn text(&mut self, line: &str) -> String {
        text(&self.run(&words(line)))
    }

    /// Runs a line and answers whether the reply was a null.
    pub fn is_null(&mut self, line: &str) -> bool {
        matches!(self.run(&words(line)), Value::Null)
    }

    pub fn list(&mut self, line: &str) -> Vec<String> {
        strings(&self.run(&words(line)))
    }

    /// One SCAN: the next cursor and the keys.
    pub fn scan(&mut self, cursor: &str, options: &str) -> (String, Vec<String>) {
        let Value::Array(parts) = self.run(&words(&format!("SCAN {cursor} {options}"))) else { panic!("not an array") };
        (text(&parts[0]), strings(&parts[1]))
    }
}

fn open(hub: &mut Hub) -> Session {
    let session = Session::new(hub.next_client_id(), true);
    let client = Client {
        address: format!("127.0.0.1:{}", session.id),
        local_address: "127.0.0.1:6379".to_owned(),
        descriptor: -1,
        created_ms: START_MS,
        name: Vec::new(),
        library_name: Vec::new(),
        library_version: Vec::new(),
        record: Arc::clone(&session.record),
    };
    hub.add_client(session.id, client);
    session
}

pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn text(reply: &Value) -> String {
    match reply {
        Value::Bulk(bytes) | Value::Status(bytes) | Value::Error(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("no text: {other:?}"),
    }
}

fn strings(reply: &Value) -> Vec<String> {
    match reply {
        Value::Array(items) => items.iter().map(text).collect(),
        other => panic!("no array: {other:?}"),
    }
}
