//! The 80-bit extended precision of x87, in which Redis computes INCRBYFLOAT and HINCRBYFLOAT on x86-64.
//!
//! A 64-bit significand, a 15-bit exponent, rounding half to even. Written out in integers, so that every platform
//! gives the same digits.

use super::fixed::{scaled, write_units};
use super::float_text::{Body, scan};
use super::natural::Natural;
use super::rounding::{Format, Rounded, round};

/// Texts of this many bytes or more are refused (Redis's buffer for a long double).
pub const MAX_TEXT_BYTES: usize = 5 * 1024;

const X87: Format = Format { precision_bits: 64, min_exponent: -16_445, max_exponent: 16_320 };
/// The power of ten of a first digit beyond which every value is infinite (the largest is 1.19 × 10^4932).
const MAX_DECIMAL_EXPONENT: i64 = 4_940;
/// The power of ten of a first digit below which every value is zero (the smallest is 3.6 × 10^-4951).
const MIN_DECIMAL_EXPONENT: i64 = -4_960;
/// Any 19 digits fit a `u64`.
const WORD_DIGITS: usize = 19;
/// 5^27 is the largest power of five below 2^63.
const WORD_FIVES: u64 = 27;
/// Quotient bits of a long division: the significand, a bit to round by, and two to spare.
const QUOTIENT_BITS: i64 = 67;
/// The decimals that Redis prints before it drops trailing zeros.
const DECIMALS: u32 = 17;
const DECIMAL_SCALE: u64 = 10u64.pow(DECIMALS);

/// A floating point number with a 64-bit significand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    /// `significand × 2^exponent`; the top bit is set unless the exponent is the smallest.
    Finite {
        significand: u64,
        exponent: i32,
    },
    Infinite,
    /// The sum of opposite infinities.
    NotANumber,
}

