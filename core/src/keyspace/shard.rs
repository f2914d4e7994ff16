//! A shard: the part of every database whose keys hash to it, and what must be decided under the same hold.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::discard::{Discarded, discard_to, is_large};
use super::entry::{Entry, NewValue};
use super::field_deadlines::{self, FieldDeadlines, NEVER};
use super::journaling::{Expired, Journaling};
use super::object::Object;
use super::snapshot::Running;
use super::table::{Position, Table};
use super::waiting::Waiting;
use crate::hash::KeyHasher;
use crate::limits::EXPIRED_PER_TICK;
use crate::snapshots::DuringSnapshot;

/// What happened to the keys of a shard, for INFO.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShardStats {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys removed because their time had come.
    pub expired: u64,
    /// Keys removed to make room.
    pub evicted: u64,
    /// Changes since the server started or was saved.
    pub dirty: u64,
}

/// One shard of all databases.
#[derive(Debug)]
pub struct Shard {
    pub(super) databases: Vec<Table<Entry>>,
    pub(super) hasher: KeyHasher,
    watches: Watches,
    /// Requests that wait for keys of this shard.
    pub waiting: Waiting,
    field_deadlines: FieldDeadlines,
    entry_bytes: usize,
    pub(super) discarded: Vec<Discarded>,
    /// What the sum of all memory knows: [`Shard::heap_bytes`], and `entry_bytes` at that time.
    told_bytes: (usize, usize),
    /// Counters of this shard.
    pub stats: ShardStats,
    pub(super) journaling: Journaling,
    /// Side of the entries that concern no running snapshot.
    pub(super) epoch: bool,
    pub(super) snapshot: DuringSnapshot<Running>,
}

/// An entry before a change.
struct Before {
    heap_bytes: usize,
    fields_ms: u64,
    had_deadline: bool,
}

/// Versions of the watched keys of each database that has some, databases ascending.
type Watches = Vec<(u16, BTreeMap<Box<[u8]>, Watched>)>;

#[derive(Debug)]
struct Watched {
    version: u64,
    watchers: u32,
}

/// A key that was looked for in a shard: where it stands, if it does. Valid until the next change to its database.
#[derive(Clone, Copy, Debug)]
pub struct Located {
    hash: u64,
    position: Option<Position>,
}

impl Located {
    /// Whether the key exists.
    pub fn exists(&self) -> bool {
        self.position.is_some()
    }
}

impl Shard {
    /// An empty shard with this many databases.
    pub fn new(databases: u32, hasher: KeyHasher) -> Self {
        Self {
            databases: (0..databases).map(|_| Table::new()).collect(),
            hasher,
            watches: Watches::default(),
            waiting: Waiting::default(),
            field_deadlines: FieldDeadlines::default(),
            entry_bytes: 0,
            discarded: Vec::new(),
            told_bytes: (0, 0),
            stats: ShardStats::default(),
            journaling: Journaling::default(),
            epoch: false,
            snapshot: DuringSnapshot::NOTHING,
        }
    }

    /// Finds a key, removing it first if its time has come, and those of its fields whose time has.
    #[inline]
    pub fn locate(&mut self, db: u16, hash: u64, key: &[u8], now_ms: u64) -> Located {
        let table = &self.databases[usize::from(db)];
        let position = table.find(hash, key);
        if let Some(position) = position
            && table.at(position).is_expired(now_ms)
        {
            self.expire_at(db, position);
            return Located { hash, position: None };
        }
        let located = Located { hash, position };
        if self.field_deadlines.has_due(now_ms) {
            return self.without_due_fields(db, located, key, now_ms);
        }
        located
    }

    /// Finds a key as it stands, expired or not.
    pub fn peek(&self, db: u16, hash: u64, key: &[u8]) -> Option<&Entry> {
        let table = &self.databases[usize::from(db)];
        table.find(hash, key).map(|position| table.at(position))
    }

    /// The entry of a located key.
    #[inline]
    pub fn entry(&self, db: u16, located: Located) -> Option<&Entry> {
        located.position.map(|position| self.databases[usize::from(db)].at(position))
    }

