//! Segments: the files of the log, numbered, each with a header before its records.

use std::io;

use super::file::Options;
use super::manifest::{NUMBER_MAX, sync_folder, write_all};
use super::vfs::{Mode, Vfs};

const MAGIC: [u8; 8] = *b"LARDERLG";

/// Version of the format of a segment.
const VERSION: u32 = 1;

/// Bytes before the records.
pub const HEADER_BYTES: usize = 40;

/// Where the header's checksum stands.
const CHECKSUM_AT: usize = HEADER_BYTES - 4;

/// The file of a segment.
pub fn name_of(number: u64) -> String {
    format!("log-{number:010}")
}

/// The number of a segment's file.
pub fn number_of(name: &str) -> Option<u64> {
    parse_number(name.strip_prefix("log-")?)
}

/// Reads a number as file names have it: at least ten digits, no more zeros before it than they need.
pub fn parse_number(digits: &str) -> Option<u64> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 10 || !digits.starts_with('0'));
    (digits.len() >= 10 && is_plain).then(|| digits.parse().ok())?.filter(|number| *number < NUMBER_MAX)
}

/// What the header of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The process that writes it: see [`super::manifest::Manifest::epoch`].
    pub epoch: u64,
    /// Its number, as in its name.
    pub number: u64,
    /// Stands in each flush mark of the segment, so that no client can make one up inside a value.
    pub salt: u64,
}

/// Creates a segment that survives a power cut.
pub fn create<V: Vfs>(vfs: &V, header: Header, options: &Options) -> io::Result<V::File> {
    let name = name_of(header.number);
    let file = vfs.open(&name, Mode::Create)?;
    let made = write_all(vfs, &file, 0, &header.bytes()).and_then(|()| vfs.sync(&file));
    match made.and_then(|()| sync_folder(vfs, options)) {
        Ok(()) => Ok(file),
        Err(error) => {
            // Its number is not used again; what is left of it has no records.
            let _ = vfs.close(file);
            let _ = vfs.remove(&name);
            Err(error)
        }
    }
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHeader {
    /// It is short or damaged, or of another segment.
    Damaged,
    /// It was written by a newer version.
    TooNew,
}

impl Header {
    fn bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        for (index, field) in [self.epoch, self.number, self.salt].into_iter().enumerate() {
            bytes[12 + index * 8..20 + index * 8].copy_from_slice(&field.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of segment `number`.
    pub fn read(content: &[u8], number: u64) -> Result<Self, BadHeader> {
        let header = content.first_chunk::<HEADER_BYTES>().ok_or(BadHeader::Damaged)?;
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        if header[..8] != MAGIC || word(CHECKSUM_AT) != crc32c::crc32c(&header[..CHECKSUM_AT]) {
            return Err(BadHeader::Damaged);
        }
        if word(8) > VERSION {
            return Err(BadHeader::TooNew);
        }
        let field = |index: usize| {
            let at = 12 + index * 8;
            u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"))
        };
        let found = Self { epoch: field(0), number: field(1), salt: field(2) };
        if found.number == number && found.epoch < NUMBER_MAX { Ok(found) } else { Err(BadHeader::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flip_of_a_header_is_seen() {
        let header = Header { epoch: 3, number: 7, salt: u64::MAX };
        let bytes = header.bytes();
        assert_eq!(Header::read(&bytes, 7), Ok(header));
        assert_eq!(Header::read(&bytes, 8), Err(BadHeader::Damaged));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&flipped, 7), Err(BadHeader::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut bytes = Header { epoch: 1, number: 1, salt: 1 }.bytes();
        bytes[8..12].copy_from_slice(&2u32.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Header::read(&bytes, 1), Err(BadHeader::TooNew));
    }

    #[test]
    fn names_come_back() {
        assert_eq!(number_of(&name_of(7)), Some(7));
        assert_eq!(number_of(&name_of(12_345_678_901)), Some(12_345_678_901));
        assert_eq!(number_of("log-7"), None);
        assert_eq!(number_of("log-00000000007"), None);
        assert_eq!(number_of("snapshot-7.rdb"), None);
    }
}
