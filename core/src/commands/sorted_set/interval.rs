//! Counting and removing what lies in a range: ZCOUNT, ZLEXCOUNT, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.

use super::bounds::{Bounds, By, Direction};
use crate::context::Context;
use crate::error::CommandError;
use crate::value::SortedSet;

pub(super) fn zcount(cx: &mut Context) -> Result<(), CommandError> {
    count(cx, By::Score)
}

pub(super) fn zlexcount(cx: &mut Context) -> Result<(), CommandError> {
    count(cx, By::Lex)
}

pub(super) fn zremrangebyrank(cx: &mut Context) -> Result<(), CommandError> {
    remove(cx, By::Rank)
}

pub(super) fn zremrangebyscore(cx: &mut Context) -> Result<(), CommandError> {
    remove(cx, By::Score)
}

pub(super) fn zremrangebylex(cx: &mut Context) -> Result<(), CommandError> {
    remove(cx, By::Lex)
}

fn count(cx: &mut Context, by: By) -> Result<(), CommandError> {
    let bounds = Bounds::parse(cx, by, 2, 3)?;
    let slot = cx.keys.read(cx.arg(1));
    let set = cx.keys.get::<SortedSet>(slot)?;
    cx.reply.integer(set.map_or(0, |set| bounds.ranks(set, Direction::Ascending).len()) as i64);
    Ok(())
}

fn remove(cx: &mut Context, by: By) -> Result<(), CommandError> {
    let bounds = Bounds::parse(cx, by, 2, 3)?;
    let slot = cx.keys.write(cx.arg(1));
    let hasher = cx.env.layout.hasher();
    let removed = cx.keys.edit(slot, |set: &mut SortedSet| {
        let removed = set.remove_range(bounds.ranks(set, Direction::Ascending), hasher);
        (removed, removed > 0)
    })?;
    cx.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
