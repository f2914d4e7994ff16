//! The log: entries in ID order in small nodes, and what a stream remembers of entries that are gone.

use super::id::StreamId;
use super::node::Node;
use super::range::Entry;
use super::tree::{Row, Tree};
use super::walk::Walk;
use crate::snapshots::DuringSnapshot;

/// The most bytes of names and values in one entry (Redis's limit).
const ENTRY_BYTES_MAX: usize = 1 << 30;

/// What a radix tree would have as its keys: both halves of an ID.
const RADIX_KEY_BYTES: usize = 16;

/// The memory of a node besides its bytes.
const NODE_BYTES: usize = Tree::ROW_BYTES + size_of::<Node>();

/// The list of nodes grows by this part of it. Nodes are small for what they hold, so copying them often costs little.
const GROWTH_PART: usize = 8;

/// The list of nodes gives memory back when it has room for this many times what is in it.
const SPARE_FACTOR: usize = 4;

/// When a node is full: `stream-node-max-entries` and `stream-node-max-bytes`. 0 leaves it to our own limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// The most entries, deleted ones included.
    pub entries_max: u32,
    /// The most bytes; a larger entry has a node of its own.
    pub bytes_max: usize,
}

impl NodeLimits {
    /// The most entries of a node whatever is asked for: finding one walks the node.
    pub const ENTRIES_LIMIT: u32 = 10_000;

    /// The most bytes of a node of several entries, whatever is asked for.
    pub const BYTES_LIMIT: usize = 1 << 20;

    fn entries(self) -> u32 {
        if self.entries_max == 0 { Self::ENTRIES_LIMIT } else { self.entries_max.min(Self::ENTRIES_LIMIT) }
    }

    fn bytes(self) -> usize {
        if self.bytes_max == 0 { Self::BYTES_LIMIT } else { self.bytes_max.min(Self::BYTES_LIMIT) }
    }
}

impl Default for NodeLimits {
    /// Redis's defaults.
    fn default() -> Self {
        NodeLimits { entries_max: 100, bytes_max: 4096 }
    }
}

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The ID is not larger than the last one.
    NotAscending,
    /// The names and values are too large.
    TooLarge,
}

/// Why the state of a stream was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateError {
    /// The last ID would be smaller than that of a deleted entry.
    BelowMaxDeleted,
    /// The last ID would be smaller than that of an entry.
    BelowTopEntry,
    /// Fewer entries would have been added than there are.
    AddedBelowLength,
}

/// The words of an entry to be added: names and values in turn. One type for commands and payloads alike.
#[derive(Clone, Copy)]
pub struct Words<'f> {
    /// How many there are; an even number.
    pub len: usize,
    /// The word at a place below that.
    pub word: &'f dyn Fn(usize) -> &'f [u8],
}

/// Entries in ID order.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// In no order. Every node has an entry that is not deleted.
    pub(super) nodes: Vec<Node>,
    /// The places of the nodes by the ID of each node's first entry, deleted or not.
    pub(super) index: Tree,
    pub(super) len: u64,
    pub(super) first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    heap_bytes: usize,
    pub(super) walk: DuringSnapshot<Walk>,
}

impl Log {
    /// Adds an entry.
    ///
    /// # Errors
    /// [`AppendError`] when the ID is too small or the entry too large.
    pub fn append(&mut self, id: StreamId, fields: Words<'_>, limits: NodeLimits) -> Result<(), AppendError> {
        assert!(fields.len.is_multiple_of(2), "the command pairs names with values");
        if id <= self.last_id {
            return Err(AppendError::NotAscending);
        }
        let entry_bytes: usize = (0..fields.len).map(|place| (fields.word)(place).len()).sum();
        if entry_bytes > ENTRY_BYTES_MAX {
            return Err(AppendError::TooLarge);
        }
        let last = self.place_before(StreamId::MAX);
        let takes = last.is_some_and(|last| {
            let node = &self.nodes[last];
            node.total() < limits.entries()
                && node.len_bytes().saturating_add(entry_bytes) < limits.bytes()
                && node.spans(id)
        });
        let last = last.filter(|_| takes).unwrap_or_else(|| self.add_node(id, fields, last));
        self.keep(last);
        let node = &mut self.nodes[last];
        self.heap_bytes -= node.heap_bytes();
        node.push(id, fields);
        self.heap_bytes += node.heap_bytes();
        if self.len == 0 {
            self.first_id = id;
        }
        self.len += 1;
        self.last_id = id;
        self.entries_added += 1;
        Ok(())
    }

