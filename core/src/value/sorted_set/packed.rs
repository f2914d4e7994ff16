//! The small form: a listpack of members and scores in turn, ascending.

use std::cmp::Ordering;
use std::ops::Range;

use super::{PackLimits, keeps_below, reaches, with_text};
use crate::hash::KeyHasher;
use crate::number::{parse_score_bound, write_f64};
use crate::structure::listpack::{Cursor, Item, Listpack, Needle};
use crate::structure::sorted_set::{LexBound, ScoreBound, SortedSet as Tree};

/// Whole scores up to here are stored as integers, as Redis stores them.
const INTEGER_LIMIT: f64 = (1u64 << 62) as f64;

/// Most bytes of a score with what a listpack adds to it and to a member.
const PAIR_OVERHEAD_BYTES: usize = 64;

/// The place of a member, and its score.
#[inline]
pub(super) fn find(pack: &Listpack, member: &[u8]) -> Option<(Cursor, f64)> {
    let place = pack.find(pack.first(), member, 1)?;
    Some((place, score_at(pack, pack.next(place))))
}

/// Adds a member that is not there.
pub(super) fn insert(pack: &mut Listpack, member: &[u8], score: f64) {
    let place = place_of(pack, member, score);
    insert_at(pack, place, Item::from(member), score);
}

/// Adds a member greater than all, if the limits allow it.
pub(super) fn push_back(pack: &mut Listpack, member: Item<'_>, score: f64, limits: PackLimits) -> bool {
    let has_room = with_text(member, |text| has_room(pack, text, limits));
    if has_room {
        insert_at(pack, pack.end(), member, score);
    }
    has_room
}

pub(super) fn remove(pack: &mut Listpack, place: Cursor) {
    pack.remove_range(place, 2);
}

pub(super) fn remove_range(pack: &mut Listpack, ranks: Range<usize>) -> usize {
    match pack.seek(ranks.start.saturating_mul(2)) {
        Some(place) if ranks.end > ranks.start => pack.remove_range(place, (ranks.end - ranks.start) * 2) / 2,
        _ => 0,
    }
}

/// Whether the set may keep its form with this member added.
pub(super) fn has_room(pack: &Listpack, member: &[u8], limits: PackLimits) -> bool {
    pack.len() / 2 < limits.entries
        && member.len() <= limits.value_bytes
        && pack.fits(member.len().saturating_add(PAIR_OVERHEAD_BYTES))
}

pub(super) fn to_tree(pack: &Listpack, hasher: KeyHasher) -> Tree {
    let mut tree = Tree::new();
    for (member, score) in pairs(pack) {
        with_text(member, |member| tree.insert(member, score, |member| hasher.hash(member)));
    }
    tree
}

/// The small form of a tree, if the limits allow it.
pub(super) fn from_tree(tree: &Tree, limits: PackLimits) -> Option<Listpack> {
    if tree.len() > limits.entries {
        return None;
    }
    let mut pack = Listpack::new();
    for (member, score) in tree.iter() {
        if !push_back(&mut pack, Item::from(member), score, limits) {
            return None;
        }
    }
    Some(pack)
}

pub(super) fn rank(pack: &Listpack, member: &[u8]) -> Option<(usize, f64)> {
    let needle = Needle::new(member);
    let mut items = pack.iter();
    let mut rank = 0;
    while let (Some(found), Some(score)) = (items.next(), items.next()) {
        if needle.matches(found) {
            return Some((rank, score_of(score)));
        }
        rank += 1;
    }
    None
}

pub(super) fn score_ranks(pack: &Listpack, min: ScoreBound, max: ScoreBound) -> Range<usize> {
    ranks_where(
        pack,
        |_, score| match min {
            ScoreBound::Inclusive(bound) => score < bound,
            ScoreBound::Exclusive(bound) => score <= bound,
        },
        |_, score| match max {
            ScoreBound::Inclusive(bound) => score > bound,
            ScoreBound::Exclusive(bound) => score >= bound,
        },
    )
}

/// The first members that reach the lower bound, up to the first beyond the upper one: in a walk, since members of
/// different scores are in no order.
pub(super) fn lex_ranks(pack: &Listpack, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
    ranks_where(pack, |member, _| !reaches(member, min), |member, _| !keeps_below(member, max))
}

/// The same, walked from the back.
pub(super) fn lex_ranks_back(pack: &Listpack, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
    let mut back = pack.iter_back();
    // Scores come before their members.
    let mut members = std::iter::from_fn(|| back.nth(1));
    let (mut end, mut count) = (pack.len() / 2, 0);
    let mut next = members.next();
    while let Some(member) = next
        && !keeps_below(member, max)
    {
        end -= 1;
        next = members.next();
    }
    while let Some(member) = next
        && reaches(member, min)
    {
        count += 1;
        next = members.next();
    }
    end - count..end
}

/// A score as a listpack keeps it.
pub(super) fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Integer(score) => score as f64,
        Item::Text(text) => parse_score_bound(text).unwrap_or_default(),
    }
}

/// Ranks from the first member that is not before the range up to the first behind it.
fn ranks_where(
    pack: &Listpack,
    is_before: impl Fn(Item<'_>, f64) -> bool,
    is_behind: impl Fn(Item<'_>, f64) -> bool,
) -> Range<usize> {
    let mut pairs = pairs(pack);
    let (mut start, mut count) = (0, 0);
    let mut next = pairs.next();
    while let Some((member, score)) = next
        && is_before(member, score)
    {
        start += 1;
        next = pairs.next();
    }
    while let Some((member, score)) = next
        && !is_behind(member, score)
    {
        count += 1;
        next = pairs.next();
    }
    start..start + count
}

/// Where a new member belongs: before the first that is greater.
fn place_of(pack: &Listpack, member: &[u8], score: f64) -> Cursor {
    // Sets often grow at their end.
    let mut back = pack.iter_back();
    if let (Some(last_score), Some(last)) = (back.next(), back.next())
        && order(last, score_of(last_score), member, score).is_lt()
    {
        return pack.end();
    }
    let mut place = pack.first();
    while let Some(here) = pack.item(place) {
        let score_place = pack.next(place);
        if order(here, score_at(pack, score_place), member, score).is_gt() {
            break;
        }
        place = pack.next(score_place);
    }
    place
}

fn insert_at(pack: &mut Listpack, place: Cursor, member: Item<'_>, score: f64) {
    if score.abs() <= INTEGER_LIMIT && score.trunc() == score {
        pack.insert(place, score as i64);
    } else {
        let mut text = Vec::with_capacity(PAIR_OVERHEAD_BYTES);
        write_f64(&mut text, score);
        pack.insert(place, Item::Text(&text));
    }
    pack.insert(place, member);
}

fn score_at(pack: &Listpack, place: Cursor) -> f64 {
    pack.item(place).map_or(0.0, score_of)
}

fn pairs(pack: &Listpack) -> impl Iterator<Item = (Item<'_>, f64)> {
    let mut items = pack.iter();
    std::iter::from_fn(move || Some((items.next()?, score_of(items.next()?))))
}

fn order(member: Item<'_>, score: f64, other: &[u8], other_score: f64) -> Ordering {
    score.partial_cmp(&other_score).unwrap_or(Ordering::Equal).then_with(|| compare(member, other))
}

/// The order of two members' bytes.
pub(super) fn compare(member: Item<'_>, other: &[u8]) -> Ordering {
    with_text(member, |member| member.cmp(other))
}
