//! The elements being sorted: copies, because what they are compared by stands in the same keyspace.

use std::cmp::Ordering;
use std::ops::Range;

use crate::structure::listpack::Item;
use crate::value::{List, Set, SortedSet};

/// What is sorted.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Nothing,
    List(&'a List),
    Set(&'a Set),
    SortedSet(&'a SortedSet),
}

impl Source<'_> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::SortedSet(set) => set.len(),
        }
    }
}

/// Elements with what each is compared by.
#[derive(Default)]
pub(super) struct Elements {
    /// All texts behind each other.
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

/// One element.
pub(super) struct Row {
    text: Range<usize>,
    weight: Option<Range<usize>>,
    /// 0 where nothing gives another.
    pub(super) score: f64,
}

impl Elements {
    /// All elements.
    pub(super) fn all(source: Source<'_>) -> Self {
        Self::in_their_order(source, 0, source.len(), false)
    }

    /// A part of the elements in the order they stand in, or for lists and sorted sets in the opposite order.
    pub(super) fn in_their_order(source: Source<'_>, skip: usize, count: usize, descends: bool) -> Self {
        let mut elements = Self { bytes: Vec::new(), rows: Vec::with_capacity(count) };
        let push = |item: Item<'_>| elements.push(item);
        match source {
            Source::Nothing => {}
            Source::List(list) if descends => list.range_back(skip, count).for_each(push),
            Source::List(list) => list.range(skip, count).for_each(push),
            Source::Set(set) => set.iter().skip(skip).take(count).for_each(push),
            Source::SortedSet(set) if descends => {
                let end = set.len() - skip;
                set.range(end - count..end).rev().map(|(member, _)| member).for_each(push);
            }
            Source::SortedSet(set) => set.range(skip..skip + count).map(|(member, _)| member).for_each(push),
        }
        elements
    }

    fn push(&mut self, item: Item<'_>) {
        let text = self.append(|bytes| item.write(bytes));
        self.rows.push(Row { text, weight: None, score: 0.0 });
    }

    pub(super) fn set_score(&mut self, place: usize, score: f64) {
        self.rows[place].score = score;
    }

    pub(super) fn set_weight(&mut self, place: usize, weight: &[u8]) {
        let weight = self.append(|bytes| bytes.extend_from_slice(weight));
        self.rows[place].weight = Some(weight);
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.bytes.len();
        write(&mut self.bytes);
        start..self.bytes.len()
    }

    /// Sorts; elements that compare as equal stay in order.
    pub(super) fn sort(&mut self, compare: impl Fn(&Self, &Row, &Row) -> Ordering) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_by(|one, other| compare(self, one, other));
        self.rows = rows;
    }

    /// Drops all but `count` elements from `skip` on.
    pub(super) fn keep(&mut self, skip: usize, count: usize) {
        self.rows.truncate(skip + count);
        self.rows.drain(..skip);
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn text(&self, place: usize) -> &[u8] {
        self.text_of(&self.rows[place])
    }

    pub(super) fn text_of(&self, row: &Row) -> &[u8] {
        &self.bytes[row.text.clone()]
    }

    pub(super) fn weight_of(&self, row: &Row) -> Option<&[u8]> {
        Some(&self.bytes[row.weight.clone()?])
    }
}
