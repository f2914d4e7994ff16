//! The large sorted set: members in the order of their scores, then of their bytes, with a rank for everything.
//!
//! Three parts: a slab holds and numbers the members, a hash index leads from a member to its number, and a B+ tree
//! with counts holds scores and numbers in order. Ranges by score and by bytes become ranges of ranks, over which one
//! iterator walks both ways. No single call moves more than some hundred entries, however large the set is, except
//! those that remove or visit a range.
//!
//! The caller brings the keyed 64-bit hash of a member, the same one in every call.

mod index;
mod iter;
mod slab;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

use std::cmp::Ordering;
use std::ops::Range;

use crate::snapshots::DuringSnapshot;
use index::{Index, NUMBERS_MAX};
pub use iter::Iter;
use slab::Slab;
use tree::{Entry, Place, Tree};

/// Members that are read ahead of removals, as many as a core can wait for at once.
const MEMBERS_AHEAD: usize = 16;

/// What an insert did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Insertion {
    /// The member is new.
    Inserted,
    /// The member has a new score.
    Updated {
        /// The score before.
        old: f64,
    },
    /// The member had this score already. The sign of a zero stays what it was.
    Unchanged,
    /// The set has as many members as it can number, 2³² − 1; nothing was done.
    Full,
}

/// One end of a range of scores; infinities are ordinary scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreBound {
    /// This score belongs to the range.
    Inclusive(f64),
    /// This score is just outside the range.
    Exclusive(f64),
}

