//! Eviction under many threads: the limit holds at every moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use larder_core::hash::Random;
use larder_core::keyspace::ShardSet;
use larder_core::settings::{EvictionPolicy, Settings};

use super::{driver, run_all, shared};
use crate::host::Shared;

/// What the threads do.
struct Stress {
    limit_bytes: u64,
    policy: EvictionPolicy,
    threads: u64,
    /// Bytes that each thread writes.
    bytes_each: usize,
    /// Largest value.
    value_bytes: usize,
}

/// Bytes of all entries and tables at one moment, and of everything that counts.
fn used(shared: &Shared) -> (u64, u64) {
    let data: usize = shared.shards(ShardSet::All).iter().map(|(_, shard)| shard.heap_bytes()).sum();
    (data as u64, shared.signals.memory_bytes.load(Ordering::Relaxed))
}

fn write_values(shared: &Arc<Shared>, stress: &Stress, seed: u64) {
    let mut random = Random::new(seed);
    let mut driver = driver(shared);
    let value = vec![b'v'; stress.value_bytes];
    let mut written = 0;
    while written < stress.bytes_each {
        // As many small values as large ones, by order of magnitude.
        let magnitude = random.next_u64() % u64::from(stress.value_bytes.ilog2());
        let len = (10 + random.next_u64() as usize % (1 << (magnitude + 1))).min(stress.value_bytes);
        let key = random.next_u64() % 1_000_000;
        let head = format!("*5\r\n$3\r\nSET\r\n$10\r\nkey{key:07}\r\n${len}\r\n");
        let input = &mut driver.connection.input;
        input.feed(head.as_bytes());
        input.feed(&value[..len]);
        input.feed(b"\r\n$2\r\nEX\r\n$4\r\n1000\r\n");
        run_all(&mut driver);
        assert_eq!(driver.connection.out, b"+OK\r\n");
        driver.connection.out.clear();
        written += len;
    }
}

/// Answers the most that data took, and everything.
fn run(stress: &Stress) -> (u64, u64) {
    let settings =
        Settings { maxmemory_bytes: stress.limit_bytes, maxmemory_policy: stress.policy, ..Settings::default() };
    let shared = shared(settings);
    let is_over = AtomicBool::new(false);
    let most = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                let (data, all) = used(&shared);
                most = (data.max(most.0), all.max(most.1));
                thread::yield_now();
            }
            most
        });
        let shared = &shared;
        let writer = |seed| scope.spawn(move || write_values(shared, stress, seed));
        let writers: Vec<_> = (0..stress.threads).map(writer).collect();
        writers.into_iter().for_each(|writer| writer.join().expect("a writer ended well"));
        is_over.store(true, Ordering::Relaxed);
        watcher.join().expect("the watcher ended well")
    });
    let one_value = stress.value_bytes as u64 + 100;
    let name = stress.policy.word();
    println!("{name}: {} of {} data, {} all", most.0, stress.limit_bytes, most.1);
    assert!(most.0 <= stress.limit_bytes * 101 / 100 + one_value, "{name}: data took {} at a time", most.0);
    // A request that runs is counted twice, as input and as data.
    let running = stress.threads * one_value;
    assert!(most.1 <= stress.limit_bytes * 101 / 100 + running, "{name}: all took {} at a time", most.1);
    assert!(most.0 >= stress.limit_bytes * 9 / 10, "{name}: no more is evicted than is needed");
    shared.sum_memory();
    let (data, all) = used(&shared);
    assert_eq!(all, data + shared.hub().client_bytes() as u64, "{name}: the sum is exact");
    let evicted: u64 = (0..shared.shard_count()).map(|id| shared.shard(id).stats.evicted).sum();
    assert!(evicted > 0);
    most
}

const POLICIES: [EvictionPolicy; 7] = [
    EvictionPolicy::AllkeysLru,
    EvictionPolicy::AllkeysLfu,
    EvictionPolicy::AllkeysRandom,
    EvictionPolicy::VolatileLru,
    EvictionPolicy::VolatileLfu,
    EvictionPolicy::VolatileRandom,
    EvictionPolicy::VolatileTtl,
];

#[test]
fn what_buffers_take_goes_off_the_data() {
    const VALUE_BYTES: usize = 10_000;
    let settings =
        Settings { maxmemory_bytes: 1 << 20, maxmemory_policy: EvictionPolicy::AllkeysLru, ..Settings::default() };
    let shared = shared(settings);
    let mut writer = driver(&shared);
    for key in 0..60 {
        writer.connection.input.feed(format!("SETRANGE {key} {VALUE_BYTES} x\r\n").as_bytes());
        run_all(&mut writer);
    }
    let keys = || (0..shared.shard_count()).map(|id| shared.shard(id).database(0).len()).sum::<usize>();
    assert_eq!(keys(), 60);
    // Clients that begin a large request and never finish it.
    let mut dead: Vec<_> = (0..4).map(|_| driver(&shared)).collect();
    for driver in &mut dead {
        driver.connection.input.feed(b"*2\r\n$3\r\nGET\r\n$500000\r\n");
        driver.connection.input.feed(&[b'k'; 150_000]);
        run_all(driver);
        // So is a slice of eviction.
        let exceeds = |_: &u32| shared.signals.exceeds(1 << 20);
        (0..1000).take_while(exceeds).for_each(|_| run_all(driver));
    }
    let left = keys();
    assert!((20..50).contains(&left), "{left} keys stay beside the buffers");
    assert!(!shared.signals.exceeds(1 << 20));
    // What a client took is given back when it goes.
    let before = shared.signals.memory_bytes.load(Ordering::Relaxed);
    drop(dead);
    assert!(shared.signals.memory_bytes.load(Ordering::Relaxed) + 600_000 < before);
    writer.connection.input.feed(b"GET 1\r\n");
    run_all(&mut writer);
    assert_eq!(keys(), left, "nothing more goes");
}

#[test]
fn the_limit_holds_under_several_threads() {
    for policy in POLICIES {
        run(&Stress { limit_bytes: 2 << 20, policy, threads: 3, bytes_each: 3 << 19, value_bytes: 4000 });
    }
}

/// Some minutes: `cargo test --release -p larder -- --ignored limit_holds`
#[test]
#[ignore = "writes gigabytes"]
fn the_limit_holds_for_long() {
    for policy in POLICIES {
        run(&Stress { limit_bytes: 100_000_000, policy, threads: 8, bytes_each: 250_000_000, value_bytes: 100_000 });
    }
}
