//! Large values that were removed: freeing them takes long, so it is left to the host, after it has let go. That goes
//! for DEL as for UNLINK, and for whatever else removes or replaces a value.

use super::entry::{Entry, Value};
use super::object::Object;
use super::shard::Shard;
use super::table::Table;
use super::{Held, Keyspace};

/// Collections of so many heap bytes are large: a millisecond's work at most is below. Tests meet large ones sooner.
pub(super) const LARGE_BYTES: usize = if cfg!(test) { 512 } else { 256 << 10 };

/// So many keys in a database of a shard are many.
const MANY_KEYS: usize = 1024;

/// Something to be dropped where nobody waits for it.
#[derive(Debug)]
pub enum Discarded {
    /// A key with a large collection.
    Entry(Entry),
    /// All keys of a database.
    Database(Table<Entry>),
}

impl Discarded {
    /// How many keys these were.
    pub fn keys(&self) -> usize {
        match self {
            Self::Entry(_) => 1,
            Self::Database(table) => table.len(),
        }
    }
}

/// Whether freeing an entry takes long, or a snapshot wants it first. A string is one piece of memory, whatever its
/// size.
#[inline]
pub(super) fn is_large(entry: &Entry) -> bool {
    match entry.value() {
        Value::Object(Object::Raw(_)) | Value::Bytes(_) | Value::Integer(_) => false,
        Value::Object(object) => object.heap_bytes() >= LARGE_BYTES || object.walk_number().is_some(),
    }
}

/// Drops a removed entry, later if that takes long.
pub(super) fn discard_to(discarded: &mut Vec<Discarded>, entry: Entry) {
    if is_large(&entry) {
        discarded.push(Discarded::Entry(entry));
    }
}

impl Shard {
    /// Drops a removed entry, later if that takes long.
    pub(super) fn discard(&mut self, db: u16, entry: Entry) {
        if let Some(entry) = self.unless_walked(db, entry) {
            discard_to(&mut self.discarded, entry);
        }
    }

    /// Empties a table, later if that takes long.
    pub(super) fn discard_all(discarded: &mut Vec<Discarded>, table: &mut Table<Entry>) {
        let table = std::mem::take(table);
        if table.len() >= MANY_KEYS {
            discarded.push(Discarded::Database(table));
        }
    }

    /// What is to be dropped once the shard is not held any more.
    pub fn take_discarded(&mut self) -> Vec<Discarded> {
        std::mem::take(&mut self.discarded)
    }
}

impl Keyspace<'_> {
    /// Whether a held shard has something to be dropped.
    #[inline]
    pub(crate) fn has_discarded(&self) -> bool {
        match &self.held {
            Held::None => false,
            Held::One(_, shard) => !shard.discarded.is_empty(),
            Held::Many(shards) => shards.iter().any(|(_, shard)| !shard.discarded.is_empty()),
        }
    }

    /// Hands over what is to be dropped once nothing is held any more.
    #[cold]
    pub(crate) fn take_discarded(&mut self, to: &mut Vec<Discarded>) {
        self.shards().for_each(|shard| to.append(&mut shard.discarded));
    }
}
