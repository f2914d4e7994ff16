//! The format byte for byte, and the edits against a plain vector.

use super::*;
use proptest::prelude::*;

fn entries_of<'a>(item: impl Into<Item<'a>>) -> Vec<u8> {
    let mut listpack = Listpack::new();
    listpack.push_back(item);
    assert_eq!(validate(listpack.bytes()), Ok(()));
    listpack.entries().to_vec()
}

#[test]
fn entries_have_redis_s_bytes() {
    for (text, expected) in [
        ("0", &[0, 1][..]),
        ("127", &[127, 1]),
        ("128", &[0xC0, 0x80, 2]),
        ("-1", &[0xDF, 0xFF, 2]),
        ("-4096", &[0xD0, 0, 2]),
        ("4096", &[0xF1, 0, 0x10, 3]),
        ("32768", &[0xF2, 0, 0x80, 0, 4]),
        ("-32769", &[0xF2, 0xFF, 0x7F, 0xFF, 4]),
        ("8388608", &[0xF3, 0, 0, 0x80, 0, 5]),
        ("2147483648", &[0xF4, 0, 0, 0, 0x80, 0, 0, 0, 0, 9]),
        ("", &[0x80, 1]),
        ("a", &[0x81, b'a', 2]),
        ("007", &[0x83, b'0', b'0', b'7', 4]),
    ] {
        assert_eq!(entries_of(text.as_bytes()), expected, "{text:?}");
    }
    let long = entries_of([b'x'; 200].as_slice());
    assert_eq!((&long[..2], &long[202..]), (&[0xE0, 200][..], &[1, 0x80 | 74][..]));
    let longer = entries_of([b'x'; 5000].as_slice());
    assert_eq!((&longer[..5], &longer[5005..]), (&[0xF0, 0x88, 0x13, 0, 0][..], &[39, 0x80 | 13][..]));
}

/// The entries of a list that redis-server 7.0.15 returned from DUMP.
const DUMPED: &str = concat!(
    "00017f01c08002dfff02d00002cfff02f1001003f1ffef03f1ff7f03f200800004f2ff7fff04f2ffff7f04f300008000",
    "05f3ffff7fff05f3ffffff7f05f4000000800000000009f4000000000000008009f4ffffffffffffff7f099339323233",
    "3337323033363835343737353830381480018161028330303704822d3003",
);

#[test]
fn a_list_has_the_bytes_of_redis_dump() {
    let mut listpack = Listpack::new();
    for integer in [0, 127, 128, -1, -4096, 4095, 4096, -4097, 32_767, 32_768, -32_769, 8_388_607, 8_388_608] {
        listpack.push_back(integer);
    }
    for integer in [-8_388_609, (1 << 31) - 1, 1 << 31, i64::MIN, i64::MAX] {
        let text: String = i64::to_string(&integer);
        listpack.push_back(text.as_bytes());
    }
    for text in ["9223372036854775808", "", "a", "007", "-0"] {
        listpack.push_back(text.as_bytes());
    }
    let hex: String = listpack.entries().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, DUMPED);
}

#[test]
fn backward_lengths_read_back_at_their_bounds() {
    for length in [126, 127, 16_377, 16_378, 16_379, 2_097_145, 2_097_146, 2_097_147] {
        let text = vec![b'x'; length];
        let mut listpack = Listpack::new();
        listpack.push_back(7);
        listpack.push_back(text.as_slice());
        assert_eq!(validate(listpack.bytes()), Ok(()), "{length}");
        assert_eq!(listpack.back(), Some(Item::Text(&text)), "{length}");
    }
}

#[test]
fn more_items_than_the_header_counts() {
    let mut listpack = Listpack::new();
    for value in 0..65_540 {
        listpack.push_back(value % 100);
    }
    assert_eq!(listpack.bytes()[4..6], [0xFF, 0xFF]);
    assert_eq!(listpack.len(), 65_540);
    assert_eq!(listpack.get(65_539), Some(Item::Integer(39)));
    assert_eq!(listpack.get(65_540), None);
    assert_eq!(validate(listpack.bytes()), Ok(()));
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        (-200i64..5000).prop_map(|value| value.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..10),
        (60usize..4200).prop_map(|length| vec![b'y'; length]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn behaves_like_a_vector(changes in prop::collection::vec((0u8..5, 0usize..30, text()), 0..50), cut in 0usize..30) {
        let (mut listpack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
        for (kind, index, text) in changes {
            let cursor = listpack.seek(index);
            prop_assert_eq!(cursor.is_some(), index < model.len());
            match (kind, cursor) {
                (0, _) => { listpack.push_front(text.as_slice()); model.insert(0, text); }
                (1, Some(at)) => { listpack.replace(at, text.as_slice()); model[index] = text; }
                (2, Some(at)) => {
                    let removed = listpack.remove_range(at, 2);
                    prop_assert_eq!(model.drain(index..(index + 2).min(model.len())).count(), removed);
                }
                (3, Some(at)) => { listpack.insert(at, text.as_slice()); model.insert(index, text); }
                _ => { listpack.push_back(text.as_slice()); model.push(text); }
            }
            prop_assert_eq!(listpack.len(), model.len());
        }
        prop_assert_eq!(validate(listpack.bytes()), Ok(()));
        prop_assert_eq!(listpack.iter().map(Item::to_vec).collect::<Vec<_>>(), model.clone());
        prop_assert!(listpack.iter_back().map(Item::to_vec).eq(model.iter().rev().cloned()));
        prop_assert_eq!(listpack.back().map(Item::to_vec), model.last().cloned());
        if let Some(text) = model.iter().step_by(2).nth(cut / 2) {
            let expected = model.iter().step_by(2).position(|other| other == text);
            let found = listpack.find(listpack.first(), text, 1);
            prop_assert_eq!(found, expected.and_then(|index| listpack.seek(2 * index)));
        }
        let whole = listpack.clone();
        let tail = listpack.split_off(cut);
        prop_assert_eq!((validate(listpack.bytes()), validate(tail.bytes())), (Ok(()), Ok(())));
        prop_assert_eq!(listpack.len(), cut.min(model.len()));
        listpack.append(&tail);
        prop_assert_eq!(listpack, whole);
    }

    #[test]
    fn damaged_bytes_are_judged_without_panic(
        texts in prop::collection::vec(text(), 0..6), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut listpack = Listpack::new();
        texts.iter().for_each(|text| listpack.push_back(text.as_slice()));
        let mut bytes = listpack.into_bytes();
        prop_assert_eq!(validate(&bytes[..cut.index(bytes.len())]), Err(Corrupt));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(listpack) = Listpack::from_bytes(bytes) {
            let mut back: Vec<_> = listpack.iter_back().collect();
            back.reverse();
            prop_assert!(listpack.iter().eq(back));
        }
    }
}

#[test]
fn wrong_headers_and_lengths_are_refused() {
    let mut good = Listpack::new();
    good.push_back(b"abc");
    good.push_back(5);
    for (at, byte) in [(0, 14), (4, 3), (4, 1), (6, 0x84), (10, 5), (11, 0xFE), (12, 2), (13, 0)] {
        let mut bytes = good.bytes().to_vec();
        bytes[at] = byte;
        if bytes != good.bytes() {
            assert_eq!(validate(&bytes), Err(Corrupt), "byte {at} as {byte}");
        }
    }
}
