//! Doubles: reading them as Redis does, and its two spellings of them.

use std::io::Write;

use super::extended::Decimal;
use super::float_text::{Body, FloatText, scan, skip_spaces};
use super::rounding::{Format, Rounded, round};
use super::write_i64;

const BINARY64: Format = Format { precision_bits: 53, min_exponent: -1074, max_exponent: 971 };
/// Whole doubles up to here are written as integers since Redis 7.2 (half of the range of `i64`).
const INTEGER_LIMIT: f64 = (1u64 << 62) as f64;
/// No two neighbouring doubles have a midpoint with more digits than 767.
const DECISIVE_DIGITS: usize = 800;
/// C's `%.17g` writes this many significant digits.
const FULL_DIGITS: i32 = 17;

/// Parses a score, increment or coordinate: the whole text, as C's `strtod` reads it.
///
/// Refused: spaces, NaN, a finite text too large for a double (`1e400`), and one that is not zero but rounds to it.
/// `inf` and `infinity` in any case and hexadecimal floats pass.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let number = scan(text)?;
    let value = nearest(text, &number);
    let in_range = match number.body {
        Body::Infinity => true,
        Body::Decimal { integer, fraction, .. } => {
            let is_zero = || integer.iter().chain(fraction).all(|digit| *digit == b'0');
            value.is_finite() && (value != 0.0 || is_zero())
        }
        Body::Binary { significand, .. } => value.is_finite() && (value != 0.0 || significand == 0),
    };
    in_range.then_some(value)
}

/// Parses a bound of a score range (after its `(`), which Redis reads more leniently than a score.
///
/// Leading spaces pass, an empty text is 0, and values out of range become infinite or zero. NaN is refused.
pub fn parse_score_bound(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let text = skip_spaces(text);
    let number = scan(text)?;
    Some(nearest(text, &number))
}

/// Appends a double as Redis 7.2 and later write it: the shortest digits that read back as the same value.
///
/// Whole numbers up to 2⁶² are written as integers; the rest in plain or scientific form, whichever Redis picks.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let magnitude = value.abs();
    if magnitude.is_infinite() {
        out.extend_from_slice(b"inf");
    } else if magnitude <= INTEGER_LIMIT && magnitude.trunc() == magnitude {
        write_i64(out, magnitude as i64);
    } else {
        write_shortest(out, magnitude);
    }
}

/// Appends a double as Redis up to 7.0 writes it: C's `%.17g`.
pub fn write_f64_17g(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        out.extend_from_slice(b"inf");
        return;
    }
    let text = format!("{:.*e}", FULL_DIGITS as usize - 1, value.abs());
    let digits = Digits::from_scientific(text.as_bytes());
    if (-4..FULL_DIGITS).contains(&digits.point_exponent()) {
        digits.write_plain(out);
    } else {
        digits.write_scientific(out, 2);
    }
}

fn nearest(text: &[u8], number: &FloatText<'_>) -> f64 {
    let magnitude = match number.body {
        Body::Infinity => f64::INFINITY,
        Body::Decimal { integer, fraction, exponent } => match cfg!(feature = "float-tables") {
            true => by_tables(text).abs(),
            false => by_integers(integer, fraction, exponent),
        },
        Body::Binary { significand, inexact, exponent } => double(round(&BINARY64, significand, inexact, exponent)),
    };
    if number.negative { -magnitude } else { magnitude }
}

/// The standard library's way: fast, with a table of ten kilobytes.
fn by_tables(text: &[u8]) -> f64 {
    let text = std::str::from_utf8(text).expect("scanned texts are ASCII");
    text.parse().expect("Rust reads every decimal that C reads")
}

/// The way of [`super::extended`], which needs no table: slower beyond 19 digits, and small.
fn by_integers(integer: &[u8], fraction: &[u8], exponent: i64) -> f64 {
    let whole = integer.iter().position(|digit| *digit != b'0').map_or(&integer[..0], |start| &integer[start..]);
    if whole.len() + fraction.len() <= DECISIVE_DIGITS {
        return double(Decimal::new(whole, fraction, exponent).round(&BINARY64));
    }
    // All further digits only say whether the value lies above the ones kept: a single 1 says the same.
    let skipped_zeros = match whole {
        [] => fraction.iter().take_while(|digit| **digit == b'0').count(),
        _ => 0,
    };
    let digits = || whole.iter().chain(&fraction[skipped_zeros..]).copied();
    let mut kept: Vec<u8> = digits().take(DECISIVE_DIGITS).collect();
    let mut last_exponent = exponent + whole.len() as i64 - skipped_zeros as i64 - kept.len() as i64;
    if digits().skip(DECISIVE_DIGITS).any(|digit| digit != b'0') {
        kept.push(b'1');
        last_exponent -= 1;
    }
    double(Decimal::new(&kept, b"", last_exponent).round(&BINARY64))
}

