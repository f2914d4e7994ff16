//! Walking a range of ranks of either form from both ends.

use std::iter::FusedIterator;
use std::ops::Range;

use super::packed::score_of;
use crate::structure::listpack::{Item, Items, ItemsBack, Listpack};
use crate::structure::sorted_set::Iter as TreeIter;

/// Members and scores of a range of ranks.
#[derive(Clone, Debug)]
pub struct Iter<'a>(Form<'a>);

#[derive(Clone, Debug)]
enum Form<'a> {
    Packed(Pairs<'a>),
    Tree(TreeIter<'a>),
}

/// Pairs of a listpack; each end is walked to when it is first asked for.
#[derive(Clone, Debug)]
struct Pairs<'a> {
    pack: &'a Listpack,
    /// Ranks not visited yet.
    ranks: Range<usize>,
    ahead: Option<Items<'a>>,
    behind: Option<ItemsBack<'a>>,
}

impl<'a> Iter<'a> {
    pub(super) fn of_tree(iter: TreeIter<'a>) -> Self {
        Self(Form::Tree(iter))
    }

    pub(super) fn of_pack(pack: &'a Listpack, ranks: Range<usize>) -> Self {
        let end = ranks.end.min(pack.len() / 2);
        Self(Form::Packed(Pairs { pack, ranks: ranks.start.min(end)..end, ahead: None, behind: None }))
    }
}

impl<'a> Pairs<'a> {
    fn next(&mut self) -> Option<(Item<'a>, f64)> {
        if self.ranks.is_empty() {
            return None;
        }
        let (pack, start) = (self.pack, self.ranks.start);
        let ahead = self.ahead.get_or_insert_with(|| match start {
            0 => pack.iter(),
            _ => pack.iter_from(pack.seek(start * 2).unwrap_or(pack.end())),
        });
        self.ranks.start += 1;
        Some((ahead.next()?, score_of(ahead.next()?)))
    }

    fn next_back(&mut self) -> Option<(Item<'a>, f64)> {
        if self.ranks.is_empty() {
            return None;
        }
        let (pack, end) = (self.pack, self.ranks.end);
        let behind = self.behind.get_or_insert_with(|| pack.iter_back_from(pack.seek(end * 2).unwrap_or(pack.end())));
        self.ranks.end -= 1;
        let score = behind.next()?;
        Some((behind.next()?, score_of(score)))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Form::Packed(pairs) => pairs.next(),
            Form::Tree(iter) => iter.next().map(|(member, score)| (Item::Text(member), score)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Form::Packed(pairs) => pairs.ranks.size_hint(),
            Form::Tree(iter) => iter.size_hint(),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Form::Packed(pairs) => pairs.next_back(),
            Form::Tree(iter) => iter.next_back().map(|(member, score)| (Item::Text(member), score)),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}
