//! Snapshots that are read and placed in batches.

use std::collections::BTreeMap;

use super::*;
use crate::keyspace::entry::{Entry, NewValue};
use crate::rdb::{Form, write_database, write_end, write_entry, write_header, write_sizes};
use crate::structure::rdb::crc64;

const SHARDS: usize = 8;

/// More than a batch holds.
const KEYS: usize = 5000;

/// Keys that the files of other sizes have.
const FEW: usize = 100;

type Content = BTreeMap<(u16, Vec<u8>), Option<u64>>;

fn layout() -> Layout {
    Layout::new(SHARDS, 4, [7, 9])
}

/// A file of keys in database 2, which are announced as told.
fn file(keys: usize, announced: &[(u16, usize)]) -> (Vec<u8>, Content) {
    let form = Form::new(&Settings::default());
    let (mut out, mut content) = (Vec::new(), Content::new());
    write_header(11, &mut out);
    for (db, keys) in announced {
        write_database(*db, &mut out);
        write_sizes(*keys, 0, &mut out);
    }
    write_database(2, &mut out);
    for number in 0..keys {
        let (name, deadline_ms) = (format!("key:{number}"), (number % 5 == 0).then_some(1 << 40 | number as u64));
        write_entry(&Entry::new(name.as_bytes(), NewValue::Bytes(b"value"), deadline_ms, 0), &form, &mut out);
        content.insert((2, name.into_bytes()), deadline_ms);
    }
    write_end(&mut out);
    out.extend_from_slice(&crc64::update(0, &out).to_le_bytes());
    (out, content)
}

/// The shards of a file, and the batches it came in.
fn read(file: &[u8]) -> Result<(Vec<Shard>, usize), StoreError> {
    let mut shards = layout().build();
    let mut file = file;
    let mut reader = SnapshotReader::new(&mut file, &layout(), &Settings::default())?;
    let mut batches = 0;
    while let Some(batch) = reader.next_batch()? {
        batch.place(&mut shards);
        batches += 1;
    }
    Ok((shards, batches))
}

fn content(shards: &[Shard]) -> Content {
    let mut content = Content::new();
    for (id, shard) in shards.iter().enumerate() {
        for db in 0..shard.databases() {
            for entry in shard.database(db).iter() {
                let hash = layout().hash(entry.key());
                assert_eq!(layout().shard_of(hash), id);
                assert!(shard.peek(db, hash, entry.key()).is_some_and(|found| std::ptr::eq(found, entry)));
                assert!(content.insert((db, entry.key().to_vec()), entry.deadline_ms()).is_none());
            }
        }
    }
    content
}

fn heap_bytes(shards: &[Shard]) -> usize {
    shards.iter().map(Shard::heap_bytes).sum()
}

#[test]
fn everything_comes_back_in_batches() {
    for keys in [0, 1, FEW, KEYS] {
        let (file, expected) = file(keys, &[(2, keys)]);
        let (shards, batches) = read(&file).expect("it is whole");
        assert_eq!(content(&shards), expected);
        assert_eq!(batches, keys.div_ceil(1024));
        let source: SnapshotFile = Some((1, Box::new(std::io::Cursor::new(file))));
        let shards = load(source, Box::new(std::iter::empty()), &layout(), &Settings::default()).expect("it is whole");
        assert_eq!(content(&shards), expected);
    }
}

#[test]
fn announced_keys_may_be_any_number() {
    let least = heap_bytes(&read(&file(FEW, &[]).0).expect("it is whole").0);
    for announced in [0, 1, FEW, 10 * FEW, 1 << 24, usize::MAX] {
        // Said again and again, and of databases that there are not, it is believed no more.
        let (file, expected) =
            file(FEW, &[(2, announced), (0, announced), (1, announced), (2, announced), (9, announced)]);
        let (shards, _) = read(&file).expect("it is whole");
        assert_eq!(content(&shards), expected);
        assert!(heap_bytes(&shards) < least + (16 << 20), "{} bytes", heap_bytes(&shards));
    }
}

#[test]
fn damage_is_seen_in_every_batch() {
    let (file, _) = file(1500, &[(2, 1500)]);
    for at in (0..file.len()).step_by(211) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        assert!(read(&damaged).is_err(), "byte {at}");
    }
    assert!(read(&file[..file.len() - 1]).is_err());
    assert!(read(&[&file[..], b"x"].concat()).is_err());
    assert!(read(&file).is_ok());
}

#[test]
fn keys_of_no_database_are_refused() {
    let mut file = b"REDIS0011\xfe\x04\x00\x01k\x01v\xff".to_vec();
    file.extend_from_slice(&crc64::update(0, &file).to_le_bytes());
    let Err(StoreError::Corrupt(why)) = read(&file) else { panic!("refused") };
    assert!(why.contains("byte 11: a database number is above"), "{why}");
}
