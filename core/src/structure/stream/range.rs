//! Walks over a stream's entries, from either end.

use super::id::StreamId;
use super::log::Log;
use super::node::{Node, Slots};
use super::text::Text;
use super::tree::Rows;

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    /// Its fields.
    pub fields: Fields<'a>,
}

/// The fields of an entry in order: names with values.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// The node's names; `None` when names and values take turns.
    names: Option<&'a [u8]>,
    rest: &'a [u8],
    left: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(names: Option<&'a [u8]>, values: &'a [u8], left: usize) -> Self {
        Fields { names, rest: values, left }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Text<'a>, Text<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = Text::unpack(self.names.as_mut().unwrap_or(&mut self.rest))?;
        Some((name, Text::unpack(&mut self.rest)?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// The entries of a range, from either end.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    nodes: &'a [Node],
    rows: Rows<'a>,
    slots: Slots<'a>,
    /// From the end: where the entries of the node that are in the range stand; at most `NodeLimits::ENTRIES_LIMIT`.
    headers: Vec<u32>,
    start: StreamId,
    end: StreamId,
    is_reverse: bool,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if self.is_reverse {
                if let Some(at) = self.headers.pop() {
                    return self.slots.at(at as usize).map(|slot| slot.entry);
                }
            } else {
                // As `next_live`, which would copy each entry once more.
                for slot in self.slots.by_ref() {
                    if slot.entry.id > self.end {
                        return None;
                    }
                    if !slot.deleted && slot.entry.id >= self.start {
                        return Some(slot.entry);
                    }
                }
            }
            let row = self.rows.next()?;
            self.slots = self.nodes[row.place as usize].slots();
            while self.is_reverse
                && let Some(slot) = self.slots.next_live(self.start).filter(|slot| slot.entry.id <= self.end)
            {
                self.headers.push(slot.at as u32);
            }
        }
    }
}

impl Log {
    /// The entries from `start` to `end`, both included.
    pub fn range(&self, start: StreamId, end: StreamId) -> Entries<'_> {
        self.entries(start, end, false)
    }

    /// The entries from `end` back to `start`, both included.
    pub fn range_back(&self, start: StreamId, end: StreamId) -> Entries<'_> {
        self.entries(start, end, true)
    }

    /// The entries from `start` to `end`, both included; from the end if `is_reverse`.
    pub fn entries(&self, start: StreamId, end: StreamId, is_reverse: bool) -> Entries<'_> {
        // The node that begins before the range may reach into it.
        let from = self.index.at_or_before(start).map_or(start, |row| row.id);
        let rows = self.index.rows(from, end, is_reverse);
        Entries { nodes: &self.nodes, rows, slots: Slots::default(), headers: Vec::new(), start, end, is_reverse }
    }
}
