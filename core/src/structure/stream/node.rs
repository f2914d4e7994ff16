//! A node: a run of entries in one buffer.
//!
//! Layout: the number of names, the names of the first entry's fields, then the entries. An entry is a header (the
//! milliseconds since the node's first ID, shifted by two flags), its sequence number (less the first's when the
//! millisecond is the first's), then its values, or its number of fields with names and values in turn.

use super::id::StreamId;
use super::range::{Entry, Fields};
use super::text::{Text, pack_number, unpack_number};

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

/// A run of entries; its first ID is its key in the log.
#[derive(Clone, Debug)]
pub(super) struct Node {
    bytes: Vec<u8>,
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
    pub(super) fn new<'f>(
        first: StreamId,
        fields: impl ExactSizeIterator<Item = &'f [u8]>,
        expected_bytes: usize,
    ) -> Self {
        let mut bytes = Vec::with_capacity(expected_bytes);
        pack_number(&mut bytes, (fields.len() / 2) as u64);
        fields.step_by(2).for_each(|name| Text::from(name).pack(&mut bytes));
        Node { bytes, last: first, total: 0, live: 0 }
    }

    /// Whether an ID is near enough to the first to stand in the same node.
    pub(super) fn spans(first: StreamId, id: StreamId) -> bool {
        id.ms - first.ms <= SPAN_MAX_MS
    }

    /// Adds an entry after the last.
    pub(super) fn push<'f>(
        &mut self,
        first: StreamId,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = &'f [u8]> + Clone,
    ) {
        let same_names = self.has_names(fields.clone());
        let span_ms = id.ms - first.ms;
        pack_number(&mut self.bytes, span_ms << FLAG_BITS | if same_names { SAME_NAMES } else { 0 });
        pack_number(&mut self.bytes, if span_ms == 0 { id.seq - first.seq } else { id.seq });
        if same_names {
            fields.skip(1).step_by(2).for_each(|value| Text::from(value).pack(&mut self.bytes));
        } else {
            pack_number(&mut self.bytes, (fields.len() / 2) as u64);
            fields.for_each(|text| Text::from(text).pack(&mut self.bytes));
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
    pub(super) fn slots(&self, first: StreamId) -> Slots<'_> {
        let mut rest = self.bytes.as_slice();
        let names_len = unpack_number(&mut rest).expect(INTACT) as usize;
        let names = rest;
        (0..names_len).for_each(|_| {
            Text::unpack(&mut rest).expect(INTACT);
        });
        Slots { first, names, names_len, rest, bytes_len: self.bytes.len() }
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

    fn has_names<'f>(&self, fields: impl ExactSizeIterator<Item = &'f [u8]>) -> bool {
        let mut rest = self.bytes.as_slice();
        unpack_number(&mut rest).expect(INTACT) == (fields.len() / 2) as u64
            && fields.step_by(2).all(|name| Text::unpack(&mut rest) == Some(Text::from(name)))
    }
}

/// The entries of a node from the front.
#[derive(Clone, Debug)]
pub(super) struct Slots<'a> {
    first: StreamId,
    names: &'a [u8],
    names_len: usize,
    rest: &'a [u8],
    bytes_len: usize,
}

impl<'a> Slots<'a> {
    /// Goes on at a header known from [`Slot::at`].
    pub(super) fn jump(&mut self, node: &'a Node, at: usize) {
        self.rest = &node.bytes[at..];
    }
}

impl<'a> Iterator for Slots<'a> {
    type Item = Slot<'a>;

    fn next(&mut self) -> Option<Slot<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.bytes_len - self.rest.len();
        let header = unpack_number(&mut self.rest).expect(INTACT);
        let seq = unpack_number(&mut self.rest).expect(INTACT);
        let span_ms = header >> FLAG_BITS;
        let id = StreamId { ms: self.first.ms + span_ms, seq: if span_ms == 0 { self.first.seq + seq } else { seq } };
        let same_names = header & SAME_NAMES != 0;
        let len = if same_names { self.names_len } else { unpack_number(&mut self.rest).expect(INTACT) as usize };
        let fields = Fields::new(same_names.then_some(self.names), self.rest, len);
        (0..if same_names { len } else { 2 * len }).for_each(|_| {
            Text::unpack(&mut self.rest).expect(INTACT);
        });
        Some(Slot { at, deleted: header & u64::from(DELETED) != 0, entry: Entry { id, fields } })
    }
}
