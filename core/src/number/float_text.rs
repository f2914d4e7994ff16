//! The grammar of C's `strtod` family, whole text only: decimal, hexadecimal and infinity, without NaN.

/// Exponents written in a text stop counting here; no text is long enough to bring such a value back into range.
const EXPONENT_LIMIT: i64 = 1 << 48;
/// Hexadecimal digits kept in a significand: 4 bits each, with a leading digit that is not zero.
const HEX_DIGITS_KEPT: u32 = 31;

/// A number's text, taken apart.
pub(super) struct FloatText<'a> {
    pub(super) negative: bool,
    pub(super) body: Body<'a>,
}

/// What follows the sign.
pub(super) enum Body<'a> {
    /// `integer.fraction × 10^exponent`; both parts are ASCII digits, one of them may be empty.
    Decimal {
        integer: &'a [u8],
        fraction: &'a [u8],
        exponent: i64,
    },
    /// `significand × 2^exponent`, plus less than one unit when `inexact`.
    Binary {
        significand: u128,
        inexact: bool,
        exponent: i64,
    },
    Infinity,
}

/// Takes a whole text apart; NaN counts as no number.
pub(super) fn scan(text: &[u8]) -> Option<FloatText<'_>> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let body = match unsigned {
        [b'0', b'x' | b'X', digits @ ..] => scan_hexadecimal(digits)?,
        [b'i' | b'I', ..] => scan_infinity(unsigned)?,
        _ => scan_decimal(unsigned)?,
    };
    Some(FloatText { negative, body })
}

/// Drops what C's `isspace` calls space at the front.
pub(super) fn skip_spaces(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte));
    &text[start.unwrap_or(text.len())..]
}

fn scan_infinity(text: &[u8]) -> Option<Body<'_>> {
    let known = text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity");
    known.then_some(Body::Infinity)
}

fn scan_decimal(text: &[u8]) -> Option<Body<'_>> {
    let (integer, fraction, rest) = split_digits(text, u8::is_ascii_digit)?;
    Some(Body::Decimal { integer, fraction, exponent: scan_exponent(rest, b'e')? })
}

fn scan_hexadecimal(text: &[u8]) -> Option<Body<'_>> {
    let (integer, fraction, rest) = split_digits(text, u8::is_ascii_hexdigit)?;
    let mut exponent = scan_exponent(rest, b'p')? - 4 * fraction.len() as i64;
    let (mut significand, mut inexact) = (0u128, false);
    for byte in integer.iter().chain(fraction) {
        let digit = char::from(*byte).to_digit(16)?;
        if significand >> (4 * HEX_DIGITS_KEPT) == 0 {
            significand = significand << 4 | u128::from(digit);
        } else {
            inexact |= digit != 0;
            exponent += 4;
        }
    }
    Some(Body::Binary { significand, inexact, exponent })
}

/// Splits `12.5rest` into `12`, `5` and `rest`; there must be a digit on one side of the point.
fn split_digits(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8], &[u8])> {
    let run = |text: &[u8]| text.iter().position(|byte| !is_digit(byte)).unwrap_or(text.len());
    let (integer, rest) = text.split_at(run(text));
    let (fraction, rest) = match rest {
        [b'.', after @ ..] => after.split_at(run(after)),
        _ => (&rest[..0], rest),
    };
    (!integer.is_empty() || !fraction.is_empty()).then_some((integer, fraction, rest))
}

/// An exponent with its marker, or nothing at all.
fn scan_exponent(text: &[u8], marker: u8) -> Option<i64> {
    let [first, rest @ ..] = text else {
        return Some(0);
    };
    if first.to_ascii_lowercase() != marker {
        return None;
    }
    let (sign, digits) = match rest {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] | digits => (1, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().try_fold(0i64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        Some((value * 10 + digit).min(EXPONENT_LIMIT))
    })?;
    Some(sign * magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_only() {
        for text in ["1", "-1.", ".5", "+1e5", "1E-05", "1.5e+9", "0x1", "0X.8P3", "-0xap-1", "inf", "-InFinity", "007"]
        {
            assert!(scan(text.as_bytes()).is_some(), "{text:?}");
        }
        for text in [
            "", "-", ".", "e5", "1e", "1e+", "1e5.", " 1", "1 ", "--1", "+-1", "0x", "0x.", "0x1p", "0x1g", "in",
            "infi", "nan", "-nan", "nan(1)", "1\0", "1,5", "x1", "1p5",
        ] {
            assert!(scan(text.as_bytes()).is_none(), "{text:?}");
        }
    }

    #[test]
    fn long_hexadecimal_keeps_its_value() {
        let text = format!("0x1{}1p-4", "0".repeat(60));
        let Some(FloatText { body: Body::Binary { significand, inexact, exponent }, .. }) = scan(text.as_bytes())
        else {
            panic!("{text} is a number");
        };
        assert!(inexact && significand.is_power_of_two());
        assert_eq!(i64::from(significand.ilog2()) + exponent, 61 * 4 - 4);
    }

    #[test]
    fn endless_exponents_saturate() {
        let text = format!("1e-{}", "9".repeat(100));
        let Some(FloatText { body: Body::Decimal { exponent, .. }, .. }) = scan(text.as_bytes()) else {
            panic!("{text} is a number");
        };
        assert_eq!(exponent, -EXPONENT_LIMIT);
    }
}
