//! Single members: ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZREM.

use crate::context::Context;
use crate::error::CommandError;
use crate::value::SortedSet;

pub(super) fn zcard(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let members = cx.keys.get::<SortedSet>(slot)?.map_or(0, SortedSet::len);
    cx.reply.integer(members as i64);
    Ok(())
}

pub(super) fn zscore(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let hasher = cx.env.layout.hasher();
    match cx.keys.get::<SortedSet>(slot)?.and_then(|set| set.score(cx.arg(2), hasher)) {
        Some(score) => cx.reply.double(score),
        None => cx.reply.null(),
    }
    Ok(())
}

pub(super) fn zmscore(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let hasher = cx.env.layout.hasher();
    let set = cx.keys.get::<SortedSet>(slot)?;
    cx.reply.array(cx.args.len() - 2);
    for member in cx.args.iter().skip(2) {
        match set.and_then(|set| set.score(member, hasher)) {
            Some(score) => cx.reply.double(score),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn zrank(cx: &mut Context) -> Result<(), CommandError> {
    rank(cx, |rank, _| rank)
}

pub(super) fn zrevrank(cx: &mut Context) -> Result<(), CommandError> {
    rank(cx, |rank, members| members - 1 - rank)
}

fn rank(cx: &mut Context, rank_of: impl FnOnce(usize, usize) -> usize) -> Result<(), CommandError> {
    let has_score = match cx.args.try_get(3) {
        None => false,
        Some(_) if cx.args.len() > 4 => return Err(CommandError::arity(cx.command.name)),
        Some(word) if word.eq_ignore_ascii_case(b"WITHSCORE") => true,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    let slot = cx.keys.read(cx.arg(1));
    let hasher = cx.env.layout.hasher();
    let set = cx.keys.get::<SortedSet>(slot)?;
    match set.and_then(|set| Some((set.rank(cx.arg(2), hasher)?, set.len()))) {
        None if has_score => cx.reply.null_array(),
        None => cx.reply.null(),
        Some(((rank, score), members)) => {
            if has_score {
                cx.reply.array(2);
            }
            cx.reply.integer(rank_of(rank, members) as i64);
            if has_score {
                cx.reply.double(score);
            }
        }
    }
    Ok(())
}

pub(super) fn zrem(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    let hasher = cx.env.layout.hasher();
    let members = cx.args.iter().skip(2);
    let removed = cx.keys.edit(slot, |set: &mut SortedSet| {
        let removed = members.filter(|member| set.remove(member, hasher).is_some()).count();
        (removed, removed > 0)
    })?;
    cx.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
