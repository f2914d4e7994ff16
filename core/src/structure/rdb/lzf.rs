//! LZF, the compression of long strings in RDB files.
//!
//! A control byte below 32 announces that many literal bytes and one more. Any other holds a length in its top three
//! bits and, with the byte that ends the group, the distance back to bytes to repeat, which may overlap the output.

use super::Corrupt;

/// Literal bytes that one control byte announces at most.
const LITERALS_MAX: usize = 32;
/// The farthest distance back.
const DISTANCE_MAX: usize = 8192;
/// The shortest repetition worth a group.
const REPEAT_MIN: usize = 3;
/// The longest repetition of one group: 7 in the control byte, 255 in the next, and 2.
const REPEAT_MAX: usize = 264;
/// A length of 7 in the control byte says that a byte with more follows.
const LONG_REPEAT: usize = 7;
/// Three bytes of input give at most [`REPEAT_MAX`] bytes of output.
const EXPANSION_MAX: usize = REPEAT_MAX / 3;
/// Most entries of the compressor's table of recent positions, as a power of two: 32 KiB, which fits the first cache.
const TABLE_BITS_MAX: u32 = 13;
/// And at least. Short inputs have a small table, for it has to be cleared for each.
const TABLE_BITS_MIN: u32 = 6;
/// The compressor must save at least this many bytes.
const SAVING_MIN: usize = 4;

/// Compresses, or returns `None` when that would save fewer than four bytes. Inputs of 4 GiB or more are left alone.
pub fn compress(input: &[u8]) -> Option<Vec<u8>> {
    let limit = input.len().checked_sub(SAVING_MIN).filter(|_| u32::try_from(input.len()).is_ok())?;
    let mut out = Vec::new();
    let table_bits = (input.len().ilog2() + 1).clamp(TABLE_BITS_MIN, TABLE_BITS_MAX);
    let mut recent = vec![0u32; 1 << table_bits];
    let (mut at, mut literals) = (0, 0);
    while let Some(head) = input[at..].first_chunk::<REPEAT_MIN>() {
        let slot = &mut recent[slot_of(*head, table_bits)];
        // Positions are stored plus one, so that 0 is none.
        let earlier = std::mem::replace(slot, at as u32 + 1) as usize;
        let distance = (at + 1).saturating_sub(earlier);
        if earlier == 0 || distance > DISTANCE_MAX || !input[earlier - 1..].starts_with(head) {
            at += 1;
            continue;
        }
        let repeat = common_prefix(&input[at - distance..], &input[at..]);
        append_literals(&mut out, &input[literals..at]);
        append_repeat(&mut out, distance, repeat);
        if out.len() > limit {
            return None;
        }
        at += repeat;
        literals = at;
    }
    append_literals(&mut out, &input[literals..]);
    (out.len() <= limit).then_some(out)
}

/// Decompresses `input`, which must give exactly `length` bytes.
pub fn decompress(input: &[u8], length: usize) -> Result<Vec<u8>, Corrupt> {
    // A repetition needs bytes to repeat, so what memory is taken stays in proportion to the input.
    if input.is_empty() || length > input.len().saturating_mul(EXPANSION_MAX) {
        return Err(Corrupt);
    }
    let mut out = Vec::with_capacity(length);
    let mut rest = input;
    while let Some((control, after)) = rest.split_first() {
        let control = usize::from(*control);
        rest = after;
        if control < LITERALS_MAX {
            let (literals, after) = rest.split_at_checked(control + 1).ok_or(Corrupt)?;
            out.extend_from_slice(literals);
            rest = after;
        } else {
            let mut repeat = control >> 5;
            if repeat == LONG_REPEAT {
                repeat += take_byte(&mut rest)?;
            }
            let distance = ((control & 31) << 8) + take_byte(&mut rest)? + 1;
            append_earlier(&mut out, distance, repeat + 2)?;
        }
        if out.len() > length {
            return Err(Corrupt);
        }
    }
    if out.len() == length { Ok(out) } else { Err(Corrupt) }
}