/// One end of a range of members in the order of their bytes, which means something when all scores are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before every member.
    Min,
    /// After every member.
    Max,
    /// This member belongs to the range.
    Inclusive(&'a [u8]),
    /// This member is just outside the range.
    Exclusive(&'a [u8]),
}

/// A sorted set.
#[derive(Clone, Debug, Default)]
pub struct SortedSet {
    slab: Slab,
    index: Index,
    tree: Tree,
    walk: DuringSnapshot<walk::Walk>,
}

impl SortedSet {
    /// An empty set, which holds no memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member or changes its score, which must not be NaN.
    pub fn insert(&mut self, member: &[u8], score: f64, hash: impl Fn(&[u8]) -> u64) -> Insertion {
        self.change(member, hash, |_| Some(score))
    }

    /// Looks a member up once and gives it the score that `decide` answers to its present one. `None` leaves all as
    /// it is.
    pub fn change(
        &mut self,
        member: &[u8],
        hash: impl Fn(&[u8]) -> u64,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Insertion {
        let hashed = hash(member);
        let found = self.find(hashed, member);
        let Some(score) = decide(found.map(|id| self.slab.score(id))) else { return Insertion::Unchanged };
        debug_assert!(!score.is_nan(), "the caller refuses NaN");
        if let Some(id) = found {
            return self.update(id, score);
        }
        if self.len() >= NUMBERS_MAX as usize {
            return Insertion::Full;
        }
        let id = self.slab.insert(member, score);
        self.pass_over(id);
        self.index.insert(hashed, id);
        self.tree.insert(Entry::new(score, id), &|other| self.slab.member(other) < member);
        Insertion::Inserted
    }

    /// Removes a member and returns the score it had.
    pub fn remove(&mut self, member: &[u8], hash: impl Fn(&[u8]) -> u64) -> Option<f64> {
        let hashed = hash(member);
        let id = self.find(hashed, member)?;
        let score = self.slab.score(id);
        self.keep(id);
        self.tree.remove(Place::Of(Entry::new(score, id), &|other| self.slab.member(other) < member), 1);
        self.slab.remove(id);
        self.index.remove(hashed, id);
        self.give_back(hash);
        Some(score)
    }

    /// Removes the members of a range of ranks and says how many there were. Ranks past the end are ignored.
    pub fn remove_range(&mut self, ranks: Range<usize>, hash: impl Fn(&[u8]) -> u64) -> usize {
        let count = ranks.end.min(self.len()).saturating_sub(ranks.start);
        let mut left = count;
        while left > 0 {
            let (leaf, place) = self.tree.leaf_at(ranks.start);
            let run = &leaf[place..leaf.len().min(place + left)];
            for entry in run {
                if let Some(walk) = self.walk.get_mut() {
                    walk.keep(entry.id, &self.slab);
                }
                self.index.remove(hash(self.slab.member(entry.id)), entry.id);
                self.slab.remove(entry.id);
            }
            let removed = run.len();
            self.tree.remove(Place::Rank(ranks.start), removed);
            self.give_back(&hash);
            left -= removed;
        }
        self.read_ahead(ranks.start, hash);
        count
    }

    /// Who takes members from one end again and again finds the next ones in near memory: once in as many calls as
    /// are read, all of them are, which takes little longer than reading one.
    fn read_ahead(&self, rank: usize, hash: impl Fn(&[u8]) -> u64) {
        let Some(last) = self.len().checked_sub(1) else { return };
        let (leaf, place) = self.tree.leaf_at(rank.min(last));
        let next = match leaf.len() - place {
            left if left % MEMBERS_AHEAD == 0 => &leaf[place..place + MEMBERS_AHEAD],
            _ if rank > last && leaf.len() % MEMBERS_AHEAD == 0 => &leaf[leaf.len() - MEMBERS_AHEAD..],
            _ => return,
        };
        let slots = next.iter().fold(0, |sum: u64, entry| sum ^ self.slab.read_slot(entry.id));
        let cells = next.iter().fold(slots, |sum, entry| sum ^ self.index.read_cell(hash(self.member(*entry))));
        std::hint::black_box(cells);
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8], hash: impl Fn(&[u8]) -> u64) -> Option<f64> {
        let id = self.find(hash(member), member)?;
        Some(self.slab.score(id))
    }

    /// The rank of a member.
    pub fn rank(&self, member: &[u8], hash: impl Fn(&[u8]) -> u64) -> Option<usize> {
        Some(self.rank_of(self.score(member, hash)?, member))
    }

    /// Number of members before this place in the order: the rank of a member that has this score, or would get.
    pub fn rank_of(&self, score: f64, member: &[u8]) -> usize {
        self.tree.rank_where(|entry| {
            let order = entry.score().partial_cmp(&score).unwrap_or(Ordering::Equal);
            order.then_with(|| self.member(entry).cmp(member)).is_lt()
        })
    }

    /// The member and the score at a rank.
    pub fn nth(&self, rank: usize) -> Option<(&[u8], f64)> {
        self.range(rank..rank.saturating_add(1)).next()
    }

    /// A member and its score, each equally likely when `random` is uniform. `None` when the set is empty.
    pub fn random(&self, random: u64) -> Option<(&[u8], f64)> {
        let rank = random.checked_rem(self.len() as u64)?;
        self.nth(rank as usize)
    }

    /// The ranks of the members with scores between two bounds; empty when they cross.
    pub fn score_ranks(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let start = match min {
            ScoreBound::Inclusive(score) => self.rank_of_score(score, false),
            ScoreBound::Exclusive(score) => self.rank_of_score(score, true),
        };
        let end = match max {
            ScoreBound::Inclusive(score) => self.rank_of_score(score, true),
            ScoreBound::Exclusive(score) => self.rank_of_score(score, false),
        };
        start..end.max(start)
    }

    /// The ranks of the members between two bounds in the order of their bytes; empty when they cross. Some range when
    /// the scores differ.
    pub fn lex_ranks(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        let start = self.rank_of_bytes(min, false);
        start..self.rank_of_bytes(max, true).max(start)
    }

    /// Number of members before a score, or up to the last that has it.
    fn rank_of_score(&self, bound: f64, with_equal: bool) -> usize {
        self.tree.rank_where(|entry| entry.score() < bound || with_equal && entry.score() == bound)
    }

    /// Number of members before a bound, which counts itself if it is inclusive and the end of a range.
    fn rank_of_bytes(&self, bound: LexBound<'_>, is_end: bool) -> usize {
        let (bound, with_equal) = match bound {
            LexBound::Min => return 0,
            LexBound::Max => return self.len(),
            LexBound::Inclusive(bound) => (bound, is_end),
            LexBound::Exclusive(bound) => (bound, !is_end),
        };
        self.tree.rank_where(|entry| {
            let order = self.member(entry).cmp(bound);
            order.is_lt() || with_equal && order.is_eq()
        })
    }

    /// The members and scores of a range of ranks, from either end. Ranks past the end are ignored.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        let end = ranks.end.min(self.len());
        Iter::new(self, ranks.start.min(end)..end)
    }

    /// All members and scores in order.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// Visits about `count` members in an order of their hashes, from a cursor on, and answers the next cursor: 0 at
    /// the end. Who is there from the first call to the last is visited, whatever changes in between.
    pub fn scan(&self, cursor: u64, count: u64, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        self.index.scan(cursor, count, |id| {
            visit(self.slab.member(id), self.slab.score(id));
        })
    }

    /// Number of members.
    pub const fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all memory held, without what the allocator adds.
    pub const fn heap_bytes(&self) -> usize {
        self.slab.heap_bytes() + self.index.heap_bytes() + self.tree.heap_bytes()
    }

    fn update(&mut self, id: u32, score: f64) -> Insertion {
        let old = self.slab.score(id);
        if old == score {
            return Insertion::Unchanged;
        }
        self.keep(id);
        let member = self.slab.member(id);
        let is_before = |other: u32| self.slab.member(other) < member;
        self.tree.remove(Place::Of(Entry::new(old, id), &is_before), 1);
        self.tree.insert(Entry::new(score, id), &is_before);
        self.slab.set_score(id, score);
        Insertion::Updated { old }
    }

    /// Gives memory back after removals. Members at the end of the slab move to lower numbers.
    fn give_back(&mut self, hash: impl Fn(&[u8]) -> u64) {
        if self.is_empty() {
            *self = Self { walk: self.walk.take(), ..Self::default() };
        }
        while self.slab.is_sparse() {
            if let Some((old, new)) = self.slab.next_move() {
                let member = self.slab.member(old);
                self.index.replace(hash(member), old, new);
                let entry = Entry::new(self.slab.score(old), old);
                if let Some(walk) = self.walk.get_mut() {
                    walk.renumber(old, new);
                }
                self.tree.renumber(Place::Of(entry, &|other| self.slab.member(other) < member), new);
            }
            self.slab.shrink();
        }
    }

    fn find(&self, hashed: u64, member: &[u8]) -> Option<u32> {
        self.index.find(hashed, |id| *self.slab.member(id) == *member)
    }

    fn member(&self, entry: Entry) -> &[u8] {
        self.slab.member(entry.id)
    }
}

impl<'a> IntoIterator for &'a SortedSet {
    type Item = (&'a [u8], f64);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
