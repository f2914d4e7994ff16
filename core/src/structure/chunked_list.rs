//! The large list: a deque of chunks, each a listpack of bounded size, or one oversized item by itself.

mod iter;
#[cfg(test)]
mod tests;
mod walk;

use super::listpack::{Cursor, EMPTY_BYTES, Encoded, Item, Listpack, Needle};
use crate::snapshots::DuringSnapshot;
pub use iter::{Range, RangeBack};
use std::collections::VecDeque;

/// The byte limits that −1 to −5 name in `list-max-listpack-size`.
const BYTE_LIMITS: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];

/// The byte limit of chunks that are bounded by their number of items, as in Redis.
const BYTES_WHEN_COUNTED: usize = 8 << 10;

/// The most items in a chunk, whatever the setting; below the count a listpack can store.
const MAX_CHUNK_ITEMS: usize = 1 << 15;

/// How full a chunk may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimit {
    bytes: usize,
    items: usize,
}

impl ChunkLimit {
    /// Reads `list-max-listpack-size`: −1 to −5 for 4 to 64 kB, or a number of items.
    pub fn from_setting(setting: i64) -> Self {
        match usize::try_from(setting) {
            Ok(items) => ChunkLimit { bytes: BYTES_WHEN_COUNTED, items: items.clamp(1, MAX_CHUNK_ITEMS) },
            Err(_) => {
                let index = setting.clamp(-5, -1).unsigned_abs() as usize - 1;
                ChunkLimit { bytes: BYTE_LIMITS[index], items: MAX_CHUNK_ITEMS }
            }
        }
    }

    /// The limit, with this many bytes at most.
    #[inline]
    pub fn at_most(self, bytes: usize) -> Self {
        ChunkLimit { bytes: self.bytes.min(bytes), ..self }
    }

    /// Whether a listpack of this size and count is within the limit.
    #[inline]
    pub fn allows(&self, bytes: usize, items: usize) -> bool {
        bytes <= self.bytes && items <= self.items
    }
}

impl ChunkLimit {
    /// Whether this size and count are within half of the limit: where it counts items, bytes do not matter.
    fn allows_in_half(&self, bytes: usize, items: usize) -> bool {
        let counts = self.items < MAX_CHUNK_ITEMS;
        items <= self.items / 2 && (counts || bytes <= self.bytes / 2)
    }
}

/// One node of the list, as RDB's QUICKLIST_2 stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Items in a listpack; container kind 2.
    Packed(Listpack),
    /// One item that is too large for a listpack; container kind 1.
    Plain(Box<[u8]>),
}

impl Chunk {
    /// The container kind in RDB.
    pub fn container(&self) -> u8 {
        match self {
            Chunk::Plain(_) => 1,
            Chunk::Packed(_) => 2,
        }
    }

    /// The node's bytes in RDB.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Plain(text) => text,
            Chunk::Packed(listpack) => listpack.bytes(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Chunk::Plain(text) => text.len(),
            Chunk::Packed(listpack) => listpack.heap_bytes(),
        }
    }
}

/// A chunk and the number of its items, kept beside it so that seeking reads no chunk.
#[derive(Clone, Debug)]
struct Node {
    chunk: Chunk,
    items: usize,
}

impl Node {
    fn of(item: Item<'_>, limit: &ChunkLimit) -> Self {
        match item {
            Item::Text(text) if EMPTY_BYTES + item.entry_bytes() > limit.bytes => {
                Node { chunk: Chunk::Plain(text.into()), items: 1 }
            }
            _ => {
                let mut listpack = Listpack::new();
                listpack.push_back(item);
                Node { chunk: Chunk::Packed(listpack), items: 1 }
            }
        }
    }

    /// The listpack, when `more` bytes of one more item are within the limit.
    fn with_room(&mut self, more: usize, limit: &ChunkLimit) -> Option<&mut Listpack> {
        match &mut self.chunk {
            Chunk::Packed(listpack) if limit.allows(listpack.bytes().len() + more, self.items + 1) => Some(listpack),
            _ => None,
        }
    }
}

/// From which end a walk starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head: LPUSH, LPOP.
    Front,
    /// The tail: RPUSH, RPOP.
    Back,
}

/// A list of any length: constant time at both ends, a seek over chunks in the middle.
#[derive(Clone, Debug)]
pub struct ChunkedList {
    nodes: VecDeque<Node>,
    items: usize,
    chunk_bytes: usize,
    limit: ChunkLimit,
    walk: DuringSnapshot<walk::Walk>,
}

