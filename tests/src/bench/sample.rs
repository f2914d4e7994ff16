//! One measurement, and what several of them say.

use std::time::Duration;

/// What one run of a load generator against one server gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Server CPU time in seconds.
    pub cpu_seconds: f64,
    /// Server CPU time in microseconds per operation.
    pub cpu_us: f64,
    /// Operations per second.
    pub per_second: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// Latency that one request in a hundred exceeds, in milliseconds.
    pub p99_ms: f64,
}

/// What a load generator reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Generated {
    /// Operations done.
    pub operations: u64,
    /// Operations per second.
    pub per_second: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// Latency that one request in a hundred exceeds, in milliseconds.
    pub p99_ms: f64,
}

/// A row's two sides, round by round: the subject (Larder) and what it is measured against.
#[derive(Clone, Debug)]
pub struct Comparison<T> {
    /// The row's name.
    pub row: &'static str,
    /// Subject and reference of each round.
    pub rounds: Vec<(T, T)>,
}

impl Sample {
    /// Joins what the generator reports with the CPU time the server used meanwhile.
    pub fn new(generated: Generated, cpu: Duration) -> Self {
        let cpu_seconds = cpu.as_secs_f64();
        Self {
            cpu_seconds,
            cpu_us: cpu_seconds * 1e6 / generated.operations as f64,
            per_second: generated.per_second,
            p50_ms: generated.p50_ms,
            p99_ms: generated.p99_ms,
        }
    }
}

impl<T> Comparison<T> {
    /// The subject's median of a figure.
    pub fn subject(&self, figure: impl Fn(&T) -> f64) -> f64 {
        median(self.rounds.iter().map(|(subject, _)| figure(subject)))
    }

    /// The reference's median of a figure.
    pub fn reference(&self, figure: impl Fn(&T) -> f64) -> f64 {
        median(self.rounds.iter().map(|(_, reference)| figure(reference)))
    }

    /// The median of the rounds' ratios, subject over reference: each round has its own weather.
    pub fn ratio(&self, figure: impl Fn(&T) -> f64) -> f64 {
        median(self.rounds.iter().map(|(subject, reference)| figure(subject) / figure(reference)))
    }
}

/// The middle value, or the mean of the two middle ones; not a number when there is none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_ratios_not_the_ratio_of_medians() {
        let comparison = Comparison { row: "x", rounds: vec![(1.0, 2.0), (3.0, 1.0), (2.0, 4.0)] };
        assert_eq!(comparison.subject(|v| *v), 2.0);
        assert_eq!(comparison.reference(|v| *v), 2.0);
        assert_eq!(comparison.ratio(|v| *v), 0.5);
    }

    #[test]
    fn an_even_number_of_rounds_takes_the_middle() {
        assert_eq!(median([4.0, 1.0, 2.0, 9.0].into_iter()), 3.0);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn cpu_is_per_operation() {
        let generated = Generated { operations: 4_000_000, per_second: 1e6, p50_ms: 0.5, p99_ms: 1.0 };
        let sample = Sample::new(generated, Duration::from_secs(6));
        assert_eq!(sample.cpu_us, 1.5);
    }
}
