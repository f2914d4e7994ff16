//! The request parser: incremental, and without a copy of the arguments.

mod ahead;
mod arguments;
mod error;
mod inline;
#[cfg(test)]
mod tests;

pub use ahead::KeysAhead;
pub use arguments::{Arguments, RequestBuf, Span};
pub use error::ProtocolError;

use super::Input;
use crate::number::parse_i64;

/// Longest inline command and longest line that announces a length. Redis has the same bound, and
/// no such line needs more; it ends the search for a line end that never comes.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Most arguments a request may declare: the bound of Redis. Nothing is allocated by it.
const MAX_ARGUMENTS: u32 = i32::MAX as u32;

/// Most arguments before authentication: enough for AUTH and HELLO, as in Redis.
const MAX_UNAUTHENTICATED_ARGUMENTS: u32 = 10;

/// Longest argument before authentication: a password or token, as in Redis.
const MAX_UNAUTHENTICATED_BULK_BYTES: u32 = 16 * 1024;

/// Longest request before authentication. Redis buffers 1 MiB for a stranger; 64 KiB is four of
/// the longest arguments, and ten thousand strangers then hold 640 MiB at the very most.
const MAX_UNAUTHENTICATED_REQUEST_BYTES: u32 = 64 * 1024;

/// Default longest argument: `proto-max-bulk-len` of Redis.
const DEFAULT_MAX_BULK_BYTES: u64 = 512 * 1024 * 1024;

/// Default longest request: `client-query-buffer-limit` of Redis.
const DEFAULT_MAX_REQUEST_BYTES: u64 = 1024 * 1024 * 1024;

/// Spans kept for the next request: 2 KiB per connection; a request with more gives them back.
const KEPT_SPANS: usize = 256;

/// Unescaped inline bytes kept for the next inline command.
const KEPT_INLINE_BYTES: usize = 1024;

/// What a request may measure. Cheap to copy; build it when settings or the login change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    max_bulk_bytes: u32,
    max_request_bytes: u32,
    authenticated: bool,
}

impl RequestLimits {
    /// Limits of a client that may run commands: the longest argument and the longest request, in
    /// bytes. Both are held below 4 GiB, the reach of a [`Span`].
    pub fn new(max_bulk_bytes: u64, max_request_bytes: u64) -> Self {
        Self {
            max_bulk_bytes: u32::try_from(max_bulk_bytes).unwrap_or(u32::MAX),
            max_request_bytes: u32::try_from(max_request_bytes).unwrap_or(u32::MAX),
            authenticated: true,
        }
    }

    /// The same limits tightened for a client that has yet to authenticate: 10 arguments, 16 KiB
    /// each, 64 KiB together.
    #[must_use]
    pub fn unauthenticated(self) -> Self {
        Self {
            max_request_bytes: self.max_request_bytes.min(MAX_UNAUTHENTICATED_REQUEST_BYTES),
            authenticated: false,
            ..self
        }
    }
}

impl Default for RequestLimits {
    /// 512 MiB an argument, 1 GiB a request, authenticated.
    fn default() -> Self {
        Self::new(DEFAULT_MAX_BULK_BYTES, DEFAULT_MAX_REQUEST_BYTES)
    }
}

/// What [`Parser::parse`] found at the front of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The request continues beyond the bytes. Call again with the same bytes and more.
    Incomplete,
    /// An empty line or an empty array: drop `consumed` bytes and go on. No reply is due.
    Ignored {
        /// Length of what was ignored.
        consumed: usize,
    },
    /// One request with at least one argument. Run it, then drop `consumed` bytes.
    Request {
        /// Length of the request on the wire.
        consumed: usize,
    },
}

/// Where the parser stands within a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before or within the first line.
    Start,
    /// Before or within the line that announces the length of the next argument.
    Header,
    /// Within an argument of this many bytes.
    Body(u32),
    /// A step was returned; the next call begins a new request.
    Finished,
}

/// Splits the bytes of one connection into requests.
///
/// It remembers how far it got, so no byte is searched twice however the bytes arrive, and it
/// reuses its memory: none is allocated per request.
#[derive(Debug)]
pub struct Parser {
    phase: Phase,
    /// First byte not yet understood.
    position: usize,
    /// Bytes already searched for the end of an incomplete line.
    searched: usize,
    /// Arguments still to come.
    missing: u32,
    spans: Vec<Span>,
    /// The unescaped arguments when the request is inline.
    inline: Vec<u8>,
    is_inline: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser before its first request. Allocates nothing.
    pub const fn new() -> Self {
        Self {
            phase: Phase::Start,
            position: 0,
            searched: 0,
            missing: 0,
            spans: Vec::new(),
            inline: Vec::new(),
            is_inline: false,
        }
    }

