//! A store that keeps everything in memory: for tests, and for places without any other.

use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::{HEAD_BYTES, Kind, read_record};
use super::{Lsn, Opened, Snapshot, Status, Store, StoreError};

/// A place in memory that outlives the stores opened on it. Clones are the same place.
#[derive(Clone, Debug, Default)]
pub struct MemoryPlace(Arc<Mutex<Place>>);

#[derive(Debug, Default)]
struct Place {
    /// The records behind the snapshot.
    records: Vec<u8>,
    snapshot: Option<(Lsn, Vec<u8>)>,
    last: Lsn,
    flushed: Lsn,
    is_open: bool,
}

impl MemoryPlace {
    /// An empty place.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the place; until the store is gone nobody else can.
    pub fn open(&self) -> Result<Opened, StoreError> {
        let mut place = self.place();
        if std::mem::replace(&mut place.is_open, true) {
            return Err(StoreError::InUse("another store has it open".to_owned()));
        }
        let covered = place.snapshot.as_ref().map_or(0, |(lsn, _)| *lsn);
        let snapshot = place.snapshot.clone();
        let changes: Vec<_> = records(&place.records, covered).map(Ok).collect();
        Ok(Opened {
            store: Box::new(MemoryStore { place: self.clone(), is_closed: Mutex::new(false) }),
            snapshot: snapshot.map(|(lsn, bytes)| (lsn, Box::new(Cursor::new(bytes)) as Box<dyn Read + Send>)),
            changes: Box::new(changes.into_iter()),
            last: place.last,
            truncated_bytes: 0,
        })
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The changes behind a record, among records that we have written.
fn records(bytes: &[u8], covered: Lsn) -> impl Iterator<Item = (Lsn, Vec<u8>)> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let record = read_record(rest).ok()?;
        let payload = &rest[HEAD_BYTES..record.len];
        rest = &rest[record.len..];
        Some((record.kind, record.lsn, payload.to_vec()))
    })
    .filter(move |(kind, lsn, _)| *kind == Kind::Change && *lsn > covered)
    .map(|(_, lsn, payload)| (lsn, payload))
}

/// The store of a [`MemoryPlace`].
#[derive(Debug)]
struct MemoryStore {
    place: MemoryPlace,
    is_closed: Mutex<bool>,
}

impl MemoryStore {
    fn is_closed(&self) -> MutexGuard<'_, bool> {
        self.is_closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.place.place().is_open = false;
    }
}

impl Store for MemoryStore {
    fn append(&self, records: &[u8], last: Lsn) -> Result<(), StoreError> {
        if *self.is_closed() {
            return Err(StoreError::Io("the log is closed".to_owned()));
        }
        let mut place = self.place.place();
        place.records.extend_from_slice(records);
        place.last = place.last.max(last);
        Ok(())
    }

    fn flush(&self) -> Result<Lsn, StoreError> {
        let mut place = self.place.place();
        place.flushed = place.last;
        Ok(place.last)
    }

    fn begin_snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(MemorySnapshot { place: self.place.clone(), bytes: Vec::new() }))
    }

    fn close(&self) -> Result<(), StoreError> {
        *self.is_closed() = true;
        Ok(())
    }

    fn status(&self) -> Status {
        let place = self.place.place();
        Status {
            backend: "memory",
            log_bytes: place.records.len() as u64,
            snapshot_bytes: place.snapshot.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64),
            snapshot_lsn: place.snapshot.as_ref().map_or(0, |(lsn, _)| *lsn),
            appended: place.last,
            flushed: place.flushed,
        }
    }
}

/// A snapshot that is being written to memory.
struct MemorySnapshot {
    place: MemoryPlace,
    bytes: Vec<u8>,
}

impl Write for MemorySnapshot {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Snapshot for MemorySnapshot {
    fn commit(self: Box<Self>, lsn: Lsn) -> Result<u64, StoreError> {
        let mut place = self.place.place();
        let covered = place.records.len() - behind(&place.records, lsn).len();
        place.records.drain(..covered);
        let len = self.bytes.len() as u64;
        place.last = place.last.max(lsn);
        place.snapshot = Some((lsn, self.bytes));
        Ok(len)
    }
}

/// The records behind a number.
fn behind(records: &[u8], lsn: Lsn) -> &[u8] {
    let mut rest = records;
    while let Ok(record) = read_record(rest) {
        if record.lsn > lsn {
            break;
        }
        rest = &rest[record.len..];
    }
    rest
}
