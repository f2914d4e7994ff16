//! The dense registers: six bits each, packed from the low bits up.

use super::{REGISTERS, Registers};

/// The bits of one register.
pub(super) const REGISTER_BITS: usize = 6;

/// The largest value of a register.
const MAX_VALUE: u8 = (1 << REGISTER_BITS) - 1;

/// Four registers share three bytes.
const GROUP_BYTES: usize = 3;

/// Every register in order.
pub(super) fn values(packed: &[u8]) -> impl Iterator<Item = u8> {
    packed.as_chunks::<GROUP_BYTES>().0.iter().flat_map(|[a, b, c]| {
        let group = u32::from_le_bytes([*a, *b, *c, 0]);
        [0, 1, 2, 3].map(|place| (group >> (place * REGISTER_BITS)) as u8 & MAX_VALUE)
    })
}

/// Raises one register; true when it grew.
pub(super) fn raise(packed: &mut [u8], index: usize, value: u8) -> bool {
    assert!(index < REGISTERS, "an index has 14 bits");
    let (group, place) = (index / 4 * GROUP_BYTES, index % 4);
    let Some(bytes) = packed.get_mut(group..).and_then(|rest| rest.first_chunk_mut::<GROUP_BYTES>()) else {
        return false;
    };
    let shift = place * REGISTER_BITS;
    let old = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    if (old >> shift) as u8 & MAX_VALUE >= value {
        return false;
    }
    let new = old & !(u32::from(MAX_VALUE) << shift) | u32::from(value) << shift;
    bytes.copy_from_slice(&new.to_le_bytes()[..GROUP_BYTES]);
    true
}

/// Appends all registers in packed form.
pub(super) fn append_packed(out: &mut Vec<u8>, registers: &Registers) {
    for group in registers.as_chunks::<4>().0 {
        let packed = group.iter().rev().fold(0, |packed, value| packed << REGISTER_BITS | u32::from(*value));
        out.extend_from_slice(&packed.to_le_bytes()[..GROUP_BYTES]);
    }
}