    /// Notes an access in the entry's clock.
    #[inline]
    pub fn touch(&mut self, db: u16, located: Located, clock: impl FnOnce(u32) -> u32) {
        if let Some(position) = located.position {
            let entry = self.databases[usize::from(db)].at_mut(position);
            let (old, new) = (entry.clock(), clock(entry.clock()));
            // Writing only what changes keeps the cache line clean on hot keys.
            if old != new {
                entry.set_clock(new);
            }
        }
    }

    /// Stores a value under a key, in place of any other, and returns where it stands now.
    pub fn put(
        &mut self,
        db: u16,
        located: Located,
        key: &[u8],
        value: NewValue<'_>,
        deadline_ms: Option<u64>,
        clock: u32,
    ) -> Located {
        let hash = located.hash;
        let located = self.without_large(db, located);
        match located.position {
            Some(_) => self.update(db, located, key, |entry| {
                entry.set_value(value);
                entry.set_deadline(deadline_ms);
                entry.set_clock(clock);
            }),
            None => {
                let position = self.insert(db, hash, Entry::new(key, value, deadline_ms, clock));
                self.changed(db, key);
                return Located { hash, position: Some(position) };
            }
        }
        located
    }

    /// Stores a whole entry under its key, which must not exist.
    pub fn insert_entry(&mut self, db: u16, hash: u64, entry: Entry) -> Located {
        let key = entry.key().to_vec();
        let position = self.insert(db, hash, entry);
        self.changed(db, &key);
        Located { hash, position: Some(position) }
    }

    /// Makes room for about so many keys of a database that will be loaded.
    pub fn expect(&mut self, db: u16, keys: usize) {
        self.databases[usize::from(db)].expect(keys);
    }

    /// Stores an entry that was there before the process began: no change that anybody hears of.
    pub fn load(&mut self, db: u16, hash: u64, entry: Entry) {
        self.insert(db, hash, entry);
    }

    /// Changes an existing entry in place. Every change to stored data passes here, `put` or `remove`.
    ///
    /// # Panics
    /// If the key was not found when it was located: callers look first.
    #[inline]
    pub fn update<R>(&mut self, db: u16, located: Located, key: &[u8], change: impl FnOnce(&mut Entry) -> R) -> R {
        self.update_if(db, located, key, |entry| (change(entry), true))
    }

    /// As [`Shard::update`] for changes that may turn out to be none: the closure says whether there was one.
    ///
    /// # Panics
    /// If the key was not found when it was located: callers look first.
    #[inline]
    pub fn update_if<R>(
        &mut self,
        db: u16,
        located: Located,
        key: &[u8],
        change: impl FnOnce(&mut Entry) -> (R, bool),
    ) -> R {
        let position = located.position.expect("only existing entries are updated");
        let before = self.begin_change(db, position);
        let (result, has_changed) = change(self.databases[usize::from(db)].at_mut(position));
        self.end_change(db, position, key, before);
        if has_changed {
            self.changed(db, key);
        }
        result
    }

    /// As [`Shard::update_if`] for changes that WATCH does not see, such as those of consumer groups.
    ///
    /// # Panics
    /// If the key was not found when it was located: callers look first.
    pub fn update_unwatched(
        &mut self,
        db: u16,
        located: Located,
        key: &[u8],
        change: &mut dyn FnMut(&mut Entry) -> bool,
    ) {
        let position = located.position.expect("only existing entries are updated");
        let before = self.begin_change(db, position);
        let has_changed = change(self.databases[usize::from(db)].at_mut(position));
        self.end_change(db, position, key, before);
        if has_changed {
            self.stats.dirty += 1;
            if !self.waiting.is_empty() {
                self.waiting.changed(db, key);
            }
        }
    }

    /// What a change of an entry is measured against. Apart from the change itself, so that its code is there once and
    /// not with every kind of change.
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn begin_change(&mut self, db: u16, position: Position) -> Before {
        self.write_before_change(db, position);
        let entry = self.databases[usize::from(db)].at(position);
        Before {
            heap_bytes: entry.heap_bytes(),
            fields_ms: field_deadlines::next_of(entry),
            had_deadline: entry.deadline_ms().is_some(),
        }
    }

    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn end_change(&mut self, db: u16, position: Position, key: &[u8], before: Before) {
        let table = &mut self.databases[usize::from(db)];
        let entry = table.at(position);
        let (heap_bytes, fields_ms) = (entry.heap_bytes(), field_deadlines::next_of(entry));
        table.settle(position, before.had_deadline);
        self.entry_bytes = self.entry_bytes - before.heap_bytes + heap_bytes;
        if before.fields_ms != fields_ms {
            self.field_deadlines.moved(db, key, before.fields_ms, fields_ms);
        }
    }

