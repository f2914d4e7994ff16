//! A segment: the buckets of one range of hashes, in hash order, and a stash for what they cannot hold.

use super::Item;
use super::ahead::read_items;
use super::bucket::{Bucket, SLOTS, tag};
use super::items::Items;

/// A segment with this many home bits (64 buckets) splits instead of growing: a split moves some 400 items.
pub(super) const HOME_BITS_MAX: u8 = 6;
/// How many buckets ahead a free slot is looked for; each step between moves one item on by one bucket.
const REACH: usize = 3;
/// A segment has one stash bucket for this many home buckets before it grows or splits.
const HOMES_PER_STASH: usize = 64;
/// New segments are at most this full (in percent), so that they do not grow again at once.
const FILL_PERCENT: usize = 70;

/// All items whose hash starts with the top `depth` bits of `start`.
///
/// `buckets` holds the home buckets in hash order, then the stash. An item lives in its home bucket, in the one after
/// it (the first bucket follows the last), or in the stash. An empty segment has no buckets.
#[derive(Clone)]
pub(super) struct Segment<T> {
    buckets: Vec<Bucket<T>>,
    /// The lowest hash of the range.
    pub(super) start: u64,
    /// No item has an earlier deadline; `u64::MAX` when none has one.
    pub(super) min_deadline: u64,
    /// Number of items.
    pub(super) len: u32,
    /// Hash bits that all items share.
    pub(super) depth: u8,
    /// Hash bits below those that choose the home bucket, in an empty segment those it will begin with.
    home_bits: u8,
}

/// Where an item is inside its segment: bucket and slot in one number, which `find` returns in a register.
#[derive(Clone, Copy)]
pub(super) struct Place(pub(super) u32);

impl Place {
    pub(super) fn new(bucket: usize, slot: usize) -> Self {
        Self((bucket << 3 | slot) as u32)
    }

    fn bucket(self) -> usize {
        (self.0 >> 3) as usize
    }

    fn slot(self) -> usize {
        (self.0 & 7) as usize
    }
}

/// The number of home bits that a segment of `len` items starts with.
fn home_bits_for(len: usize) -> u8 {
    let holds = |bits: &u8| len * 100 <= (SLOTS << bits) * FILL_PERCENT;
    (0..HOME_BITS_MAX).find(holds).unwrap_or(HOME_BITS_MAX)
}

impl<T: Item> Segment<T> {
    /// A segment without items and without memory.
    pub(super) const fn empty(start: u64, depth: u8) -> Self {
        Self { buckets: Vec::new(), start, min_deadline: u64::MAX, len: 0, depth, home_bits: 0 }
    }

    /// A segment without memory that will get about so many items: its buckets come all at once.
    pub(super) fn expecting(start: u64, depth: u8, items: usize) -> Self {
        Self { home_bits: home_bits_for(items), ..Self::empty(start, depth) }
    }

    /// A segment of the given items and their hashes.
    pub(super) fn with_items(start: u64, depth: u8, items: Vec<(u64, T)>) -> Self {
        let empty = Self::empty(start, depth);
        if items.is_empty() {
            return empty;
        }
        empty.filled(home_bits_for(items.len()), items)
    }

    /// The segment with twice the buckets, or with its first ones.
    pub(super) fn grown(self, rehash: &impl Fn(&[u8]) -> u64) -> Self {
        let home_bits = if self.buckets.is_empty() { self.home_bits } else { self.home_bits + 1 };
        let empty = Self::empty(self.start, self.depth);
        empty.filled(home_bits, self.into_hashed(rehash))
    }

    /// The segment with as few buckets as its items need.
    pub(super) fn shrunk(self, rehash: &impl Fn(&[u8]) -> u64) -> Self {
        let (start, depth) = (self.start, self.depth);
        Self::with_items(start, depth, self.into_hashed(rehash))
    }

    /// The items with their hashes. All keys are hashed in one go, which lets their cache misses overlap.
    pub(super) fn into_hashed(self, rehash: &impl Fn(&[u8]) -> u64) -> Vec<(u64, T)> {
        let mut items = Vec::with_capacity(self.len as usize);
        items.extend(self.into_items().map(|item| (rehash(item.key()), item)));
        items
    }

