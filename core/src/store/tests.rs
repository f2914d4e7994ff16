//! The conformance suite on every store of this crate, and what the file store does with damaged folders.

use std::io::Read;

use super::check::{check, salvage};
use super::file::{FileStore, Options};
use super::memory::MemoryPlace;
use super::record::{FlushMark, write_change, write_flush_mark};
use super::sim::{Cut, Fault, SimDisk};
use super::{Lsn, Opened, Store, StoreError, suite};

fn open(disk: &SimDisk) -> Result<Opened, StoreError> {
    let options = Options { segment_bytes: 300, ..Options::default() };
    FileStore::open(disk.vfs(), options)
}

#[test]
fn memory_passes_the_suite() {
    suite::run(|| {
        let place = MemoryPlace::new();
        Box::new(move || place.open())
    });
}

#[test]
fn simulated_disks_pass_the_suite() {
    suite::run(|| {
        let disk = SimDisk::new();
        Box::new(move || open(&disk))
    });
}

fn append(store: &dyn Store, lsns: std::ops::RangeInclusive<Lsn>) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    for lsn in lsns.clone() {
        write_change(&mut bytes, lsn, 0, 0, |out| out.extend_from_slice(&[b'x'; 50]));
    }
    store.append(&bytes, *lsns.end())
}

/// A folder with a snapshot of record 3 and the previous generation, records up to 9, flushed up to 8.
fn sample() -> SimDisk {
    let disk = SimDisk::new();
    let store = open(&disk).expect("it is new").store;
    append(&*store, 1..=3).expect("it is healthy");
    let mut snapshot = store.begin_snapshot().expect("it is healthy");
    snapshot.write_all(b"state after three").expect("it is healthy");
    snapshot.commit(3).expect("it is healthy");
    append(&*store, 4..=8).expect("it is healthy");
    store.flush().expect("it is healthy");
    append(&*store, 9..=9).expect("it is healthy");
    drop(store);
    disk.kill();
    disk
}

/// Reads what a folder holds.
fn last_of(disk: &SimDisk) -> Result<Lsn, StoreError> {
    let opened = open(disk)?;
    if let Some((_, mut reader)) = opened.snapshot {
        reader.read_to_end(&mut Vec::new())?;
    }
    let mut last = opened.store.status().snapshot_lsn;
    for change in opened.changes {
        let (lsn, _) = change?;
        assert_eq!(lsn, last + 1, "there is no gap");
        last = lsn;
    }
    assert_eq!(last, opened.last);
    Ok(last)
}

fn with(disk: &SimDisk, name: &str, edit: impl FnOnce(&mut Vec<u8>)) -> SimDisk {
    let copy = disk.copy();
    let (_, mut bytes) = copy.files().into_iter().find(|(found, _)| found == name).expect("there is such a file");
    edit(&mut bytes);
    copy.put(name, bytes);
    copy
}

#[test]
fn every_flip_and_cut_is_seen_or_harmless() {
    let disk = sample();
    for (name, content) in disk.files() {
        for bit in 0..content.len() * 8 {
            let damaged = with(&disk, &name, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let found = last_of(&damaged);
            assert!(matches!(found, Ok(8 | 9) | Err(StoreError::Corrupt(_))), "{name} bit {bit}: {found:?}");
        }
        for len in 0..content.len() {
            let found = last_of(&with(&disk, &name, |bytes| bytes.truncate(len)));
            // Without a mark behind it, a missing end cannot be told from one that never came.
            let may_lose = name.starts_with("log");
            let is_fine = matches!(found, Ok(8 | 9) | Err(StoreError::Corrupt(_))) || may_lose && found.is_ok();
            assert!(is_fine, "{name} cut at {len}: {found:?}");
        }
    }
}

#[test]
fn a_closed_log_has_its_end() {
    let disk = SimDisk::new();
    let store = open(&disk).expect("it is new").store;
    append(&*store, 1..=3).expect("it is healthy");
    store.close().expect("it is healthy");
    drop(store);
    let (log, content) = disk.files().into_iter().find(|(name, _)| name.starts_with("log")).expect("there is a log");
    for len in 0..content.len() {
        let found = last_of(&with(&disk, &log, |bytes| bytes.truncate(len)));
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "cut at {len}: {found:?}");
    }
}

#[test]
fn a_missing_manifest_is_no_empty_folder() {
    let disk = sample();
    for slot in ["MANIFEST-0", "MANIFEST-1"] {
        disk.put(slot, b"not a manifest\n".to_vec());
    }
    let before = disk.files();
    assert!(matches!(last_of(&disk), Err(StoreError::Corrupt(_))));
    assert_eq!(disk.files(), before, "what is refused is not touched");
}

