//! What the results must reach.

use crate::bench::report::Results;
use crate::bench::rows::{MEMORY_TYPES, TYPES};
use crate::bench::sample::Comparison;

/// A figure of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Server CPU time per operation, Larder over redis-server.
    CpuRatio,
    /// Larder's bytes of resident memory per key.
    BytesPerKey,
    /// The same, over redis-server's.
    BytesRatio,
    /// What one of a thousand requests to Larder waits longer than, in milliseconds.
    WaitMs,
    /// The longest wait.
    LongestWaitMs,
    /// Requests per second, Larder over `bare_axum`.
    ThroughputRatio,
    /// Operations per second with a log, Larder over redis-server.
    OperationsRatio,
    /// Operations per second, with a log over without.
    LogThroughput,
    /// Operations that one flush of the log makes durable.
    OperationsPerFlush,
    /// Time from a start to the first answer, Larder over redis-server.
    RestartRatio,
    /// Resident memory that a snapshot adds, as a share of what was there.
    MemoryGrowth,
    /// How long a snapshot took under load.
    SnapshotSeconds,
}

/// The bound of a row's figure, or of the geometric mean over several rows.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// The row, or what the rows have in common.
    pub name: &'static str,
    /// The rows of a mean; none for a bar of one row.
    mean_of: &'static [&'static str],
    /// The figure of the rows.
    pub figure: Figure,
    /// The worst value that is good enough.
    pub bound: f64,
}

/// All bars.
pub const BARS: &[Bar] = &[
    bar("set-p1", Figure::CpuRatio, 0.95),
    bar("get-p1", Figure::CpuRatio, 0.95),
    bar("set-p16", Figure::CpuRatio, 0.75),
    bar("get-p16", Figure::CpuRatio, 0.75),
    bar("lpush-p16", Figure::CpuRatio, 0.9),
    bar("rpush-p16", Figure::CpuRatio, 0.9),
    bar("lpop-p16", Figure::CpuRatio, 0.9),
    bar("rpop-p16", Figure::CpuRatio, 0.9),
    bar("sadd-p16", Figure::CpuRatio, 0.9),
    bar("hset-p16", Figure::CpuRatio, 0.9),
    bar("spop-p16", Figure::CpuRatio, 0.9),
    bar("zadd-p16", Figure::CpuRatio, 0.9),
    bar("zpopmin-p16", Figure::CpuRatio, 0.9),
    bar("lrange100-p16", Figure::CpuRatio, 0.9),
    bar("lrange600-p16", Figure::CpuRatio, 0.9),
    bar("xadd-p16", Figure::CpuRatio, 0.9),
    mean("types: mean", TYPES, Figure::CpuRatio, 0.75),
    bar("memory-string", Figure::BytesPerKey, 95.0),
    bar("memory-hash", Figure::BytesRatio, 1.0),
    bar("memory-zset", Figure::BytesRatio, 1.0),
    bar("memory-set", Figure::BytesRatio, 1.0),
    bar("memory-list", Figure::BytesRatio, 1.0),
    bar("memory-stream", Figure::BytesRatio, 1.0),
    mean("memory: mean", MEMORY_TYPES, Figure::BytesRatio, 0.8),
    bar("stall-set", Figure::WaitMs, 5.0),
    bar("stall-set", Figure::LongestWaitMs, 50.0),
    bar("stall-hash", Figure::WaitMs, 5.0),
    bar("stall-hash", Figure::LongestWaitMs, 50.0),
    bar("stall-zset", Figure::WaitMs, 5.0),
    bar("stall-zset", Figure::LongestWaitMs, 50.0),
    bar("stall-list", Figure::WaitMs, 5.0),
    bar("stall-list", Figure::LongestWaitMs, 50.0),
    bar("log-set-p16", Figure::CpuRatio, 0.75),
    bar("log-cost-set-p16", Figure::LogThroughput, 0.85),
    bar("always-set-p1", Figure::OperationsRatio, 1.5),
    bar("always-set-p1", Figure::OperationsPerFlush, 10.0),
    bar("always-disk-p1", Figure::OperationsRatio, 1.5),
    bar("always-disk-p1", Figure::OperationsPerFlush, 10.0),
    bar("restart-string", Figure::RestartRatio, 0.7),
    bar("snapshot-string", Figure::LongestWaitMs, 10.0),
    bar("snapshot-string", Figure::MemoryGrowth, 0.15),
    bar("snapshot-hash", Figure::LongestWaitMs, 10.0),
    bar("snapshot-hash", Figure::MemoryGrowth, 0.15),
    bar("rest-v1-get", Figure::ThroughputRatio, 0.85),
    bar("rest-upstash-get", Figure::ThroughputRatio, 0.85),
];

/// How a bar came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// The value reaches the bar.
    Ok(f64),
    /// The value does not.
    Missed(f64),
    /// The row did not run or failed.
    NotMeasured,
}

