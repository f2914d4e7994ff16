//! Room for items that are known to come, so that nothing has to be moved while they do.

use super::segment::Segment;
use super::{Item, Table};

/// Items that a segment is expected to get at most: three quarters of its slots, so that few segments split after all.
const ITEMS_PER_SEGMENT: usize = 340;

impl<T: Item> Table<T> {
    /// Prepares an empty table for about so many items. At once it takes a seventh of a byte for each; buckets take
    /// memory when their first item comes. A table that has items, or is prepared already, stays as it is.
    pub fn expect(&mut self, items: usize) {
        if !self.directory.is_empty() || items == 0 {
            return;
        }
        let depth = items.div_ceil(ITEMS_PER_SEGMENT).next_power_of_two().trailing_zeros() as u8;
        let count = 1u32 << depth;
        self.segments.reserve_exact(count as usize);
        let start = |number: u32| u64::from(number).unbounded_shl(u64::BITS - u32::from(depth));
        self.segments.extend((0..count).map(|number| Segment::expecting(start(number), depth, items >> depth)));
        self.directory = (0..count).collect();
        self.depth = depth;
        self.deepest = count;
    }
}
