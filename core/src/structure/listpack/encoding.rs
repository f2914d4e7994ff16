//! One entry: a tag with the length or the integer, the text, and the entry's length to be read backwards.

use super::Item;

/// The tag of a text whose length takes 32 bits.
const TEXT_32: u8 = 0xF0;
/// The tags of integers in 16, 24, 32 and 64 bits.
const INTEGER_16: u8 = 0xF1;
const INTEGER_24: u8 = 0xF2;
const INTEGER_32: u8 = 0xF3;
const INTEGER_64: u8 = 0xF4;

/// The longest tag with what belongs to it: a 64-bit integer.
const MAX_HEAD_BYTES: usize = 9;

/// The longest length read backwards, in bytes of 7 bits.
const MAX_BACK_BYTES: usize = 5;

/// An entry about to be written.
pub(in crate::structure) struct Encoded<'a> {
    head: [u8; MAX_HEAD_BYTES],
    head_bytes: usize,
    text: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// Chooses the shortest form.
    #[inline]
    pub(in crate::structure) fn new(item: Item<'a>) -> Self {
        match item {
            Item::Integer(value) => Self::integer(value),
            Item::Text(text) => Self::text(text),
        }
    }

    fn integer(value: i64) -> Self {
        let bytes = value.to_le_bytes();
        match value {
            0..=127 => Self::headed(&[bytes[0]], &[]),
            -4096..=4095 => Self::headed(&[0xC0 | (bytes[1] & 0x1F), bytes[0]], &[]),
            -0x8000..=0x7FFF => Self::tagged(INTEGER_16, &bytes[..2], &[]),
            -0x80_0000..=0x7F_FFFF => Self::tagged(INTEGER_24, &bytes[..3], &[]),
            -0x8000_0000..=0x7FFF_FFFF => Self::tagged(INTEGER_32, &bytes[..4], &[]),
            _ => Self::tagged(INTEGER_64, &bytes, &[]),
        }
    }

    fn text(text: &'a [u8]) -> Self {
        let length = (text.len() as u32).to_le_bytes();
        match text.len() {
            0..=63 => Self::headed(&[0x80 | length[0]], text),
            64..=4095 => Self::headed(&[0xE0 | length[1], length[0]], text),
            _ => Self::tagged(TEXT_32, &length, text),
        }
    }

    fn tagged(tag: u8, operand: &[u8], text: &'a [u8]) -> Self {
        let mut head = [tag; MAX_HEAD_BYTES];
        head[1..=operand.len()].copy_from_slice(operand);
        Encoded { head, head_bytes: 1 + operand.len(), text }
    }

    fn headed(bytes: &[u8], text: &'a [u8]) -> Self {
        let mut head = [0; MAX_HEAD_BYTES];
        head[..bytes.len()].copy_from_slice(bytes);
        Encoded { head, head_bytes: bytes.len(), text }
    }

    /// The bytes of the whole entry.
    #[inline]
    pub(in crate::structure) fn size(&self) -> usize {
        let body_bytes = self.head_bytes + self.text.len();
        body_bytes + back_bytes(body_bytes)
    }

    /// Writes the entry at the start of `out`, which is long enough.
    #[inline]
    pub(super) fn write(&self, out: &mut [u8]) {
        let body_bytes = self.head_bytes + self.text.len();
        out[..self.head_bytes].copy_from_slice(&self.head[..self.head_bytes]);
        out[self.head_bytes..body_bytes].copy_from_slice(self.text);
        let back = &mut out[body_bytes..body_bytes + back_bytes(body_bytes)];
        let mut rest = body_bytes;
        for byte in back.iter_mut().rev() {
            *byte = (rest & 0x7F) as u8 | 0x80;
            rest >>= 7;
        }
        // The reader, coming from behind, stops at the byte without the mark.
        back[0] &= 0x7F;
    }
}

/// The bytes of the length that ends an entry. The odd bounds are Redis's, and the format's.
pub(super) fn back_bytes(body_bytes: usize) -> usize {
    match body_bytes {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => MAX_BACK_BYTES,
    }
}

/// The first item of `entries` and the size of its entry; nothing when there is none or it does not fit.
#[inline]
pub(super) fn decode(entries: &[u8]) -> Option<(Item<'_>, usize)> {
    let tag = *entries.first()?;
    let (item, body_bytes) = match tag {
        0x00..=0x7F => (Item::Integer(i64::from(tag)), 1),
        0x80..=0xBF => text(entries, 1, usize::from(tag & 0x3F))?,
        0xC0..=0xDF => {
            let bits = u16::from(tag & 0x1F) << 8 | u16::from(*entries.get(1)?);
            // Shifting up and back down spreads the sign over the three bits above it.
            (Item::Integer(i64::from((bits << 3) as i16 >> 3)), 2)
        }
        0xE0..=0xEF => text(entries, 2, usize::from(tag & 0x0F) << 8 | usize::from(*entries.get(1)?))?,
        TEXT_32 => text(entries, 5, u32::from_le_bytes(operand(entries)?) as usize)?,
        INTEGER_16 => (Item::Integer(i64::from(i16::from_le_bytes(operand(entries)?))), 3),
        INTEGER_24 => {
            let [low, middle, high] = operand(entries)?;
            (Item::Integer(i64::from(i32::from_le_bytes([0, low, middle, high]) >> 8)), 4)
        }
        INTEGER_32 => (Item::Integer(i64::from(i32::from_le_bytes(operand(entries)?))), 5),
        INTEGER_64 => (Item::Integer(i64::from_le_bytes(operand(entries)?)), 9),
        _ => return None,
    };
    let size = body_bytes + back_bytes(body_bytes);
    (size <= entries.len()).then_some((item, size))
}

/// A text of `length` bytes behind a head of `head_bytes`, and where it ends.
#[inline]
fn text(entries: &[u8], head_bytes: usize, length: usize) -> Option<(Item<'_>, usize)> {
    let end = head_bytes.checked_add(length)?;
    Some((Item::Text(entries.get(head_bytes..end)?), end))
}

/// The `N` bytes after the tag.
#[inline]
fn operand<const N: usize>(entries: &[u8]) -> Option<[u8; N]> {
    entries.get(1..)?.first_chunk().copied()
}

/// The size of the entry that ends where `entries` ends; nothing when there is none or its length is impossible.
#[inline]
pub(super) fn last_entry_size(entries: &[u8]) -> Option<usize> {
    let mut body_bytes = 0usize;
    for (position, byte) in entries.iter().rev().take(MAX_BACK_BYTES).enumerate() {
        body_bytes |= usize::from(byte & 0x7F).checked_shl(7 * position as u32)?;
        if byte & 0x80 == 0 {
            let size = body_bytes.checked_add(position + 1)?;
            return (size <= entries.len()).then_some(size);
        }
    }
    None
}
