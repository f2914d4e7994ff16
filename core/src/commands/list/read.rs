//! Commands that read a list: LLEN, LINDEX, LRANGE, LPOS.

use super::{place_of, span_of};
use crate::context::Context;
use crate::error::CommandError;
use crate::structure::listpack::{Item, Needle};
use crate::value::List;

pub(super) fn llen(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let len = cx.keys.get::<List>(slot)?.map_or(0, List::len);
    cx.reply.integer(len as i64);
    Ok(())
}

pub(super) fn lindex(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let Some(list) = cx.keys.get::<List>(slot)? else {
        cx.reply.null();
        return Ok(());
    };
    let index = cx.integer(2)?;
    match place_of(index, list.len()).and_then(|place| list.get(place)) {
        Some(item) => cx.reply.element(item),
        None => cx.reply.null(),
    }
    Ok(())
}

pub(super) fn lrange(cx: &mut Context) -> Result<(), CommandError> {
    let (start, stop) = (cx.integer(2)?, cx.integer(3)?);
    let slot = cx.keys.read(cx.arg(1));
    let Some(list) = cx.keys.get::<List>(slot)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let (first, count) = span_of(start, stop, list.len());
    cx.reply.array(count);
    let reply = &mut cx.reply;
    list.range(first, count).for_each(|item| reply.element(item));
    Ok(())
}

pub(super) fn lpos(cx: &mut Context) -> Result<(), CommandError> {
    let search = Search::parse(cx)?;
    let slot = cx.keys.read(cx.arg(1));
    let list = cx.keys.get::<List>(slot)?;
    let Some(count) = search.count else {
        let mut place = None;
        if let Some(list) = list {
            search.run(list, cx.arg(2), 1, |found| place = Some(found));
        }
        match place {
            Some(place) => cx.reply.integer(place as i64),
            None => cx.reply.null(),
        }
        return Ok(());
    };
    let array = cx.reply.deferred_array();
    let reply = &mut cx.reply;
    let most = if count == 0 { usize::MAX } else { count };
    let found = list.map_or(0, |list| search.run(list, cx.args.get(2), most, |place| reply.integer(place as i64)));
    cx.reply.close(array, found);
    Ok(())
}

/// The options of LPOS.
struct Search {
    /// Matches to pass over.
    skip: usize,
    /// Whether the search begins at the back.
    from_back: bool,
    /// Most matches to answer with, 0 for all; without it, one that is no array.
    count: Option<usize>,
    /// Most elements to look at.
    looks: usize,
}

impl Search {
    fn parse(cx: &Context) -> Result<Self, CommandError> {
        let mut search = Self { skip: 0, from_back: false, count: None, looks: usize::MAX };
        let mut at = 3;
        while at < cx.args.len() {
            let option = cx.arg(at);
            if at + 1 == cx.args.len() {
                return Err(CommandError::SYNTAX);
            }
            if option.eq_ignore_ascii_case(b"RANK") {
                let rank = cx.integer(at + 1)?;
                if rank == i64::MIN {
                    return Err(CommandError::fixed(
                        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
                    ));
                }
                let Some(skip) = rank.unsigned_abs().checked_sub(1) else {
                    return Err(CommandError::fixed(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                         negative to start from the end of the list",
                    ));
                };
                (search.skip, search.from_back) = (usize::try_from(skip).unwrap_or(usize::MAX), rank < 0);
            } else if option.eq_ignore_ascii_case(b"COUNT") {
                search.count = Some(super::count_from(cx, at + 1, 0, "ERR COUNT can't be negative")?);
            } else if option.eq_ignore_ascii_case(b"MAXLEN") {
                let looks = super::count_from(cx, at + 1, 0, "ERR MAXLEN can't be negative")?;
                search.looks = if looks == 0 { usize::MAX } else { looks };
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 2;
        }
        Ok(search)
    }

    /// Hands over the places of up to `most` matches and says how many there were.
    fn run(&self, list: &List, text: &[u8], most: usize, mut each: impl FnMut(usize)) -> usize {
        let needle = Needle::new(text);
        let matches = |(_, item): &(usize, Item<'_>)| needle.matches(*item);
        let mut found = 0;
        let count = |place| {
            each(place);
            found += 1;
        };
        if self.from_back {
            let last = list.len() - 1;
            let items = list.range_back(0, self.looks).enumerate().filter(matches);
            items.skip(self.skip).take(most).map(|(place, _)| last - place).for_each(count);
        } else {
            let items = list.range(0, self.looks).enumerate().filter(matches);
            items.skip(self.skip).take(most).map(|(place, _)| place).for_each(count);
        }
        found
    }
}
