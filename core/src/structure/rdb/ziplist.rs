//! Reading the two packed forms that listpacks replaced: ziplists and zipmaps, which old payloads still carry.
//!
//! A ziplist is total bytes (`u32` LE), the offset of the last entry (`u32` LE), a count (`u16` LE) and the entries,
//! each headed by the size of the one before. A zipmap is a count byte and names with values, with room after each.

use super::Corrupt;
use crate::structure::listpack::{Item, Listpack};

/// The bytes before a ziplist's first entry.
const HEADER_BYTES: usize = 10;
/// The byte after the last entry.
const END: u8 = 0xFF;
/// A size that does not fit one byte follows in four.
const LONG_SIZE: u8 = 0xFE;
/// The count in a ziplist's header when there are this many entries or more.
const UNKNOWN_COUNT: u16 = u16::MAX;
/// The count byte of a zipmap with this many names or more.
const UNKNOWN_NAMES: u8 = 0xFE;
/// What a listpack's entry takes beside its text, at most: its head and the length read backwards.
const ENTRY_OVERHEAD_BYTES: usize = 10;

/// The items of a ziplist, which must be exactly `bytes`.
///
/// # Errors
/// [`Corrupt`] when sizes, offsets or counts disagree.
pub fn read_ziplist(bytes: &[u8]) -> Result<Listpack, Corrupt> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(Corrupt)?;
    let [a, b, c, d, e, f, g, h, count_low, count_high] = *header;
    let (end, entries) = rest.split_last().ok_or(Corrupt)?;
    if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() || *end != END {
        return Err(Corrupt);
    }
    let (mut items, mut count) = (Listpack::new(), 0usize);
    let (mut left, mut before_bytes, mut last_at) = (entries, 0, HEADER_BYTES);
    while !left.is_empty() {
        last_at = HEADER_BYTES + entries.len() - left.len();
        let start = left;
        if take_size(&mut left)? != before_bytes {
            return Err(Corrupt);
        }
        push(&mut items, take_item(&mut left)?)?;
        before_bytes = start.len() - left.len();
        count += 1;
    }
    let stored_count = u16::from_le_bytes([count_low, count_high]);
    let counted = stored_count == UNKNOWN_COUNT || usize::from(stored_count) == count;
    if counted && u32::from_le_bytes([e, f, g, h]) as usize == last_at { Ok(items) } else { Err(Corrupt) }
}

/// The names and values of a zipmap in turn; it must be exactly `bytes`.
///
/// # Errors
/// [`Corrupt`] when sizes or the count disagree.
pub fn read_zipmap(bytes: &[u8]) -> Result<Listpack, Corrupt> {
    let (stored_count, rest) = bytes.split_first().ok_or(Corrupt)?;
    let (end, mut left) = rest.split_last().ok_or(Corrupt)?;
    if *end != END {
        return Err(Corrupt);
    }
    let (mut items, mut names) = (Listpack::new(), 0usize);
    while !left.is_empty() {
        let name_bytes = take_size(&mut left)?;
        push(&mut items, Item::from(take(&mut left, name_bytes)?))?;
        let value_bytes = take_size(&mut left)?;
        let free_bytes = usize::from(take(&mut left, 1)?[0]);
        push(&mut items, Item::from(take(&mut left, value_bytes)?))?;
        take(&mut left, free_bytes)?;
        names += 1;
    }
    let counted = *stored_count >= UNKNOWN_NAMES || usize::from(*stored_count) == names;
    if counted { Ok(items) } else { Err(Corrupt) }
}

fn push(items: &mut Listpack, item: Item<'_>) -> Result<(), Corrupt> {
    let text_bytes = if let Item::Text(text) = item { text.len() } else { 0 };
    if !items.fits(text_bytes.saturating_add(ENTRY_OVERHEAD_BYTES)) {
        return Err(Corrupt);
    }
    items.push_back(item);
    Ok(())
}

/// A size of one byte, or of four after a mark.
fn take_size(left: &mut &[u8]) -> Result<usize, Corrupt> {
    match take(left, 1)?[0] {
        LONG_SIZE => Ok(u32::from_le_bytes(take_array(left)?) as usize),
        END => Err(Corrupt),
        size => Ok(usize::from(size)),
    }
}

/// A ziplist's entry behind the size of the one before.
fn take_item<'a>(left: &mut &'a [u8]) -> Result<Item<'a>, Corrupt> {
    let tag = take(left, 1)?[0];
    let length = match tag {
        0x00..=0x3F => usize::from(tag),
        0x40..=0x7F => usize::from(tag & 0x3F) << 8 | usize::from(take(left, 1)?[0]),
        0x80 => u32::from_be_bytes(take_array(left)?) as usize,
        _ => return take_integer(tag, left).map(Item::Integer),
    };
    take(left, length).map(Item::from)
}

