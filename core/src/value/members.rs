//! A hash table of names with values, and the bytes they take: large sets and large hashes stand on it.

mod walk;

use crate::hash::KeyHasher;
use crate::keyspace::entry::{Entry, NewValue, Value};
use crate::keyspace::object::Object;
use crate::keyspace::table::{Position, Table};
use crate::snapshots::DuringSnapshot;
use crate::structure::listpack::Item;

/// Members of a set, or fields of a hash with their values and expiries, by name. All calls bring the same hasher.
#[derive(Debug, Default)]
pub struct Members {
    table: Table<Entry>,
    entry_bytes: usize,
    /// The side of a walk that names are on which it need not come to. All are while there is none.
    epoch: bool,
    walk: DuringSnapshot<walk::Walk>,
}

impl Members {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.table.heap_bytes() + self.entry_bytes
    }

    /// The table, to be read: it looks up, scans, draws and iterates.
    pub fn table(&self) -> &Table<Entry> {
        &self.table
    }

    /// Where a name is.
    #[inline]
    pub fn find(&self, name: &[u8], hasher: KeyHasher) -> Option<Position> {
        self.table.find(hasher.hash(name), name)
    }

    /// Stores a value under a name, in place of any other, and says whether the name is new.
    pub fn insert(&mut self, name: &[u8], value: NewValue<'_>, deadline_ms: Option<u64>, hasher: KeyHasher) -> bool {
        let hash = hasher.hash(name);
        if let Some(position) = self.table.find(hash, name) {
            self.update(position, |entry| {
                entry.set_value(value);
                entry.set_deadline(deadline_ms);
            });
            return false;
        }
        self.insert_new(hash, Entry::new(name, value, deadline_ms, 0), hasher);
        true
    }

    /// Adds a name without a value; false if it is there.
    #[inline]
    pub fn add(&mut self, name: &[u8], hasher: KeyHasher) -> bool {
        let hash = hasher.hash(name);
        if self.table.find(hash, name).is_some() {
            return false;
        }
        self.insert_new(hash, Entry::new(name, NewValue::Bytes(b""), None, 0), hasher);
        true
    }

    #[inline]
    fn insert_new(&mut self, hash: u64, mut entry: Entry, hasher: KeyHasher) {
        if cfg!(feature = "snapshots") && self.epoch {
            entry.set_epoch(true);
        }
        self.entry_bytes += entry.heap_bytes();
        self.table.insert(hash, entry, |name| hasher.hash(name));
    }

    /// Takes out a name chosen by the random number `random`.
    pub fn take_random(&mut self, random: u64, hasher: KeyHasher) -> Option<Entry> {
        let position = self.table.random_position(random, |name| hasher.hash(name))?;
        self.keep(position);
        let entry = self.table.remove(position, |name| hasher.hash(name));
        self.entry_bytes -= entry.heap_bytes();
        Some(entry)
    }

    /// Changes the value or expiry of a name that was found.
    pub fn update<R>(&mut self, position: Position, change: impl FnOnce(&mut Entry) -> R) -> R {
        self.keep(position);
        let entry = self.table.at_mut(position);
        let (before, had_deadline) = (entry.heap_bytes(), entry.deadline_ms().is_some());
        let result = change(entry);
        self.entry_bytes = self.entry_bytes - before + entry.heap_bytes();
        self.table.settle(position, had_deadline);
        result
    }

    /// Takes out a name.
    pub fn remove(&mut self, name: &[u8], hasher: KeyHasher) -> Option<Entry> {
        let position = self.find(name, hasher)?;
        self.keep(position);
        let entry = self.table.remove(position, |name| hasher.hash(name));
        self.entry_bytes -= entry.heap_bytes();
        Some(entry)
    }

    /// Takes out names whose time has come, looking at about `limit` of them, and says whether there may be more. A
    /// name lives through the millisecond of its deadline.
    pub fn remove_due(&mut self, now_ms: u64, limit: usize, hasher: KeyHasher, mut each: impl FnMut(&Entry)) -> bool {
        let Some(last_due_ms) = now_ms.checked_sub(1) else { return false };
        let Self { table, entry_bytes, epoch, walk } = self;
        table.remove_due(
            last_due_ms,
            limit,
            |name| hasher.hash(name),
            |entry| {
                *entry_bytes -= entry.heap_bytes();
                each(&entry);
                if let Some(walk) = walk.get_mut().filter(|_| entry.epoch() != *epoch) {
                    walk.keep(entry);
                }
            },
        )
    }
}

/// The value of a field, as an element.
pub fn element_of(entry: &Entry) -> Item<'_> {
    match entry.value() {
        Value::Integer(integer) => Item::Integer(integer),
        Value::Bytes(bytes) => Item::Text(bytes),
        Value::Object(Object::Raw(bytes)) => Item::Text(bytes),
        Value::Object(_) => unreachable!("fields and members hold strings"),
    }
}