impl Extended {
    /// Parses a whole text as C's `strtold` reads it: decimal or hexadecimal, or infinity.
    ///
    /// Refused: [`MAX_TEXT_BYTES`] or more, spaces, NaN, and finite texts that overflow or round to zero without being it.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        if text.len() >= MAX_TEXT_BYTES {
            return None;
        }
        let number = scan(text)?;
        let (rounded, is_zero) = match number.body {
            Body::Infinity => return Some(Extended::infinite(number.negative)),
            Body::Decimal { integer, fraction, exponent } => {
                let decimal = Decimal::new(integer, fraction, exponent);
                (decimal.round(&X87), decimal.digits.is_empty())
            }
            Body::Binary { significand, inexact, exponent } => {
                (round(&X87, significand, inexact, exponent), significand == 0)
            }
        };
        let value = Extended::from_rounded(number.negative, rounded);
        let in_range = value.is_finite() && (is_zero || !value.is_zero());
        in_range.then_some(value)
    }

    /// The exact value of an integer.
    pub fn from_i64(value: i64) -> Extended {
        let rounded = round(&X87, value.unsigned_abs().into(), false, 0);
        Extended::from_rounded(value < 0, rounded)
    }

    /// Whether this is neither infinite nor the sum of opposite infinities.
    pub fn is_finite(self) -> bool {
        matches!(self.magnitude, Magnitude::Finite { .. })
    }

    /// The correctly rounded sum.
    #[expect(
        clippy::should_implement_trait,
        reason = "a named step of one command family, not an operator of the core"
    )]
    pub fn add(self, other: Extended) -> Extended {
        match (self.magnitude, other.magnitude) {
            (Magnitude::Finite { .. }, Magnitude::Finite { .. }) => self.add_finite(other),
            (Magnitude::Finite { .. }, _) => other,
            (_, Magnitude::Finite { .. }) => self,
            (Magnitude::Infinite, Magnitude::Infinite) if self.negative == other.negative => self,
            _ => Extended { negative: false, magnitude: Magnitude::NotANumber },
        }
    }

    /// Appends the value with 17 decimals, correctly rounded, without trailing zeros or exponent; never `-0`.
    pub fn write(self, out: &mut Vec<u8>) {
        let Magnitude::Finite { significand, exponent } = self.magnitude else {
            out.extend_from_slice(self.name_of_special());
            return;
        };
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        if exponent >= 0 {
            let mut integer = Natural::from_decimal(itoa::Buffer::new().format(significand).as_bytes());
            integer.shift_left(exponent as usize);
            integer.write_decimal(out);
        } else {
            write_units(out, scaled(significand, exponent.unsigned_abs(), DECIMAL_SCALE), DECIMALS, DECIMAL_SCALE);
            let decimals = &out[out.len() - DECIMALS as usize..];
            let zeros = decimals.iter().rev().take_while(|digit| **digit == b'0').count();
            // Without decimals there is no point either.
            out.truncate(out.len() - zeros - usize::from(zeros == DECIMALS as usize));
        }
        if out[start..] == *b"-0" {
            out.remove(start);
        }
    }

    fn infinite(negative: bool) -> Extended {
        Extended { negative, magnitude: Magnitude::Infinite }
    }

    fn from_rounded(negative: bool, rounded: Rounded) -> Extended {
        let magnitude = match rounded {
            Rounded::Finite { significand, exponent } => Magnitude::Finite { significand, exponent },
            Rounded::Infinite => Magnitude::Infinite,
        };
        Extended { negative, magnitude }
    }

    fn is_zero(self) -> bool {
        matches!(self.magnitude, Magnitude::Finite { significand: 0, .. })
    }

    fn name_of_special(self) -> &'static [u8] {
        match self.magnitude {
            Magnitude::NotANumber => b"nan",
            _ if self.negative => b"-inf",
            _ => b"inf",
        }
    }

    /// The exponent and significand of a finite value; in this order they compare as magnitudes do.
    fn parts(self) -> (i32, u64) {
        match self.magnitude {
            Magnitude::Finite { significand, exponent } => (exponent, significand),
            Magnitude::Infinite | Magnitude::NotANumber => {
                unreachable!("only finite values are taken apart")
            }
        }
    }

    fn add_finite(self, other: Extended) -> Extended {
        /// Room below the significands, so that cancellation never reaches the bits shifted out.
        const GUARD_BITS: u32 = 63;
        let (large, small) = if self.parts() >= other.parts() { (self, other) } else { (other, self) };
        let ((exponent, large_significand), (small_exponent, small_significand)) = (large.parts(), small.parts());
        let distance = (exponent - small_exponent).unsigned_abs();
        let top = u128::from(large_significand) << GUARD_BITS;
        let unshifted = u128::from(small_significand) << GUARD_BITS;
        let shifted = unshifted.checked_shr(distance).unwrap_or_default();
        let inexact = shifted.checked_shl(distance).unwrap_or_default() != unshifted;
        let sum = if large.negative == small.negative {
            top + shifted
        } else {
            // What was shifted out is taken away too: one unit less, plus the rest of that unit.
            top - shifted - u128::from(inexact)
        };
        let exact_zero = sum == 0 && !inexact;
        let negative = large.negative && (small.negative || !exact_zero);
        let rounded = round(&X87, sum, inexact, i64::from(exponent) - i64::from(GUARD_BITS));
        Extended::from_rounded(negative, rounded)
    }
}

/// `0.digits`-style decimal: significant digits without zeros at either end, times a power of ten.
pub(super) struct Decimal {
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    pub(super) fn new(integer: &[u8], fraction: &[u8], exponent: i64) -> Decimal {
        let all_digits = integer.iter().chain(fraction).copied();
        let mut digits: Vec<u8> = all_digits.skip_while(|digit| *digit == b'0').collect();
        let mut exponent = exponent - fraction.len() as i64;
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        Decimal { digits, exponent }
    }

    pub(super) fn round(&self, format: &Format) -> Rounded {
        let first_digit_exponent = self.digits.len() as i64 - 1 + self.exponent;
        if self.digits.is_empty() || first_digit_exponent < MIN_DECIMAL_EXPONENT {
            return round(format, 0, false, 0);
        }
        if first_digit_exponent > MAX_DECIMAL_EXPONENT {
            return Rounded::Infinite;
        }
        if self.digits.len() <= WORD_DIGITS && self.exponent.unsigned_abs() <= WORD_FIVES {
            self.round_word(format)
        } else {
            self.round_natural(format)
        }
    }

