//! The way from a member's hash to its number: linear hashing over small segments with open addressing.
//!
//! Segments are added and taken away one at a time, at the end, so no insert or removal moves more than the items of
//! two segments. A cell keeps 32 bits of the hash beside the number, so that moving it needs no look at the member.

/// Cells hold the hash in their upper and the number in their lower half; this value is an empty cell.
const EMPTY: u64 = u64::MAX;
/// Numbers are below this, so that no cell looks empty.
pub(super) const NUMBERS_MAX: u32 = u32::MAX;
/// Items per segment on average; segments not yet split in this round have up to twice as many.
const SEGMENT_ITEMS: usize = 128;
/// Segments merge when there are fewer items per segment than this. Far from the other limit, so that they rest.
const MERGE_ITEMS: usize = 64;
/// A segment has at least this many cells, if any.
const CELLS_MIN: usize = 8;
/// Memory of a segment's header in bytes. The same on all platforms, so that accounting is.
const SEGMENT_BYTES: usize = 32;

#[derive(Clone, Debug, Default)]
struct Segment {
    cells: Vec<u64>,
    len: usize,
}

/// A hash index of numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    segments: Vec<Segment>,
    len: usize,
    /// Cells that memory is held for.
    cells: usize,
}

impl Index {
    /// Adds a number that is not in the index.
    pub(super) fn insert(&mut self, hash: u64, id: u32) {
        if self.len >= self.segments.len() * SEGMENT_ITEMS {
            self.split();
        }
        let segment = self.segment_of(fragment(hash));
        self.edit(segment, |segment| segment.insert(cell(hash, id)));
        self.len += 1;
    }

    /// The number under `hash` that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let (segment, place) = self.place(hash, is_it)?;
        Some(self.segments[segment].cells[place] as u32)
    }

    /// Reads the cell where looking for a hash begins, so that its memory is near.
    pub(super) fn read_cell(&self, hash: u64) -> u64 {
        let segment = &self.segments[self.segment_of(fragment(hash))];
        segment.cells[segment.home(fragment(hash))]
    }

    /// Takes a number out.
    pub(super) fn remove(&mut self, hash: u64, id: u32) {
        let (segment, place) = self.place(hash, |other| other == id).expect("the number is in the index");
        self.edit(segment, |segment| segment.remove(place));
        self.len -= 1;
        if self.len < self.segments.len().saturating_sub(1) * MERGE_ITEMS {
            self.merge();
        }
    }

    /// Puts a number in the place of another one with the same hash.
    pub(super) fn replace(&mut self, hash: u64, old: u32, new: u32) {
        let (segment, place) = self.place(hash, |other| other == old).expect("the number is in the index");
        self.segments[segment].cells[place] = cell(hash, new);
    }

    /// Visits numbers in the order of their reversed fragments, in which every segment is one interval, however many
    /// segments there are. The cursor is the place in that order, plus bits above it that no cursor of ours has.
    pub(super) fn scan(&self, cursor: u64, count: u64, mut visit: impl FnMut(u32)) -> u64 {
        let (mut place, mut visited) = (cursor, 0);
        while visited < count && place <= u64::from(u32::MAX) && !self.segments.is_empty() {
            let segment = self.segment_of((place as u32).reverse_bits());
            let end = self.interval_end(segment);
            let cells = self.segments[segment].cells.iter().filter(|cell| **cell != EMPTY);
            let reversed = cells.map(|cell| (((cell >> 32) as u32).reverse_bits(), *cell as u32));
            let mut ahead: Vec<(u32, u32)> = reversed.filter(|(at, _)| u64::from(*at) >= place).collect();
            ahead.sort_unstable();
            place = end;
            let mut last = None;
            for (at, id) in ahead {
                // Those with one fragment come together, since no cursor could part them.
                if visited >= count && last != Some(at) {
                    place = u64::from(at);
                    break;
                }
                visit(id);
                visited += 1;
                last = Some(at);
            }
        }
        if place > u64::from(u32::MAX) || self.segments.is_empty() { 0 } else { place }
    }

    /// The reversed fragment behind the last of a segment.
    fn interval_end(&self, segment: usize) -> u64 {
        let wide = self.segments.len().next_power_of_two();
        let is_split = segment >= wide / 2 || segment + wide / 2 < self.segments.len();
        let bits = if is_split { wide.ilog2() } else { wide.ilog2() - 1 };
        let start = (segment as u32).reverse_bits();
        u64::from(start) + (1 << (u32::BITS - bits))
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.segments.capacity() * SEGMENT_BYTES + self.cells * size_of::<u64>()
    }

    /// Linear hashing: the low bits choose among as many segments as the last full doubling had, one bit more among
    /// those already split.
    fn segment_of(&self, fragment: u32) -> usize {
        let wide = self.segments.len().next_power_of_two();
        let place = fragment as usize & (wide - 1);
        if place < self.segments.len() { place } else { place & (wide / 2 - 1) }
    }

    fn place(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<(usize, usize)> {
        if self.segments.is_empty() {
            return None;
        }
        let segment = self.segment_of(fragment(hash));
        let place = self.segments[segment].find(fragment(hash), is_it)?;
        Some((segment, place))
    }

    fn edit(&mut self, segment: usize, change: impl FnOnce(&mut Segment)) {
        let segment = &mut self.segments[segment];
        let held = segment.cells.capacity();
        change(segment);
        self.cells = self.cells + segment.cells.capacity() - held;
    }

    /// Adds a segment, and shares the items of its partner between the two.
    fn split(&mut self) {
        const { assert!(size_of::<Segment>() <= SEGMENT_BYTES) }
        if self.segments.len() == self.segments.capacity() {
            self.segments.reserve_exact(1 + self.segments.len() / 4);
        }
        let added = self.segments.len();
        self.segments.push(Segment::default());
        if added == 0 {
            return;
        }
        let partner = partner_of(added);
        let items = self.take(partner);
        let (moving, staying) = items.into_iter().partition(|cell| self.segment_of((cell >> 32) as u32) == added);
        self.fill(partner, staying);
        self.fill(added, moving);
    }

    /// Takes the last segment away, and gives its items back to its partner.
    fn merge(&mut self) {
        let last = self.segments.len() - 1;
        let moving = self.take(last);
        let mut items = self.take(partner_of(last));
        items.extend(moving);
        self.segments.pop();
        self.fill(partner_of(last), items);
        if self.segments.capacity() > 4 * self.segments.len() {
            self.segments.shrink_to(2 * self.segments.len());
        }
    }

    fn take(&mut self, segment: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        self.edit(segment, |segment| taken = std::mem::take(segment).items().collect());
        taken
    }

    fn fill(&mut self, segment: usize, items: Vec<u64>) {
        self.edit(segment, |segment| *segment = Segment::with_items(items));
    }
}