    /// Removes a located key and returns its entry.
    pub fn remove(&mut self, db: u16, located: Located) -> Option<Entry> {
        self.write_before_move(db, located.position?);
        self.take_changed(db, located)
    }

    /// Removes a located key and says whether there was one.
    pub fn remove_and_discard(&mut self, db: u16, located: Located) -> bool {
        let removed = self.take_changed(db, located);
        let was_there = removed.is_some();
        removed.into_iter().for_each(|entry| self.discard(db, entry));
        was_there
    }

    /// As [`Shard::take`] for a change that others hear of.
    pub(super) fn take_changed(&mut self, db: u16, located: Located) -> Option<Entry> {
        let entry = self.take(db, located.position?);
        self.changed(db, entry.key());
        Some(entry)
    }

    /// Removes every key of one database and says how many there were.
    pub fn clear(&mut self, db: u16, now_ms: u64) -> usize {
        self.touch_existing_watches(db, db, now_ms);
        self.waiting.all_changed(db);
        let all = self.databases.iter().map(Table::len).sum::<usize>();
        let table = &mut self.databases[usize::from(db)];
        let removed = table.len();
        // Mostly there is but one database, and nothing to sum up.
        let entry_bytes = || table.iter().map(Entry::heap_bytes).sum::<usize>();
        self.entry_bytes -= if removed == all { self.entry_bytes } else { entry_bytes() };
        if let Some(snapshot) = self.snapshot.get_mut() {
            snapshot.take_emptied(db, table, self.hasher);
        }
        Self::discard_all(&mut self.discarded, table);
        self.field_deadlines.clear(db);
        self.stats.dirty += removed as u64;
        removed
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, one: u16, other: u16, now_ms: u64) {
        if one != other {
            self.touch_existing_watches(one, other, now_ms);
            self.touch_existing_watches(other, one, now_ms);
            self.databases.swap(usize::from(one), usize::from(other));
            if let Some(snapshot) = self.snapshot.get_mut() {
                snapshot.swap(one, other);
            }
            self.field_deadlines.swap(one, other);
            self.waiting.all_changed(one);
            self.waiting.all_changed(other);
            self.stats.dirty += 1;
        }
    }

    /// Removes keys whose time has come, looking at about `limit` keys of each database, and says whether there may
    /// be more.
    pub fn expire_due(&mut self, now_ms: u64, limit: usize) -> bool {
        // A key lives through the millisecond of its deadline.
        let Some(last_due_ms) = now_ms.checked_sub(1) else { return false };
        let Self {
            databases, hasher, field_deadlines, entry_bytes, stats, journaling, snapshot, epoch, discarded, ..
        } = self;
        (0..).zip(databases).fold(false, |more, (db, table)| {
            let more_here = table.remove_due(
                last_due_ms,
                limit,
                |key| hasher.hash(key),
                |entry| {
                    let fields_ms = field_deadlines::next_of(&entry);
                    if fields_ms != NEVER {
                        field_deadlines.moved(db, entry.key(), fields_ms, NEVER);
                    }
                    *entry_bytes -= entry.heap_bytes();
                    stats.expired += 1;
                    journaling.expired(db, || Expired::Key(entry.key().into()));
                    let entry = match snapshot.get_mut().filter(|_| entry.epoch() != *epoch) {
                        Some(snapshot) => snapshot.expire(db, entry),
                        None => Some(entry),
                    };
                    entry.into_iter().for_each(|entry| discard_to(discarded, entry));
                },
            );
            more || more_here
        })
    }

    /// Removes fields of hashes whose time has come, looking at about `limit` fields, and says whether there may be
    /// more.
    pub fn expire_fields(&mut self, now_ms: u64, limit: usize) -> bool {
        let mut left = limit;
        while let Some((db, key)) = self.field_deadlines.first_due(now_ms) {
            if left == 0 {
                return true;
            }
            let hash = self.hasher.hash(&key);
            let located = Located { hash, position: self.databases[usize::from(db)].find(hash, &key) };
            let (removed, _) = self.remove_due_fields(db, located, &key, now_ms, left);
            self.journaling.expired(db, || Expired::Fields(key));
            left = left.saturating_sub(removed.max(1));
        }
        false
    }