#[test]
fn power_cuts_at_any_call_of_the_first_start_leave_a_folder_that_opens() {
    let calls = {
        let disk = SimDisk::new();
        drop(open(&disk));
        disk.calls()
    };
    for call in 0..=calls {
        for cut in Cut::ALL {
            let disk = SimDisk::new();
            disk.fail_at(call, Fault::PowerCut);
            drop(open(&disk));
            disk.cut_power(cut, call);
            assert_eq!(last_of(&disk), Ok(0), "{cut:?} at call {call}");
        }
    }
}

#[test]
fn power_cuts_while_a_closed_folder_is_opened_are_no_damage() {
    let closed = sample();
    open(&closed).expect("it opens").store.close().expect("it closes");
    let calls = {
        let disk = closed.copy();
        let before = disk.calls();
        drop(open(&disk));
        before..=disk.calls()
    };
    for call in calls {
        for cut in Cut::ALL {
            let disk = closed.copy();
            disk.fail_at(call, Fault::PowerCut);
            drop(open(&disk));
            disk.cut_power(cut, call);
            assert_eq!(last_of(&disk), Ok(9), "{cut:?} at call {call}");
        }
    }
}

#[test]
fn a_torn_first_record_of_a_segment_is_cut_at_the_first_start() {
    let disk = sample();
    let store = open(&disk).expect("it opens").store;
    append(&*store, 10..=10).expect("it is healthy");
    drop(store);
    let (newest, _) = disk.files().into_iter().rfind(|(name, _)| name.starts_with("log")).expect("there is a log");
    let torn = with(&disk, &newest, |bytes| bytes.truncate(45));
    assert_eq!(last_of(&torn), Ok(9));
}

#[test]
fn a_value_that_looks_like_a_mark_is_none() {
    let disk = SimDisk::new();
    let store = open(&disk).expect("it is new").store;
    let mut bytes = Vec::new();
    write_change(&mut bytes, 1, 0, 0, |out| write_flush_mark(out, 7, FlushMark { flushed: 7, salt: 41 }));
    let len = bytes.len();
    store.append(&bytes, 1).expect("it is healthy");
    drop(store);
    let torn = with(&disk, "log-0000000000", |bytes| {
        let at = bytes.len() - len;
        bytes[at + 4] ^= 1;
    });
    assert_eq!(last_of(&torn), Ok(0), "the record is torn, and nothing else");
}

#[test]
fn a_lost_flush_is_healed_and_never_repeated() {
    let disk = SimDisk::new();
    let store = open(&disk).expect("it is new").store;
    append(&*store, 1..=2).expect("it is healthy");
    disk.fail_at(disk.calls(), Fault::LostFlush);
    assert!(store.flush().is_err());
    assert!(store.flush().is_err() && append(&*store, 3..=3).is_err(), "the segment is poisoned");
    let mut snapshot = store.begin_snapshot().expect("a new file may be written");
    snapshot.write_all(b"state after three").expect("a new file may be written");
    snapshot.commit(3).expect("it heals");
    append(&*store, 4..=4).expect("it is healed");
    assert_eq!(store.flush(), Ok(4));
    drop(store);
    disk.cut_power(Cut::Nothing, 0);
    assert_eq!(last_of(&disk), Ok(4));
}

#[test]
fn a_lost_flush_is_not_repeated_by_the_next_process_either() {
    let disk = SimDisk::new();
    let store = open(&disk).expect("it is new").store;
    append(&*store, 1..=2).expect("it is healthy");
    disk.fail_at(disk.calls(), Fault::LostFlush);
    assert!(store.flush().is_err());
    drop(store);
    disk.kill();
    let opened = open(&disk).expect("the bytes can still be read");
    assert_eq!((opened.last, opened.store.status().flushed), (2, 2));
    drop(opened);
    disk.cut_power(Cut::Nothing, 0);
    assert_eq!(last_of(&disk), Ok(2), "what was said to be flushed is");
}

#[test]
fn restarts_do_not_fill_the_folder() {
    let disk = sample();
    drop(open(&disk));
    let sizes = || disk.files().iter().map(|(name, bytes)| (name.len() + bytes.len()) / 64).sum::<usize>();
    let before = sizes();
    for _ in 0..20 {
        assert_eq!(last_of(&disk), Ok(9));
        disk.kill();
    }
    assert_eq!(sizes(), before);
}

