use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;

const LIMITS: PackLimits = PackLimits { entries: 6, value_bytes: 12 };

#[derive(Clone, Debug)]
enum Step {
    Store(Vec<u8>, Vec<u8>, FieldExpiry),
    Remove(Vec<u8>),
    Deadline(Vec<u8>, Option<u64>),
    Expire(u64),
    Clone,
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u8..12).prop_map(|number| number.to_string().into_bytes()),
        4 => "[ab]{0,2}".prop_map(String::into_bytes),
        1 => "[a-c]{11,14}".prop_map(String::into_bytes),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        "[0-9x]{0,3}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..14),
    ]
}

fn expiry() -> impl Strategy<Value = FieldExpiry> {
    prop_oneof![
        6 => Just(FieldExpiry::Never),
        2 => Just(FieldExpiry::Keep),
        1 => (0u64..100).prop_map(FieldExpiry::At),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (field(), value(), expiry()).prop_map(|(field, value, expiry)| Step::Store(field, value, expiry)),
        3 => field().prop_map(Step::Remove),
        1 => (field(), prop::option::of(0u64..100)).prop_map(|(field, at)| Step::Deadline(field, at)),
        1 => (0u64..100).prop_map(Step::Expire),
        1 => Just(Step::Clone),
    ]
}

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// Applies a step to both and compares what they answer.
fn apply(hash: &mut Hash, model: &mut Model, step: Step, hasher: KeyHasher) {
    match step {
        Step::Store(field, value, expiry) => {
            let deadline = match expiry {
                FieldExpiry::Never => None,
                FieldExpiry::Keep => model.get(&field).and_then(|(_, deadline)| *deadline),
                FieldExpiry::At(deadline) => Some(deadline),
            };
            let is_new = hash.store(&field, Item::from(&value[..]), expiry, LIMITS, hasher);
            assert_eq!(is_new, model.insert(field, (value, deadline)).is_none());
        }
        Step::Remove(field) => assert_eq!(hash.remove(&field, hasher), model.remove(&field).is_some()),
        Step::Deadline(field, deadline) => {
            let entry = model.get_mut(&field);
            assert_eq!(hash.set_deadline(&field, deadline, hasher), entry.is_some());
            if let Some((_, stored)) = entry {
                *stored = deadline;
            }
        }
        Step::Expire(now_ms) => {
            while hash.remove_due(now_ms, 3, hasher) {}
            model.retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline >= now_ms));
        }
        Step::Clone => *hash = hash.clone(),
    }
}

fn check(hash: &Hash, model: &Model, hasher: KeyHasher) {
    let fields = hash.iter().map(|(field, value, deadline)| (field.to_vec(), (value.to_vec(), deadline)));
    let fields: Vec<_> = fields.collect();
    assert_eq!(fields.len(), model.len());
    assert_eq!(&fields.into_iter().collect::<Model>(), model);
    assert_eq!((hash.len(), hash.is_empty()), (model.len(), model.is_empty()));
    let earliest = model.values().filter_map(|(_, deadline)| *deadline).min();
    assert_eq!(hash.next_deadline().is_some(), earliest.is_some());
    assert!(hash.next_deadline() <= earliest);
    for (field, (value, deadline)) in model {
        assert_eq!(hash.get(field, hasher).map(Item::to_vec).as_ref(), Some(value));
        assert_eq!(hash.deadline_ms(field, hasher), Some(*deadline));
        assert!(hash.contains(field, hasher));
        assert_eq!(text_bytes(Item::from(&value[..])), value.len());
    }
    assert_eq!(hash.get(b"missing", hasher), None);
    assert_eq!(hash.deadline_ms(b"missing", hasher), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn behaves_as_a_map(steps in prop::collection::vec(step(), 0..60), secret: [u64; 2]) {
        let hasher = KeyHasher::new(secret);
        let (mut hash, mut model) = (Hash::default(), Model::new());
        for step in steps {
            apply(&mut hash, &mut model, step, hasher);
            check(&hash, &model, hasher);
        }
    }
}

#[test]
fn a_hash_spreads_beyond_its_limits_or_with_an_expiry() {
    let hasher = KeyHasher::new([1, 2]);
    let limits = PackLimits { entries: 2, value_bytes: 3 };
    let filled = |fields: &[(&str, &str)]| {
        let mut hash = Hash::default();
        for (field, value) in fields {
            hash.set(field.as_bytes(), value.as_bytes(), limits, hasher);
        }
        hash
    };
    assert_eq!(filled(&[("a", "123"), ("abc", "1"), ("a", "x")]).encoding(), "listpack");
    assert_eq!(filled(&[("a", "1"), ("b", "1"), ("c", "1")]).encoding(), "hashtable");
    assert_eq!(filled(&[("a", "1234")]).encoding(), "hashtable");
    assert_eq!(filled(&[("a", "-123")]).encoding(), "hashtable");
    assert_eq!(filled(&[("abcd", "1")]).encoding(), "hashtable");
    let mut hash = filled(&[("a", "1")]);
    assert!(hash.set_deadline(b"a", None, hasher));
    assert_eq!(hash.encoding(), "listpack");
    assert!(hash.set_deadline(b"a", Some(5), hasher));
    assert_eq!((hash.encoding(), hash.next_deadline()), ("hashtable", Some(5)));
}

#[test]
fn every_field_is_drawn() {
    let hasher = KeyHasher::new([1, 2]);
    let mut random = crate::hash::Random::new(7);
    for entries in [100, 0] {
        let mut hash = Hash::default();
        for number in 0..20u8 {
            hash.set(&[number], b"v", PackLimits { entries, value_bytes: 64 }, hasher);
        }
        let drawn = (0..1000).filter_map(|_| hash.random(random.next_u64()));
        let drawn: std::collections::BTreeSet<Vec<u8>> = drawn.map(|(field, _)| field.to_vec()).collect();
        assert_eq!(drawn.len(), 20);
    }
    assert_eq!(Hash::default().random(1), None);
}
