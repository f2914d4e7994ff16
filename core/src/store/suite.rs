//! What every store must do, as a suite of cases for those who write one.
//!
//! A place is where a store keeps its data; it is opened again and again, as by one process after the other. Each case
//! gets places of its own, which must be empty.

use std::io::Read;

use super::record::{Change, write_change};
use super::{Lsn, Opened, Snapshot, Store, StoreError};

/// Opens one place.
pub type Place<'a> = Box<dyn Fn() -> Result<Opened, StoreError> + 'a>;

/// A case and its name.
type Case = (&'static str, fn(&Place<'_>));

const CASES: &[Case] = &[
    ("a new place is empty", new_place_is_empty),
    ("what was appended comes back", appended_records_come_back),
    ("one writer at a time", one_writer_at_a_time),
    ("a flush answers the last record", flush_answers_the_last_record),
    ("nothing is missing after a close", closing_and_opening),
    ("nothing is appended after a close", closed_takes_nothing),
    ("numbers go on over many openings", numbers_go_on),
    ("a snapshot stands for the records before it", snapshot_covers),
    ("a dropped snapshot leaves nothing", dropped_snapshot_leaves_nothing),
    ("an empty snapshot is one", empty_snapshot),
    ("records come while a snapshot is written", records_beside_a_snapshot),
    ("a snapshot may be ahead of the log", snapshot_ahead_of_the_log),
    ("large and many records", large_and_many_records),
    ("snapshots follow each other", many_snapshots),
];

/// Runs every case on places that `new_place` makes. Panics with the name of the case that fails.
pub fn run<'a>(mut new_place: impl FnMut() -> Place<'a>) {
    for (name, case) in CASES {
        let place = new_place();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(&place)));
        if let Err(panic) = result {
            eprintln!("store suite: {name}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// What a place holds when it is opened.
struct Held {
    store: Box<dyn Store>,
    snapshot: Option<(Lsn, Vec<u8>)>,
    changes: Vec<(Lsn, Vec<u8>)>,
    last: Lsn,
}

fn open(place: &Place<'_>) -> Held {
    let opened = place().unwrap_or_else(|error| panic!("the place opens: {error}"));
    let snapshot = opened.snapshot.map(|(lsn, mut reader)| {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).expect("the snapshot can be read");
        (lsn, bytes)
    });
    let changes: Result<Vec<_>, _> = opened.changes.collect();
    assert_eq!(opened.truncated_bytes, 0, "nothing was cut off");
    Held { store: opened.store, snapshot, changes: changes.expect("the changes can be read"), last: opened.last }
}

/// The request of a record, told by its number.
fn request(lsn: Lsn) -> Vec<u8> {
    format!("*1\r\n$4\r\nr{lsn:03}\r\n").into_bytes()
}

fn append(store: &dyn Store, lsns: std::ops::RangeInclusive<Lsn>) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    for lsn in lsns.clone() {
        write_change(&mut bytes, lsn, lsn * 1000, 3, |out| out.extend_from_slice(&request(lsn)));
    }
    store.append(&bytes, *lsns.end())
}

fn assert_changes(held: &Held, lsns: std::ops::RangeInclusive<Lsn>) {
    let found: Vec<Lsn> = held.changes.iter().map(|(lsn, _)| *lsn).collect();
    assert_eq!(found, lsns.collect::<Vec<_>>());
    for (lsn, payload) in &held.changes {
        let change = Change::read(payload).expect("it is a change");
        assert_eq!((change.now_us, change.db, change.requests), (lsn * 1000, 3, &request(*lsn)[..]));
    }
}

fn snapshot(store: &dyn Store, bytes: &[u8]) -> Box<dyn Snapshot> {
    let mut snapshot = store.begin_snapshot().expect("a snapshot begins");
    snapshot.write_all(bytes).expect("a snapshot can be written");
    snapshot
}

fn new_place_is_empty(place: &Place<'_>) {
    for _ in 0..2 {
        let held = open(place);
        assert_eq!((held.last, held.snapshot, held.changes.len()), (0, None, 0));
        let status = held.store.status();
        assert_eq!((status.appended, status.flushed, status.snapshot_lsn, status.snapshot_bytes), (0, 0, 0, 0));
    }
}