    /// One slice of background work: active expiry. Says whether more is due right away.
    pub fn tick(&mut self, now_ms: u64) -> bool {
        let more_fields = self.expire_fields(now_ms, EXPIRED_PER_TICK);
        self.expire_due(now_ms, EXPIRED_PER_TICK) || more_fields
    }

    /// When the next key may expire, Unix time in milliseconds: never later than the truth.
    pub fn next_deadline(&self) -> Option<u64> {
        self.databases.iter().filter_map(Table::next_deadline).chain(self.field_deadlines.earliest()).min()
    }

    /// One database's table, for reading.
    pub fn database(&self, db: u16) -> &Table<Entry> {
        &self.databases[usize::from(db)]
    }

    /// How many databases there are.
    pub fn databases(&self) -> u16 {
        u16::try_from(self.databases.len()).expect("CONFIG allows 1,024 databases at most")
    }

    /// The hash of a key.
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// Heap bytes of all entries and tables.
    pub fn heap_bytes(&self) -> usize {
        let tables: usize = self.databases.iter().map(Table::heap_bytes).sum();
        self.entry_bytes + tables + self.field_deadlines.heap_bytes()
    }

    /// Lets the sum of all memory know how much the shard takes, once its entries have changed by `untold` bytes.
    #[inline]
    pub fn tell_bytes(&mut self, sum: &AtomicU64, untold: usize) {
        if self.entry_bytes.abs_diff(self.told_bytes.1) >= untold {
            self.tell_bytes_now(sum);
        }
    }

    #[inline(never)]
    fn tell_bytes_now(&mut self, sum: &AtomicU64) {
        let bytes = self.heap_bytes();
        let before = std::mem::replace(&mut self.told_bytes, (bytes, self.entry_bytes)).0;
        // Wraps where memory has become less.
        sum.fetch_add((bytes as u64).wrapping_sub(before as u64), Ordering::Relaxed);
    }

    /// Starts watching a key: its version now. Each call wants one [`Shard::unwatch`].
    pub fn watch(&mut self, db: u16, key: &[u8]) -> u64 {
        let place = match self.watches.binary_search_by_key(&db, |(db, _)| *db) {
            Ok(place) => place,
            Err(place) => {
                self.watches.insert(place, (db, BTreeMap::new()));
                place
            }
        };
        let keys = &mut self.watches[place].1;
        let watched = keys.entry(key.into()).or_insert(Watched { version: 0, watchers: 0 });
        watched.watchers += 1;
        watched.version
    }

    /// The version of a watched key: it moves with every change.
    pub fn watched_version(&self, db: u16, key: &[u8]) -> Option<u64> {
        let place = self.watches.binary_search_by_key(&db, |(db, _)| *db).ok()?;
        self.watches[place].1.get(key).map(|watched| watched.version)
    }

    /// Ends one watch of a key.
    pub fn unwatch(&mut self, db: u16, key: &[u8]) {
        let Ok(place) = self.watches.binary_search_by_key(&db, |(db, _)| *db) else { return };
        let keys = &mut self.watches[place].1;
        let Some(watched) = keys.get_mut(key) else { return };
        watched.watchers -= 1;
        if watched.watchers == 0 {
            keys.remove(key);
        }
        if keys.is_empty() {
            self.watches.remove(place);
        }
    }

    /// How many keys are being watched.
    pub fn watched_keys(&self) -> usize {
        self.watches.iter().map(|(_, keys)| keys.len()).sum()
    }

    /// The one gate behind every change of a key.
    #[inline]
    fn changed(&mut self, db: u16, key: &[u8]) {
        self.stats.dirty += 1;
        if !self.watches.is_empty() || !self.waiting.is_empty() {
            self.changed_before_eyes(db, key);
        }
    }

    /// Tells those who watch the key or wait for it.
    #[inline(never)]
    fn changed_before_eyes(&mut self, db: u16, key: &[u8]) {
        self.waiting.changed(db, key);
        if let Ok(place) = self.watches.binary_search_by_key(&db, |(db, _)| *db)
            && let Some(watched) = self.watches[place].1.get_mut(key)
        {
            watched.version += 1;
        }
    }

