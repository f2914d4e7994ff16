//! A walk over all members as they were at one instant, in slices between which they change.
//!
//! It goes from the highest rank down, and has a bit for each number that members had at its beginning: members that
//! have been visited, or came later, are passed over. What would change or remove another one keeps a copy first.

use super::SortedSet;
use super::slab::Slab;
use crate::snapshots::DuringSnapshot;

/// A walk that has not come to its end.
#[derive(Debug)]
pub(super) struct Walk {
    number: u32,
    /// Members with these numbers are passed over, and those with higher numbers.
    passed: Vec<u64>,
    /// What was visited last; the rest is before it.
    last: Option<(f64, Box<[u8]>)>,
    /// The tree has been walked through.
    is_through: bool,
    /// Members that have changed or gone meanwhile, as they were.
    kept: Vec<(Box<[u8]>, f64)>,
}

impl Walk {
    fn is_passed(&self, id: u32) -> bool {
        self.passed.get(id as usize / 64).is_none_or(|bits| bits >> (id % 64) & 1 == 1)
    }

    fn pass(&mut self, id: u32) {
        if let Some(bits) = self.passed.get_mut(id as usize / 64) {
            *bits |= 1 << (id % 64);
        }
    }

    /// Keeps a member, before it is changed.
    pub(super) fn keep(&mut self, id: u32, slab: &Slab) {
        if !self.is_passed(id) {
            self.pass(id);
            self.kept.push((slab.member(id).into(), slab.score(id)));
        }
    }

    /// A member gets a number that was free.
    pub(super) fn renumber(&mut self, old: u32, new: u32) {
        let is_passed = self.is_passed(old);
        if let Some(bits) = self.passed.get_mut(new as usize / 64) {
            *bits = *bits & !(1 << (new % 64)) | u64::from(is_passed) << (new % 64);
        }
    }
}

impl SortedSet {
    /// The number of the walk over these members, if there is one.
    pub fn walk_number(&self) -> Option<u32> {
        self.walk.get().map(|walk| walk.number)
    }

    /// Begins a walk over the members as they are now. There is none.
    pub fn begin_walk(&mut self, number: u32) {
        debug_assert!(self.walk.get().is_none(), "one at a time");
        let passed = vec![0; self.slab.end().div_ceil(64)];
        let mut walk = Walk { number, passed, last: None, is_through: false, kept: Vec::new() };
        // The last word has bits beyond the numbers there are.
        (self.slab.end()..self.slab.end().next_multiple_of(64)).for_each(|id| walk.pass(id as u32));
        self.walk = DuringSnapshot::begin(walk);
    }

    /// Goes on with the walk, to about `limit` members or until `each` says that it has had enough. Answers whether
    /// there is more to come.
    pub fn walk(&mut self, limit: usize, each: &mut dyn FnMut(&[u8], f64) -> bool) -> bool {
        let mut taken = self.walk.take();
        let Some(walk) = taken.get_mut() else { return false };
        let (mut looked_at, mut goes_on) = (0, true);
        while goes_on
            && looked_at < limit
            && let Some((member, score)) = walk.kept.pop()
        {
            looked_at += 1;
            goes_on = each(&member, score);
        }
        if goes_on && looked_at < limit && !walk.is_through {
            self.walk_down(walk, limit - looked_at, each);
        }
        let has_more = !walk.is_through || !walk.kept.is_empty();
        if has_more {
            self.walk = taken;
        }
        has_more
    }

    fn walk_down(&self, walk: &mut Walk, limit: usize, each: &mut dyn FnMut(&[u8], f64) -> bool) {
        let end = walk.last.as_ref().map_or(self.len(), |(score, member)| self.rank_of(*score, member));
        let mut rest = self.range(0..end);
        let (mut looked_at, mut goes_on) = (0, true);
        while goes_on && let Some(entry) = rest.entry_back() {
            looked_at += 1;
            goes_on = looked_at < limit;
            let (member, score) = (self.member(entry), entry.score());
            if !walk.is_passed(entry.id) {
                walk.pass(entry.id);
                goes_on &= each(member, score);
            }
            if !goes_on {
                walk.last = Some((score, member.into()));
            }
        }
        walk.is_through = goes_on;
    }

    /// Lets the walk pass over a new member.
    #[inline]
    pub(super) fn pass_over(&mut self, id: u32) {
        if let Some(walk) = self.walk.get_mut() {
            walk.pass(id);
        }
    }

    /// Keeps a member for the walk, before it is changed.
    #[inline]
    pub(super) fn keep(&mut self, id: u32) {
        if let Some(walk) = self.walk.get_mut() {
            walk.keep(id, &self.slab);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{KeyHasher, Random};

    #[test]
    fn a_walk_meets_what_was_there_at_its_beginning() {
        let hasher = KeyHasher::new([3, 4]);
        let hash = |member: &[u8]| hasher.hash(member);
        for seed in 0..40 {
            let mut random = Random::new(seed);
            let mut draw = |below: u64| (random.next_u64() % below) as usize;
            let mut set = SortedSet::new();
            // From none to thousands: a set that shrinks gives its members other numbers.
            for _ in 0..draw(5000) {
                set.insert(format!("m{}", draw(4000)).as_bytes(), draw(50) as f64, hash);
            }
            for _ in 0..2 {
                let mut expected: Vec<_> = set.iter().map(|(member, score)| (member.to_vec(), score as i64)).collect();
                expected.sort();
                let mut found = Vec::new();
                set.begin_walk(7);
                assert_eq!(set.clone().walk_number(), None);
                let shrinks = draw(2) == 0;
                loop {
                    let (limit, mut enough) = (1 + draw(200), draw(100));
                    let has_more = set.walk(limit, &mut |member, score| {
                        found.push((member.to_vec(), score as i64));
                        enough = enough.saturating_sub(1);
                        enough > 0
                    });
                    if !has_more {
                        break;
                    }
                    for _ in 0..draw(60) {
                        let member = format!("m{}", draw(4500));
                        match draw(4) {
                            0 => drop(set.remove(member.as_bytes(), hash)),
                            1 if shrinks => drop(set.remove_range(draw(4000)..4500, hash)),
                            1 => drop(set.remove_range(draw(10)..10, hash)),
                            _ => drop(set.insert(member.as_bytes(), draw(50) as f64, hash)),
                        }
                    }
                }
                assert_eq!(set.walk_number(), None);
                found.sort();
                assert_eq!(found, expected, "seed {seed}");
            }
        }
    }
}
