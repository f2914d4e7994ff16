//! The keyspace: databases cut into shards, and the view of them that a command works on.

mod clock;
pub mod discard;
pub mod entry;
pub mod eviction;
mod field_deadlines;
pub mod journaling;
mod layout;
pub mod object;
pub mod shard;
pub mod snapshot;
pub mod table;
pub mod waiting;
mod warm;

use std::borrow::Cow;
use std::sync::atomic::AtomicU64;

use crate::error::CommandError;
use entry::{Entry, NewValue, Value};
use object::{Object, Stored};
use shard::{Located, Shard};

pub use clock::{AccessClock, LFU_START};
pub use layout::{Held, Layout, ShardId, ShardSet};
pub use warm::{Ahead, KEYS_AHEAD, is_far};

/// A key that a command has looked for. Valid until the command changes any other key of the same database.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'k> {
    key: &'k [u8],
    db: u16,
    shard: ShardId,
    located: Located,
}

impl<'k> Slot<'k> {
    /// The key.
    pub fn key(&self) -> &'k [u8] {
        self.key
    }

    /// The shard it belongs to.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Whether the key exists.
    pub fn exists(&self) -> bool {
        self.located.exists()
    }
}

/// The keys a command may work on: one database of the held shards at one instant.
#[derive(Debug)]
pub struct Keyspace<'a> {
    held: Held<'a>,
    layout: &'a Layout,
    /// Database that the command works on.
    pub db: u16,
    now_ms: u64,
    clock: AccessClock,
    /// Lookups leave access clocks alone: CLIENT NO-TOUCH.
    pub keeps_clocks: bool,
    planned: Option<PlannedKey>,
}

/// The hash that routing took of a request's first key, so that the lookup need not take it again. The key is known
/// by where it stands in memory, which is valid as long as the request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedKey {
    address: usize,
    len: usize,
    hash: u64,
}

impl PlannedKey {
    /// Remembers the hash of a key.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn new(key: &[u8], hash: u64) -> Self {
        Self { address: key.as_ptr() as usize, len: key.len(), hash }
    }

    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn hash_of(&self, key: &[u8]) -> Option<u64> {
        (self.address == key.as_ptr() as usize && self.len == key.len()).then_some(self.hash)
    }
}

/// The string form of a stored value.
pub type Text<'a> = Cow<'a, [u8]>;

