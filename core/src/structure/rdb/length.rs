//! Lengths and strings of the RDB format, and the bounded [`Reader`] of everything made of them.

use std::borrow::Cow;

use super::{Corrupt, lzf};
use crate::number::{parse_i64, write_i64};

/// First byte of a 32-bit length.
const LENGTH_32: u8 = 0x80;
/// First byte of a 64-bit length.
const LENGTH_64: u8 = 0x81;
/// First byte of a string that is the decimal text of an `i8`.
const INT_8: u8 = 0xc0;
/// First byte of a string that is the decimal text of an `i16`.
const INT_16: u8 = 0xc1;
/// First byte of a string that is the decimal text of an `i32`.
const INT_32: u8 = 0xc2;
/// First byte of a string compressed with LZF.
const COMPRESSED: u8 = 0xc3;
/// The longest text of an `i32`, in bytes.
const INT_TEXT_MAX: usize = 11;
/// Strings up to this many bytes are not worth compressing.
const PLAIN_BYTES_MAX: usize = 20;
/// Bytes a compressed string may unpack to unless the caller says otherwise: 512 MiB, Redis's limit of a string.
pub const UNPACKED_BYTES_MAX: usize = 512 << 20;

/// Appends a length in its shortest form.
pub fn write_length(out: &mut Vec<u8>, length: u64) {
    if length < 1 << 6 {
        out.push(length as u8);
    } else if length < 1 << 14 {
        out.extend_from_slice(&(0x4000 | length as u16).to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        out.push(LENGTH_32);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(LENGTH_64);
        out.extend_from_slice(&length.to_be_bytes());
    }
}

/// Appends a string: as an integer when it is the text of an `i32`, compressed when that saves space, plain otherwise.
pub fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    write_string_as(out, text, Compression::On);
}

/// Whether long strings are compressed: `rdbcompression`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// They are when that saves space.
    On,
    /// Never.
    Off,
}

/// Appends a string as [`write_string`] does, compressed only if that is on.
pub fn write_string_as(out: &mut Vec<u8>, text: &[u8], compression: Compression) {
    if text.len() <= INT_TEXT_MAX && write_integer(out, text) {
        return;
    }
    if compression == Compression::On
        && text.len() > PLAIN_BYTES_MAX
        && let Some(packed) = lzf::compress(text)
    {
        out.push(COMPRESSED);
        write_length(out, packed.len() as u64);
        write_length(out, text.len() as u64);
        out.extend_from_slice(&packed);
        return;
    }
    write_plain_string(out, text);
}

/// Appends a string as its length and its bytes.
pub fn write_plain_string(out: &mut Vec<u8>, text: &[u8]) {
    write_length(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Checks that `bytes` are exactly one string.
pub fn validate_string(bytes: &[u8]) -> Result<(), Corrupt> {
    let mut reader = Reader::new(bytes);
    reader.read_string()?;
    if reader.remaining() == 0 { Ok(()) } else { Err(Corrupt) }
}

fn write_integer(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let Some(value) = parse_i64(text).and_then(|value| i32::try_from(value).ok()) else {
        return false;
    };
    if let Ok(value) = i8::try_from(value) {
        out.extend_from_slice(&[INT_8, value as u8]);
    } else if let Ok(value) = i16::try_from(value) {
        out.push(INT_16);
        out.extend_from_slice(&value.to_le_bytes());
    } else {
        out.push(INT_32);
        out.extend_from_slice(&value.to_le_bytes());
    }
    true
}

/// Reads values one after the other from a byte slice. After an error the place in the slice is unspecified.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    unpacked_bytes_max: usize,
}

impl<'a> Reader<'a> {
    /// A reader of all of `bytes`; compressed strings may unpack to [`UNPACKED_BYTES_MAX`].
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, unpacked_bytes_max: UNPACKED_BYTES_MAX }
    }

    /// The same reader with another limit of what a compressed string may unpack to, in bytes.
    pub const fn with_unpacked_bytes_max(self, unpacked_bytes_max: usize) -> Self {
        Self { rest: self.rest, unpacked_bytes_max }
    }

    /// A length. The forms that only a string can have are refused.
    pub fn read_length(&mut self) -> Result<u64, Corrupt> {
        let first = self.read_u8()?;
        self.length_after(first)
    }

    /// A string. It borrows when it is stored plainly.
    pub fn read_string(&mut self) -> Result<Cow<'a, [u8]>, Corrupt> {
        match self.read_u8()? {
            INT_8 => Ok(decimal(i64::from(i8::from_le_bytes(self.read_array()?)))),
            INT_16 => Ok(decimal(i64::from(i16::from_le_bytes(self.read_array()?)))),
            INT_32 => Ok(decimal(i64::from(i32::from_le_bytes(self.read_array()?)))),
            COMPRESSED => self.read_compressed().map(Cow::Owned),
            first => {
                let length = self.length_after(first)?;
                self.read_bytes(length).map(Cow::Borrowed)
            }
        }
    }

    /// The next `length` bytes.
    pub fn read_bytes(&mut self, length: u64) -> Result<&'a [u8], Corrupt> {
        let length = usize::try_from(length).map_err(|_| Corrupt)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Corrupt)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// One byte.
    pub fn read_u8(&mut self) -> Result<u8, Corrupt> {
        self.read_array().map(|[byte]| byte)
    }

    /// Four bytes, little-endian.
    pub fn read_u32(&mut self) -> Result<u32, Corrupt> {
        self.read_array().map(u32::from_le_bytes)
    }

    /// Eight bytes, little-endian.
    pub fn read_u64(&mut self) -> Result<u64, Corrupt> {
        self.read_array().map(u64::from_le_bytes)
    }

    /// A double, little-endian. It may be NaN, which a score must not be.
    pub fn read_f64(&mut self) -> Result<f64, Corrupt> {
        self.read_array().map(f64::from_le_bytes)
    }

    /// Number of bytes not read yet.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn length_after(&mut self, first: u8) -> Result<u64, Corrupt> {
        match first {
            0x00..=0x3f => Ok(u64::from(first)),
            0x40..=0x7f => Ok(u64::from(u16::from_be_bytes([first & 0x3f, self.read_u8()?]))),
            LENGTH_32 => self.read_array().map(|bytes| u64::from(u32::from_be_bytes(bytes))),
            LENGTH_64 => self.read_array().map(u64::from_be_bytes),
            _ => Err(Corrupt),
        }
    }

    fn read_compressed(&mut self) -> Result<Vec<u8>, Corrupt> {
        let packed_length = self.read_length()?;
        let length = usize::try_from(self.read_length()?).map_err(|_| Corrupt)?;
        let packed = self.read_bytes(packed_length)?;
        if length > self.unpacked_bytes_max {
            return Err(Corrupt);
        }
        lzf::decompress(packed, length)
    }

    fn read_array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or(Corrupt)?;
        self.rest = rest;
        Ok(*array)
    }
}

