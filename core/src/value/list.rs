//! A list: one listpack while it is small, a chain of them when it is not.

#[cfg(test)]
mod tests;

use std::iter::Take;

use crate::structure::chunked_list::{self, ChunkLimit, ChunkedList, End, remove_matching};
use crate::structure::listpack::{Item, Items, ItemsBack, Listpack, Needle};

/// A list of strings. It becomes a chain when it grows beyond `list-max-listpack-size`, and a listpack again when it
/// shrinks to half of that.
#[derive(Clone, Debug)]
pub enum List {
    /// `listpack`.
    Packed(Listpack),
    /// `quicklist`.
    Chunked(Box<ChunkedList>),
}

impl Default for List {
    fn default() -> Self {
        Self::Packed(Listpack::new())
    }
}

impl List {
    /// Prepares for this many more elements and bytes of them, by becoming a chain if they are too many for a listpack.
    #[inline]
    pub fn make_room(&mut self, bytes: usize, elements: usize, limit: ChunkLimit) {
        if let Self::Packed(pack) = self
            && !limit.allows(pack.bytes().len().saturating_add(bytes), pack.len() + elements)
        {
            *self = Self::Chunked(Box::new(ChunkedList::from_listpack(std::mem::take(pack), limit)));
        }
    }

    /// Adds an element at an end.
    #[inline]
    pub fn push(&mut self, end: End, text: &[u8], limit: ChunkLimit) {
        self.make_room(text.len(), 1, limit);
        self.push_prepared(end, text);
    }

    /// Adds an element for which there is room.
    #[inline]
    pub fn push_prepared(&mut self, end: End, text: &[u8]) {
        match (self, end) {
            (Self::Packed(pack), End::Front) => pack.push_front(text),
            (Self::Packed(pack), End::Back) => pack.push_back(text),
            (Self::Chunked(list), end) => list.push(end, text),
        }
    }

