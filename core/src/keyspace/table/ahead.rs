//! Reads whose only purpose is that the memory is near when a lookup needs it.

use super::segment::Segment;
use super::{Item, Table};

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