fn appended_records_come_back(place: &Place<'_>) {
    let held = open(place);
    append(&*held.store, 1..=1).expect("records are taken");
    append(&*held.store, 2..=5).expect("records are taken");
    assert_eq!(held.store.status().appended, 5);
    drop(held);
    let held = open(place);
    assert_eq!((held.last, held.snapshot.is_none()), (5, true));
    assert_changes(&held, 1..=5);
}

/// A second opener is refused, or takes over; then the first writes nothing more.
fn one_writer_at_a_time(place: &Place<'_>) {
    let held = open(place);
    append(&*held.store, 1..=1).expect("records are taken");
    held.store.flush().expect("it flushes");
    match place() {
        Err(error) => {
            assert!(matches!(error, StoreError::InUse(_)), "a second opener is refused: {error}");
            drop(held);
        }
        Ok(second) => {
            // It may take a flush to find out.
            let _ = append(&*held.store, 2..=2);
            assert!(matches!(held.store.flush(), Err(StoreError::Fenced(_))), "the first is fenced");
            assert!(append(&*held.store, 3..=3).is_err(), "and takes nothing more");
            let heals = held.store.begin_snapshot().and_then(|snapshot| snapshot.commit(3));
            assert!(matches!(heals, Err(StoreError::Fenced(_))), "nor does a snapshot heal it");
            append(&*second.store, 2..=2).expect("records are taken");
            second.store.flush().expect("it flushes");
            drop(held);
            drop(second);
            assert_changes(&open(place), 1..=2);
            return;
        }
    }
    assert_changes(&open(place), 1..=1);
}

fn flush_answers_the_last_record(place: &Place<'_>) {
    let held = open(place);
    assert_eq!(held.store.flush(), Ok(0));
    append(&*held.store, 1..=3).expect("records are taken");
    assert_eq!(held.store.status().flushed, 0);
    assert_eq!(held.store.flush(), Ok(3));
    assert_eq!((held.store.status().flushed, held.store.flush()), (3, Ok(3)));
    append(&*held.store, 4..=4).expect("records are taken");
    assert_eq!(held.store.flush(), Ok(4));
}

fn closing_and_opening(place: &Place<'_>) {
    let held = open(place);
    append(&*held.store, 1..=3).expect("records are taken");
    held.store.close().expect("it closes");
    drop(held);
    let held = open(place);
    assert_changes(&held, 1..=3);
    append(&*held.store, 4..=4).expect("records are taken");
    drop(held);
    let held = open(place);
    assert_changes(&held, 1..=4);
    held.store.close().expect("it closes");
    drop(held);
    assert_changes(&open(place), 1..=4);
}

fn closed_takes_nothing(place: &Place<'_>) {
    let held = open(place);
    append(&*held.store, 1..=1).expect("records are taken");
    held.store.close().expect("it closes");
    assert!(append(&*held.store, 2..=2).is_err());
    drop(held);
    assert_changes(&open(place), 1..=1);
}

fn numbers_go_on(place: &Place<'_>) {
    for lsn in 1..20 {
        let held = open(place);
        assert_eq!(held.last, lsn - 1);
        assert_changes(&held, 1..=lsn - 1);
        append(&*held.store, lsn..=lsn).expect("records are taken");
        if lsn % 3 == 0 {
            held.store.flush().expect("it flushes");
        }
        if lsn % 5 == 0 {
            held.store.close().expect("it closes");
        }
    }
}

fn snapshot_covers(place: &Place<'_>) {
    let held = open(place);
    append(&*held.store, 1..=3).expect("records are taken");
    assert_eq!(snapshot(&*held.store, b"three").commit(3), Ok(5));
    let status = held.store.status();
    assert_eq!((status.snapshot_lsn, status.snapshot_bytes), (3, 5));
    append(&*held.store, 4..=6).expect("records are taken");
    drop(held);
    for _ in 0..2 {
        let held = open(place);
        assert_eq!((held.last, &held.snapshot), (6, &Some((3, b"three".to_vec()))));
        assert_changes(&held, 4..=6);
    }
}

