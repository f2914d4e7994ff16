//! The hash table of the keyspace: extendible hashing with its buckets in hash order.
//!
//! A directory, indexed by the top bits of the hash, points to segments of at most 64 home buckets. A full segment
//! splits in two, so growth never moves more than some 400 items at once. Because buckets lie in hash order whatever
//! their number, a position of [`Table::scan`] stays meaningful while the table grows and shrinks.
//!
//! The caller brings the 64-bit keyed hash. Bits 0–7 are never used here (they choose the shard), bits 8–15 are the
//! tag in the bucket, the top bits choose the place. The table knows no clock and no randomness.

mod ahead;
mod bucket;
mod expect;
mod items;
mod sample;
mod segment;
#[cfg(test)]
mod tests;

use std::fmt;

use items::Items;
use segment::{Place, Segment, top_bits};

/// What the table stores: a pointer-sized handle (with a niche, so that `Option<T>` is no larger) to a key and more.
pub trait Item {
    /// The key, unique in the table.
    fn key(&self) -> &[u8];
    /// When the item expires, in milliseconds since the Unix epoch; below `u64::MAX`.
    fn deadline(&self) -> Option<u64>;
}

/// Where an item is; valid until the next insert or removal.
#[derive(Clone, Copy, Debug)]
pub struct Position(u64);

impl Position {
    fn new(segment: u32, place: Place) -> Self {
        Self(u64::from(segment) << 32 | u64::from(place.0))
    }

    fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn place(self) -> Place {
        Place(self.0 as u32)
    }
}

/// Directory bits at most: with six bits of home bucket, positions need 34 of the 48 bits they may use.
const DEPTH_MAX: u8 = 28;
/// The directory grows to at most this many entries for each segment. Random hashes need fewer than 4; hashes that
/// share their top bits, which takes knowing the hash key, end up in a stash instead of a huge directory.
const ENTRIES_PER_SEGMENT: usize = 8;
/// A segment with more items than this, which only equal hashes can cause, is not split: it would take too long.
const SPLIT_ITEMS_MAX: u32 = 1024;
/// Two segments merge when they have at most this many items together, which fill 32 buckets to two thirds.
const MERGE_ITEMS_MAX: u32 = 150;
/// Memory of a segment's header in bytes. The same on all platforms, so that accounting is.
const SEGMENT_BYTES: usize = 48;
/// Memory of a bucket in bytes.
const BUCKET_BYTES: usize = 64;

/// A hash table of items.
#[derive(Clone)]
pub struct Table<T> {
    /// For every value of the top `depth` bits of a hash, the index of its segment. Empty when the table is.
    directory: Vec<u32>,
    /// The segments, in no particular order.
    segments: Vec<Segment<T>>,
    len: usize,
    deadlines: usize,
    /// Lower bound of all deadlines; `u64::MAX` when there is none.
    min_deadline: u64,
    /// Buckets that memory is held for.
    buckets: usize,
    /// Number of segments as deep as the directory; when there is none, the directory halves.
    deepest: u32,
    /// The segment where the next [`Table::remove_due`] starts.
    due_cursor: u32,
    depth: u8,
}

impl<T> Table<T> {
    /// An empty table, which holds no memory.
    pub const fn new() -> Self {
        Self {
            directory: Vec::new(),
            segments: Vec::new(),
            len: 0,
            deadlines: 0,
            min_deadline: u64::MAX,
            buckets: 0,
            deepest: 0,
            due_cursor: 0,
            depth: 0,
        }
    }

    /// Drops all items and frees all memory.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Number of items.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no items.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of items that have a deadline.
    pub const fn deadlines(&self) -> usize {
        self.deadlines
    }

    /// A lower bound of all deadlines, in milliseconds since the Unix epoch; `None` when no item has one.
    /// It may lie before the earliest until [`Table::remove_due`] has run at that time.
    pub fn next_deadline(&self) -> Option<u64> {
        (self.deadlines > 0).then_some(self.min_deadline)
    }

    /// Items that fit the buckets that memory is held for.
    pub const fn slots(&self) -> usize {
        self.buckets * bucket::SLOTS
    }

