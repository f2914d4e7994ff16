//! Unsigned integers of any size up to a bound: just enough arithmetic to convert between decimal and binary.

use std::cmp::Ordering;

/// The widest number ever needed: 5,119 digits over 10^10,089, both below 24,000 bits.
const MAX_LIMBS: usize = 1024;
const LIMB_BITS: usize = 32;
/// 10^9 is the largest power of ten in a limb.
const CHUNK_DIGITS: usize = 9;
const CHUNK: u64 = 1_000_000_000;
/// 5^13 is the largest power of five in a limb.
const FIVES_PER_LIMB: u32 = 13;

/// An unsigned integer: limbs from the least significant, the last one not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural {
    limbs: Vec<u32>,
}

impl Natural {
    /// The value of ASCII decimal digits.
    pub(super) fn from_decimal(digits: &[u8]) -> Natural {
        let mut value = Natural { limbs: Vec::new() };
        for chunk in digits.chunks(CHUNK_DIGITS) {
            let (scale, addend) =
                chunk.iter().fold((1, 0), |(scale, addend), byte| (scale * 10, addend * 10 + u32::from(byte - b'0')));
            value.multiply_add(scale, addend);
        }
        value
    }

    /// 5 to the power of `exponent`.
    pub(super) fn power_of_five(exponent: u32) -> Natural {
        let mut value = Natural { limbs: vec![1] };
        value.multiply_by_power_of_five(exponent);
        value
    }

    pub(super) fn multiply_by_power_of_five(&mut self, exponent: u32) {
        for _ in 0..exponent / FIVES_PER_LIMB {
            self.multiply_add(5u32.pow(FIVES_PER_LIMB), 0);
        }
        self.multiply_add(5u32.pow(exponent % FIVES_PER_LIMB), 0);
    }

    pub(super) fn shift_left(&mut self, bits: usize) {
        if self.is_zero() {
            return;
        }
        let low_bits = bits % LIMB_BITS;
        if low_bits > 0 {
            self.multiply_add(1 << low_bits, 0);
        }
        let zero_limbs = std::iter::repeat_n(0, bits / LIMB_BITS);
        self.limbs.splice(0..0, zero_limbs);
        self.check_bound();
    }

    /// Takes `other` away, which must not be larger.
    pub(super) fn subtract(&mut self, other: &Natural) {
        let mut borrow = false;
        for (index, limb) in self.limbs.iter_mut().enumerate() {
            let taken = other.limbs.get(index).copied().unwrap_or_default();
            let (difference, under) = limb.overflowing_sub(taken);
            let (difference, under_again) = difference.overflowing_sub(u32::from(borrow));
            *limb = difference;
            borrow = under || under_again;
        }
        assert!(!borrow, "the subtrahend is not larger");
        self.trim();
    }

    pub(super) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    pub(super) fn bit_len(&self) -> usize {
        match self.limbs.last() {
            Some(top) => self.limbs.len() * LIMB_BITS - top.leading_zeros() as usize,
            None => 0,
        }
    }

    /// The top limbs as one word, the number of bits below it, and whether any of those is set.
    ///
    /// The word has at least 97 significant bits when there are bits below it.
    pub(super) fn top(&self) -> (u128, usize, bool) {
        let below = self.limbs.len().saturating_sub(4);
        let word = self.limbs[below..].iter().rev().fold(0u128, |word, limb| word << LIMB_BITS | u128::from(*limb));
        let inexact = self.limbs[..below].iter().any(|limb| *limb != 0);
        (word, below * LIMB_BITS, inexact)
    }

    /// Appends the decimal digits, using up the value.
    pub(super) fn write_decimal(mut self, out: &mut Vec<u8>) {
        let mut chunks = Vec::with_capacity(self.limbs.len() * LIMB_BITS / 29 + 1);
        while !self.is_zero() {
            chunks.push(self.divide_by_chunk());
        }
        let mut buffer = itoa::Buffer::new();
        out.extend_from_slice(buffer.format(chunks.pop().unwrap_or_default()).as_bytes());
        for chunk in chunks.iter().rev() {
            let digits = buffer.format(*chunk).as_bytes();
            out.resize(out.len() + CHUNK_DIGITS - digits.len(), b'0');
            out.extend_from_slice(digits);
        }
    }

    /// Divides by 10^9 in place and returns the remainder.
    fn divide_by_chunk(&mut self) -> u32 {
        let mut remainder = 0u64;
        for limb in self.limbs.iter_mut().rev() {
            let dividend = remainder << LIMB_BITS | u64::from(*limb);
            *limb = (dividend / CHUNK) as u32;
            remainder = dividend % CHUNK;
        }
        self.trim();
        remainder as u32
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for limb in &mut self.limbs {
            let product = u64::from(*limb) * u64::from(factor) + carry;
            *limb = product as u32;
            carry = product >> LIMB_BITS;
        }
        if carry > 0 {
            self.limbs.push(carry as u32);
        }
        self.check_bound();
    }

    fn trim(&mut self) {
        let len = self.limbs.iter().rposition(|limb| *limb != 0);
        self.limbs.truncate(len.map_or(0, |last| last + 1));
    }

    fn check_bound(&self) {
        assert!(self.limbs.len() <= MAX_LIMBS, "texts and exponents are bounded");
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Natural) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Natural) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn natural(value: u128) -> Natural {
        Natural::from_decimal(value.to_string().as_bytes())
    }

    #[test]
    fn borrows_pass_through_zero_limbs() {
        let mut value = natural(1 << 96);
        value.subtract(&natural(1));
        assert_eq!(value, natural((1 << 96) - 1));
    }

    proptest! {
        #[test]
        fn agrees_with_u128(a: u128, b: u128, shift in 0usize..128) {
            let (large, small) = (a.max(b), a.min(b));
            prop_assert_eq!(natural(large).cmp(&natural(small)), large.cmp(&small));
            prop_assert_eq!(natural(a).bit_len(), (128 - a.leading_zeros()) as usize);
            prop_assert_eq!(natural(a).top(), (a, 0, false));
            let mut difference = natural(large);
            difference.subtract(&natural(small));
            prop_assert_eq!(difference, natural(large - small));
            let mut shifted = natural(a >> shift);
            shifted.shift_left(shift);
            prop_assert_eq!(shifted, natural(a >> shift << shift));
        }

        #[test]
        fn decimal_round_trips(digits in "[1-9][0-9]{0,300}", exponent in 0u32..200) {
            let mut value = Natural::from_decimal(digits.as_bytes());
            value.multiply_by_power_of_five(exponent);
            value.shift_left(exponent as usize);
            let mut text = Vec::new();
            value.write_decimal(&mut text);
            prop_assert_eq!(String::from_utf8_lossy(&text), digits + &"0".repeat(exponent as usize));
        }
    }
}