impl ChunkedList {
    /// A list without items.
    pub fn new(limit: ChunkLimit) -> Self {
        ChunkedList { nodes: VecDeque::new(), items: 0, chunk_bytes: 0, limit, walk: DuringSnapshot::NOTHING }
    }

    /// A list of a small list's items.
    pub fn from_listpack(listpack: Listpack, limit: ChunkLimit) -> Self {
        let mut list = ChunkedList::new(limit);
        list.push_chunk(Chunk::Packed(listpack));
        list
    }

    /// Adds a chunk at the back, as loading an RDB does. One over the limit is dealt out item by item.
    pub fn push_chunk(&mut self, chunk: Chunk) {
        let items = match &chunk {
            Chunk::Plain(_) => 1,
            Chunk::Packed(listpack) => listpack.len(),
        };
        match &chunk {
            Chunk::Packed(listpack) if !self.limit.allows(listpack.bytes().len(), items) => {
                listpack.iter().for_each(|item| self.push_item(End::Back, item));
            }
            _ if items == 0 => {}
            _ => self.add_node(self.nodes.len(), Node { chunk, items }),
        }
    }

    /// Adds an item at an end.
    pub fn push(&mut self, end: End, text: &[u8]) {
        self.push_item(end, Item::from(text));
    }

    /// Takes an item from an end.
    pub fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        let mut text = None;
        self.drain(end, 1, |item| text = Some(item.to_vec()));
        text
    }

    /// Takes up to `count` items from an end, hands over each, the outermost first, and says how many there were.
    pub fn drain(&mut self, end: End, count: usize, mut each: impl FnMut(Item<'_>)) -> usize {
        let count = count.min(self.items);
        match end {
            End::Front => self.range(0, count).for_each(&mut each),
            End::Back => self.range_back(0, count).for_each(&mut each),
        }
        let start = if end == End::Front { 0 } else { self.items - count };
        self.remove_range(start, count)
    }

    /// Puts `text` in the place of the item at `index`; false when there is none.
    pub fn set(&mut self, index: usize, text: &[u8]) -> bool {
        let Some((node, offset)) = self.locate(index) else {
            return false;
        };
        let (item, limit) = (Item::from(text), self.limit);
        let replaced = self.edit(node, |node| match &mut node.chunk {
            Chunk::Packed(listpack) => {
                let Some(at) = listpack.seek(offset) else { return false };
                let old_bytes = listpack.next(at).offset() - at.offset();
                let fits = listpack.bytes().len() - old_bytes + item.entry_bytes() <= limit.bytes;
                if fits {
                    listpack.replace(at, item);
                }
                fits
            }
            Chunk::Plain(_) => {
                *node = Node::of(item, &limit);
                true
            }
        });
        if !replaced {
            self.remove_range(index, 1);
            self.insert(index, text);
        }
        true
    }

    /// Adds `text` before the item at `index`, or at the back when `index` is the length; false beyond that.
    pub fn insert(&mut self, index: usize, text: &[u8]) -> bool {
        if index == self.items {
            self.push(End::Back, text);
            return true;
        }
        let Some((node, offset)) = self.locate(index) else {
            return false;
        };
        let item = Item::from(text);
        if self.insert_within(node, Some(offset), item)
            || (offset == 0 && node > 0 && self.insert_within(node - 1, None, item))
        {
            return true;
        }
        if offset > 0 {
            self.split(node, offset);
            if self.insert_within(node, None, item) || self.insert_within(node + 1, Some(0), item) {
                return true;
            }
        }
        let at = if offset > 0 { node + 1 } else { node };
        self.add_node(at, Node::of(item, &self.limit));
        true
    }

    /// Removes up to `count` items from `start` on and says how many there were.
    pub fn remove_range(&mut self, start: usize, count: usize) -> usize {
        let Some((first, mut offset)) = self.locate(start) else {
            return 0;
        };
        let count = count.min(self.items - start);
        let (mut left, mut node) = (count, first);
        // Emptied nodes stand together: only the first and the last touched can keep items.
        let mut emptied = first..first;
        while left > 0 {
            let items = self.nodes[node].items;
            let taken = left.min(items - offset);
            if taken == items {
                self.items -= items;
                self.chunk_bytes -= self.nodes[node].chunk.heap_bytes();
                emptied = if emptied.is_empty() { node..node + 1 } else { emptied.start..node + 1 };
            } else {
                self.remove_within(node, offset, taken);
            }
            left -= taken;
            offset = 0;
            node += 1;
        }
        self.drain_nodes(emptied);
        count
    }

    /// Removes up to `count` items with this text, walking from `end`, and says how many there were.
    pub fn remove_matching(&mut self, end: End, text: &[u8], count: usize) -> usize {
        let needle = Needle::new(text);
        let mut left = count;
        let nodes = self.nodes.len();
        for step in 0..nodes {
            if left == 0 {
                break;
            }
            let node = if end == End::Front { step } else { nodes - 1 - step };
            let removed = self.edit(node, |node| node.remove_matching(end, &needle, left));
            left -= removed;
        }
        if left < count {
            self.remove_emptied();
        }
        count - left
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.items
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// The heap memory held, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.chunk_bytes + self.nodes.capacity() * size_of::<Node>()
    }

    /// The item at `index`.
    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        self.range(index, 1).next()
    }

    /// The index of the first item with this text from `from` on, among at most `scan_limit` items.
    pub fn find(&self, text: &[u8], from: usize, scan_limit: usize) -> Option<usize> {
        let needle = Needle::new(text);
        self.range(from, scan_limit).position(|item| needle.matches(item)).map(|position| from + position)
    }

    /// The index of the last item with this text, passing over `skip` items at the back, among `scan_limit` items.
    pub fn find_back(&self, text: &[u8], skip: usize, scan_limit: usize) -> Option<usize> {
        let needle = Needle::new(text);
        let position = self.range_back(skip, scan_limit).position(|item| needle.matches(item))?;
        Some(self.items - 1 - skip - position)
    }

    /// Up to `count` items from `start` on.
    pub fn range(&self, start: usize, count: usize) -> Range<'_> {
        let count = count.min(self.items.saturating_sub(start));
        let (node, offset) = self.locate(start).unwrap_or((self.nodes.len(), 0));
        Range::new(&self.nodes, node, offset, count)
    }

    /// Up to `count` items towards the front, after passing over `skip` items at the back.
    pub fn range_back(&self, skip: usize, count: usize) -> RangeBack<'_> {
        let last = self.items.checked_sub(skip.saturating_add(1));
        let count = count.min(last.map_or(0, |last| last + 1));
        let (node, offset) = last.and_then(|last| self.locate(last)).unwrap_or((0, 0));
        RangeBack::new(&self.nodes, node, offset, count)
    }

    /// The chunks, front to back, as RDB's QUICKLIST_2 lists them.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = &Chunk> {
        self.nodes.iter().map(|node| &node.chunk)
    }

    /// All items in one listpack, when they are within `limit`.
    pub fn to_listpack(&self, limit: &ChunkLimit) -> Option<Listpack> {
        let mut whole = Listpack::new();
        for chunk in self.chunks() {
            let Chunk::Packed(listpack) = chunk else { return None };
            let bytes = whole.bytes().len() + listpack.bytes().len() - EMPTY_BYTES;
            if !limit.allows(bytes, self.items) {
                return None;
            }
            whole.append(listpack);
        }
        Some(whole)
    }

    /// Gives its only chunk away, when that is a listpack within half of `limit`. The list is empty then.
    #[inline]
    pub fn take_small(&mut self, limit: ChunkLimit) -> Option<Listpack> {
        if self.nodes.len() != 1 || self.walk.get().is_some() {
            return None;
        }
        match self.nodes.front_mut() {
            Some(Node { chunk: Chunk::Packed(listpack), items })
                if limit.allows_in_half(listpack.bytes().len(), *items) =>
            {
                let listpack = std::mem::take(listpack);
                *self = ChunkedList::new(limit);
                Some(listpack)
            }
            _ => None,
        }
    }

    fn push_item(&mut self, end: End, item: Item<'_>) {
        let at = if end == End::Front { 0 } else { self.nodes.len().saturating_sub(1) };
        let (encoded, limit) = (Encoded::new(item), self.limit);
        self.keep(at);
        if let Some(node) = self.nodes.get_mut(at) {
            if let Some(listpack) = node.with_room(encoded.size(), &limit) {
                let heap_before = listpack.heap_bytes();
                let at = if end == End::Front { listpack.first() } else { listpack.end() };
                listpack.insert_encoded(at, &encoded);
                self.chunk_bytes = self.chunk_bytes - heap_before + listpack.heap_bytes();
                node.items += 1;
                self.items += 1;
                return;
            }
            // A full chunk seldom grows again, so its spare room goes back.
            self.edit(at, |node| {
                if let Chunk::Packed(listpack) = &mut node.chunk {
                    listpack.shrink();
                }
            });
        }
        let mut node = Node::of(item, &limit);
        // The next chunk will be about as long as the one that is full: this spares all sizes in between.
        if let (Some(Chunk::Packed(full)), Chunk::Packed(fresh)) =
            (self.nodes.get(at).map(|node| &node.chunk), &mut node.chunk)
        {
            let rest = full.bytes().len().saturating_sub(fresh.bytes().len());
            fresh.reserve(end == End::Front, rest);
        }
        let at = if end == End::Front { 0 } else { self.nodes.len() };
        self.add_node(at, node);
    }

    /// Adds an item before `offset` in a node, or at its back; false when there is no room.
    fn insert_within(&mut self, node: usize, offset: Option<usize>, item: Item<'_>) -> bool {
        let limit = self.limit;
        self.edit(node, |node| {
            let Some(listpack) = node.with_room(item.entry_bytes(), &limit) else {
                return false;
            };
            let at = offset.and_then(|offset| listpack.seek(offset)).unwrap_or(listpack.end());
            listpack.insert(at, item);
            node.items += 1;
            true
        })
    }

    /// Removes some items of a node, but not all.
    fn remove_within(&mut self, node: usize, offset: usize, count: usize) {
        self.edit(node, |node| {
            if let Chunk::Packed(listpack) = &mut node.chunk {
                let at = listpack.seek(offset).expect("the node has more items than the offset");
                node.items -= listpack.remove_range(at, count);
            }
        });
    }

    /// Cuts a node in two before `offset`, which is inside it.
    fn split(&mut self, node: usize, offset: usize) {
        let tail = self.edit(node, |node| match &mut node.chunk {
            Chunk::Packed(listpack) => {
                let tail = Node { chunk: Chunk::Packed(listpack.split_off(offset)), items: node.items - offset };
                listpack.shrink();
                node.items = offset;
                Some(tail)
            }
            Chunk::Plain(_) => None,
        });
        if let Some(tail) = tail {
            self.add_node(node + 1, tail);
        }
    }

    fn add_node(&mut self, at: usize, node: Node) {
        self.items += node.items;
        self.chunk_bytes += node.chunk.heap_bytes();
        self.before_insert(at);
        self.nodes.insert(at, node);
    }

    /// Changes a node and keeps the sums.
    fn edit<R>(&mut self, node: usize, change: impl FnOnce(&mut Node) -> R) -> R {
        self.keep(node);
        let node = &mut self.nodes[node];
        let (items, bytes) = (node.items, node.chunk.heap_bytes());
        let result = change(node);
        self.items = self.items - items + node.items;
        self.chunk_bytes = self.chunk_bytes - bytes + node.chunk.heap_bytes();
        result
    }

    /// The node of the item at `index` and the item's offset in it, walked to from the nearer end.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.items {
            return None;
        }
        if index < self.items / 2 {
            let mut before = 0;
            return self.nodes.iter().enumerate().find_map(|(position, node)| {
                before += node.items;
                (index < before).then(|| (position, index + node.items - before))
            });
        }
        let mut start = self.items;
        self.nodes.iter().enumerate().rev().find_map(|(position, node)| {
            start -= node.items;
            (index >= start).then(|| (position, index - start))
        })
    }
}

