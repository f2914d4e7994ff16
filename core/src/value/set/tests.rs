//! The set against a plain model, and its conversions.

use super::*;
use crate::value::PackLimits;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn hasher() -> KeyHasher {
    KeyHasher::new([1, 2])
}

fn limits(intset_entries: usize, entries: usize) -> SetLimits {
    SetLimits { intset_entries, pack: PackLimits { entries, value_bytes: 8 } }
}

fn names(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(Item::to_vec).collect()
}

#[test]
fn encodings_change_as_in_redis() {
    let limits = limits(4, 3);
    let set_of = |members: &[&str]| {
        let mut set = Set::default();
        for member in members {
            set.add(member.as_bytes(), limits, hasher());
        }
        set.encoding()
    };
    for (members, expected) in [
        (&["1", "2", "3", "4"][..], "intset"),
        (&["1", "2", "3", "4", "5"], "hashtable"),
        (&["1", "2", "a"], "listpack"),
        (&["1", "2", "3", "a"], "hashtable"),
        (&["123456789", "a"], "hashtable"),
        (&["1", "123456789"], "intset"),
        (&["12345678a"], "hashtable"),
        (&["a", "b", "a", "b", "c"], "listpack"),
        (&["a", "b", "c", "d"], "hashtable"),
    ] {
        assert_eq!(set_of(members), expected, "{members:?}");
    }
}

#[test]
fn known_counts_choose_the_encoding() {
    let limits = limits(4, 6);
    for (first, count, expected) in
        [("1", 4, "intset"), ("1", 5, "listpack"), ("a", 6, "listpack"), ("a", 7, "hashtable"), ("1", 7, "hashtable")]
    {
        let mut set = Set::default();
        set.expect_members(first.as_bytes(), count, limits, hasher());
        assert_eq!(set.encoding(), expected, "{first} {count}");
    }
    let mut set = Set::default();
    set.add(b"1", limits, hasher());
    set.expect_members(b"2", 4, limits, hasher());
    assert_eq!(set.encoding(), "intset");
    set.expect_members(b"2", 5, limits, hasher());
    assert_eq!((set.encoding(), names(&set)), ("hashtable", BTreeSet::from([b"1".to_vec()])));
}

#[test]
fn results_of_integers_become_intsets() {
    let mut set = Set::Packed(Listpack::new());
    for member in ["3", "-1", "7"] {
        set.add(member.as_bytes(), limits(0, 2), hasher());
    }
    assert_eq!(set.encoding(), "hashtable");
    set.prefer_integers(limits(2, 9));
    assert_eq!(set.encoding(), "hashtable");
    set.prefer_integers(limits(3, 9));
    assert_eq!(set.encoding(), "intset");
    assert!(set.iter().eq([-1, 3, 7].map(Item::Integer)));
    let mut mixed = Set::Packed(Listpack::new());
    mixed.add(b"1", limits(9, 9), hasher());
    mixed.add(b"01", limits(9, 9), hasher());
    mixed.prefer_integers(limits(9, 9));
    assert_eq!(mixed.encoding(), "listpack");
}

#[test]
fn draws_are_fair() {
    const DRAWS: usize = 40_000;
    for size in [8usize, 60] {
        for limits in [limits(100, 100), limits(0, 100), limits(0, 0)] {
            let mut set = Set::Packed(Listpack::new());
            for member in 0..size {
                set.add(member.to_string().as_bytes(), limits, hasher());
            }
            let mut random = Random::new(7);
            let mut counts = vec![0usize; size];
            for _ in 0..DRAWS {
                let text = set.random(random.next_u64()).expect("it is not empty").to_vec();
                counts[parse_i64(&text).expect("a number") as usize] += 1;
            }
            let expected = DRAWS / size;
            assert!(counts.iter().all(|count| count.abs_diff(expected) < expected / 4), "{counts:?}");
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Add(Vec<u8>),
    Remove(Vec<u8>),
    Pop,
    PopMany(usize),
    Expect(usize),
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (-6i64..12).prop_map(|integer| integer.to_string().into_bytes()),
        2 => "[a-d]{0,2}".prop_map(String::into_bytes),
        1 => Just(b"a long member".to_vec()),
        1 => Just(b"01".to_vec()),
        1 => any::<i64>().prop_map(|integer| integer.to_string().into_bytes()),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => member().prop_map(Change::Add),
        3 => member().prop_map(Change::Remove),
        1 => Just(Change::Pop),
        1 => (0usize..30).prop_map(Change::PopMany),
        1 => (0usize..12).prop_map(Change::Expect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn behaves_like_a_plain_set(
        changes in prop::collection::vec(change(), 0..80), intset_entries in 0usize..12, entries in 0usize..12,
    ) {
        let (limits, hasher) = (limits(intset_entries, entries), hasher());
        let (mut set, mut model) = (Set::default(), BTreeSet::new());
        let mut random = Random::new(3);
        for change in changes {
            let mut shown = Vec::new();
            match change {
                Change::Add(member) => {
                    prop_assert_eq!(set.add(&member, limits, hasher), model.insert(member.clone()));
                    prop_assert!(set.contains(&member, hasher));
                    prop_assert!(set.contains_item(Item::from(member.as_slice()), hasher));
                }
                Change::Remove(member) => {
                    prop_assert_eq!(set.remove(&member, hasher), model.remove(&member));
                    prop_assert!(!set.contains(&member, hasher));
                }
                Change::Pop => set.pop(random.next_u64(), hasher, |item| shown.push(item.to_vec())),
                Change::PopMany(count) => {
                    let count = count.min(set.len());
                    set.pop_many(count, &mut random, limits, hasher, |item| shown.push(item.to_vec()));
                    prop_assert_eq!(shown.len(), count);
                }
                Change::Expect(count) => set.expect_members(b"1", count, limits, hasher),
            }
            for member in shown {
                prop_assert!(model.remove(&member), "{member:?} was there once");
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(set.is_empty(), model.is_empty());
            prop_assert_eq!(set.random(random.next_u64()).is_some(), !model.is_empty());
            prop_assert_eq!(names(&set), model.clone());
        }
    }
}
