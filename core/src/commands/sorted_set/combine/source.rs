//! The sets that take part.

use std::ops::Range;

use crate::context::Context;
use crate::error::CommandError;
use crate::hash::KeyHasher;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::object::Object;
use crate::keyspace::{Keyspace, Slot};
use crate::value::{Set, SortedSet, with_text};

/// A set that takes part, and what its scores are multiplied by.
pub(super) struct Input<'a> {
    source: Source<'a>,
    pub(super) weight: f64,
}

enum Source<'a> {
    Missing,
    Plain(&'a Set),
    Sorted(&'a SortedSet),
}

/// Refuses keys of other types. Expired ones are removed on the way, so that places found later stay valid.
pub(super) fn require_sets(cx: &mut Context, keys: Range<usize>) -> Result<(), CommandError> {
    for key in cx.args.iter().take(keys.end).skip(keys.start) {
        let slot = cx.keys.read(key);
        Source::at(cx.keys, slot)?;
    }
    Ok(())
}

/// The sets under keys that [`require_sets`] has seen, with their weights: 1 where there are none.
pub(super) fn inputs<'a>(cx: &'a mut Context, keys: Range<usize>, weights: &[f64]) -> Vec<Input<'a>> {
    let slots: Vec<Slot<'_>> = keys.map(|i| cx.keys.locate(cx.args.get(i))).collect();
    let keys = &*cx.keys;
    let weights = weights.iter().copied().chain(std::iter::repeat(1.0));
    let source = |slot: Slot<'_>| Source::at(keys, slot).expect("types were checked before");
    slots.into_iter().zip(weights).map(|(slot, weight)| Input { source: source(slot), weight }).collect()
}

impl<'a> Source<'a> {
    fn at(keys: &'a Keyspace<'_>, slot: Slot<'_>) -> Result<Self, CommandError> {
        match keys.entry(slot).map(Entry::value) {
            None => Ok(Self::Missing),
            Some(Value::Object(Object::SortedSet(set))) => Ok(Self::Sorted(set)),
            Some(Value::Object(Object::Set(set))) => Ok(Self::Plain(set)),
            Some(_) => Err(CommandError::WRONG_TYPE),
        }
    }
}

impl Input<'_> {
    pub(super) fn len(&self) -> usize {
        match self.source {
            Source::Missing => 0,
            Source::Plain(set) => set.len(),
            Source::Sorted(set) => set.len(),
        }
    }

    /// The score of a member, without the weight.
    pub(super) fn score(&self, member: &[u8], hasher: KeyHasher) -> Option<f64> {
        match self.source {
            Source::Missing => None,
            Source::Plain(set) => set.contains(member, hasher).then_some(1.0),
            Source::Sorted(set) => set.score(member, hasher),
        }
    }

    /// Visits members and scores, without the weight, until `visit` answers false.
    pub(super) fn for_each_while(&self, mut visit: impl FnMut(&[u8], f64) -> bool) {
        match self.source {
            Source::Missing => {}
            Source::Plain(set) => {
                set.iter().all(|member| with_text(member, |member| visit(member, 1.0)));
            }
            Source::Sorted(set) => {
                set.iter().all(|(member, score)| with_text(member, |member| visit(member, score)));
            }
        }
    }
}
