//! The estimator of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6.
//!
//! Only additions, multiplications, divisions and square roots, so every platform gives the same estimate.

use super::{COUNTED_BITS, REGISTERS};

/// The values a register of six bits can have.
const VALUES: usize = 64;

/// 1 / (2 ln 2): the bias for infinitely many registers.
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers have each value.
pub(super) struct Histogram([u32; VALUES]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([0; VALUES])
    }
}

impl Histogram {
    /// Counts `run` registers of this value.
    pub(super) fn add(&mut self, value: u8, run: u32) {
        self.0[usize::from(value) % VALUES] += run;
    }
}

/// The estimated number of distinct elements.
pub(super) fn cardinality(histogram: &Histogram) -> u64 {
    let registers = REGISTERS as f64;
    let count = |value: u32| f64::from(histogram.0[value as usize]);
    let mut sum = registers * tau((registers - count(COUNTED_BITS + 1)) / registers);
    for value in (1..=COUNTED_BITS).rev() {
        sum = (sum + count(value)) * 0.5;
    }
    sum += registers * sigma(count(0) / registers);
    (ALPHA * registers * registers / sum).round() as u64
}

/// The correction for registers that are still zero; infinite when all are.
fn sigma(share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut sum) = (share, 1.0, share);
    // The terms shrink doubly exponentially: the sum stands still after a few dozen rounds.
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if before == sum {
            return sum;
        }
    }
}

/// The correction for registers at their largest value.
fn tau(share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut sum) = (share, 1.0, 1.0 - share);
    // The terms halve at least: the sum stands still after a few dozen rounds.
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * y;
        if before == sum {
            return sum / 3.0;
        }
    }
}