    /// Deletes an entry; false when there is none of this ID.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(place) = self.place_before(id) else {
            return false;
        };
        let Some(at) = self.nodes[place].find(id).filter(|slot| !slot.deleted).map(|slot| slot.at) else {
            return false;
        };
        self.keep(place);
        let node = &mut self.nodes[place];
        node.mark_deleted(at);
        if node.live() == 0 {
            self.remove_node(place);
        }
        self.len -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        if id == self.first_id {
            self.find_first();
        }
        true
    }

    /// Sets what a stream remembers, as XSETID does and a payload ends: the last ID, and if given how many entries were
    /// ever added and the largest ID deleted.
    ///
    /// # Errors
    /// [`StateError`] when that contradicts the entries; nothing is changed then.
    pub fn set_state(
        &mut self,
        last_id: StreamId,
        entries_added: Option<u64>,
        max_deleted_id: Option<StreamId>,
    ) -> Result<(), StateError> {
        if last_id < self.max_deleted_id || max_deleted_id.is_some_and(|deleted| last_id < deleted) {
            return Err(StateError::BelowMaxDeleted);
        }
        if self.last().is_some_and(|top| last_id < top.id) {
            return Err(StateError::BelowTopEntry);
        }
        if entries_added.is_some_and(|added| added < self.len) {
            return Err(StateError::AddedBelowLength);
        }
        self.last_id = last_id;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted_id.filter(|id| *id != StreamId::MIN).unwrap_or(self.max_deleted_id);
        Ok(())
    }

    /// The number of entries.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry of this ID.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let node = &self.nodes[self.place_before(id)?];
        node.find(id).filter(|slot| !slot.deleted).map(|slot| slot.entry)
    }

    /// The first entry.
    pub fn first(&self) -> Option<Entry<'_>> {
        let row = self.index.at_or_after(StreamId::MIN)?;
        self.nodes[row.place as usize].slots().next_live(StreamId::MIN).map(|slot| slot.entry)
    }

    /// The last entry.
    pub fn last(&self) -> Option<Entry<'_>> {
        let slots = self.nodes[self.place_before(StreamId::MAX)?].slots();
        slots.filter(|slot| !slot.deleted).last().map(|slot| slot.entry)
    }

    /// The ID of the first entry; 0-0 when there is none.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The last ID given to an entry, or set since.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The largest ID of an entry that was deleted; 0-0 when there is none. Trimming does not count.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// How many entries were ever added.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// How many nodes there are (the radix-tree keys of XINFO STREAM).
    pub fn nodes_len(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes a radix tree over the 16 bytes of the nodes' first IDs would have, as Redis keeps and reports it:
    /// one for each key's end, one for each place where keys part, one for each stretch of bytes between those.
    pub fn radix_nodes_len(&self) -> usize {
        let bytes = |row: Row| u128::from(row.id.ms) << u64::BITS | u128::from(row.id.seq);
        let mut keys = self.index.rows(StreamId::MIN, StreamId::MAX, false).map(bytes);
        let Some(mut before) = keys.next() else {
            return 1;
        };
        // The depths of the places where the path to the last key parts from others, and all nodes but the stretches
        // that end in the path.
        let (mut forks, mut len): (Vec<usize>, usize) = (Vec::new(), 1);
        // A stretch lies above a fork or an end unless it follows a fork directly.
        let stretch = |from: Option<usize>, to: usize| usize::from(to > from.map_or(0, |fork| fork + 1));
        let mut end = RADIX_KEY_BYTES;
        for key in keys {
            let depth = (before ^ key).leading_zeros() as usize / 8;
            while let Some(fork) = forks.pop_if(|fork| *fork > depth) {
                len += stretch(Some(fork), end);
                end = fork;
            }
            if forks.last() != Some(&depth) {
                len += stretch(Some(depth), end) + 1;
                forks.push(depth);
            } else {
                len += stretch(Some(depth), end);
            }
            len += 1;
            end = RADIX_KEY_BYTES;
            before = key;
        }
        while let Some(fork) = forks.pop() {
            len += stretch(Some(fork), end);
            end = fork;
        }
        len + stretch(None, end)
    }

    /// The memory behind the log, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    /// Whether entries from `start` on may have been deleted, the first entry and what precedes it left aside.
    pub fn has_deleted_from(&self, start: StreamId) -> bool {
        self.len > 0 && self.max_deleted_id >= self.first_id.max(start)
    }

    /// How many entries had been added when the entry of this ID was, it included; `None` when deletions hide it.
    pub fn position(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if id == self.last_id || self.len == 0 && id < self.last_id {
            return Some(self.entries_added);
        }
        let whole = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        if id > self.last_id || id > self.first_id || !whole {
            return None;
        }
        let before_first = self.entries_added.saturating_sub(self.len);
        Some(before_first + u64::from(id == self.first_id))
    }

    /// Removes the node at a place, which has no live entries or whose live entries the caller takes off the length.
    pub(super) fn remove_node(&mut self, place: usize) {
        self.keep(place);
        let node = self.nodes.swap_remove(place);
        self.index.remove(node.first());
        self.heap_bytes -= node.heap_bytes() + NODE_BYTES;
        if let Some(moved) = self.nodes.get(place) {
            self.index.insert(row_of(moved, place));
        }
        if self.nodes.capacity() > SPARE_FACTOR * self.nodes.len() {
            self.nodes.shrink_to_fit();
        }
    }

    /// Looks for the first entry after it went away. Every node has a live entry, so this looks into one node.
    pub(super) fn find_first(&mut self) {
        self.first_id = self.first().map(|entry| entry.id).unwrap_or_default();
    }

    /// The place of the last node that begins with this ID or before.
    pub(super) fn place_before(&self, id: StreamId) -> Option<usize> {
        self.index.at_or_before(id).map(|row| row.place as usize)
    }

    /// Adds a node for an entry behind the last one, and returns its place.
    fn add_node(&mut self, id: StreamId, fields: Words<'_>, last: Option<usize>) -> usize {
        // The node will be about as long as the one before: this spares all sizes in between.
        let expected_bytes = last.map_or(0, |last| self.close_node(last));
        let (node, place) = (Node::new(id, fields, expected_bytes), self.nodes.len());
        self.heap_bytes += node.heap_bytes() + NODE_BYTES;
        self.index.insert(row_of(&node, place));
        if self.nodes.len() == self.nodes.capacity() {
            self.nodes.reserve_exact(place / GROWTH_PART + 1);
        }
        self.nodes.push(node);
        place
    }

    /// Gives back the spare room of a node and says how long it is.
    fn close_node(&mut self, place: usize) -> usize {
        let node = &mut self.nodes[place];
        self.heap_bytes -= node.heap_bytes();
        node.close();
        self.heap_bytes += node.heap_bytes();
        node.len_bytes()
    }

    /// What heap_bytes must be.
    #[cfg(test)]
    pub(super) fn heap_bytes_counted(&self) -> usize {
        self.nodes.iter().map(|node| node.heap_bytes() + NODE_BYTES).sum()
    }
}

fn row_of(node: &Node, place: usize) -> Row {
    Row { id: node.first(), place: u32::try_from(place).expect("memory holds fewer nodes"), numbers: [0; 2] }
}