#[test]
fn a_failed_start_of_a_segment_is_no_hole() {
    let disk = SimDisk::new();
    let store = open(&disk).expect("it is new").store;
    append(&*store, 1..=2).expect("it is healthy");
    // The header cannot be written, and what is left cannot be removed.
    let calls = disk.calls();
    for call in [calls + 1, calls + 2, calls + 3] {
        disk.fail_at(call, Fault::Error);
    }
    assert!(store.begin_snapshot().is_err());
    store.begin_snapshot().expect("the fault is over").commit(2).expect("the fault is over");
    append(&*store, 3..=4).expect("it is healthy");
    store.flush().expect("it is healthy");
    append(&*store, 5..=5).expect("it is healthy");
    drop(store);
    assert_eq!(last_of(&disk), Ok(5));
}

#[test]
fn checking_finds_the_place_and_changes_nothing() {
    let disk = sample();
    let before = disk.files();
    let report = check(disk.vfs()).expect("it can be read");
    assert_eq!((report.snapshot, report.last, report.changes), (Some((3, 17)), 9, 6));
    assert_eq!((report.damage, report.torn, disk.files()), (None, None, before));

    let segment = "log-0000000001";
    let damaged = with(&disk, segment, |bytes| bytes[60] ^= 1);
    let report = check(damaged.vfs()).expect("it can be read");
    let damage = report.damage.expect("it is damaged");
    assert!(damage.starts_with("log-0000000001 at byte 40:"), "{damage}");

    let torn = with(&disk, segment, |bytes| bytes.truncate(bytes.len() - 1));
    let report = check(torn.vfs()).expect("it can be read");
    assert!(report.damage.is_none() && report.torn.is_some());
}

#[test]
fn salvage_saves_what_has_no_gap() {
    let cases: [(&str, usize, Option<Lsn>, Lsn); 3] = [
        // The snapshot is lost: the log of the generation before has its records.
        ("snapshot-0000000001.rdb", 3, None, 9),
        ("log-0000000001", 60, Some(3), 3),
        ("log-0000000001", 200, Some(3), 4),
    ];
    for (name, at, snapshot, last) in cases {
        let damaged = with(&sample(), name, |bytes| bytes[at] ^= 4);
        assert!(last_of(&damaged.copy()).is_err());
        let before = damaged.files();
        let target = SimDisk::new();
        let saved = salvage(damaged.vfs(), &target.vfs()).expect("something can be saved");
        assert_eq!((saved.snapshot, saved.last, saved.lost.is_empty()), (snapshot, last, false), "{name}");
        assert_eq!(damaged.files(), before);
        target.cut_power(Cut::Nothing, 0);
        assert_eq!(last_of(&target), Ok(last));
        assert!(salvage(damaged.vfs(), &target.vfs()).is_err(), "only into an empty folder");
    }
}

#[test]
fn room_made_ahead_is_no_part_of_the_log() {
    let disk = SimDisk::new();
    let log_bytes = || disk.files().iter().filter(|(name, _)| name.starts_with("log")).map(|file| file.1.len()).sum();
    let options = Options { reserve_bytes: 4000, ..Options::default() };
    let store = FileStore::open(disk.vfs(), options).expect("it is new").store;
    append(&*store, 1..=3).expect("it is healthy");
    let before: usize = log_bytes();
    let counted = store.status().log_bytes;
    store.expect_flushes();
    store.expect_flushes();
    assert_eq!(log_bytes(), before + 4000, "room is made once");
    append(&*store, 4..=6).expect("it is healthy");
    assert_eq!(log_bytes(), before + 4000, "records take the room");
    assert_eq!(store.status().log_bytes, 2 * counted, "the room does not count");
    store.flush().expect("it is healthy");
    append(&*store, 7..=9).expect("it is healthy");
    drop(store);
    disk.kill();
    let opened = open(&disk).expect("a crash leaves the room");
    assert_eq!((opened.last, opened.truncated_bytes), (9, 0));
    assert_eq!(opened.changes.count(), 9);
    append(&*opened.store, 10..=12).expect("it is healthy");
    opened.store.expect_flushes();
    opened.store.close().expect("it is healthy");
    drop(opened.store);
    disk.kill();
    assert_eq!(last_of(&disk), Ok(12), "a closed log may end in room");
}

#[test]
fn a_log_closes_behind_what_only_its_snapshot_holds() {
    let disk = SimDisk::new();
    let store = open(&disk).expect("it is new").store;
    append(&*store, 1..=3).expect("it is healthy");
    let mut snapshot = store.begin_snapshot().expect("it is healthy");
    snapshot.write_all(b"state after five").expect("it is healthy");
    snapshot.commit(5).expect("it is healthy");
    store.close().expect("it is healthy");
    drop(store);
    disk.kill();
    assert_eq!(last_of(&disk), Ok(5));
}