    /// Bytes of the directory, the segments and the buckets; not of what the items point to.
    pub const fn heap_bytes(&self) -> usize {
        self.directory.capacity() * size_of::<u32>()
            + self.segments.capacity() * SEGMENT_BYTES
            + self.buckets * BUCKET_BYTES
    }
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Table")
            .field("len", &self.len)
            .field("deadlines", &self.deadlines)
            .field("segments", &self.segments.len())
            .field("heap_bytes", &self.heap_bytes())
            .finish()
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Item> Table<T> {
    /// Adds an item whose key is not in the table. `hash` is the hash of its key and `rehash` gives that of any key.
    pub fn insert(&mut self, hash: u64, item: T, rehash: impl Fn(&[u8]) -> u64) -> Position {
        if self.directory.is_empty() {
            self.start();
        }
        self.len += 1;
        if let Some(deadline) = item.deadline() {
            self.deadlines += 1;
            self.min_deadline = self.min_deadline.min(deadline);
        }
        let mut item = item;
        loop {
            let index = self.directory[self.entry(hash)];
            let segment = &mut self.segments[index as usize];
            let held = segment.bucket_capacity();
            let placed = segment.insert(hash, item);
            self.buckets += segment.bucket_capacity() - held;
            match placed {
                Ok(place) => {
                    return Position::new(index, place);
                }
                Err(refused) => item = refused,
            }
            // Ends, because home bits and depth have a maximum.
            if self.segments[index as usize].can_grow() {
                self.rebuild(index, |segment| segment.grown(&rehash));
            } else if self.can_split(index) {
                self.split(index, &rehash);
            } else {
                let place = self.stash(index, hash, item);
                return Position::new(index, place);
            }
        }
    }

    /// Takes out the item at a position. Sparse segments are merged or made smaller; `rehash` gives the hash of a key.
    pub fn remove(&mut self, position: Position, rehash: impl Fn(&[u8]) -> u64) -> T {
        let segment = &mut self.segments[position.segment() as usize];
        let held = segment.bucket_capacity();
        let item = segment.remove(position.place());
        self.buckets = self.buckets + segment.bucket_capacity() - held;
        self.len -= 1;
        self.deadlines -= usize::from(item.deadline().is_some());
        self.tidy(position.segment(), &rehash);
        item
    }

    /// Puts an item in the place of another one with the same key, and returns that one.
    pub fn replace(&mut self, position: Position, item: T) -> T {
        let old = std::mem::replace(self.at_mut(position), item);
        debug_assert!(old.key() == self.at(position).key());
        self.settle(position, old.deadline().is_some());
        old
    }

    /// Tells the table that the deadline of an item may have changed. `had_deadline` is what was before.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn settle(&mut self, position: Position, had_deadline: bool) {
        self.deadlines -= usize::from(had_deadline);
        if let Some(deadline) = self.at(position).deadline() {
            self.deadlines += 1;
            self.min_deadline = self.min_deadline.min(deadline);
            self.segments[position.segment() as usize].lower_min_deadline(position.place());
        }
    }

    /// Takes out items whose deadline is not after `now`, and returns whether such items remain. It stops before the
    /// segment that would follow the first `budget` items looked at; a segment is walked only when something in it
    /// may be due. Call it again with a new budget while it returns true.
    pub fn remove_due(
        &mut self,
        now: u64,
        budget: usize,
        rehash: impl Fn(&[u8]) -> u64,
        mut on_removed: impl FnMut(T),
    ) -> bool {
        if !self.may_have_due(now) {
            return false;
        }
        let budget = budget.max(1);
        let mut looked_at = 0;
        for _ in 0..self.segments.len() {
            if self.due_cursor as usize >= self.segments.len() {
                self.due_cursor = 0;
            }
            let index = self.due_cursor;
            let Some(segment) = self.segments.get(index as usize) else {
                break; // The last item is gone.
            };
            if segment.min_deadline <= now {
                if looked_at >= budget {
                    break;
                }
                looked_at += segment.len as usize;
                self.remove_due_in(index, now, &mut on_removed);
                self.tidy(index, &rehash);
            }
            self.due_cursor += 1;
        }
        let minima = self.segments.iter().map(|segment| segment.min_deadline);
        self.min_deadline = minima.min().unwrap_or(u64::MAX);
        self.may_have_due(now)
    }

