//! Bits of byte strings in Redis's order: bit 0 is the most significant bit of byte 0.

use std::ops::Range;

use crate::number::parse_u64;

const BYTE_BITS: u64 = 8;
const WORD_BYTES: usize = 8;
/// The widest signed field; unsigned ones are a bit narrower, so that every value is an `i64`.
const MAX_FIELD_BITS: u32 = 64;

/// What the ends of a BITCOUNT or BITPOS range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// BYTE, the default.
    Byte,
    /// BIT.
    Bit,
}

/// BITOP's operations; X is the first source, Y any other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Bits set in all sources.
    And,
    /// Bits set in some source.
    Or,
    /// Bits set in an odd number of sources.
    Xor,
    /// Bits not set in X, the only source.
    Not,
    /// Bits set in X and in no Y.
    Diff,
    /// Bits set in some Y and not in X.
    Diff1,
    /// Bits set in X and in some Y.
    AndOr,
    /// Bits set in exactly one source.
    One,
}

/// What BITFIELD does with a value that does not fit its field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Keep the low bits.
    #[default]
    Wrap,
    /// Take the nearest value that fits.
    Sat,
    /// Leave the field alone and answer nil.
    Fail,
}

/// The type of a BITFIELD field: `i1` to `i64` or `u1` to `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    signed: bool,
    width_bits: u32,
}

/// The bit at `offset`, which is 0 past the end.
pub fn get(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / BYTE_BITS).ok().and_then(|index| bytes.get(index));
    byte.is_some_and(|byte| byte << (offset % BYTE_BITS) & 0x80 != 0)
}

/// Resolves a range with both ends included, where negative ends count from the end, into offsets of bits.
///
/// The range is empty when it has nothing of a string of `len_bytes` bytes. BITPOS resolves its range this way; BITCOUNT
/// first takes two negative ends in the wrong order for an empty range, which is [`count_range`].
pub fn position_range(start: i64, end: i64, unit: Unit, len_bytes: usize) -> Range<u64> {
    let unit_bits = match unit {
        Unit::Byte => BYTE_BITS,
        Unit::Bit => 1,
    };
    let len = len_bytes as u64 * (BYTE_BITS / unit_bits);
    let from_start = |index: i64| match u64::try_from(index) {
        Ok(index) => index,
        Err(_) => len.saturating_sub(index.unsigned_abs()),
    };
    let (first, last) = (from_start(start), from_start(end).min(len.saturating_sub(1)));
    if first > last || len == 0 {
        return 0..0;
    }
    first * unit_bits..(last + 1) * unit_bits
}

/// Resolves the range of a BITCOUNT; see [`position_range`].
pub fn count_range(start: i64, end: i64, unit: Unit, len_bytes: usize) -> Range<u64> {
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    position_range(start, end, unit, len_bytes)
}

/// The number of bits set in a range of bit offsets.
pub fn count(bytes: &[u8], range: Range<u64>) -> u64 {
    let Some(Span { head, middle, tail }) = Span::new(bytes, range) else {
        return 0;
    };
    let (words, rest) = middle.as_chunks::<WORD_BYTES>();
    let in_words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    let in_bytes: u32 = rest.iter().chain([&head, &tail]).map(|byte| byte.count_ones()).sum();
    in_words + u64::from(in_bytes)
}

/// The offset of the first bit with the value `bit` from `from_bit` up to, not including, `to_bit`.
///
/// Only bits of the string count: zeros past its end are the caller's to report.
pub fn position(bytes: &[u8], bit: bool, from_bit: u64, to_bit: u64) -> Option<u64> {
    let to_bit = to_bit.min(bytes.len() as u64 * BYTE_BITS);
    if from_bit >= to_bit {
        return None;
    }
    let first_byte = (from_bit / BYTE_BITS) as usize;
    let skipped_byte = if bit { 0x00 } else { 0xff };
    let before = 0xff_u8 >> (from_bit % BYTE_BITS);
    let head = (bytes[first_byte] ^ skipped_byte) & before;
    let found = if head != 0 {
        first_byte as u64 * BYTE_BITS + u64::from(head.leading_zeros())
    } else {
        let index = first_byte + 1 + first_other(&bytes[first_byte + 1..], skipped_byte)?;
        index as u64 * BYTE_BITS + u64::from((bytes[index] ^ skipped_byte).leading_zeros())
    };
    (found < to_bit).then_some(found)
}

