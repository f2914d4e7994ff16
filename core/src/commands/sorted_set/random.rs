//! Members chosen at random: ZRANDMEMBER.

use std::collections::BTreeSet;

use super::{Scores, nests_pairs};
use crate::context::Context;
use crate::error::CommandError;
use crate::hash::Random;
use crate::number;
use crate::resp::Reply;
use crate::structure::listpack::Item;
use crate::value::{Choice, SortedSet, scale};

/// Most members drawn with repetition by one command: with the shortest members, about a gigabyte of reply.
const MAX_DRAWS: u64 = 1 << 27;

pub(super) fn zrandmember(cx: &mut Context) -> Result<(), CommandError> {
    if cx.args.len() > 2 {
        return several(cx);
    }
    let slot = cx.keys.read(cx.arg(1));
    let set = cx.keys.get::<SortedSet>(slot)?;
    match set.and_then(|set| set.nth(scale(cx.random.next_u64(), set.len()))) {
        Some((member, _)) => cx.reply.element(member),
        None => cx.reply.null(),
    }
    Ok(())
}

fn several(cx: &mut Context) -> Result<(), CommandError> {
    let count = number::parse_i64(cx.arg(2)).ok_or(CommandError::NOT_AN_INTEGER)?;
    if count == i64::MIN {
        let text = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
        return Err(CommandError::fixed(text));
    }
    let scores = match cx.args.try_get(3) {
        None => Scores::Without,
        Some(word) if cx.args.len() == 4 && word.eq_ignore_ascii_case(b"WITHSCORES") => Scores::With,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    let out_of_range = CommandError::fixed("ERR value is out of range");
    if scores == Scores::With && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(out_of_range);
    }
    let slot = cx.keys.read(cx.arg(1));
    let Some(set) = cx.keys.get::<SortedSet>(slot)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let draws = count.unsigned_abs();
    if count < 0 {
        if draws > MAX_DRAWS {
            return Err(out_of_range);
        }
        begin(&mut cx.reply, draws as usize, scores);
        for _ in 0..draws {
            let rank = scale(cx.random.next_u64(), set.len());
            let member = set.nth(rank).expect("the rank is below the number of members");
            write(&mut cx.reply, member, scores);
        }
        return Ok(());
    }
    let draws = usize::try_from(draws).unwrap_or(usize::MAX).min(set.len());
    begin(&mut cx.reply, draws, scores);
    // Few members of many are looked up one by one, else one walk is cheaper.
    if draws < set.len() / 8 {
        for rank in distinct_ranks(&mut cx.random, draws, set.len()) {
            let member = set.nth(rank).expect("the rank is below the number of members");
            write(&mut cx.reply, member, scores);
        }
    } else {
        let mut choice = Choice::new(draws, set.len());
        for member in set.iter() {
            if choice.takes(&mut cx.random) {
                write(&mut cx.reply, member, scores);
            }
        }
    }
    Ok(())
}

/// Some ranks without repetition, every choice equally likely: Floyd's algorithm.
fn distinct_ranks(random: &mut Random, count: usize, members: usize) -> BTreeSet<usize> {
    let mut ranks = BTreeSet::new();
    for last in members - count..members {
        let rank = scale(random.next_u64(), last + 1);
        if !ranks.insert(rank) {
            ranks.insert(last);
        }
    }
    ranks
}

fn begin(reply: &mut Reply<'_>, members: usize, scores: Scores) {
    let is_flat = scores == Scores::With && !nests_pairs(reply);
    reply.array(if is_flat { members * 2 } else { members });
}

fn write(reply: &mut Reply<'_>, (member, score): (Item<'_>, f64), scores: Scores) {
    if scores == Scores::With && nests_pairs(reply) {
        reply.array(2);
    }
    reply.element(member);
    if scores == Scores::With {
        reply.double(score);
    }
}
