//! Listing ranges: ZRANGE and its elder forms, ZRANGESTORE.

use super::bounds::{Bounds, By, Direction, Limit};
use super::{Scores, write_members};
use crate::context::Context;
use crate::error::CommandError;
use crate::value::SortedSet;

/// What a request asks for.
struct Request {
    /// Chosen by the command's name, or by an option.
    by: Option<By>,
    direction: Option<Direction>,
    limit: Limit,
    scores: Scores,
}

const ANY: Request = Request { by: None, direction: None, limit: Limit::ALL, scores: Scores::Without };

pub(super) fn zrange(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, ANY)
}

pub(super) fn zrevrange(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, Request::fixed(By::Rank, Direction::Descending))
}

pub(super) fn zrangebyscore(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, Request::fixed(By::Score, Direction::Ascending))
}

pub(super) fn zrevrangebyscore(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, Request::fixed(By::Score, Direction::Descending))
}

pub(super) fn zrangebylex(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, Request::fixed(By::Lex, Direction::Ascending))
}

pub(super) fn zrevrangebylex(cx: &mut Context) -> Result<(), CommandError> {
    list(cx, Request::fixed(By::Lex, Direction::Descending))
}

pub(super) fn zrangestore(cx: &mut Context) -> Result<(), CommandError> {
    let (request, bounds) = ANY.parse(cx, 3, Allowed::NoScores)?;
    let (limits, hasher) = (cx.env.settings.sorted_set_limits(), cx.env.layout.hasher());
    let source = cx.keys.read(cx.arg(2));
    let range = match cx.keys.get::<SortedSet>(source)? {
        None => SortedSet::default(),
        Some(set) => SortedSet::from_ascending(set.range(request.ranks(set, bounds)), limits, hasher),
    };
    cx.reply.integer(range.len() as i64);
    let destination = cx.keys.write(cx.arg(1));
    cx.keys.put_value(destination, range);
    Ok(())
}

fn list(cx: &mut Context, request: Request) -> Result<(), CommandError> {
    let (request, bounds) = request.parse(cx, 2, Allowed::Scores)?;
    let slot = cx.keys.read(cx.arg(1));
    let Some(set) = cx.keys.get::<SortedSet>(slot)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let members = set.range(request.ranks(set, bounds));
    match request.direction() {
        Direction::Ascending => write_members(&mut cx.reply, members, request.scores),
        Direction::Descending => write_members(&mut cx.reply, members.rev(), request.scores),
    }
    Ok(())
}

/// Whether WITHSCORES makes sense.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Scores,
    NoScores,
}

impl Request {
    fn fixed(by: By, direction: Direction) -> Self {
        Self { by: Some(by), direction: Some(direction), ..ANY }
    }

    fn direction(&self) -> Direction {
        self.direction.unwrap_or(Direction::Ascending)
    }

    /// The ranks that are asked for, ascending.
    fn ranks(&self, set: &SortedSet, bounds: Bounds<'_>) -> std::ops::Range<usize> {
        self.limit.of(bounds.ranks(set, self.direction()), self.direction())
    }

    /// Reads the options and then the bounds, the first of which stands at word `start`.
    fn parse<'a>(
        mut self,
        cx: &Context<'a, '_>,
        start: usize,
        allowed: Allowed,
    ) -> Result<(Self, Bounds<'a>), CommandError> {
        let mut i = start + 2;
        while let Some(word) = cx.args.try_get(i) {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            if allowed == Allowed::Scores && is(b"WITHSCORES") {
                self.scores = Scores::With;
            } else if is(b"LIMIT") && i + 2 < cx.args.len() {
                self.limit = Limit { offset: cx.integer(i + 1)?, count: cx.integer(i + 2)? };
                i += 2;
            } else if self.direction.is_none() && is(b"REV") {
                self.direction = Some(Direction::Descending);
            } else if self.by.is_none() && is(b"BYLEX") {
                self.by = Some(By::Lex);
            } else if self.by.is_none() && is(b"BYSCORE") {
                self.by = Some(By::Score);
            } else {
                return Err(CommandError::SYNTAX);
            }
            i += 1;
        }
        let by = self.by.unwrap_or(By::Rank);
        if by == By::Rank && self.limit.count != -1 {
            return Err(CommandError::fixed(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Lex && self.scores == Scores::With {
            return Err(CommandError::fixed("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        // Backwards, the greater end of scores and members comes first. Ranks count from the other end instead.
        let (min, max) = match (by, self.direction()) {
            (By::Rank, _) | (_, Direction::Ascending) => (start, start + 1),
            (_, Direction::Descending) => (start + 1, start),
        };
        if by == By::Rank {
            self.limit = Limit::ALL;
        }
        let bounds = Bounds::parse(cx, by, min, max)?;
        Ok((self, bounds))
    }
}
