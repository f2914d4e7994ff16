//! Records of the log, as bytes: `len u32 | crc32c u32 | lsn u64 | kind u8 | payload`, little-endian.
//!
//! The checksum covers everything else, the length included. A record is one atomic unit: a command, or a transaction.
//! Zero bytes never parse as a record, since a length counts at least the kind.

use crate::resp::Arguments;

/// Number of a record: 1 for the first, one more for each.
pub type Lsn = u64;

/// Bytes before the payload.
pub const HEAD_BYTES: usize = 17;

/// Largest record. A transaction is bounded by `client-query-buffer-limit`, whose default is this; see
/// [`crate::limits::TRANSACTION_BYTES`].
pub const RECORD_BYTES_MAX: usize = 2 << 30;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A change: [`Change`].
    Change = 1,
    /// Everything up to an LSN has been flushed: [`FlushMark`].
    FlushMark = 2,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Change),
            2 => Some(Self::FlushMark),
            _ => None,
        }
    }
}

/// Bytes of a change before its requests.
pub const CHANGE_HEAD_BYTES: usize = 10;

/// One atomic change: requests that were carried out in a row.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// When, Unix time in microseconds: relative times and automatic IDs follow from it.
    pub now_us: u64,
    /// Database that the first request works on.
    pub db: u16,
    /// The requests, in RESP.
    pub requests: &'a [u8],
}

impl<'a> Change<'a> {
    /// Reads the payload of a record of [`Kind::Change`].
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        let (now_us, rest) = payload.split_first_chunk::<8>()?;
        let (db, requests) = rest.split_first_chunk::<2>()?;
        Some(Self { now_us: u64::from_le_bytes(*now_us), db: u16::from_le_bytes(*db), requests })
    }
}

/// Appends a record of a change, whose requests the closure writes with [`write_request`].
pub fn write_change(out: &mut Vec<u8>, lsn: Lsn, now_us: u64, db: u16, requests: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write_unsealed_change(out, lsn, now_us, db, requests);
    seal(&mut out[start..]);
}

/// As [`write_change`] without the checksum, which [`seal`] brings. Many records in a row take less time for it than
/// each one by itself.
#[inline]
pub fn write_unsealed_change(out: &mut Vec<u8>, lsn: Lsn, now_us: u64, db: u16, requests: impl FnOnce(&mut Vec<u8>)) {
    let mut head = [0; HEAD_BYTES + CHANGE_HEAD_BYTES];
    head[HEAD_BYTES..HEAD_BYTES + 8].copy_from_slice(&now_us.to_le_bytes());
    head[HEAD_BYTES + 8..].copy_from_slice(&db.to_le_bytes());
    write_unsealed(out, lsn, Kind::Change, head, requests);
}

/// What a flush mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushMark {
    /// Everything up to this record has been flushed.
    pub flushed: Lsn,
    /// The salt of the segment it stands in. Clients cannot know it, so no value of theirs looks like a mark.
    pub salt: u64,
}

/// Bytes of the record of a flush mark.
pub const MARK_BYTES: usize = HEAD_BYTES + 16;

impl FlushMark {
    /// Reads the payload of a record of [`Kind::FlushMark`].
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (flushed, salt) = payload.split_first_chunk::<8>()?;
        Some(Self { flushed: u64::from_le_bytes(*flushed), salt: u64::from_le_bytes(salt.try_into().ok()?) })
    }
}

/// Appends a record that says how far the log was flushed.
pub fn write_flush_mark(out: &mut Vec<u8>, lsn: Lsn, mark: FlushMark) {
    let start = out.len();
    let mut head = [0; MARK_BYTES];
    head[HEAD_BYTES..HEAD_BYTES + 8].copy_from_slice(&mark.flushed.to_le_bytes());
    head[HEAD_BYTES + 8..].copy_from_slice(&mark.salt.to_le_bytes());
    write_unsealed(out, lsn, Kind::FlushMark, head, |_| {});
    seal(&mut out[start..]);
}

/// Appends a record of which `head` is the beginning, room for what every record has before it.
#[inline]
fn write_unsealed<const N: usize>(
    out: &mut Vec<u8>,
    lsn: Lsn,
    kind: Kind,
    mut head: [u8; N],
    rest: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    head[8..16].copy_from_slice(&lsn.to_le_bytes());
    head[16] = kind as u8;
    out.extend_from_slice(&head);
    rest(out);
    let len = u32::try_from(out.len() - start).expect("requests are bounded far below 4 GiB");
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

/// Puts the checksums into records that were written without.
pub fn seal(records: &mut [u8]) {
    let mut rest = records;
    while let Some(&len) = rest.first_chunk::<4>() {
        let (record, next) = rest.split_at_mut(u32::from_le_bytes(len) as usize);
        // With the length in its own place for a moment, what the checksum covers is in one piece.
        record[4..8].copy_from_slice(&len);
        let checksum = crc32c::crc32c(&record[4..]);
        record[4..8].copy_from_slice(&checksum.to_le_bytes());
        rest = next;
    }
}

/// The checksum of a whole record: of everything but its own four bytes.
fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..])
}

