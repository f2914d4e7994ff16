//! The list against a plain deque of texts.

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
        1 => (end(), 0usize..6).prop_map(|(end, count)| Change::Drain(end, count)),
        2 => (0usize..40, text()).prop_map(|(index, text)| Change::Set(index, text)),
        3 => (0usize..40, text()).prop_map(|(index, text)| Change::Insert(index, text)),
        1 => (0usize..40, 0usize..12).prop_map(|(start, count)| Change::RemoveRange(start, count)),
        1 => (end(), text(), 1usize..3).prop_map(|(end, text, count)| Change::RemoveMatching(end, text, count)),
    ]
}

fn texts<'a>(items: impl Iterator<Item = Item<'a>>) -> Vec<Vec<u8>> {
    items.map(Item::to_vec).collect()
}

fn apply(list: &mut ChunkedList, model: &mut Vec<Vec<u8>>, change: Change) {
    match change {
        Change::Push(end, text) => {
            list.push(end, &text);
            model.insert(if end == End::Front { 0 } else { model.len() }, text);
        }
        Change::Drain(end, count) => {
            let mut drained = Vec::new();
            list.drain(end, count, |item| drained.push(item.to_vec()));
            let count = count.min(model.len());
            let expected: Vec<_> = match end {
                End::Front => model.drain(..count).collect(),
                End::Back => model.drain(model.len() - count..).rev().collect(),
            };
            assert_eq!(drained, expected);
        }
        Change::Set(index, text) => {
            assert_eq!(list.set(index, &text), index < model.len());
            if let Some(place) = model.get_mut(index) {
                *place = text;
            }
        }
        Change::Insert(index, text) => {
            assert_eq!(list.insert(index, &text), index <= model.len());
            if index <= model.len() {
                model.insert(index, text);
            }
        }
        Change::RemoveRange(start, count) => {
            let start = start.min(model.len());
            let stop = (start + count).min(model.len());
            assert_eq!(list.remove_range(start, count), stop - start);
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
            assert_eq!(list.remove_matching(end, &text, count), removed);
        }
    }
}

fn check_sums(list: &ChunkedList) {
    let heap: usize = list.chunks().map(Chunk::heap_bytes).sum();
    assert_eq!(list.chunk_bytes, heap);
    for node in &list.nodes {
        assert!(node.items > 0);
        if let Chunk::Packed(listpack) = &node.chunk {
            assert_eq!(listpack.len(), node.items);
            assert!(list.limit.allows(listpack.bytes().len(), node.items));
            assert_eq!(crate::structure::listpack::validate(listpack.bytes()), Ok(()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn behaves_like_a_deque(
        setting in prop_oneof![Just(-1i64), Just(1), Just(3), Just(8)],
        changes in prop::collection::vec(change(), 0..60),
        start in 0usize..40, count in 0usize..40,
    ) {
        let limit = ChunkLimit::from_setting(setting);
        let (mut list, mut model) = (ChunkedList::new(limit), Vec::new());
        for change in changes {
            apply(&mut list, &mut model, change);
            prop_assert_eq!(list.len(), model.len());
        }
        check_sums(&list);
        prop_assert_eq!(texts(list.range(0, usize::MAX)), model.clone());
        let forward: Vec<_> = model.iter().skip(start).take(count).cloned().collect();
        prop_assert_eq!(texts(list.range(start, count)), forward);
        let back: Vec<_> = model.iter().rev().skip(start).take(count).cloned().collect();
        prop_assert_eq!(texts(list.range_back(start, count)), back);
        prop_assert_eq!(list.get(start).map(Item::to_vec), model.get(start).cloned());
        if let Some(text) = model.get(start) {
            prop_assert_eq!(list.find(text, 0, usize::MAX), model.iter().position(|other| other == text));
            prop_assert_eq!(list.find_back(text, 0, usize::MAX), model.iter().rposition(|other| other == text));
        }
        let mut loaded = ChunkedList::new(ChunkLimit::from_setting(2));
        list.chunks().for_each(|chunk| loaded.push_chunk(chunk.clone()));
        check_sums(&loaded);
        prop_assert_eq!(texts(loaded.range(0, usize::MAX)), model);
    }
}

#[test]
fn settings_name_their_limits() {
    for (setting, bytes, items) in [
        (-1, 4096, MAX_CHUNK_ITEMS),
        (-5, 65_536, MAX_CHUNK_ITEMS),
        (-9, 65_536, MAX_CHUNK_ITEMS),
        (0, BYTES_WHEN_COUNTED, 1),
        (128, BYTES_WHEN_COUNTED, 128),
    ] {
        assert_eq!(ChunkLimit::from_setting(setting), ChunkLimit { bytes, items });
    }
}

#[test]
fn small_lists_become_one_listpack_and_back() {
    let limit = ChunkLimit::from_setting(4);
    let mut list = ChunkedList::new(limit);
    for value in 0..10 {
        list.push(End::Back, value.to_string().as_bytes());
    }
    assert_eq!(list.chunks().len(), 3);
    assert_eq!(list.to_listpack(&limit), None);
    let whole = list.to_listpack(&ChunkLimit::from_setting(10)).expect("ten small items fit");
    assert_eq!(whole.len(), 10);
    let again = ChunkedList::from_listpack(whole, limit);
    assert_eq!(texts(again.range(0, 99)), texts(list.range(0, 99)));
    list.push(End::Front, &[b'x'; 10_000]);
    assert_eq!(list.chunks().next().map(Chunk::container), Some(1));
    assert_eq!(list.to_listpack(&ChunkLimit::from_setting(-5)), None);
}