    /// Looks for one request at the front of `bytes`.
    ///
    /// `bytes` begins at the first byte of the request. After [`Step::Incomplete`] the next call
    /// must pass the same bytes with more behind them; after the other steps, what follows the
    /// consumed bytes.
    ///
    /// # Errors
    /// The connection must be closed after a [`ProtocolError`]: its requests can no longer be told
    /// apart. The parser repeats no state of the failed request.
    pub fn parse(&mut self, bytes: &[u8], limits: &RequestLimits) -> Result<Step, ProtocolError> {
        if self.phase == Phase::Finished {
            self.restart();
        }
        let step = self.advance(bytes, limits);
        if !matches!(step, Ok(Step::Incomplete)) {
            self.phase = Phase::Finished;
        }
        step
    }

    /// Looks for the next request in `input`, dropping what is to be ignored on the way.
    ///
    /// Returns the length to [`consume`](Input::consume) once the request has run, or `None` when
    /// more bytes are needed.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_input(&mut self, input: &mut Input, limits: &RequestLimits) -> Result<Option<usize>, ProtocolError> {
        // Ends with the input: what is ignored is at least one byte long.
        loop {
            match self.parse(input.pending(), limits)? {
                Step::Incomplete => return Ok(None),
                Step::Ignored { consumed } => input.consume(consumed),
                Step::Request { consumed } => return Ok(Some(consumed)),
            }
        }
    }

    /// The places of the arguments of the last request, in `bytes` or in the inline buffer.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The arguments of the last request; `bytes` are those that [`parse`](Self::parse) saw.
    #[inline]
    pub fn arguments<'a>(&'a self, bytes: &'a [u8]) -> Arguments<'a> {
        if self.is_inline { Arguments::new(&self.inline, &self.spans) } else { Arguments::framed(bytes, &self.spans) }
    }

    /// One argument of the last request.
    ///
    /// # Panics
    /// When the request has no such argument.
    pub fn argument<'a>(&'a self, bytes: &'a [u8], index: usize) -> &'a [u8] {
        self.arguments(bytes).get(index)
    }

    /// Bytes of memory held, for the accounting of clients.
    pub fn allocated_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.inline.capacity()
    }

    fn restart(&mut self) {
        self.phase = Phase::Start;
        self.position = 0;
        self.searched = 0;
        self.spans.clear();
        if self.spans.capacity() > KEPT_SPANS {
            self.spans.shrink_to(KEPT_SPANS);
        }
        if self.is_inline {
            self.is_inline = false;
            self.inline.clear();
            self.inline.shrink_to(KEPT_INLINE_BYTES);
        }
    }

    fn advance(&mut self, bytes: &[u8], limits: &RequestLimits) -> Result<Step, ProtocolError> {
        if self.phase == Phase::Start {
            match bytes {
                [] => return Ok(Step::Incomplete),
                [b'*', ..] => {}
                // RESP3 aggregates and strings that belong to no array: the peer is out of step.
                [mark @ (b'%' | b'~' | b'>' | b'|' | b'$'), ..] => {
                    return Err(ProtocolError::ExpectedArray(*mark));
                }
                // The first two bytes of a TLS handshake.
                [0x16] => return Ok(Step::Incomplete),
                [0x16, 0x03, ..] => return Err(ProtocolError::CrossProtocol),
                _ => return self.inline_command(bytes),
            }
            let Some(count) = self.announced(bytes, Announced::Count)? else {
                return Ok(Step::Incomplete);
            };
            if count <= 0 {
                return Ok(Step::Ignored { consumed: self.position });
            }
            self.missing = accept_count(count, limits)?;
            self.phase = Phase::Header;
        }
        self.array(bytes, limits)
    }

    fn array(&mut self, bytes: &[u8], limits: &RequestLimits) -> Result<Step, ProtocolError> {
        // Every turn moves past a header and a body, so the bytes bound the loop.
        while self.missing > 0 {
            let length = if let Phase::Body(length) = self.phase {
                length
            } else {
                match bytes.get(self.position) {
                    None => return Ok(Step::Incomplete),
                    Some(b'$') => {}
                    Some(&other) => return Err(ProtocolError::ExpectedBulk(other)),
                }
                let Some(length) = self.announced(bytes, Announced::Length)? else {
                    return Ok(Step::Incomplete);
                };
                let length = accept_length(length, limits)?;
                // Refused before the body comes: nobody waits for a request that cannot fit.
                let end = self.position as u64 + u64::from(length) + 2;
                if end > u64::from(limits.max_request_bytes) {
                    return Err(ProtocolError::RequestTooLarge);
                }
                length
            };
            let end = self.position + length as usize;
            match bytes.get(end..).unwrap_or_default() {
                [b'\r', b'\n', ..] => {}
                [] | [_] => {
                    self.phase = Phase::Body(length);
                    return Ok(Step::Incomplete);
                }
                _ => return Err(ProtocolError::ExpectedCrlf),
            }
            self.spans.push(Span::new(self.position, end));
            self.position = end + 2;
            self.missing -= 1;
            self.phase = Phase::Header;
        }
        Ok(Step::Request { consumed: self.position })
    }

    /// Reads the number of a `*` or `$` line at the position and moves past the line. `None`: the
    /// line is incomplete.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn announced(&mut self, bytes: &[u8], announced: Announced) -> Result<Option<i64>, ProtocolError> {
        if let Some((value, length)) = short_number(&bytes[self.position + 1..]) {
            self.position += 1 + length;
            self.searched = 0;
            return Ok(Some(value));
        }
        self.announced_slowly(bytes, announced)
    }

    #[cold]
    #[inline(never)]
    fn announced_slowly(&mut self, bytes: &[u8], announced: Announced) -> Result<Option<i64>, ProtocolError> {
        let line = &bytes[self.position..];
        let found = memchr::memchr(b'\r', &line[self.searched..]);
        let Some(end) = found.map(|offset| self.searched + offset) else {
            self.searched = line.len();
            return if line.len() > MAX_LINE_BYTES { Err(announced.too_big()) } else { Ok(None) };
        };
        if end > MAX_LINE_BYTES {
            return Err(announced.too_big());
        }
        self.searched = end;
        match line.get(end + 1) {
            None => return Ok(None),
            Some(b'\n') => {}
            Some(_) => return Err(announced.invalid()),
        }
        let value = parse_i64(&line[1..end]).ok_or(announced.invalid())?;
        self.position += end + 2;
        self.searched = 0;
        Ok(Some(value))
    }

    #[inline(never)]
    fn inline_command(&mut self, bytes: &[u8]) -> Result<Step, ProtocolError> {
        let found = memchr::memchr(b'\n', &bytes[self.searched..]);
        let end = found.map_or(bytes.len(), |offset| self.searched + offset);
        if end > MAX_LINE_BYTES {
            return Err(ProtocolError::InlineTooBig);
        }
        if found.is_none() {
            self.searched = end;
            return Ok(Step::Incomplete);
        }
        let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
        if inline::is_other_protocol(line) {
            return Err(ProtocolError::CrossProtocol);
        }
        self.is_inline = true;
        inline::split(line, &mut self.inline, &mut self.spans)?;
        let consumed = end + 1;
        Ok(if self.spans.is_empty() { Step::Ignored { consumed } } else { Step::Request { consumed } })
    }
}

