//! How long a small request waits while another connection makes one key grow.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::bench::load::Loader;
use crate::bench::options::Options;
use crate::bench::rows::StallRow;
use crate::servers::Server;

/// Pause between two pings: enough of them in a row's time for a thousandth, and little load of their own.
const PING_PAUSE: Duration = Duration::from_micros(200);

/// Most pings of one row, so that their times stay in bounds.
const MAX_PINGS: usize = 4_000_000;

/// What the pings of one row waited, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waits {
    /// The median.
    pub p50_ms: f64,
    /// What one ping in a thousand exceeds.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// How many there were.
    pub pings: usize,
    /// Commands per second of the connection that made the key grow.
    pub per_second: f64,
}

/// Pings a fresh server while one key grows.
pub fn measure(row: &StallRow, server: &Server, options: &Options) -> Result<Waits, String> {
    let count = options.scaled(row.load.count);
    let mut loader = Loader::connect(server.resp())?;
    let grown = AtomicBool::new(false);
    let (pings, seconds) = std::thread::scope(|scope| {
        let pinging = scope.spawn(|| ping(server.resp(), &grown));
        let start = Instant::now();
        let loaded = loader.run(&row.load, count);
        let seconds = start.elapsed().as_secs_f64();
        grown.store(true, Ordering::Relaxed);
        let pings = pinging.join().map_err(|_| "the pinging thread panicked".to_owned())??;
        loaded.map(|()| (pings, seconds))
    })?;
    loader.expect_keys(1)?;
    summary(pings, count as f64 / seconds).ok_or_else(|| "no ping was answered".to_owned())
}

/// Pings until `grown`, and answers what each ping waited.
pub fn ping(server: SocketAddr, grown: &AtomicBool) -> Result<Vec<Duration>, String> {
    let mut client = Loader::connect(server)?;
    let mut pings = Vec::new();
    while !grown.load(Ordering::Relaxed) && pings.len() < MAX_PINGS {
        let start = Instant::now();
        client.call(&["PING"])?;
        pings.push(start.elapsed());
        std::thread::sleep(PING_PAUSE);
    }
    Ok(pings)
}

/// What pings waited, together. None without any.
pub fn summary(mut pings: Vec<Duration>, per_second: f64) -> Option<Waits> {
    pings.sort_unstable();
    let last = pings.len().checked_sub(1)?;
    let at = |place: usize| pings[place].as_secs_f64() * 1e3;
    Some(Waits {
        p50_ms: at(last / 2),
        p999_ms: at(last * 999 / 1000),
        max_ms: at(last),
        pings: pings.len(),
        per_second,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_are_told() {
        let pings = (0..1001).rev().map(Duration::from_millis).collect();
        let waits = summary(pings, 1.0).expect("there are pings");
        assert_eq!((waits.p50_ms, waits.p999_ms, waits.max_ms, waits.pings), (500.0, 999.0, 1000.0, 1001));
        assert_eq!(summary(Vec::new(), 1.0), None);
    }
}
