//! RDB files: any bytes between a header and a right checksum. What is taken can be written and comes back, and however
//! the file arrives, the same is read.
#![no_main]

use std::io::Read;

use larder_core::hash::KeyHasher;
use larder_core::keyspace::entry::Entry;
use larder_core::rdb::{
    FileError, Form, Limits, read_leading_file, write_database, write_end, write_entry, write_header,
};
use larder_core::settings::Settings;
use larder_core::structure::rdb::crc64;
use libfuzzer_sys::fuzz_target;

/// A reader that hands out a few bytes at a time.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = 3.min(self.0.len()).min(buffer.len());
        let (head, tail) = self.0.split_at(len);
        buffer[..len].copy_from_slice(head);
        self.0 = tail;
        Ok(len)
    }
}

fuzz_target!(|input: (bool, &[u8])| {
    let (is_raw, bytes) = input;
    let mut file = Vec::new();
    if !is_raw {
        file.extend_from_slice(b"REDIS0012\xfe\x00");
    }
    file.extend_from_slice(bytes);
    if !is_raw {
        finish(&mut file);
    }
    let whole = read(&mut &file[..]);
    let in_drops = read(&mut Drops(&file));
    match (&whole, &in_drops) {
        (Ok((entries, at)), Ok((others, other_at))) => assert_eq!((entries.len(), at), (others.len(), other_at)),
        (Err(_), Err(_)) => {}
        other => panic!("{other:?}"),
    }
    let Ok((entries, _)) = whole else { return };

    let form = Form::new(&Settings::default());
    let mut again = Vec::new();
    write_header(11, &mut again);
    for (db, entry) in &entries {
        write_database(*db, &mut again);
        write_entry(entry, &form, &mut again);
    }
    finish(&mut again);
    let (back, _) = read(&mut &again[..]).expect("what was taken can be written");
    assert_eq!(back.len(), entries.len());
    for ((db, entry), (other_db, other)) in entries.iter().zip(&back) {
        assert_eq!((db, entry.key(), entry.deadline_ms()), (other_db, other.key(), other.deadline_ms()));
    }
});

fn finish(file: &mut Vec<u8>) {
    write_end(file);
    file.extend_from_slice(&crc64::update(0, file).to_le_bytes());
}

/// The entries of a file, and where it ends.
fn read(file: &mut dyn Read) -> Result<(Vec<(u16, Entry)>, u64), FileError> {
    let limits = Limits::new(&Settings::default(), KeyHasher::new([1, 2]));
    let mut entries = Vec::new();
    let behind = read_leading_file(file, &limits, true, |db, entry| {
        entries.push((db, entry));
        Ok(())
    })?;
    Ok((entries, behind.at))
}
