//! Reading a log back: where it ends, whether a bad place is the trace of a crash or damage, and its changes in order.
//!
//! Writes that were never flushed may reach the device out of order, so valid records behind a hole do not make the
//! hole damage. A flush mark behind it does: it says that what stands in the hole's place was once safe. And a hole in
//! which no record was is none: a later segment goes on with the very next number.

use std::io;
use std::sync::Arc;

use super::file::Options;
use super::manifest::{Manifest, read_all, write_all};
use super::plant::Bug;
use super::record::{
    CHANGE_HEAD_BYTES, Change, FlushMark, HEAD_BYTES, Kind, MARK_BYTES, NoRecord, Record, read_record_with,
};
use super::segment::{BadHeader, HEADER_BYTES, Header, name_of, number_of};
use super::vfs::Vfs;
use super::{Lsn, StoreError};

/// Largest segment that is read: one record may exceed the size at which segments end.
const SEGMENT_BYTES_MAX: u64 = 4 << 30;

/// The part of a segment that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The segment.
    pub number: u64,
    /// Bytes from its beginning.
    pub len: u64,
    /// The newest record in it or in one before.
    pub last: Lsn,
}

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Number of the last record.
    pub last: Lsn,
    /// Up to here the records were flushed by the process that wrote them.
    pub marked: Lsn,
    /// The segments of the log, in order.
    pub parts: Vec<Part>,
    /// Segments that do not count: behind a hole, or never begun.
    pub dropped: Vec<u64>,
    /// Bytes behind the last whole record.
    pub truncated_bytes: u64,
    /// The place where the log ends before its files do.
    pub hole: Option<Hole>,
}

/// A place where the log does not go on as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The segment.
    pub segment: u64,
    /// The byte in it.
    pub at: u64,
    /// What is wrong there.
    pub what: &'static str,
}

/// Reads the whole log behind a manifest's snapshot and finds its end. The error tells of damage and where it is.
pub fn scan(vfs: &impl Vfs, manifest: &Manifest, options: &Options) -> Result<Scan, StoreError> {
    let (scan, damage) = look(vfs, manifest, options)?;
    damage.map_or(Ok(scan), Err)
}

/// Like [`scan`], but answers what can be read beside the damage.
pub fn look(vfs: &impl Vfs, manifest: &Manifest, options: &Options) -> Result<(Scan, Option<StoreError>), StoreError> {
    let numbers = segments_from(vfs, manifest.first_segment)?;
    let base = manifest.snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn);
    let mut chain = Chain { base, last: base, marked: 0, epoch: 0, verify: !options.has(Bug::NoChecksum) };
    let mut scan = Scan { last: base, ..Scan::default() };
    if numbers.first() != Some(&manifest.first_segment) {
        let missing = StoreError::Corrupt(format!("{} is missing", name_of(manifest.first_segment)));
        return Ok((scan, Some(missing)));
    }
    for number in numbers {
        let content = read_all(vfs, &name_of(number), SEGMENT_BYTES_MAX)?;
        let bytes = content.len() as u64;
        let header = match Header::read(&content, number) {
            Ok(header) => header,
            Err(BadHeader::TooNew) => {
                return Err(StoreError::TooNew(format!("{} was written by a newer version", name_of(number))));
            }
            Err(BadHeader::Damaged) => {
                scan.hole.get_or_insert(Hole { segment: number, at: 0, what: "the header is damaged" });
                scan.dropped.push(number);
                scan.truncated_bytes += bytes;
                chain.marked = chain.marked.max(newest_mark(&content, None));
                continue;
            }
        };
        if header.epoch < chain.epoch {
            // Whoever wrote it had been replaced already.
            continue;
        }
        let first = chain.first_change(&content);
        if scan.hole.is_some() {
            if first.is_none_or(|first| first > chain.last + 1) {
                scan.dropped.push(number);
                scan.truncated_bytes += bytes;
                chain.marked = chain.marked.max(newest_mark(&content[HEADER_BYTES..], Some(header.salt)));
                continue;
            }
            // Nothing is missing after all.
            scan.hole = None;
            scan.truncated_bytes = 0;
        }
        let (end, what) = chain.read(&content, &header);
        scan.parts.push(Part { number, len: end as u64, last: chain.last });
        if let Some(what) = what {
            scan.hole = Some(Hole { segment: number, at: end as u64, what });
            scan.truncated_bytes += bytes_before_room(&content[end..]);
            chain.marked = chain.marked.max(newest_mark(&content[end..], Some(header.salt)));
        }
    }
    scan.last = chain.last;
    scan.marked = chain.marked;
    if let Some(closed_at) = manifest.closed_at {
        scan.marked = scan.marked.max(closed_at);
    }
    let damage = verdict(&scan, manifest);
    Ok((scan, damage))
}

