//! What a shard keeps for the journal: how far it has been told, and what has expired since.

use super::shard::Shard;
use crate::journal::{Journal, expiry_request};
use crate::store::Lsn;
use crate::store::record::write_request;

/// What a shard knows of the journal.
#[derive(Debug, Default)]
pub(super) struct Journaling {
    /// Whether there is one.
    is_on: bool,
    /// [`super::shard::ShardStats::dirty`] when the journal was last told.
    logged: u64,
    /// The newest record that concerns this shard.
    last: Lsn,
    /// What has expired since the journal was last told, with its database.
    expired: Vec<(u16, Expired)>,
}

/// What expiry has removed.
#[derive(Debug)]
pub enum Expired {
    /// A key.
    Key(Box<[u8]>),
    /// Fields of the hash under a key.
    Fields(Box<[u8]>),
}

impl Journaling {
    /// Notes that expiry has removed something.
    #[inline]
    pub(super) fn expired(&mut self, db: u16, what: impl FnOnce() -> Expired) {
        if self.is_on {
            self.expired.push((db, what()));
        }
    }
}

impl Shard {
    /// Begins to note what the journal must hear of.
    pub fn start_journaling(&mut self) {
        self.journaling = Journaling { is_on: true, logged: self.stats.dirty, ..Journaling::default() };
    }

    /// Whether the journal has not been told of all changes.
    #[inline]
    pub fn has_unlogged_changes(&self) -> bool {
        self.journaling.logged != self.stats.dirty
    }

    /// Notes that a record tells of all changes.
    #[inline]
    pub fn logged(&mut self, lsn: Lsn) {
        self.journaling.logged = self.stats.dirty;
        self.journaling.last = lsn;
    }

    /// The newest record that concerns this shard.
    #[inline]
    pub fn last_record(&self) -> Lsn {
        self.journaling.last
    }

    /// Whether something has expired that the journal has not been told of.
    #[inline]
    pub fn has_expired(&self) -> bool {
        !self.journaling.expired.is_empty()
    }

    /// Tells the journal what has expired: after background work, and before the change of whoever found it so.
    #[inline(never)]
    pub fn log_expired(&mut self, journal: &dyn Journal, now_us: u64) {
        for (db, expired) in std::mem::take(&mut self.journaling.expired) {
            let request = expiry_request(&expired);
            let lsn = journal.append(now_us, db, &mut |out| write_request(out, request.arguments()));
            self.journaling.last = lsn;
        }
    }
}