impl Segment {
    /// A segment with a sixth more cells than items.
    fn with_items(items: Vec<u64>) -> Self {
        if items.is_empty() {
            return Self::default();
        }
        let cells = (items.len() + items.len() / 6 + 2).max(CELLS_MIN);
        let mut segment = Self { cells: vec![EMPTY; cells], len: items.len() };
        for item in items {
            segment.put(item);
        }
        segment
    }

    fn insert(&mut self, item: u64) {
        if self.len + self.len / 8 + 1 >= self.cells.len() {
            // Room for a fourth more, so that a segment is rebuilt few times between splits.
            let mut items: Vec<u64> = std::mem::take(self).items().collect();
            let len = items.len() + 1;
            items.push(item);
            let mut grown = Self { cells: vec![EMPTY; (len + len / 3 + 2).max(CELLS_MIN)], len };
            items.into_iter().for_each(|item| grown.put(item));
            *self = grown;
        } else {
            self.put(item);
            self.len += 1;
        }
    }

    /// Puts an item into the first free cell from its home on; one is always free.
    fn put(&mut self, item: u64) {
        let mut place = self.home((item >> 32) as u32);
        while self.cells[place] != EMPTY {
            place = self.next(place);
        }
        self.cells[place] = item;
    }

    #[inline]
    fn find(&self, fragment: u32, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let mut place = self.home(fragment);
        while self.cells[place] != EMPTY {
            let cell = self.cells[place];
            if (cell >> 32) as u32 == fragment && is_it(cell as u32) {
                return Some(place);
            }
            place = self.next(place);
        }
        None
    }

    /// Empties a cell and moves later ones back, so that no item is behind a gap.
    fn remove(&mut self, place: usize) {
        let mut gap = place;
        let mut at = self.next(place);
        while self.cells[at] != EMPTY {
            let home = self.home((self.cells[at] >> 32) as u32);
            let from_home = self.distance(home, at);
            if from_home >= self.distance(gap, at) {
                self.cells[gap] = self.cells[at];
                gap = at;
            }
            at = self.next(at);
        }
        self.cells[gap] = EMPTY;
        self.len -= 1;
        if self.len * 3 < self.cells.len() && self.cells.len() > CELLS_MIN || self.len == 0 {
            *self = Self::with_items(std::mem::take(self).items().collect());
        }
    }

    fn items(self) -> impl Iterator<Item = u64> {
        self.cells.into_iter().filter(|cell| *cell != EMPTY)
    }

    /// The upper bits choose the cell, as the lower ones choose the segment.
    fn home(&self, fragment: u32) -> usize {
        ((u64::from(fragment) * self.cells.len() as u64) >> 32) as usize
    }

    fn next(&self, place: usize) -> usize {
        if place + 1 == self.cells.len() { 0 } else { place + 1 }
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.cells.len() - from }
    }
}

fn fragment(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn cell(hash: u64, id: u32) -> u64 {
    u64::from(fragment(hash)) << 32 | u64::from(id)
}

/// The segment that the one at `added` was split from.
fn partner_of(added: usize) -> usize {
    added ^ (1 << added.ilog2())
}
