//! Append-only files of Redis, to take over what they hold: requests in RESP, perhaps behind an RDB file, in one or
//! in several that a manifest lists.
//!
//! Their requests bring no time along, and absolute expiries that may lie in the past by now: a key that was made
//! permanent before its end came must not be lost on the way there. So each request runs at an instant that is surely
//! not later than the one it first ran at, and what has expired since goes at the very end.

mod manifest;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Read};

use crate::limits::TRANSACTION_BYTES;
use crate::number::parse_i64;
use crate::rdb::window::Window;
use crate::resp::{Arguments, Parser, RequestLimits, Step};
use crate::store::record::Change;

pub use manifest::{BadManifest, MANIFEST_BYTES, Part, parts};

/// Longest annotation: a line that begins with `#`.
const ANNOTATION_BYTES: usize = 1024;

/// Commands that change no keys and have no place here yet; they are passed over and counted.
const PASSED_OVER: [&[u8]; 5] = [b"FUNCTION", b"SCRIPT", b"PUBLISH", b"SPUBLISH", b"PING"];

/// What a file held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests that were handed on.
    pub requests: u64,
    /// Requests that were passed over, as they change no keys.
    pub passed_over: u64,
    /// Where the last whole request or transaction ends, if other bytes follow: a write that a crash interrupted.
    pub torn_at: Option<u64>,
    /// Bytes behind that place.
    pub torn_bytes: u64,
}

/// Why a file cannot be read.
#[derive(Debug)]
pub enum AofError {
    /// What stands at a byte is no request.
    Malformed(u64, String),
    /// A request was not taken.
    Refused(u64, String),
    /// Reading failed.
    Io(io::Error),
}

