//! Unions, intersections and differences.

use crate::context::Context;
use crate::error::CommandError;
use crate::hash::KeyHasher;
use crate::keyspace::{Keyspace, Slot};
use crate::number;
use crate::number::parse_i64;
use crate::resp::{Aggregate, Arguments};
use crate::structure::listpack::Item;
use crate::value::{Set, SetLimits};

/// What is made of several sets.
#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

pub(super) fn sunion(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, Operation::Union)
}

pub(super) fn sinter(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, Operation::Intersection)
}

pub(super) fn sdiff(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, Operation::Difference)
}

pub(super) fn sunionstore(cx: &mut Context) -> Result<(), CommandError> {
    store(cx, Operation::Union)
}

pub(super) fn sinterstore(cx: &mut Context) -> Result<(), CommandError> {
    store(cx, Operation::Intersection)
}

pub(super) fn sdiffstore(cx: &mut Context) -> Result<(), CommandError> {
    store(cx, Operation::Difference)
}

pub(super) fn sintercard(cx: &mut Context) -> Result<(), CommandError> {
    count(cx, Operation::Intersection)
}

pub(super) fn sunioncard(cx: &mut Context) -> Result<(), CommandError> {
    count(cx, Operation::Union)
}

pub(super) fn sdiffcard(cx: &mut Context) -> Result<(), CommandError> {
    count(cx, Operation::Difference)
}

fn count(cx: &mut Context, operation: Operation) -> Result<(), CommandError> {
    let keys = parse_i64(cx.arg(1))
        .and_then(number::to_count)
        .filter(|keys| *keys > 0)
        .ok_or(CommandError::fixed("ERR numkeys should be greater than 0"))?;
    if keys > cx.args.len() - 2 {
        return Err(CommandError::fixed("ERR Number of keys can't be greater than number of args"));
    }
    let limit = limit_of(cx.args.tail(2 + keys), operation)?;
    let hasher = cx.env.layout.hasher();
    let sets = sets_of(cx.keys, cx.args.tail(2), keys)?;
    let mut counted = 0;
    operation.visit(&sets, hasher, |_| {
        counted += 1;
        counted < limit
    });
    cx.reply.integer(counted as i64);
    Ok(())
}

/// How far to count.
fn limit_of(options: Arguments<'_>, operation: Operation) -> Result<usize, CommandError> {
    let mut limit = 0;
    let mut i = 0;
    while let Some(option) = options.try_get(i) {
        // An exact count is a good approximation.
        if operation == Operation::Union && option.eq_ignore_ascii_case(b"APPROX") {
            i += 1;
            continue;
        }
        let value = options.try_get(i + 1).filter(|_| option.eq_ignore_ascii_case(b"LIMIT"));
        limit = parse_i64(value.ok_or(CommandError::SYNTAX)?)
            .and_then(number::to_count)
            .ok_or(CommandError::fixed("ERR LIMIT can't be negative"))?;
        i += 2;
    }
    Ok(if limit == 0 { usize::MAX } else { limit })
}

fn list(cx: &mut Context, operation: Operation) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let keys = cx.args.tail(1);
    let sets = sets_of(cx.keys, keys, keys.len())?;
    let reply = &mut cx.reply;
    let answer = reply.deferred(Aggregate::Set);
    let mut members = 0;
    operation.visit(&sets, hasher, |item| {
        reply.element(item);
        members += 1;
        true
    });
    cx.reply.close(answer, members);
    Ok(())
}

fn store(cx: &mut Context, operation: Operation) -> Result<(), CommandError> {
    let (limits, hasher) = (cx.env.settings.set_limits(), cx.env.layout.hasher());
    let keys = cx.args.tail(2);
    let sets = sets_of(cx.keys, keys, keys.len())?;
    let mut result = match (operation, smallest(&sets)) {
        (Operation::Intersection, Some(set)) => Set::for_part_of(set),
        _ => Set::default(),
    };
    let mut add = |item: Item<'_>| {
        result.add_item(item, limits, hasher);
    };
    if operation == Operation::Union {
        sets.iter().flatten().flat_map(|set| set.iter()).for_each(add);
    } else {
        operation.visit(&sets, hasher, |item| {
            add(item);
            true
        });
    }
    if operation == Operation::Intersection {
        result.prefer_integers(limits);
    }
    let slot = cx.keys.locate(cx.arg(1));
    cx.reply.integer(result.len() as i64);
    cx.keys.put_value(slot, result);
    Ok(())
}

