//! Bringing back a snapshot in two steps, which may run in different threads: reading makes batches of entries, placing
//! puts them where they belong.

use std::io::Read;

use crate::keyspace::entry::Entry;
use crate::keyspace::shard::Shard;
use crate::keyspace::{Layout, ShardId};
use crate::limits::EXPECTED_KEYS_MAX;
use crate::rdb::{FileError, FileReader, Limits, Part};
use crate::settings::Settings;
use crate::store::StoreError;

/// Entries handed over at a time. What waits to be placed takes no memory that it would not take later.
const ENTRIES_PER_BATCH: usize = 1024;

/// Entries whose buckets are asked of memory together: as many as a core can wait for at once, and somewhat more.
const ENTRIES_AHEAD: usize = 16;

/// Some of what a snapshot holds.
#[derive(Debug, Default)]
pub struct Batch {
    /// For some databases, about how many keys each shard will get.
    expected: Vec<(u16, usize)>,
    arrivals: Vec<Arrival>,
}

/// An entry on its way to a shard.
#[derive(Debug)]
struct Arrival {
    hash: u64,
    entry: Entry,
    db: u16,
    shard: u16,
}

/// A snapshot that is being read.
pub struct SnapshotReader<'f> {
    file: FileReader<'f>,
    layout: Layout,
    /// What has been read and not been handed over.
    batch: Batch,
    /// Keys that may still be announced.
    expectable: u64,
    is_over: bool,
}

impl<'f> SnapshotReader<'f> {
    /// Begins with a snapshot.
    pub fn new(file: &'f mut dyn Read, layout: &Layout, settings: &Settings) -> Result<Self, StoreError> {
        let limits = Limits::new(settings, layout.hasher());
        let file = FileReader::new(file, &limits, false).map_err(corrupt)?;
        Ok(Self { file, layout: *layout, batch: Batch::default(), expectable: EXPECTED_KEYS_MAX, is_over: false })
    }

    /// The next batch, or nothing at the end, once the snapshot has been found undamaged.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, StoreError> {
        self.batch.arrivals.reserve_exact(ENTRIES_PER_BATCH);
        while !self.is_over && self.batch.arrivals.len() < ENTRIES_PER_BATCH {
            match self.file.next_part().map_err(corrupt)? {
                None => {
                    self.is_over = true;
                    self.file.require_end().map_err(corrupt)?;
                }
                Some(Part::Sizes { db, keys }) => self.expect(db, keys),
                Some(Part::Entry { db, entry }) => self.add(db, entry).map_err(corrupt)?,
            }
        }
        let batch = std::mem::take(&mut self.batch);
        Ok((!batch.arrivals.is_empty()).then_some(batch))
    }

    /// Spreads keys that are announced over all shards. What is announced may be a lie: it is believed up to a limit.
    fn expect(&mut self, db: u16, keys: u64) {
        let keys = keys.min(self.expectable);
        self.expectable -= keys;
        let each = keys as usize / self.layout.shards();
        let is_said = self.batch.expected.iter().any(|(said, _)| *said == db);
        if u32::from(db) < self.layout.databases() && each > 0 && !is_said {
            self.batch.expected.push((db, each));
        }
    }

    fn add(&mut self, db: u16, entry: Entry) -> Result<(), FileError> {
        if u32::from(db) >= self.layout.databases() {
            return Err(self.file.refuse(NO_DATABASE));
        }
        let hash = self.layout.hash(entry.key());
        let shard = self.layout.shard_of(hash) as u16;
        self.batch.arrivals.push(Arrival { hash, entry, db, shard });
        Ok(())
    }
}

impl Batch {
    /// Puts everything into the shards of the layout.
    pub fn place(self, shards: &mut [Shard]) {
        for (db, keys) in self.expected {
            shards.iter_mut().for_each(|shard| shard.expect(db, keys));
        }
        let mut arrivals = self.arrivals.into_iter();
        while !arrivals.as_slice().is_empty() {
            let ahead = arrivals.as_slice().iter().take(ENTRIES_AHEAD);
            let read = |arrival: &Arrival| {
                let table = shards[usize::from(arrival.shard)].database(arrival.db);
                table.read_bucket(arrival.hash).wrapping_add(arrival.entry.clock().into())
            };
            // The sum keeps the reads from being left out.
            std::hint::black_box(ahead.map(read).fold(0, u64::wrapping_add));
            for Arrival { hash, entry, db, shard } in arrivals.by_ref().take(ENTRIES_AHEAD) {
                shards[usize::from(shard)].load(db, hash, entry);
            }
        }
    }
}

/// Why an entry belongs nowhere.
const NO_DATABASE: &str = "a database number is above the `databases` setting";

fn corrupt(error: FileError) -> StoreError {
    StoreError::Corrupt(format!("the snapshot: {error}"))
}

/// Puts one entry where it belongs. The error says that its database is none of the layout's.
pub fn place(shards: &mut [Shard], layout: &Layout, db: u16, entry: Entry) -> Result<(), &'static str> {
    let hash = layout.hash(entry.key());
    let shard: ShardId = layout.shard_of(hash);
    if db >= shards[shard].databases() {
        return Err(NO_DATABASE);
    }
    shards[shard].load(db, hash, entry);
    Ok(())
}