impl fmt::Display for AofError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(at, why) => write!(out, "no command of an append-only file stands at byte {at}: {why}"),
            Self::Refused(at, why) => write!(out, "the command at byte {at} cannot be carried out: {why}"),
            Self::Io(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for AofError {}

impl From<io::Error> for AofError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the requests of a file from `offset` on and hands each to `take`, those of a transaction once it is whole.
/// `ahead` are the bytes that were read from there already; `now_us` is the present.
pub fn read_requests(
    file: &mut dyn Read,
    ahead: Vec<u8>,
    offset: u64,
    now_us: u64,
    take: &mut dyn FnMut(&Change<'_>) -> Result<(), String>,
) -> Result<Summary, AofError> {
    let window = Window::new(file, ahead, offset);
    let replay = Replay { clock_us: 0, now_us, db: 0, summary: Summary::default(), queue: None };
    replay.run(window, take)
}

/// What is known between two requests.
struct Replay {
    /// The latest instant that the file has told of.
    clock_us: u64,
    now_us: u64,
    db: u16,
    summary: Summary,
    queue: Option<Transaction>,
}

/// A transaction whose EXEC has not come yet.
struct Transaction {
    /// Where MULTI stands.
    begun_at: u64,
    requests: Vec<u8>,
    /// The length and the place of each.
    lengths: Vec<(usize, u64)>,
}

impl Replay {
    fn run(
        mut self,
        mut window: Window<'_>,
        take: &mut dyn FnMut(&Change<'_>) -> Result<(), String>,
    ) -> Result<Summary, AofError> {
        let mut parser = Parser::new();
        let limits = RequestLimits::new(u64::MAX, u64::MAX);
        loop {
            let (at, rest) = (window.position(), window.rest());
            let consumed = match rest.first() {
                None => None,
                Some(b'#') => self.annotation(at, rest)?,
                Some(b'*') => match parser.parse(rest, &limits) {
                    Ok(Step::Request { consumed }) => {
                        let args = parser.arguments(rest);
                        self.request(at, &rest[..consumed], args, take)?;
                        Some(consumed)
                    }
                    Ok(Step::Incomplete) => None,
                    Ok(Step::Ignored { .. }) => return Err(AofError::Malformed(at, "it has no words".to_owned())),
                    Err(error) => return Err(AofError::Malformed(at, error.to_string())),
                },
                Some(other) => {
                    let what = format!("it begins with {:?}", char::from(*other));
                    return Err(AofError::Malformed(at, what));
                }
            };
            match consumed {
                Some(consumed) => window.advance(consumed),
                None if !window.is_over() => window.more()?,
                None => return Ok(self.end(&window)),
            }
        }
    }

    /// `#TS:1700000000`: the time of what follows, in seconds. Answers the bytes of the line once it is whole.
    fn annotation(&mut self, at: u64, rest: &[u8]) -> Result<Option<usize>, AofError> {
        let Some(end) = rest.iter().take(ANNOTATION_BYTES).position(|byte| *byte == b'\n') else {
            let is_long = rest.len() >= ANNOTATION_BYTES;
            return if is_long { Err(AofError::Malformed(at, "the line has no end".to_owned())) } else { Ok(None) };
        };
        if let Some(seconds) = rest[..end].trim_ascii_end().strip_prefix(b"#TS:").and_then(parse_i64) {
            self.saw_instant(u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000));
        }
        Ok(Some(end + 1))
    }

    /// A clock that ran ahead once must not make keys expire.
    fn saw_instant(&mut self, instant_us: u64) {
        self.clock_us = self.clock_us.max(instant_us.min(self.now_us));
    }

    fn request(
        &mut self,
        at: u64,
        bytes: &[u8],
        args: Arguments<'_>,
        take: &mut dyn FnMut(&Change<'_>) -> Result<(), String>,
    ) -> Result<(), AofError> {
        let is = |name: &[u8]| args.get(0).eq_ignore_ascii_case(name);
        if is(b"MULTI") {
            if self.queue.is_some() {
                return Err(AofError::Malformed(at, "MULTI inside MULTI".to_owned()));
            }
            self.queue = Some(Transaction { begun_at: at, requests: Vec::new(), lengths: Vec::new() });
            return Ok(());
        }
        if is(b"EXEC") {
            let queue = self.queue.take();
            let queue = queue.ok_or_else(|| AofError::Malformed(at, "EXEC without MULTI".to_owned()))?;
            return self.transaction(&queue, take);
        }
        if let Some(queue) = &mut self.queue {
            if queue.requests.len() + bytes.len() > TRANSACTION_BYTES {
                let what = format!("the transaction is longer than {TRANSACTION_BYTES} bytes");
                return Err(AofError::Malformed(queue.begun_at, what));
            }
            queue.requests.extend_from_slice(bytes);
            queue.lengths.push((bytes.len(), at));
            return Ok(());
        }
        self.hand_on(at, bytes, args, take)
    }

    fn transaction(
        &mut self,
        queue: &Transaction,
        take: &mut dyn FnMut(&Change<'_>) -> Result<(), String>,
    ) -> Result<(), AofError> {
        let mut parser = Parser::new();
        let limits = RequestLimits::new(u64::MAX, u64::MAX);
        let mut rest = &queue.requests[..];
        for &(len, at) in &queue.lengths {
            let (request, after) = rest.split_at(len);
            rest = after;
            // It was parsed before, so it is whole.
            if let Ok(Step::Request { .. }) = parser.parse(request, &limits) {
                self.hand_on(at, request, parser.arguments(request), take)?;
            }
        }
        Ok(())
    }

    fn hand_on(
        &mut self,
        at: u64,
        requests: &[u8],
        args: Arguments<'_>,
        take: &mut dyn FnMut(&Change<'_>) -> Result<(), String>,
    ) -> Result<(), AofError> {
        let name = args.get(0);
        if name.eq_ignore_ascii_case(b"SELECT") {
            let db = args.try_get(1).and_then(parse_i64).and_then(|db| u16::try_from(db).ok());
            self.db = db.ok_or_else(|| AofError::Malformed(at, "SELECT names no database".to_owned()))?;
            return Ok(());
        }
        if PASSED_OVER.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            self.summary.passed_over += 1;
            return Ok(());
        }
        if let Some(instant_ms) = delivery_ms(args) {
            self.saw_instant(instant_ms.saturating_mul(1000));
        }
        let now_us = if is_relative(args) { self.now_us } else { self.clock_us };
        self.summary.requests += 1;
        take(&Change { now_us, db: self.db, requests }).map_err(|why| AofError::Refused(at, why))
    }

    /// Nothing more comes: what is not whole is the trace of an interrupted write.
    fn end(mut self, window: &Window<'_>) -> Summary {
        let end = window.position() + window.rest().len() as u64;
        let whole = self.queue.map_or(window.position(), |queue| queue.begun_at);
        if end > whole {
            self.summary.torn_at = Some(whole);
            self.summary.torn_bytes = end - whole;
        }
        self.summary
    }
}

/// The instant that XCLAIM names for the delivery, which was the present when a server wrote it.
fn delivery_ms(args: Arguments<'_>) -> Option<u64> {
    if !args.get(0).eq_ignore_ascii_case(b"XCLAIM") {
        return None;
    }
    let at = args.iter().position(|word| word.eq_ignore_ascii_case(b"TIME"))?;
    u64::try_from(parse_i64(args.try_get(at + 1)?)?).ok()
}

/// Whether a request counts time from the moment it runs at. Servers write absolute times, people do not.
fn is_relative(args: Arguments<'_>) -> bool {
    const ALWAYS: [&[u8]; 7] = [b"EXPIRE", b"PEXPIRE", b"SETEX", b"PSETEX", b"HEXPIRE", b"HPEXPIRE", b"RESTORE"];
    let name = args.get(0);
    let has = |word: &[u8]| args.iter().skip(2).any(|other| other.eq_ignore_ascii_case(word));
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    match () {
        () if is(b"RESTORE") => !has(b"ABSTTL"),
        () if ALWAYS.iter().any(|other| is(other)) => true,
        () if is(b"XADD") => has(b"*"),
        () if is(b"SET") || is(b"GETEX") || is(b"HSETEX") || is(b"HGETEX") => has(b"EX") || has(b"PX"),
        () => false,
    }
}
