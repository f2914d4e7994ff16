//! A bucket: seven slots and what is known about them, in one cache line.

use super::Item;

/// Slots in a bucket: seven pointers and eight bytes of knowledge make 64 bytes.
pub(super) const SLOTS: usize = 7;

/// One in each tag byte.
const ONES: u64 = 0x0001_0101_0101_0101;
/// The top bit of each tag byte.
const HIGHS: u64 = ONES << 7;
/// The other bits of each tag byte.
const LOWS: u64 = HIGHS - ONES;
/// Where the displaced bits start, one for each slot.
const DISPLACED_SHIFT: u32 = 56;
/// All displaced bits.
const DISPLACED: u64 = 0x7f << DISPLACED_SHIFT;
/// Some item whose home is this bucket lives elsewhere.
const OVERFLOWED: u64 = 1 << 63;

/// Seven slots. Bytes 0–6 of `head` are the tags of the slots, 0 for a free one. Byte 7 holds a bit for each slot
/// whose item was displaced from the previous bucket, and the overflow bit.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Bucket<T> {
    head: u64,
    slots: [Option<T>; SLOTS],
}

/// The tag of a hash: bits 8–15, never zero because zero marks a free slot.
pub(super) fn tag(hash: u64) -> u8 {
    ((hash >> 8) as u8).max(1)
}

impl<T> Bucket<T> {
    /// A bucket without items.
    pub(super) const fn new() -> Self {
        Self { head: 0, slots: [const { None }; SLOTS] }
    }

    /// Stores an item in a free slot.
    pub(super) fn put(&mut self, slot: usize, tag: u8, item: T, displaced: bool) {
        debug_assert!(self.slots[slot].is_none() && tag != 0);
        self.head |= u64::from(tag) << (8 * slot);
        self.head |= u64::from(displaced) << (DISPLACED_SHIFT as usize + slot);
        self.slots[slot] = Some(item);
    }

    /// Takes the item of a slot, with its tag.
    pub(super) fn take(&mut self, slot: usize) -> Option<(T, u8)> {
        let item = self.slots[slot].take()?;
        let tag = (self.head >> (8 * slot)) as u8;
        self.head &= !(0xff << (8 * slot) | 1 << (DISPLACED_SHIFT as usize + slot));
        Some((item, tag))
    }

    /// Sets the overflow bit.
    pub(super) fn set_overflowed(&mut self, overflowed: bool) {
        self.head = self.head & !OVERFLOWED | u64::from(overflowed) << 63;
    }

    /// The item of a slot, for changing.
    pub(super) fn item_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.slots[slot].as_mut()
    }

    /// The item of a slot.
    pub(super) fn item(&self, slot: usize) -> Option<&T> {
        self.slots[slot].as_ref()
    }

    /// The items in slot order.
    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }

    /// The slots, free ones too.
    pub(super) fn slots(&self) -> &[Option<T>] {
        &self.slots
    }

    /// The items in slot order, by value.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.slots.into_iter().flatten()
    }

    /// The items that were displaced from the previous bucket, or those at home here.
    pub(super) fn items_by_home(&self, displaced: bool) -> impl Iterator<Item = &T> {
        (0..SLOTS).filter(move |&slot| self.is_displaced(slot) == displaced).filter_map(|slot| self.item(slot))
    }

    /// The items in slot order, to be changed.
    pub(super) fn items_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().flatten()
    }

    /// As [`Bucket::items_by_home`], to change the items.
    pub(super) fn items_by_home_mut(&mut self, displaced: bool) -> impl Iterator<Item = &mut T> {
        let head = self.head;
        let is_displaced = move |slot: usize| head >> (DISPLACED_SHIFT as usize + slot) & 1 != 0;
        let slots = self.slots.iter_mut().enumerate();
        slots.filter(move |(slot, _)| is_displaced(*slot) == displaced).filter_map(|(_, item)| item.as_mut())
    }

    /// Whether items at home here live elsewhere: in the next bucket or in the stash.
    pub(super) fn is_overflowed(&self) -> bool {
        self.head & OVERFLOWED != 0
    }

    /// Whether the item of a slot was displaced from the previous bucket.
    pub(super) fn is_displaced(&self, slot: usize) -> bool {
        self.head >> (DISPLACED_SHIFT as usize + slot) & 1 != 0
    }

    /// Whether any item was displaced from the previous bucket.
    pub(super) fn holds_displaced(&self) -> bool {
        self.head & DISPLACED != 0
    }

    /// The first free slot.
    pub(super) fn free_slot(&self) -> Option<usize> {
        first_slot(zero_bytes(self.head))
    }

    /// A slot whose item is at home here.
    pub(super) fn home_slot(&self) -> Option<usize> {
        (0..SLOTS).find(|&slot| self.slots[slot].is_some() && !self.is_displaced(slot))
    }
}

impl<T: Item> Bucket<T> {
    /// Tags and bits.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The first item with a tag: nearly always the one that is looked for.
    pub(super) fn candidate(&self, tag: u8) -> Option<&T> {
        self.item(first_slot(zero_bytes(self.head ^ (ONES * u64::from(tag))))?)
    }

    /// The slot of a key: all tags are compared at once, then the keys of those that match.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(super) fn find(&self, tag: u8, key: &[u8]) -> Option<usize> {
        let mut matches = zero_bytes(self.head ^ (ONES * u64::from(tag)));
        while let Some(slot) = first_slot(matches) {
            if let Some(item) = &self.slots[slot]
                && item.key() == key
            {
                return Some(slot);
            }
            matches &= matches - 1;
        }
        None
    }
}

/// The top bit of each tag byte that is zero.
#[inline]
fn zero_bytes(head: u64) -> u64 {
    !(((head & LOWS) + LOWS) | head) & HIGHS
}

/// The slot of the lowest bit of such a mask.
#[inline]
fn first_slot(mask: u64) -> Option<usize> {
    let slot = mask.trailing_zeros() as usize / 8;
    (slot < SLOTS).then_some(slot)
}