fn double(rounded: Rounded) -> f64 {
    match rounded {
        Rounded::Infinite => f64::INFINITY,
        Rounded::Finite { significand, exponent } => assemble(significand, exponent),
    }
}

/// The double `significand × 2^exponent`, already rounded.
fn assemble(significand: u64, exponent: i32) -> f64 {
    const FRACTION_BITS: u32 = BINARY64.precision_bits - 1;
    if significand >> FRACTION_BITS == 0 {
        return f64::from_bits(significand);
    }
    let biased_exponent = (i64::from(exponent) - BINARY64.min_exponent + 1) as u64;
    let fraction = significand & ((1 << FRACTION_BITS) - 1);
    f64::from_bits(biased_exponent << FRACTION_BITS | fraction)
}

fn write_shortest(out: &mut Vec<u8>, magnitude: f64) {
    let mut buffer = zmij::Buffer::new();
    let digits = Digits::from_scientific(buffer.format_finite(magnitude).as_bytes());
    let point = digits.point_exponent();
    // These are the limits of fpconv, which Redis uses: up to seven zeros are added to either side of the digits.
    let plain = if digits.last_exponent >= 0 {
        digits.last_exponent <= 7
    } else {
        digits.last_exponent > -7 || point.abs() < 4
    };
    if plain {
        digits.write_plain(out);
    } else {
        digits.write_scientific(out, 1);
    }
}

/// Significant decimal digits without zeros at either end, and the power of ten of the last one.
struct Digits {
    digits: Vec<u8>,
    last_exponent: i32,
}

impl Digits {
    /// Reads `12.5`, `0.01` or `1.25e-7` as printed by Rust or zmij.
    fn from_scientific(text: &[u8]) -> Digits {
        let (mut last_exponent, mut after_point) = (0, false);
        let mut digits = Vec::with_capacity(FULL_DIGITS as usize);
        for (index, byte) in text.iter().enumerate() {
            match byte {
                b'.' => after_point = true,
                b'e' => {
                    last_exponent += small_integer(&text[index + 1..]);
                    break;
                }
                digit => {
                    last_exponent -= i32::from(after_point);
                    if *digit != b'0' || !digits.is_empty() {
                        digits.push(*digit);
                    }
                }
            }
        }
        while digits.last() == Some(&b'0') {
            digits.pop();
            last_exponent += 1;
        }
        if digits.is_empty() {
            digits.push(b'0');
            last_exponent = 0;
        }
        Digits { digits, last_exponent }
    }

    /// The power of ten of the first digit.
    fn point_exponent(&self) -> i32 {
        self.last_exponent + self.digits.len() as i32 - 1
    }

    fn write_plain(&self, out: &mut Vec<u8>) {
        let before_point = self.point_exponent() + 1;
        if self.last_exponent >= 0 {
            out.extend_from_slice(&self.digits);
            out.resize(out.len() + self.last_exponent as usize, b'0');
        } else if before_point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + before_point.unsigned_abs() as usize, b'0');
            out.extend_from_slice(&self.digits);
        } else {
            let (integer, fraction) = self.digits.split_at(before_point as usize);
            out.extend_from_slice(integer);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }

    fn write_scientific(&self, out: &mut Vec<u8>, exponent_digits: usize) {
        let (first, fraction) = self.digits.split_at(1);
        out.extend_from_slice(first);
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        let exponent = self.point_exponent();
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:0exponent_digits$}", exponent.abs()).expect("writing to memory");
    }
}

