//! The access clock of entries: what LRU and LFU eviction go by.

/// How an access moves the clock of an entry.
#[derive(Clone, Copy, Debug)]
pub enum AccessClock {
    /// Seconds since an arbitrary time, 24 bits: LRU.
    Seconds(u32),
    /// Minutes and a logarithmic counter: LFU. The random bits decide whether the counter grows.
    Frequency {
        /// Minutes since the epoch, 16 bits.
        minutes: u16,
        /// Grows the harder the larger: `lfu-log-factor`.
        log_factor: u32,
        /// Minutes after which one is taken off: `lfu-decay-time`.
        decay_minutes: u32,
        /// Random bits of this command.
        random: u64,
    },
}

/// Value of the LFU counter of a new key, so that it is not evicted at once.
pub const LFU_START: u32 = 5;

/// How far the clocks of entries may be ahead of a command's time: threads read it at different moments, and it may be
/// set back.
const CLOCK_SKEW_SECONDS: u32 = 3600;

impl AccessClock {
    /// The clock of an entry that is created or overwritten now.
    pub fn fresh(self) -> u32 {
        match self {
            Self::Seconds(seconds) => seconds & 0xff_ffff,
            Self::Frequency { minutes, .. } => u32::from(minutes) << 8 | LFU_START,
        }
    }

    /// The clock of an entry whose value is replaced now. How often a key is used is told of the key, not of a value.
    #[inline]
    pub fn replaced(self, clock: impl FnOnce() -> Option<u32>) -> u32 {
        match self {
            Self::Frequency { .. } => clock().map_or_else(|| self.fresh(), |clock| self.touched(clock)),
            Self::Seconds(_) => self.fresh(),
        }
    }

    /// The clock after an access.
    #[inline]
    pub fn touched(self, clock: u32) -> u32 {
        match self {
            Self::Seconds(seconds) => seconds & 0xff_ffff,
            Self::Frequency { minutes, log_factor, random, .. } => {
                let counter = self.decayed(clock);
                let over = f64::from(counter.saturating_sub(LFU_START));
                let chance = 1.0 / (over * f64::from(log_factor) + 1.0);
                // 53 random bits as a number in [0, 1).
                let draw = (random >> 11) as f64 / (1u64 << 53) as f64;
                let grown = if counter < 255 && draw < chance { counter + 1 } else { counter };
                u32::from(minutes) << 8 | grown
            }
        }
    }

    /// Seconds since the last access; 0 under a policy that keeps none.
    pub fn idle_seconds(self, clock: u32) -> u32 {
        match self {
            Self::Seconds(now) => match now.wrapping_sub(clock) & 0xff_ffff {
                // Another thread had read the time a little later.
                ahead if ahead > 0xff_ffff - CLOCK_SKEW_SECONDS => 0,
                idle => idle,
            },
            Self::Frequency { .. } => 0,
        }
    }

    /// The LFU counter with what time has taken off it.
    pub fn decayed(self, clock: u32) -> u32 {
        let counter = clock & 0xff;
        match self {
            Self::Frequency { minutes, decay_minutes, .. } if decay_minutes > 0 => {
                let since = u32::from(minutes.wrapping_sub((clock >> 8) as u16));
                counter.saturating_sub(since / decay_minutes)
            }
            _ => counter,
        }
    }
}
