use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const HASHER_SECRET: [u64; 2] = [7, 11];

fn hasher() -> KeyHasher {
    KeyHasher::new(HASHER_SECRET)
}

fn limits(entries: usize, value_bytes: usize) -> PackLimits {
    PackLimits { entries, value_bytes }
}

fn listed<'a>(members: impl Iterator<Item = (Item<'a>, f64)>) -> Vec<(Vec<u8>, f64)> {
    members.map(|(member, score)| (member.to_vec(), score)).collect()
}

/// Members are numbers and texts, so that both ways of a listpack to keep them are taken.
fn member(number: u8) -> Vec<u8> {
    match number % 3 {
        0 => format!("{}", i32::from(number) - 60).into_bytes(),
        1 => format!("m{number}").into_bytes(),
        _ => vec![b'x'; usize::from(number) / 8],
    }
}

fn score(number: i8) -> f64 {
    match number {
        i8::MIN => f64::NEG_INFINITY,
        i8::MAX => f64::INFINITY,
        _ => f64::from(number / 4) / 8.0,
    }
}

fn sorted(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
    all.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
    all
}

#[test]
fn scores_are_stored_as_integers_or_shortest_texts() {
    let mut set = SortedSet::default();
    for (member, score) in [("a", 0.1), ("b", -3.0), ("c", 1e19), ("d", f64::INFINITY), ("e", -0.0), ("f", 0.5)] {
        set.insert(member.as_bytes(), score, limits(10, 10), hasher());
    }
    let SortedSet::Packed(pack) = &set else { panic!("few short members stay packed") };
    let texts: Vec<_> = pack.iter().map(|item| String::from_utf8(item.to_vec()).expect("ASCII")).collect();
    assert_eq!(texts.join(" "), "b -3 e 0 a 0.1 f 0.5 c 1e+19 d inf");
    let scores: Vec<f64> = set.iter().map(|(_, score)| score).collect();
    assert_eq!(scores, [-3.0, 0.0, 0.1, 0.5, 1e19, f64::INFINITY]);
}

#[test]
fn limits_decide_the_form() {
    let mut set = SortedSet::default();
    for number in 0..3 {
        set.insert(&[b'a' + number], 1.0, limits(3, 2), hasher());
    }
    assert_eq!(set.encoding(), "listpack");
    // A new score asks for no room.
    set.insert(b"a", 2.0, limits(2, 0), hasher());
    assert_eq!(set.encoding(), "listpack");
    set.insert(b"d", 1.0, limits(3, 2), hasher());
    assert_eq!((set.encoding(), set.len()), ("skiplist", 4));
    set.settle(limits(3, 2));
    assert_eq!(set.encoding(), "skiplist");
    set.settle(limits(4, 2));
    assert_eq!(set.encoding(), "listpack");
    set.insert(b"long", 1.0, limits(9, 3), hasher());
    assert_eq!(set.encoding(), "skiplist");
    set.settle(limits(9, 3));
    assert_eq!(set.encoding(), "skiplist");
}

#[test]
fn change_leaves_alone_what_it_is_told_to() {
    for entries in [0, 10] {
        let mut set = SortedSet::default();
        let limits = limits(entries, 10);
        assert_eq!(set.change(b"a", limits, hasher(), |old| old), Insertion::Unchanged);
        assert!(set.is_empty());
        set.insert(b"a", 1.0, limits, hasher());
        assert_eq!(set.change(b"a", limits, hasher(), |_| None), Insertion::Unchanged);
        let doubled = set.change(b"a", limits, hasher(), |old| old.map(|score| score * 2.0));
        assert_eq!(doubled, Insertion::Updated { old: 1.0 });
        assert_eq!(set.score(b"a", hasher()), Some(2.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn both_forms_equal_the_model(
        operations in prop::collection::vec(any::<(u8, u8, i8)>(), 0..200),
        entries in 0usize..40,
        low: i8,
        high: i8,
    ) {
        let limits = limits(entries, 24);
        let (mut set, mut model) = (SortedSet::default(), BTreeMap::new());
        for (kind, number, value) in operations {
            let name = member(number);
            match kind % 8 {
                0..=5 => {
                    let is_new = set.insert(&name, score(value), limits, hasher()) == Insertion::Inserted;
                    prop_assert_eq!(is_new, model.insert(name, score(value)).is_none());
                }
                6 => prop_assert_eq!(set.remove(&name, hasher()), model.remove(&name)),
                _ => {
                    let start = usize::from(number) % (model.len() + 1);
                    let ranks = start..start + usize::from(value.unsigned_abs()) / 32;
                    let gone: Vec<_> = sorted(&model).into_iter().skip(start).take(ranks.len()).collect();
                    prop_assert_eq!(set.remove_range(ranks, hasher()), gone.len());
                    gone.iter().for_each(|(member, _)| { model.remove(member); });
                }
            }
        }
        let all = sorted(&model);
        prop_assert_eq!(set.len(), all.len());
        prop_assert_eq!(listed(set.iter()), all.clone());
        let backwards: Vec<_> = all.iter().rev().cloned().collect();
        prop_assert_eq!(listed(set.iter().rev()), backwards);
        for (rank, (member, score)) in all.iter().enumerate() {
            prop_assert_eq!(set.rank(member, hasher()), Some((rank, *score)));
        }
        let inside = |test: &dyn Fn(f64) -> bool| {
            all.iter().filter(|(_, score)| test(*score)).cloned().collect::<Vec<_>>()
        };
        let (min, max) = (score(low), score(high));
        let ranks = set.score_ranks(ScoreBound::Inclusive(min), ScoreBound::Exclusive(max));
        prop_assert_eq!(listed(set.range(ranks)), inside(&|score| score >= min && score < max));
        let ranks = set.score_ranks(ScoreBound::Exclusive(min), ScoreBound::Inclusive(max));
        prop_assert_eq!(listed(set.range(ranks.clone())), inside(&|score| score > min && score <= max));
        let copy = SortedSet::from_ascending(set.range(ranks.clone()), limits, hasher());
        prop_assert_eq!(listed(copy.iter()), listed(set.range(ranks)));
        let mut scanned = Vec::new();
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, 3, |member, score| scanned.push((member.to_vec(), score)));
            if cursor == 0 { break }
        }
        scanned.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
        prop_assert_eq!(scanned, all);
    }

    #[test]
    fn lex_ranges_of_both_forms_are_the_same(
        members in prop::collection::btree_set("[0-2]{1,3}|[a-c]{0,3}", 0..60),
        low in "[0-2a-c]{0,2}",
        high in "[0-2a-c]{0,2}",
    ) {
        let (mut packed, mut tree) = (SortedSet::default(), SortedSet::large());
        for member in &members {
            packed.insert(member.as_bytes(), 0.0, limits(100, 100), hasher());
            tree.insert(member.as_bytes(), 0.0, limits(0, 0), hasher());
        }
        prop_assert_eq!(packed.encoding(), "listpack");
        let (low, high) = (low.as_bytes(), high.as_bytes());
        for (min, max) in [
            (LexBound::Min, LexBound::Max),
            (LexBound::Max, LexBound::Min),
            (LexBound::Inclusive(low), LexBound::Exclusive(high)),
            (LexBound::Exclusive(low), LexBound::Inclusive(high)),
        ] {
            let expected = listed(tree.range(tree.lex_ranks(min, max)));
            prop_assert_eq!(listed(packed.range(packed.lex_ranks(min, max))), expected.clone());
            prop_assert_eq!(listed(packed.range(packed.lex_ranks_back(min, max))), expected);
        }
    }
}
