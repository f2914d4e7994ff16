//! The hash table against a standard map, with scans in between.
#![no_main]

use std::collections::{HashMap, HashSet};

use arbitrary::Arbitrary;
use larder_core::keyspace::table::{Item, Table};
use libfuzzer_sys::fuzz_target;

/// Most steps in one run.
const MAX_STEPS: usize = 400;
/// Most keys one step adds or removes.
const RANGE_KEYS: u16 = 256;

struct Entry {
    key: [u8; 2],
    deadline: Option<u64>,
}

impl Item for Box<Entry> {
    fn key(&self) -> &[u8] {
        &self.key
    }

    fn deadline(&self) -> Option<u64> {
        self.deadline
    }
}

#[derive(Arbitrary, Debug)]
enum Step {
    Insert { key: u16, deadline: Option<u16> },
    InsertRange { first: u16, count: u16 },
    Remove { key: u16 },
    RemoveRange { first: u16, count: u16 },
    Replace { key: u16, deadline: Option<u16> },
    Settle { key: u16, deadline: Option<u16> },
    RemoveDue { now: u16, budget: u8 },
    Scan { calls: u8 },
    TakeAll,
}

#[derive(Arbitrary, Debug)]
struct Run {
    /// How many top bits all hashes share: many make long chains.
    shared_bits: u8,
    steps: Vec<Step>,
}

fuzz_target!(|run: Run| {
    let shared_bits = u32::from(run.shared_bits % 64);
    let hash = move |key: &[u8]| spread(key) >> shared_bits;
    let mut tested = Tested { table: Table::new(), model: HashMap::new(), hash, from: 0, unvisited: HashSet::new() };
    for step in run.steps.into_iter().take(MAX_STEPS) {
        tested.take(step);
        tested.check_counts();
    }
    tested.check_content();
});

fn spread(key: &[u8]) -> u64 {
    key.iter().fold(0x9e37_79b9, |hash: u64, &byte| {
        let mixed = (hash ^ u64::from(byte)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ mixed >> 31
    })
}

struct Tested<H> {
    table: Table<Box<Entry>>,
    model: HashMap<[u8; 2], Option<u64>>,
    hash: H,
    /// Where the scan stands.
    from: u64,
    /// Keys that were there when it began and are still to be seen.
    unvisited: HashSet<[u8; 2]>,
}

impl<H: Fn(&[u8]) -> u64> Tested<H> {
    fn take(&mut self, step: Step) {
        match step {
            Step::Insert { key, deadline } => self.insert(key, deadline),
            Step::InsertRange { first, count } => {
                let keys = first..first.saturating_add(count % RANGE_KEYS);
                keys.for_each(|key| self.insert(key, key.is_multiple_of(3).then_some(key)));
            }
            Step::Remove { key } => self.remove(key),
            Step::RemoveRange { first, count } => {
                (first..first.saturating_add(count % RANGE_KEYS)).for_each(|key| self.remove(key));
            }
            Step::Replace { key, deadline } => self.replace(key, deadline),
            Step::Settle { key, deadline } => self.settle(key, deadline),
            Step::RemoveDue { now, budget } => self.remove_due(now, budget),
            Step::Scan { calls } => (0..calls).for_each(|_| self.scan()),
            Step::TakeAll => {
                let taken: HashMap<_, _> = self.table.take_all().map(|item| (item.key, item.deadline)).collect();
                assert_eq!(taken, std::mem::take(&mut self.model));
                self.unvisited.clear();
            }
        }
    }

    fn insert(&mut self, key: u16, deadline: Option<u16>) {
        let (key, deadline) = (key.to_be_bytes(), deadline.map(u64::from));
        let found = self.table.find((self.hash)(&key), &key);
        assert_eq!(found.is_some(), self.model.contains_key(&key));
        if found.is_none() {
            let position = self.table.insert((self.hash)(&key), Box::new(Entry { key, deadline }), &self.hash);
            assert_eq!(self.table.at(position).key, key);
            self.model.insert(key, deadline);
        }
    }

    fn remove(&mut self, key: u16) {
        let key = key.to_be_bytes();
        let removed =
            self.table.find((self.hash)(&key), &key).map(|position| self.table.remove(position, &self.hash).deadline);
        assert_eq!(removed, self.model.remove(&key));
        self.unvisited.remove(&key);
    }

    fn replace(&mut self, key: u16, deadline: Option<u16>) {
        let (key, deadline) = (key.to_be_bytes(), deadline.map(u64::from));
        let Some(position) = self.table.find((self.hash)(&key), &key) else { return };
        let old = self.table.replace(position, Box::new(Entry { key, deadline }));
        assert_eq!(Some(old.deadline), self.model.insert(key, deadline));
    }

    fn settle(&mut self, key: u16, deadline: Option<u16>) {
        let (key, deadline) = (key.to_be_bytes(), deadline.map(u64::from));
        let Some(position) = self.table.find((self.hash)(&key), &key) else { return };
        let item = self.table.at_mut(position);
        let had_deadline = std::mem::replace(&mut item.deadline, deadline).is_some();
        self.table.settle(position, had_deadline);
        self.model.insert(key, deadline);
    }

    fn remove_due(&mut self, now: u16, budget: u8) {
        let now = u64::from(now);
        let mut removed = Vec::new();
        let more = self.table.remove_due(now, budget.into(), &self.hash, |item| removed.push(item));
        for item in removed {
            assert!(item.deadline.is_some_and(|deadline| deadline <= now));
            assert_eq!(self.model.remove(&item.key), Some(item.deadline));
            self.unvisited.remove(&item.key);
        }
        let is_due = |deadline: &Option<u64>| deadline.is_some_and(|deadline| deadline <= now);
        assert!(more || !self.model.values().any(is_due));
    }

    fn scan(&mut self) {
        if self.from == 0 {
            self.unvisited = self.model.keys().copied().collect();
        }
        let unvisited = &mut self.unvisited;
        let visit = |item: &Box<Entry>| {
            unvisited.remove(&item.key);
        };
        let next = self.table.scan(self.from, visit, &self.hash);
        assert!(next.is_none_or(|next| next > self.from && next & 0xffff == 0));
        assert!(next.is_some() || self.unvisited.is_empty(), "the scan missed a key");
        self.from = next.unwrap_or(0);
    }

    fn check_counts(&self) {
        assert_eq!(self.table.len(), self.model.len());
        let deadlines = self.model.values().flatten();
        assert_eq!(self.table.deadlines(), deadlines.clone().count());
        assert_eq!(self.table.next_deadline().is_some(), self.table.deadlines() > 0);
        assert!(deadlines.min().is_none_or(|first| self.table.next_deadline() <= Some(*first)));
    }

    fn check_content(&self) {
        let held: HashMap<_, _> = self.table.iter().map(|item| (item.key, item.deadline)).collect();
        assert_eq!(held, self.model);
        assert!(self.model.keys().all(|key| self.table.find((self.hash)(key), key).is_some()));
    }
}
