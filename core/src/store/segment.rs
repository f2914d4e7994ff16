//! Segments: the files of the log, numbered, each with a header before its records.

use std::io;

use super::manifest::append_all;
use super::vfs::{Mode, Vfs};

const MAGIC: [u8; 8] = *b"LARDERLG";

/// Version of the format of a segment.
const VERSION: u32 = 1;

/// Bytes before the records.
pub const HEADER_BYTES: usize = 32;

/// The file of a segment.
pub fn name_of(number: u64) -> String {
    format!("log-{number:010}")
}

/// The number of a segment's file.
pub fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log-")?;
    (digits.len() >= 10 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Creates a segment that survives a power cut.
pub fn create<V: Vfs>(vfs: &V, number: u64, epoch: u64) -> io::Result<V::File> {
    let file = vfs.open(&name_of(number), Mode::Create)?;
    append_all(vfs, &file, &header(number, epoch))?;
    vfs.sync(&file)?;
    vfs.sync_folder()?;
    Ok(file)
}

fn header(number: u64, epoch: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&epoch.to_le_bytes());
    header[20..28].copy_from_slice(&number.to_le_bytes());
    let checksum = crc32c::crc32c(&header[..28]);
    header[28..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHeader {
    /// It is short or damaged, or of another segment.
    Damaged,
    /// It was written by a newer version.
    TooNew,
}

/// Checks the header at the start of a segment.
pub fn check_header(content: &[u8], number: u64) -> Result<(), BadHeader> {
    let header = content.first_chunk::<HEADER_BYTES>().ok_or(BadHeader::Damaged)?;
    let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
    if header[..8] != MAGIC || word(28) != crc32c::crc32c(&header[..28]) {
        return Err(BadHeader::Damaged);
    }
    if word(8) > VERSION {
        return Err(BadHeader::TooNew);
    }
    if header[20..28] != number.to_le_bytes() {
        return Err(BadHeader::Damaged);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flip_of_a_header_is_seen() {
        let header = header(7, 3);
        assert_eq!(check_header(&header, 7), Ok(()));
        assert_eq!(check_header(&header, 8), Err(BadHeader::Damaged));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = header;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check_header(&flipped, 7), Err(BadHeader::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn names_come_back() {
        assert_eq!(number_of(&name_of(7)), Some(7));
        assert_eq!(number_of(&name_of(12_345_678_901)), Some(12_345_678_901));
        assert_eq!(number_of("log-7"), None);
        assert_eq!(number_of("snapshot-7.rdb"), None);
    }
}
