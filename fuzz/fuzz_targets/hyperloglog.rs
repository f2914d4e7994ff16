//! HyperLogLogs: whatever bytes a string has, counting, adding and merging end well, and what is valid stays valid.
#![no_main]

use arbitrary::Arbitrary;
use larder_core::structure::hyperloglog::{self, DENSE_BYTES, Encoding, HEADER_BYTES, REGISTERS};
use libfuzzer_sys::fuzz_target;

/// The default of `hll-sparse-max-bytes`, as far as the setting goes here.
const SPARSE_BYTES_MAX: u16 = 3000;

#[derive(Arbitrary, Debug)]
struct Program<'a> {
    first: Payload<'a>,
    second: Payload<'a>,
    elements: Vec<&'a [u8]>,
    sparse_max_bytes: u16,
}

#[derive(Arbitrary, Debug)]
enum Payload<'a> {
    /// Any string.
    Raw(&'a [u8]),
    /// Any runs behind a good header.
    Sparse(&'a [u8]),
    /// Some registers behind a good header, zeros after them.
    Dense(&'a [u8]),
}

impl Payload<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut hll = hyperloglog::new();
        match self {
            Self::Raw(bytes) => return bytes.to_vec(),
            Self::Sparse(runs) => {
                hll.truncate(HEADER_BYTES);
                hll.extend_from_slice(runs);
            }
            Self::Dense(registers) => {
                hyperloglog::make_dense(&mut hll).expect("our own");
                let len = registers.len().min(DENSE_BYTES - HEADER_BYTES);
                hll[HEADER_BYTES..HEADER_BYTES + len].copy_from_slice(&registers[..len]);
            }
        }
        hyperloglog::mark_stale(&mut hll).expect("the header is ours");
        hll
    }
}

fuzz_target!(|program: Program| {
    let sparse_max_bytes = usize::from(program.sparse_max_bytes % SPARSE_BYTES_MAX);
    let (mut first, second) = (program.first.bytes(), program.second.bytes());
    let were_valid = [&first, &second].map(|hll| hyperloglog::validate(hll).is_ok());
    look(&first);
    add_all(&mut first, &program.elements, sparse_max_bytes);
    let mut registers = [0; REGISTERS];
    let merged = [&first, &second].map(|hll| hyperloglog::merge_into(&mut registers, hll));
    if were_valid == [true, true] {
        assert!(merged.iter().all(Result::is_ok), "what was valid stays so");
        let minimum = if merged.contains(&Ok(Encoding::Dense)) { Encoding::Dense } else { Encoding::Sparse };
        hyperloglog::write_merged(&mut first, &registers, minimum, sparse_max_bytes).expect("valid");
        assert!(*hyperloglog::registers(&first).expect("valid") == registers, "the union is what was merged");
        assert_eq!(count(&mut first), Some(hyperloglog::count_registers(&registers)));
    }
    assert!(first.len() <= DENSE_BYTES.max(program.first.bytes().len() + sparse_max_bytes), "strings stay bounded");
});

/// What only reads agrees with itself.
fn look(hll: &[u8]) {
    let is_valid = hyperloglog::validate(hll).is_ok();
    assert_eq!(hyperloglog::registers(hll).is_ok(), is_valid);
    let mut runs = Vec::new();
    assert_eq!(hyperloglog::write_runs(&mut runs, hll).is_ok(), hyperloglog::encoding(hll).is_ok());
    let mut dense = hll.to_vec();
    if hyperloglog::make_dense(&mut dense).is_ok() {
        assert!(is_valid || hyperloglog::encoding(hll) == Ok(Encoding::Dense));
        assert_eq!(dense.len(), DENSE_BYTES);
        assert!(hyperloglog::registers(&dense) == hyperloglog::registers(hll));
    }
}

/// Adds elements: the second time none is new.
fn add_all(hll: &mut Vec<u8>, elements: &[&[u8]], sparse_max_bytes: usize) {
    for element in elements {
        let was_valid = hyperloglog::validate(hll).is_ok();
        let added = hyperloglog::add(hll, element, sparse_max_bytes);
        assert!(added.is_ok() || !was_valid);
        if was_valid {
            assert_eq!(hyperloglog::add(hll, element, sparse_max_bytes), Ok(false));
            assert!(hyperloglog::validate(hll).is_ok());
        }
    }
}

/// The estimate, which is cached: asked again it is the same.
fn count(hll: &mut Vec<u8>) -> Option<u64> {
    let counted = hyperloglog::count(hll).ok()?;
    let again = hyperloglog::count(hll).expect("it was just counted");
    assert!(again.cardinality == counted.cardinality && !again.cache_written);
    Some(counted.cardinality)
}
