//! Adding members and changing scores: ZADD, ZINCRBY.

use bitflags::bitflags;

use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::structure::sorted_set::Insertion;
use crate::value::SortedSet;

bitflags! {
    /// Options of ZADD.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct Options: u8 {
        const NX = 1 << 0;
        const XX = 1 << 1;
        const GT = 1 << 2;
        const LT = 1 << 3;
        const CH = 1 << 4;
        const INCR = 1 << 5;
    }
}

/// What a request did.
#[derive(Debug, Default)]
struct Outcome {
    added: i64,
    updated: i64,
    /// The last member's score; `None` if a condition kept it from being looked at.
    score: Option<f64>,
    is_nan: bool,
    is_full: bool,
}

pub(super) fn zadd(cx: &mut Context) -> Result<(), CommandError> {
    let (options, first) = Options::parse(cx);
    let words = cx.args.len() - first;
    if words == 0 || words % 2 == 1 {
        return Err(CommandError::SYNTAX);
    }
    options.check(words / 2)?;
    let outcome = if words == 2 {
        let pair = (score_at(cx, first)?, cx.arg(first + 1));
        apply(cx, options, std::iter::once(pair))?
    } else {
        let scores = (first..cx.args.len()).step_by(2).map(|i| score_at(cx, i)).collect::<Result<Vec<f64>, _>>()?;
        let members = cx.args.iter().skip(first + 1).step_by(2);
        apply(cx, options, scores.into_iter().zip(members))?
    };
    if !options.contains(Options::INCR) {
        let updated = if options.contains(Options::CH) { outcome.updated } else { 0 };
        cx.reply.integer(outcome.added + updated);
        return Ok(());
    }
    match outcome.score {
        Some(score) => cx.reply.double(score),
        None => cx.reply.null(),
    }
    Ok(())
}

pub(super) fn zincrby(cx: &mut Context) -> Result<(), CommandError> {
    let pair = (score_at(cx, 2)?, cx.arg(3));
    let outcome = apply(cx, Options::INCR, std::iter::once(pair))?;
    cx.reply.double(outcome.score.expect("without a condition every member gets a score"));
    Ok(())
}

impl Options {
    /// The options, and where the first score stands.
    fn parse(cx: &Context) -> (Self, usize) {
        const WORDS: [(&[u8], Options); 6] = [
            (b"NX", Options::NX),
            (b"XX", Options::XX),
            (b"CH", Options::CH),
            (b"INCR", Options::INCR),
            (b"GT", Options::GT),
            (b"LT", Options::LT),
        ];
        let mut options = Self::empty();
        let mut place = 2;
        while let Some(word) = cx.args.try_get(place)
            && let Some((_, option)) = WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name))
        {
            options |= *option;
            place += 1;
        }
        (options, place)
    }

    fn check(self, pairs: usize) -> Result<(), CommandError> {
        if self.contains(Self::NX | Self::XX) {
            return Err(CommandError::fixed("ERR XX and NX options at the same time are not compatible"));
        }
        if [Self::GT | Self::NX, Self::LT | Self::NX, Self::GT | Self::LT].iter().any(|both| self.contains(*both)) {
            let text = "ERR GT, LT, and/or NX options at the same time are not compatible";
            return Err(CommandError::fixed(text));
        }
        if self.contains(Self::INCR) && pairs > 1 {
            return Err(CommandError::fixed("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// The score that a member gets, if these options let it have one.
    #[inline]
    fn decide(self, given: f64, old: Option<f64>) -> Option<f64> {
        let Some(old) = old else { return (!self.contains(Self::XX)).then_some(given) };
        let score = if self.contains(Self::INCR) { old + given } else { given };
        let is_refused = self.contains(Self::NX)
            || self.contains(Self::GT) && score <= old
            || self.contains(Self::LT) && score >= old;
        (!is_refused).then_some(score)
    }
}

fn score_at(cx: &Context, index: usize) -> Result<f64, CommandError> {
    number::parse_f64(cx.arg(index)).ok_or(CommandError::NOT_A_FLOAT)
}

#[inline]
fn apply<'c>(
    cx: &mut Context,
    options: Options,
    pairs: impl Iterator<Item = (f64, &'c [u8])>,
) -> Result<Outcome, CommandError> {
    let (limits, hasher) = (cx.env.settings.sorted_set_limits(), cx.env.layout.hasher());
    let slot = cx.keys.write(cx.arg(1));
    let outcome = cx.keys.edit_or_create(slot, |set: &mut SortedSet| {
        let mut outcome = Outcome::default();
        for (given, member) in pairs {
            let insertion = set.change(member, limits, hasher, |old| {
                outcome.score = options.decide(given, old);
                outcome.is_nan = outcome.score.is_some_and(f64::is_nan);
                outcome.score.filter(|score| !score.is_nan())
            });
            match insertion {
                Insertion::Inserted => outcome.added += 1,
                Insertion::Updated { .. } => outcome.updated += 1,
                Insertion::Unchanged => {}
                Insertion::Full => outcome.is_full = true,
            }
        }
        let has_changed = outcome.added + outcome.updated > 0;
        (outcome, has_changed)
    })?;
    if outcome.is_nan {
        return Err(CommandError::fixed("ERR resulting score is not a number (NaN)"));
    }
    if outcome.is_full {
        return Err(CommandError::fixed("ERR sorted set is full"));
    }
    Ok(outcome)
}
