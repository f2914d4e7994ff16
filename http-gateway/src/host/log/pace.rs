//! How full the groups are that share a flush.
//!
//! Whoever was answered by a flush is often soon back with the next write. If the next flush begins without them, they
//! wait for all of it and for the one after it: with many clients, two half-full groups take turns. So a flush waits a
//! little for those whom the last one answered, for a part of the time that a flush takes.

use std::time::{Duration, Instant};

/// A flush waits for this part of the time that a flush takes at most.
const PATIENCE: u32 = 2;

/// It never waits for longer.
const PATIENCE_MAX: Duration = Duration::from_millis(5);

/// Waits shorter than this are not worth their system calls, and timers are no finer.
const LEAST_WAIT: Duration = Duration::from_micros(20);

/// What the last flush was like.
pub struct Pace {
    /// How long a flush takes, smoothed.
    takes: Duration,
    /// When the last one ended.
    ended: Instant,
    /// How many may ask for the next one: those whom the last one answered, and those who asked meanwhile.
    expected: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { takes: Duration::ZERO, ended: Instant::now(), expected: 0 }
    }
}

impl Pace {
    /// Notes that a flush has ended, and how long it took.
    pub fn took(&mut self, time: Duration) {
        self.takes = (self.takes * 7 + time) / 8;
        self.ended = Instant::now();
    }

    /// Notes how many may ask for the next one.
    pub fn expect(&mut self, asking: usize) {
        self.expected = asking;
    }

    /// How many to wait for, and for how long, while some are asking; none once it is time to flush.
    pub fn wait(&self, asking: usize) -> Option<(usize, Duration)> {
        let patience = (self.takes / PATIENCE).min(PATIENCE_MAX);
        let rest = patience.saturating_sub(self.ended.elapsed());
        (asking < self.expected && rest >= LEAST_WAIT).then_some((self.expected, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_those_who_never_asked() {
        let mut pace = Pace::default();
        assert_eq!(pace.wait(1), None);
        pace.took(Duration::from_secs(1));
        pace.expect(1);
        assert_eq!(pace.wait(1), None, "a single client is not held up");
    }

    #[test]
    fn groups_fill_up_but_not_for_ever() {
        let mut pace = Pace::default();
        pace.took(Duration::from_millis(64));
        pace.expect(50);
        let (expected, rest) = pace.wait(25).expect("half of them are missing");
        assert_eq!(expected, 50);
        assert!(rest <= Duration::from_millis(4), "{rest:?}");
        assert_eq!(pace.wait(50), None);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(pace.wait(25), None, "its time is over");
        pace = Pace::default();
        pace.took(Duration::from_micros(240));
        pace.expect(50);
        assert_eq!(pace.wait(25), None, "too short to be worth it");
        pace = Pace::default();
        pace.took(Duration::from_millis(8));
        pace.expect(50);
        assert!(pace.wait(25).is_some(), "half a millisecond is worth it");
    }
}