impl<'a> Keyspace<'a> {
    /// A view of the held shards.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn new(
        held: Held<'a>,
        layout: &'a Layout,
        db: u16,
        now_ms: u64,
        clock: AccessClock,
        planned: Option<PlannedKey>,
    ) -> Self {
        Self { held, layout, db, now_ms, clock, keeps_clocks: false, planned }
    }

    /// Looks for a key to read it: counts a hit or miss and moves its access clock.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn read<'k>(&mut self, key: &'k [u8]) -> Slot<'k> {
        let (clock, keeps_clocks) = (self.clock, self.keeps_clocks);
        let slot = self.locate(key);
        let shard = self.shard(slot.shard);
        if slot.exists() {
            shard.stats.hits += 1;
            if !keeps_clocks {
                shard.touch(slot.db, slot.located, |old| clock.touched(old));
            }
        } else {
            shard.stats.misses += 1;
        }
        slot
    }

    /// Looks for a key to change it: moves its access clock and counts nothing.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn write<'k>(&mut self, key: &'k [u8]) -> Slot<'k> {
        let slot = self.locate(key);
        if !self.keeps_clocks {
            self.touch(slot);
        }
        slot
    }

    /// Looks for a key to say something about it: counts a hit or miss and leaves its access clock alone.
    pub fn inspect<'k>(&mut self, key: &'k [u8]) -> Slot<'k> {
        let slot = self.locate(key);
        let stats = &mut self.shard(slot.shard).stats;
        if slot.exists() {
            stats.hits += 1;
        } else {
            stats.misses += 1;
        }
        slot
    }

    /// Looks for a key without counting or touching it.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn locate<'k>(&mut self, key: &'k [u8]) -> Slot<'k> {
        self.locate_in(self.db, key)
    }

    /// Looks for a key of another database.
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn locate_in<'k>(&mut self, db: u16, key: &'k [u8]) -> Slot<'k> {
        let planned = self.planned.and_then(|planned| planned.hash_of(key));
        let hash = planned.unwrap_or_else(|| self.layout.hash(key));
        let shard = self.layout.shard_of(hash);
        let now_ms = self.now_ms;
        let located = self.shard(shard).locate(db, hash, key, now_ms);
        Slot { key, db, shard, located }
    }

    /// The entry as it stands, expired or not, without touching anything.
    pub fn peek(&mut self, db: u16, key: &[u8]) -> Option<&Entry> {
        let hash = self.layout.hash(key);
        let shard = self.layout.shard_of(hash);
        self.shard(shard).peek(db, hash, key)
    }

    /// Moves the access clock of a key.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn touch(&mut self, slot: Slot<'_>) {
        let clock = self.clock;
        self.shard(slot.shard).touch(slot.db, slot.located, |old| clock.touched(old));
    }

    /// The entry of a key that was found.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn entry(&self, slot: Slot<'_>) -> Option<&Entry> {
        self.held_shard(slot.shard).entry(slot.db, slot.located)
    }

    /// The string under a key: `None` if there is no key, an error if it holds another type.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn string(&self, slot: Slot<'_>) -> Result<Option<Text<'_>>, CommandError> {
        match self.entry(slot) {
            None => Ok(None),
            Some(entry) => string_of(entry).map(Some),
        }
    }

    /// Stores a string, in the encoding that suits it, in place of any value of any type.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn set_string(&mut self, slot: Slot<'_>, value: &[u8], deadline_ms: Option<u64>) {
        self.put(slot, encode_string(value), deadline_ms);
    }

    /// Stores a value in place of any other.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn put(&mut self, slot: Slot<'_>, value: NewValue<'_>, deadline_ms: Option<u64>) {
        let clock = self.clock.replaced(|| self.entry(slot).map(Entry::clock));
        self.shard(slot.shard).put(slot.db, slot.located, slot.key, value, deadline_ms, clock);
    }

    /// Stores a whole entry under its key, whatever stood there.
    pub fn put_entry(&mut self, db: u16, entry: Entry) {
        let hash = self.layout.hash(entry.key());
        let (shard, now_ms) = (self.layout.shard_of(hash), self.now_ms);
        let shard = self.shard(shard);
        let located = shard.locate(db, hash, entry.key(), now_ms);
        shard.remove_and_discard(db, located);
        shard.insert_entry(db, hash, entry);
    }

    /// Changes an existing entry in place.
    ///
    /// # Panics
    /// If the slot does not exist.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn update<R>(&mut self, slot: Slot<'_>, change: impl FnOnce(&mut Entry) -> R) -> R {
        self.shard(slot.shard).update(slot.db, slot.located, slot.key, change)
    }

    fn update_if<R>(&mut self, slot: Slot<'_>, change: impl FnOnce(&mut Entry) -> (R, bool)) -> R {
        self.shard(slot.shard).update_if(slot.db, slot.located, slot.key, change)
    }

    /// Changes the bytes of the string under a key in place, giving it room of its own first if it has none. A missing
    /// key starts empty, without expiry; an expiry is kept.
    pub fn edit_string<R>(
        &mut self,
        slot: Slot<'_>,
        change: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> Result<R, CommandError> {
        self.edit_string_if(slot, |bytes| (change(bytes), true))
    }

    /// As [`Keyspace::edit_string`] for changes that may turn out to be none: the closure says whether there was one.
    pub fn edit_string_if<R>(
        &mut self,
        slot: Slot<'_>,
        change: impl FnOnce(&mut Vec<u8>) -> (R, bool),
    ) -> Result<R, CommandError> {
        let Some(entry) = self.entry(slot) else {
            let mut bytes = Vec::new();
            let (result, _) = change(&mut bytes);
            self.put(slot, NewValue::Object(Box::new(Object::Raw(bytes))), None);
            return Ok(result);
        };
        if !matches!(entry.value(), Value::Object(Object::Raw(_))) {
            let mut bytes = string_of(entry)?.into_owned();
            return Ok(self.update_if(slot, |entry| {
                let result = change(&mut bytes);
                entry.set_value(NewValue::Object(Box::new(Object::Raw(bytes))));
                result
            }));
        }
        Ok(self.update_if(slot, |entry| match entry.object_mut() {
            Some(Object::Raw(bytes)) => change(bytes),
            _ => unreachable!("the value was matched above"),
        }))
    }

    /// The value under a key: `None` if there is no key, an error if it holds another type.
    #[inline]
    pub fn get<T: Stored>(&self, slot: Slot<'_>) -> Result<Option<&T>, CommandError> {
        match self.entry(slot).map(Entry::value) {
            None => Ok(None),
            Some(Value::Object(object)) => T::of(object).map(Some).ok_or(CommandError::WRONG_TYPE),
            Some(_) => Err(CommandError::WRONG_TYPE),
        }
    }

    /// Changes the value under a key; `None` if there is no key. The closure says whether it changed anything. A value
    /// that becomes empty is removed with its key, unless the type keeps empty values: the slot is stale then.
    #[inline]
    pub fn edit<T: Stored, R>(
        &mut self,
        slot: Slot<'_>,
        change: impl FnOnce(&mut T) -> (R, bool),
    ) -> Result<Option<R>, CommandError> {
        if self.get::<T>(slot)?.is_none() {
            return Ok(None);
        }
        let mut is_empty = false;
        let result = self.update_if(slot, |entry| {
            let value = entry.object_mut().and_then(T::of_mut).expect("the type was checked above");
            let result = change(value);
            is_empty = value.is_empty() && !T::KEEPS_EMPTY;
            result
        });
        if is_empty {
            self.discard(slot);
        }
        Ok(Some(result))
    }

    /// As [`Keyspace::edit`] for a type that keeps empty values, and for changes that WATCH does not see. The closure
    /// says whether it changed anything; the answer is whether there is such a key.
    pub fn edit_unwatched<T: Stored>(
        &mut self,
        slot: Slot<'_>,
        change: &mut dyn FnMut(&mut T) -> bool,
    ) -> Result<bool, CommandError> {
        if self.get::<T>(slot)?.is_none() {
            return Ok(false);
        }
        self.shard(slot.shard).update_unwatched(slot.db, slot.located, slot.key, &mut |entry| {
            change(entry.object_mut().and_then(T::of_mut).expect("the type was checked above"))
        });
        Ok(true)
    }

    /// As [`Keyspace::edit`], where a missing key starts with an empty value, without expiry. It comes into being
    /// only if the closure says that it changed something.
    #[inline]
    pub fn edit_or_create<T: Stored, R>(
        &mut self,
        slot: Slot<'_>,
        change: impl FnOnce(&mut T) -> (R, bool),
    ) -> Result<R, CommandError> {
        if slot.exists() {
            let result = self.edit(slot, change)?;
            return Ok(result.expect("the key exists"));
        }
        let mut value = T::default();
        let (result, has_changed) = change(&mut value);
        if has_changed {
            self.put_value(slot, value);
        }
        Ok(result)
    }

    /// Stores a collection, without expiry, in place of any value of any type; an empty one removes the key.
    pub fn put_value<T: Stored>(&mut self, slot: Slot<'_>, value: T) {
        if value.is_empty() && !T::KEEPS_EMPTY {
            self.discard(slot);
        } else {
            self.put(slot, NewValue::Object(Box::new(value.into_object())), None);
        }
    }

    /// Sets or clears the expiry of an existing key.
    pub fn set_deadline(&mut self, slot: Slot<'_>, deadline_ms: Option<u64>) {
        self.update(slot, |entry| entry.set_deadline(deadline_ms));
    }

    /// Removes a key and returns what it held.
    pub fn remove(&mut self, slot: Slot<'_>) -> Option<Entry> {
        self.shard(slot.shard).remove(slot.db, slot.located)
    }

    /// Removes a key and says whether there was one. Memory that takes long to free is freed later.
    pub fn discard(&mut self, slot: Slot<'_>) -> bool {
        self.shard(slot.shard).remove_and_discard(slot.db, slot.located)
    }

    /// The instant of the command, Unix time in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// How accesses move clocks.
    pub fn clock(&self) -> AccessClock {
        self.clock
    }

    /// The layout of shards.
    pub fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// A held shard.
    ///
    /// # Panics
    /// If the plan did not ask for it: a command row whose keys or scope are wrong.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn shard(&mut self, id: ShardId) -> &mut Shard {
        match &mut self.held {
            Held::One(held, shard) => {
                debug_assert_eq!(*held, id, "plans name every shard they use");
                shard
            }
            Held::Many(shards) => {
                let place = match shards.get(id) {
                    Some((here, _)) if *here == id => id,
                    _ => shards.binary_search_by_key(&id, |(id, _)| *id).expect("plans name every shard they use"),
                };
                shards[place].1
            }
            Held::None => panic!("plans name every shard they use"),
        }
    }

    /// A held shard, for reading several keys at once.
    #[inline]
    fn held_shard(&self, id: ShardId) -> &Shard {
        match &self.held {
            Held::One(held, shard) => {
                debug_assert_eq!(*held, id, "plans name every shard they use");
                shard
            }
            Held::Many(shards) => match shards.get(id) {
                Some((here, shard)) if *here == id => shard,
                _ => {
                    let place = shards.binary_search_by_key(&id, |(id, _)| *id);
                    shards[place.expect("plans name every shard they use")].1
                }
            },
            Held::None => panic!("plans name every shard they use"),
        }
    }

    /// Lets the sum of all memory know how much the held shards take, once it is off by `untold` bytes for one.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn tell_bytes(&mut self, sum: &AtomicU64, untold: usize) {
        match &mut self.held {
            Held::None => {}
            Held::One(_, shard) => shard.tell_bytes(sum, untold),
            Held::Many(shards) => shards.iter_mut().for_each(|(_, shard)| shard.tell_bytes(sum, untold)),
        }
    }

    /// The numbers of the held shards, as a set.
    pub fn held(&self) -> ShardSet {
        match &self.held {
            Held::None => ShardSet::None,
            Held::One(id, _) => ShardSet::One(*id),
            Held::Many(shards) => shards.iter().fold(ShardSet::None, |set, (id, _)| set.with(*id)),
        }
    }

    /// Whether a key that requests wait for has changed.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn has_ready(&self) -> bool {
        match &self.held {
            Held::None => false,
            Held::One(_, shard) => shard.waiting.has_ready(),
            Held::Many(shards) => shards.iter().any(|(_, shard)| shard.waiting.has_ready()),
        }
    }

    /// All held shards, ascending: every shard when the command's scope says so.
    pub fn shards(&mut self) -> impl Iterator<Item = &mut Shard> {
        let (one, many) = match &mut self.held {
            Held::None => (None, None),
            Held::One(_, shard) => (Some(&mut **shard), None),
            Held::Many(shards) => (None, Some(shards)),
        };
        one.into_iter().chain(many.into_iter().flatten().map(|(_, shard)| &mut **shard))
    }
}

