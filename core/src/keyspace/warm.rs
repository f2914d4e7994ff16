//! Reading ahead: what the lookups of several keys will wait for in memory is asked for all at once, instead of one
//! after the other.

use std::hint::black_box;

use super::entry::{Entry, Value};
use super::table::Table;
use super::{Keyspace, Layout, ShardId};
use crate::hash::KeyHasher;

/// Keys looked ahead for at a time: as many as a core can wait for at once, and somewhat more.
pub const KEYS_AHEAD: usize = 16;

/// Tables with fewer items are near enough: reading ahead in them takes longer than it saves.
const FAR_ITEMS: usize = 4096;

/// What the next commands will look for: at most [`KEYS_AHEAD`] keys, each with what they will look for in the
/// collection there, if anything.
#[derive(Debug)]
pub struct Ahead<'k> {
    places: [(ShardId, u64); KEYS_AHEAD],
    members: [&'k [u8]; KEYS_AHEAD],
    count: usize,
    hasher: KeyHasher,
}

impl<'k> Ahead<'k> {
    /// Looks ahead for the first keys, each with its member or with none, which is empty.
    pub fn new(layout: &Layout, wanted: impl Iterator<Item = (&'k [u8], &'k [u8])>) -> Self {
        let (places, members) = ([(0, 0); KEYS_AHEAD], [&b""[..]; KEYS_AHEAD]);
        let mut ahead = Self { places, members, count: 0, hasher: layout.hasher() };
        for ((key, member), at) in wanted.zip(0..KEYS_AHEAD) {
            let hash = layout.hash(key);
            ahead.places[at] = (layout.shard_of(hash), hash);
            ahead.members[at] = member;
            ahead.count += 1;
        }
        ahead
    }

    /// The shards of the keys, each as often as it has keys.
    pub fn shards(&self) -> impl Iterator<Item = ShardId> {
        self.places[..self.count].iter().map(|(shard, _)| *shard)
    }

    /// Reads ahead in the tables of those shards that there are. Changes nothing: the lookups that follow find their
    /// memory near.
    pub fn read<'t>(&self, table: impl Fn(ShardId) -> Option<&'t Table<Entry>>) {
        let places = &self.places[..self.count];
        // Each round asks for lines that no other key's depend on. The sums keep the reads from being left out.
        let buckets = places.iter().map(|(shard, hash)| table(*shard).map_or(0, |table| table.read_bucket(*hash)));
        black_box(buckets.fold(0, u64::wrapping_add));
        let entries = places.iter().map(|(shard, hash)| table(*shard).map_or(0, |table| table.read_item(*hash)));
        black_box(entries.fold(0, u64::wrapping_add));
        let mut inner = [None; KEYS_AHEAD];
        for (((shard, hash), member), inner) in places.iter().zip(self.members).zip(&mut inner) {
            if !member.is_empty()
                && let Some(members) = table(*shard).and_then(|table| members(table, *hash))
            {
                *inner = Some((members, self.hasher.hash(member)));
            }
        }
        let buckets = inner.iter().flatten().map(|(members, hash)| members.read_bucket(*hash));
        black_box(buckets.fold(0, u64::wrapping_add));
        let entries = inner.iter().flatten().map(|(members, hash)| members.read_item(*hash));
        black_box(entries.fold(0, u64::wrapping_add));
    }
}

/// The members of the collection that looking for a hash will probably find, if they are many.
fn members(table: &Table<Entry>, hash: u64) -> Option<&Table<Entry>> {
    match table.candidate(hash)?.value() {
        Value::Object(object) => object.members().filter(|members| members.len() >= FAR_ITEMS),
        _ => None,
    }
}

/// Whether it pays to look ahead for keys of which this is one.
pub fn is_far(table: &Table<Entry>, hash: u64) -> bool {
    table.len() >= FAR_ITEMS || members(table, hash).is_some()
}

impl Keyspace<'_> {
    /// Reads ahead for the first [`KEYS_AHEAD`] keys.
    pub fn warm<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        let ahead = Ahead::new(self.layout, keys.map(|key| (key, &b""[..])));
        ahead.read(|shard| Some(self.held_shard(shard).database(self.db)));
    }
}
