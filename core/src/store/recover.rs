//! Reading a log back: where it ends, whether a bad place is the trace of a crash or damage, and its changes in order.
//!
//! Writes that were never flushed may reach the device out of order, so valid records behind a hole do not make the
//! hole damage. A flush mark behind it does: it says that what stands in the hole's place was once safe.

use std::sync::Arc;

use super::manifest::{Manifest, read_all};
use super::record::{Change, Kind, NoRecord, read_record};
use super::segment::{BadHeader, HEADER_BYTES, check_header, name_of, number_of};
use super::vfs::Vfs;
use super::{Lsn, StoreError};

/// Largest segment that is read: one record may exceed the size at which segments end.
const SEGMENT_BYTES_MAX: u64 = 4 << 30;

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Number of the last record.
    pub last: Lsn,
    /// The segments with records of the log, in order, and how many bytes of each count.
    pub segments: Vec<(u64, u64)>,
    /// Segments behind a hole, which do not count.
    pub dropped: Vec<u64>,
    /// Bytes behind the last whole record.
    pub truncated_bytes: u64,
}

/// A place where the log does not go on as it should.
struct Hole {
    segment: u64,
    at: usize,
    what: &'static str,
}

/// Reads the whole log behind a manifest's snapshot and finds its end. The error tells of damage and where it is.
pub fn scan(vfs: &impl Vfs, manifest: &Manifest) -> Result<Scan, StoreError> {
    let numbers = segments_from(vfs, manifest.first_segment)?;
    if numbers.first() != Some(&manifest.first_segment) {
        return Err(StoreError::Corrupt(format!("{} is missing", name_of(manifest.first_segment))));
    }
    let base = manifest.snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn);
    let mut result = Scan { last: base, ..Scan::default() };
    let mut reading = Reading { last: None, base };
    let mut hole: Option<Hole> = None;
    let mut marked_behind = 0;
    for number in numbers {
        let content = read_segment(vfs, number)?;
        let mut start = 0;
        if hole.is_none() {
            let (end, what) = reading.read(&content, number)?;
            if end > 0 {
                result.segments.push((number, end as u64));
            } else {
                result.dropped.push(number);
            }
            match what {
                None => continue,
                Some(what) => hole = Some(Hole { segment: number, at: end, what }),
            }
            start = end + 1;
            result.truncated_bytes += (content.len() - end) as u64;
        } else {
            result.dropped.push(number);
            result.truncated_bytes += content.len() as u64;
        }
        marked_behind = marked_behind.max(newest_mark(&content, start));
    }
    result.last = reading.last.unwrap_or(base).max(base);
    let Some(Hole { segment, at, what }) = hole else {
        return match manifest.closed_at {
            Some(closed_at) if closed_at != result.last => Err(StoreError::Corrupt(format!(
                "the log ends with record {}, but was closed after record {closed_at}",
                result.last
            ))),
            _ => Ok(result),
        };
    };
    let place = format!("{} at byte {at}: {what}, after record {}", name_of(segment), result.last);
    if manifest.closed_at.is_some() {
        return Err(StoreError::Corrupt(format!("{place}, although the log was closed in order")));
    }
    if marked_behind > result.last {
        return Err(StoreError::Corrupt(format!("{place}, although record {marked_behind} had been flushed")));
    }
    Ok(result)
}

/// How far the log has been read.
struct Reading {
    /// The last record; none before the first.
    last: Option<Lsn>,
    /// The record that the snapshot covers.
    base: Lsn,
}

impl Reading {
    /// Reads a segment. Answers where its good part ends (0 without a good header), and what is wrong there.
    fn read(&mut self, content: &[u8], number: u64) -> Result<(usize, Option<&'static str>), StoreError> {
        match check_header(content, number) {
            Ok(()) => {}
            Err(BadHeader::Damaged) => return Ok((0, Some("the header is damaged"))),
            Err(BadHeader::TooNew) => {
                return Err(StoreError::TooNew(format!("{} was written by a newer version", name_of(number))));
            }
        }
        let mut at = HEADER_BYTES;
        while at < content.len() {
            let record = match read_record(&content[at..]) {
                Ok(record) => record,
                Err(NoRecord::Short) => return Ok((at, Some("a record is not whole"))),
                Err(NoRecord::Damaged) => return Ok((at, Some("a record is damaged"))),
            };
            if record.kind == Kind::Change {
                let follows = match self.last {
                    Some(last) => record.lsn == last + 1,
                    None => record.lsn > 0 && record.lsn <= self.base + 1,
                };
                if !follows {
                    return Ok((at, Some("a record is missing")));
                }
                self.last = Some(record.lsn);
            }
            at += record.len;
        }
        Ok((at, None))
    }
}

/// The highest flush mark among the records behind a bad place, found by looking at every byte.
fn newest_mark(content: &[u8], start: usize) -> Lsn {
    let mut newest = 0;
    let mut at = start;
    while at < content.len() {
        match plausible_record(&content[at..]) {
            Some((mark, len)) => {
                newest = newest.max(mark);
                at += len;
            }
            None => at += 1,
        }
    }
    newest
}

/// The flush mark, if it is one, and the length of the record at the start of some bytes, if there is one.
fn plausible_record(bytes: &[u8]) -> Option<(Lsn, usize)> {
    // Most places are told by their kind: the checksum is taken of few.
    if !matches!(bytes.get(16), Some(1 | 2)) {
        return None;
    }
    let record = read_record(bytes).ok()?;
    let mark = match record.kind {
        Kind::FlushMark => u64::from_le_bytes(record.payload.try_into().ok()?),
        Kind::Change => 0,
    };
    Some((mark, record.len))
}

/// The numbers of the segments from one on, ascending.
pub fn segments_from(vfs: &impl Vfs, first: u64) -> Result<Vec<u64>, StoreError> {
    let names = vfs.list()?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).filter(|&n| n >= first).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn read_segment(vfs: &impl Vfs, number: u64) -> Result<Vec<u8>, StoreError> {
    Ok(read_all(vfs, &name_of(number), SEGMENT_BYTES_MAX)?)
}

/// The payloads of the changes behind a snapshot, one segment in memory at a time.
pub struct Changes<V> {
    vfs: Arc<V>,
    segments: std::vec::IntoIter<(u64, u64)>,
    content: Vec<u8>,
    at: usize,
    /// Records up to this one are in the snapshot.
    covered: Lsn,
}

impl<V: Vfs> Changes<V> {
    /// The changes of a log that was scanned, behind record `covered`.
    pub fn new(vfs: Arc<V>, scan: &Scan, covered: Lsn) -> Self {
        Self { vfs, segments: scan.segments.clone().into_iter(), content: Vec::new(), at: 0, covered }
    }
}

impl<V: Vfs> Iterator for Changes<V> {
    type Item = Result<(Lsn, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.at >= self.content.len() {
                let (number, len) = self.segments.next()?;
                match read_segment(&*self.vfs, number) {
                    Ok(content) => self.content = content,
                    Err(error) => return Some(Err(error)),
                }
                self.content.truncate(len as usize);
                self.at = HEADER_BYTES;
                continue;
            }
            let Ok(record) = read_record(&self.content[self.at..]) else {
                let text = "the log changed while it was read".to_owned();
                return Some(Err(StoreError::Corrupt(text)));
            };
            self.at += record.len;
            if record.kind == Kind::Change && record.lsn > self.covered {
                debug_assert!(Change::read(record.payload).is_some());
                return Some(Ok((record.lsn, record.payload.to_vec())));
            }
        }
    }
}