impl Node {
    /// Removes up to `count` matches, walking from `end`.
    fn remove_matching(&mut self, end: End, needle: &Needle<'_>, count: usize) -> usize {
        let listpack = match &mut self.chunk {
            Chunk::Packed(listpack) => listpack,
            Chunk::Plain(text) => {
                let removed = usize::from(needle.matches(Item::Text(text)));
                self.items -= removed;
                return removed;
            }
        };
        let removed = remove_matching(listpack, end, needle, count);
        self.items -= removed;
        removed
    }
}

/// Removes up to `count` matches of a listpack, walking from `end`, and says how many there were.
pub(crate) fn remove_matching(listpack: &mut Listpack, end: End, needle: &Needle<'_>, count: usize) -> usize {
    let mut removed = 0;
    let mut cursor = if end == End::Front { Some(listpack.first()) } else { listpack.previous(listpack.end()) };
    while let Some(at) = cursor.filter(|_| removed < count) {
        let Some(item) = listpack.item(at) else { break };
        let matched = needle.matches(item);
        if matched {
            listpack.remove(at);
            removed += 1;
        }
        cursor = step(listpack, end, at, matched);
    }
    removed
}

/// Where the walk goes on: forwards, a removed entry has already made place for the next one.
fn step(listpack: &Listpack, end: End, at: Cursor, removed: bool) -> Option<Cursor> {
    match end {
        End::Front if removed => Some(at),
        End::Front => Some(listpack.next(at)),
        End::Back => listpack.previous(at),
    }
}
