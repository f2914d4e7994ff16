//! Numbers as clients write and read them: Redis's strict integers, C's floating point texts, and its spellings of doubles.

mod double;
pub mod extended;
mod fixed;
mod float_text;
mod natural;
mod rounding;

pub use double::{parse_f64, parse_score_bound, write_f64, write_f64_17g};
pub use extended::Extended;
pub use fixed::write_fixed;

/// The longest text of a `u64`, in digits; longer texts need not be looked at.
const U64_DIGITS: usize = 20;

/// Parses a signed integer in its one canonical spelling: no `+`, spaces, leading zeros or `-0`.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => parse_u64(digits)
            .filter(|magnitude| *magnitude != 0)
            .and_then(|magnitude| 0i64.checked_sub_unsigned(magnitude)),
        None => parse_u64(text).and_then(|magnitude| i64::try_from(magnitude).ok()),
    }
}

/// Parses an unsigned integer in its one canonical spelling: no sign, spaces or leading zeros.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        b"0" => Some(0),
        [b'1'..=b'9', ..] if text.len() <= U64_DIGITS => checked_digits(text),
        _ => None,
    }
}

/// Parses an unsigned integer as leniently as Redis reads the halves of a stream ID.
///
/// Canonical texts behave as in [`parse_i64`], so `-5` is refused. Everything else follows C's `strtoull`: leading
/// spaces, a sign and leading zeros pass, and a minus sign wraps, so `-05` is 2⁶⁴ − 5.
pub fn parse_u64_lenient(text: &[u8]) -> Option<u64> {
    if let Some(value) = parse_i64(text) {
        return u64::try_from(value).ok();
    }
    let (negative, digits) = match float_text::skip_spaces(text) {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let magnitude = checked_digits(digits)?;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// A number that counts things in memory: none if it is negative, and the most there can be if it is larger than that,
/// so that 32-bit platforms answer as others do.
pub fn to_count(number: i64) -> Option<usize> {
    u64::try_from(number).ok().map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// Appends the decimal text of `value`.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The value of one or more decimal digits and nothing else.
#[cfg_attr(hot_paths, optimize(speed))]
fn checked_digits(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_integers_pass() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("99999999999999999999", None),
            ("100000000000000000000", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("00", None),
            ("01", None),
            ("+1", None),
            (" 1", None),
            ("1 ", None),
            ("1a", None),
            ("--1", None),
        ] {
            assert_eq!(parse_i64(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn stream_numbers_are_lenient() {
        for (text, expected) in [
            ("007", Some(7)),
            (" \t5", Some(5)),
            ("+5", Some(5)),
            ("-5", None),
            ("-05", Some(u64::MAX - 4)),
            ("18446744073709551615", Some(u64::MAX)),
            ("018446744073709551616", None),
            ("", None),
            ("+", None),
            ("+-5", None),
            ("5 ", None),
        ] {
            assert_eq!(parse_u64_lenient(text.as_bytes()), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn integers_round_trip(value: i64) {
            let mut text = Vec::new();
            write_i64(&mut text, value);
            prop_assert_eq!(text.clone(), value.to_string().into_bytes());
            prop_assert_eq!(parse_i64(&text), Some(value));
            prop_assert_eq!(parse_u64(&text), u64::try_from(value).ok());
        }

        #[test]
        fn any_text_that_parses_is_its_own_spelling(text in "[-+ 0-9]{0,21}") {
            if let Some(value) = parse_i64(text.as_bytes()) {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