/// The exponent that Rust or zmij printed.
fn small_integer(text: &[u8]) -> i32 {
    let magnitude = |digits: &[u8]| digits.iter().fold(0, |value, byte| value * 10 + i32::from(byte - b'0'));
    match text {
        [b'-', digits @ ..] => -magnitude(digits),
        [b'+', digits @ ..] | digits => magnitude(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shortest(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, value);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn full(value: f64) -> String {
        let mut out = Vec::new();
        write_f64_17g(&mut out, value);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn texts_redis_takes_and_refuses() {
        for (text, expected) in [
            ("1.", Some(1.0)),
            (".5", Some(0.5)),
            ("+1", Some(1.0)),
            ("-InF", Some(f64::NEG_INFINITY)),
            ("0x1.8p1", Some(3.0)),
            ("0x.8", Some(0.5)),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p-1075", None),
            ("0x1.8p-1075", Some(5e-324)),
            ("0x1.fffffffffffff7p1023", Some(f64::MAX)),
            ("0x1.fffffffffffff8p1023", None),
            ("0x0p9999", Some(0.0)),
            ("1e400", None),
            ("-1e400", None),
            ("1e-400", None),
            ("0e-400", Some(0.0)),
            ("1e-310", Some(1e-310)),
            ("nan", None),
            ("", None),
            (" 1", None),
            ("1 ", None),
            ("1e", None),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn range_bounds_are_lenient() {
        for (text, expected) in [
            ("", Some(0.0)),
            (" 5", Some(5.0)),
            ("1e400", Some(f64::INFINITY)),
            ("1e-400", Some(0.0)),
            ("+inf", Some(f64::INFINITY)),
            ("nan", None),
            ("5 ", None),
            (" ", None),
        ] {
            assert_eq!(parse_score_bound(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn spellings() {
        for (value, expected_shortest, expected_full) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (3.0, "3", "3"),
            (-1.5, "-1.5", "-1.5"),
            (0.1, "0.1", "0.10000000000000001"),
            (1e-5, "0.00001", "1.0000000000000001e-05"),
            (1e-6, "0.000001", "9.9999999999999995e-07"),
            (1e-7, "1e-7", "9.9999999999999995e-08"),
            (1e17, "100000000000000000", "1e+17"),
            (1e20, "1e+20", "1e+20"),
            (1e21, "1e+21", "1e+21"),
            (123456789012345678.0, "123456789012345680", "1.2345678901234568e+17"),
            (1.2345678901234568e22, "12345678901234568000000", "1.2345678901234568e+22"),
            (1.5e300, "1.5e+300", "1.5000000000000001e+300"),
            (5e-324, "5e-324", "4.9406564584124654e-324"),
            (f64::MAX, "1.7976931348623157e+308", "1.7976931348623157e+308"),
            (0.001234567890123, "0.001234567890123", "0.001234567890123"),
            (1.234567890123e-4, "1.234567890123e-4", "0.0001234567890123"),
            (f64::NEG_INFINITY, "-inf", "-inf"),
        ] {
            assert_eq!(shortest(value), expected_shortest);
            assert_eq!(full(value), expected_full);
        }
    }

    proptest! {
        #[test]
        fn both_spellings_read_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            prop_assert_eq!(parse_f64(shortest(value).as_bytes()), Some(value));
            prop_assert_eq!(parse_f64(full(value).as_bytes()), Some(value));
        }

        #[test]
        fn both_ways_of_reading_agree(
            integer in "[0-9]{0,40}", fraction in "[0-9]{0,40}", zeros in 0usize..900, exponent in -400i64..400,
        ) {
            prop_assume!(!integer.is_empty() || !fraction.is_empty());
            let zeros = "0".repeat(zeros);
            for (integer, fraction) in [
                (integer.clone(), fraction.clone()),
                (format!("{integer}{zeros}"), fraction.clone()),
                (integer.clone(), format!("{zeros}{fraction}")),
                (integer.clone(), format!("{fraction}{zeros}1")),
            ] {
                let text = format!("{integer}.{fraction}e{exponent}");
                let integers = by_integers(integer.as_bytes(), fraction.as_bytes(), exponent);
                prop_assert_eq!(integers.to_bits(), by_tables(text.as_bytes()).to_bits(), "{}", text);
            }
        }

        #[test]
        fn midpoints_are_read_alike(
            fraction_bits in 0u128..1 << 52,
            shift in 0u32..70,
            zeros in 0usize..900,
            above: bool,
        ) {
            // An odd number of 54 bits lies halfway between two doubles.
            let midpoint = ((1 << 53) | fraction_bits << 1 | 1) << shift;
            let integer = midpoint.to_string();
            let fraction = format!("{}{}", "0".repeat(zeros), u8::from(above));
            let text = format!("{integer}.{fraction}");
            let integers = by_integers(integer.as_bytes(), fraction.as_bytes(), 0);
            prop_assert_eq!(integers.to_bits(), by_tables(text.as_bytes()).to_bits(), "{}", text);
        }

        #[test]
        fn hexadecimal_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let fraction = bits & ((1 << 52) - 1);
            let (lead, exponent) = match bits >> 52 & 0x7ff {
                0 => (0, -1022),
                biased => (1, biased as i64 - 1023),
            };
            let sign = if value.is_sign_negative() { "-" } else { "" };
            let text = format!("{sign}0x{lead}.{fraction:013x}p{exponent}");
            prop_assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(bits), "{}", text);
        }

        #[test]
        fn arbitrary_texts_never_panic(text in "[-+0-9a-fA-FxXpPeE.infINF ]{0,24}") {
            parse_f64(text.as_bytes());
            parse_score_bound(text.as_bytes());
        }
    }
}
