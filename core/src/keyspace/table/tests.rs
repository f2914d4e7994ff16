//! The table against a standard map, the scan guarantee, and what it costs in memory.

use super::{Item, Position, Table};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

struct Entry {
    key: Vec<u8>,
    value: u32,
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

type Hash = fn(&[u8]) -> u64;
type Model = HashMap<Vec<u8>, (u32, Option<u64>)>;

fn spread(key: &[u8]) -> u64 {
    key.iter().fold(0x1234_5678, |hash, &byte| {
        let mixed = (hash ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ mixed >> 32
    })
}
fn two_top_bits(key: &[u8]) -> u64 {
    spread(key) & 0xc000_0000_0000_ffff
}
fn same_top_half(key: &[u8]) -> u64 {
    spread(key) >> 32 | 0xabcd_ef01 << 32
}
fn nearly_highest(key: &[u8]) -> u64 {
    !(spread(key) >> 40)
}
fn all_equal(_: &[u8]) -> u64 {
    0x8000_0000_0000_0000
}
const HASHES: [Hash; 5] = [spread, two_top_bits, same_top_half, nearly_highest, all_equal];

fn key_of(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}
fn entry(number: u32, value: u32, deadline: Option<u64>) -> Box<Entry> {
    Box::new(Entry { key: key_of(number), value, deadline })
}
fn find(table: &Table<Box<Entry>>, number: u32, hash: Hash) -> Option<Position> {
    let key = key_of(number);
    table.find(hash(&key), &key)
}
fn insert(table: &mut Table<Box<Entry>>, number: u32, deadline: Option<u64>, hash: Hash) {
    table.insert(hash(&key_of(number)), entry(number, number, deadline), hash);
}
fn remove(table: &mut Table<Box<Entry>>, number: u32, hash: Hash) {
    let position = find(table, number, hash).expect("the key is there");
    table.remove(position, hash);
}
fn filled(count: u32, hash: Hash) -> Table<Box<Entry>> {
    let mut table = Table::new();
    (0..count).for_each(|number| insert(&mut table, number, None, hash));
    table
}

/// Checks everything the table knows about itself.
fn audit(table: &Table<Box<Entry>>, hash: Hash) {
    if table.is_empty() {
        assert_eq!(table.heap_bytes(), 0, "an empty table holds no memory");
        return;
    }
    assert_eq!(table.directory.len(), 1 << table.depth);
    let (mut len, mut deadlines, mut buckets, mut deepest, mut entries) = (0, 0, 0, 0, 0);
    for (index, segment) in table.segments.iter().enumerate() {
        let first = table.entry(segment.start);
        let count = 1 << (table.depth - segment.depth);
        let range = &table.directory[first..first + count];
        assert!(range.iter().all(|&entry| entry as usize == index));
        assert_eq!(segment.items().count(), segment.len as usize);
        entries += count;
        buckets += segment.bucket_capacity();
        deepest += u32::from(segment.depth == table.depth);
        for item in segment.items() {
            len += 1;
            deadlines += usize::from(item.deadline.is_some());
            assert!(segment.min_deadline <= item.deadline.unwrap_or(u64::MAX));
            let position = table.find(hash(&item.key), &item.key).expect("found");
            assert!(std::ptr::eq(&**table.at(position), &**item));
        }
        assert!(table.min_deadline <= segment.min_deadline || segment.len == 0 || deadlines == 0);
    }
    assert_eq!(entries, table.directory.len());
    assert_eq!((len, deadlines, buckets, deepest), (table.len, table.deadlines, table.buckets, table.deepest));
    assert!(table.deepest > 0);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32, Option<u64>),
    InsertMany(u32, u32),
    Remove(u32),
    RemoveRange(u32, u32),
    Replace(u32, Option<u64>),
    Settle(u32, Option<u64>),
    RemoveDue(u64, usize),
    Scan(usize),
    Random(u64),
}

const NUMBERS: u32 = 3000;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = || 0..NUMBERS;
    let deadline = || prop::option::of(0..1000u64);
    let step = prop_oneof![
        4 => (number(), deadline()).prop_map(|(n, d)| Step::Insert(n, d)),
        3 => (number(), 1..800u32).prop_map(|(n, c)| Step::InsertMany(n, c)),
        4 => number().prop_map(Step::Remove),
        3 => (number(), 1..800u32).prop_map(|(n, c)| Step::RemoveRange(n, c)),
        3 => (number(), deadline()).prop_map(|(n, d)| Step::Replace(n, d)),
        3 => (number(), deadline()).prop_map(|(n, d)| Step::Settle(n, d)),
        2 => (0..1000u64, 0..2000usize).prop_map(|(now, budget)| Step::RemoveDue(now, budget)),
        6 => (1..40usize).prop_map(Step::Scan),
        1 => any::<u64>().prop_map(Step::Random),
    ];
    prop::collection::vec(step, 1..60)
}

