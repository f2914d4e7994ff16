//! A sorted set: few short members as a listpack of members and scores in turn, ascending; else an ordered tree with
//! an index.

mod iter;
mod packed;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{PackLimits, with_text};
use crate::hash::KeyHasher;
use crate::structure::listpack::{Item, Listpack};
use crate::structure::sorted_set::{Insertion, LexBound, ScoreBound, SortedSet as Tree};

pub use iter::Iter;

/// Members with scores, ordered by score, then by bytes.
#[derive(Clone, Debug)]
pub enum SortedSet {
    /// `listpack`: member, score, member, score, ascending.
    Packed(Listpack),
    /// `skiplist`, as Redis calls its ordered form; here a tree.
    Tree(Box<Tree>),
}

impl Default for SortedSet {
    fn default() -> Self {
        Self::Packed(Listpack::new())
    }
}

impl SortedSet {
    /// An empty set in its large form, for results of unknown size: see [`SortedSet::settle`].
    pub fn large() -> Self {
        Self::Tree(Box::default())
    }

    /// A set of members that come in their order.
    pub fn from_ascending<'a>(
        members: impl Iterator<Item = (Item<'a>, f64)>,
        limits: PackLimits,
        hasher: KeyHasher,
    ) -> Self {
        let mut set = Self::default();
        for (member, score) in members {
            let has_room = match &mut set {
                Self::Packed(pack) => packed::push_back(pack, member, score, limits),
                Self::Tree(_) => false,
            };
            if !has_room {
                with_text(member, |member| set.insert(member, score, limits, hasher));
            }
        }
        set
    }

