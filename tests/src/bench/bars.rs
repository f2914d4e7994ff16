//! What the results must reach.

use crate::bench::report::Results;
use crate::bench::sample::Comparison;

/// A figure of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Server CPU time per operation, Larder over redis-server.
    CpuRatio,
    /// Larder's bytes of resident memory per key.
    BytesPerKey,
    /// Requests per second, Larder over `bare_axum`.
    ThroughputRatio,
}

/// The bound of one row's figure.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// The row.
    pub row: &'static str,
    /// The figure of the row.
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
    bar("memory-string", Figure::BytesPerKey, 95.0),
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
            Self::ThroughputRatio => "requests/s, larder/bare",
        }
    }

    /// Which side of the bound is good.
    pub fn relation(self) -> &'static str {
        match self {
            Self::CpuRatio | Self::BytesPerKey => "<=",
            Self::ThroughputRatio => ">=",
        }
    }
}

impl Bar {
    /// Holds the bar against the results.
    pub fn verdict(&self, results: &Results) -> Verdict {
        let value = match self.figure {
            Figure::CpuRatio => find(&results.commands, self.row).map(|c| c.ratio(|s| s.cpu_us)),
            Figure::BytesPerKey => find(&results.memory, self.row).map(|c| c.subject(|b| *b)),
            Figure::ThroughputRatio => find(&results.rest, self.row).map(|c| c.ratio(|s| s.per_second)),
        };
        value.map_or(Verdict::NotMeasured, |value| self.judge(value))
    }

    fn judge(&self, value: f64) -> Verdict {
        // Neither comparison holds for a value that is no number: it misses.
        let reached = match self.figure {
            Figure::CpuRatio | Figure::BytesPerKey => value <= self.bound,
            Figure::ThroughputRatio => value >= self.bound,
        };
        if reached { Verdict::Ok(value) } else { Verdict::Missed(value) }
    }
}

const fn bar(row: &'static str, figure: Figure, bound: f64) -> Bar {
    Bar { row, figure, bound }
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
}
