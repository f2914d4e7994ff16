//! The check of bytes from elsewhere: after it, no walk can leave the buffer or disagree with the header.

use super::{Corrupt, EMPTY_BYTES, END, HEADER_BYTES, MAX_BYTES, UNKNOWN_COUNT, encoding};

/// Checks that `bytes` are exactly one listpack: its size, every entry, every backward length and the count.
///
/// # Errors
/// [`Corrupt`] when anything disagrees. Nothing is allocated.
pub fn validate(bytes: &[u8]) -> Result<(), Corrupt> {
    if !(EMPTY_BYTES..=MAX_BYTES).contains(&bytes.len()) {
        return Err(Corrupt);
    }
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(Corrupt)?;
    let [size @ .., count_low, count_high] = *header;
    let (end, mut entries) = rest.split_last().ok_or(Corrupt)?;
    if u32::from_le_bytes(size) as usize != bytes.len() || *end != END {
        return Err(Corrupt);
    }
    let mut items = 0usize;
    while !entries.is_empty() {
        let (_, entry_bytes) = encoding::decode(entries).ok_or(Corrupt)?;
        let (entry, rest) = entries.split_at(entry_bytes);
        if encoding::last_entry_size(entry) != Some(entry_bytes) {
            return Err(Corrupt);
        }
        entries = rest;
        items += 1;
    }
    let count = u16::from_le_bytes([count_low, count_high]);
    if count != UNKNOWN_COUNT && usize::from(count) != items {
        return Err(Corrupt);
    }
    Ok(())
}