    /// Takes out all items; the table is empty afterwards, even when the iterator is not used up.
    pub fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        let segments = std::mem::take(self).segments;
        segments.into_iter().flat_map(Segment::into_items)
    }

    /// The item at a position, for changing. Call [`Table::settle`] when its deadline may have changed.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn at_mut(&mut self, position: Position) -> &mut T {
        let segment = &mut self.segments[position.segment() as usize];
        segment.item_mut(position.place()).expect("a position names an item")
    }

    /// The item at a position.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn at(&self, position: Position) -> &T {
        let segment = &self.segments[position.segment() as usize];
        segment.item(position.place()).expect("a position names an item")
    }

    /// Where the item of a key is. `hash` is the hash of the key.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Position> {
        let segment = *self.directory.get(self.entry(hash))?;
        let place = self.segments[segment as usize].find(hash, key)?;
        Some(Position::new(segment, place))
    }

    /// Visits the items of the bucket at `from`, a position in hash order that is 0 at first, and returns the position
    /// to go on from, or `None` at the end. The low 16 bits of a position are zero.
    ///
    /// An item that is in the table during the whole scan is visited at least once, whatever happens in between.
    pub fn scan(&self, from: u64, mut visit: impl FnMut(&T), rehash: impl Fn(&[u8]) -> u64) -> Option<u64> {
        let segment = *self.directory.get(self.entry(from))?;
        self.segments[segment as usize].scan(from, &mut visit, &rehash)
    }

    /// As [`Table::scan`], to change the items: neither their keys nor their deadlines.
    pub fn scan_mut(&mut self, from: u64, rehash: &dyn Fn(&[u8]) -> u64, visit: &mut dyn FnMut(&mut T)) -> Option<u64> {
        let segment = *self.directory.get(self.entry(from))?;
        self.segments[segment as usize].scan_mut(from, rehash, visit)
    }

    /// All items, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        Items::new(&[], &self.segments)
    }

    fn start(&mut self) {
        const {
            assert!(size_of::<Segment<T>>() <= SEGMENT_BYTES);
            assert!(size_of::<bucket::Bucket<T>>() == BUCKET_BYTES);
        }
        self.directory.reserve_exact(1);
        self.directory.push(0);
        self.segments.reserve_exact(1);
        self.segments.push(Segment::empty(0, 0));
        self.deepest = 1;
    }

    fn stash(&mut self, index: u32, hash: u64, item: T) -> Place {
        let segment = &mut self.segments[index as usize];
        let held = segment.bucket_capacity();
        let place = segment.stash(hash, item);
        self.buckets += segment.bucket_capacity() - held;
        place
    }

    fn may_have_due(&self, now: u64) -> bool {
        self.deadlines > 0 && self.min_deadline <= now
    }

    fn remove_due_in(&mut self, index: u32, now: u64, on_removed: &mut impl FnMut(T)) {
        let segment = &mut self.segments[index as usize];
        let (held, len) = (segment.bucket_capacity(), segment.len);
        segment.remove_due(now, on_removed);
        let removed = (len - segment.len) as usize;
        self.buckets = self.buckets + segment.bucket_capacity() - held;
        self.len -= removed;
        self.deadlines -= removed;
    }

    fn rebuild(&mut self, index: u32, change: impl FnOnce(Segment<T>) -> Segment<T>) {
        let segment = change(self.take_segment(index));
        self.put_segment(index, segment);
    }

    /// Takes a segment out of its place, where an empty one remains until the next `put_segment`.
    fn take_segment(&mut self, index: u32) -> Segment<T> {
        let place = &mut self.segments[index as usize];
        let empty = Segment::empty(place.start, place.depth);
        let segment = std::mem::replace(place, empty);
        self.buckets -= segment.bucket_capacity();
        segment
    }

    fn put_segment(&mut self, index: u32, segment: Segment<T>) {
        self.buckets += segment.bucket_capacity();
        self.segments[index as usize] = segment;
    }

    fn can_split(&self, index: u32) -> bool {
        let segment = &self.segments[index as usize];
        let doubled = self.directory.len() * 2;
        segment.len <= SPLIT_ITEMS_MAX
            && segment.depth < DEPTH_MAX
            && (segment.depth < self.depth || doubled <= self.segments.len() * ENTRIES_PER_SEGMENT)
    }

    fn split(&mut self, index: u32, rehash: &impl Fn(&[u8]) -> u64) {
        let segment = self.take_segment(index);
        if segment.depth == self.depth {
            self.double_directory();
        }
        let (start, depth) = (segment.start, segment.depth + 1);
        let high_bit = 1 << (64 - depth);
        let items = segment.into_hashed(rehash);
        let (high, low) = items.into_iter().partition(|(hash, _)| hash & high_bit != 0);
        self.put_segment(index, Segment::with_items(start, depth, low));
        if self.segments.len() == self.segments.capacity() {
            self.segments.reserve_exact(1 + self.segments.len() / 4);
        }
        let high_index = self.segments.len() as u32;
        self.segments.push(Segment::empty(start | high_bit, depth));
        self.put_segment(high_index, Segment::with_items(start | high_bit, depth, high));
        self.point_at(high_index);
        if depth == self.depth {
            self.deepest += 2;
        }
    }

    /// After removals in a segment: merges it with its neighbour or makes it smaller when it is sparse.
    fn tidy(&mut self, index: u32, rehash: &impl Fn(&[u8]) -> u64) {
        if self.len == 0 {
            return self.clear();
        }
        let mut index = index;
        while let Some(buddy) = self.buddy_to_merge(index) {
            index = self.merge(index, buddy, rehash);
        }
        if self.segments[index as usize].is_sparse() {
            self.rebuild(index, |segment| segment.shrunk(rehash));
        }
    }

    /// The segment that shares all but the last prefix bit, when the two are small enough for one.
    fn buddy_to_merge(&self, index: u32) -> Option<u32> {
        let segment = &self.segments[index as usize];
        if segment.depth == 0 || segment.len > MERGE_ITEMS_MAX {
            return None;
        }
        let buddy_start = segment.start ^ 1 << (64 - segment.depth);
        let buddy_index = self.directory[self.entry(buddy_start)];
        let buddy = &self.segments[buddy_index as usize];
        let fits = buddy.depth == segment.depth && segment.len + buddy.len <= MERGE_ITEMS_MAX;
        fits.then_some(buddy_index)
    }

    /// Makes one segment of two and returns its index. The last segment moves to the free place.
    fn merge(&mut self, one: u32, other: u32, rehash: &impl Fn(&[u8]) -> u64) -> u32 {
        let (low_index, high_index) = (one.min(other), one.max(other));
        let first = self.take_segment(low_index);
        let second = self.take_segment(high_index);
        let (start, depth) = (first.start.min(second.start), first.depth - 1);
        let mut items = first.into_hashed(rehash);
        items.extend(second.into_hashed(rehash));
        self.put_segment(low_index, Segment::with_items(start, depth, items));
        self.point_at(low_index);
        self.segments.swap_remove(high_index as usize);
        if (high_index as usize) < self.segments.len() {
            self.point_at(high_index);
        }
        if self.segments.capacity() > 4 * self.segments.len() {
            self.segments.shrink_to(2 * self.segments.len());
        }
        if depth + 1 == self.depth {
            self.deepest -= 2;
            self.halve_directory();
        }
        low_index
    }

    /// The directory index of a hash.
    #[inline]
    fn entry(&self, hash: u64) -> usize {
        top_bits(hash, self.depth)
    }

    /// Makes all directory entries of a segment's range point at it.
    fn point_at(&mut self, index: u32) {
        let segment = &self.segments[index as usize];
        let first = self.entry(segment.start);
        let count = 1 << (self.depth - segment.depth);
        self.directory[first..first + count].fill(index);
    }

    fn double_directory(&mut self) {
        let mut doubled = Vec::with_capacity(2 * self.directory.len());
        doubled.extend(self.directory.iter().flat_map(|&index| [index; 2]));
        self.directory = doubled;
        self.depth += 1;
        self.deepest = 0;
    }

    /// Halves the directory while no segment is as deep as it.
    fn halve_directory(&mut self) {
        while self.deepest == 0 {
            self.directory = self.directory.iter().copied().step_by(2).collect();
            self.depth -= 1;
            let deepest = self.segments.iter().filter(|s| s.depth == self.depth);
            self.deepest = deepest.count() as u32;
        }
    }
}