    /// Adds a member or changes its score, which must not be NaN.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: PackLimits, hasher: KeyHasher) -> Insertion {
        self.change(member, limits, hasher, |_| Some(score))
    }

    /// Looks a member up once and gives it the score that `decide` answers to its present one. `None` leaves all as
    /// it is.
    #[inline]
    pub fn change(
        &mut self,
        member: &[u8],
        limits: PackLimits,
        hasher: KeyHasher,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Insertion {
        match self {
            Self::Tree(tree) => tree.change(member, |member| hasher.hash(member), decide),
            Self::Packed(pack) => match packed::find(pack, member) {
                Some((place, old)) => match decide(Some(old)) {
                    Some(score) if score != old => {
                        packed::remove(pack, place);
                        packed::insert(pack, member, score);
                        Insertion::Updated { old }
                    }
                    _ => Insertion::Unchanged,
                },
                None => match decide(None) {
                    None => Insertion::Unchanged,
                    Some(score) => {
                        if packed::has_room(pack, member, limits) {
                            packed::insert(pack, member, score);
                            return Insertion::Inserted;
                        }
                        let mut tree = packed::to_tree(pack, hasher);
                        let insertion = tree.insert(member, score, |member| hasher.hash(member));
                        *self = Self::Tree(Box::new(tree));
                        insertion
                    }
                },
            },
        }
    }

    /// Removes a member and returns the score it had.
    pub fn remove(&mut self, member: &[u8], hasher: KeyHasher) -> Option<f64> {
        match self {
            Self::Tree(tree) => tree.remove(member, |member| hasher.hash(member)),
            Self::Packed(pack) => {
                let (place, score) = packed::find(pack, member)?;
                packed::remove(pack, place);
                Some(score)
            }
        }
    }

    /// Removes the members of a range of ranks and says how many there were. Ranks past the end are ignored.
    pub fn remove_range(&mut self, ranks: Range<usize>, hasher: KeyHasher) -> usize {
        match self {
            Self::Tree(tree) => tree.remove_range(ranks, |member| hasher.hash(member)),
            Self::Packed(pack) => packed::remove_range(pack, ranks),
        }
    }

    /// Takes the small form where the limits allow it. The result of a computation starts large, and is settled.
    pub fn settle(&mut self, limits: PackLimits) {
        if let Self::Tree(tree) = self
            && let Some(pack) = packed::from_tree(tree, limits)
        {
            *self = Self::Packed(pack);
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8], hasher: KeyHasher) -> Option<f64> {
        match self {
            Self::Tree(tree) => tree.score(member, |member| hasher.hash(member)),
            Self::Packed(pack) => packed::find(pack, member).map(|(_, score)| score),
        }
    }

    /// The rank of a member, and its score.
    pub fn rank(&self, member: &[u8], hasher: KeyHasher) -> Option<(usize, f64)> {
        match self {
            Self::Tree(tree) => {
                let score = tree.score(member, |member| hasher.hash(member))?;
                Some((tree.rank_of(score, member), score))
            }
            Self::Packed(pack) => packed::rank(pack, member),
        }
    }

    /// The ranks of the members with scores between two bounds; empty when they cross.
    pub fn score_ranks(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        match self {
            Self::Tree(tree) => tree.score_ranks(min, max),
            Self::Packed(pack) => packed::score_ranks(pack, min, max),
        }
    }

    /// The ranks of the members between two bounds in the order of their bytes; empty when they cross. When scores
    /// differ, the small form has what Redis finds in a walk from the front, and the large form some range.
    pub fn lex_ranks(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        match self {
            _ if !self.may_have_lex(min, max) => 0..0,
            Self::Tree(tree) => tree.lex_ranks(min, max),
            Self::Packed(pack) => packed::lex_ranks(pack, min, max),
        }
    }

    /// As [`SortedSet::lex_ranks`], with a walk from the back: the same if all scores are equal.
    pub fn lex_ranks_back(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        match self {
            Self::Packed(pack) if self.may_have_lex(min, max) => packed::lex_ranks_back(pack, min, max),
            _ => self.lex_ranks(min, max),
        }
    }

    /// What Redis asks of the bounds and of both ends before it looks further.
    fn may_have_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> bool {
        let mut members = self.iter();
        let (first, last) = (self.nth(0), members.next_back());
        !crosses(min, max)
            && first.is_some_and(|(first, _)| keeps_below(first, max))
            && last.is_some_and(|(last, _)| reaches(last, min))
    }

    /// The members and scores of a range of ranks, from either end. Ranks past the end are ignored.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        match self {
            Self::Tree(tree) => Iter::of_tree(tree.range(ranks)),
            Self::Packed(pack) => Iter::of_pack(pack, ranks),
        }
    }

    /// All members and scores, ascending.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// The member and the score at a rank.
    pub fn nth(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        self.range(rank..rank.saturating_add(1)).next()
    }

    /// Visits about `count` members from a cursor on, all in the small form, and answers the next cursor: 0 at the end.
    pub fn scan(&self, cursor: u64, count: u64, mut visit: impl FnMut(Item<'_>, f64)) -> u64 {
        match self {
            Self::Tree(tree) => tree.scan(cursor, count, |member, score| visit(Item::Text(member), score)),
            Self::Packed(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.len() / 2,
            Self::Tree(tree) => tree.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Packed(pack) => pack.is_empty(),
            Self::Tree(tree) => tree.is_empty(),
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Tree(_) => "skiplist",
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.heap_bytes(),
            Self::Tree(tree) => size_of::<Tree>() + tree.heap_bytes(),
        }
    }
}

/// Whether no member can lie between two bounds.
fn crosses(min: LexBound<'_>, max: LexBound<'_>) -> bool {
    match (min, max) {
        (LexBound::Max, _) | (_, LexBound::Min) => true,
        (LexBound::Min, _) | (_, LexBound::Max) => false,
        (LexBound::Inclusive(min), LexBound::Inclusive(max)) => min > max,
        (LexBound::Inclusive(min) | LexBound::Exclusive(min), LexBound::Inclusive(max) | LexBound::Exclusive(max)) => {
            min >= max
        }
    }
}

/// Whether a member is not before a range of byte order.
fn reaches(member: Item<'_>, min: LexBound<'_>) -> bool {
    match min {
        LexBound::Min => true,
        LexBound::Max => false,
        LexBound::Inclusive(bound) => packed::compare(member, bound).is_ge(),
        LexBound::Exclusive(bound) => packed::compare(member, bound).is_gt(),
    }
}

/// Whether a member is not behind a range of byte order.
fn keeps_below(member: Item<'_>, max: LexBound<'_>) -> bool {
    match max {
        LexBound::Min => false,
        LexBound::Max => true,
        LexBound::Inclusive(bound) => packed::compare(member, bound).is_le(),
        LexBound::Exclusive(bound) => packed::compare(member, bound).is_lt(),
    }
}