/// Whether what ends the log is damage.
fn verdict(scan: &Scan, manifest: &Manifest) -> Option<StoreError> {
    let place = match &scan.hole {
        Some(Hole { segment, at, what }) => format!("{} at byte {at}: {what}, after record", name_of(*segment)),
        None => "the log ends with record".to_owned(),
    };
    let last = scan.last;
    let text = match manifest.closed_at {
        Some(closed_at) if closed_at != last => {
            format!("{place} {last}, although the log was closed in order after record {closed_at}")
        }
        Some(_) if scan.hole.is_some() => format!("{place} {last}, although the log was closed in order"),
        _ if scan.marked > last => format!("{place} {last}, although record {} had been flushed", scan.marked),
        _ => return None,
    };
    Some(StoreError::Corrupt(text))
}

/// How far the log has been read.
struct Chain {
    /// The record that the snapshot covers.
    base: Lsn,
    /// Every record behind the snapshot up to this one has been read.
    last: Lsn,
    marked: Lsn,
    /// The newest writer so far.
    epoch: u64,
    verify: bool,
}

impl Chain {
    /// The number of the first change of a segment.
    fn first_change(&self, content: &[u8]) -> Option<Lsn> {
        let mut at = HEADER_BYTES;
        while let Ok(record) = read_record_with(&content[at..], self.verify) {
            if record.kind == Kind::Change {
                return Some(record.lsn);
            }
            at += record.len;
        }
        None
    }

    /// Reads a segment. Answers where its good part ends, and what is wrong there.
    fn read(&mut self, content: &[u8], header: &Header) -> (usize, Option<&'static str>) {
        // A newer writer may begin by repeating records that it could not be sure of.
        let may_repeat = header.epoch > self.epoch;
        self.epoch = header.epoch;
        let mut previous = None;
        let mut at = HEADER_BYTES;
        while at < content.len() {
            let record = match read_record_with(&content[at..], self.verify) {
                Ok(record) => record,
                Err(_) if bytes_before_room(&content[at..]) == 0 => return (at, None),
                Err(NoRecord::Short) => return (at, Some("a record is not whole")),
                Err(NoRecord::Damaged) => return (at, Some("a record is damaged")),
            };
            let problem = match record.kind {
                Kind::FlushMark => self.take_mark(record, header),
                Kind::Change => self.take_change(record, previous, may_repeat),
            };
            if problem.is_some() {
                return (at, problem);
            }
            if record.kind == Kind::Change {
                previous = Some(record.lsn);
            }
            at += record.len;
        }
        (at, None)
    }

