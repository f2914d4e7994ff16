use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// FNV-1a, finished so that the upper bits depend on everything.
fn hash(bytes: &[u8]) -> u64 {
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    (sum ^ sum >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// A hash with eight values, so that collisions are the rule.
fn poor_hash(bytes: &[u8]) -> u64 {
    (hash(bytes) & 7) << 32
}

type Model = BTreeMap<Vec<u8>, f64>;

fn sorted(model: &Model) -> Vec<(&[u8], f64)> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (&member[..], *score)).collect();
    all.sort_by(|one, other| one.1.partial_cmp(&other.1).expect("no NaN").then(one.0.cmp(other.0)));
    all
}

fn same(set: &SortedSet, model: &Model) {
    let expected = sorted(model);
    assert_eq!(set.len(), model.len());
    assert!(set.iter().eq(expected.iter().copied()));
    assert!(set.iter().rev().eq(expected.iter().rev().copied()));
}

fn apply(operations: &[(u8, u16, i8)], members: u16, hash: impl Fn(&[u8]) -> u64 + Copy) {
    let (mut set, mut model) = (SortedSet::new(), Model::new());
    for (kind, number, score) in operations {
        // Members of up to 22 bytes stand in the slab, longer ones do not.
        let number_of_member = number % members;
        let width = usize::from(number_of_member) % 30;
        let member = format!("m{number_of_member:0width$}").into_bytes();
        match kind % 8 {
            0..=4 => {
                let score = if *score == i8::MIN { f64::NEG_INFINITY } else { f64::from(*score / 4) };
                let expected = match model.insert(member.clone(), score) {
                    None => Insertion::Inserted,
                    Some(old) if old == score => Insertion::Unchanged,
                    Some(old) => Insertion::Updated { old },
                };
                assert_eq!(set.insert(&member, score, hash), expected);
            }
            5 | 6 => assert_eq!(set.remove(&member, hash), model.remove(&member)),
            _ => {
                let start = usize::from(*number) % (set.len() + 1);
                let ranks = start..start + usize::from(score.unsigned_abs()) / 16;
                let all = sorted(&model);
                let gone: Vec<_> = all.iter().skip(start).take(ranks.len()).map(|(m, _)| m.to_vec()).collect();
                assert_eq!(set.remove_range(ranks, hash), gone.len());
                gone.iter().for_each(|member| assert!(model.remove(member).is_some()));
            }
        }
    }
    same(&set, &model);
    for (rank, (member, score)) in sorted(&model).into_iter().enumerate() {
        assert_eq!(set.score(member, hash), Some(score));
        assert_eq!(set.rank(member, hash), Some(rank));
        assert_eq!(set.nth(rank), Some((member, score)));
    }
    let len = set.len();
    assert_eq!(set.remove_range(0..usize::MAX, hash), len);
    assert_eq!(set.heap_bytes(), 0);
}

#[test]
fn a_set_of_many_leaves_grows_and_shrinks_in_any_order() {
    const MEMBERS: u32 = 20_000;
    for order in 0..3u32 {
        let (mut set, mut model) = (SortedSet::new(), Model::new());
        for number in 0..MEMBERS {
            let score = match order {
                0 => f64::from(number),
                1 => -f64::from(number),
                _ => f64::from(number.wrapping_mul(2_654_435_761) >> 20),
            };
            let member = format!("member-{number:08}").into_bytes();
            assert_eq!(set.insert(&member, score, hash), Insertion::Inserted);
            model.insert(member, score);
        }
        same(&set, &model);
        let each = set.heap_bytes() / MEMBERS as usize;
        assert!(each < 70, "{each} bytes per member");
        for number in 0..MEMBERS - 100 {
            let member = format!("member-{:08}", number * 7 % MEMBERS).into_bytes();
            assert_eq!(set.remove(&member, hash), model.remove(&member));
        }
        same(&set, &model);
        assert!(set.heap_bytes() < 40_000, "{} bytes for 100 members", set.heap_bytes());
    }
}

