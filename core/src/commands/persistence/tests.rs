//! What the commands ask of a host that has a store.

use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::context::Env;
use crate::effects::Effects;
use crate::execute::execute;
use crate::hub::{Client, Counters, Host, Hub, ProcessInfo};
use crate::keyspace::{Held, Layout};
use crate::plan::plan;
use crate::resp::RequestBuf;
use crate::session::Session;
use crate::settings::Settings;
use crate::store::Status;

const NOW_MS: u64 = 1_700_000_000_123;

/// A host with a store, or one with memory only.
struct TestHost {
    stops: Cell<usize>,
}

impl Host for TestHost {
    fn process(&self) -> ProcessInfo {
        ProcessInfo::default()
    }

    fn rewrite_config(&self, _: &Settings) -> Result<(), String> {
        Ok(())
    }

    fn shutdown(&self) -> Result<(), String> {
        self.stops.set(self.stops.get() + 1);
        Ok(())
    }

    fn sleep(&self, _: std::time::Duration) {}

    fn store_status(&self) -> Option<Status> {
        let (appended, flushed) = (9, 8);
        Some(Status { backend: "file", log_bytes: 100, snapshot_bytes: 50, snapshot_lsn: 7, appended, flushed })
    }

    fn log_fault(&self) -> Option<String> {
        Some("disk full".to_owned())
    }
}

struct Server {
    hub: Hub,
    layout: Layout,
    session: Session,
    host: TestHost,
    effects: Effects,
}

impl Server {
    fn new(has_log: bool) -> Self {
        let mut hub = Hub::new(Arc::default(), NOW_MS, 1);
        hub.persistence.has_log = has_log;
        let mut session = Session::new(5, true);
        session.may_wait = true;
        let layout = Layout::new(1, 16, [1, 2]);
        Self { hub, layout, session, host: TestHost { stops: Cell::new(0) }, effects: Effects::default() }
    }

    fn say(&mut self, line: &str) -> String {
        let mut shards = self.layout.build();
        let request: RequestBuf = line.split(' ').map(str::as_bytes).collect();
        let (settings, signals) = (Arc::clone(&self.hub.settings), Arc::clone(&self.hub.signals));
        let env = Env {
            now_us: NOW_MS * 1000,
            seed: 0,
            settings: &settings,
            layout: &self.layout,
            signals: &signals,
            counters: &Counters::default(),
            journal: None,
            host: &self.host,
        };
        let (mut out, hub) = (Vec::new(), Some(&mut self.hub));
        let plan = plan(&self.session, request.arguments(), &env);
        let held = Held::One(0, &mut shards[0]);
        execute(&mut self.session, held, hub, plan, request.arguments(), env, &mut out, &mut self.effects);
        String::from_utf8(out).expect("replies of these tests are text")
    }

    fn wish(&mut self) -> Option<SnapshotWish> {
        self.effects.snapshot.take()
    }
}

#[test]
fn save_waits_and_nobody_may_order_another() {
    let mut server = Server::new(true);
    assert_eq!(server.say("SAVE"), "");
    assert!(server.session.parked.take().is_some());
    assert_eq!(server.wish(), Some(SnapshotWish { waiter: Some(5), follows: false }));
    assert_eq!(server.hub.persistence.running_since_ms, Some(NOW_MS));
    for command in ["SAVE", "BGSAVE"] {
        assert_eq!(server.say(command), "-ERR Background save already in progress\r\n");
    }
    assert_eq!(server.wish(), None);
    assert_eq!(server.say("BGSAVE SCHEDULE"), "+Background saving scheduled\r\n");
    assert_eq!(server.wish(), Some(SnapshotWish { waiter: None, follows: true }));
}

#[test]
fn save_refuses_where_it_cannot_wait() {
    let mut server = Server::new(true);
    server.session.may_wait = false;
    assert_eq!(server.say("SAVE"), "-ERR SAVE would have to wait, which it cannot here; use BGSAVE\r\n");
    assert_eq!((server.wish(), server.hub.persistence.running_since_ms), (None, None));
}

/// The host will answer: a reply of ours before that would be one too many.
#[test]
fn save_is_not_unblocked() {
    let mut server = Server::new(true);
    let client = Client {
        address: String::new(),
        local_address: String::new(),
        descriptor: -1,
        created_ms: NOW_MS,
        name: Vec::new(),
        library_name: Vec::new(),
        library_version: Vec::new(),
        record: Arc::clone(&server.session.record),
    };
    server.hub.add_client(5, client);
    for (line, unblocked) in [("SAVE", ":0\r\n"), ("BLPOP list 0", ":1\r\n")] {
        assert_eq!(server.say(line), "");
        let waiting = std::mem::replace(&mut server.session, Session::new(6, true));
        assert_eq!(server.say("CLIENT UNBLOCK 5"), unblocked, "{line}");
        server.session = waiting;
        server.session.parked = None;
    }
}

#[test]
fn wishes_of_a_batch_are_one() {
    let mut server = Server::new(true);
    assert_eq!(server.say("BGSAVE"), "+Background saving started\r\n");
    assert_eq!(server.say("BGREWRITEAOF"), "+Background append only file rewriting scheduled\r\n");
    assert_eq!(server.wish(), Some(SnapshotWish { waiter: None, follows: true }));
    server.hub.persistence.running_since_ms = None;
    assert_eq!(server.say("BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
    assert_eq!(server.say("BGSAVE LATER"), "-ERR syntax error\r\n");
    assert_eq!(server.say("BGSAVE SCHEDULE SCHEDULE"), "-ERR syntax error\r\n");
}

#[test]
fn shutdown_saves_when_asked_to() {
    for (line, saves) in [("SHUTDOWN", false), ("SHUTDOWN NOSAVE NOW", false), ("SHUTDOWN SAVE FORCE", true)] {
        let mut server = Server::new(true);
        assert_eq!(server.say(line), "", "{line}");
        assert_eq!((server.host.stops.get(), server.session.closing), (1, true), "{line}");
        assert_eq!(server.wish().is_some(), saves, "{line}");
    }
    let mut server = Server::new(false);
    assert!(server.say("SHUTDOWN SAVE").starts_with("-ERR Errors trying to SHUTDOWN"));
    assert_eq!(server.host.stops.get(), 0);
}

#[test]
fn info_tells_of_the_store() {
    let mut server = Server::new(true);
    server.hub.persistence.progress = (1, 4);
    server.hub.persistence.running_since_ms = Some(NOW_MS - 2000);
    let text = server.say("INFO persistence");
    for line in [
        "rdb_bgsave_in_progress:1",
        "rdb_current_bgsave_time_sec:2",
        "rdb_last_bgsave_time_sec:-1",
        "rdb_last_save_time:1700000000",
        "current_fork_perc:25.00",
        "current_save_keys_total:4",
        "aof_enabled:1",
        "aof_rewrite_in_progress:1",
        "aof_last_write_status:err",
        "aof_current_size:150",
        "aof_base_size:50",
        "log_appended_lsn:9",
        "log_flushed_lsn:8",
        "snapshot_lsn:7",
        "log_fault:disk full",
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} in {text}");
    }
    let text = Server::new(false).say("INFO persistence");
    assert!(text.contains("aof_enabled:0\r\n") && !text.contains("log_appended_lsn"), "{text}");
}
