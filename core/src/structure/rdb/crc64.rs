//! The 64-bit checksum of RDB files and DUMP payloads: Jones's polynomial, reflected, initial value 0, no final xor.

/// The polynomial 0xad93d23594c935a9 with its bits reversed.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;
/// Bytes taken at a time. Eight lookups that do not wait for each other are several times faster than one by one.
#[cfg(feature = "checksum-tables")]
const SLICES: usize = 8;

#[cfg(feature = "checksum-tables")]
static TABLES: [[u64; 256]; SLICES] = tables();

/// The effect of four bits that leave the checksum: all that is needed where size counts more than speed.
#[cfg(any(test, not(feature = "checksum-tables")))]
static NIBBLES: [u64; 16] = nibbles();

/// The checksum of everything before, which is 0 at the start, continued over `bytes`.
#[cfg(not(feature = "checksum-tables"))]
pub fn update(checksum: u64, bytes: &[u8]) -> u64 {
    by_nibbles(checksum, bytes)
}

/// The checksum of everything before, which is 0 at the start, continued over `bytes`.
#[cfg(feature = "checksum-tables")]
pub fn update(checksum: u64, bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<SLICES>();
    let checksum = blocks.iter().fold(checksum, |checksum, block| {
        let mixed = (checksum ^ u64::from_le_bytes(*block)).to_le_bytes();
        let slices = mixed.iter().zip(TABLES.iter().rev());
        slices.fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)])
    });
    rest.iter().fold(checksum, |checksum, byte| TABLES[0][usize::from(checksum as u8 ^ byte)] ^ (checksum >> 8))
}

#[cfg(any(test, not(feature = "checksum-tables")))]
fn by_nibbles(checksum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(checksum, |checksum, byte| {
        let half = |checksum: u64| NIBBLES[(checksum & 15) as usize] ^ (checksum >> 4);
        half(half(checksum ^ u64::from(*byte)))
    })
}

/// The effect of the lowest `bits` bits of a checksum that is `value` and moves on by as many.
const fn shifted_out(mut value: u64, bits: u32) -> u64 {
    let mut bit = 0;
    while bit < bits {
        value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
        bit += 1;
    }
    value
}

#[cfg(any(test, not(feature = "checksum-tables")))]
const fn nibbles() -> [u64; 16] {
    let mut table = [0; 16];
    let mut nibble = 0;
    while nibble < table.len() {
        table[nibble] = shifted_out(nibble as u64, 4);
        nibble += 1;
    }
    table
}

/// Table `n` holds the effect of a byte that is followed by `n` more.
#[cfg(feature = "checksum-tables")]
const fn tables() -> [[u64; 256]; SLICES] {
    let mut tables = [[0; 256]; SLICES];
    let mut byte = 0;
    while byte < 256 {
        tables[0][byte] = shifted_out(byte as u64, 8);
        byte += 1;
    }
    let mut slice = 1;
    while slice < SLICES {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[slice - 1][byte];
            tables[slice][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        slice += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit_by_bit(checksum: u64, bytes: &[u8]) -> u64 {
        bytes.iter().fold(checksum, |checksum, byte| {
            (0..8).fold(checksum ^ u64::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ POLYNOMIAL } else { c >> 1 })
        })
    }

    #[test]
    fn the_check_value_is_that_of_redis() {
        assert_eq!(update(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(update(0, b""), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn slices_equal_bits_wherever_the_input_is_cut(bytes: Vec<u8>, cut: usize) {
            let (head, tail) = bytes.split_at(cut % (bytes.len() + 1));
            prop_assert_eq!(update(update(0, head), tail), bit_by_bit(0, &bytes));
            prop_assert_eq!(by_nibbles(by_nibbles(0, head), tail), bit_by_bit(0, &bytes));
        }
    }
}