#[test]
fn bounds_include_and_exclude() {
    use ScoreBound::{Exclusive, Inclusive};
    let mut set = SortedSet::new();
    for (member, score) in [("a", f64::NEG_INFINITY), ("b", -0.0), ("c", 0.0), ("d", 1.5), ("e", f64::INFINITY)] {
        set.insert(member.as_bytes(), score, hash);
    }
    let infinity = f64::INFINITY;
    assert_eq!(set.score_ranks(Inclusive(-infinity), Inclusive(infinity)), 0..5);
    assert_eq!(set.score_ranks(Exclusive(-infinity), Exclusive(infinity)), 1..4);
    assert_eq!(set.score_ranks(Inclusive(0.0), Inclusive(-0.0)), 1..3);
    assert_eq!(set.score_ranks(Exclusive(0.0), Inclusive(1.5)), 3..4);
    assert!(set.score_ranks(Inclusive(2.0), Inclusive(1.0)).is_empty());
    assert_eq!(set.insert(b"b", 0.0, hash), Insertion::Unchanged);
    assert_eq!(set.random(7), Some((&b"c"[..], 0.0)));
    assert_eq!(SortedSet::new().random(7), None);
    assert_eq!(set.nth(5), None);
    assert_eq!(set.range(9..12).next(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn operations_equal_the_model(operations in prop::collection::vec(any::<(u8, u16, i8)>(), 0..1500)) {
        apply(&operations, 700, hash);
    }

    #[test]
    fn colliding_hashes_only_cost_time(operations in prop::collection::vec(any::<(u8, u16, i8)>(), 0..400)) {
        apply(&operations, 300, poor_hash);
    }

    #[test]
    fn lex_ranges_equal_the_model(
        members in prop::collection::btree_set("[a-c]{0,4}", 0..300),
        low in "[a-c]{0,3}",
        high in "[a-c]{0,3}",
    ) {
        let mut set = SortedSet::new();
        members.iter().for_each(|member| { set.insert(member.as_bytes(), 1.0, hash); });
        let (min, max) = (low.as_bytes(), high.as_bytes());
        let inside = |ranks: Range<usize>| set.range(ranks).map(|(member, _)| member.to_vec()).collect::<Vec<_>>();
        let expected = |test: &dyn Fn(&str) -> bool| {
            members.iter().filter(|m| test(m)).map(|m| m.clone().into_bytes()).collect::<Vec<_>>()
        };
        prop_assert_eq!(
            inside(set.lex_ranks(LexBound::Inclusive(min), LexBound::Exclusive(max))),
            expected(&|m| *m >= *low && *m < *high)
        );
        prop_assert_eq!(
            inside(set.lex_ranks(LexBound::Exclusive(min), LexBound::Inclusive(max))),
            expected(&|m| *m > *low && *m <= *high)
        );
        prop_assert_eq!(set.lex_ranks(LexBound::Min, LexBound::Max), 0..members.len());
        prop_assert!(set.lex_ranks(LexBound::Max, LexBound::Min).is_empty());
    }
}

#[test]
fn ranges_of_many_leaves_go_at_once() {
    let (mut set, mut model) = (SortedSet::new(), Model::new());
    for number in 0..6_000u32 {
        let (member, score) = (format!("member-{number:08}").into_bytes(), f64::from(number.wrapping_mul(40_503) >> 7));
        set.insert(&member, score, hash);
        model.insert(member, score);
    }
    let full_bytes = set.heap_bytes();
    for (start, count) in [(0, 1), (5, 700), (4_000, 1), (1_000, 3_000), (2_290, 100), (0, 300), (100, 0), (50, 1_700)]
    {
        let gone: Vec<_> = sorted(&model).into_iter().skip(start).take(count).map(|(m, _)| m.to_vec()).collect();
        assert_eq!(set.remove_range(start..start + count, hash), gone.len());
        gone.iter().for_each(|member| assert!(model.remove(member).is_some()));
        same(&set, &model);
        for (rank, (member, score)) in sorted(&model).into_iter().enumerate().step_by(97) {
            assert_eq!((set.score(member, hash), set.rank(member, hash)), (Some(score), Some(rank)));
        }
        set.insert(b"again", 50.0, hash);
        model.insert(b"again".to_vec(), 50.0);
    }
    assert!(set.len() < 300 && set.heap_bytes() < full_bytes / 6, "{} of {full_bytes}", set.heap_bytes());
}

/// Walks from cursor 0 to the end, with `between` run between the calls.
fn scan(set: &mut SortedSet, count: u64, mut between: impl FnMut(&mut SortedSet)) -> Vec<Vec<u8>> {
    let (mut seen, mut cursor) = (Vec::new(), 0);
    loop {
        cursor = set.scan(cursor, count, |member, _| seen.push(member.to_vec()));
        if cursor == 0 {
            return seen;
        }
        between(set);
    }
}

#[test]
fn a_scan_of_a_set_at_rest_visits_everybody_once() {
    check_scan(0, 1, hash);
    check_scan(1, 10, hash);
    check_scan(100, 3, hash);
    check_scan(100, 3, poor_hash);
    check_scan(1_000, 10, hash);
    check_scan(5_000, 700, hash);
    check_scan(5_000, u64::MAX, hash);
}

fn check_scan(members: usize, count: u64, hash: impl Fn(&[u8]) -> u64 + Copy) {
    let mut set = SortedSet::new();
    for number in 0..members {
        set.insert(format!("m{number}").as_bytes(), 1.0, hash);
    }
    let mut seen = scan(&mut set, count, |_| ());
    assert_eq!(seen.len(), members);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), members);
}

#[test]
fn a_scan_misses_nobody_while_the_set_grows_and_shrinks() {
    for grows in [true, false] {
        let mut set = SortedSet::new();
        (0..3_000).for_each(|number| {
            set.insert(format!("m{number}").as_bytes(), 1.0, hash);
        });
        let mut next = 0;
        let mut seen = scan(&mut set, 20, |set| {
            for number in next..next + 20 {
                if grows {
                    set.insert(format!("new{number}").as_bytes(), 2.0, hash);
                } else if number >= 100 {
                    set.remove(format!("m{number}").as_bytes(), hash);
                }
            }
            next += 20;
        });
        seen.sort();
        let stayed = if grows { 3_000 } else { 100 };
        for number in 0..stayed {
            assert!(seen.binary_search(&format!("m{number}").into_bytes()).is_ok(), "m{number} was missed");
        }
    }
}
