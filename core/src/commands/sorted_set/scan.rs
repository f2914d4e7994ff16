//! Walking over the members of a sorted set, however it changes meanwhile: ZSCAN.

use crate::commands::scan::{Extra, Filter, cursor_of, empty_page, page};
use crate::context::Context;
use crate::error::CommandError;
use crate::resp::{Protocol, Reply};
use crate::structure::listpack::Item;
use crate::value::SortedSet;

pub(super) fn zscan(cx: &mut Context) -> Result<(), CommandError> {
    let cursor = cursor_of(cx.arg(2))?;
    let slot = cx.keys.read(cx.arg(1));
    let Some(set) = cx.keys.get::<SortedSet>(slot)? else {
        empty_page(&mut cx.reply);
        return Ok(());
    };
    let filter = Filter::parse(cx.args.tail(3), Extra::NoScores)?;
    page(&mut cx.reply, |reply| {
        let mut replies = 0;
        let each = |member: Item<'_>, score: f64| {
            if filter.matches(member) {
                replies += write(reply, member, score, filter.no_values);
            }
        };
        let next = set.scan(cursor, filter.count, each);
        (next as i64, replies)
    });
    Ok(())
}

/// Writes a member, with its score unless it is not wanted, and says how many replies that makes.
fn write(reply: &mut Reply<'_>, member: Item<'_>, score: f64, is_bare: bool) -> usize {
    reply.element(member);
    if is_bare {
        return 1;
    }
    // A string, in RESP3 too.
    Reply::new(reply.buffer(), Protocol::Resp2).double(score);
    2
}
