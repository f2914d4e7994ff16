//! What a command's handler works with.

use crate::command::Command;
use crate::effects::Effects;
use crate::error::CommandError;
use crate::hash::Random;
use crate::hub::{Counters, Host, Hub, Signals};
use crate::journal::Journal;
use crate::keyspace::waiting::Wait;
use crate::keyspace::{AccessClock, Keyspace, Layout};
use crate::limits::{STRING_BYTES, UNCHECKED_PADDING_BYTES};
use crate::number;
use crate::resp::{Arguments, Reply, RequestBuf};
use crate::session::Session;
use crate::settings::{EvictionPolicy, Settings};

use std::sync::atomic::Ordering;

/// The world of one command: everything that core must not find out by itself.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// Unix time in microseconds.
    pub now_us: u64,
    /// Fresh random bits.
    pub seed: u64,
    /// Settings in force.
    pub settings: &'a Settings,
    /// Where keys live.
    pub layout: &'a Layout,
    /// Flags that every session reads.
    pub signals: &'a Signals,
    /// Counters of this thread.
    pub counters: &'a Counters,
    /// Where changes are told of, if they are.
    pub journal: Option<&'a dyn Journal>,
    /// The process around the engine.
    pub host: &'a dyn Host,
}

impl Env<'_> {
    /// Unix time in milliseconds.
    #[inline]
    pub fn now_ms(&self) -> u64 {
        self.now_us / 1000
    }

    /// How accesses move the clocks of entries under the settings in force.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn access_clock(&self) -> AccessClock {
        if self.settings.maxmemory_policy.is_lfu() {
            AccessClock::Frequency {
                minutes: (self.now_us / 60_000_000) as u16,
                log_factor: self.settings.lfu_log_factor,
                decay_minutes: self.settings.lfu_decay_time_minutes,
                random: self.seed,
            }
        } else {
            AccessClock::Seconds((self.now_us / 1_000_000) as u32)
        }
    }
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("now_us", &self.now_us).finish_non_exhaustive()
    }
}

/// What a handler may use. It writes one reply, or returns an error.
#[derive(Debug)]
pub struct Context<'c, 'k> {
    /// The client.
    pub session: &'c mut Session,
    /// The keys the plan holds.
    pub keys: &'c mut Keyspace<'k>,
    /// Where the reply goes.
    pub reply: Reply<'c>,
    /// The request's words; word 0 is the command.
    pub args: Arguments<'c>,
    /// The row being run.
    pub command: &'static Command,
    /// The world.
    pub env: Env<'c>,
    /// Shared state, held if the row's scope says so.
    pub hub: Option<&'c mut Hub>,
    /// What the host shall do afterwards.
    pub effects: &'c mut Effects,
    /// Random bits of this command.
    pub random: Random,
    /// What the request waits for; set by [`Context::wait_for`].
    pub wait: Option<Wait>,
    /// The words to wait with, if not those of the request: what depends on the moment is resolved in them.
    pub waiting_request: Option<RequestBuf>,
    /// Whether the request has waited and is run again.
    pub is_retry: bool,
}

impl<'c> Context<'c, '_> {
    /// A word of the request. Arity has been checked, so the words that the row's arity demands are there.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn arg(&self, index: usize) -> &'c [u8] {
        self.args.get(index)
    }

    /// A word as a 64-bit integer.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn integer(&self, index: usize) -> Result<i64, CommandError> {
        number::parse_i64(self.arg(index)).ok_or(CommandError::NOT_AN_INTEGER)
    }

    /// A word as a database number.
    pub fn database(&self, index: usize) -> Result<u16, CommandError> {
        let number = self.integer(index)?;
        if i32::try_from(number).is_err() {
            return Err(CommandError::fixed(
                "ERR value is out of range, value must between -2147483648 and 2147483647",
            ));
        }
        self.database_number(number)
    }

    /// A number as a database number.
    pub fn database_number(&self, number: i64) -> Result<u16, CommandError> {
        u16::try_from(number)
            .ok()
            .filter(|&db| u32::from(db) < self.env.layout.databases())
            .ok_or(CommandError::DATABASE_RANGE)
    }

    /// Shared state.
    ///
    /// # Panics
    /// If the row's scope does not say that the command needs it.
    pub fn hub(&mut self) -> &mut Hub {
        self.hub.as_deref_mut().expect("the row's scope asks for the hub")
    }

    /// Lets the request wait for keys, instead of an answer; it runs again once one of them has changed. False where
    /// the session's commands may not wait, as in a transaction: the handler then answers that nothing came.
    #[must_use]
    pub fn wait_for(&mut self, wait: Wait) -> bool {
        if self.session.may_wait {
            self.wait = Some(wait);
        }
        self.session.may_wait
    }

    /// A word as a timeout in seconds, as the time when it is over; 0 is never.
    pub fn timeout_seconds(&self, index: usize) -> Result<Option<u64>, CommandError> {
        let seconds = number::parse_f64(self.arg(index))
            .ok_or(CommandError::fixed("ERR timeout is not a float or out of range"))?;
        let milliseconds = (seconds * 1000.0).ceil();
        if milliseconds >= i64::MAX as f64 {
            return Err(CommandError::fixed("ERR timeout is out of range"));
        }
        self.timeout_at(milliseconds as i64)
    }

    /// A word as a timeout in milliseconds, as the time when it is over; 0 is never.
    pub fn timeout_milliseconds(&self, index: usize) -> Result<Option<u64>, CommandError> {
        let milliseconds = number::parse_i64(self.arg(index))
            .ok_or(CommandError::fixed("ERR timeout is not an integer or out of range"))?;
        self.timeout_at(milliseconds)
    }

    fn timeout_at(&self, milliseconds: i64) -> Result<Option<u64>, CommandError> {
        let milliseconds = u64::try_from(milliseconds).map_err(|_| CommandError::fixed("ERR timeout is negative"))?;
        let until_ms = self.env.now_ms().saturating_add(milliseconds);
        if until_ms > i64::MAX as u64 {
            return Err(CommandError::fixed("ERR timeout is out of range"));
        }
        Ok((milliseconds > 0).then_some(until_ms))
    }

    /// Refuses to add many bytes to a string that the request does not carry, where `maxmemory` has no room for them:
    /// one bit far out would otherwise take half a gigabyte. Where keys are evicted, they make room afterwards.
    pub fn require_memory(&self, bytes: usize) -> Result<(), CommandError> {
        let limit = self.env.settings.maxmemory_bytes;
        let used = match self.env.settings.maxmemory_policy {
            EvictionPolicy::Noeviction => self.env.signals.memory_bytes.load(Ordering::Relaxed),
            _ => 0,
        };
        let is_free = limit == 0 || bytes <= UNCHECKED_PADDING_BYTES;
        if is_free || used.saturating_add(bytes as u64) <= limit { Ok(()) } else { Err(CommandError::OUT_OF_MEMORY) }
    }

    /// Largest string a client may make, in bytes.
    pub fn max_string_bytes(&self) -> u64 {
        self.env.settings.proto_max_bulk_len_bytes.min(STRING_BYTES)
    }
}
