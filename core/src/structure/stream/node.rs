//! A node: a run of entries in one buffer.
//!
//! Layout: the number of names, the names of the first entry's fields, then the entries. An entry is a header (the
//! milliseconds since the node's first ID, shifted by two flags), its sequence number (less the first's when the
//! millisecond is the first's), then its values, or its number of fields with names and values in turn.

use super::id::StreamId;
use super::log::Words;
use super::range::{Entry, Fields};
use super::text::{Text, pack_number, skip_texts, unpack_number};

/// The flag of a deleted entry: the lowest bit of the header's first byte, so that it can be set in place.
const DELETED: u8 = 1;
/// The flag of an entry whose fields have the node's names.
const SAME_NAMES: u64 = 2;
const FLAG_BITS: u32 = 2;
/// The most milliseconds from the first to the last ID, so that headers fit 64 bits.
const SPAN_MAX_MS: u64 = u64::MAX >> FLAG_BITS;

/// Why a node decodes: nothing else writes one.
const INTACT: &str = "nodes hold what push wrote";

/// What a full node may keep beyond its length: this part of it.
const SPARE_PART: usize = 16;

/// A run of entries.
#[derive(Clone, Debug)]
pub(super) struct Node {
    bytes: Vec<u8>,
    /// The ID of the first entry, deleted or not.
    first: StreamId,
    /// The ID of the last entry, deleted or not.
    last: StreamId,
    /// The entries, deleted or not.
    total: u32,
    /// The entries that are not deleted.
    live: u32,
}

/// An entry of any state, and where its header is.
pub(super) struct Slot<'a> {
    pub(super) at: usize,
    pub(super) deleted: bool,
    pub(super) entry: Entry<'a>,
}

impl Node {
    /// A node for a first entry with these fields; the entry itself is pushed then.
    pub(super) fn new(first: StreamId, fields: Words<'_>, expected_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(expected_bytes);
        pack_number(&mut bytes, (fields.len / 2) as u64);
        pack_words(&mut bytes, fields, 0, 2);
        Node { bytes, first, last: first, total: 0, live: 0 }
    }

    /// Whether an ID is near enough to the first to stand in the same node.
    pub(super) fn spans(&self, id: StreamId) -> bool {
        id.ms - self.first.ms <= SPAN_MAX_MS
    }

    /// Adds an entry after the last.
    pub(super) fn push(&mut self, id: StreamId, fields: Words<'_>) {
        let same_names = self.has_names(fields);
        let span_ms = id.ms - self.first.ms;
        pack_number(&mut self.bytes, span_ms << FLAG_BITS | if same_names { SAME_NAMES } else { 0 });
        pack_number(&mut self.bytes, if span_ms == 0 { id.seq - self.first.seq } else { id.seq });
        if same_names {
            pack_words(&mut self.bytes, fields, 1, 2);
        } else {
            pack_number(&mut self.bytes, (fields.len / 2) as u64);
            pack_words(&mut self.bytes, fields, 0, 1);
        }
        self.last = id;
        self.total += 1;
        self.live += 1;
    }

    /// Marks the entry whose header is there as deleted.
    pub(super) fn mark_deleted(&mut self, at: usize) {
        self.bytes[at] |= DELETED;
        self.live -= 1;
    }

    /// Gives back what the buffer reserved to grow.
    pub(super) fn close(&mut self) {
        if self.bytes.capacity() > self.bytes.len() + self.bytes.len() / SPARE_PART {
            self.bytes.shrink_to_fit();
        }
    }

    /// The entries from the front, with the deleted ones.
    pub(super) fn slots(&self) -> Slots<'_> {
        let mut rest = self.bytes.as_slice();
        let names_len = unpack_number(&mut rest).expect(INTACT) as usize;
        let names = rest;
        skip_texts(&mut rest, names_len).expect(INTACT);
        Slots { first: self.first, names, names_len, rest, bytes: &self.bytes }
    }

    /// The entry of this ID, deleted or not.
    pub(super) fn find(&self, id: StreamId) -> Option<Slot<'_>> {
        self.slots().find(|slot| slot.entry.id >= id).filter(|slot| slot.entry.id == id)
    }

    pub(super) fn first(&self) -> StreamId {
        self.first
    }

    pub(super) fn last(&self) -> StreamId {
        self.last
    }

    pub(super) fn total(&self) -> u32 {
        self.total
    }

    pub(super) fn live(&self) -> u32 {
        self.live
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    fn has_names(&self, fields: Words<'_>) -> bool {
        let mut rest = self.bytes.as_slice();
        unpack_number(&mut rest).expect(INTACT) == (fields.len / 2) as u64
            && (0..fields.len / 2).all(|place| Text::unpack(&mut rest) == Some(Text::from((fields.word)(2 * place))))
    }
}

/// Packs every `step`-th word from `start` on.
fn pack_words(out: &mut Vec<u8>, words: Words<'_>, start: usize, step: usize) {
    let mut place = start;
    while place < words.len {
        Text::from((words.word)(place)).pack(out);
        place += step;
    }
}

/// The entries of a node from the front.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots<'a> {
    first: StreamId,
    names: &'a [u8],
    names_len: usize,
    rest: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Slots<'a> {
    /// Goes to a header known from [`Slot::at`].
    pub(super) fn at(&mut self, at: usize) -> Option<Slot<'a>> {
        self.rest = &self.bytes[at..];
        self.next()
    }

    /// The next entry from `start` on that is not deleted.
    pub(super) fn next_live(&mut self, start: StreamId) -> Option<Slot<'a>> {
        loop {
            let slot = self.next()?;
            if !slot.deleted && slot.entry.id >= start {
                return Some(slot);
            }
        }
    }
}

impl<'a> Iterator for Slots<'a> {
    type Item = Slot<'a>;

    fn next(&mut self) -> Option<Slot<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.bytes.len() - self.rest.len();
        let header = unpack_number(&mut self.rest).expect(INTACT);
        let seq = unpack_number(&mut self.rest).expect(INTACT);
        let span_ms = header >> FLAG_BITS;
        let id = StreamId { ms: self.first.ms + span_ms, seq: if span_ms == 0 { self.first.seq + seq } else { seq } };
        let same_names = header & SAME_NAMES != 0;
        let len = if same_names { self.names_len } else { unpack_number(&mut self.rest).expect(INTACT) as usize };
        let fields = Fields::new(same_names.then_some(self.names), self.rest, len);
        skip_texts(&mut self.rest, if same_names { len } else { 2 * len }).expect(INTACT);
        Some(Slot { at, deleted: header & u64::from(DELETED) != 0, entry: Entry { id, fields } })
    }
}
