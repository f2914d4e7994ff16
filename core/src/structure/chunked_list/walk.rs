//! A walk over all chunks as they were at one instant, in slices between which the list changes.
//!
//! Chunks that have not changed since stand in one run of nodes, mostly all of them. A change at an end of it makes it
//! shorter, after the chunks there were copied; one in its middle copies the shorter side.

use std::collections::VecDeque;
use std::ops::Range;

use super::{Chunk, ChunkedList, Node};
use crate::snapshots::DuringSnapshot;

/// A walk that has not come to its end.
#[derive(Debug)]
pub(super) struct Walk {
    number: u32,
    /// Copies of the chunks before the run.
    before: VecDeque<Node>,
    /// The nodes that are as they were.
    run: Range<usize>,
    /// Copies of the chunks behind the run.
    behind: VecDeque<Node>,
}

impl Walk {
    /// Copies the nodes of a range before they change, and those between them and an end of the run.
    fn keep(&mut self, nodes: &VecDeque<Node>, range: Range<usize>) {
        let (start, end) = (range.start.max(self.run.start), range.end.min(self.run.end));
        if start >= end {
            return;
        }
        if start - self.run.start <= self.run.end - end {
            self.before.extend(nodes.range(self.run.start..end).cloned());
            self.run.start = end;
        } else {
            nodes.range(start..self.run.end).rev().for_each(|node| self.behind.push_front(node.clone()));
            self.run.end = start;
        }
    }

    /// A node will be put before the one at `at`.
    fn before_insert(&mut self, nodes: &VecDeque<Node>, at: usize) {
        if self.run.start < at && at < self.run.end {
            // The run must not have a gap: this takes the shorter side from it.
            let is_near_start = at - self.run.start <= self.run.end - at;
            self.keep(nodes, if is_near_start { self.run.start..at } else { at..self.run.end });
        }
        if at <= self.run.start {
            self.run = self.run.start + 1..self.run.end + 1;
        }
    }

    /// So many nodes below the run will be removed.
    fn removed_before(&mut self, count: usize) {
        // Where an empty run is does not matter.
        if !self.run.is_empty() {
            self.run = self.run.start - count..self.run.end - count;
        }
    }
}

impl ChunkedList {
    /// The number of the walk over these chunks, if there is one.
    pub fn walk_number(&self) -> Option<u32> {
        self.walk.get().map(|walk| walk.number)
    }

    /// Begins a walk over the chunks as they are now. There is none.
    pub fn begin_walk(&mut self, number: u32) {
        debug_assert!(self.walk.get().is_none(), "one at a time");
        let run = 0..self.nodes.len();
        let walk = Walk { number, before: VecDeque::new(), run, behind: VecDeque::new() };
        self.walk = DuringSnapshot::begin(walk);
    }

    /// Goes on with the walk, front to back, until `each` says that it has had enough. Answers whether there is more
    /// to come.
    pub fn walk(&mut self, each: &mut dyn FnMut(&Chunk) -> bool) -> bool {
        let Some(walk) = self.walk.get_mut() else { return false };
        let mut goes_on = true;
        while goes_on && let Some(node) = walk.before.pop_front() {
            goes_on = each(&node.chunk);
        }
        while goes_on && let Some(node) = walk.run.next() {
            goes_on = each(&self.nodes[node].chunk);
        }
        while goes_on && let Some(node) = walk.behind.pop_front() {
            goes_on = each(&node.chunk);
        }
        let has_more = !walk.before.is_empty() || !walk.run.is_empty() || !walk.behind.is_empty();
        if !has_more {
            self.walk = DuringSnapshot::NOTHING;
        }
        has_more
    }

    /// Keeps a chunk for the walk, before it is changed.
    #[inline]
    pub(super) fn keep(&mut self, node: usize) {
        if let Some(walk) = self.walk.get_mut() {
            walk.keep(&self.nodes, node..node + 1);
        }
    }

    /// Lets the walk know of a node that will be put before the one at `at`.
    #[inline]
    pub(super) fn before_insert(&mut self, at: usize) {
        if let Some(walk) = self.walk.get_mut() {
            walk.before_insert(&self.nodes, at);
        }
    }

    /// Removes nodes whose items are out of the sums already.
    pub(super) fn drain_nodes(&mut self, range: Range<usize>) {
        if let Some(walk) = self.walk.get_mut() {
            walk.keep(&self.nodes, range.clone());
            walk.removed_before(range.end.min(walk.run.start).saturating_sub(range.start));
        }
        self.nodes.drain(range);
    }

    /// Removes nodes without items, which are in the sums with their bytes.
    pub(super) fn remove_emptied(&mut self) {
        if let Some(walk) = self.walk.get_mut().filter(|walk| !walk.run.is_empty()) {
            // Nodes in the run have not changed, so none of them is empty.
            let emptied = self.nodes.range(..walk.run.start).filter(|node| node.items == 0).count();
            walk.removed_before(emptied);
        }
        let mut emptied_bytes = 0;
        self.nodes.retain(|node| {
            emptied_bytes += if node.items == 0 { node.chunk.heap_bytes() } else { 0 };
            node.items > 0
        });
        self.chunk_bytes -= emptied_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ChunkLimit, End};
    use super::*;
    use crate::hash::Random;

    /// The items of chunks.
    fn items<'c>(chunks: impl Iterator<Item = &'c Chunk>) -> Vec<Vec<u8>> {
        let texts = |chunk: &Chunk| match chunk {
            Chunk::Packed(listpack) => listpack.iter().map(|item| item.to_vec()).collect(),
            Chunk::Plain(text) => vec![text.to_vec()],
        };
        chunks.flat_map(texts).collect()
    }

    #[test]
    fn a_walk_meets_what_was_there_at_its_beginning() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let mut draw = |below: u64| (random.next_u64() % below) as usize;
            let mut list = ChunkedList::new(ChunkLimit::from_setting(1 + draw(5) as i64));
            (0..draw(150)).for_each(|i| list.push(End::Back, format!("{}", i % 40).as_bytes()));
            for _ in 0..2 {
                let (expected, chunks) = (items(list.chunks()), list.chunks().len());
                let mut found = Vec::new();
                list.begin_walk(7);
                assert_eq!(list.clone().walk_number(), None);
                loop {
                    let mut enough = draw(8);
                    let has_more = list.walk(&mut |chunk| {
                        found.push(chunk.clone());
                        enough = enough.saturating_sub(1);
                        enough > 0
                    });
                    if !has_more {
                        break;
                    }
                    for _ in 0..draw(6) {
                        let (index, text) = (draw(150), format!("{}", draw(40)));
                        let end = if draw(2) == 0 { End::Front } else { End::Back };
                        match draw(9) {
                            0 => drop(list.drain(end, draw(9), |_| {})),
                            1 => drop(list.set(index, text.as_bytes())),
                            2 | 3 => drop(list.insert(index, text.as_bytes())),
                            4 => drop(list.remove_range(index, draw(30))),
                            5 => drop(list.remove_matching(end, text.as_bytes(), draw(4))),
                            _ => (0..draw(9)).for_each(|_| list.push(end, text.as_bytes())),
                        }
                    }
                }
                assert_eq!(list.walk_number(), None);
                assert_eq!((items(found.iter()), found.len()), (expected, chunks), "seed {seed}");
            }
        }
    }
}