/// What the number of a line announces; the two lines differ in their errors.
#[derive(Clone, Copy)]
enum Announced {
    Count,
    Length,
}

impl Announced {
    fn invalid(self) -> ProtocolError {
        match self {
            Self::Count => ProtocolError::InvalidCount,
            Self::Length => ProtocolError::InvalidLength,
        }
    }

    fn too_big(self) -> ProtocolError {
        match self {
            Self::Count => ProtocolError::CountTooBig,
            Self::Length => ProtocolError::LengthTooBig,
        }
    }
}

/// A complete line of one to seven digits, with its length: nearly every line there is.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
fn short_number(line: &[u8]) -> Option<(i64, usize)> {
    if let [digit @ b'0'..=b'9', b'\r', b'\n', ..] = line {
        return Some((i64::from(digit - b'0'), 3));
    }
    let mut value = 0;
    for (index, &byte) in line.iter().enumerate().take(8) {
        match byte {
            b'0' if value == 0 => return None,
            b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
            b'\r' if index > 0 && line.get(index + 1) == Some(&b'\n') => {
                return Some((value, index + 2));
            }
            _ => return None,
        }
    }
    None
}

fn accept_count(count: i64, limits: &RequestLimits) -> Result<u32, ProtocolError> {
    match u32::try_from(count) {
        Ok(count) if count > MAX_ARGUMENTS => Err(ProtocolError::InvalidCount),
        Ok(count) if !limits.authenticated && count > MAX_UNAUTHENTICATED_ARGUMENTS => {
            Err(ProtocolError::UnauthenticatedCount)
        }
        Ok(count) => Ok(count),
        Err(_) => Err(ProtocolError::InvalidCount),
    }
}

fn accept_length(length: i64, limits: &RequestLimits) -> Result<u32, ProtocolError> {
    match u32::try_from(length) {
        Ok(length) if length > limits.max_bulk_bytes => Err(ProtocolError::InvalidLength),
        Ok(length) if !limits.authenticated && length > MAX_UNAUTHENTICATED_BULK_BYTES => {
            Err(ProtocolError::UnauthenticatedLength)
        }
        Ok(length) => Ok(length),
        Err(_) => Err(ProtocolError::InvalidLength),
    }
}
