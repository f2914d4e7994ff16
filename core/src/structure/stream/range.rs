//! Walks over a stream's entries, from either end.

use std::collections::btree_map;
use std::iter::Rev;

use super::id::StreamId;
use super::log::Log;
use super::node::{Node, Slots};
use super::text::Text;

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

type Nodes<'a> = btree_map::Range<'a, StreamId, Node>;

/// The entries of a range, the oldest first.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    nodes: Nodes<'a>,
    slots: Option<Slots<'a>>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(slot) = self.slots.as_mut().and_then(Iterator::next) else {
                let (first, node) = self.nodes.next()?;
                self.slots = Some(node.slots(*first));
                continue;
            };
            if slot.entry.id > self.end {
                return None;
            }
            if !slot.deleted && slot.entry.id >= self.start {
                return Some(slot.entry);
            }
        }
    }
}

/// The entries of a range, the newest first.
#[derive(Clone, Debug)]
pub struct EntriesBack<'a> {
    nodes: Rev<Nodes<'a>>,
    node: Option<(StreamId, &'a Node)>,
    /// Where the entries of the node that are in the range stand; at most `NodeLimits::ENTRIES_LIMIT`.
    headers: Vec<u32>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Iterator for EntriesBack<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let (Some(at), Some((first, node))) = (self.headers.pop(), self.node) {
                let mut slots = node.slots(first);
                slots.jump(node, at as usize);
                return slots.next().map(|slot| slot.entry);
            }
            let (first, node) = self.nodes.next()?;
            self.node = Some((*first, node));
            let (start, end) = (self.start, self.end);
            let live = node.slots(*first).take_while(|slot| slot.entry.id <= end);
            let live = live.filter(|slot| !slot.deleted && slot.entry.id >= start);
            self.headers.extend(live.map(|slot| slot.at as u32));
        }
    }
}

impl Log {
    /// The entries from `start` to `end`, both included.
    pub fn range(&self, start: StreamId, end: StreamId) -> Entries<'_> {
        Entries { nodes: self.nodes_between(start, end), slots: None, start, end }
    }

    /// The entries from `end` back to `start`, both included.
    pub fn range_back(&self, start: StreamId, end: StreamId) -> EntriesBack<'_> {
        EntriesBack { nodes: self.nodes_between(start, end).rev(), node: None, headers: Vec::new(), start, end }
    }

    /// The entry of this ID.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The nodes that may have entries from `start` to `end`.
    fn nodes_between(&self, start: StreamId, end: StreamId) -> Nodes<'_> {
        let from = self.nodes.range(..=start).next_back().map_or(start, |(first, _)| *first);
        // An empty range must not have its ends the wrong way round.
        self.nodes.range(from..=end.max(from))
    }
}
