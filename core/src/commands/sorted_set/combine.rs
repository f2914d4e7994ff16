//! What several sets have together: ZUNION, ZINTER, ZDIFF, the forms of them that store, and ZINTERCARD. Plain sets
//! take part with a score of 1 for each member.

mod source;

use super::{Scores, write_members};
use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::value::SortedSet;
use source::{Input, inputs, require_sets};

/// Which members the result has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// How the scores of a member become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

pub(super) fn zunion(cx: &mut Context) -> Result<(), CommandError> {
    answer(cx, Operation::Union)
}

pub(super) fn zinter(cx: &mut Context) -> Result<(), CommandError> {
    answer(cx, Operation::Intersection)
}

pub(super) fn zdiff(cx: &mut Context) -> Result<(), CommandError> {
    answer(cx, Operation::Difference)
}

pub(super) fn zunionstore(cx: &mut Context) -> Result<(), CommandError> {
    store(cx, Operation::Union)
}

pub(super) fn zinterstore(cx: &mut Context) -> Result<(), CommandError> {
    store(cx, Operation::Intersection)
}

pub(super) fn zdiffstore(cx: &mut Context) -> Result<(), CommandError> {
    store(cx, Operation::Difference)
}

pub(super) fn zintercard(cx: &mut Context) -> Result<(), CommandError> {
    let keys = key_places(cx, 1)?;
    require_sets(cx, keys.clone())?;
    let mut limit = usize::MAX;
    let mut i = keys.end;
    while let Some(word) = cx.args.try_get(i) {
        if !word.eq_ignore_ascii_case(b"LIMIT") || i + 1 == cx.args.len() {
            return Err(CommandError::SYNTAX);
        }
        let count = number::parse_i64(cx.arg(i + 1)).and_then(number::to_count);
        limit = match count.ok_or(CommandError::fixed("ERR LIMIT can't be negative"))? {
            0 => usize::MAX,
            count => count,
        };
        i += 2;
    }
    let hasher = cx.env.layout.hasher();
    let mut inputs = inputs(cx, keys, &[]);
    inputs.sort_by_key(Input::len);
    let (smallest, others) = inputs.split_first().expect("there is at least one key");
    let mut members = 0;
    smallest.for_each_while(|member, _| {
        members += usize::from(others.iter().all(|input| input.score(member, hasher).is_some()));
        members < limit
    });
    cx.reply.integer(members as i64);
    Ok(())
}

fn answer(cx: &mut Context, operation: Operation) -> Result<(), CommandError> {
    let keys = key_places(cx, 1)?;
    require_sets(cx, keys.clone())?;
    let options = Options::parse(cx, keys.clone(), operation, true)?;
    let result = compute(cx, keys, operation, &options);
    write_members(&mut cx.reply, result.iter(), options.scores);
    Ok(())
}

fn store(cx: &mut Context, operation: Operation) -> Result<(), CommandError> {
    let keys = key_places(cx, 2)?;
    require_sets(cx, keys.clone())?;
    let options = Options::parse(cx, keys.clone(), operation, false)?;
    let mut result = compute(cx, keys, operation, &options);
    result.settle(cx.env.settings.sorted_set_limits());
    cx.reply.integer(result.len() as i64);
    let slot = cx.keys.write(cx.arg(1));
    cx.keys.put_value(slot, result);
    Ok(())
}

/// Where the keys stand, behind their number.
fn key_places(cx: &Context, numkeys: usize) -> Result<std::ops::Range<usize>, CommandError> {
    let keys = usize::try_from(cx.integer(numkeys)?).unwrap_or(0);
    if keys == 0 {
        let name = cx.command.name;
        return Err(CommandError::new(format!("ERR at least 1 input key is needed for '{name}' command")));
    }
    let first = numkeys + 1;
    if keys > cx.args.len() - first {
        return Err(CommandError::SYNTAX);
    }
    Ok(first..first + keys)
}

struct Options {
    /// One for each key, or none at all.
    weights: Vec<f64>,
    aggregate: Aggregate,
    scores: Scores,
}

