//! Writes replies in the protocol version a client chose.

#[cfg(test)]
mod tests;

use crate::number::write_f64;
use crate::structure::listpack::Item;

/// The version of RESP a client speaks, chosen with HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// The first version, spoken until HELLO 3.
    #[default]
    Resp2,
    /// The version with maps, sets, doubles, booleans and pushes.
    Resp3,
}

impl Protocol {
    /// The number HELLO gives it.
    pub fn version(self) -> u8 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// The kinds of aggregate whose length may be known only after the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Elements in order.
    Array,
    /// Pairs; the length counts pairs.
    Map,
    /// Elements without order.
    Set,
    /// A message nobody asked for, in RESP2 an array.
    Push,
}

/// An aggregate that was begun and whose length is still to come; see [`Reply::deferred`].
#[derive(Debug)]
#[must_use = "without its length the reply is broken: pass it to close()"]
pub struct Deferred {
    at: usize,
    aggregate: Aggregate,
}

/// Longest line around a payload: a mark, 20 characters of a number, CR LF, and CR LF again.
const FRAME_BYTES: usize = 26;

/// Appends replies to a buffer.
///
/// Types that RESP2 lacks are written in the form Redis gives them there: a map is a flat array, a
/// double a bulk string, a boolean an integer.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Reply<'a> {
    /// Appends to `out`, in `protocol`.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// The protocol version replies are written in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Writes what follows in another protocol: HELLO and RESET answer in the one they chose.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// The buffer itself, for replies written by nested commands.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// How many bytes the buffer holds: the place a later [`truncate`](Self::truncate) returns to.
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything written since [`position`](Self::position) was `position`, for a
    /// command that fails half-way through its reply.
    pub fn truncate(&mut self, position: usize) {
        self.out.truncate(position);
    }

    /// Appends a reply that is already encoded in this protocol.
    pub fn raw(&mut self, encoded: &[u8]) {
        self.out.extend_from_slice(encoded);
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string. CR and LF become spaces, so that no text can forge a second reply.
    pub fn status(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error; `message` begins with its code, as in `ERR syntax error`. CR and LF become
    /// spaces.
    pub fn error(&mut self, message: &str) {
        self.line(b'-', message.as_bytes());
    }

    /// An error whose message quotes bytes of a client, which need not be UTF-8.
    pub fn error_bytes(&mut self, message: &[u8]) {
        self.line(b'-', message);
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.header(b':', value),
            Err(_) => self.long_header(b':', itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    /// A string of bytes.
    #[inline]
    pub fn bulk(&mut self, payload: &[u8]) {
        self.out.reserve(payload.len() + FRAME_BYTES);
        self.header(b'$', payload.len() as u64);
        self.out.extend_from_slice(payload);
        self.out.extend_from_slice(b"\r\n");
    }

    /// An element of a collection, as a bulk string.
    #[inline]
    pub fn element(&mut self, item: Item<'_>) {
        match item {
            Item::Integer(integer) => self.bulk_integer(integer),
            Item::Text(text) => self.bulk(text),
        }
    }

    /// A string of the decimal digits of `value`.
    #[inline]
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// The value that is not there.
    #[inline]
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The list that is not there; RESP3 knows one null only.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// Begins an array: `len` replies must follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as u64);
    }

    /// Begins a map: `pairs` keys, each with its value behind it, must follow.
    pub fn map(&mut self, pairs: usize) {
        self.aggregate(Aggregate::Map, pairs);
    }

    /// Begins a set: `len` replies must follow.
    pub fn set(&mut self, len: usize) {
        self.aggregate(Aggregate::Set, len);
    }

    /// Begins a message outside the order of requests and replies: `len` replies must follow.
    pub fn push(&mut self, len: usize) {
        self.aggregate(Aggregate::Push, len);
    }

    /// Begins attributes of the next reply: `pairs` keys and values must follow if this returns
    /// true. RESP2 has none; there it writes nothing and returns false.
    #[must_use]
    pub fn attribute(&mut self, pairs: usize) -> bool {
        let supported = self.protocol == Protocol::Resp3;
        if supported {
            self.header(b'|', pairs as u64);
        }
        supported
    }

    /// A floating-point number; see [`write_f64`] for its text.
    pub fn double(&mut self, value: f64) {
        if self.protocol == Protocol::Resp3 {
            self.out.push(b',');
            write_f64(self.out, value);
        } else {
            let start = self.out.len();
            write_f64(self.out, value);
            let end = self.out.len();
            self.header(b'$', (end - start) as u64);
            let header = self.out.len() - end;
            self.out[start..].rotate_right(header);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A truth value; 1 or 0 in RESP2.
    pub fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        });
    }

    /// Text for a person to read. `format` has three characters (`txt`, `mkd`); a longer one is
    /// cut and a shorter one filled with spaces, since scripts choose it. RESP2 leaves it out.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        if self.protocol == Protocol::Resp2 {
            return self.bulk(text);
        }
        let mut prefix = *b"   :";
        for (place, byte) in prefix.iter_mut().zip(format.bytes().take(3)) {
            *place = byte;
        }
        self.out.reserve(text.len() + prefix.len() + FRAME_BYTES);
        self.header(b'=', (text.len() + prefix.len()) as u64);
        self.out.extend_from_slice(&prefix);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer beyond 64 bits, in decimal; a string in RESP2.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// Begins an array whose length is not known yet.
    pub fn deferred_array(&mut self) -> Deferred {
        self.deferred(Aggregate::Array)
    }

    /// Begins an aggregate whose length is not known yet. Write the elements, then
    /// [`close`](Self::close) it. Aggregates may nest; inner ones are closed first.
    pub fn deferred(&mut self, aggregate: Aggregate) -> Deferred {
        Deferred { at: self.out.len(), aggregate }
    }

    /// Writes the length of a deferred aggregate in front of its elements.
    pub fn close(&mut self, deferred: Deferred, len: usize) {
        let end = self.out.len();
        self.aggregate(deferred.aggregate, len);
        let header = self.out.len() - end;
        self.out[deferred.at..].rotate_right(header);
    }

    #[inline]
    fn aggregate(&mut self, aggregate: Aggregate, len: usize) {
        let (mark, count) = match (self.protocol, aggregate) {
            (Protocol::Resp2, Aggregate::Map) => (b'*', len as u64 * 2),
            (Protocol::Resp2, _) | (_, Aggregate::Array) => (b'*', len as u64),
            (Protocol::Resp3, Aggregate::Map) => (b'%', len as u64),
            (Protocol::Resp3, Aggregate::Set) => (b'~', len as u64),
            (Protocol::Resp3, Aggregate::Push) => (b'>', len as u64),
        };
        self.header(mark, count);
    }

    /// A mark, a number and the line end. Nearly every number has one or two digits; for these
    /// the line is one copy of constant length.
    #[inline]
    fn header(&mut self, mark: u8, value: u64) {
        match value {
            0..10 => {
                let line = [mark, b'0' + value as u8, b'\r', b'\n'];
                self.out.extend_from_slice(&line);
            }
            10..100 => {
                let (tens, ones) = (b'0' + value as u8 / 10, b'0' + value as u8 % 10);
                self.out.extend_from_slice(&[mark, tens, ones, b'\r', b'\n']);
            }
            _ => self.long_header(mark, itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    fn long_header(&mut self, mark: u8, digits: &[u8]) {
        self.out.reserve(FRAME_BYTES);
        self.out.push(mark);
        self.out.extend_from_slice(digits);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A mark and a line of text that cannot end early.
    fn line(&mut self, mark: u8, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(mark);
        let start = self.out.len();
        self.out.extend_from_slice(text);
        for byte in &mut self.out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }
}
