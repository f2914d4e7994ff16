//! An object of the log as bytes: a header, and records behind it. The fence of a writer has none.
//!
//! `magic 7 | version u8 | epoch u64 | writer u64 | number u64 | last u64 | body length u64 | crc32c of the body u32 |
//! crc32c of the header u32`, little-endian.

use larder_core::store::record::{Change, Kind, read_record};
use larder_core::store::{Lsn, StoreError};
use object_store::PutPayload;

/// What an object of the log begins with; a version follows.
const MAGIC: &[u8; 7] = b"LARDLOG";

/// Newest version of the format that this code knows.
const VERSION: u8 = 1;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 56;

/// Most of the header is covered by the checksum that ends it.
const CHECKED_BYTES: usize = HEADER_BYTES - 4;

/// What stands before the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Epoch of the writer.
    pub epoch: u64,
    /// The number that tells writers apart.
    pub writer: u64,
    /// Number of the object.
    pub number: u64,
    /// The newest record of the log, with those that follow here.
    pub last: Lsn,
    /// Bytes behind the header.
    pub body_len: u64,
    body_sum: u32,
}

/// Name of an object of the log.
pub fn name_of(number: u64) -> String {
    format!("log/{number:016}")
}

/// Number of an object of the log, by its name.
pub fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log/")?;
    (digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

impl Header {
    /// The header of these records.
    pub fn new((epoch, writer): (u64, u64), number: u64, last: Lsn, body: &[u8]) -> Self {
        Self { epoch, writer, number, last, body_len: body.len() as u64, body_sum: crc32c::crc32c(body) }
    }

    /// The bytes of an object: the header, and the records as they are.
    pub fn write(&self, body: bytes::Bytes) -> PutPayload {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        for word in [self.epoch, self.writer, self.number, self.last, self.body_len] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.body_sum.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        [bytes::Bytes::from(out), body].into_iter().collect()
    }

    /// Reads the header of the object with a number.
    pub fn read(bytes: &[u8], number: u64) -> Result<Self, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("{}: {what}", name_of(number)));
        let header = bytes.get(..HEADER_BYTES).ok_or_else(|| corrupt("it is shorter than a header"))?;
        if header[..7] != *MAGIC {
            return Err(corrupt("it is no part of a log"));
        }
        if header[7] > VERSION {
            return Err(StoreError::TooNew(format!("{} was written by a newer version", name_of(number))));
        }
        let word = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        let sum = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        if sum(CHECKED_BYTES) != crc32c::crc32c(&header[..CHECKED_BYTES]) {
            return Err(corrupt("its header is damaged"));
        }
        let header = Self {
            epoch: word(8),
            writer: word(16),
            number: word(24),
            last: word(32),
            body_len: word(40),
            body_sum: sum(48),
        };
        if header.number != number {
            return Err(corrupt("it has the number of another"));
        }
        Ok(header)
    }

    /// Reads a whole object: the header, and where its records begin.
    pub fn read_whole(bytes: &[u8], number: u64) -> Result<Self, StoreError> {
        let header = Self::read(bytes, number)?;
        let body = &bytes[HEADER_BYTES..];
        if body.len() as u64 != header.body_len {
            let text = format!("it has {} bytes of records, and had {}", body.len(), header.body_len);
            return Err(StoreError::Corrupt(format!("{}: {text}", name_of(number))));
        }
        if crc32c::crc32c(body) != header.body_sum {
            return Err(StoreError::Corrupt(format!("{}: its checksum does not fit", name_of(number))));
        }
        Ok(header)
    }
}

/// Follows the changes of the log from object to object.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    /// The record that the snapshot covers; those before it need not be complete.
    covered: Lsn,
    /// The change that was read last.
    last: Option<Lsn>,
    /// The newest epoch seen: what an older writer wrote behind it does not count.
    epoch: u64,
}

impl Chain {
    /// Begins behind a snapshot.
    pub fn new(covered: Lsn) -> Self {
        Self { covered, last: None, epoch: 0 }
    }

    /// The newest change.
    pub fn last(&self) -> Lsn {
        self.last.unwrap_or(0).max(self.covered)
    }

    /// Whether an object counts, as the next one of the log.
    pub fn takes(&mut self, header: &Header) -> bool {
        let takes = header.epoch >= self.epoch;
        self.epoch = self.epoch.max(header.epoch);
        takes
    }

    /// Reads the next change: its number, where its payload stands, and where the record ends; and whether it is news.
    pub fn next(&mut self, rest: &[u8]) -> Result<Step, &'static str> {
        let record = read_record(rest).map_err(|_| "a record is damaged")?;
        if record.kind != Kind::Change || Change::read(record.payload).is_none() {
            return Err("a record is no change");
        }
        let (lsn, len) = (record.lsn, record.len);
        let follows = match self.last {
            Some(last) => lsn > last && (lsn - 1 == last || lsn - 1 <= self.covered),
            None => lsn > 0 && lsn - 1 <= self.covered,
        };
        if !follows {
            return Err("a record is missing");
        }
        self.last = Some(lsn);
        Ok(Step { lsn, payload: len - record.payload.len()..len, is_news: lsn > self.covered })
    }
}

/// A change that was read.
pub struct Step {
    /// Its number.
    pub lsn: Lsn,
    /// Where its payload stands; the record ends with it.
    pub payload: std::ops::Range<usize>,
    /// Whether the snapshot does not have it.
    pub is_news: bool,
}