impl Options {
    fn parse(
        cx: &Context,
        keys: std::ops::Range<usize>,
        operation: Operation,
        may_have_scores: bool,
    ) -> Result<Self, CommandError> {
        let mut options = Self { weights: Vec::new(), aggregate: Aggregate::Sum, scores: Scores::Without };
        let may_weigh = operation != Operation::Difference;
        let mut i = keys.end;
        while let Some(word) = cx.args.try_get(i) {
            let left = cx.args.len() - i - 1;
            if may_weigh && left >= keys.len() && word.eq_ignore_ascii_case(b"WEIGHTS") {
                let weight = |i| number::parse_f64(cx.arg(i));
                let weights: Option<Vec<f64>> = (i + 1..=i + keys.len()).map(weight).collect();
                options.weights = weights.ok_or(CommandError::fixed("ERR weight value is not a float"))?;
                i += keys.len();
            } else if may_weigh && left >= 1 && word.eq_ignore_ascii_case(b"AGGREGATE") {
                i += 1;
                options.aggregate = Aggregate::parse(cx.arg(i))?;
            } else if may_have_scores && word.eq_ignore_ascii_case(b"WITHSCORES") {
                options.scores = Scores::With;
            } else {
                return Err(CommandError::SYNTAX);
            }
            i += 1;
        }
        Ok(options)
    }
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        const WORDS: [(&[u8], Aggregate); 3] =
            [(b"SUM", Aggregate::Sum), (b"MIN", Aggregate::Min), (b"MAX", Aggregate::Max)];
        let found = WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        found.map(|(_, aggregate)| *aggregate).ok_or(CommandError::SYNTAX)
    }

    /// One score of two. Opposite infinities, and nothing else, have no sum: it counts as 0.
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum => zero_if_nan(one + other),
            Self::Min => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Self::Max => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

fn zero_if_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

fn compute(cx: &mut Context, keys: std::ops::Range<usize>, operation: Operation, options: &Options) -> SortedSet {
    let (hasher, limits) = (cx.env.layout.hasher(), cx.env.settings.sorted_set_limits());
    let mut inputs = inputs(cx, keys, &options.weights);
    let mut result = SortedSet::large();
    match operation {
        Operation::Union => {
            // The order in which scores are added up shows in their last digits.
            inputs.sort_by_key(Input::len);
            for input in &inputs {
                input.for_each_while(|member, score| {
                    let weighted = zero_if_nan(score * input.weight);
                    let mut other_zero = None;
                    result.change(member, limits, hasher, |sum| {
                        let score = sum.map_or(weighted, |sum| options.aggregate.of(sum, weighted));
                        let is_other_zero =
                            |sum: f64| sum == score && sum.is_sign_negative() != score.is_sign_negative();
                        other_zero = sum.is_some_and(is_other_zero).then_some(score);
                        Some(score)
                    });
                    // A set takes both zeros for the same score; a sum has its own sign.
                    if let Some(zero) = other_zero {
                        result.remove(member, hasher);
                        result.insert(member, zero, limits, hasher);
                    }
                    true
                });
            }
        }
        Operation::Intersection => {
            inputs.sort_by_key(Input::len);
            let (smallest, others) = inputs.split_first().expect("there is at least one key");
            smallest.for_each_while(|member, score| {
                let first = zero_if_nan(score * smallest.weight);
                let all = others.iter().try_fold(first, |sum, input| {
                    Some(options.aggregate.of(sum, input.score(member, hasher)? * input.weight))
                });
                if let Some(score) = all {
                    result.insert(member, score, limits, hasher);
                }
                true
            });
        }
        Operation::Difference => {
            let (first, others) = inputs.split_first_mut().expect("there is at least one key");
            // The largest is the likeliest to have a member.
            others.sort_by_key(|input| std::cmp::Reverse(input.len()));
            let all_members: usize = others.iter().map(Input::len).sum();
            if all_members / 2 < first.len().saturating_mul(others.len()) / 2 {
                first.for_each_while(|member, score| {
                    result.insert(member, score, limits, hasher);
                    true
                });
                for input in others {
                    input.for_each_while(|member, _| {
                        result.remove(member, hasher);
                        !result.is_empty()
                    });
                }
            } else {
                first.for_each_while(|member, score| {
                    if others.iter().all(|input| input.score(member, hasher).is_none()) {
                        result.insert(member, score, limits, hasher);
                    }
                    true
                });
            }
        }
    }
    result
}
