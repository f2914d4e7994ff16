//! DEBUG DIGEST and DIGEST-VALUE: whether two datasets are equal, whatever their encodings.

use crate::context::Context;
use crate::error::CommandError;
use crate::hash::KeyHasher;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::object::Object;
use crate::keyspace::type_name;
use crate::structure::listpack::Item;
use crate::structure::stream::StreamId;

/// Keys of the hashes side by side that make 160 bits. They are no secret: equal data must have equal digests.
const KEYS: [[u64; 2]; 3] = [[0x4c61_7264_6572_2031, 1], [0x4c61_7264_6572_2032, 2], [0x4c61_7264_6572_2033, 3]];

/// Stands for an expiry: that there is one counts, its time does not.
const EXPIRES: &[u8] = b"expires";

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

/// 160 bits: two lanes and half of the third.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Digest([u64; 3]);

impl Digest {
    /// Adds the digest of another key or element. They are unique, so nothing cancels out.
    fn combine(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(lane, other)| *lane ^= other);
    }

    /// Forty hexadecimal digits.
    fn text(self) -> String {
        let [first, second, third] = self.0;
        format!("{first:016x}{second:016x}{:08x}", third as u32)
    }
}

/// The hash of a sequence of words, one lane for each of [`KEYS`].
struct Hash([u64; 3]);

impl Hash {
    fn new() -> Self {
        Self([0; 3])
    }

    /// Adds a word: each lane becomes the hash of itself and of the word's hash, so words cannot run into each other.
    fn word(&mut self, bytes: &[u8]) {
        for (lane, key) in self.0.iter_mut().zip(KEYS) {
            let hasher = KeyHasher::new(key);
            let link = [lane.to_le_bytes(), hasher.hash(bytes).to_le_bytes()];
            *lane = hasher.hash(link.as_flattened());
        }
    }

    /// Adds type and content, the same for every encoding.
    fn value(&mut self, entry: &Entry) {
        self.word(type_name(entry).as_bytes());
        // Every kind of value must be named here, or the digest would be blind to it.
        match entry.value() {
            Value::Bytes(bytes) => self.word(bytes),
            Value::Object(Object::Raw(bytes)) => self.word(bytes),
            Value::Integer(integer) => self.item(Item::Integer(integer)),
            Value::Object(Object::List(list)) => list.iter().for_each(|element| self.item(element)),
            Value::Object(Object::Set(set)) => self.unordered(set.iter(), |hash, member| hash.item(member)),
            Value::Object(Object::Hash(fields)) => {
                self.unordered(fields.iter(), |hash, (field, value, deadline_ms)| {
                    hash.item(field);
                    hash.item(value);
                    hash.word(if deadline_ms.is_some() { EXPIRES } else { b"" });
                })
            }
            Value::Object(Object::SortedSet(set)) => set.iter().for_each(|(member, score)| {
                self.item(member);
                // Both zeros are the same score.
                self.word(&(score + 0.0).to_le_bytes());
            }),
            Value::Object(Object::Stream(stream)) => {
                for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
                    self.word(entry.id.text(&mut [0; StreamId::TEXT_BYTES]));
                    for (name, value) in entry.fields {
                        self.word(&name.to_vec());
                        self.word(&value.to_vec());
                    }
                }
            }
        }
        if entry.deadline_ms().is_some() {
            self.word(EXPIRES);
        }
    }

    /// Adds an element, the same for every encoding.
    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Integer(integer) => self.word(itoa::Buffer::new().format(integer).as_bytes()),
            Item::Text(text) => self.word(text),
        }
    }

    /// Adds elements, each unlike the others, whose order says nothing.
    fn unordered<T>(&mut self, elements: impl Iterator<Item = T>, add: impl Fn(&mut Self, T)) {
        let mut all = Digest::default();
        for element in elements {
            let mut hash = Self::new();
            add(&mut hash, element);
            all.combine(hash.finish());
        }
        self.word(all.0.map(u64::to_le_bytes).as_flattened());
    }

    fn finish(self) -> Digest {
        Digest(self.0)
    }
}
