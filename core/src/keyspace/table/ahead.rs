//! Reads whose only purpose is that the memory is near when a lookup or a walk needs it.

use std::hint::black_box;

use super::bucket::Bucket;
use super::segment::Segment;
use super::{Item, Table};

/// Buckets that a walk reads ahead at a time: their items are more than a core can wait for at once.
const BUCKETS_AHEAD: usize = 4;

/// For a walk that has the buckets `rest` before it: reads the heads of the items of the next few, if those that were
/// read last have been walked over. Items lie anywhere in memory: so a walk waits for many at once, instead of for one
/// after the other.
pub(super) fn read_items<T: Item>(rest: &[Bucket<T>]) {
    if rest.len().is_multiple_of(BUCKETS_AHEAD) {
        let items = rest.iter().take(BUCKETS_AHEAD).flat_map(Bucket::items);
        black_box(items.fold(0, |sum, item| item.key().first().map_or(sum, |byte| byte.wrapping_add(sum))));
    }
}

impl<T: Item> Table<T> {
    /// Reads the bucket where looking for a hash begins.
    pub fn read_bucket(&self, hash: u64) -> u64 {
        self.home_segment(hash).map_or(0, |segment| segment.read_bucket(hash))
    }

    /// Reads the head of the item that looking for a hash will probably find.
    pub fn read_item(&self, hash: u64) -> u64 {
        self.home_segment(hash).map_or(0, |segment| segment.read_item(hash))
    }

    /// The item that looking for a hash will probably find.
    pub fn candidate(&self, hash: u64) -> Option<&T> {
        self.home_segment(hash)?.candidate(hash)
    }

    fn home_segment(&self, hash: u64) -> Option<&Segment<T>> {
        let segment = *self.directory.get(self.entry(hash))?;
        self.segments.get(segment as usize)
    }
}