fn take_integer(tag: u8, left: &mut &[u8]) -> Result<i64, Corrupt> {
    match tag {
        0xC0 => take_array(left).map(i16::from_le_bytes).map(i64::from),
        0xD0 => take_array(left).map(i32::from_le_bytes).map(i64::from),
        0xE0 => take_array(left).map(i64::from_le_bytes),
        0xF0 => take_array(left).map(|[low, middle, high]| i64::from(i32::from_le_bytes([0, low, middle, high]) >> 8)),
        0xFE => take_array(left).map(i8::from_le_bytes).map(i64::from),
        // The low four bits are the integer and one more.
        0xF1..=0xFD => Ok(i64::from(tag & 0x0F) - 1),
        _ => Err(Corrupt),
    }
}

fn take_array<const N: usize>(left: &mut &[u8]) -> Result<[u8; N], Corrupt> {
    let (array, rest) = left.split_first_chunk::<N>().ok_or(Corrupt)?;
    *left = rest;
    Ok(*array)
}

fn take<'a>(left: &mut &'a [u8], length: usize) -> Result<&'a [u8], Corrupt> {
    let (bytes, rest) = left.split_at_checked(length).ok_or(Corrupt)?;
    *left = rest;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &Listpack) -> Vec<String> {
        items.iter().map(|item| String::from_utf8_lossy(&item.to_vec()).into_owned()).collect()
    }

    /// A ziplist of these entries, each without the size of the one before.
    fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
        let (mut bytes, mut before, mut last) = (vec![0; HEADER_BYTES], 0, HEADER_BYTES);
        for entry in entries {
            last = bytes.len();
            match u8::try_from(before).ok().filter(|size| *size < LONG_SIZE) {
                Some(size) => bytes.push(size),
                None => {
                    bytes.push(LONG_SIZE);
                    bytes.extend_from_slice(&(before as u32).to_le_bytes());
                }
            }
            bytes.extend_from_slice(entry);
            before = bytes.len() - last;
        }
        bytes.push(END);
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        bytes[4..8].copy_from_slice(&(last as u32).to_le_bytes());
        bytes[8..10].copy_from_slice(&(entries.len() as u16).to_le_bytes());
        bytes
    }

    #[test]
    fn the_known_ziplist_reads() {
        let bytes = b"\x18\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf2\x02\x01b\x03\xf0\x70\x11\x01\xff";
        assert_eq!(texts(&read_ziplist(bytes).expect("intact")), ["a", "1", "b", "70000"]);
    }

    #[test]
    fn every_form_of_an_entry_reads() {
        let long = [&[0x41, 0x2C][..], &[b'x'; 300]].concat();
        let entries: [&[u8]; 9] = [
            b"\xc0\xff\xff",
            b"\xd0\x00\x00\x00\x80",
            b"\xe0\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\xf0\x00\x00\x80",
            b"\xfe\x80",
            b"\xfd",
            &long,
            b"\x80\0\0\0\x02hi",
            b"\x0217",
        ];
        let bytes = ziplist(&entries);
        let read = read_ziplist(&bytes).expect("intact");
        let long_text = "x".repeat(300);
        let expected = ["-1", "-2147483648", "9223372036854775807", "-8388608", "-128", "12", &long_text, "hi", "17"];
        assert_eq!(texts(&read), expected);
        assert_eq!(read.back(), Some(Item::Integer(17)));
        assert_eq!(read_ziplist(&ziplist(&[])).map(|items| items.len()), Ok(0));
    }

    #[test]
    fn zipmaps_read() {
        let read = read_zipmap(b"\x02\x01a\x02\x0012\x03key\x05\x02value..\xff").expect("intact");
        assert_eq!(texts(&read), ["a", "12", "key", "value"]);
        let long = [&b"\x01\xfe\x2c\x01\0\0"[..], &[b'n'; 300], b"\x01\0v\xff"].concat();
        assert_eq!(read_zipmap(&long).expect("intact").len(), 2);
    }

    #[test]
    fn damage_is_an_error_or_other_items() {
        let map = b"\x02\x01a\x02\x0012\x03key\x05\x02value..\xff".to_vec();
        let list = ziplist(&[b"\x01a", b"\xc0\xff\xff", b"\x02hi"]);
        for byte in 0..list.len() {
            for value in 0..=255 {
                let mut damaged = list.clone();
                damaged[byte] = value;
                let _ = read_ziplist(&damaged);
            }
            assert_eq!(read_ziplist(&list[..byte]), Err(Corrupt), "cut at {byte}");
        }
        for byte in 0..map.len() {
            for value in 0..=255 {
                let mut damaged = map.clone();
                damaged[byte] = value;
                let _ = read_zipmap(&damaged);
            }
        }
        for header_byte in 0..HEADER_BYTES {
            let mut damaged = list.clone();
            damaged[header_byte] ^= 0x40;
            assert_eq!(read_ziplist(&damaged), Err(Corrupt), "header byte {header_byte}");
        }
    }
}
