//! The listpack: a sequence of small items in one buffer, byte for byte as Redis stores it.
//!
//! Layout: total bytes (`u32` LE), item count (`u16` LE, 65535 when unknown), the entries, and an end byte. Every entry
//! ends with its own length, readable backwards, so a walk can start at either end.

mod buffer;
mod encoding;
mod iter;
#[cfg(test)]
mod tests;
mod validate;

use crate::number::{parse_i64, write_i64};
use buffer::Buffer;
pub(super) use encoding::Encoded;
pub use iter::{Items, ItemsBack};
pub use validate::validate;

/// The bytes before the first entry.
const HEADER_BYTES: usize = 6;

/// The byte after the last entry.
const END: u8 = 0xFF;

/// The size of a listpack without entries, in bytes.
pub const EMPTY_BYTES: usize = HEADER_BYTES + 1;

/// The largest listpack we build, in bytes. Sizes are stored in 32 bits; Redis stops here too.
pub const MAX_BYTES: usize = 1 << 30;

/// The count in the header when there are this many items or more: they must be counted by walking.
const UNKNOWN_COUNT: u16 = u16::MAX;

/// A serialized structure that breaks its own format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// One item: listpacks keep canonical decimal integers as numbers, everything else as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An integer; its text is its canonical decimal form.
    Integer(i64),
    /// Any other bytes.
    Text(&'a [u8]),
}

impl<'a> Item<'a> {
    /// Appends the item's text.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Item::Integer(value) => write_i64(out, value),
            Item::Text(text) => out.extend_from_slice(text),
        }
    }

    /// The item's text in a buffer of its own.
    pub fn to_vec(self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write(&mut text);
        text
    }

    /// The bytes this item takes as an entry of a listpack.
    pub fn entry_bytes(self) -> usize {
        Encoded::new(self).size()
    }
}

impl<'a> From<&'a [u8]> for Item<'a> {
    fn from(text: &'a [u8]) -> Self {
        parse_i64(text).map_or(Item::Text(text), Item::Integer)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Item<'a> {
    fn from(text: &'a [u8; N]) -> Self {
        Item::from(text.as_slice())
    }
}

impl From<i64> for Item<'_> {
    fn from(value: i64) -> Self {
        Item::Integer(value)
    }
}

/// A text to look for, parsed once. Another writer may have kept an integer as text, so both forms are compared.
#[derive(Clone, Copy, Debug)]
pub struct Needle<'a> {
    text: &'a [u8],
    integer: Option<i64>,
}

impl<'a> Needle<'a> {
    /// Prepares `text` for comparisons.
    pub fn new(text: &'a [u8]) -> Self {
        Needle { text, integer: parse_i64(text) }
    }

    /// Whether `item` has this text.
    pub fn matches(&self, item: Item<'_>) -> bool {
        match item {
            Item::Integer(value) => self.integer == Some(value),
            Item::Text(text) => self.text == text,
        }
    }
}

/// The place of an entry, or of the end. Any change of the listpack before or at it makes it stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(usize);

impl Cursor {
    /// The place in bytes from the start of the buffer.
    pub fn offset(self) -> usize {
        self.0
    }
}

/// A sequence of small items in one buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listpack(Buffer);

impl Default for Listpack {
    fn default() -> Self {
        Listpack::new()
    }
}

impl Listpack {
    /// A listpack without items.
    pub fn new() -> Self {
        Listpack(Buffer::new(vec![EMPTY_BYTES as u8, 0, 0, 0, 0, 0, END]))
    }