/// The table, what it must hold, and a scan in progress.
struct Run {
    table: Table<Box<Entry>>,
    model: Model,
    hash: Hash,
    scan_from: u64,
    /// Keys that were there when the scan started and have not been removed since nor visited.
    unvisited: HashSet<Vec<u8>>,
}

impl Run {
    fn new(hash: Hash) -> Self {
        Self { table: Table::new(), model: HashMap::new(), hash, scan_from: 0, unvisited: HashSet::new() }
    }

    fn insert(&mut self, number: u32, deadline: Option<u64>) {
        if find(&self.table, number, self.hash).is_some() {
            return;
        }
        let key = key_of(number);
        assert!(!self.model.contains_key(&key));
        let item = entry(number, number, deadline);
        let position = self.table.insert((self.hash)(&key), item, self.hash);
        assert_eq!(self.table.at(position).key, key);
        self.model.insert(key, (number, deadline));
    }

    fn remove(&mut self, number: u32) {
        let expected = self.model.remove(&key_of(number));
        self.unvisited.remove(&key_of(number));
        let removed = find(&self.table, number, self.hash).map(|position| self.table.remove(position, self.hash));
        assert_eq!(removed.map(|item| (item.value, item.deadline)), expected);
    }

    fn remove_due(&mut self, now: u64, budget: usize) {
        let mut removed = Vec::new();
        let more = self.table.remove_due(now, budget, self.hash, |item| removed.push(item));
        for item in removed {
            assert!(item.deadline.is_some_and(|deadline| deadline <= now));
            let expected = self.model.remove(&item.key);
            assert_eq!(expected, Some((item.value, item.deadline)));
            self.unvisited.remove(&item.key);
        }
        let is_due = |deadline: Option<u64>| deadline.is_some_and(|deadline| deadline <= now);
        if !more {
            assert!(!self.model.values().any(|&(_, deadline)| is_due(deadline)));
            assert!(self.table.next_deadline().is_none_or(|next| next > now));
        }
    }

    fn scan(&mut self, calls: usize) {
        for _ in 0..calls {
            if self.scan_from == 0 {
                self.unvisited = self.model.keys().cloned().collect();
            }
            let unvisited = &mut self.unvisited;
            let next = self.table.scan(
                self.scan_from,
                |item| {
                    unvisited.remove(&item.key);
                },
                self.hash,
            );
            assert!(next.is_none_or(|next| next > self.scan_from && next & 0xffff == 0));
            self.scan_from = next.unwrap_or(0);
            if next.is_none() {
                assert!(self.unvisited.is_empty(), "the scan missed a key");
            }
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Insert(number, deadline) => self.insert(number, deadline),
            Step::InsertMany(first, count) => (first..(first + count).min(NUMBERS)).for_each(|number| {
                let deadline = (number % 5 == 0).then_some(u64::from(number) * 7 % 1000);
                self.insert(number, deadline);
            }),
            Step::Remove(number) => self.remove(number),
            Step::RemoveRange(first, count) => (first..first + count).for_each(|number| self.remove(number)),
            Step::Replace(number, deadline) => {
                if let Some(position) = find(&self.table, number, self.hash) {
                    let old = self.table.replace(position, entry(number, 9, deadline));
                    let expected = self.model.insert(key_of(number), (9, deadline));
                    assert_eq!(Some((old.value, old.deadline)), expected);
                }
            }
            Step::Settle(number, deadline) => {
                if let Some(position) = find(&self.table, number, self.hash) {
                    let had = self.table.at(position).deadline.is_some();
                    self.table.at_mut(position).deadline = deadline;
                    self.table.settle(position, had);
                    self.model.get_mut(&key_of(number)).expect("there").1 = deadline;
                }
            }
            Step::RemoveDue(now, budget) => self.remove_due(now, budget),
            Step::Scan(calls) => self.scan(calls),
            Step::Random(r) => {
                assert_eq!(self.table.random(r).is_none(), self.model.is_empty());
                let volatile = self.table.random_with_deadline(r);
                assert_eq!(volatile.is_some(), self.table.deadlines() > 0);
                assert!(volatile.is_none_or(|item| item.deadline.is_some()));
            }
        }
    }

