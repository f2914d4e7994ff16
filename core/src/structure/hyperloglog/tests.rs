use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn with(elements: &[u32], sparse_max_bytes: usize) -> Vec<u8> {
    let mut hll = new();
    for element in elements {
        add(&mut hll, &element.to_le_bytes(), sparse_max_bytes).expect("our own");
    }
    hll
}

/// What the elements make of the registers, without any encoding.
fn model(elements: &[u32]) -> Box<Registers> {
    let mut registers = Box::new([0; REGISTERS]);
    for element in elements {
        let (index, value) = register_of(&element.to_le_bytes());
        registers[index] = value.max(registers[index]);
    }
    registers
}

#[test]
fn estimates_are_near_the_truth() {
    for size in [0, 1, 10, 1_000, 20_000] {
        let mut hll = with(&(0..size).collect::<Vec<_>>(), SPARSE_MAX_BYTES_DEFAULT);
        let counted = count(&mut hll).expect("our own");
        let error = counted.cardinality.abs_diff(u64::from(size)) as f64;
        assert!(error <= f64::from(size) * 0.03, "{} for {size}", counted.cardinality);
        assert_eq!(count(&mut hll), Ok(Counted { cache_written: false, ..counted }));
    }
}

#[test]
fn other_strings_are_refused() {
    for text in
        [&b""[..], b"HYLL", b"HYLL\x02___________________", b"HYLL\0___________________", b"hyll\x01___________"]
    {
        assert_eq!(validate(text), Err(InvalidHll::NotHll), "{text:?}");
        assert_eq!(add(&mut text.to_vec(), b"a", 3000), Err(InvalidHll::NotHll));
        assert_eq!(count(&mut text.to_vec()), Err(InvalidHll::NotHll));
    }
    let mut cut = new();
    cut.pop();
    assert_eq!(validate(&cut), Err(InvalidHll::Corrupt));
    assert_eq!(make_dense(&mut cut), Err(InvalidHll::Corrupt));
    let mut long = new();
    long.push(0);
    assert_eq!(validate(&long), Err(InvalidHll::Corrupt));
}

#[test]
fn saturated_registers_have_an_estimate() {
    assert!(count_registers(&[51; REGISTERS]) > 1 << 60);
    assert_eq!(count_registers(&[0; REGISTERS]), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn registers_are_the_largest_values(elements in vec(0..2000u32, 0..300), sparse_max_bytes in 16..600usize) {
        let mut hll = with(&elements, sparse_max_bytes);
        let expected = model(&elements);
        prop_assert_eq!(validate(&hll), Ok(()));
        prop_assert!(registers(&hll) == Ok(expected.clone()));
        prop_assert_eq!(count(&mut hll).expect("our own").cardinality, count_registers(&expected));
        let sparse = encoding(&hll) == Ok(Encoding::Sparse);
        prop_assert!(!sparse || hll.len() <= sparse_max_bytes.max(18));
        make_dense(&mut hll).expect("our own");
        prop_assert_eq!(hll.len(), DENSE_BYTES);
        prop_assert!(registers(&hll) == Ok(expected));
    }

    #[test]
    fn merging_in_order_gives_the_bytes_of_single_steps(
        a in vec(any::<u32>(), 0..200),
        b in vec(any::<u32>(), 0..200),
        sparse_max_bytes in 200..1500usize,
    ) {
        let merged = model(&[a.clone(), b].concat());
        let mut stepwise = with(&a, SPARSE_MAX_BYTES_DEFAULT);
        let mut at_once = stepwise.clone();
        for (index, value) in merged.iter().enumerate().filter(|(_, value)| **value > 0) {
            raise(&mut stepwise, index, *value, sparse_max_bytes, &mut Hint::default()).expect("our own");
        }
        mark_stale(&mut stepwise).expect("our own");
        write_merged(&mut at_once, &merged, Encoding::Sparse, sparse_max_bytes).expect("our own");
        prop_assert!(at_once == stepwise);
        prop_assert!(registers(&at_once) == Ok(merged));
    }

    #[test]
    fn damaged_bytes_never_panic(tail in vec(any::<u8>(), 0..60), index in 0..REGISTERS, value in 1..52u8) {
        let mut hll = new();
        hll.truncate(HEADER_BYTES);
        hll.extend_from_slice(&tail);
        let valid = validate(&hll).is_ok();
        prop_assert_eq!(registers(&hll).is_ok(), valid);
        let raised = raise(&mut hll, index, value, SPARSE_MAX_BYTES_DEFAULT, &mut Hint::default());
        prop_assert!(raised.is_ok() || !valid);
        prop_assert!(!valid || validate(&hll).is_ok());
        count(&mut hll).ok();
    }
}
