//! Taking members from either end: ZPOPMIN, ZPOPMAX, ZMPOP, and the forms of them that wait.

use super::{Scores, write_members, write_pairs};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Slot;
use crate::keyspace::waiting::Wait;
use crate::number;
use crate::resp::Reply;
use crate::structure::listpack::Item;
use crate::value::SortedSet;

/// Which members are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Lowest,
    Highest,
}

/// How a reply shows what was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Members and scores in turn.
    Flat,
    /// Pairs in RESP3.
    Members,
    /// The key, and pairs.
    KeyedPairs,
    /// The key, a member, its score.
    KeyedMember,
}

pub(super) fn zpopmin(cx: &mut Context) -> Result<(), CommandError> {
    pop(cx, Side::Lowest)
}

pub(super) fn zpopmax(cx: &mut Context) -> Result<(), CommandError> {
    pop(cx, Side::Highest)
}

pub(super) fn bzpopmin(cx: &mut Context) -> Result<(), CommandError> {
    pop_or_wait(cx, Side::Lowest)
}

pub(super) fn bzpopmax(cx: &mut Context) -> Result<(), CommandError> {
    pop_or_wait(cx, Side::Highest)
}

pub(super) fn zmpop(cx: &mut Context) -> Result<(), CommandError> {
    let request = Many::parse(cx, 1)?;
    if !request.take(cx)? {
        cx.reply.null_array();
    }
    Ok(())
}

pub(super) fn bzmpop(cx: &mut Context) -> Result<(), CommandError> {
    let request = Many::parse(cx, 2)?;
    let deadline_ms = cx.timeout_seconds(1)?;
    if !request.take(cx)? {
        wait(cx, request.first..request.first + request.keys, deadline_ms);
    }
    Ok(())
}

fn pop(cx: &mut Context, side: Side) -> Result<(), CommandError> {
    let (count, form) = match cx.args.len() {
        2 => (1, Form::Flat),
        3 => {
            let count = number::parse_i64(cx.arg(2)).and_then(number::to_count);
            let text = "ERR value is out of range, must be positive";
            (count.ok_or(CommandError::fixed(text))?, Form::Members)
        }
        _ => return Err(CommandError::SYNTAX),
    };
    let slot = cx.keys.write(cx.arg(1));
    if !take(cx, slot, side, count, form)? {
        cx.reply.array(0);
    }
    Ok(())
}

fn pop_or_wait(cx: &mut Context, side: Side) -> Result<(), CommandError> {
    let last = cx.args.len() - 1;
    let deadline_ms = cx.timeout_seconds(last)?;
    for key in cx.args.iter().take(last).skip(1) {
        let slot = cx.keys.write(key);
        if take(cx, slot, side, 1, Form::KeyedMember)? {
            return Ok(());
        }
    }
    wait(cx, 1..last, deadline_ms);
    Ok(())
}

fn wait(cx: &mut Context, keys: std::ops::Range<usize>, deadline_ms: Option<u64>) {
    let keys = keys.map(|i| cx.arg(i).into()).collect();
    if !cx.wait_for(Wait { keys, deadline_ms, wants_missing: false, ..Wait::default() }) {
        cx.reply.null_array();
    }
}

/// Takes up to `count` members from one side of a set and writes them; false if there is no set.
fn take(cx: &mut Context, slot: Slot<'_>, side: Side, count: usize, form: Form) -> Result<bool, CommandError> {
    let Some(set) = cx.keys.get::<SortedSet>(slot)? else { return Ok(false) };
    let members = set.len();
    let count = count.min(members);
    let ranks = match side {
        Side::Lowest => 0..count,
        Side::Highest => members - count..members,
    };
    let taken = set.range(ranks.clone());
    match side {
        Side::Lowest => write(&mut cx.reply, slot.key(), taken, form),
        Side::Highest => write(&mut cx.reply, slot.key(), taken.rev(), form),
    }
    if count == members {
        cx.keys.discard(slot);
    } else if count > 0 {
        let hasher = cx.env.layout.hasher();
        cx.keys.edit(slot, |set: &mut SortedSet| (set.remove_range(ranks, hasher), true))?;
    }
    Ok(true)
}

fn write<'a>(reply: &mut Reply<'_>, key: &[u8], taken: impl ExactSizeIterator<Item = (Item<'a>, f64)>, form: Form) {
    match form {
        Form::Members => write_members(reply, taken, Scores::With),
        Form::KeyedPairs => {
            reply.array(2);
            reply.bulk(key);
            write_pairs(reply, taken);
        }
        Form::Flat | Form::KeyedMember => {
            let is_keyed = form == Form::KeyedMember;
            reply.array(2 + usize::from(is_keyed));
            if is_keyed {
                reply.bulk(key);
            }
            for (member, score) in taken {
                reply.element(member);
                reply.double(score);
            }
        }
    }
}

/// What ZMPOP and BZMPOP ask for.
struct Many {
    side: Side,
    count: usize,
    /// Where the first key stands.
    first: usize,
    keys: usize,
}

impl Many {
    /// Reads `numkeys key [key ...] <MIN|MAX> [COUNT count]` from a word on.
    fn parse(cx: &Context, numkeys: usize) -> Result<Self, CommandError> {
        let positive = |index: usize, text: &'static str| {
            let count = number::parse_i64(cx.arg(index)).and_then(number::to_count);
            count.filter(|count| *count > 0).ok_or(CommandError::fixed(text))
        };
        let keys = positive(numkeys, "ERR numkeys should be greater than 0")?;
        let first = numkeys + 1;
        let side = first.checked_add(keys).and_then(|place| cx.args.try_get(place)).ok_or(CommandError::SYNTAX)?;
        let side = if side.eq_ignore_ascii_case(b"MIN") {
            Side::Lowest
        } else if side.eq_ignore_ascii_case(b"MAX") {
            Side::Highest
        } else {
            return Err(CommandError::SYNTAX);
        };
        let mut count = None;
        let mut i = first + keys + 1;
        while let Some(word) = cx.args.try_get(i) {
            if count.is_some() || !word.eq_ignore_ascii_case(b"COUNT") || i + 1 == cx.args.len() {
                return Err(CommandError::SYNTAX);
            }
            count = Some(positive(i + 1, "ERR count should be greater than 0")?);
            i += 2;
        }
        Ok(Self { side, count: count.unwrap_or(1), first, keys })
    }

    /// Takes from the first set there is.
    fn take(&self, cx: &mut Context) -> Result<bool, CommandError> {
        for key in cx.args.iter().skip(self.first).take(self.keys) {
            let slot = cx.keys.write(key);
            if take(cx, slot, self.side, self.count, Form::KeyedPairs)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
