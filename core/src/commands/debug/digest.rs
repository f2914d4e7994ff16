//! DEBUG DIGEST and DIGEST-VALUE: whether two datasets are equal, whatever their encodings.

use xxhash_rust::xxh3::Xxh3;

use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::object::Object;
use crate::keyspace::type_name;

/// Seeds of the two hashes that make 160 bits.
const SEEDS: [u64; 2] = [0x4c61_7264_6572_2031, 0x4c61_7264_6572_2032];

/// DEBUG DIGEST: the digests of all keys of all databases combined, in no particular order.
pub(super) fn keyspace(cx: &mut Context) -> Result<(), CommandError> {
    let now_ms = cx.env.now_ms();
    let mut all = Digest::default();
    for shard in cx.keys.shards() {
        for db in 0..shard.databases() {
            let live = |entry: &&Entry| !entry.is_expired(now_ms);
            for entry in shard.database(db).iter().filter(live) {
                let mut hash = Hash::new();
                hash.word(&db.to_le_bytes());
                hash.word(entry.key());
                hash.value(entry);
                all.combine(hash.finish());
            }
        }
    }
    cx.reply.status(&all.text());
    Ok(())
}

/// DEBUG DIGEST-VALUE: the digest of each key's value, as it stands. The key itself does not count.
pub(super) fn values(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.array(cx.args.len() - 2);
    for key in cx.args.iter().skip(2) {
        let digest = cx.keys.peek(cx.keys.db, key).map(|entry| {
            let mut hash = Hash::new();
            hash.value(entry);
            hash.finish()
        });
        cx.reply.status(&digest.unwrap_or_default().text());
    }
    Ok(())
}

/// 160 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Digest {
    high: u128,
    low: u32,
}

impl Digest {
    /// Adds the digest of another key. Keys are unique, so nothing cancels out.
    fn combine(&mut self, other: Self) {
        self.high ^= other.high;
        self.low ^= other.low;
    }

    /// Forty hexadecimal digits.
    fn text(self) -> String {
        format!("{:032x}{:08x}", self.high, self.low)
    }
}

struct Hash(Xxh3, Xxh3);

impl Hash {
    fn new() -> Self {
        let [one, other] = SEEDS;
        Self(Xxh3::with_seed(one), Xxh3::with_seed(other))
    }

    /// Adds bytes with their length, so that words cannot run into each other.
    fn word(&mut self, bytes: &[u8]) {
        for hasher in [&mut self.0, &mut self.1] {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
    }

    /// Adds type and content, the same for every encoding.
    fn value(&mut self, entry: &Entry) {
        self.word(type_name(entry).as_bytes());
        // Every kind of value must be named here, or the digest would be blind to it.
        match entry.value() {
            Value::Bytes(bytes) => self.word(bytes),
            Value::Object(Object::Raw(bytes)) => self.word(bytes),
            Value::Integer(integer) => self.word(itoa::Buffer::new().format(integer).as_bytes()),
        }
    }

    fn finish(self) -> Digest {
        Digest { high: self.0.digest128(), low: self.1.digest() as u32 }
    }
}
