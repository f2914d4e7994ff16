//! Reading ahead for commands on several keys: what their lookups will wait for in memory is asked for all at once,
//! instead of one after the other.

use super::Keyspace;
use super::entry::Entry;
use super::table::Table;

/// Keys looked ahead for at a time: as many as a core can wait for at once, and somewhat more.
pub const KEYS_AHEAD: usize = 16;

impl Keyspace<'_> {
    /// Reads ahead for the first [`KEYS_AHEAD`] keys. Changes nothing; the lookups that follow find their memory near.
    pub fn warm<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        let db = self.db;
        let mut ahead = [(0, 0); KEYS_AHEAD];
        let mut count = 0;
        for (place, key) in ahead.iter_mut().zip(keys) {
            let hash = self.layout.hash(key);
            *place = (self.layout.shard_of(hash), hash);
            count += 1;
        }
        // Each round asks for lines that no other key's depend on. The sum keeps the reads from being left out.
        let ahead = &ahead[..count];
        let rounds = [Table::<Entry>::read_bucket, Table::<Entry>::read_item];
        for round in rounds {
            let read = ahead
                .iter()
                .fold(0, |sum: u64, (shard, hash)| sum.wrapping_add(round(self.shard(*shard).database(db), *hash)));
            std::hint::black_box(read);
        }
    }
}
