//! MurmurHash64A (Austin Appleby, public domain), read little-endian on every machine.

const SEED: u64 = 0xadc8_3b19;
const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// The hash that Redis gives an element.
pub(super) fn hash(element: &[u8]) -> u64 {
    let (words, tail) = element.as_chunks::<8>();
    let start = SEED ^ (element.len() as u64).wrapping_mul(MULTIPLIER);
    let mut hash = words.iter().fold(start, |hash, word| {
        let mixed = shift_xor(u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
        (hash ^ mixed).wrapping_mul(MULTIPLIER)
    });
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ last).wrapping_mul(MULTIPLIER);
    }
    shift_xor(shift_xor(hash).wrapping_mul(MULTIPLIER))
}

fn shift_xor(word: u64) -> u64 {
    word ^ word >> SHIFT
}
