//! Many threads that move elements between lists of many shards, and wait for them: nothing is lost, doubled or stuck.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use larder_core::hash::Random;
use tokio::runtime::{Builder, Runtime};

use super::*;

/// Longest that one request may wait before the test fails: all of them end at once or within milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client on its thread.
struct Worker {
    driver: Driver,
    runtime: Runtime,
}

impl Worker {
    fn new(shared: &Arc<Shared>) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { driver: driver(shared), runtime }
    }

    /// Runs one request to its reply, which must come.
    fn call(&mut self, request: &str) -> String {
        self.driver.connection.input.feed(request.as_bytes());
        self.driver.connection.input.feed(b"\r\n");
        loop {
            match self.driver.run() {
                Turn::Read => break,
                Turn::Again => {}
                Turn::Waiting => {
                    let Self { driver, runtime } = self;
                    let waited =
                        runtime.block_on(async { tokio::time::timeout(PATIENCE, driver.wait_for_data()).await });
                    assert!(waited.is_ok(), "{request} waits for ever");
                }
                turn => panic!("{request}: {turn:?}"),
            }
        }
        String::from_utf8(std::mem::take(&mut self.driver.connection.out)).expect("texts")
    }

    /// The elements of a list.
    fn elements(&mut self, key: &str) -> Vec<String> {
        let reply = self.call(&format!("LRANGE {key} 0 -1"));
        reply.lines().skip(2).step_by(2).map(str::to_owned).collect()
    }
}

/// What a thread does with its client.
type Work = Box<dyn FnOnce(&mut Worker) + Send>;

/// Runs each function on a thread of its own, with a client.
fn run_all(shared: &Arc<Shared>, works: Vec<Work>) {
    let threads: Vec<_> = works
        .into_iter()
        .map(|work| {
            let shared = Arc::clone(shared);
            std::thread::spawn(move || work(&mut Worker::new(&shared)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no thread fails"));
}

#[test]
fn moves_in_opposite_orders_lose_and_double_nothing() {
    const THREADS: u64 = 8;
    const ROUNDS: usize = 250;
    const LISTS: u64 = 6;
    const ELEMENTS: usize = 40;
    let shared = shared(Settings::default());
    let mut client = Worker::new(&shared);
    for element in 0..ELEMENTS {
        client.call(&format!("RPUSH list:{} element:{element}", element as u64 % LISTS));
    }
    let started = Instant::now();
    let work = |seed: u64| -> Box<dyn FnOnce(&mut Worker) + Send> {
        Box::new(move |worker| {
            let mut random = Random::new(seed);
            for _ in 0..ROUNDS {
                let (a, b) = (random.next_u64() % LISTS, random.next_u64() % LISTS);
                match random.next_u64() % 7 {
                    0 => drop(worker.call(&format!("LMOVE list:{a} list:{b} LEFT RIGHT"))),
                    1 => drop(worker.call(&format!("RPOPLPUSH list:{b} list:{a}"))),
                    2 => drop(worker.call(&format!("BLMOVE list:{a} list:{b} RIGHT LEFT 0.002"))),
                    3 => {
                        for request in [
                            "MULTI",
                            &format!("LMOVE list:{a} list:{b} LEFT LEFT"),
                            &format!("RPOPLPUSH list:{b} list:{a}"),
                        ] {
                            worker.call(request);
                        }
                        worker.call("EXEC");
                    }
                    // What is taken goes back, to another list.
                    kind => {
                        let request = match kind {
                            4 => format!("BLMPOP 0.002 2 list:{a} list:{b} LEFT COUNT 3"),
                            5 => format!("BRPOP list:{b} list:{a} 0.002"),
                            _ => format!("LPOP list:{a} 2"),
                        };
                        let reply = worker.call(&request);
                        for element in reply.lines().filter(|line| line.starts_with("element:")) {
                            worker.call(&format!("RPUSH list:{b} {element}"));
                        }
                    }
                }
            }
        })
    };
    run_all(&shared, (0..THREADS).map(work).collect());
    let found: Vec<String> = (0..LISTS).flat_map(|list| client.elements(&format!("list:{list}"))).collect();
    assert_eq!(found.len(), ELEMENTS, "{found:?}");
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), ELEMENTS, "{found:?}");
    assert!(started.elapsed() < PATIENCE);
    let waiting: usize = (0..shared.shard_count()).map(|id| shared.shard(id).waiting.keys()).sum();
    assert_eq!(waiting, 0, "nobody waits any more");
}

#[test]
fn chains_of_waiting_clients_pass_everything_on() {
    const EACH: usize = 150;
    const HOPS: usize = 3;
    let shared = shared(Settings::default());
    let mut works: Vec<Work> = Vec::new();
    for half in 0..2 {
        for hop in 0..HOPS {
            works.push(Box::new(move |worker| {
                for _ in 0..EACH {
                    let reply = worker.call(&format!("BLMOVE hop:{hop} hop:{} LEFT RIGHT 0", hop + 1));
                    assert!(reply.contains("element:"), "{reply}");
                }
            }));
        }
        works.push(Box::new(move |worker| {
            for _ in 0..EACH {
                let reply = worker.call(&format!("BLPOP other hop:{HOPS} other:2 0"));
                let element = reply.lines().last().expect("an element").to_owned();
                worker.call(&format!("RPUSH arrived {element}"));
            }
        }));
        works.push(Box::new(move |worker| {
            for number in 0..EACH {
                worker.call(&format!("RPUSH hop:0 element:{half}:{number}"));
            }
        }));
    }
    run_all(&shared, works);
    let arrived = Worker::new(&shared).elements("arrived");
    assert_eq!(arrived.len(), 2 * EACH);
    assert_eq!(arrived.iter().collect::<BTreeSet<_>>().len(), 2 * EACH);
}

#[test]
fn a_waiting_client_that_leaves_takes_nothing() {
    let shared = shared(Settings::default());
    let mut gone = Worker::new(&shared);
    gone.driver.connection.input.feed(b"BLMOVE a b LEFT LEFT 0\r\nPING\r\n");
    assert_eq!(gone.driver.run(), Turn::Waiting);
    let mut stays = Worker::new(&shared);
    stays.driver.connection.input.feed(b"BLPOP x a 0\r\nPING\r\n");
    assert_eq!(stays.driver.run(), Turn::Waiting);
    drop(gone);
    let mut client = Worker::new(&shared);
    client.call("RPUSH a element");
    assert_eq!(client.call("EXISTS a b"), ":0\r\n");
    let Worker { driver, runtime } = &mut stays;
    runtime.block_on(driver.wait_for_data());
    assert_eq!(driver.run(), Turn::Read);
    assert_eq!(driver.connection.out, b"*2\r\n$1\r\na\r\n$7\r\nelement\r\n+PONG\r\n");
}
