//! Walks over part of a list, forwards and backwards.

use super::{Chunk, Node};
use crate::structure::listpack::{Item, Items, ItemsBack};
use std::collections::VecDeque;

/// Items towards the back.
#[derive(Clone, Debug)]
pub struct Range<'a> {
    nodes: &'a VecDeque<Node>,
    next_node: usize,
    packed: Option<Items<'a>>,
    left: usize,
    offset: usize,
}

impl<'a> Range<'a> {
    pub(super) fn new(nodes: &'a VecDeque<Node>, node: usize, offset: usize, count: usize) -> Self {
        Range { nodes, next_node: node, packed: None, left: count, offset }
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(item) = self.packed.as_mut().and_then(Iterator::next) {
                return Some(item);
            }
            let node = self.nodes.get(self.next_node)?;
            self.next_node += 1;
            let offset = std::mem::take(&mut self.offset);
            match &node.chunk {
                Chunk::Plain(text) => {
                    self.packed = None;
                    return Some(Item::Text(text));
                }
                Chunk::Packed(listpack) => self.packed = Some(listpack.iter_from(listpack.seek(offset)?)),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Range<'_> {}

/// Items towards the front.
#[derive(Clone, Debug)]
pub struct RangeBack<'a> {
    nodes: &'a VecDeque<Node>,
    /// One more than the position of the node to come, so that zero is the end.
    nodes_left: usize,
    packed: Option<ItemsBack<'a>>,
    left: usize,
    offset: Option<usize>,
}

impl<'a> RangeBack<'a> {
    pub(super) fn new(nodes: &'a VecDeque<Node>, node: usize, offset: usize, count: usize) -> Self {
        RangeBack { nodes, nodes_left: node + 1, packed: None, left: count, offset: Some(offset) }
    }
}

impl<'a> Iterator for RangeBack<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(item) = self.packed.as_mut().and_then(Iterator::next) {
                return Some(item);
            }
            self.nodes_left = self.nodes_left.checked_sub(1)?;
            let offset = self.offset.take();
            match &self.nodes.get(self.nodes_left)?.chunk {
                Chunk::Plain(text) => {
                    self.packed = None;
                    return Some(Item::Text(text));
                }
                Chunk::Packed(listpack) => {
                    let last = offset.and_then(|offset| listpack.seek(offset));
                    let end = last.map_or(listpack.end(), |last| listpack.next(last));
                    self.packed = Some(listpack.iter_back_from(end));
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RangeBack<'_> {}
