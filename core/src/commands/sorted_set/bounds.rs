//! Ranges as requests write them: of ranks, of scores, of members in byte order.

use std::ops::Range;

use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::structure::sorted_set::{LexBound, ScoreBound};
use crate::value::SortedSet;

/// What the ends of a range mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

/// From which end the members are counted and listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

/// The two ends of a range.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds<'a> {
    /// Both included; negative ones count from the other end.
    Ranks(i64, i64),
    Scores(ScoreBound, ScoreBound),
    Lex(LexBound<'a>, LexBound<'a>),
}

/// The part of a range that LIMIT asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) offset: i64,
    /// Negative: all.
    pub(super) count: i64,
}

impl<'a> Bounds<'a> {
    /// Reads the lower end at one word, the upper one at another.
    pub(super) fn parse(cx: &Context<'a, '_>, by: By, min: usize, max: usize) -> Result<Self, CommandError> {
        Ok(match by {
            By::Rank => Self::Ranks(cx.integer(min)?, cx.integer(max)?),
            By::Score => match (score_bound(cx.arg(min)), score_bound(cx.arg(max))) {
                (Some(min), Some(max)) => Self::Scores(min, max),
                _ => return Err(CommandError::fixed("ERR min or max is not a float")),
            },
            By::Lex => match (lex_bound(cx.arg(min)), lex_bound(cx.arg(max))) {
                (Some(min), Some(max)) => Self::Lex(min, max),
                _ => return Err(CommandError::fixed("ERR min or max not valid string range item")),
            },
        })
    }

    /// The ranks, ascending, of the members in this range.
    pub(super) fn ranks(self, set: &SortedSet, direction: Direction) -> Range<usize> {
        match self {
            Self::Scores(min, max) => set.score_ranks(min, max),
            Self::Lex(min, max) => match direction {
                Direction::Ascending => set.lex_ranks(min, max),
                Direction::Descending => set.lex_ranks_back(min, max),
            },
            Self::Ranks(start, stop) => {
                let members = set.len();
                let ranks = included(start, stop, members);
                match direction {
                    Direction::Ascending => ranks,
                    Direction::Descending => members - ranks.end..members - ranks.start,
                }
            }
        }
    }
}

impl Limit {
    pub(super) const ALL: Self = Self { offset: 0, count: -1 };

    /// The part of a range of ranks that begins `offset` members from the end where the listing starts.
    pub(super) fn of(self, ranks: Range<usize>, direction: Direction) -> Range<usize> {
        let Some(offset) = number::to_count(self.offset) else { return 0..0 };
        let members = ranks.len();
        let skipped = offset.min(members);
        let count = usize::try_from(self.count).unwrap_or(usize::MAX).min(members - skipped);
        match direction {
            Direction::Ascending => ranks.start + skipped..ranks.start + skipped + count,
            Direction::Descending => ranks.end - skipped - count..ranks.end - skipped,
        }
    }
}

/// Ranks from `start` up to and with `stop`, negative ones counted from the end.
fn included(start: i64, stop: i64, members: usize) -> Range<usize> {
    let members = members as i64;
    let place = |rank: i64| if rank < 0 { rank.saturating_add(members) } else { rank };
    let (start, stop) = (place(start).max(0), place(stop).min(members - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

fn score_bound(word: &[u8]) -> Option<ScoreBound> {
    match word.strip_prefix(b"(") {
        Some(score) => number::parse_score_bound(score).map(ScoreBound::Exclusive),
        None => number::parse_score_bound(word).map(ScoreBound::Inclusive),
    }
}

fn lex_bound(word: &[u8]) -> Option<LexBound<'_>> {
    match word {
        b"-" => Some(LexBound::Min),
        b"+" => Some(LexBound::Max),
        [b'[', member @ ..] => Some(LexBound::Inclusive(member)),
        [b'(', member @ ..] => Some(LexBound::Exclusive(member)),
        _ => None,
    }
}
