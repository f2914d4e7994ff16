//! Persistence: a log of numbered records, and snapshots that cover them up to a number.
//!
//! Everything a restart needs is a snapshot of the keyspace after some record and the records behind it. Any place
//! that keeps bytes can offer that: files, a browser's private file system, an object store. This module knows the
//! formats and the rules; the bytes go through [`vfs::Vfs`] or a [`Store`] of another kind, which hosts bring.

pub mod check;
pub mod file;
pub mod manifest;
pub mod memory;
pub mod plant;
pub mod record;
mod recover;
mod segment;
pub mod sim;
mod snapshot;
pub mod suite;
#[cfg(test)]
mod tests;
pub mod vfs;

use std::fmt;
use std::io::{Read, Write};

pub use record::Lsn;

/// Where a host keeps the log and the snapshots. One process has it open at a time.
pub trait Store: Send + Sync {
    /// Appends whole records, the last of which is `last`. Once this returns they survive the end of the process; a
    /// store across a network may gather them for a quarter of a second instead. One caller at a time. After an error
    /// nothing more can be appended until a snapshot has been committed.
    fn append(&self, records: &[u8], last: Lsn) -> Result<(), StoreError>;

    /// Makes everything that was appended before the call survive a power cut, and answers its last number. May run
    /// beside [`Store::append`]; one caller at a time. A failed flush is never repeated: see [`Store::append`].
    fn flush(&self) -> Result<Lsn, StoreError>;

    /// Begins a snapshot of a state that is at least as new as the last record appended. This, with the commit, is also
    /// how a store heals after an error.
    fn begin_snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError>;

    /// Small flushes are to come, each of which somebody waits for. A store may make room ahead for what they will
    /// flush: where a file does not grow, its device has only the records to write, and not its length as well.
    fn expect_flushes(&self) {}

    /// Work for a thread that may wait for the device, about once a second.
    fn maintain(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Flushes and notes that nothing is missing at the end of the log.
    fn close(&self) -> Result<(), StoreError>;

    /// How things stand, for INFO.
    fn status(&self) -> Status;
}

/// A snapshot that is being written. Dropped without [`Snapshot::commit`] it leaves nothing behind.
pub trait Snapshot: Write + Send {
    /// Makes the snapshot, which holds the state after record `lsn`, the one that a restart begins with. The log before
    /// it may be dropped. Answers its bytes.
    fn commit(self: Box<Self>, lsn: Lsn) -> Result<u64, StoreError>;
}

/// The payload of a change and its number, or why it cannot be read.
pub type NextChange = Result<(Lsn, Vec<u8>), StoreError>;

/// A store that was opened, with what it held.
pub struct Opened {
    /// The store, ready to append the record after the last one read.
    pub store: Box<dyn Store>,
    /// The snapshot to begin with, and the number it covers.
    pub snapshot: Option<(Lsn, Box<dyn Read + Send>)>,
    /// The payloads of the changes behind the snapshot, in order. To be read to the end before anything is appended.
    pub changes: Box<dyn Iterator<Item = NextChange> + Send>,
    /// Number of the last record.
    pub last: Lsn,
    /// Bytes behind the last whole record that were cut off: a write that a crash interrupted.
    pub truncated_bytes: u64,
}

/// How a store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Its kind, as `--store` names it.
    pub backend: &'static str,
    /// Bytes of the log behind the last snapshot.
    pub log_bytes: u64,
    /// Bytes of the last snapshot.
    pub snapshot_bytes: u64,
    /// Number that the last snapshot covers.
    pub snapshot_lsn: Lsn,
    /// Number up to which the log survives the end of the process.
    pub appended: Lsn,
    /// Number up to which the log survives a power cut.
    pub flushed: Lsn,
}

/// Why a store cannot do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Another process has it open.
    InUse(String),
    /// What it holds is damaged; the text says where.
    Corrupt(String),
    /// It was written by a newer version.
    TooNew(String),
    /// Another writer has taken over.
    Fenced(String),
    /// Reading or writing failed.
    Io(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(text) | Self::Corrupt(text) | Self::TooNew(text) | Self::Fenced(text) | Self::Io(text) => {
                out.write_str(text)
            }
        }
    }
}

impl std::error::Error for StoreError {}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}
