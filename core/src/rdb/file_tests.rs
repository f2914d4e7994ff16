//! Whole files: what was written comes back, and no damage passes.

use std::io::Read;

use super::tests::{content, entry_of, limits, samples};
use super::*;
use crate::keyspace::entry::Entry;
use crate::settings::Settings;
use crate::structure::rdb::crc64;

/// A file with a value of each kind, some with an expiry, in two databases.
fn sample_file(max_bytes: usize) -> (Vec<u8>, Vec<(u16, String)>) {
    let form = Form::new(&Settings::default());
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    write_header(11, &mut out);
    for db in [0, 9] {
        write_database(db, &mut out);
        for (place, (name, sample)) in samples().into_iter().enumerate() {
            let deadline_ms = (place % 3 == 0).then_some(1_700_000_000_000 + place as u64);
            let entry = entry_of(name.as_bytes(), &sample, deadline_ms);
            let mut bytes = Vec::new();
            write_entry(&entry, &form, &mut bytes);
            if bytes.len() <= max_bytes {
                out.extend_from_slice(&bytes);
                expected.push((db, line(&entry)));
            }
        }
    }
    finish(&mut out);
    (out, expected)
}

fn finish(file: &mut Vec<u8>) {
    write_end(file);
    file.extend_from_slice(&crc64::update(0, file).to_le_bytes());
}

fn line(entry: &Entry) -> String {
    format!("{} {:?} {}", String::from_utf8_lossy(entry.key()), entry.deadline_ms(), content(entry))
}

fn read(bytes: &[u8], accepts_unchecked: bool) -> Result<Vec<(u16, String)>, FileError> {
    let mut found = Vec::new();
    read_file(&mut &bytes[..], &limits(), accepts_unchecked, |db, entry| {
        found.push((db, line(&entry)));
        Ok(())
    })?;
    Ok(found)
}

#[test]
fn every_kind_comes_back_from_a_file() {
    let (file, expected) = sample_file(usize::MAX);
    assert!(file.len() > 10_000, "{} bytes", file.len());
    assert_eq!(read(&file, false).expect("it is whole"), expected);
}

/// A reader that hands out a few bytes at a time.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 += 1;
        let len = (self.1 % 7 + 1).min(self.0.len()).min(buffer.len());
        let (head, tail) = self.0.split_at(len);
        buffer[..len].copy_from_slice(head);
        self.0 = tail;
        Ok(len)
    }
}

#[test]
fn a_file_that_comes_in_drops() {
    let (file, expected) = sample_file(2000);
    let mut count = 0;
    let take = |_, _| {
        count += 1;
        Ok(())
    };
    read_file(&mut Drops(&file, 0), &limits(), false, take).expect("it is whole");
    assert_eq!(count, expected.len());
}

/// The bar of the whole format: no byte of a file of ours may change unseen.
#[test]
fn every_flip_of_a_file_is_seen() {
    let (file, expected) = sample_file(300);
    assert!(expected.len() >= 14 && file.len() > 1000, "{} of {} bytes", expected.len(), file.len());
    for at in 0..file.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = file.clone();
            damaged[at] ^= flip;
            assert!(read(&damaged, false).is_err(), "byte {at} of {}, {flip:#x}", file.len());
        }
    }
}

#[test]
fn every_cut_of_a_file_is_seen() {
    let (file, _) = sample_file(300);
    for end in 0..file.len() {
        assert!(read(&file[..end], false).is_err(), "cut at {end} of {}", file.len());
    }
    assert!(read(&[&file[..], b"x"].concat(), false).is_err());
}

#[test]
fn no_checksum_is_for_others_only() {
    let (mut file, expected) = sample_file(300);
    let end = file.len() - 8;
    file[end..].fill(0);
    assert!(read(&file, false).is_err());
    assert_eq!(read(&file, true).expect("others may"), expected);
    file.truncate(end);
    assert!(read(&file, true).is_err(), "the eight bytes have to be there");
    // Before version 5 nothing follows the end, in files of others.
    file[5..9].copy_from_slice(b"0004");
    assert_eq!(read(&file, true).expect("an old file"), expected);
    assert!(read(&file, false).is_err());
}

#[test]
fn newer_versions_are_named() {
    let (mut file, _) = sample_file(300);
    file[5..9].copy_from_slice(b"0013");
    assert!(matches!(read(&file, true), Err(FileError::TooNew(13))));
}

#[test]
fn what_follows_a_file_is_handed_back() {
    let (file, expected) = sample_file(300);
    for tail in [&b""[..], b"*", b"*1\r\n$4\r\nPING\r\n"] {
        let bytes = [&file[..], tail].concat();
        let (mut source, mut count) = (&bytes[..], 0);
        let take = |_, _| {
            count += 1;
            Ok(())
        };
        let mut behind = read_leading_file(&mut source, &limits(), false, take).expect("it is whole");
        assert_eq!((behind.at, count), (file.len() as u64, expected.len()));
        assert_eq!(behind.ahead.is_empty(), tail.is_empty());
        behind.ahead.extend_from_slice(source);
        assert_eq!(behind.ahead, tail);
    }
}

#[test]
fn marks_between_keys_are_passed_over() {
    let mut file = b"REDIS0011".to_vec();
    file.extend_from_slice(
        b"\xfa\x01a\x01b\xf5\x03lib\xfe\x00\xfb\x01\x00\xf8\x05\x00\x01k\x01v\xf9\x07\x00\x01l\xc0\x05",
    );
    file.extend_from_slice(b"\xfd\x00\x00\x00\x70\x00\x01m\x01w\xf4\x01\x02\x03");
    finish(&mut file);
    let expected = ["k None v", "l None 5", "m Some(1879048192000) w"];
    assert_eq!(read(&file, false).expect("it is good"), expected.map(|line| (0, line.to_owned())));
}

/// A length that the file does not have makes no memory.
#[test]
fn claimed_lengths_take_no_memory() {
    for claim in [&b"\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff"[..], b"\x02\x01k\x81\x00\x00\x00\xff\xff\xff\xff\xff"] {
        let mut file = b"REDIS0011\xfe\x00".to_vec();
        file.extend_from_slice(claim);
        finish(&mut file);
        assert!(matches!(read(&file, true), Err(FileError::Corrupt(11, _))));
    }
}

#[test]
fn empty_collections_are_passed_over() {
    let mut file = Vec::new();
    write_header(11, &mut file);
    write_database(0, &mut file);
    // A list, a set, a hash and a sorted set of nothing, a hash of an empty listpack; the last two with an expiry.
    for (kind, body) in [(1, &[0][..]), (2, &[0]), (4, &[0]), (5, &[0]), (16, &[7, 7, 0, 0, 0, 0, 0, 255])] {
        if kind >= 5 {
            file.push(0xfc);
            file.extend_from_slice(&1_700_000_000_000_u64.to_le_bytes());
        }
        file.extend_from_slice(&[kind, 1, b'k']);
        file.extend_from_slice(body);
    }
    file.extend_from_slice(b"\x00\x01s\x01v");
    finish(&mut file);
    assert_eq!(read(&file, false).expect("nothing is wrong with it"), [(0, "s None v".to_owned())]);
}
