use super::*;
use crate::keyspace::entry::Value;
use crate::value::{FieldExpiry, Hash, PackLimits};
use proptest::prelude::*;

const DATABASES: u32 = 3;
const LIMITS: PackLimits = PackLimits { entries: 4, value_bytes: 64 };

#[derive(Clone, Debug)]
enum Step {
    Store { db: u16, key: u8, field: u8, deadline_ms: Option<u64> },
    RemoveField { db: u16, key: u8, field: u8 },
    Remove { db: u16, key: u8 },
    Replace { db: u16, key: u8 },
    Deadline { db: u16, key: u8, deadline_ms: u64 },
    Rename { db: u16, key: u8, to_db: u16, to: u8 },
    Look { db: u16, key: u8 },
    Clear { db: u16 },
    Swap { one: u16, other: u16 },
    Pass { ms: u64 },
    Tick { limit: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let (db, key, field) = (0..DATABASES as u16, 0u8..4, 0u8..6);
    prop_oneof![
        8 => (db.clone(), key.clone(), field.clone(), prop::option::of(1u64..60))
            .prop_map(|(db, key, field, deadline_ms)| Step::Store { db, key, field, deadline_ms }),
        2 => (db.clone(), key.clone(), field).prop_map(|(db, key, field)| Step::RemoveField { db, key, field }),
        1 => (db.clone(), key.clone()).prop_map(|(db, key)| Step::Remove { db, key }),
        1 => (db.clone(), key.clone()).prop_map(|(db, key)| Step::Replace { db, key }),
        1 => (db.clone(), key.clone(), 1u64..60)
            .prop_map(|(db, key, deadline_ms)| Step::Deadline { db, key, deadline_ms }),
        2 => (db.clone(), key.clone(), db.clone(), key.clone())
            .prop_map(|(db, key, to_db, to)| Step::Rename { db, key, to_db, to }),
        4 => (db.clone(), key).prop_map(|(db, key)| Step::Look { db, key }),
        1 => db.clone().prop_map(|db| Step::Clear { db }),
        1 => (db.clone(), db).prop_map(|(one, other)| Step::Swap { one, other }),
        3 => (1u64..30).prop_map(|ms| Step::Pass { ms }),
        2 => (1usize..10).prop_map(|limit| Step::Tick { limit }),
    ]
}

struct World {
    shard: Shard,
    hasher: KeyHasher,
    now_ms: u64,
}

impl World {
    fn locate(&mut self, db: u16, key: u8) -> Located {
        self.shard.locate(db, self.hasher.hash(&[key]), &[key], self.now_ms)
    }

    /// Changes the hash under a key, as the keyspace does for commands.
    fn edit(&mut self, db: u16, key: u8, change: impl FnOnce(&mut Hash)) {
        let located = self.locate(db, key);
        if !matches!(self.shard.entry(db, located).map(Entry::value), Some(Value::Object(_))) {
            return;
        }
        let is_empty = self.shard.update(db, located, &[key], |entry| match entry.object_mut() {
            Some(Object::Hash(hash)) => {
                change(hash);
                hash.is_empty()
            }
            _ => false,
        });
        if is_empty {
            self.shard.remove(db, located);
        }
    }

    fn put(&mut self, db: u16, key: u8, value: NewValue<'_>) {
        let located = self.locate(db, key);
        self.shard.put(db, located, &[key], value, None, 0);
    }

    fn run(&mut self, step: Step) {
        let hasher = self.hasher;
        match step {
            Step::Store { db, key, field, deadline_ms } => {
                let expiry = deadline_ms.map_or(FieldExpiry::Never, |ms| FieldExpiry::At(self.now_ms + ms));
                if !self.locate(db, key).exists() {
                    let hash = Box::new(Object::Hash(Hash::default()));
                    self.put(db, key, NewValue::Object(hash));
                }
                let value = crate::structure::listpack::Item::Integer(1);
                self.edit(db, key, |hash| _ = hash.store(&[field], value, expiry, LIMITS, hasher));
            }
            Step::RemoveField { db, key, field } => self.edit(db, key, |hash| _ = hash.remove(&[field], hasher)),
            Step::Remove { db, key } => {
                let located = self.locate(db, key);
                self.shard.remove(db, located);
            }
            Step::Replace { db, key } => self.put(db, key, NewValue::Bytes(b"text")),
            Step::Deadline { db, key, deadline_ms } => {
                let (located, at_ms) = (self.locate(db, key), self.now_ms + deadline_ms);
                if located.exists() {
                    self.shard.update(db, located, &[key], |entry| entry.set_deadline(Some(at_ms)));
                }
            }
            Step::Rename { db, key, to_db, to } => {
                let located = self.locate(db, key);
                if let Some(entry) = self.shard.remove(db, located) {
                    let target = self.locate(to_db, to);
                    self.shard.remove(to_db, target);
                    self.shard.insert_entry(to_db, hasher.hash(&[to]), entry.renamed(&[to]));
                }
            }
            Step::Look { db, key } => {
                let (located, now_ms) = (self.locate(db, key), self.now_ms);
                if let Some(Value::Object(Object::Hash(hash))) = self.shard.entry(db, located).map(Entry::value) {
                    assert!(!hash.is_empty());
                    assert!(hash.iter().all(|(_, _, at_ms)| at_ms.is_none_or(|at_ms| at_ms >= now_ms)));
                }
            }
            Step::Clear { db } => _ = self.shard.clear(db, self.now_ms),
            Step::Swap { one, other } => self.shard.swap(one, other, self.now_ms),
            Step::Pass { ms } => self.now_ms += ms,
            Step::Tick { limit } => {
                while self.shard.expire_fields(self.now_ms, limit) {}
                while self.shard.expire_due(self.now_ms, limit) {}
                assert!(self.shard.next_deadline().is_none_or(|at_ms| at_ms >= self.now_ms));
            }
        }
    }

    /// What the shard keeps beside its entries must follow from them.
    fn check(&self) {
        let mut expected = FieldDeadlines::default();
        let mut bytes = 0;
        for db in 0..self.shard.databases() {
            for entry in self.shard.database(db).iter() {
                expected.moved(db, entry.key(), NEVER, field_deadlines::next_of(entry));
                bytes += entry.heap_bytes();
            }
        }
        assert_eq!(self.shard.field_deadlines, expected);
        assert_eq!(self.shard.entry_bytes, bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn fields_end_wherever_their_hash_went(steps in prop::collection::vec(step(), 0..80), secret: [u64; 2]) {
        let hasher = KeyHasher::new(secret);
        let mut world = World { shard: Shard::new(DATABASES, hasher), hasher, now_ms: 1000 };
        for step in steps {
            world.run(step);
            world.check();
        }
        world.run(Step::Pass { ms: 100 });
        world.run(Step::Tick { limit: 3 });
        world.check();
        prop_assert_eq!(world.shard.field_deadlines.earliest(), None);
    }
}
