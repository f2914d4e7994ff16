//! The primitives of Redis's RDB format: lengths, strings, the checksum and the footer of a DUMP payload.
//!
//! Everything works on byte slices. What a payload declares is never believed: memory grows with bytes decoded.

pub mod crc64;
pub mod length;
pub mod lzf;
pub mod ziplist;

use std::fmt;

use super::listpack;

/// Bytes that do not decode: damaged, truncated or never written by a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

impl fmt::Display for Corrupt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the bytes do not decode")
    }
}

impl std::error::Error for Corrupt {}

impl From<listpack::Corrupt> for Corrupt {
    fn from(_: listpack::Corrupt) -> Self {
        Self
    }
}

/// Bytes of the footer of a DUMP payload: a 16-bit version and a 64-bit checksum, both little-endian.
pub const FOOTER_BYTES: usize = 10;

/// Completes a DUMP payload, which so far is a type byte and a value, with its footer.
pub fn append_footer(payload: &mut Vec<u8>, version: u16) {
    payload.extend_from_slice(&version.to_le_bytes());
    let checksum = crc64::update(0, payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
}

/// Checks the footer of a DUMP payload and returns what stands before it: the type byte and the value, undecoded.
///
/// A version above `version_max` is refused. As in Redis, a stored checksum of 0 is not compared in files, but it is
/// here: every payload carries one.
pub fn validate(payload: &[u8], version_max: u16) -> Result<&[u8], Corrupt> {
    let (covered, checksum) = payload.split_last_chunk::<8>().ok_or(Corrupt)?;
    let (body, version) = covered.split_last_chunk::<2>().ok_or(Corrupt)?;
    let intact = crc64::update(0, covered) == u64::from_le_bytes(*checksum);
    if intact && u16::from_le_bytes(*version) <= version_max { Ok(body) } else { Err(Corrupt) }
}

#[cfg(test)]
mod tests {
    use super::length::{Reader, write_string};
    use super::*;

    fn dump(text: &[u8], version: u16) -> Vec<u8> {
        let mut payload = vec![0];
        write_string(&mut payload, text);
        append_footer(&mut payload, version);
        payload
    }

    #[test]
    fn payloads_are_those_of_redis() {
        let ten = [0x00, 0xc0, 0x0a, 0x0a, 0x00, 0x6e, 0x9f, 0x57, 0x45, 0x0e, 0xae, 0x63, 0xbb];
        assert_eq!(dump(b"10", 10), ten);
        let hello = b"\x00\x05hello\x0a\x00\x63\x72\xdf\x76\x65\x34\x20\x0a";
        assert_eq!(dump(b"hello", 10), hello);
        assert_eq!(dump(b"hello", 11), b"\x00\x05hello\x0b\x00\x0a\xad\x62\x05\x98\xab\xc9\x83");
    }

    #[test]
    fn every_single_bit_flip_and_every_cut_is_refused() {
        let payload = dump(b"a value, a value, a value, a value", 10);
        let body = validate(&payload, 10).expect("intact");
        assert_eq!(Reader::new(&body[1..]).read_string().expect("intact")[..7], b"a value"[..]);
        for bit in 0..payload.len() * 8 {
            let mut damaged = payload.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(validate(&damaged, u16::MAX), Err(Corrupt), "bit {bit}");
        }
        for end in 0..payload.len() {
            assert_eq!(validate(&payload[..end], 10), Err(Corrupt), "cut at {end}");
        }
        assert_eq!(validate(&payload, 9), Err(Corrupt));
    }
}