    /// The items, by value.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.buckets.into_iter().flat_map(Bucket::into_items)
    }

    fn filled(mut self, home_bits: u8, items: Vec<(u64, T)>) -> Self {
        self.home_bits = home_bits;
        self.buckets.reserve_exact(1 << home_bits);
        self.buckets.resize_with(1 << home_bits, Bucket::new);
        for (hash, item) in items {
            if let Err(item) = self.insert(hash, item) {
                self.stash(hash, item);
            }
        }
        self
    }

    /// Stores an item in its home bucket, the next one or the stash; gives it back when the segment is too full.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, item: T) -> Result<Place, T> {
        let home = self.home(hash);
        let Some(bucket) = self.buckets.get_mut(home) else {
            return Err(item);
        };
        if let Some(slot) = bucket.free_slot() {
            lower(&mut self.min_deadline, &item);
            bucket.put(slot, tag(hash), item, false);
            self.len += 1;
            return Ok(Place::new(home, slot));
        }
        self.insert_away(home, hash, item)
    }

    fn insert_away(&mut self, home: usize, hash: u64, item: T) -> Result<Place, T> {
        if let Some(slot) = self.make_room_after(home) {
            lower(&mut self.min_deadline, &item);
            let next = self.next(home);
            self.buckets[next].put(slot, tag(hash), item, true);
            self.buckets[home].set_overflowed(true);
            self.len += 1;
            return Ok(Place::new(next, slot));
        }
        if self.stash_len() < self.homes() / HOMES_PER_STASH * SLOTS {
            return Ok(self.stash(hash, item));
        }
        Err(item)
    }

    /// Stores an item in the stash, whatever its size.
    pub(super) fn stash(&mut self, hash: u64, item: T) -> Place {
        lower(&mut self.min_deadline, &item);
        let (homes, home, stashed) = (self.homes(), self.home(hash), self.stash_len());
        if homes + stashed / SLOTS == self.buckets.len() {
            if self.buckets.len() == self.buckets.capacity() {
                // A step in proportion keeps an overlong stash (equal hashes) from copying itself at every bucket.
                self.buckets.reserve_exact(1 + stashed / SLOTS / 2);
            }
            self.buckets.push(Bucket::new());
        }
        let (bucket, slot) = (homes + stashed / SLOTS, stashed % SLOTS);
        self.buckets[bucket].put(slot, tag(hash), item, false);
        self.buckets[home].set_overflowed(true);
        self.len += 1;
        Place::new(bucket, slot)
    }

    /// A free slot in the bucket after `home`, after moving items on by one bucket where that makes one.
    fn make_room_after(&mut self, home: usize) -> Option<usize> {
        let mask = self.homes() - 1;
        for distance in 1..=REACH.min(mask) {
            let bucket = &self.buckets[(home + distance) & mask];
            if let Some(mut free) = bucket.free_slot() {
                for step in (1..distance).rev() {
                    free = self.move_on((home + step) & mask, free);
                }
                return Some(free);
            }
            // Only an item at home in a bucket may move on.
            bucket.home_slot()?;
        }
        None
    }

    /// Moves one item of a bucket to a slot of the next bucket and returns the slot that became free.
    fn move_on(&mut self, from: usize, to_slot: usize) -> usize {
        let to = self.next(from);
        let slot = self.buckets[from].home_slot().expect("the caller looked");
        let (item, tag) = self.buckets[from].take(slot).expect("the slot is taken");
        self.buckets[from].set_overflowed(true);
        self.buckets[to].put(to_slot, tag, item, true);
        slot
    }

    /// Takes out the item of a place. Items of the stash may move.
    pub(super) fn remove(&mut self, place: Place) -> T {
        let (index, slot) = (place.bucket(), place.slot());
        let displaced = self.buckets[index].is_displaced(slot);
        let (item, _) = self.buckets[index].take(slot).expect("a position names an item");
        self.len -= 1;
        if index >= self.homes() {
            self.close_stash_gap(index, slot);
        } else if displaced && !self.has_stash() && !self.buckets[index].holds_displaced() {
            let home = index.wrapping_sub(1) & (self.homes() - 1);
            self.buckets[home].set_overflowed(false);
        }
        item
    }

    /// Keeps the stash dense: its last item fills the gap, and its memory goes when it is empty.
    fn close_stash_gap(&mut self, index: usize, slot: usize) {
        let last = self.buckets.len() - 1;
        let last_slot = (0..SLOTS).rev().find(|&slot| self.buckets[last].item(slot).is_some());
        if let Some(last_slot) = last_slot
            && (last, last_slot) > (index, slot)
        {
            let (item, tag) = self.buckets[last].take(last_slot).expect("the slot is taken");
            self.buckets[index].put(slot, tag, item, false);
        }
        if self.buckets[last].items().next().is_none() {
            self.buckets.pop();
        }
        if !self.has_stash() {
            self.buckets.shrink_to_fit();
            self.refresh_overflow_bits();
        } else if self.buckets.capacity() > 2 * self.buckets.len() {
            self.buckets.shrink_to(self.buckets.len() * 3 / 2);
        }
    }

    fn refresh_overflow_bits(&mut self) {
        for home in 0..self.homes() {
            let overflowed = self.homes() > 1 && self.buckets[self.next(home)].holds_displaced();
            self.buckets[home].set_overflowed(overflowed);
        }
    }

    /// Takes out the items whose deadline is not after `now`, and makes `min_deadline` exact.
    pub(super) fn remove_due(&mut self, now: u64, on_removed: &mut impl FnMut(T)) {
        self.min_deadline = u64::MAX;
        // Backwards, because what fills a gap in the stash comes from its end.
        for index in (0..self.buckets.len()).rev() {
            for slot in (0..SLOTS).rev() {
                let place = Place::new(index, slot);
                match self.item(place).and_then(Item::deadline) {
                    Some(deadline) if deadline <= now => on_removed(self.remove(place)),
                    Some(deadline) => self.min_deadline = self.min_deadline.min(deadline),
                    None => {}
                }
            }
        }
    }

    /// Lowers `min_deadline` to that of the item of a place.
    pub(super) fn lower_min_deadline(&mut self, place: Place) {
        let deadline = self.item(place).and_then(Item::deadline);
        self.min_deadline = self.min_deadline.min(deadline.unwrap_or(u64::MAX));
    }

    /// The item of a place, for changing.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(super) fn item_mut(&mut self, place: Place) -> Option<&mut T> {
        self.buckets.get_mut(place.bucket())?.item_mut(place.slot())
    }

    /// The item of a place.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(super) fn item(&self, place: Place) -> Option<&T> {
        self.buckets.get(place.bucket())?.item(place.slot())
    }

    /// Where a key is. One cache line is read unless its home bucket overflowed.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        let home = self.home(hash);
        let bucket = self.buckets.get(home)?;
        if let Some(slot) = bucket.find(tag(hash), key) {
            return Some(Place::new(home, slot));
        }
        if !bucket.is_overflowed() {
            return None;
        }
        self.find_away(home, tag(hash), key)
    }

    /// Reads the home bucket of a hash.
    pub(super) fn read_bucket(&self, hash: u64) -> u64 {
        self.buckets.get(self.home(hash)).map_or(0, Bucket::head)
    }

    /// Reads the first item of the home bucket that has the tag of a hash.
    pub(super) fn read_item(&self, hash: u64) -> u64 {
        self.candidate(hash).and_then(|item| item.key().first()).map_or(0, |byte| u64::from(*byte))
    }

    /// The first item of the home bucket that has the tag of a hash.
    pub(super) fn candidate(&self, hash: u64) -> Option<&T> {
        self.buckets.get(self.home(hash))?.candidate(tag(hash))
    }

    fn find_away(&self, home: usize, tag: u8, key: &[u8]) -> Option<Place> {
        let find = |index: usize| {
            let slot = self.buckets[index].find(tag, key)?;
            Some(Place::new(index, slot))
        };
        find(self.next(home)).or_else(|| (self.homes()..self.buckets.len()).find_map(find))
    }

    /// Visits the items whose home bucket covers `hash`, and returns the hash after the last of that bucket,
    /// or `None` when there is none.
    pub(super) fn scan(&self, hash: u64, visit: &mut impl FnMut(&T), rehash: &impl Fn(&[u8]) -> u64) -> Option<u64> {
        if self.len > 0 {
            let home = self.home(hash);
            read_items(&self.buckets[home..self.homes()]);
            self.buckets[home].items_by_home(false).for_each(&mut *visit);
            if self.buckets[home].is_overflowed() {
                let next = &self.buckets[self.next(home)];
                next.items_by_home(true).for_each(&mut *visit);
                let stash = self.buckets[self.homes()..].iter().flat_map(Bucket::items);
                stash.filter(|item| self.home(rehash(item.key())) == home).for_each(visit);
            }
        }
        let bits = if self.len > 0 { self.home_bits } else { 0 };
        next_range(hash, self.depth + bits)
    }

    /// As [`Segment::scan`], to change the items.
    pub(super) fn scan_mut(
        &mut self,
        hash: u64,
        rehash: &dyn Fn(&[u8]) -> u64,
        visit: &mut dyn FnMut(&mut T),
    ) -> Option<u64> {
        if self.len > 0 {
            let (home, homes) = (self.home(hash), self.homes());
            read_items(&self.buckets[home..homes]);
            self.buckets[home].items_by_home_mut(false).for_each(&mut *visit);
            if self.buckets[home].is_overflowed() {
                let next = self.next(home);
                self.buckets[next].items_by_home_mut(true).for_each(&mut *visit);
                let (depth, home_bits) = (self.depth, self.home_bits);
                let is_home = |item: &T| top_bits(rehash(item.key()).wrapping_shl(depth.into()), home_bits) == home;
                let stash = self.buckets[homes..].iter_mut().flat_map(Bucket::items_mut);
                stash.filter(|item| is_home(item)).for_each(visit);
            }
        }
        let bits = if self.len > 0 { self.home_bits } else { 0 };
        next_range(hash, self.depth + bits)
    }

    /// The items in no particular order.
    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        Items::new(&self.buckets, &[])
    }

    /// The buckets in their order.
    pub(super) fn buckets(&self) -> &[Bucket<T>] {
        &self.buckets
    }

    /// The bucket after a home bucket, in the ring of home buckets.
    fn next(&self, home: usize) -> usize {
        (home + 1) & (self.homes() - 1)
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        top_bits(hash.wrapping_shl(self.depth.into()), self.home_bits)
    }

    fn homes(&self) -> usize {
        self.buckets.len().min(1 << self.home_bits)
    }

    fn has_stash(&self) -> bool {
        self.buckets.len() > self.homes()
    }

    /// Items in the stash, which is dense: only its last bucket has free slots.
    fn stash_len(&self) -> usize {
        match self.buckets[self.homes()..].split_last() {
            Some((last, full)) => full.len() * SLOTS + last.items().count(),
            None => 0,
        }
    }

    /// Buckets that memory is held for.
    pub(super) fn bucket_capacity(&self) -> usize {
        self.buckets.capacity()
    }

    /// Buckets in use, the stash among them.
    pub(super) fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    /// Whether twice the buckets are allowed.
    pub(super) fn can_grow(&self) -> bool {
        self.buckets.is_empty() || self.home_bits < HOME_BITS_MAX
    }

    /// Whether three quarters of the slots are free.
    pub(super) fn is_sparse(&self) -> bool {
        let slots = self.buckets.len() * SLOTS;
        (self.len as usize) * 4 < slots && (self.home_bits > 0 || self.len == 0)
    }
}

/// The top `bits` bits of a hash as a number. Shifting in two steps allows for no bits at all; `!bits` is `63 - bits`
/// to a wrapping shift, which needs no overflow check in the hot path.
#[inline]
pub(super) fn top_bits(hash: u64, bits: u8) -> usize {
    (hash >> 1).wrapping_shr(!u32::from(bits)) as usize
}

fn lower(min_deadline: &mut u64, item: &impl Item) {
    if let Some(deadline) = item.deadline() {
        *min_deadline = (*min_deadline).min(deadline);
    }
}

/// The start of the range after the one that holds `hash`, where ranges share their top `bits` bits.
fn next_range(hash: u64, bits: u8) -> Option<u64> {
    if bits == 0 {
        return None;
    }
    let width = 1u64 << (64 - bits);
    (hash & !(width - 1)).checked_add(width)
}