/// The string that an entry holds, or WRONGTYPE.
#[inline]
pub fn string_of(entry: &Entry) -> Result<Text<'_>, CommandError> {
    match entry.value() {
        Value::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        Value::Integer(integer) => {
            let mut text = Vec::with_capacity(20);
            crate::number::write_i64(&mut text, integer);
            Ok(Cow::Owned(text))
        }
        Value::Object(Object::Raw(bytes)) => Ok(Cow::Borrowed(bytes)),
        Value::Object(_) => Err(CommandError::WRONG_TYPE),
    }
}

/// The encoding a plain SET gives a string: decimal integers as numbers, all else inline.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
pub fn encode_string(value: &[u8]) -> NewValue<'_> {
    /// Digits and sign of the longest 64-bit integer.
    const LONGEST_INTEGER: usize = 20;
    match value {
        [b'-' | b'0'..=b'9', ..] if value.len() <= LONGEST_INTEGER => match crate::number::parse_i64(value) {
            Some(integer) => NewValue::Integer(integer),
            None => NewValue::Bytes(value),
        },
        _ => NewValue::Bytes(value),
    }
}

/// Longest string that OBJECT ENCODING calls `embstr`.
const EMBSTR_BYTES: usize = 44;

/// The encoding name that OBJECT ENCODING answers.
pub fn encoding_name(entry: &Entry) -> &'static str {
    match entry.value() {
        Value::Integer(_) => "int",
        Value::Bytes(bytes) if bytes.len() <= EMBSTR_BYTES => "embstr",
        Value::Bytes(_) => "raw",
        Value::Object(object) => object.encoding(),
    }
}