/// Appends a request in RESP.
#[inline]
pub fn write_request(out: &mut Vec<u8>, args: Arguments<'_>) {
    match args.wire() {
        Some(wire) => out.extend_from_slice(wire),
        None => frame_request(out, args),
    }
}

#[inline(never)]
fn frame_request(out: &mut Vec<u8>, args: Arguments<'_>) {
    write_head(out, b'*', args.len());
    for word in args.iter() {
        write_head(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn write_head(out: &mut Vec<u8>, mark: u8, number: usize) {
    out.push(mark);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number.
    pub lsn: Lsn,
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub payload: &'a [u8],
    /// Bytes of the whole record.
    pub len: usize,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRecord {
    /// The bytes end before the record does, or it claims to be longer than any.
    Short,
    /// The checksum does not fit, or the kind is unknown though it does.
    Damaged,
}

/// Reads the record at the start of some bytes.
pub fn read_record(bytes: &[u8]) -> Result<Record<'_>, NoRecord> {
    read_record_with(bytes, true)
}

/// Reads a record; the harness plants the bug of not verifying it.
pub(super) fn read_record_with(bytes: &[u8], verify: bool) -> Result<Record<'_>, NoRecord> {
    let (len, _) = bytes.split_first_chunk::<4>().ok_or(NoRecord::Short)?;
    let len = u32::from_le_bytes(*len) as usize;
    if len < HEAD_BYTES {
        return Err(NoRecord::Damaged);
    }
    if len > RECORD_BYTES_MAX {
        return Err(NoRecord::Short);
    }
    let record = bytes.get(..len).ok_or(NoRecord::Short)?;
    let word = |at: usize| record[at..at + 4].try_into().expect("four bytes");
    if verify && checksum(record) != u32::from_le_bytes(word(4)) {
        return Err(NoRecord::Damaged);
    }
    let lsn = u64::from_le_bytes(record[8..16].try_into().expect("eight bytes"));
    let kind = Kind::of(record[16]).ok_or(NoRecord::Damaged)?;
    Ok(Record { lsn, kind, payload: &record[HEAD_BYTES..], len })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::RequestBuf;

    fn sample() -> Vec<u8> {
        let mut out = Vec::new();
        let request: RequestBuf = ["SET", "key", "a value"].into_iter().collect();
        write_change(&mut out, 7, 1_700_000_000_000_000, 3, |out| write_request(out, request.arguments()));
        out
    }

    #[test]
    fn a_change_comes_back() {
        let bytes = sample();
        let record = read_record(&bytes).expect("it is whole");
        assert_eq!((record.lsn, record.kind, record.len), (7, Kind::Change, bytes.len()));
        let change = Change::read(record.payload).expect("it is a change");
        assert_eq!((change.now_us, change.db), (1_700_000_000_000_000, 3));
        assert_eq!(change.requests, b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$7\r\na value\r\n");
    }

    #[test]
    fn every_flip_and_every_cut_is_seen() {
        let bytes = sample();
        for cut in 0..bytes.len() {
            assert_eq!(read_record(&bytes[..cut]), Err(NoRecord::Short), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read_record(&flipped).is_err(), "bit {bit}");
        }
        assert_eq!(read_record(&[0; 64]), Err(NoRecord::Damaged));
    }

    #[test]
    fn records_sealed_together_are_as_those_sealed_alone() {
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        for lsn in 1..=20 {
            let request = vec![lsn as u8; lsn as usize * 13];
            write_unsealed_change(&mut together, lsn, lsn * 7, 2, |out| out.extend_from_slice(&request));
            write_change(&mut alone, lsn, lsn * 7, 2, |out| out.extend_from_slice(&request));
        }
        seal(&mut together);
        assert_eq!(together, alone);
        let mut rest = &together[..];
        for lsn in 1..=20 {
            let record = read_record(rest).expect("it is whole");
            assert_eq!(record.lsn, lsn);
            rest = &rest[record.len..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn a_flush_mark_comes_back() {
        let mut out = Vec::new();
        let mark = FlushMark { flushed: 8, salt: 5 };
        write_flush_mark(&mut out, 9, mark);
        assert_eq!(out.len(), MARK_BYTES);
        let record = read_record(&out).expect("it is whole");
        assert_eq!((record.kind, FlushMark::read(record.payload)), (Kind::FlushMark, Some(mark)));
    }
}
