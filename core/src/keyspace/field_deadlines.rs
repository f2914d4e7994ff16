//! When the next field of each hash ends: what a shard must look at to expire fields.

use std::collections::BTreeSet;

use super::entry::{Entry, Value};
use super::object::Object;

/// Stands for no deadline; none that a client may set is as late.
pub(super) const NEVER: u64 = u64::MAX;

/// A hash by the least deadline of its fields: Unix milliseconds, database, key.
type Due = (u64, u16, Box<[u8]>);

/// The hashes of a shard that have fields with an expiry, the next one first.
#[derive(Debug, PartialEq)]
pub(super) struct FieldDeadlines {
    hashes: BTreeSet<Due>,
    earliest_ms: u64,
    key_bytes: usize,
}

impl Default for FieldDeadlines {
    fn default() -> Self {
        Self { hashes: BTreeSet::new(), earliest_ms: NEVER, key_bytes: 0 }
    }
}

/// When the next field of an entry ends: never later than the truth.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
pub(super) fn next_of(entry: &Entry) -> u64 {
    match entry.value() {
        Value::Object(Object::Hash(hash)) => hash.next_deadline().unwrap_or(NEVER),
        _ => NEVER,
    }
}

impl FieldDeadlines {
    /// Notes that the least deadline of a hash has changed.
    #[inline(never)]
    pub(super) fn moved(&mut self, db: u16, key: &[u8], before_ms: u64, after_ms: u64) {
        if before_ms != NEVER && self.hashes.remove(&(before_ms, db, key.into())) {
            self.key_bytes -= key.len();
        }
        if after_ms != NEVER && self.hashes.insert((after_ms, db, key.into())) {
            self.key_bytes += key.len();
        }
        self.note_earliest();
    }

    /// Forgets the hashes of a database.
    pub(super) fn clear(&mut self, db: u16) {
        let Self { hashes, key_bytes, .. } = self;
        hashes.retain(|(_, of, key)| {
            let stays = *of != db;
            *key_bytes -= if stays { 0 } else { key.len() };
            stays
        });
        self.note_earliest();
    }

    /// Exchanges two databases.
    pub(super) fn swap(&mut self, one: u16, other: u16) {
        let other_of = |db: u16| if db == one { other } else { one };
        let (moved, rest): (Vec<Due>, Vec<Due>) =
            std::mem::take(&mut self.hashes).into_iter().partition(|(_, db, _)| *db == one || *db == other);
        let moved = moved.into_iter().map(|(at_ms, db, key)| (at_ms, other_of(db), key));
        self.hashes = rest.into_iter().chain(moved).collect();
    }

    /// Whether a field of some hash may have ended.
    #[inline]
    pub(super) fn has_due(&self, now_ms: u64) -> bool {
        self.earliest_ms < now_ms
    }

    /// The hash whose next field ends first, if that may have happened.
    pub(super) fn first_due(&self, now_ms: u64) -> Option<(u16, Box<[u8]>)> {
        let (at_ms, db, key) = self.hashes.first()?;
        (*at_ms < now_ms).then(|| (*db, key.clone()))
    }

    /// When the next field may end.
    pub(super) fn earliest(&self) -> Option<u64> {
        (self.earliest_ms != NEVER).then_some(self.earliest_ms)
    }

    /// Bytes on the heap, about.
    pub(super) fn heap_bytes(&self) -> usize {
        self.hashes.len() * size_of::<Due>() + self.key_bytes
    }

    fn note_earliest(&mut self) {
        self.earliest_ms = self.hashes.first().map_or(NEVER, |(at_ms, ..)| *at_ms);
    }
}