    /// The common case: everything fits two machine words.
    fn round_word(&self, format: &Format) -> Rounded {
        let integer = self.digits.iter().fold(0u64, |value, byte| value * 10 + u64::from(byte - b'0'));
        let power = 5u128.pow(self.exponent.unsigned_abs() as u32);
        if self.exponent >= 0 {
            return round(format, u128::from(integer) * power, false, self.exponent);
        }
        let shift_bits = integer.leading_zeros() + u64::BITS;
        let dividend = u128::from(integer) << shift_bits;
        let inexact = dividend % power != 0;
        round(format, dividend / power, inexact, self.exponent - i64::from(shift_bits))
    }

    fn round_natural(&self, format: &Format) -> Rounded {
        let mut integer = Natural::from_decimal(&self.digits);
        let fives = self.exponent.unsigned_abs() as u32;
        if self.exponent >= 0 {
            integer.multiply_by_power_of_five(fives);
            let (word, dropped_bits, inexact) = integer.top();
            return round(format, word, inexact, self.exponent + dropped_bits as i64);
        }
        let (quotient, inexact, exponent) = divide(integer, Natural::power_of_five(fives));
        round(format, quotient, inexact, self.exponent + exponent)
    }
}

/// Long division in binary: the first bits of the quotient, whether more follow, and the exponent of the last one.
fn divide(mut dividend: Natural, mut divisor: Natural) -> (u128, bool, i64) {
    let lead_bits = divisor.bit_len() as i64 - dividend.bit_len() as i64;
    if lead_bits > 0 {
        dividend.shift_left(lead_bits as usize);
    } else {
        divisor.shift_left(lead_bits.unsigned_abs() as usize);
    }
    let mut quotient = 0;
    for _ in 0..=QUOTIENT_BITS {
        quotient <<= 1;
        if dividend >= divisor {
            dividend.subtract(&divisor);
            quotient |= 1;
        }
        dividend.shift_left(1);
    }
    (quotient, !dividend.is_zero(), -QUOTIENT_BITS - lead_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Extended {
        Extended::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a number"))
    }

    fn print(value: Extended) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Answers of redis-server 7.0.15 on x86-64 to SET and INCRBYFLOAT.
    #[test]
    fn sums_as_redis_prints_them() {
        for (a, b, expected) in [
            ("0.1", "0.2", "0.3"),
            ("3.0e3", "200", "3200"),
            ("10.50", "0.1", "10.6"),
            ("1.23456789012345678e15", "0.1", "1234567890123456.8800048828125"),
            ("5e-324", "0", "0"),
            ("-1e-30", "0", "0"),
            ("0x1.8p1", "0", "3"),
            ("1e18", "0.5", "1000000000000000000.5"),
            ("1e17", "0.01", "100000000000000000.0078125"),
            ("0x1p-18", "0", "0.00000381469726562"),
            ("0x3p-18", "0", "0.00001144409179688"),
            ("-0", "-0", "0"),
            ("18446744073709551616", "1", "18446744073709551616"),
            ("18446744073709551615", "0.4", "18446744073709551615"),
        ] {
            assert_eq!(print(parse(a).add(parse(b))), expected, "{a} + {b}");
        }
    }

    #[test]
    fn refused_texts() {
        let long = "1".repeat(MAX_TEXT_BYTES);
        for text in ["", " 1", "1 ", "nan", "1e4933", "-1e4933", "1e-4960", "0x1p16384", "0x1p-16447", &long] {
            assert_eq!(Extended::parse(text.as_bytes()), None, "{text}");
        }
        assert!(Extended::parse(&long.as_bytes()[1..4000]).is_some());
        assert!(Extended::parse(b"0x1p-16445").is_some());
        assert!(Extended::parse(b"0e-9999").is_some());
    }

    #[test]
    fn infinities() {
        let (infinity, largest) = (parse("inf"), parse("0x1.fffffffffffffffep16383"));
        assert!(!infinity.is_finite() && largest.is_finite());
        assert_eq!(print(infinity), "inf");
        assert_eq!(print(parse("-Infinity")), "-inf");
        assert_eq!(infinity.add(largest), infinity);
        assert_eq!(largest.add(largest), infinity);
        assert!(!infinity.add(parse("-inf")).is_finite());
        assert_eq!(print(infinity.add(parse("-inf"))), "nan");
        assert_eq!(print(largest).len(), 4933);
    }

    #[test]
    fn the_longest_texts_stay_within_their_bounds() {
        let digits = MAX_TEXT_BYTES - 8;
        for text in [
            format!("0.{}", "9".repeat(digits)),
            format!("{}e-5000", "7".repeat(digits - 20)),
            format!("{}e-9900", "7".repeat(digits - 20)),
            format!("0.{}1e4900", "0".repeat(digits - 100)),
        ] {
            assert!(Extended::parse(text.as_bytes()).is_some(), "{text}");
        }
    }

    /// The bits shifted out decide: what is taken away is a little more than half a unit.
    #[test]
    fn cancellation_counts_lost_bits() {
        let difference = parse("0x8000000000000002").add(parse("-0x8000000000000001p-64"));
        assert_eq!(difference, parse("0x8000000000000001"));
    }

    proptest! {
        #[test]
        fn doubles_are_exact(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let exact = format!("{value:.17}");
            let trimmed = exact.trim_end_matches('0').trim_end_matches('.');
            let expected = if trimmed == "-0" { "0" } else { trimmed };
            prop_assert_eq!(print(parse(&format!("{value:.1100}"))), expected);
        }

        #[test]
        fn short_and_long_conversions_agree(digits in "[1-9]([0-9]{0,17}[1-9])?", exponent in -27i64..=27) {
            let decimal = Decimal::new(digits.as_bytes(), b"", exponent);
            prop_assert_eq!(decimal.round_word(&X87), decimal.round_natural(&X87));
        }

        #[test]
        fn sums_are_the_nearest_values(a: i64, b: i64, distance in 0u32..63, exponent in -16_445i64..16_200) {
            // The exact sum has at most 127 bits: its own text rounds once.
            let sum = (i128::from(a) << distance) + i128::from(b);
            let hexadecimal = |value: i128, exponent: i64| {
                let sign = if value < 0 { "-" } else { "" };
                parse(&format!("{sign}0x{:x}p{exponent}", value.unsigned_abs()))
            };
            let left = hexadecimal(a.into(), exponent + i64::from(distance));
            let right = hexadecimal(b.into(), exponent);
            prop_assert_eq!(left.add(right), hexadecimal(sum, exponent));
            prop_assert_eq!(right.add(left), hexadecimal(sum, exponent));
        }

        #[test]
        fn far_apart_sums_are_the_nearest_values(a in 1u64.., b in 1u64.., distance_digits in 16usize..31) {
            // Sum and difference written digit by digit, as they are too wide for an integer.
            let power = 1u128 << (4 * distance_digits);
            let large = parse(&format!("0x{a:x}p{}", 4 * distance_digits));
            let sum = parse(&format!("0x{a:x}{b:0distance_digits$x}"));
            prop_assert_eq!(large.add(parse(&format!("0x{b:x}"))), sum);
            let difference = parse(&format!("0x{:x}{:0distance_digits$x}", a - 1, power - u128::from(b)));
            prop_assert_eq!(parse(&format!("-0x{b:x}")).add(large), difference);
        }

        #[test]
        fn integers_are_exact(value: i64) {
            prop_assert_eq!(print(Extended::from_i64(value)), value.to_string());
            prop_assert_eq!(Extended::from_i64(value), parse(&value.to_string()));
        }

        #[test]
        fn arbitrary_texts_never_panic(text in "[-+0-9a-fxXpPeE.inf ]{0,30}") {
            if let Some(value) = Extended::parse(text.as_bytes()) {
                print(value.add(value));
            }
        }
    }
}
