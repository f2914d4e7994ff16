//! Numbers with a fixed count of decimals, as C's `%.4f` writes them. In integers: core's own formatting of floats is
//! large, and a WASM module should not carry it for the few places that need it.

use super::natural::Natural;

/// Bits of a double's fraction.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
/// The exponent of the least double, and of the last bit of those next to it.
const MIN_EXPONENT: i32 = f64::MIN_EXP - f64::MANTISSA_DIGITS as i32;

/// Appends a double with `DECIMALS` decimals (17 at most), correctly rounded, ties to even.
pub fn write_fixed<const DECIMALS: u32>(out: &mut Vec<u8>, value: f64) {
    write(out, value, DECIMALS, const { 10u64.pow(DECIMALS) });
}

fn write(out: &mut Vec<u8>, value: f64, decimals: u32, scale: u64) {
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if !value.is_finite() {
        out.extend_from_slice(if value.is_nan() { b"nan" } else { b"inf" });
        return;
    }
    let bits = value.abs().to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let (significand, exponent) = match (bits >> FRACTION_BITS) as i32 {
        0 => (fraction, MIN_EXPONENT),
        biased => (fraction | 1 << FRACTION_BITS, MIN_EXPONENT + biased - 1),
    };
    if exponent >= 0 {
        let mut integer = Natural::from_decimal(itoa::Buffer::new().format(significand).as_bytes());
        integer.shift_left(exponent as usize);
        integer.write_decimal(out);
        out.push(b'.');
        out.resize(out.len() + decimals as usize, b'0');
    } else {
        write_units(out, scaled(significand, exponent.unsigned_abs(), scale), decimals, scale);
    }
}

/// `significand × 2^-fraction_bits × scale` as an integer, rounded half to even. The scale is at most 10^17.
pub(super) fn scaled(significand: u64, fraction_bits: u32, scale: u64) -> u128 {
    let product = u128::from(significand) * u128::from(scale);
    let Some(units) = product.checked_shr(fraction_bits) else {
        // The product has less than 127 bits: this is below half a unit.
        return 0;
    };
    let remainder = product - (units << fraction_bits);
    let half = 1u128 << (fraction_bits - 1);
    units + u128::from(remainder > half || remainder == half && units & 1 == 1)
}

/// Writes a number of units, of which `scale` (10 to the power of `decimals`) are one, with all its decimals.
pub(super) fn write_units(out: &mut Vec<u8>, units: u128, decimals: u32, scale: u64) {
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(units / u128::from(scale)).as_bytes());
    out.push(b'.');
    let digits = buffer.format((units % u128::from(scale)) as u64).as_bytes();
    out.resize(out.len() + decimals as usize - digits.len(), b'0');
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests {
    use super::write_fixed;
    use proptest::prelude::*;

    fn text<const DECIMALS: u32>(value: f64) -> String {
        let mut out = Vec::new();
        write_fixed::<DECIMALS>(&mut out, value);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn ties_go_to_even_and_signs_stay() {
        assert_eq!(text::<1>(0.25), "0.2");
        assert_eq!(text::<1>(0.75), "0.8");
        assert_eq!(text::<2>(-0.0), "-0.00");
        assert_eq!(text::<4>(-0.00001), "-0.0000");
        assert_eq!(text::<6>(f64::INFINITY), "inf");
        assert_eq!(text::<6>(f64::NEG_INFINITY), "-inf");
        assert_eq!(text::<2>(9_007_199_254_740_992.0), "9007199254740992.00");
        assert_eq!(text::<2>(4_503_599_627_370_495.5), "4503599627370495.50");
        assert_eq!(text::<17>(f64::MIN_POSITIVE), "0.00000000000000000");
        assert_eq!(text::<17>(5e-18), "0.00000000000000001");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn any_double_is_written_as_core_writes_it(value: f64) {
            prop_assume!(!value.is_nan());
            prop_assert_eq!(text::<4>(value), format!("{value:.4}"));
            prop_assert_eq!(text::<17>(value), format!("{value:.17}"));
        }

        #[test]
        fn so_are_degrees_and_distances(value in -25_000_000.0..25_000_000.0) {
            prop_assert_eq!(text::<4>(value), format!("{value:.4}"));
            prop_assert_eq!(text::<17>(value / 1e5), format!("{:.17}", value / 1e5));
        }
    }
}