/// Combines sources into a string as long as the longest; shorter ones go on with zeros.
///
/// NOT uses the first source only. The number of sources is the caller's to check.
pub fn op(operation: Operation, sources: &[&[u8]]) -> Vec<u8> {
    let Some((first, others)) = sources.split_first() else {
        return Vec::new();
    };
    let len = sources.iter().map(|source| source.len()).max().unwrap_or_default();
    let padded = |source: &[u8]| {
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(source);
        bytes.resize(len, 0);
        bytes
    };
    let any_other = || {
        let mut union = vec![0; len];
        others.iter().for_each(|other| combine(&mut union, other, |a, b| a | b));
        union
    };
    let mut result = padded(first);
    match operation {
        Operation::And => others.iter().for_each(|other| {
            combine(&mut result, other, |a, b| a & b);
            result[other.len()..].fill(0);
        }),
        Operation::Or => others.iter().for_each(|other| combine(&mut result, other, |a, b| a | b)),
        Operation::Xor => others.iter().for_each(|other| combine(&mut result, other, |a, b| a ^ b)),
        Operation::Not => {
            result.truncate(first.len());
            result.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Operation::Diff => combine(&mut result, &any_other(), |x, y| x & !y),
        Operation::Diff1 => combine(&mut result, &any_other(), |x, y| !x & y),
        Operation::AndOr => combine(&mut result, &any_other(), |x, y| x & y),
        Operation::One => {
            let mut repeated = vec![0; len];
            for other in others {
                for ((repeated, seen), byte) in repeated.iter_mut().zip(&mut result).zip(*other) {
                    *repeated |= *seen & byte;
                    *seen |= byte;
                }
            }
            combine(&mut result, &repeated, |seen, repeated| seen & !repeated);
        }
    }
    result
}

impl Field {
    /// A field type, or nothing when no field is that wide.
    pub fn new(signed: bool, width_bits: u32) -> Option<Field> {
        let widest = if signed { MAX_FIELD_BITS } else { MAX_FIELD_BITS - 1 };
        (1..=widest).contains(&width_bits).then_some(Field { signed, width_bits })
    }

    /// Parses `i16` or `u8`.
    pub fn parse(text: &[u8]) -> Option<Field> {
        let (kind, width) = text.split_first()?;
        let width_bits = u32::try_from(parse_u64(width)?).ok()?;
        match kind {
            b'i' => Field::new(true, width_bits),
            b'u' => Field::new(false, width_bits),
            _ => None,
        }
    }

    /// The number of bits the field takes.
    pub fn width_bits(self) -> u32 {
        self.width_bits
    }

    /// Reads the field at a bit offset; bits past the end are 0.
    pub fn get(self, bytes: &[u8], offset: u64) -> i64 {
        field_get(bytes, offset, self.width_bits, self.signed)
    }

    /// Writes the low bits of `value` at a bit offset; see [`field_set`].
    pub fn set(self, bytes: &mut [u8], offset: u64, value: i64) {
        field_set(bytes, offset, self.width_bits, value);
    }

    /// The value the field takes for `value + increment`, or nothing when that overflows and must fail.
    ///
    /// SET passes its argument and 0, INCRBY the field's old value and its increment. A negative argument to SET of an
    /// unsigned field is taken as a huge one, as in Redis.
    pub fn fit(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let excess = self.excess(value, increment);
        match (excess, overflow) {
            (Excess::None, _) => Some(value.wrapping_add(increment)),
            (_, Overflow::Fail) => None,
            (_, Overflow::Wrap) => Some(self.wrap(value.wrapping_add(increment))),
            (Excess::Above, Overflow::Sat) => Some(self.max()),
            (Excess::Below, Overflow::Sat) => Some(self.min()),
        }
    }

    fn excess(self, value: i64, increment: i64) -> Excess {
        if !self.signed && value < 0 {
            return Excess::Above;
        }
        // Redis computes the room above in 64 bits. Far below a narrow field's range it wraps, and counts as above.
        let wraps_above = self.width_bits < MAX_FIELD_BITS && increment > self.max().wrapping_sub(value);
        let sum = i128::from(value) + i128::from(increment);
        if sum > i128::from(self.max()) || wraps_above {
            Excess::Above
        } else if sum < i128::from(self.min()) {
            Excess::Below
        } else {
            Excess::None
        }
    }

    fn max(self) -> i64 {
        let value_bits = self.width_bits - u32::from(self.signed);
        (1u64 << value_bits).wrapping_sub(1) as i64
    }

    fn min(self) -> i64 {
        if self.signed { -self.max() - 1 } else { 0 }
    }

    fn wrap(self, value: i64) -> i64 {
        extend((value as u64) & low_bits(self.width_bits), self.width_bits, self.signed)
    }
}

/// On which side a value leaves its field's range.
enum Excess {
    None,
    Above,
    Below,
}

/// Reads `width_bits` bits, at most 64, at a bit offset; bits past the end are 0.
///
/// An unsigned field of 64 bits, which BITFIELD does not have, comes back as its two's complement.
pub fn field_get(bytes: &[u8], offset: u64, width_bits: u32, signed: bool) -> i64 {
    let window = Window::new(offset, width_bits);
    let raw = (window.read(bytes) >> window.below_bits) as u64 & low_bits(width_bits);
    extend(raw, width_bits, signed)
}

/// Writes the low `width_bits` bits of `value`, at most 64, at a bit offset.
///
/// # Panics
/// When the field is not inside `bytes`: the caller grows the string first.
pub fn field_set(bytes: &mut [u8], offset: u64, width_bits: u32, value: i64) {
    let len_bits = bytes.len() as u64 * BYTE_BITS;
    let is_inside = offset.checked_add(width_bits.into()).is_some_and(|end| end <= len_bits);
    assert!(is_inside, "the string was grown to hold the field");
    let window = Window::new(offset, width_bits);
    let mask = u128::from(low_bits(width_bits)) << window.below_bits;
    let field = u128::from(value as u64 & low_bits(width_bits)) << window.below_bits;
    let word = window.read(bytes) & !mask | field;
    let in_place = bytes.iter_mut().skip(window.first_byte);
    for (byte, new) in in_place.zip(&word.to_be_bytes()[WINDOW_PADDING..]) {
        *byte = *new;
    }
}

/// A field of up to 64 bits touches at most nine bytes.
const WINDOW_BYTES: usize = 9;
/// The bytes of a `u128` above a window.
const WINDOW_PADDING: usize = 16 - WINDOW_BYTES;

/// The nine bytes around a field.
struct Window {
    first_byte: usize,
    /// Bits of the window below the field.
    below_bits: u32,
}

impl Window {
    fn new(offset: u64, width_bits: u32) -> Window {
        assert!((1..=MAX_FIELD_BITS).contains(&width_bits), "field widths are checked when parsed");
        let above_bits = (offset % BYTE_BITS) as u32;
        Window {
            // An offset beyond the address space is past the end of every string.
            first_byte: usize::try_from(offset / BYTE_BITS).unwrap_or(usize::MAX),
            below_bits: WINDOW_BYTES as u32 * BYTE_BITS as u32 - above_bits - width_bits,
        }
    }

    fn read(&self, bytes: &[u8]) -> u128 {
        let mut word = [0; 16];
        let available = bytes.get(self.first_byte..).unwrap_or_default();
        for (to, from) in word[WINDOW_PADDING..].iter_mut().zip(available) {
            *to = *from;
        }
        u128::from_be_bytes(word)
    }
}

/// Extends the sign of a signed field's raw bits.
fn extend(raw: u64, width_bits: u32, signed: bool) -> i64 {
    let unused_bits = MAX_FIELD_BITS - width_bits;
    if signed { (raw << unused_bits) as i64 >> unused_bits } else { raw as i64 }
}

fn low_bits(width_bits: u32) -> u64 {
    u64::MAX >> (MAX_FIELD_BITS - width_bits)
}

/// A range of bits as whole bytes between two partial ones, in which the bits outside are cleared.
struct Span<'a> {
    head: u8,
    middle: &'a [u8],
    tail: u8,
}

