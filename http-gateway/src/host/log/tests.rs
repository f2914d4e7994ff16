//! Who waits for a flush is told of its end, whoever carries it out and whoever leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use larder_core::hub::Signals;
use larder_core::journal::Journal;
use larder_core::settings::AppendFsync;
use larder_core::store::{Lsn, Snapshot, Status, Store, StoreError};
use tokio::runtime::{Builder, Runtime};

use super::Log;

/// A device whose flushes take a while, and may fail.
#[derive(Default)]
struct Device {
    appended: AtomicU64,
    flushed: AtomicU64,
    flush: Duration,
    fails: Arc<AtomicBool>,
}

impl Store for Device {
    fn append(&self, _records: &[u8], last: Lsn) -> Result<(), StoreError> {
        self.appended.store(last, Ordering::SeqCst);
        Ok(())
    }

    fn flush(&self) -> Result<Lsn, StoreError> {
        let upto = self.appended.load(Ordering::SeqCst);
        std::thread::sleep(self.flush);
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Io("as planned".to_owned()));
        }
        Ok(self.flushed.fetch_max(upto, Ordering::SeqCst).max(upto))
    }

    fn begin_snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Err(StoreError::Io("there are none".to_owned()))
    }

    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn status(&self) -> Status {
        Status::default()
    }
}

/// A log on a device with its flusher, and a worker's runtime.
struct Bench {
    log: Arc<Log>,
    fails: Arc<AtomicBool>,
    flusher: Option<JoinHandle<()>>,
    runtime: Runtime,
}

impl Bench {
    fn new(flush: Duration) -> Self {
        let device = Device { flush, ..Device::default() };
        let fails = Arc::clone(&device.fails);
        let log = Arc::new(Log::new(Box::new(device), 0, Arc::new(Signals::default())));
        let flushing = Arc::clone(&log);
        let flusher = Some(std::thread::spawn(move || flushing.flush_loop(|| AppendFsync::Always)));
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { log, fails, flusher, runtime }
    }

    /// The same log on the thread of another worker.
    fn share(&self) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { log: Arc::clone(&self.log), fails: Arc::clone(&self.fails), flusher: None, runtime }
    }

    /// A client that writes so often, and each time waits for the flush. Answers how often it was told of one.
    fn client(&self, writes: usize) -> tokio::task::JoinHandle<usize> {
        let log = Arc::clone(&self.log);
        self.runtime.spawn(async move {
            let mut told = 0;
            for _ in 0..writes {
                let lsn = log.append(1, 0, &mut |_| {});
                let is_safe = log.wait_flushed(lsn).await;
                assert!(!is_safe || log.flushed() >= lsn, "told too early");
                told += usize::from(is_safe);
            }
            told
        })
    }

    /// Waits for clients, but not for ever.
    fn join(&self, clients: Vec<tokio::task::JoinHandle<usize>>) -> usize {
        self.runtime.block_on(async {
            let mut told = 0;
            for client in clients {
                told += tokio::time::timeout(Duration::from_secs(10), client).await.expect("in time").unwrap_or(0);
            }
            told
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(flusher) = self.flusher.take() {
            self.log.stop_flushing();
            flusher.join().expect("it does not panic");
        }
    }
}

/// A quick device and a slow one.
const FLUSHES: [Duration; 2] = [Duration::from_micros(10), Duration::from_millis(3)];

#[test]
fn clients_share_flushes() {
    for flush in FLUSHES {
        let bench = Bench::new(flush);
        let clients = (0..20).map(|_| bench.client(10)).collect();
        assert_eq!(bench.join(clients), 200);
        let flushes = bench.log.flushes.load(Ordering::SeqCst);
        assert!((10..=60).contains(&flushes), "{flushes} flushes of {flush:?} for ten rounds");
    }
}

#[test]
fn threads_share_flushes() {
    for flush in FLUSHES {
        let bench = Bench::new(flush);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let other = bench.share();
                    let clients = (0..10).map(|_| other.client(20)).collect();
                    assert_eq!(other.join(clients), 200);
                });
            }
        });
    }
}

#[test]
fn whoever_leaves_leaves_nobody_behind() {
    for flush in FLUSHES {
        let bench = Bench::new(flush);
        for doomed in 0..6 {
            let clients: Vec<_> = (0..6).map(|_| bench.client(1)).collect();
            // One of them is the one that the flush wakes.
            bench.runtime.block_on(async {
                tokio::task::yield_now().await;
                clients[doomed].abort();
            });
            assert!(bench.join(clients) >= 5);
        }
    }
}

#[test]
fn a_failed_flush_is_told_to_all() {
    for flush in FLUSHES {
        let bench = Bench::new(flush);
        bench.fails.store(true, Ordering::SeqCst);
        let clients = (0..20).map(|_| bench.client(2)).collect();
        assert_eq!(bench.join(clients), 0);
        assert!(bench.log.fault().is_some());
        bench.fails.store(false, Ordering::SeqCst);
        bench.log.healed(bench.log.mark());
        assert_eq!(bench.join(vec![bench.client(3)]), 3);
    }
}
