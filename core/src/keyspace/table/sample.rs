//! Random items, for RANDOMKEY and for eviction.

use super::bucket::SLOTS;
use super::segment::{HOME_BITS_MAX, Place, Segment};
use super::{Item, Position, Table};

/// Slots tried before the table is walked from a random one. Dense tables need two tries, sparse ones six.
const TRIES: usize = 64;
/// Buckets of a full-grown segment.
const FULL_BUCKETS: usize = 1 << HOME_BITS_MAX;

impl<T: Item> Table<T> {
    /// An item chosen by the random number `r`; `None` when the table is empty.
    ///
    /// All items are equally likely, within a few percent (an item is less likely in a segment with a stash).
    pub fn random(&self, r: u64) -> Option<&T> {
        self.sample(r, &|_| true, &|segment| segment.len > 0)
    }

    /// Where an item is that is chosen as by [`Table::random`]. `rehash` gives the hash of a key.
    pub fn random_position(&self, r: u64, rehash: impl Fn(&[u8]) -> u64) -> Option<Position> {
        let mut r = r;
        for _ in 0..TRIES {
            r = mix(r);
            if let Some((position, _)) = self.item_at_random_slot(r) {
                return Some(position);
            }
        }
        let key = self.random(r)?.key();
        self.find(rehash(key), key)
    }

    /// An item with a deadline, chosen by the random number `r`; `None` when no item has one.
    ///
    /// Nearly uniform while at least one item in ten has a deadline. When they are rare, an item that follows a long
    /// gap is more likely, and the segments are walked until one is found.
    pub fn random_with_deadline(&self, r: u64) -> Option<&T> {
        if self.deadlines == 0 {
            return None;
        }
        let may_have_one = |segment: &Segment<T>| segment.min_deadline < u64::MAX;
        self.sample(r, &|item| item.deadline().is_some(), &may_have_one)
    }

    fn sample(&self, r: u64, wanted: &dyn Fn(&T) -> bool, worth_a_walk: &dyn Fn(&Segment<T>) -> bool) -> Option<&T> {
        let mut r = r;
        for _ in 0..TRIES {
            r = mix(r);
            if let Some((_, item)) = self.item_at_random_slot(r).filter(|(_, item)| wanted(item)) {
                return Some(item);
            }
        }
        let first = scale(r, self.segments.len());
        let (before, after) = self.segments.split_at(first);
        let segments = after.iter().chain(before);
        segments.filter(|segment| worth_a_walk(segment)).find_map(|segment| wanted_after(segment, r, wanted))
    }

    /// Draws one slot of one segment. A small segment counts as if it were full-grown, so that its items are no more
    /// likely than others.
    fn item_at_random_slot(&self, r: u64) -> Option<(Position, &T)> {
        let index = scale(r, self.segments.len());
        let segment = self.segments.get(index)?;
        let buckets = match self.segments.len() {
            1 => segment.bucket_count(),
            _ => segment.bucket_count().max(FULL_BUCKETS),
        };
        let slot = scale(r << 32, buckets * SLOTS);
        let place = Place::new(slot / SLOTS, slot % SLOTS);
        Some((Position::new(index as u32, place), segment.item(place)?))
    }
}

/// The first wanted item after a random one of the segment, in a ring.
fn wanted_after<T: Item>(segment: &Segment<T>, r: u64, wanted: impl Fn(&T) -> bool) -> Option<&T> {
    let len = segment.len as usize;
    let ring = segment.items().chain(segment.items());
    ring.skip(scale(mix(r), len)).take(len).find(|item| wanted(item))
}

/// A number below `bound`, in proportion to the top 32 bits of `r`.
fn scale(r: u64, bound: usize) -> usize {
    (((r >> 32) * bound as u64) >> 32) as usize
}

/// The next random number: the splitmix64 step of Steele, Lea and Flood.
fn mix(r: u64) -> u64 {
    let z = r.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