/// The type name that TYPE answers.
pub fn type_name(entry: &Entry) -> &'static str {
    match entry.value() {
        Value::Integer(_) | Value::Bytes(_) => "string",
        Value::Object(object) => object.type_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_several_shards_are_read_at_once() {
        let layout = Layout::new(8, 1, [1, 2]);
        let mut shards = layout.build();
        let names: Vec<String> = (0..100).map(|number| format!("key:{number}")).collect();
        // Only every other shard, so that places and numbers differ.
        let is_held = |name: &&String| layout.shard_of(layout.hash(name.as_bytes())) % 2 == 1;
        let held = Held::Many(shards.iter_mut().enumerate().filter(|(id, _)| id % 2 == 1).collect());
        let mut keys = Keyspace::new(held, &layout, 0, 1_000, AccessClock::Seconds(0), None);
        let names: Vec<&String> = names.iter().filter(is_held).collect();
        for name in &names {
            let slot = keys.write(name.as_bytes());
            keys.set_string(slot, name.as_bytes(), None);
        }
        let slots: Vec<Slot<'_>> = names.iter().map(|name| keys.locate(name.as_bytes())).collect();
        let texts: Vec<Text<'_>> = slots.iter().filter_map(|slot| keys.string(*slot).expect("a string")).collect();
        assert!(names.len() > 20);
        assert!(texts.iter().map(|text| &**text).eq(names.iter().map(|name| name.as_bytes())));
    }
}