impl<'a> Span<'a> {
    fn new(bytes: &'a [u8], range: Range<u64>) -> Option<Span<'a>> {
        let end = range.end.min(bytes.len() as u64 * BYTE_BITS);
        if range.start >= end {
            return None;
        }
        let (first, last) = ((range.start / BYTE_BITS) as usize, ((end - 1) / BYTE_BITS) as usize);
        let head_mask = 0xff_u8 >> (range.start % BYTE_BITS);
        let tail_mask = !(0x7f_u8 >> ((end - 1) % BYTE_BITS));
        Some(if first == last {
            Span { head: bytes[first] & head_mask & tail_mask, middle: &[], tail: 0 }
        } else {
            Span { head: bytes[first] & head_mask, middle: &bytes[first + 1..last], tail: bytes[last] & tail_mask }
        })
    }
}

/// The index of the first byte other than `skipped`, a word at a time.
fn first_other(bytes: &[u8], skipped: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<WORD_BYTES>();
    let full = [skipped; WORD_BYTES];
    let skipped_words = words.iter().position(|word| *word != full).unwrap_or(words.len());
    let from = skipped_words * WORD_BYTES;
    let within = bytes[from..].iter().position(|byte| *byte != skipped)?;
    Some(from + within)
}

/// Combines the bytes both have, a word at a time.
fn combine(result: &mut [u8], other: &[u8], operator: impl Fn(u64, u64) -> u64) {
    let (result_words, result_rest) = result.as_chunks_mut::<WORD_BYTES>();
    let (other_words, other_rest) = other.as_chunks::<WORD_BYTES>();
    for (a, b) in result_words.iter_mut().zip(other_words) {
        *a = operator(u64::from_ne_bytes(*a), u64::from_ne_bytes(*b)).to_ne_bytes();
    }
    // A shorter source ends inside one of the result's words.
    let rest_of_result = match result_words.get_mut(other_words.len()) {
        Some(word) => word.as_mut_slice(),
        None => result_rest,
    };
    for (a, b) in rest_of_result.iter_mut().zip(other_rest) {
        *a = operator((*a).into(), (*b).into()) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn field(text: &str) -> Field {
        Field::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a field type"))
    }

    #[test]
    fn field_types() {
        for text in ["i1", "i64", "u1", "u63"] {
            field(text);
        }
        for text in ["", "i", "u", "i0", "u0", "i65", "u64", "x8", "I8", "i08", "i-1", "i99999999999999999999"] {
            assert_eq!(Field::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(field("i16").width_bits(), 16);
    }

    #[test]
    fn ranges_of_bytes_and_bits() {
        for (start, end, unit, expected) in [
            (0, -1, Unit::Byte, 0..24),
            (1, 1, Unit::Byte, 8..16),
            (-2, -1, Unit::Byte, 8..24),
            (5, 30, Unit::Bit, 5..24),
            (-4, -2, Unit::Bit, 20..23),
            (2, 1, Unit::Byte, 0..0),
            (3, 3, Unit::Byte, 0..0),
            (-9, -9, Unit::Byte, 0..8),
            (i64::MIN, i64::MAX, Unit::Bit, 0..24),
        ] {
            assert_eq!(position_range(start, end, unit, 3), expected, "{start} {end} {unit:?}");
        }
        assert_eq!(position_range(0, -1, Unit::Byte, 0), 0..0);
        assert_eq!(position_range(-5, -9, Unit::Byte, 3), 0..8);
        assert_eq!(count_range(-5, -9, Unit::Byte, 3), 0..0);
    }

    #[test]
    fn overflow() {
        use Overflow::{Fail, Sat, Wrap};
        for (kind, value, increment, overflow, expected) in [
            ("u8", 250, 10, Wrap, Some(4)),
            ("u8", 250, 10, Sat, Some(255)),
            ("u8", 250, 10, Fail, None),
            ("u8", 5, -10, Sat, Some(0)),
            ("u8", -1, 0, Sat, Some(255)),
            ("i8", 127, 1, Wrap, Some(-128)),
            ("i8", -128, -1, Sat, Some(-128)),
            ("i8", -200, 0, Wrap, Some(56)),
            ("i64", i64::MAX, 1, Wrap, Some(i64::MIN)),
            ("i64", i64::MIN, -1, Sat, Some(i64::MIN)),
            ("i64", i64::MIN, 0, Fail, Some(i64::MIN)),
            ("u63", i64::MAX, 1, Wrap, Some(0)),
            ("i2", i64::MIN, 0, Sat, Some(1)),
        ] {
            assert_eq!(field(kind).fit(value, increment, overflow), expected, "{kind} {value} {increment}");
        }
    }

    #[test]
    fn far_offsets() {
        assert!(!get(b"\xff", u64::MAX));
        assert_eq!(field_get(b"\xff", u64::MAX, 64, true), 0);
        assert_eq!(field_get(b"\xff", 4, 8, false), 0xf0);
        assert_eq!(position(b"\xff", true, u64::MAX, u64::MAX), None);
        assert_eq!(count(b"\xff", 0..u64::MAX), 8);
    }

    #[test]
    #[should_panic(expected = "grown")]
    fn writing_past_the_end() {
        field_set(&mut [0], 1, 8, 0);
    }

    fn bit_model(bytes: &[u8]) -> Vec<bool> {
        (0..bytes.len() * 8).map(|offset| bytes[offset / 8] >> (7 - offset % 8) & 1 == 1).collect()
    }

    fn operate_on_bit(operation: Operation, bits: &[bool]) -> bool {
        let (x, ys) = (bits[0], &bits[1..]);
        let some_y = ys.contains(&true);
        let set = bits.iter().filter(|bit| **bit).count();
        match operation {
            Operation::And => set == bits.len(),
            Operation::Or => set > 0,
            Operation::Xor => set % 2 == 1,
            Operation::Not => !x,
            Operation::Diff => x && !some_y,
            Operation::Diff1 => !x && some_y,
            Operation::AndOr => x && some_y,
            Operation::One => set == 1,
        }
    }

    fn any_operation() -> impl Strategy<Value = Operation> {
        use Operation::{And, AndOr, Diff, Diff1, Not, One, Or, Xor};
        proptest::sample::select(vec![And, Or, Xor, Not, Diff, Diff1, AndOr, One])
    }

    /// Runs of equal bytes, so that whole words are skipped.
    fn runs() -> impl Strategy<Value = Vec<u8>> {
        let run = (proptest::sample::select(vec![0u8, 255, 1, 128, 90]), 0usize..40);
        vec(run, 0..4)
            .prop_map(|runs| runs.into_iter().flat_map(|(byte, len)| std::iter::repeat_n(byte, len)).collect())
    }

    proptest! {
        #[test]
        fn reading_agrees_with_single_bits(bytes in runs(), from in 0u64..1300, to in 0u64..1300, bit: bool) {
            let model = bit_model(&bytes);
            let (first, last) = (model.len().min(from as usize), model.len().min(to as usize));
            let part = &model[first..last.max(first)];
            prop_assert_eq!(count(&bytes, from..to), part.iter().filter(|bit| **bit).count() as u64);
            let expected = part.iter().position(|other| *other == bit).map(|index| (first + index) as u64);
            prop_assert_eq!(position(&bytes, bit, from, to), expected);
            prop_assert_eq!(get(&bytes, from), model.get(from as usize).copied().unwrap_or_default());
        }

        #[test]
        fn operations_agree_with_single_bits(operation in any_operation(), sources in vec(vec(any::<u8>(), 0..40), 1..5)) {
            let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            let sources = if operation == Operation::Not { &sources[..1] } else { &sources };
            let len = sources.iter().map(|source| source.len()).max().unwrap_or_default();
            let models: Vec<_> = sources.iter().map(|source| bit_model(source)).collect();
            let expected: Vec<bool> = (0..len * 8)
                .map(|offset| {
                    let bits: Vec<_> = models.iter().map(|model| model.get(offset).copied().unwrap_or_default()).collect();
                    operate_on_bit(operation, &bits)
                })
                .collect();
            prop_assert_eq!(bit_model(&op(operation, sources)), expected);
        }

        #[test]
        fn fields_agree_with_single_bits(bytes in vec(any::<u8>(), 9..20), offset in 0u64..88, width in 1u32..=64, signed: bool, value: i64) {
            let model = bit_model(&bytes);
            let bit = |index: u64| model.get(index as usize).copied().unwrap_or_default();
            let raw = (offset..offset + u64::from(width)).fold(0u64, |raw, index| raw << 1 | u64::from(bit(index)));
            let negative = signed && width < 64 && bit(offset);
            let expected = if negative { raw as i64 - (1i64 << (width - 1)) - (1i64 << (width - 1)) } else { raw as i64 };
            prop_assert_eq!(field_get(&bytes, offset, width, signed), expected);
            prop_assume!(offset + u64::from(width) <= model.len() as u64);
            let mut written = bytes.clone();
            field_set(&mut written, offset, width, value);
            let mut expected_bits = model.clone();
            for index in 0..width {
                expected_bits[(offset + u64::from(width - 1 - index)) as usize] = value >> index & 1 == 1;
            }
            prop_assert_eq!(bit_model(&written), expected_bits);
        }

        #[test]
        fn fitted_values_are_what_the_field_reads_back(signed: bool, width in 1u32..=63, value: i64, increment: i64) {
            let field = Field::new(signed, width).expect("every such width exists");
            let mut bytes = [0; 8];
            let wrapped = field.fit(value, increment, Overflow::Wrap).expect("wrapping always fits");
            field.set(&mut bytes, 0, value.wrapping_add(increment));
            prop_assert_eq!(field.get(&bytes, 0), wrapped);
            let saturated = field.fit(value, increment, Overflow::Sat).expect("saturating always fits");
            prop_assert!((field.min()..=field.max()).contains(&saturated));
            if let Some(fitting) = field.fit(value, increment, Overflow::Fail) {
                prop_assert_eq!((fitting, fitting), (wrapped, saturated));
            }
        }
    }
}
