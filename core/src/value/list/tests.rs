//! The list against a plain vector, across its encodings.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Change {
    Push(End, Vec<u8>),
    Drain(End, usize),
    Set(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    RemoveRange(usize, usize),
    RemoveMatching(End, Vec<u8>, usize),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Front), Just(End::Back)]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (-3i64..300).prop_map(|value| value.to_string().into_bytes()),
        2 => "[ab]{0,3}".prop_map(String::into_bytes),
        1 => (100usize..6000).prop_map(|length| vec![b'x'; length]),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (end(), text()).prop_map(|(end, text)| Change::Push(end, text)),
        2 => (end(), 0usize..6).prop_map(|(end, count)| Change::Drain(end, count)),
        2 => (0usize..20, text()).prop_map(|(index, text)| Change::Set(index, text)),
        2 => (0usize..20, text()).prop_map(|(index, text)| Change::Insert(index, text)),
        1 => (0usize..20, 0usize..12).prop_map(|(start, count)| Change::RemoveRange(start, count)),
        1 => (end(), text(), 1usize..3).prop_map(|(end, text, count)| Change::RemoveMatching(end, text, count)),
    ]
}

fn texts<'a>(items: impl Iterator<Item = Item<'a>>) -> Vec<Vec<u8>> {
    items.map(Item::to_vec).collect()
}

fn apply(list: &mut List, model: &mut Vec<Vec<u8>>, change: Change, limit: ChunkLimit) {
    match change {
        Change::Push(end, text) => {
            list.push(end, &text, limit);
            model.insert(if end == End::Front { 0 } else { model.len() }, text);
        }
        Change::Drain(end, count) => {
            let mut drained = Vec::new();
            let removed = list.drain(end, count, limit, |item| drained.push(item.to_vec()));
            let count = count.min(model.len());
            let expected: Vec<_> = match end {
                End::Front => model.drain(..count).collect(),
                End::Back => model.drain(model.len() - count..).rev().collect(),
            };
            assert_eq!((drained, removed), (expected, count));
        }
        Change::Set(index, text) => {
            assert_eq!(list.set(index, &text, limit), index < model.len());
            if let Some(place) = model.get_mut(index) {
                *place = text;
            }
        }
        Change::Insert(index, text) => {
            assert_eq!(list.insert(index, &text, limit), index <= model.len());
            if index <= model.len() {
                model.insert(index, text);
            }
        }
        Change::RemoveRange(start, count) => {
            let start = start.min(model.len());
            let stop = (start + count).min(model.len());
            assert_eq!(list.remove_range(start, count, limit), stop - start);
            model.drain(start..stop);
        }
        Change::RemoveMatching(end, text, count) => {
            let mut removed = 0;
            while removed < count {
                let mut positions = (0..model.len()).filter(|index| model[*index] == text);
                let found = if end == End::Front { positions.next() } else { positions.next_back() };
                let Some(index) = found else { break };
                model.remove(index);
                removed += 1;
            }
            assert_eq!(list.remove_matching(end, &text, count, limit), removed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn behaves_like_a_vector(
        setting in prop_oneof![Just(-1i64), Just(1), Just(3), Just(8)],
        changes in prop::collection::vec(change(), 0..60),
        start in 0usize..20, count in 0usize..20,
    ) {
        let limit = ChunkLimit::from_setting(setting);
        let (mut list, mut model) = (List::default(), Vec::new());
        for change in changes {
            apply(&mut list, &mut model, change, limit);
            prop_assert_eq!((list.len(), list.is_empty()), (model.len(), model.is_empty()));
            prop_assert_eq!(list.at_end(End::Front).map(Item::to_vec), model.first().cloned());
            prop_assert_eq!(list.at_end(End::Back).map(Item::to_vec), model.last().cloned());
            prop_assert_eq!(list.get(start).map(Item::to_vec), model.get(start).cloned());
        }
        prop_assert_eq!(texts(list.iter()), model.clone());
        let mut folded = Vec::new();
        list.range(start, count).for_each(|item| folded.push(item.to_vec()));
        let forward: Vec<_> = model.iter().skip(start).take(count).cloned().collect();
        prop_assert_eq!((texts(list.range(start, count)), folded), (forward.clone(), forward));
        let back: Vec<_> = model.iter().rev().skip(start).take(count).cloned().collect();
        prop_assert_eq!(texts(list.range_back(start, count)), back);
    }
}

#[test]
fn encodings_change_with_the_size() {
    let limit = ChunkLimit::from_setting(8);
    let mut list = List::default();
    for value in 0..8 {
        list.push(End::Back, value.to_string().as_bytes(), limit);
    }
    assert_eq!(list.encoding(), "listpack");
    list.push(End::Back, b"8", limit);
    assert_eq!(list.encoding(), "quicklist");
    list.drain(End::Back, 4, limit, |_| {});
    assert_eq!((list.encoding(), list.len()), ("quicklist", 5));
    list.drain(End::Front, 1, limit, |_| {});
    assert_eq!((list.encoding(), list.len()), ("listpack", 4));
    let limit = ChunkLimit::from_setting(-1);
    list.make_room(4096, 1, limit);
    assert_eq!(list.encoding(), "quicklist");
}
