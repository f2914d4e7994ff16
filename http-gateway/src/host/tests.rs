//! The host without sockets: what a driver does with bytes, and what becomes of clients.

mod eviction;
mod freeing;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use larder_core::hub::Counters;
use larder_core::limits::COMMANDS_PER_BATCH;
use larder_core::settings::Settings;

use super::driver::{Driver, Turn, World};
use super::process::{ServerProcess, now_ms};
use super::{Peer, Shared, connection_random, lock};

fn shared(settings: Settings) -> Arc<Shared> {
    let process = ServerProcess { config_file: None, threads: 2, stop: Arc::default() };
    Arc::new(Shared::new(settings, 2, process, now_ms(), [1, 2, 3]).expect("a thread"))
}

fn peer() -> Peer {
    Peer { address: "127.0.0.1:1".to_owned(), local_address: String::new(), descriptor: -1, is_local: true }
}

fn driver(shared: &Arc<Shared>) -> Driver {
    let session = shared.open_session(peer(), now_ms());
    let counters = Arc::new(Counters::default());
    shared.hub().counters.push(Arc::clone(&counters));
    let random = connection_random(session.id, 4);
    Driver::new(session, World::new(Arc::clone(shared), counters, random))
}

/// Runs what a client has sent. On a busy machine that takes more than one batch, which is bounded by time.
fn run_all(driver: &mut Driver) {
    while driver.run() == Turn::Again {}
}

#[test]
fn a_batch_without_replies_is_bounded_too() {
    let shared = shared(Settings::default());
    let mut driver = driver(&shared);
    driver.connection.input.feed(b"CLIENT REPLY OFF\r\n");
    driver.connection.input.feed(&b"x\r\n".repeat(3 * COMMANDS_PER_BATCH));
    for _ in 0..3 {
        assert_eq!(driver.run(), Turn::Again);
    }
    let mut turns = 0;
    while driver.run() == Turn::Again {
        turns += 1;
        // A slow machine may end batches by their time.
        assert!(turns < 3 * COMMANDS_PER_BATCH, "the batches must end");
    }
    assert!(driver.connection.out.is_empty() && driver.connection.input.is_empty());
    assert_eq!(shared.hub().errors.iter().collect::<Vec<_>>(), [("ERR", 3 * COMMANDS_PER_BATCH as u64)]);
}

#[test]
fn slow_commands_give_way_to_other_clients() {
    const VALUE_BYTES: usize = 4000;
    let shared = shared(Settings::default());
    let mut driver = driver(&shared);
    let value = "v".repeat(VALUE_BYTES);
    driver.connection.input.feed(format!("SET k {value}\r\n").as_bytes());
    assert_eq!(driver.run(), Turn::Read);
    // Sixteen million steps each.
    driver.connection.input.feed(&b"LCS k k LEN\r\n".repeat(8));
    assert_eq!(driver.run(), Turn::Again);
    assert!(!driver.connection.input.is_empty(), "the rest waits");
    let held: Vec<usize> = (0..shared.shard_count()).filter(|&id| shared.shards[id].0.try_lock().is_err()).collect();
    assert!(held.is_empty(), "nothing is held between batches: {held:?}");
}

#[test]
fn a_client_that_is_gone_before_its_task_is_known_leaves_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let shared = shared(Settings::default());
    let mut session = shared.open_session(peer(), now_ms());
    shared.close_session(&mut session);
    let task = runtime.spawn(std::future::pending::<()>());
    shared.register_task(session.id, task.abort_handle());
    assert!(lock(&shared.tasks).is_empty());
    assert!(runtime.block_on(task).expect_err("it never ends by itself").is_cancelled());
}

#[test]
fn only_idle_clients_time_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let shared = shared(Settings { timeout_seconds: 1, ..Settings::default() });
    let mut driver = driver(&shared);
    let record = Arc::clone(&driver.connection.session.record);
    let task = runtime.spawn(std::future::pending::<()>());
    shared.register_task(driver.connection.session.id, task.abort_handle());
    let ends = |now_ms: u64| {
        shared.close_idle(now_ms);
        runtime.block_on(tokio::task::yield_now());
        task.is_finished()
    };
    record.active_ms.store(0, Ordering::Relaxed);
    driver.connection.input.feed(b"*1\r\n$4\r\nPI");
    assert_eq!(driver.run(), Turn::Read);
    assert!(!ends(now_ms()), "half a request is a sign of life");
    record.active_ms.store(0, Ordering::Relaxed);
    record.blocked.store(true, Ordering::Relaxed);
    assert!(!ends(now_ms()), "who waits for us is not idle");
    record.blocked.store(false, Ordering::Relaxed);
    assert!(ends(now_ms()));
}

#[test]
fn pipelines_over_much_data_answer_as_single_requests_do() {
    let request = |words: &[String]| {
        let body: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        format!("*{}\r\n{body}", words.len())
    };
    let words = |text: String| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut requests = Vec::new();
    for i in 0..150_000 {
        // Enough keys in each shard, and members, that reading ahead pays; what is missing or of another type as well.
        requests.push(request(&words(match i % 6 {
            0 => format!("SET key:{i} {i}"),
            1 => format!("HSET hash field:{i} {i}"),
            2 => format!("SADD set member:{i}"),
            3 => format!("GET key:{}", i / 2),
            4 => format!("HGET hash field:{}", i / 2),
            _ => format!("SADD key:{} x y", i / 3),
        })));
    }
    requests.push(request(&words("HGET set x".to_owned())));
    requests.push(request(&words("PING".to_owned())));
    let answers = |batch: usize| {
        let shared = shared(Settings::default());
        let mut driver = driver(&shared);
        for requests in requests.chunks(batch) {
            requests.iter().for_each(|request| driver.connection.input.feed(request.as_bytes()));
            run_all(&mut driver);
        }
        std::mem::take(&mut driver.connection.out)
    };
    assert!(answers(50) == answers(1));
}
