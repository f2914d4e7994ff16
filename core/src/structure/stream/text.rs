//! Names and values of fields, packed: a header of variable length, then the bytes unless the header says it all.
//!
//! An even header is twice the length of the bytes that follow. An odd one holds an integer, sign in its second bit.

use crate::number::{parse_i64, write_i64};

/// Integers beyond this stay text: their header would not fit 64 bits.
const INTEGER_MAX: i64 = 1 << 61;

/// The bits of a number in each byte of its packed form; the top bit says that more follow.
const PACKED_BITS: u32 = 7;
const MORE: u8 = 1 << PACKED_BITS;

/// A field's name or value: canonical integers are kept as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// An integer; its text is its canonical decimal form.
    Integer(i64),
    /// Any other bytes.
    Bytes(&'a [u8]),
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(text: &'a [u8]) -> Self {
        match parse_i64(text).filter(|value| (-INTEGER_MAX..INTEGER_MAX).contains(value)) {
            Some(value) => Text::Integer(value),
            None => Text::Bytes(text),
        }
    }
}

impl<'a> Text<'a> {
    /// Appends the text.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Text::Integer(value) => write_i64(out, value),
            Text::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// The text in a buffer of its own.
    pub fn to_vec(self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write(&mut text);
        text
    }

    /// Packs a text.
    pub(super) fn pack(self, out: &mut Vec<u8>) {
        match self {
            Text::Integer(value) => pack_number(out, ((value << 1 ^ value >> 63) as u64) << 1 | 1),
            Text::Bytes(bytes) => {
                pack_number(out, (bytes.len() as u64) << 1);
                out.extend_from_slice(bytes);
            }
        }
    }

    /// Takes a packed text off the front.
    pub(super) fn unpack(packed: &mut &'a [u8]) -> Option<Text<'a>> {
        let header = unpack_number(packed)?;
        let number = header >> 1;
        if header & 1 == 1 {
            return Some(Text::Integer((number >> 1) as i64 ^ -((number & 1) as i64)));
        }
        let (bytes, rest) = packed.split_at_checked(usize::try_from(number).ok()?)?;
        *packed = rest;
        Some(Text::Bytes(bytes))
    }
}

/// Appends a number, seven bits a byte, the low ones first.
pub(super) fn pack_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= u64::from(MORE) {
        out.push(number as u8 | MORE);
        number >>= PACKED_BITS;
    }
    out.push(number as u8);
}

/// Passes over packed texts.
pub(super) fn skip_texts(packed: &mut &[u8], count: usize) -> Option<()> {
    let mut rest = *packed;
    for _ in 0..count {
        let header = unpack_number(&mut rest)?;
        if header & 1 == 0 {
            rest = rest.get(usize::try_from(header >> 1).ok()?..)?;
        }
    }
    *packed = rest;
    Some(())
}

/// Takes a number off the front.
#[inline]
pub(super) fn unpack_number(packed: &mut &[u8]) -> Option<u64> {
    match packed.split_first() {
        Some((byte, rest)) if byte & MORE == 0 => {
            *packed = rest;
            Some(u64::from(*byte))
        }
        _ => unpack_long(packed),
    }
}

fn unpack_long(packed: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(PACKED_BITS as usize) {
        let (byte, rest) = packed.split_first()?;
        *packed = rest;
        number |= u64::from(byte & !MORE) << shift;
        if byte & MORE == 0 {
            return Some(number);
        }
    }
    None
}
