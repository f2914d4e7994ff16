//! Walking a range of ranks from both ends.

use std::iter::FusedIterator;
use std::ops::Range;

use super::SortedSet;
use super::tree::Entry;

/// Members and scores of a range of ranks. It looks a leaf up by its rank when it comes to one.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    set: &'a SortedSet,
    /// Ranks not visited yet.
    ranks: Range<usize>,
    /// Entries from the first rank on, of one leaf; may reach past the last rank.
    ahead: &'a [Entry],
    /// Entries up to the last rank, of one leaf; may reach before the first rank.
    behind: &'a [Entry],
}

impl<'a> Iter<'a> {
    /// Walks ranks that exist.
    pub(super) const fn new(set: &'a SortedSet, ranks: Range<usize>) -> Self {
        Self { set, ranks, ahead: &[], behind: &[] }
    }

    fn item(&self, entry: Entry) -> (&'a [u8], f64) {
        (self.set.slab.member(entry.id), entry.score())
    }
}

impl Iter<'_> {
    /// The entry at the last rank.
    pub(super) fn entry_back(&mut self) -> Option<Entry> {
        if self.ranks.is_empty() {
            return None;
        }
        if self.behind.is_empty() {
            let (leaf, place) = self.set.tree.leaf_at(self.ranks.end - 1);
            self.behind = &leaf[..=place];
        }
        let (entry, behind) = self.behind.split_last()?;
        self.behind = behind;
        self.ranks.end -= 1;
        Some(*entry)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ranks.is_empty() {
            return None;
        }
        if self.ahead.is_empty() {
            let (leaf, place) = self.set.tree.leaf_at(self.ranks.start);
            self.ahead = &leaf[place..];
        }
        let (entry, ahead) = self.ahead.split_first()?;
        self.ahead = ahead;
        self.ranks.start += 1;
        Some(self.item(*entry))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entry_back().map(|entry| self.item(entry))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}
