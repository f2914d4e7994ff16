//! Stream IDs: `milliseconds-sequence`, in order of time.

use crate::number::parse_u64_lenient;

/// The longest text that is looked at, in bytes.
const TEXT_MAX: usize = 127;

/// The ID of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds, usually since 1970.
    pub ms: u64,
    /// Tells entries of one millisecond apart.
    pub seq: u64,
}

/// A text that is no ID where one was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

/// The ID that XADD asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// `*`: the clock, or the successor of the last ID when the clock is behind.
    Auto,
    /// `ms-*`: this millisecond with the next free sequence number.
    AutoSequence {
        /// The millisecond.
        ms: u64,
    },
    /// Exactly this one.
    Exact(StreamId),
}

impl StreamId {
    /// The smallest ID, which no entry can have.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };

    /// The largest ID.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// The longest text of an ID: two numbers of 20 digits.
    pub const TEXT_BYTES: usize = 41;

    /// An ID of its two halves.
    pub const fn new(ms: u64, seq: u64) -> Self {
        StreamId { ms, seq }
    }

    /// Reads `ms-seq`, or `ms` alone with `missing_seq`.
    ///
    /// # Errors
    /// [`InvalidId`] for everything else, `-` and `+` included.
    pub fn parse(text: &[u8], missing_seq: u64) -> Result<StreamId, InvalidId> {
        match split(text)? {
            (ms, Some(seq)) => Ok(StreamId { ms: number(ms)?, seq: number(seq)? }),
            (ms, None) => Ok(StreamId { ms: number(ms)?, seq: missing_seq }),
        }
    }

    /// Reads an ID as [`parse`](Self::parse) does, and `-` and `+` for the smallest and the largest.
    ///
    /// # Errors
    /// [`InvalidId`] for everything else.
    pub fn parse_or_edge(text: &[u8], missing_seq: u64) -> Result<StreamId, InvalidId> {
        match text {
            b"-" => Ok(StreamId::MIN),
            b"+" => Ok(StreamId::MAX),
            text => StreamId::parse(text, missing_seq),
        }
    }

    /// Reads the start of a range; after `(` the ID itself is left out. The result is the first ID in the range, or
    /// `None` when nothing can follow.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is neither.
    pub fn parse_start(text: &[u8]) -> Result<Option<StreamId>, InvalidId> {
        match text {
            [b'(', id @ ..] if !id.is_empty() => Ok(StreamId::parse(id, 0)?.next()),
            text => StreamId::parse_or_edge(text, 0).map(Some),
        }
    }

    /// Reads the end of a range; after `(` the ID itself is left out. The result is the last ID in the range, or
    /// `None` when nothing can precede.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is neither.
    pub fn parse_end(text: &[u8]) -> Result<Option<StreamId>, InvalidId> {
        match text {
            [b'(', id @ ..] if !id.is_empty() => Ok(StreamId::parse(id, u64::MAX)?.previous()),
            text => StreamId::parse_or_edge(text, u64::MAX).map(Some),
        }
    }

    /// The ID after this one.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The ID before this one.
    pub fn previous(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Appends `ms-seq`.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text(&mut [0; StreamId::TEXT_BYTES]));
    }

    /// `ms-seq`, in a buffer of the caller.
    pub fn text(self, buffer: &mut [u8; StreamId::TEXT_BYTES]) -> &[u8] {
        let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (ms, seq) = (ms.format(self.ms).as_bytes(), seq.format(self.seq).as_bytes());
        buffer[..ms.len()].copy_from_slice(ms);
        buffer[ms.len()] = b'-';
        let end = ms.len() + 1 + seq.len();
        buffer[ms.len() + 1..end].copy_from_slice(seq);
        &buffer[..end]
    }
}

impl NewId {
    /// Reads the ID argument of XADD.
    ///
    /// # Errors
    /// [`InvalidId`] when it is neither `*`, `ms-*` nor an ID.
    pub fn parse(text: &[u8]) -> Result<NewId, InvalidId> {
        if text == b"*" {
            return Ok(NewId::Auto);
        }
        match split(text)? {
            (ms, Some(b"*")) => Ok(NewId::AutoSequence { ms: number(ms)? }),
            _ => StreamId::parse(text, 0).map(NewId::Exact),
        }
    }

    /// The ID to use after `last`; `None` when none is left. It may be too small: [`Log::append`](super::Log::append)
    /// refuses it then.
    pub fn after(self, last: StreamId, now_ms: u64) -> Option<StreamId> {
        match self {
            NewId::Auto if now_ms > last.ms => Some(StreamId { ms: now_ms, seq: 0 }),
            NewId::Auto => last.next(),
            NewId::AutoSequence { ms } if ms == last.ms => Some(StreamId { ms, seq: last.seq.checked_add(1)? }),
            NewId::AutoSequence { ms } => Some(StreamId { ms, seq: 0 }),
            NewId::Exact(id) => Some(id),
        }
    }
}

/// The halves of an ID's text. As in Redis it ends at a zero byte.
fn split(text: &[u8]) -> Result<(&[u8], Option<&[u8]>), InvalidId> {
    if text.len() > TEXT_MAX {
        return Err(InvalidId);
    }
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut halves = text.splitn(2, |byte| *byte == b'-');
    Ok((halves.next().unwrap_or_default(), halves.next()))
}

fn number(text: &[u8]) -> Result<u64, InvalidId> {
    parse_u64_lenient(text).ok_or(InvalidId)
}