    /// Moves the version of watched keys of `db` that live in it or in `other`, before both are emptied or swapped.
    fn touch_existing_watches(&mut self, db: u16, other: u16, now_ms: u64) {
        let Self { databases, watches, hasher, .. } = self;
        let keys = watches.iter_mut().filter(|(watched, _)| *watched == db).flat_map(|(_, keys)| keys);
        for (key, watched) in keys {
            let lives = |db: u16| {
                let table = &databases[usize::from(db)];
                let position = table.find(hasher.hash(key), key);
                position.is_some_and(|position| !table.at(position).is_expired(now_ms))
            };
            if lives(db) || lives(other) {
                watched.version += 1;
            }
        }
    }

    fn insert(&mut self, db: u16, hash: u64, mut entry: Entry) -> Position {
        // Writing only what changes leaves an entry that another thread has made in that thread's cache.
        if entry.epoch() != self.epoch {
            entry.set_epoch(self.epoch);
        }
        self.entry_bytes += entry.heap_bytes();
        let fields_ms = field_deadlines::next_of(&entry);
        if fields_ms != NEVER {
            self.field_deadlines.moved(db, entry.key(), NEVER, fields_ms);
        }
        let hasher = &self.hasher;
        self.databases[usize::from(db)].insert(hash, entry, |key| hasher.hash(key))
    }

    /// Takes an entry out. It goes to [`Shard::unless_walked`] next, if [`Shard::write_before_move`] was not called.
    fn take(&mut self, db: u16, position: Position) -> Entry {
        self.write_before_change(db, position);
        let hasher = &self.hasher;
        let entry = self.databases[usize::from(db)].remove(position, |key| hasher.hash(key));
        self.entry_bytes -= entry.heap_bytes();
        let fields_ms = field_deadlines::next_of(&entry);
        if fields_ms != NEVER {
            self.field_deadlines.moved(db, entry.key(), fields_ms, NEVER);
        }
        entry
    }

    /// A located key after its due fields were removed, and the key with them if none remained.
    #[inline(never)]
    fn without_due_fields(&mut self, db: u16, located: Located, key: &[u8], now_ms: u64) -> Located {
        let mut located = located;
        // Each turn but the last removes fields or raises the least deadline that is known.
        while let Some(entry) = self.entry(db, located)
            && field_deadlines::next_of(entry) < now_ms
        {
            (_, located) = self.remove_due_fields(db, located, key, now_ms, EXPIRED_PER_TICK);
        }
        located
    }

    /// Removes due fields of a hash, looking at about `limit` of them, and the key with the last field. Answers how
    /// many fields it removed and where the key is now.
    fn remove_due_fields(
        &mut self,
        db: u16,
        located: Located,
        key: &[u8],
        now_ms: u64,
        limit: usize,
    ) -> (usize, Located) {
        let hasher = self.hasher;
        let (removed, is_empty) = self.update_if(db, located, key, |entry| match entry.object_mut() {
            Some(Object::Hash(hash)) => {
                let before = hash.len();
                hash.remove_due(now_ms, limit, hasher);
                let removed = before - hash.len();
                ((removed, hash.is_empty()), removed > 0)
            }
            _ => unreachable!("only hashes have fields with deadlines"),
        });
        if let Some(position) = located.position.filter(|_| is_empty) {
            let entry = self.take(db, position);
            self.discard(db, entry);
            return (removed, Located { position: None, ..located });
        }
        (removed, located)
    }

    /// Removes an expired entry. Not a change that WATCH sees: EXEC compares existence itself.
    fn expire_at(&mut self, db: u16, position: Position) {
        let entry = self.take(db, position);
        self.stats.expired += 1;
        self.journaling.expired(db, || Expired::Key(entry.key().into()));
        self.discard(db, entry);
    }

    /// A located key that is to be replaced: it is gone first if freeing its value takes long.
    #[inline]
    fn without_large(&mut self, db: u16, located: Located) -> Located {
        match located.position {
            Some(position) if is_large(self.databases[usize::from(db)].at(position)) => {
                let entry = self.take(db, position);
                self.discard(db, entry);
                Located { position: None, ..located }
            }
            _ => located,
        }
    }
}
