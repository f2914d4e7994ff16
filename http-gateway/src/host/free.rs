//! Freeing large values on a thread of its own, so that no client waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use larder_core::keyspace::discard::Discarded;

/// Where values are handed over. What waits here was in memory before, so that bounds it.
#[derive(Debug)]
pub struct Freer {
    sender: Sender<Vec<Discarded>>,
    counts: Arc<Counts>,
}

/// For INFO, in keys.
#[derive(Debug, Default)]
struct Counts {
    pending: AtomicU64,
    freed: AtomicU64,
}

impl Freer {
    /// Starts the thread. It ends with the last value after the freer is gone.
    pub fn start() -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let counts = Arc::new(Counts::default());
        let freer = Self { sender, counts: Arc::clone(&counts) };
        std::thread::Builder::new().name("larder-free".to_owned()).spawn(move || run(&receiver, &counts))?;
        Ok(freer)
    }

    /// Hands values over. Nothing that they come from may be held.
    pub fn free(&self, values: Vec<Discarded>) {
        if values.is_empty() {
            return;
        }
        self.counts.pending.fetch_add(keys(&values), Ordering::Relaxed);
        // The thread ends only after this sender.
        let _ = self.sender.send(values);
    }

    /// Keys whose values wait to be freed, and those whose values have been.
    pub fn counts(&self) -> (u64, u64) {
        (self.counts.pending.load(Ordering::Relaxed), self.counts.freed.load(Ordering::Relaxed))
    }
}

fn run(receiver: &Receiver<Vec<Discarded>>, counts: &Counts) {
    for values in receiver {
        let keys = keys(&values);
        drop(values);
        counts.pending.fetch_sub(keys, Ordering::Relaxed);
        counts.freed.fetch_add(keys, Ordering::Relaxed);
    }
}

fn keys(values: &[Discarded]) -> u64 {
    values.iter().map(|value| value.keys() as u64).sum()
}
