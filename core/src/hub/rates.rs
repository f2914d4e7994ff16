//! How fast statistics grow, over the last second or two.

use std::collections::VecDeque;

/// Samples kept: at ten a second the rates cover a second and a half.
const SAMPLES: usize = 16;

/// Ever-growing numbers at regular times: commands run, bytes received, bytes sent.
#[derive(Debug, Default)]
pub struct Rates {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at_ms: u64,
    values: [u64; 3],
}

impl Rates {
    /// Notes how far the numbers are.
    pub fn sample(&mut self, at_ms: u64, values: [u64; 3]) {
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { at_ms, values });
    }

    /// Growth a second of the three numbers; `None` until two samples are there.
    pub fn per_second(&self) -> Option<[f64; 3]> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let elapsed_ms = last.at_ms.checked_sub(first.at_ms).filter(|&elapsed| elapsed > 0)?;
        let rate = |i: usize| last.values[i].saturating_sub(first.values[i]) as f64 * 1000.0 / elapsed_ms as f64;
        Some([rate(0), rate(1), rate(2)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_cover_the_samples_kept() {
        let mut rates = Rates::default();
        assert_eq!(rates.per_second(), None);
        rates.sample(1000, [0, 0, 0]);
        assert_eq!(rates.per_second(), None);
        rates.sample(1500, [5, 50, 500]);
        assert_eq!(rates.per_second(), Some([10.0, 100.0, 1000.0]));
        for i in 0..SAMPLES as u64 {
            rates.sample(2000 + 100 * i, [5, 50 + i, 500]);
        }
        assert_eq!(rates.per_second(), Some([0.0, 10.0, 0.0]));
    }
}