impl Figure {
    /// Name and unit.
    pub fn label(self) -> &'static str {
        match self {
            Self::CpuRatio => "CPU per operation, larder/redis",
            Self::BytesPerKey => "bytes per key",
            Self::BytesRatio => "bytes per item, larder/redis",
            Self::WaitMs => "p99.9 of pings, ms",
            Self::LongestWaitMs => "longest ping, ms",
            Self::ThroughputRatio => "requests/s, larder/bare",
            Self::OperationsRatio => "operations/s, larder/redis",
            Self::LogThroughput => "operations/s, log/no log",
            Self::OperationsPerFlush => "operations per flush",
            Self::RestartRatio => "restart, larder/redis",
            Self::MemoryGrowth => "memory added by snapshot",
            Self::SnapshotSeconds => "snapshot, s",
        }
    }

    /// Which side of the bound is good.
    pub fn relation(self) -> &'static str {
        match self {
            _ if self.is_better_high() => ">=",
            _ => "<=",
        }
    }

    /// Whether more of it is better.
    fn is_better_high(self) -> bool {
        matches!(self, Self::ThroughputRatio | Self::OperationsRatio | Self::LogThroughput | Self::OperationsPerFlush)
    }

    /// Whether it compares both sides, rather than being the subject's alone.
    fn is_ratio(self) -> bool {
        matches!(
            self,
            Self::CpuRatio
                | Self::BytesRatio
                | Self::ThroughputRatio
                | Self::OperationsRatio
                | Self::LogThroughput
                | Self::RestartRatio
        )
    }

    /// What a row about persistence has of it.
    fn of_persistence(self, row: &str, results: &Results) -> Option<f64> {
        let mut rows = results.persistence.iter();
        let (_, comparison) = rows.find(|(figure, comparison)| *figure == self && comparison.row == row)?;
        Some(if self.is_ratio() { comparison.ratio(|v| *v) } else { comparison.subject(|v| *v) })
    }

    fn of(self, row: &str, results: &Results) -> Option<f64> {
        if let Some(value) = self.of_persistence(row, results) {
            return Some(value);
        }
        match self {
            Self::CpuRatio => find(&results.commands, row).map(|c| c.ratio(|s| s.cpu_us)),
            Self::BytesPerKey => find(&results.memory, row).map(|c| c.subject(|b| *b)),
            Self::BytesRatio => find(&results.memory, row).map(|c| c.ratio(|b| *b)),
            Self::WaitMs => find(&results.stalls, row).map(|c| c.subject(|w| w.p999_ms)),
            Self::LongestWaitMs => find(&results.stalls, row).map(|c| c.subject(|w| w.max_ms)),
            Self::ThroughputRatio => find(&results.rest, row).map(|c| c.ratio(|s| s.per_second)),
            _ => None,
        }
    }
}

impl Bar {
    /// The rows that it is about.
    pub fn rows(&self) -> &[&'static str] {
        if self.mean_of.is_empty() { std::slice::from_ref(&self.name) } else { self.mean_of }
    }

    /// Holds the bar against the results.
    pub fn verdict(&self, results: &Results) -> Verdict {
        let values: Option<Vec<f64>> = self.rows().iter().map(|row| self.figure.of(row, results)).collect();
        values.map_or(Verdict::NotMeasured, |values| self.judge(geometric_mean(&values)))
    }

    fn judge(&self, value: f64) -> Verdict {
        // Neither comparison holds for a value that is no number: it misses.
        let reached = if self.figure.is_better_high() { value >= self.bound } else { value <= self.bound };
        if reached { Verdict::Ok(value) } else { Verdict::Missed(value) }
    }
}

const fn bar(row: &'static str, figure: Figure, bound: f64) -> Bar {
    Bar { name: row, mean_of: &[], figure, bound }
}

const fn mean(name: &'static str, rows: &'static [&'static str], figure: Figure, bound: f64) -> Bar {
    Bar { name, mean_of: rows, figure, bound }
}

/// The value itself where there is one.
fn geometric_mean(values: &[f64]) -> f64 {
    match values {
        [value] => *value,
        _ => (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp(),
    }
}

fn find<'a, T>(rows: &'a [Comparison<T>], name: &str) -> Option<&'a Comparison<T>> {
    rows.iter().find(|comparison| comparison.row == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_good_side() {
        let cpu = bar("x", Figure::CpuRatio, 0.75);
        assert_eq!(cpu.judge(0.75), Verdict::Ok(0.75));
        assert_eq!(cpu.judge(0.76), Verdict::Missed(0.76));
        let flushes = bar("x", Figure::OperationsPerFlush, 10.0);
        assert_eq!(flushes.judge(9.9), Verdict::Missed(9.9));
        let rest = bar("x", Figure::ThroughputRatio, 0.85);
        assert_eq!(rest.judge(0.9), Verdict::Ok(0.9));
        assert_eq!(rest.judge(0.84), Verdict::Missed(0.84));
        assert!(matches!(rest.judge(f64::NAN), Verdict::Missed(_)));
    }

    #[test]
    fn the_figure_comes_from_its_row() {
        let mut results = Results::default();
        let memory = bar("memory-string", Figure::BytesPerKey, 95.0);
        assert_eq!(memory.verdict(&results), Verdict::NotMeasured);
        results
            .memory
            .push(Comparison { row: "memory-string", rounds: vec![(90.0, 110.0), (91.0, 100.0), (99.0, 100.0)] });
        assert_eq!(memory.verdict(&results), Verdict::Ok(91.0));
    }

    #[test]
    fn a_mean_needs_all_its_rows() {
        let mean = mean("both", &["a", "b"], Figure::BytesRatio, 0.5);
        let mut results = Results::default();
        results.memory.push(Comparison { row: "a", rounds: vec![(25.0, 100.0)] });
        assert_eq!(mean.verdict(&results), Verdict::NotMeasured);
        results.memory.push(Comparison { row: "b", rounds: vec![(100.0, 100.0)] });
        assert!(matches!(mean.verdict(&results), Verdict::Ok(value) if (value - 0.5).abs() < 1e-9));
    }
}