fn decimal<'a>(value: i64) -> Cow<'a, [u8]> {
    let mut text = Vec::with_capacity(INT_TEXT_MAX);
    write_i64(&mut text, value);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn length(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_length(&mut out, value);
        out
    }

    fn string(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_string(&mut out, text);
        out
    }

    #[test]
    fn lengths_take_their_shortest_form() {
        for (value, expected) in [
            (0, &b"\x00"[..]),
            (63, b"\x3f"),
            (64, b"\x40\x40"),
            (16383, b"\x7f\xff"),
            (16384, b"\x80\x00\x00\x40\x00"),
            (u64::from(u32::MAX), b"\x80\xff\xff\xff\xff"),
            (1 << 32, b"\x81\x00\x00\x00\x01\x00\x00\x00\x00"),
        ] {
            assert_eq!(length(value), expected);
            assert_eq!(Reader::new(expected).read_length(), Ok(value));
            assert_eq!(Reader::new(&expected[..expected.len() - 1]).read_length(), Err(Corrupt));
        }
    }

    #[test]
    fn strings_take_the_form_redis_gives_them() {
        for (text, expected) in [
            (&b""[..], &b"\x00"[..]),
            (b"127", b"\xc0\x7f"),
            (b"-128", b"\xc0\x80"),
            (b"128", b"\xc1\x80\x00"),
            (b"-32769", b"\xc2\xff\x7f\xff\xff"),
            (b"2147483647", b"\xc2\xff\xff\xff\x7f"),
            (b"2147483648", b"\x0a2147483648"),
            (b"007", b"\x03007"),
            (b"-0", b"\x02-0"),
            (&[b'a'; 40], b"\xc3\x05\x28\x00\x61\xe0\x1e\x00"),
            (&[b'a'; 20], b"\x14aaaaaaaaaaaaaaaaaaaa"),
        ] {
            assert_eq!(string(text), expected);
            assert_eq!(Reader::new(expected).read_string().as_deref(), Ok(text));
            assert_eq!(validate_string(expected), Ok(()));
            assert_eq!(validate_string(&expected[..expected.len() - 1]), Err(Corrupt));
        }
        assert_eq!(validate_string(b"\x00\x00"), Err(Corrupt));
    }

    #[test]
    fn declared_sizes_are_not_believed() {
        for bytes in [&b"\x81\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"\x80\x7f\xff\xff\xffab", b"\x82", b"\xc4"] {
            assert_eq!(Reader::new(bytes).read_string(), Err(Corrupt));
        }
        assert_eq!(Reader::new(b"\xc3\x05\x80\x7f\xff\xff\xff\x00\x61\xe0\x1e\x00").read_string(), Err(Corrupt));
        assert_eq!(Reader::new(b"\xc0\x01").read_length(), Err(Corrupt));
        let packed = string(&[b'a'; 40]);
        assert_eq!(Reader::new(&packed).with_unpacked_bytes_max(39).read_string(), Err(Corrupt));
        assert!(Reader::new(&packed).with_unpacked_bytes_max(40).read_string().is_ok());
    }

    #[test]
    fn numbers_are_little_endian() {
        let mut reader = Reader::new(b"\x01\x02\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f");
        assert_eq!((reader.read_u8(), reader.read_u32(), reader.read_u64()), (Ok(1), Ok(2), Ok(3)));
        assert_eq!((reader.read_f64(), reader.remaining(), reader.read_u8()), (Ok(1.0), 0, Err(Corrupt)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn lengths_and_texts_round_trip(value: u64, text in "[ab0-9]{0,60}", number: i64) {
            let mut out = length(value);
            write_string(&mut out, text.as_bytes());
            write_string(&mut out, number.to_string().as_bytes());
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.read_length(), Ok(value));
            prop_assert_eq!(reader.read_string(), Ok(Cow::Borrowed(text.as_bytes())));
            prop_assert_eq!(reader.read_string(), Ok(Cow::Owned(number.to_string().into_bytes())));
            prop_assert_eq!(reader.remaining(), 0);
        }

        #[test]
        fn any_bytes_read_or_fail(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.read_string().is_ok() {}
            let _ = validate_string(&bytes);
        }
    }
}