impl Operation {
    /// Shows the members of the result, each once, while `show` wants more.
    fn visit(self, sets: &[Option<&Set>], hasher: KeyHasher, show: impl FnMut(Item<'_>) -> bool) {
        match self {
            Self::Union => unite(sets, hasher, show),
            Self::Intersection => intersect(sets, hasher, show),
            Self::Difference => subtract(sets, hasher, show),
        }
    }
}

/// The sets under the first `count` words, `None` where there is no key.
fn sets_of<'k>(
    keys: &'k mut Keyspace<'_>,
    words: Arguments<'_>,
    count: usize,
) -> Result<Vec<Option<&'k Set>>, CommandError> {
    // Looking for an expired key removes it, after which others may stand elsewhere: so all are looked for twice.
    words.iter().take(count).for_each(|key| {
        keys.read(key);
    });
    let slots: Vec<Slot<'_>> = words.iter().take(count).map(|key| keys.locate(key)).collect();
    slots.into_iter().map(|slot| keys.get::<Set>(slot)).collect()
}

/// The smallest set; nothing if one is missing.
fn smallest<'a>(sets: &[Option<&'a Set>]) -> Option<&'a Set> {
    let sets: Option<Vec<&Set>> = sets.iter().copied().collect();
    sets?.into_iter().min_by_key(|set| set.len())
}

/// Members that all sets have.
fn intersect(sets: &[Option<&Set>], hasher: KeyHasher, show: impl FnMut(Item<'_>) -> bool) {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<&Set>>>() else { return };
    // Small sets first: most candidates fail early.
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    let is_common = |item: &Item<'_>| {
        let has = |other: &&Set| std::ptr::eq(*other, *smallest) || other.contains_item(*item, hasher);
        others.iter().all(has)
    };
    show_while(smallest.iter().filter(is_common), show);
}

/// Members that any set has.
fn unite(sets: &[Option<&Set>], hasher: KeyHasher, show: impl FnMut(Item<'_>) -> bool) {
    let sets: Vec<&Set> = sets.iter().flatten().copied().collect();
    if let [set] = sets[..] {
        return show_while(set.iter(), show);
    }
    let mut seen = Set::table();
    let is_new = |item: &Item<'_>| seen.add_item(*item, SetLimits::NONE, hasher);
    show_while(sets.iter().flat_map(|set| set.iter()).filter(is_new), show);
}

/// Members of the first set that none of the others has.
fn subtract(sets: &[Option<&Set>], hasher: KeyHasher, show: impl FnMut(Item<'_>) -> bool) {
    let Some((Some(first), others)) = sets.split_first() else { return };
    let mut others: Vec<&Set> = others.iter().flatten().copied().collect();
    if others.iter().any(|other| std::ptr::eq(*other, *first)) {
        return;
    }
    // Where looking each member up in every set is more work than going through all sets, they become one.
    let lookups = first.len().saturating_mul(others.len());
    let members: usize = others.iter().map(|other| other.len()).sum();
    let mut all = Set::table();
    if lookups / 2 > first.len() + members {
        others.iter().flat_map(|other| other.iter()).for_each(|item| {
            all.add_item(item, SetLimits::NONE, hasher);
        });
        others = vec![&all];
    }
    // Large sets first: most members that have to go are found early.
    others.sort_by_key(|other| std::cmp::Reverse(other.len()));
    let stays = |item: &Item<'_>| !others.iter().any(|other| other.contains_item(*item, hasher));
    show_while(first.iter().filter(stays), show);
}

fn show_while<'a>(mut members: impl Iterator<Item = Item<'a>>, mut show: impl FnMut(Item<'a>) -> bool) {
    members.try_for_each(|item| show(item).then_some(()));
}
