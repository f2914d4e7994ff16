//! Rounding a wide significand into a binary floating point format, half to even.

/// The shape of a binary floating point format whose values are `significand × 2^exponent`.
pub(super) struct Format {
    /// Bits of the significand.
    pub(super) precision_bits: u32,
    /// The smallest exponent of the significand's last bit; subnormals live there.
    pub(super) min_exponent: i64,
    /// The largest exponent of a finite value's last bit.
    pub(super) max_exponent: i64,
}

/// A magnitude after rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounded {
    /// `significand × 2^exponent`, with the significand's top bit set unless the exponent is the format's smallest.
    Finite {
        /// At most the format's precision.
        significand: u64,
        /// Of the significand's last bit.
        exponent: i32,
    },
    /// The value was too large for the format.
    Infinite,
}

/// Rounds `significand × 2^exponent`, plus less than one unit of its last bit when `inexact`.
///
/// An inexact significand must be wider than the format's precision, or not need its last bits.
pub(super) fn round(format: &Format, significand: u128, inexact: bool, exponent: i64) -> Rounded {
    if significand == 0 {
        return zero(format);
    }
    let width_bits = i64::from(u128::BITS - significand.leading_zeros());
    let dropped_bits = (width_bits - i64::from(format.precision_bits)).max(format.min_exponent - exponent);
    if dropped_bits > i64::from(u128::BITS) {
        return zero(format);
    }
    let mut rounded_exponent = exponent + dropped_bits;
    let mut kept = if dropped_bits <= 0 {
        debug_assert!(!inexact || dropped_bits == 0, "no bits to spare for an inexact value");
        significand << -dropped_bits
    } else {
        let kept = significand.checked_shr(dropped_bits as u32).unwrap_or_default();
        // The part shifted out, moved to the top of the word: half of a unit is the top bit alone.
        let remainder = significand << ((i64::from(u128::BITS) - dropped_bits) as u32 % u128::BITS);
        let half = 1 << (u128::BITS - 1);
        let round_up = remainder > half || remainder == half && (inexact || kept & 1 == 1);
        kept + u128::from(round_up)
    };
    if kept >> format.precision_bits != 0 {
        kept >>= 1;
        rounded_exponent += 1;
    }
    if rounded_exponent > format.max_exponent {
        return Rounded::Infinite;
    }
    Rounded::Finite { significand: kept as u64, exponent: rounded_exponent as i32 }
}

fn zero(format: &Format) -> Rounded {
    Rounded::Finite { significand: 0, exponent: format.min_exponent as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Format = Format { precision_bits: 3, min_exponent: -4, max_exponent: 4 };

    fn finite(significand: u64, exponent: i32) -> Rounded {
        Rounded::Finite { significand, exponent }
    }

    #[test]
    fn ties_go_to_even_and_carries_move_the_exponent() {
        assert_eq!(round(&SMALL, 0b1001, false, 0), finite(0b100, 1));
        assert_eq!(round(&SMALL, 0b1001, true, 0), finite(0b101, 1));
        assert_eq!(round(&SMALL, 0b1011, false, 0), finite(0b110, 1));
        assert_eq!(round(&SMALL, 0b1111, false, 0), finite(0b100, 2));
        assert_eq!(round(&SMALL, 1, false, 0), finite(0b100, -2));
    }

    #[test]
    fn both_ends_of_the_range() {
        assert_eq!(round(&SMALL, 0b111, false, 4), finite(0b111, 4));
        assert_eq!(round(&SMALL, 0b1111, false, 3), Rounded::Infinite);
        assert_eq!(round(&SMALL, 1, false, -4), finite(1, -4));
        assert_eq!(round(&SMALL, 1, false, -5), finite(0, -4));
        assert_eq!(round(&SMALL, 1, true, -5), finite(1, -4));
        assert_eq!(round(&SMALL, u128::MAX, false, -131), finite(2, -4));
        assert_eq!(round(&SMALL, u128::MAX, false, -132), finite(1, -4));
        assert_eq!(round(&SMALL, u128::MAX, false, -133), finite(0, -4));
    }
}
