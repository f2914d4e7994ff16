//! The one line that a run ends with.

use std::fmt;
use std::time::Duration;

use crate::crash::options::{Options, ServerKind};

/// What a run counted.
#[derive(Debug)]
pub struct Report {
    /// Which server, policy and seed.
    pub options: Options,
    /// Lives that ended under load.
    pub lives: u32,
    /// SIGKILLs under load.
    pub load_kills: u32,
    /// Of these, while a snapshot was asked for a moment before.
    pub snapshot_kills: u32,
    /// SIGKILLs while the child started.
    pub start_kills: u32,
    /// SIGKILLs of a child at rest, for the second restart.
    pub rest_kills: u32,
    /// SIGTERMs under load.
    pub stops: u32,
    /// Operations that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged and gone.
    pub lost: u64,
    /// Lives that lost something.
    pub lossy_lives: u32,
    /// There and never sent.
    pub phantoms: u64,
    /// Children that did not come back.
    pub failed_restarts: u32,
    /// Lives after which something was wrong.
    pub failed_lives: u32,
    /// From the start of a child to its first PONG.
    pub restarts: Vec<Duration>,
}

impl Report {
    /// Nothing counted yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            lives: 0,
            load_kills: 0,
            snapshot_kills: 0,
            start_kills: 0,
            rest_kills: 0,
            stops: 0,
            acknowledged: 0,
            lost: 0,
            lossy_lives: 0,
            phantoms: 0,
            failed_restarts: 0,
            failed_lives: 0,
            restarts: Vec::new(),
        }
    }

    /// Whether the server kept its word. redis-server gave none.
    pub fn is_good(&self) -> bool {
        self.options.server == ServerKind::Redis || self.failed_lives + self.failed_restarts == 0
    }

    /// The time that so many of a hundred restarts do not exceed.
    pub fn restart_percentile(&self, percent: usize) -> Duration {
        let mut restarts = self.restarts.clone();
        restarts.sort_unstable();
        let place = restarts.len().saturating_sub(1) * percent / 100;
        restarts.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills = self.load_kills + self.start_kills + self.rest_kills;
        write!(
            out,
            "{} {}: {kills} kills ({} under load, {} of them in snapshots, {} in starts, {} at rest), {} stops, \
             {} acknowledged, {} lost in {} lives, {} phantoms, {} failed lives, {} failed restarts, \
             restart p50 {:.1} ms p99 {:.1} ms, seed {}",
            self.options.server.name(),
            self.options.policy,
            self.load_kills,
            self.snapshot_kills,
            self.start_kills,
            self.rest_kills,
            self.stops,
            self.acknowledged,
            self.lost,
            self.lossy_lives,
            self.phantoms,
            self.failed_lives,
            self.failed_restarts,
            self.restart_percentile(50).as_secs_f64() * 1e3,
            self.restart_percentile(99).as_secs_f64() * 1e3,
            self.options.seed,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_places_in_order() {
        let options = Options::parse(["kill".to_owned()].into_iter(), 1).unwrap();
        let mut report = Report::new(options);
        assert_eq!(report.restart_percentile(99), Duration::ZERO);
        report.restarts = (0..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(report.restart_percentile(50), Duration::from_millis(50));
        assert_eq!(report.restart_percentile(99), Duration::from_millis(99));
        assert!(report.is_good());
        report.failed_lives = 1;
        assert!(!report.is_good());
    }
}
