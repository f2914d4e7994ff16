//! A walk over all names as they were at one instant, in slices between which they change.
//!
//! Each name is on one of two sides, like the keys of a shard that is written to a snapshot: beginning a walk changes
//! the side that is good, and all names are on the other one. The walk brings them over. What would change or remove a
//! name that is not over keeps a copy for the walk first. New names are on the good side at once.

use super::Members;
use crate::hash::KeyHasher;
use crate::keyspace::entry::Entry;
use crate::keyspace::table::Position;
use crate::snapshots::DuringSnapshot;

/// A walk that has not come to its end.
#[derive(Debug)]
pub(super) struct Walk {
    number: u32,
    /// Where it goes on in the table; none at its end.
    from: Option<u64>,
    /// Names that have changed or gone meanwhile, as they were.
    kept: Vec<Entry>,
}

impl Walk {
    pub(super) fn keep(&mut self, entry: Entry) {
        self.kept.push(entry);
    }
}

impl Members {
    /// The number of the walk over these names, if there is one.
    pub fn walk_number(&self) -> Option<u32> {
        self.walk.get().map(|walk| walk.number)
    }

    /// Begins a walk over the names as they are now. There is none.
    pub fn begin_walk(&mut self, number: u32) {
        debug_assert!(self.walk.get().is_none(), "one at a time");
        self.epoch = !self.epoch;
        self.walk = DuringSnapshot::begin(Walk { number, from: Some(0), kept: Vec::new() });
    }

    /// Goes on with the walk, to about `limit` names or until `each` says that it has had enough. Answers whether
    /// there is more to come.
    pub fn walk(&mut self, limit: usize, hasher: KeyHasher, each: &mut dyn FnMut(&Entry) -> bool) -> bool {
        let Self { table, epoch, walk: place, .. } = self;
        let Some(walk) = place.get_mut() else { return false };
        let (mut looked_at, mut goes_on) = (0, true);
        while goes_on
            && looked_at < limit
            && let Some(entry) = walk.kept.pop()
        {
            looked_at += 1;
            goes_on = each(&entry);
        }
        while goes_on
            && looked_at < limit
            && let Some(from) = walk.from
        {
            // An empty bucket takes time as well.
            looked_at += 1;
            let mut come_to = |entry: &mut Entry| {
                looked_at += 1;
                if entry.epoch() != *epoch {
                    entry.set_epoch(*epoch);
                    goes_on = each(entry);
                }
            };
            walk.from = table.scan_mut(from, &|name| hasher.hash(name), &mut come_to);
        }
        let has_more = walk.from.is_some() || !walk.kept.is_empty();
        if !has_more {
            *place = DuringSnapshot::NOTHING;
        }
        has_more
    }

    /// Keeps a name for the walk, before it is changed.
    #[inline]
    pub(super) fn keep(&mut self, position: Position) {
        if self.walk.get().is_some() {
            self.keep_now(position);
        }
    }

    #[inline(never)]
    fn keep_now(&mut self, position: Position) {
        let entry = self.table.at_mut(position);
        if let Some(walk) = self.walk.get_mut().filter(|_| entry.epoch() != self.epoch) {
            walk.keep(entry.clone());
            entry.set_epoch(self.epoch);
        }
    }
}

impl Clone for Members {
    /// Copies the names. The walk stays with the original.
    fn clone(&self) -> Self {
        // Copies of entries are on the first side, whichever the original is on.
        Self { table: self.table.clone(), entry_bytes: self.entry_bytes, epoch: false, walk: DuringSnapshot::NOTHING }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Random;
    use crate::keyspace::entry::NewValue;
    use crate::value::element_of;

    #[test]
    fn a_walk_meets_what_was_there_at_its_beginning() {
        let hasher = KeyHasher::new([3, 4]);
        let row = |entry: &Entry| (entry.key().to_vec(), element_of(entry).to_vec(), entry.deadline_ms());
        for seed in 0..40 {
            let mut random = Random::new(seed);
            let mut draw = |below: u64| random.next_u64() % below;
            let mut members = Members::default();
            for _ in 0..draw(5000) {
                members.insert(format!("m{}", draw(4000)).as_bytes(), NewValue::Integer(draw(50) as i64), None, hasher);
            }
            for _ in 0..2 {
                let mut expected: Vec<_> = members.table().iter().map(row).collect();
                expected.sort();
                let mut found = Vec::new();
                members.begin_walk(7);
                assert_eq!(members.clone().walk_number(), None);
                let shrinks = draw(2) == 0;
                loop {
                    let (limit, mut enough) = (1 + draw(200) as usize, draw(100));
                    let has_more = members.walk(limit, hasher, &mut |entry| {
                        found.push(row(entry));
                        enough = enough.saturating_sub(1);
                        enough > 0
                    });
                    if !has_more {
                        break;
                    }
                    for _ in 0..draw(60) {
                        let name = format!("m{}", draw(4500));
                        match draw(6) {
                            0 => drop(members.remove(name.as_bytes(), hasher)),
                            1 if shrinks => {
                                (0..200).for_each(|i| drop(members.take_random(draw(u64::MAX) ^ i, hasher)))
                            }
                            1 => drop(members.take_random(draw(u64::MAX), hasher)),
                            2 => drop(members.add(name.as_bytes(), hasher)),
                            3 => drop(members.remove_due(draw(100), 50, hasher, |_| {})),
                            _ => {
                                let deadline_ms = (draw(2) == 0).then(|| draw(100));
                                let value = NewValue::Integer(draw(50) as i64);
                                members.insert(name.as_bytes(), value, deadline_ms, hasher);
                            }
                        }
                    }
                }
                assert_eq!(members.walk_number(), None);
                found.sort();
                assert_eq!(found, expected, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_copy_can_be_walked_over_as_well() {
        let hasher = KeyHasher::new([3, 4]);
        let mut members = Members::default();
        (0..500).for_each(|i| assert!(members.add(format!("m{i}").as_bytes(), hasher)));
        let count = |members: &mut Members| {
            let mut count = 0;
            while members.walk(usize::MAX, hasher, &mut |_| {
                count += 1;
                true
            }) {}
            count
        };
        members.begin_walk(1);
        assert!(members.walk(100, hasher, &mut |_| true), "there is more");
        let mut copy = members.clone();
        copy.begin_walk(2);
        copy.remove(b"m7", hasher);
        assert_eq!(count(&mut copy), 500);
        assert!(count(&mut members) < 500);
    }
}
