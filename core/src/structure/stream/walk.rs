//! A walk over all entries as they were at one instant, in slices between which the log changes.
//!
//! It goes from node to node in the order of their IDs, and leaves out those that came later. What would change or
//! remove a node that it has not come to keeps a copy first.

use std::collections::BTreeMap;

use super::id::StreamId;
use super::log::Log;
use super::node::Node;
use super::range::Entry;
use crate::snapshots::DuringSnapshot;

/// A walk that has not come to its end.
#[derive(Debug)]
pub(super) struct Walk {
    number: u32,
    /// The first IDs of the nodes to come: from the one to the other.
    rest: Option<(StreamId, StreamId)>,
    /// Nodes among them that have changed or gone meanwhile, as they were.
    kept: BTreeMap<StreamId, Node>,
}

/// A run of entries in ID order. There is one at least.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a>(&'a Node);

impl<'a> Run<'a> {
    /// The entries.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        self.0.slots().filter(|slot| !slot.deleted).map(|slot| slot.entry)
    }

    /// About how many bytes they take.
    pub fn len_bytes(self) -> usize {
        self.0.len_bytes()
    }
}

impl Log {
    /// The number of the walk over these entries, if there is one.
    pub fn walk_number(&self) -> Option<u32> {
        self.walk.get().map(|walk| walk.number)
    }

    /// Begins a walk over the entries as they are now, which comes to as many runs as there are nodes. There is none.
    pub fn begin_walk(&mut self, number: u32) {
        debug_assert!(self.walk.get().is_none(), "one at a time");
        let last = self.index.at_or_before(StreamId::MAX).map(|row| row.id);
        let rest = last.map(|last| (StreamId::MIN, last));
        self.walk = DuringSnapshot::begin(Walk { number, rest, kept: BTreeMap::new() });
    }

    /// Goes on with the walk, until `each` says that it has had enough. Answers whether there is more to come.
    pub fn walk(&mut self, each: &mut dyn FnMut(Run<'_>) -> bool) -> bool {
        let Self { walk: place, index, nodes, .. } = self;
        let Some(walk) = place.get_mut() else { return false };
        let mut goes_on = true;
        while goes_on && let Some((from, to)) = walk.rest {
            let kept = walk.kept.first_entry();
            let here = index.at_or_after(from).filter(|row| row.id <= to);
            let id = match (kept, here) {
                // Of a node that has changed, the copy counts.
                (Some(kept), here) if here.is_none_or(|row| *kept.key() <= row.id) => {
                    let (id, node) = kept.remove_entry();
                    goes_on = each(Run(&node));
                    id
                }
                (_, Some(row)) => {
                    goes_on = each(Run(&nodes[row.place as usize]));
                    row.id
                }
                _ => to,
            };
            walk.rest = id.next().filter(|next| *next <= to).map(|next| (next, to));
        }
        let has_more = walk.rest.is_some();
        if !has_more {
            *place = DuringSnapshot::NOTHING;
        }
        has_more
    }

    /// Keeps a node for the walk, before it is changed.
    #[inline]
    pub(super) fn keep(&mut self, place: usize) {
        if let Some(walk) = self.walk.get_mut() {
            let node = &self.nodes[place];
            if walk.rest.is_some_and(|(from, to)| (from..=to).contains(&node.first())) {
                walk.kept.entry(node.first()).or_insert_with(|| node.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Random;
    use crate::structure::stream::{NodeLimits, Trim, TrimTo, Words};

    #[test]
    fn a_walk_meets_what_was_there_at_its_beginning() {
        let limits = NodeLimits { entries_max: 4, bytes_max: 0 };
        let row = |entry: Entry<'_>| (entry.id, entry.fields.map(|(_, value)| value.to_vec()).collect::<Vec<_>>());
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut draw = |below: u64| random.next_u64() % below;
            let (mut log, mut ms) = (Log::default(), 0);
            let mut add = |log: &mut Log, step: u64| {
                ms += 1 + step;
                let words = [b"name".to_vec(), ms.to_string().into_bytes()];
                let fields = Words { len: 2, word: &|place| &words[place] };
                log.append(StreamId { ms, seq: 0 }, fields, limits).expect("it is larger");
            };
            (0..draw(200)).for_each(|_| add(&mut log, 0));
            for _ in 0..2 {
                let expected: Vec<_> = log.range(StreamId::MIN, StreamId::MAX).map(row).collect();
                let nodes = log.nodes_len();
                let (mut found, mut runs) = (Vec::new(), 0);
                log.begin_walk(7);
                assert_eq!(log.clone().walk_number(), None);
                loop {
                    let mut enough = draw(5);
                    let has_more = log.walk(&mut |run| {
                        found.extend(run.entries().map(row));
                        runs += 1;
                        enough = enough.saturating_sub(1);
                        enough > 0
                    });
                    if !has_more {
                        break;
                    }
                    for _ in 0..draw(5) {
                        match draw(6) {
                            0 => {
                                let to = TrimTo::MaxLen(log.len().saturating_sub(draw(9)));
                                log.trim(&Trim { to, approximate: draw(2) == 0, limit: 0 });
                            }
                            1 | 2 => drop(log.delete(StreamId { ms: draw(220), seq: 0 })),
                            _ => add(&mut log, draw(2)),
                        }
                    }
                }
                assert_eq!(log.walk_number(), None);
                assert_eq!((found, runs), (expected, nodes), "seed {seed}");
            }
        }
    }
}