    /// Takes over bytes from elsewhere after checking all of them.
    ///
    /// # Errors
    /// [`Corrupt`] when the bytes are not exactly one listpack.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Corrupt> {
        validate(&bytes)?;
        Ok(Listpack(Buffer::new(bytes)))
    }

    /// Adds an item at the front. The caller asks [`fits`](Self::fits) first when sizes are a client's choice.
    pub fn push_front<'a>(&mut self, item: impl Into<Item<'a>>) {
        self.insert(self.first(), item);
    }

    /// Adds an item at the back.
    pub fn push_back<'a>(&mut self, item: impl Into<Item<'a>>) {
        self.insert(self.end(), item);
    }

    /// Adds an item before the entry at `cursor`, which then names the new entry.
    pub fn insert<'a>(&mut self, cursor: Cursor, item: impl Into<Item<'a>>) {
        self.insert_encoded(cursor, &Encoded::new(item.into()));
    }

    /// Adds an entry whose form is already chosen, so that a caller who asked for its size need not choose it twice.
    pub(super) fn insert_encoded(&mut self, cursor: Cursor, encoded: &Encoded<'_>) {
        self.resize_gap(cursor.0, 0, encoded.size());
        encoded.write(&mut self.0.bytes_mut()[cursor.0..]);
        self.adjust_count(1);
    }

    /// Puts an item in the place of the entry at `cursor`.
    pub fn replace<'a>(&mut self, cursor: Cursor, item: impl Into<Item<'a>>) {
        let encoded = Encoded::new(item.into());
        let old_bytes = self.next(cursor).0 - cursor.0;
        self.resize_gap(cursor.0, old_bytes, encoded.size());
        encoded.write(&mut self.0.bytes_mut()[cursor.0..]);
    }

    /// Removes the entry at `cursor`, which then names the entry after it.
    pub fn remove(&mut self, cursor: Cursor) {
        self.remove_range(cursor, 1);
    }

    /// Removes up to `count` entries from `cursor` on and says how many there were.
    pub fn remove_range(&mut self, cursor: Cursor, count: usize) -> usize {
        let mut end = cursor;
        let mut removed = 0;
        while removed < count && end < self.end() {
            end = self.next(end);
            removed += 1;
        }
        self.resize_gap(cursor.0, end.0 - cursor.0, 0);
        self.adjust_count(-(removed as isize));
        removed
    }

    /// Adds all items of `other` at the back.
    pub fn append(&mut self, other: &Listpack) {
        let (at, entries) = (self.end(), other.entries());
        let count = self.len() + other.len();
        self.resize_gap(at.0, 0, entries.len());
        self.0.bytes_mut()[at.0..at.0 + entries.len()].copy_from_slice(entries);
        self.store_count(count);
    }

    /// Cuts the items from `index` on off into a listpack of their own.
    pub fn split_off(&mut self, index: usize) -> Listpack {
        let count = self.len();
        let cut = self.seek(index).unwrap_or(self.end());
        let mut tail = Listpack(Buffer::new([&[0; HEADER_BYTES], &self.bytes()[cut.0..]].concat()));
        tail.store_size();
        tail.store_count(count.saturating_sub(index));
        self.resize_gap(cut.0, self.end().0 - cut.0, 0);
        self.store_count(count.min(index));
        tail
    }

    /// Makes room for about so many bytes of items at the front or the back.
    pub fn reserve(&mut self, in_front: bool, bytes: usize) {
        self.0.reserve(in_front, bytes);
    }

    /// Gives spare capacity back.
    pub fn shrink(&mut self) {
        self.0.shrink();
    }

    /// The number of items. It walks when there are 65535 or more.
    pub fn len(&self) -> usize {
        match self.stored_count() {
            UNKNOWN_COUNT => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.0.len() == EMPTY_BYTES
    }

    /// The serialized form.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// The serialized form, given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_vec()
    }

    /// The heap memory held, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Whether `more_bytes` of entries still fit under [`MAX_BYTES`].
    pub fn fits(&self, more_bytes: usize) -> bool {
        more_bytes <= MAX_BYTES.saturating_sub(self.0.len())
    }

    /// The place of the first entry; the end when there is none.
    pub fn first(&self) -> Cursor {
        Cursor(HEADER_BYTES)
    }

    /// The place after the last entry.
    pub fn end(&self) -> Cursor {
        Cursor(self.0.len() - 1)
    }

    /// The place of the entry after the one at `cursor`; at the end it stays there.
    pub fn next(&self, cursor: Cursor) -> Cursor {
        match self.decode(cursor) {
            Some((_, size)) => Cursor(cursor.0 + size),
            None => cursor,
        }
    }

    /// The place of the entry before `cursor`.
    pub fn previous(&self, cursor: Cursor) -> Option<Cursor> {
        let before = &self.bytes()[HEADER_BYTES..cursor.0];
        let size = encoding::last_entry_size(before)?;
        Some(Cursor(cursor.0 - size))
    }

    /// The item at `cursor`; nothing at the end.
    pub fn item(&self, cursor: Cursor) -> Option<Item<'_>> {
        Some(self.decode(cursor)?.0)
    }

    /// The place of the item at `index`, walked to from the nearer end.
    pub fn seek(&self, index: usize) -> Option<Cursor> {
        let count = self.stored_count();
        let len = usize::from(count);
        if count != UNKNOWN_COUNT && index >= len {
            return None;
        }
        if count == UNKNOWN_COUNT || index <= len / 2 {
            let mut cursor = self.first();
            for _ in 0..index {
                cursor = self.next(cursor);
                if cursor == self.end() {
                    return None;
                }
            }
            return (cursor < self.end()).then_some(cursor);
        }
        let mut cursor = self.end();
        for _ in index..len {
            cursor = self.previous(cursor)?;
        }
        Some(cursor)
    }

    /// The item at `index`.
    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        self.item(self.seek(index)?)
    }

    /// The first item.
    pub fn front(&self) -> Option<Item<'_>> {
        self.item(self.first())
    }

    /// The last item.
    pub fn back(&self) -> Option<Item<'_>> {
        self.item(self.previous(self.end())?)
    }

    /// Looks for `text` from `from` on, comparing an item and then passing over `skip` of them.
    ///
    /// With `skip` 1 it sees only the fields of a hash.
    pub fn find(&self, from: Cursor, text: &[u8], skip: usize) -> Option<Cursor> {
        let needle = Needle::new(text);
        let mut cursor = from;
        while let Some((item, size)) = self.decode(cursor) {
            if needle.matches(item) {
                return Some(cursor);
            }
            cursor = Cursor(cursor.0 + size);
            for _ in 0..skip {
                cursor = self.next(cursor);
            }
        }
        None
    }

    /// The items from the front.
    pub fn iter(&self) -> Items<'_> {
        self.iter_from(self.first())
    }

    /// The items from `cursor` to the back.
    pub fn iter_from(&self, cursor: Cursor) -> Items<'_> {
        Items::new(&self.bytes()[cursor.0..self.end().0])
    }

    /// The items from the back.
    pub fn iter_back(&self) -> ItemsBack<'_> {
        self.iter_back_from(self.end())
    }

    /// The items before `cursor`, the nearest first.
    pub fn iter_back_from(&self, cursor: Cursor) -> ItemsBack<'_> {
        ItemsBack::new(&self.bytes()[HEADER_BYTES..cursor.0])
    }

    /// The bytes of all entries.
    fn entries(&self) -> &[u8] {
        &self.bytes()[HEADER_BYTES..self.0.len() - 1]
    }

    /// The item at `cursor` and the size of its entry.
    fn decode(&self, cursor: Cursor) -> Option<(Item<'_>, usize)> {
        encoding::decode(&self.bytes()[cursor.0..self.0.len() - 1])
    }

    /// Makes room for `new_bytes` where `old_bytes` were, and stores the new size.
    fn resize_gap(&mut self, at: usize, old_bytes: usize, new_bytes: usize) {
        let new_len = self.0.len() - old_bytes + new_bytes;
        assert!(new_len <= MAX_BYTES, "a listpack is asked whether an item fits before it grows");
        self.0.resize_gap(at, old_bytes, new_bytes);
        self.store_size();
    }

    /// Stores the number of bytes in the header.
    fn store_size(&mut self) {
        let size = u32::try_from(self.0.len()).expect("a listpack stays under MAX_BYTES");
        self.0.bytes_mut()[..4].copy_from_slice(&size.to_le_bytes());
    }

    /// The count in the header.
    fn stored_count(&self) -> u16 {
        let bytes = self.bytes();
        u16::from_le_bytes([bytes[4], bytes[5]])
    }

    /// Stores a count, or that it is unknown.
    fn store_count(&mut self, count: usize) {
        let stored = u16::try_from(count).unwrap_or(UNKNOWN_COUNT);
        self.0.bytes_mut()[4..HEADER_BYTES].copy_from_slice(&stored.to_le_bytes());
    }

    /// Changes a known count. An unknown one stays unknown, as in Redis.
    fn adjust_count(&mut self, change: isize) {
        let count = self.stored_count();
        if count != UNKNOWN_COUNT {
            self.store_count(usize::from(count).saturating_add_signed(change));
        }
    }
}