    fn check(&self) {
        audit(&self.table, self.hash);
        let held = self.table.iter().map(|item| (item.key.clone(), (item.value, item.deadline)));
        assert_eq!(held.collect::<Model>(), self.model);
        assert_eq!(self.table.len(), self.model.len());
        let earliest = self.model.values().filter_map(|&(_, deadline)| deadline).min();
        assert!(self.table.next_deadline() <= earliest || earliest.is_none());
        assert_eq!(self.table.next_deadline().is_some(), earliest.is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn agrees_with_a_standard_map(hash in 0..HASHES.len(), steps in steps()) {
        let mut run = Run::new(HASHES[hash]);
        for step in steps {
            run.take(step);
            run.check();
        }
        run.scan(100_000usize.min(run.table.len() + 5000));
    }
}

#[test]
fn a_scan_sees_what_stays_while_the_table_grows_and_shrinks() {
    for (start, end) in [(300, 60_000), (60_000, 300), (5_000, 1), (1, 5_000)] {
        let mut table = filled(start, spread);
        let stays = start.min(end);
        let (mut seen, mut from, mut now) = (HashSet::new(), Some(0), start);
        while let Some(position) = from {
            from = table.scan(position, |item| seen.extend([item.value]), spread);
            // Change the table so fast that the scan meets every size.
            for _ in 0..start.abs_diff(end).div_ceil(150) {
                if now < end {
                    insert(&mut table, now, None, spread);
                    now += 1;
                } else if now > end {
                    now -= 1;
                    remove(&mut table, now, spread);
                }
            }
        }
        audit(&table, spread);
        assert!((0..stays).all(|number| seen.contains(&number)));
    }
}

#[test]
fn a_quiet_scan_visits_each_item_once() {
    for hash in HASHES {
        let table = filled(2000, hash);
        let (mut visits, mut from) = (Vec::new(), Some(0));
        while let Some(position) = from {
            from = table.scan(position, |item| visits.push(item.value), hash);
        }
        visits.sort_unstable();
        assert_eq!(visits, (0..2000).collect::<Vec<_>>());
    }
}

#[test]
fn memory_per_item_stays_low_at_every_size() {
    let mut table = Table::new();
    insert(&mut table, 0, None, spread);
    assert!(table.heap_bytes() <= 128, "{}", table.heap_bytes());
    let mut worst = 0.0f64;
    for number in 1..200_000 {
        insert(&mut table, number, None, spread);
        if number >= 1000 {
            worst = worst.max(table.heap_bytes() as f64 / f64::from(number + 1));
        }
        if (number + 1).is_power_of_two() {
            let each = table.heap_bytes() as f64 / f64::from(number + 1);
            println!("{:>8} items {each:6.2} bytes each", number + 1);
        }
    }
    println!("   worst from 1,000 on {worst:6.2}");
    assert!(worst <= 22.0, "{worst}");
}

#[test]
fn memory_follows_the_data_down() {
    let mut table = filled(100_000, spread);
    for left in (100..100_000).rev() {
        remove(&mut table, left, spread);
        if left % 1000 == 0 {
            let each = table.heap_bytes() as f64 / f64::from(left);
            assert!(each <= 40.0, "{left} items left, {each} bytes each");
        }
    }
    audit(&table, spread);
    (0..100).for_each(|number| remove(&mut table, number, spread));
    assert_eq!(table.heap_bytes(), 0);
}

#[test]
fn a_hash_flood_costs_a_list_and_no_large_directory() {
    for hash in [all_equal as Hash, same_top_half, nearly_highest] {
        let table = filled(20_000, hash);
        audit_sizes(&table);
        assert!(find(&table, 19_999, hash).is_some());
        assert!(find(&table, 20_000, hash).is_none());
    }
}

fn audit_sizes(table: &Table<Box<Entry>>) {
    assert!(table.directory.len() <= 8 * table.segments.len());
    assert!(table.heap_bytes() <= 20 * table.len(), "{}", table.heap_bytes());
}

#[test]
fn random_is_nearly_uniform_in_dense_and_sparse_tables() {
    for (inserted, kept) in [(2, 2), (300, 300), (3000, 3000), (20_000, 2000)] {
        let mut table = filled(inserted, spread);
        (kept..inserted).for_each(|number| remove(&mut table, number, spread));
        let draws = kept * 200;
        let mut counts = vec![0u32; kept as usize];
        for r in 0..u64::from(draws) {
            let item = table.random(r.wrapping_mul(0x2545_f491_4f6c_dd1d)).expect("not empty");
            counts[item.value as usize] += 1;
        }
        // 200 ± 14 would be perfect; six deviations and a little bias are allowed.
        assert!(counts.iter().all(|&count| (100..300).contains(&count)));
    }
}

#[test]
fn random_with_deadline_finds_the_only_one() {
    let mut table = filled(50_000, spread);
    assert!(table.random_with_deadline(1).is_none());
    insert(&mut table, 50_000, Some(5), spread);
    assert_eq!(table.random_with_deadline(1).map(|item| item.value), Some(50_000));
}

#[test]
fn expiry_finishes_whatever_the_budget() {
    for budget in [0, 1, 1000, usize::MAX] {
        let mut table = Table::new();
        for number in 0..10_000 {
            let deadline = (number % 2 == 0).then_some(u64::from(number));
            insert(&mut table, number, deadline, spread);
        }
        let (mut removed, mut calls) = (0, 1);
        while table.remove_due(4999, budget, spread, |_| removed += 1) {
            calls += 1;
            assert!(calls < 200, "every call makes progress");
        }
        assert_eq!((removed, table.deadlines()), (2500, 2500));
        assert_eq!(table.next_deadline(), Some(5000));
        audit(&table, spread);
        assert!(!table.remove_due(u64::MAX, usize::MAX, spread, |_| {}));
        assert_eq!((table.len(), table.next_deadline()), (5000, None));
    }
}

#[test]
fn take_all_empties_the_table() {
    let mut table = filled(5000, spread);
    assert_eq!(table.take_all().count(), 5000);
    audit(&table, spread);
    assert!(table.is_empty());
    insert(&mut table, 1, None, spread);
    table.clear();
    assert_eq!(table.heap_bytes(), 0);
}

#[test]
fn low_byte_of_the_hash_is_ignored() {
    let mut table = Table::new();
    let hash = |key: &[u8]| spread(key) & !0xff;
    for number in 0..2000 {
        let key = key_of(number);
        table.insert(hash(&key) | 0x5a, entry(number, number, None), hash);
        assert!(table.find(hash(&key) | 0xa5, &key).is_some());
    }
}

#[test]
fn expected_items_move_nothing() {
    for (expected, count) in [(1, 1), (2, 300), (300, 20), (340, 340), (5000, 4000), (20_000, 20_000), (900, 9000)] {
        let mut table = Table::new();
        table.expect(expected as usize);
        let (segments, depth) = (table.segments.len(), table.depth);
        assert!(table.heap_bytes() < 64 + expected as usize / 2, "{} bytes", table.heap_bytes());
        (0..count).for_each(|number| insert(&mut table, number, Some(number.into()), spread));
        audit(&table, spread);
        let natural = filled(count, spread);
        if count <= expected {
            assert!(table.segments.len() <= segments + segments / 50, "{} of {segments}", table.segments.len());
            assert!(table.depth <= depth + 1);
        }
        if count >= expected {
            assert!(table.heap_bytes() <= natural.heap_bytes() * 3 / 2 + 64, "{expected}: {table:?}, {natural:?}");
        }
        // Once there is something in it, a table knows better.
        table.expect(1 << 20);
        audit(&table, spread);
        let mut seen = HashSet::new();
        let mut from = Some(0);
        while let Some(position) = from {
            from = table.scan(position, |item| assert!(seen.insert(item.value)), spread);
        }
        assert_eq!(seen.len(), count as usize);
        (0..count).for_each(|number| remove(&mut table, number, spread));
        audit(&table, spread);
    }
}
