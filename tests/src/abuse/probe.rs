//! A healthy client that runs SET and GET beside an attack and notes how long each takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::site::Site;
use super::{Fault, ensure};
use crate::resp::Reply;

/// Most samples kept: at some 10 µs each, longer than any row lasts.
const MOST_SAMPLES: usize = 2_000_000;

/// The healthy client on its thread.
pub struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Duration>, Fault>>,
}

impl Probe {
    /// Starts it.
    pub fn start(site: &Site) -> Result<Self, Fault> {
        let mut client = site.client()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut samples = Vec::new();
            while !stopped.load(Ordering::Relaxed) && samples.len() < MOST_SAMPLES {
                let start = Instant::now();
                client.call(&["SET", "probe", "alive"])?;
                let reply = client.call(&["GET", "probe"])?;
                samples.push(start.elapsed() / 2);
                ensure(reply == Reply::Bulk(b"alive".to_vec()), || format!("the healthy client read {reply:?}"))?;
            }
            client.call(&["DEL", "probe"])?;
            Ok(samples)
        });
        Ok(Self { stop, thread })
    }

    /// Ends it and tells how long 99 of 100 commands took at most.
    pub fn finish(self) -> Result<Duration, Fault> {
        self.stop.store(true, Ordering::Relaxed);
        let mut samples = self.thread.join().map_err(|_| "the healthy client panicked")??;
        ensure(!samples.is_empty(), || "the healthy client got no answer at all".to_owned())?;
        samples.sort_unstable();
        Ok(samples[samples.len() * 99 / 100])
    }
}