fn take_byte(rest: &mut &[u8]) -> Result<usize, Corrupt> {
    let (byte, after) = rest.split_first().ok_or(Corrupt)?;
    *rest = after;
    Ok(usize::from(*byte))
}

fn append_earlier(out: &mut Vec<u8>, distance: usize, repeat: usize) -> Result<(), Corrupt> {
    let start = out.len().checked_sub(distance).ok_or(Corrupt)?;
    // An overlapping copy repeats itself: every round doubles what it can take.
    let end = out.len() + repeat;
    while out.len() < end {
        let count = (end - out.len()).min(out.len() - start);
        out.extend_from_within(start..start + count);
    }
    Ok(())
}

fn slot_of([a, b, c]: [u8; REPEAT_MIN], table_bits: u32) -> usize {
    // Knuth's multiplicative hash.
    (u32::from_le_bytes([a, b, c, 0]).wrapping_mul(2_654_435_761) >> (32 - table_bits)) as usize
}

fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take(REPEAT_MAX).take_while(|(a, b)| a == b).count()
}

fn append_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for chunk in literals.chunks(LITERALS_MAX) {
        out.push((chunk.len() - 1) as u8);
        out.extend_from_slice(chunk);
    }
}

fn append_repeat(out: &mut Vec<u8>, distance: usize, repeat: usize) {
    let (length, back) = (repeat - 2, distance - 1);
    out.push(((length.min(LONG_REPEAT) << 5) | (back >> 8)) as u8);
    if length >= LONG_REPEAT {
        out.push((length - LONG_REPEAT) as u8);
    }
    out.push(back as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_run_compresses_as_in_redis() {
        assert_eq!(decompress(b"\x00\x61\xe0\x1e\x00", 40), Ok(vec![b'a'; 40]));
        assert_eq!(compress(&[b'a'; 40]).expect("shrinks"), b"\x00\x61\xe0\x1e\x00");
    }

    #[test]
    fn damage_is_an_error() {
        for (input, length) in [
            (&b""[..], 0),
            (b"", 1),
            (b"\x00", 1),
            (b"\x00a", 2),
            (b"\x01ab", 1),
            (b"\x20\x00", 3),
            (b"\x00a\x20\x01", 4),
            (b"\x00a\xe0\x00", 10),
            (b"\x00a\xe0", 10),
            (b"\x00a", usize::MAX),
        ] {
            assert_eq!(decompress(input, length), Err(Corrupt), "{input:?} {length}");
        }
    }

    #[test]
    fn the_farthest_distance_is_reached_and_not_passed() {
        for gap in [DISTANCE_MAX - 9, DISTANCE_MAX - 8, DISTANCE_MAX - 7] {
            let mut input = b"needle-x".to_vec();
            input.extend(std::iter::repeat_n(b'.', gap));
            input.extend_from_slice(b"needle-x");
            let packed = compress(&input).expect("shrinks");
            assert_eq!(decompress(&packed, input.len()), Ok(input));
        }
    }

    #[test]
    fn noise_is_left_alone() {
        let noise: Vec<u8> = (0..200u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(compress(&noise), None);
        assert_eq!(compress(b"abc"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn what_shrinks_comes_back(input in prop::collection::vec(0u8..3, 0..3000)) {
            if let Some(packed) = compress(&input) {
                prop_assert!(packed.len() + SAVING_MIN <= input.len());
                prop_assert_eq!(decompress(&packed, input.len()), Ok(input.clone()));
                prop_assert_eq!(decompress(&packed, input.len() + 1), Err(Corrupt));
                prop_assert_eq!(decompress(&packed, input.len() - 1), Err(Corrupt));
            } else {
                // Chance alone brings repetitions in anything longer.
                prop_assert!(input.len() < 200);
            }
        }

        #[test]
        fn any_bytes_decode_or_fail(input: Vec<u8>, length in 0usize..2000) {
            if let Ok(out) = decompress(&input, length) {
                prop_assert_eq!(out.len(), length);
            }
        }
    }
}