fn dropped_snapshot_leaves_nothing(place: &Place<'_>) {
    let held = open(place);
    append(&*held.store, 1..=2).expect("records are taken");
    drop(snapshot(&*held.store, b"not meant"));
    append(&*held.store, 3..=3).expect("records are taken");
    drop(held);
    let held = open(place);
    assert!(held.snapshot.is_none());
    assert_changes(&held, 1..=3);
}

fn empty_snapshot(place: &Place<'_>) {
    let held = open(place);
    assert_eq!(snapshot(&*held.store, b"").commit(0), Ok(0));
    append(&*held.store, 1..=1).expect("records are taken");
    drop(held);
    let held = open(place);
    assert_eq!(held.snapshot, Some((0, Vec::new())));
    assert_changes(&held, 1..=1);
}

fn records_beside_a_snapshot(place: &Place<'_>) {
    let held = open(place);
    append(&*held.store, 1..=2).expect("records are taken");
    let mut writing = snapshot(&*held.store, b"tw");
    append(&*held.store, 3..=4).expect("records are taken");
    held.store.flush().expect("it flushes");
    held.store.maintain().expect("it is maintained");
    writing.write_all(b"o").expect("a snapshot can be written");
    append(&*held.store, 5..=5).expect("records are taken");
    writing.commit(2).expect("it is committed");
    append(&*held.store, 6..=6).expect("records are taken");
    drop(held);
    let held = open(place);
    assert_eq!(held.snapshot, Some((2, b"two".to_vec())));
    assert_changes(&held, 3..=6);
}

/// The host may hold back records that the snapshot has already.
fn snapshot_ahead_of_the_log(place: &Place<'_>) {
    let held = open(place);
    append(&*held.store, 1..=2).expect("records are taken");
    let ahead = snapshot(&*held.store, b"five");
    append(&*held.store, 3..=3).expect("records are taken");
    ahead.commit(5).expect("it is committed");
    drop(held);
    let held = open(place);
    assert_eq!((held.last, &held.snapshot), (5, &Some((5, b"five".to_vec()))));
    assert!(held.changes.is_empty());
    append(&*held.store, 6..=7).expect("records are taken");
    held.store.flush().expect("it flushes");
    append(&*held.store, 8..=8).expect("records are taken");
    drop(held);
    let held = open(place);
    assert_changes(&held, 6..=8);
    // Those held back come late: they are no news.
    let ahead = snapshot(&*held.store, b"ten");
    ahead.commit(10).expect("it is committed");
    append(&*held.store, 9..=12).expect("records are taken");
    drop(held);
    let held = open(place);
    assert_eq!(held.last, 12);
    assert_changes(&held, 11..=12);
}

fn large_and_many_records(place: &Place<'_>) {
    let large = vec![b'x'; 3 << 20];
    let held = open(place);
    let mut bytes = Vec::new();
    write_change(&mut bytes, 1, 0, 0, |out| out.extend_from_slice(&large));
    held.store.append(&bytes, 1).expect("records are taken");
    for lsn in 2..500 {
        append(&*held.store, lsn..=lsn).expect("records are taken");
        if lsn % 100 == 0 {
            held.store.maintain().expect("it is maintained");
        }
    }
    drop(held);
    let held = open(place);
    assert_eq!((held.last, held.changes.len()), (499, 499));
    assert_eq!(Change::read(&held.changes[0].1).map(|change| change.requests), Some(&large[..]));
}

fn many_snapshots(place: &Place<'_>) {
    let mut lsn = 0;
    for round in 0..6u8 {
        let held = open(place);
        assert_eq!(held.last, lsn);
        append(&*held.store, lsn + 1..=lsn + 2).expect("records are taken");
        snapshot(&*held.store, &[round; 100]).commit(lsn + 2).expect("it is committed");
        append(&*held.store, lsn + 3..=lsn + 3).expect("records are taken");
        lsn += 3;
        drop(held);
        let held = open(place);
        assert_eq!(held.snapshot, Some((lsn - 1, vec![round; 100])));
        assert_changes(&held, lsn..=lsn);
    }
}