    fn take_mark(&mut self, record: Record<'_>, header: &Header) -> Option<&'static str> {
        match FlushMark::read(record.payload) {
            Some(mark) if mark.salt == header.salt => self.marked = self.marked.max(mark.flushed),
            _ => return Some("a flush mark is damaged"),
        }
        None
    }

    fn take_change(&mut self, record: Record<'_>, previous: Option<Lsn>, may_repeat: bool) -> Option<&'static str> {
        let lsn = record.lsn;
        let follows = match previous {
            Some(previous) => lsn.checked_sub(1) == Some(previous),
            None => lsn.checked_sub(1) == Some(self.last) || may_repeat && lsn > 0 && lsn <= self.last,
        };
        // What the snapshot covers need not be complete.
        let is_covered = lsn > previous.unwrap_or(0) && lsn <= self.base.saturating_add(1);
        if !follows && !is_covered {
            return Some("a record is missing");
        }
        if Change::read(record.payload).is_none() {
            return Some("a record is no change");
        }
        self.last = self.last.max(lsn);
        None
    }
}

/// How many bytes there are before the room that was made ahead: see
/// [`Store::expect_flushes`](super::Store::expect_flushes).
fn bytes_before_room(bytes: &[u8]) -> u64 {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

/// The highest flush mark anywhere in some bytes, found by looking at every one. Without a salt any mark counts.
fn newest_mark(bytes: &[u8], salt: Option<u64>) -> Lsn {
    let marks = bytes.windows(MARK_BYTES).filter_map(|window| {
        // Most places are told by their length and kind: the checksum is taken of few.
        let is_plausible = window[..4] == (MARK_BYTES as u32).to_le_bytes() && window[16] == Kind::FlushMark as u8;
        let record = is_plausible.then(|| read_record_with(window, true).ok())??;
        let mark = FlushMark::read(record.payload)?;
        salt.is_none_or(|salt| salt == mark.salt).then_some(mark.flushed)
    });
    marks.max().unwrap_or(0)
}

/// The numbers of the segments from one on, ascending.
pub fn segments_from(vfs: &impl Vfs, first: u64) -> Result<Vec<u64>, StoreError> {
    let names = vfs.list()?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).filter(|&n| n >= first).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether any segment of a folder has more than a header.
pub fn has_records(vfs: &impl Vfs) -> Result<bool, StoreError> {
    for number in segments_from(vfs, 0)? {
        let file = vfs.open(&name_of(number), super::vfs::Mode::Read)?;
        if vfs.len(&file)? > HEADER_BYTES as u64 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes the records behind `covered` to a new segment, as they stand. Answers where it ends then.
pub fn copy_records<V: Vfs, W: Vfs>(
    vfs: &Arc<V>,
    scan: &Scan,
    covered: Lsn,
    options: Options,
    (target, file): (&W, &W::File),
) -> Result<u64, StoreError> {
    let mut changes = Changes::new(Arc::clone(vfs), scan, covered, options);
    let mut end = HEADER_BYTES as u64;
    while let Some(record) = changes.advance()? {
        let record = &changes.content[record.0..record.0 + record.1];
        write_all(target, file, end, record)?;
        end += record.len() as u64;
    }
    Ok(end)
}

/// The payloads of the changes behind a snapshot, one segment in memory at a time.
pub struct Changes<V> {
    vfs: Arc<V>,
    parts: std::vec::IntoIter<Part>,
    content: Vec<u8>,
    /// Bytes of the content that count.
    len: usize,
    at: usize,
    /// Records up to this one are in the snapshot, or have been answered.
    covered: Lsn,
    last: Lsn,
    options: Options,
}

impl<V: Vfs> Changes<V> {
    /// The changes of a log that was scanned, behind record `covered`.
    pub fn new(vfs: Arc<V>, scan: &Scan, covered: Lsn, options: Options) -> Self {
        let skip_last = u64::from(options.has(Bug::SkipLastRecord));
        // Empty segments have been removed, perhaps.
        let is_wanted = |part: &&Part| part.last > covered && part.len > HEADER_BYTES as u64;
        let wanted: Vec<Part> = scan.parts.iter().filter(is_wanted).copied().collect();
        let last = scan.last - skip_last.min(scan.last);
        Self { vfs, parts: wanted.into_iter(), content: Vec::new(), len: 0, at: 0, covered, last, options }
    }

    /// Goes to the next change, and answers where its record begins and how long it is.
    fn advance(&mut self) -> Result<Option<(usize, usize)>, StoreError> {
        loop {
            if self.at >= self.len {
                let Some(part) = self.parts.next() else { return Ok(self.split_transaction()) };
                self.content = read_all(&*self.vfs, &name_of(part.number), SEGMENT_BYTES_MAX)?;
                self.len = usize::try_from(part.len).map_err(io::Error::other)?.min(self.content.len());
                self.at = HEADER_BYTES;
                continue;
            }
            let verify = !self.options.has(Bug::NoChecksum);
            let Ok(record) = read_record_with(&self.content[self.at..self.len], verify) else {
                return Err(StoreError::Corrupt("the log changed while it was read".to_owned()));
            };
            let place = (self.at, record.len);
            self.at += record.len;
            if record.kind == Kind::Change && record.lsn > self.covered && record.lsn <= self.last {
                self.covered = record.lsn;
                return Ok(Some(place));
            }
        }
    }
}

/// What planted bugs do.
impl<V: Vfs> Changes<V> {
    /// What is whole of a torn record.
    fn split_transaction(&mut self) -> Option<(usize, usize)> {
        let head = HEAD_BYTES + CHANGE_HEAD_BYTES;
        let torn = self.content.get(self.len..).unwrap_or_default();
        if !self.options.has(Bug::SplitTransaction) || self.len == 0 || torn.len() <= head {
            return None;
        }
        let requests = &torn[head..];
        let next = requests.windows(3).skip(1).rposition(|window| window == b"\r\n*")? + 3;
        let place = (self.len, head + next);
        self.len = 0;
        self.covered += 1;
        Some(place)
    }

    /// The payload of a change that seems to have happened an hour later.
    fn postponed(&self, mut payload: Vec<u8>) -> Vec<u8> {
        if self.options.has(Bug::ResurrectExpired)
            && let Some((now_us, _)) = payload.split_first_chunk_mut::<8>()
        {
            *now_us = (u64::from_le_bytes(*now_us) + 3_600_000_000).to_le_bytes();
        }
        payload
    }
}

impl<V: Vfs> Iterator for Changes<V> {
    type Item = Result<(Lsn, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(None) => None,
            Ok(Some((at, len))) => {
                let payload = self.content[at + HEAD_BYTES..at + len].to_vec();
                Some(Ok((self.covered, self.postponed(payload))))
            }
            Err(error) => {
                // Asked again it has nothing more to say.
                (self.at, self.len, self.parts) = (0, 0, Vec::new().into_iter());
                Some(Err(error))
            }
        }
    }
}