    /// Takes up to `count` elements from an end, hands over each, the outermost first, and says how many there were.
    pub fn drain(&mut self, end: End, count: usize, limit: ChunkLimit, mut each: impl FnMut(Item<'_>)) -> usize {
        let removed = match self {
            Self::Packed(pack) => drain_pack(pack, end, count, &mut each),
            Self::Chunked(list) => list.drain(end, count, each),
        };
        self.shrink(limit);
        removed
    }

    /// Puts `text` in the place of an element; false when there is no such element.
    pub fn set(&mut self, index: usize, text: &[u8], limit: ChunkLimit) -> bool {
        self.make_room(text.len(), 1, limit);
        let is_there = match self {
            Self::Packed(pack) => match pack.seek(index) {
                Some(at) => {
                    pack.replace(at, text);
                    true
                }
                None => false,
            },
            Self::Chunked(list) => list.set(index, text),
        };
        self.shrink(limit);
        is_there
    }

    /// Adds an element before the one at `index`, or at the back when `index` is the length; false beyond that.
    pub fn insert(&mut self, index: usize, text: &[u8], limit: ChunkLimit) -> bool {
        self.make_room(text.len(), 1, limit);
        match self {
            Self::Packed(pack) if index <= pack.len() => {
                let at = pack.seek(index).unwrap_or(pack.end());
                pack.insert(at, text);
                true
            }
            Self::Packed(_) => false,
            Self::Chunked(list) => list.insert(index, text),
        }
    }

    /// Removes up to `count` elements from `start` on and says how many there were.
    pub fn remove_range(&mut self, start: usize, count: usize, limit: ChunkLimit) -> usize {
        let removed = match self {
            Self::Packed(pack) => pack.seek(start).map_or(0, |at| pack.remove_range(at, count)),
            Self::Chunked(list) => list.remove_range(start, count),
        };
        self.shrink(limit);
        removed
    }

    /// Removes up to `count` elements with this text, walking from `end`, and says how many there were.
    pub fn remove_matching(&mut self, end: End, text: &[u8], count: usize, limit: ChunkLimit) -> usize {
        let removed = match self {
            Self::Packed(pack) => remove_matching(pack, end, &Needle::new(text), count),
            Self::Chunked(list) => list.remove_matching(end, text, count),
        };
        self.shrink(limit);
        removed
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.len(),
            Self::Chunked(list) => list.len(),
        }
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Packed(pack) => pack.is_empty(),
            Self::Chunked(list) => list.is_empty(),
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Chunked(_) => "quicklist",
        }
    }

    /// Bytes on the heap.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.heap_bytes(),
            Self::Chunked(list) => size_of::<ChunkedList>() + list.heap_bytes(),
        }
    }

    /// The element at an index.
    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        match self {
            Self::Packed(pack) => pack.get(index),
            Self::Chunked(list) => list.get(index),
        }
    }

    /// The outermost element at an end.
    pub fn at_end(&self, end: End) -> Option<Item<'_>> {
        match (self, end) {
            (Self::Packed(pack), End::Front) => pack.front(),
            (Self::Packed(pack), End::Back) => pack.back(),
            (Self::Chunked(list), End::Front) => list.get(0),
            (Self::Chunked(list), End::Back) => list.get(list.len().checked_sub(1)?),
        }
    }

    /// All elements, from the front.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, self.len())
    }

    /// Up to `count` elements from `start` on.
    pub fn range(&self, start: usize, count: usize) -> Range<'_> {
        match self {
            Self::Packed(pack) => {
                let from = pack.seek(start).unwrap_or(pack.end());
                Range::Packed(pack.iter_from(from).take(count))
            }
            Self::Chunked(list) => Range::Chunked(list.range(start, count)),
        }
    }

    /// Up to `count` elements towards the front, after passing over `skip` elements at the back.
    pub fn range_back(&self, skip: usize, count: usize) -> RangeBack<'_> {
        match self {
            Self::Packed(pack) => {
                let len = pack.len();
                let to = if skip == 0 { Some(pack.end()) } else { pack.seek(len.saturating_sub(skip)) };
                RangeBack::Packed(pack.iter_back_from(to.unwrap_or(pack.end())).take(count))
            }
            Self::Chunked(list) => RangeBack::Chunked(list.range_back(skip, count)),
        }
    }

    /// Becomes a listpack again when what is left takes half of what one may.
    #[inline]
    fn shrink(&mut self, limit: ChunkLimit) {
        if let Self::Chunked(list) = self
            && let Some(pack) = list.take_small(limit)
        {
            *self = Self::Packed(pack);
        }
    }
}

/// Takes elements from an end of a listpack, the outermost first.
fn drain_pack(pack: &mut Listpack, end: End, count: usize, each: &mut impl FnMut(Item<'_>)) -> usize {
    match end {
        End::Front => {
            pack.iter().take(count).for_each(each);
            pack.remove_range(pack.first(), count)
        }
        End::Back => {
            pack.iter_back().take(count).for_each(each);
            let len = pack.len();
            let start = match count {
                1 => pack.previous(pack.end()),
                _ => pack.seek(len.saturating_sub(count)),
            };
            start.map_or(0, |start| pack.remove_range(start, count))
        }
    }
}

/// Elements towards the back.
#[derive(Clone, Debug)]
pub enum Range<'a> {
    /// Of a listpack.
    Packed(Take<Items<'a>>),
    /// Of a chain.
    Chunked(chunked_list::Range<'a>),
}

impl<'a> Iterator for Range<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Self::Packed(items) => items.next(),
            Self::Chunked(items) => items.next(),
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, Item<'a>) -> B>(self, start: B, each: F) -> B {
        match self {
            Self::Packed(items) => items.fold(start, each),
            Self::Chunked(items) => items.fold(start, each),
        }
    }
}

/// Elements towards the front.
#[derive(Clone, Debug)]
pub enum RangeBack<'a> {
    /// Of a listpack.
    Packed(Take<ItemsBack<'a>>),
    /// Of a chain.
    Chunked(chunked_list::RangeBack<'a>),
}

impl<'a> Iterator for RangeBack<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Self::Packed(items) => items.next(),
            Self::Chunked(items) => items.next(),
        }
    }
}
