//! Replies as JSON, in one pass over their bytes and without a tree between.
//!
//! The JSON has the shape of RESP2, as Upstash's REST API answers: maps are flat arrays, doubles
//! strings, booleans 1 and 0. An integer that a JavaScript number cannot hold exactly is a string.

#[cfg(test)]
mod tests;
mod text;

use super::decode::{Token, next_token};
use super::{DecodeError, MAX_DEPTH};

/// Largest magnitude up to which every integer is a JavaScript number: 2^53.
const MAX_EXACT_INTEGER: u64 = 1 << 53;

/// How strings inside a result are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As JSON strings; bytes that are no UTF-8 become U+FFFD.
    #[default]
    Plain,
    /// In base64, which keeps every byte; only the string `OK` stays as it is. Numbers written as
    /// strings are strings too. The `error` member is always plain.
    Base64,
}

/// Which member the JSON has, so that an edge can choose its status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{"result":…}`.
    Result,
    /// `{"error":"…"}`.
    Error,
}

/// Appends the JSON of the one reply that `resp` holds: `{"result":…}` or `{"error":"…"}`.
///
/// An error inside an array is an object `{"error":"…"}` there. Attributes are left out.
///
/// # Errors
/// When `resp` is not exactly one reply; `out` is then as before.
pub fn write_result(resp: &[u8], encoding: Encoding, out: &mut Vec<u8>) -> Result<Kind, DecodeError> {
    let mut writer = Writer::new(resp, encoding, out);
    let kind = writer.member(MAX_DEPTH);
    writer.finish(kind)
}

/// Appends the JSON of an array of replies, as EXEC returns it: `[{"result":…},{"error":"…"}]`.
///
/// A reply that is no array is written as by [`write_result`]: an error as `{"error":"…"}`, the
/// null of an EXEC whose watched keys changed as `{"result":null}`.
///
/// # Errors
/// As [`write_result`].
pub fn write_results(resp: &[u8], encoding: Encoding, out: &mut Vec<u8>) -> Result<Kind, DecodeError> {
    let mut writer = Writer::new(resp, encoding, out);
    let kind = writer.members();
    writer.finish(kind)
}

/// Appends `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) {
    text::write_plain(text, out);
}

struct Writer<'a> {
    resp: &'a [u8],
    at: usize,
    encoding: Encoding,
    out: &'a mut Vec<u8>,
    /// Length of `out` before this reply, to return to on errors.
    begun: usize,
}

impl<'a> Writer<'a> {
    fn new(resp: &'a [u8], encoding: Encoding, out: &'a mut Vec<u8>) -> Self {
        let begun = out.len();
        Self { resp, at: 0, encoding, out, begun }
    }

    fn finish(self, kind: Result<Kind, DecodeError>) -> Result<Kind, DecodeError> {
        let kind =
            kind.and_then(|kind| if self.at == self.resp.len() { Ok(kind) } else { Err(DecodeError::TrailingBytes) });
        if kind.is_err() {
            self.out.truncate(self.begun);
        }
        kind
    }

    fn members(&mut self) -> Result<Kind, DecodeError> {
        let start = self.at;
        let Token::Array(len) = self.token(MAX_DEPTH)? else {
            self.at = start;
            return self.member(MAX_DEPTH);
        };
        self.out.push(b'[');
        for index in 0..len {
            self.comma(index);
            self.member(MAX_DEPTH - 1)?;
        }
        self.out.push(b']');
        Ok(Kind::Result)
    }

    fn member(&mut self, depth: usize) -> Result<Kind, DecodeError> {
        match self.token(depth)? {
            Token::Error(message) => {
                self.error(message);
                Ok(Kind::Error)
            }
            token => {
                self.out.extend_from_slice(b"{\"result\":");
                self.value(token, depth)?;
                self.out.push(b'}');
                Ok(Kind::Result)
            }
        }
    }

    /// The next token that is no attribute; attributes are read over.
    fn token(&mut self, depth: usize) -> Result<Token<'a>, DecodeError> {
        // Each turn moves past a token, so the bytes bound the loop.
        loop {
            match next_token(self.resp, &mut self.at)? {
                Token::Attribute(pairs) => self.skip(u64::from(pairs) * 2, depth)?,
                token => return Ok(token),
            }
        }
    }

    /// Reads over `count` replies.
    fn skip(&mut self, count: u64, depth: usize) -> Result<(), DecodeError> {
        let inner = depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        for _ in 0..count {
            match self.token(inner)? {
                Token::Array(len) | Token::Set(len) | Token::Push(len) => {
                    self.skip(u64::from(len), inner)?;
                }
                Token::Map(pairs) => self.skip(u64::from(pairs) * 2, inner)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn value(&mut self, token: Token<'a>, depth: usize) -> Result<(), DecodeError> {
        match token {
            Token::Array(len) | Token::Set(len) | Token::Push(len) => {
                self.array(u64::from(len), depth)?;
            }
            Token::Map(pairs) => self.array(u64::from(pairs) * 2, depth)?,
            // `token()` has read over every attribute.
            Token::Null | Token::Attribute(_) => self.out.extend_from_slice(b"null"),
            Token::Integer(value) => self.integer(value),
            Token::Boolean(value) => self.out.push(if value { b'1' } else { b'0' }),
            Token::Error(message) => self.error(message),
            Token::Status(text)
            | Token::Bulk(text)
            | Token::Double(text)
            | Token::BigNumber(text)
            | Token::Verbatim { text, .. } => self.string(text),
        }
        Ok(())
    }

    fn array(&mut self, len: u64, depth: usize) -> Result<(), DecodeError> {
        let inner = depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        self.out.push(b'[');
        for index in 0..len {
            self.comma(index);
            let token = self.token(inner)?;
            self.value(token, inner)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn comma(&mut self, index: impl Into<u64>) {
        if index.into() > 0 {
            self.out.push(b',');
        }
    }

    fn integer(&mut self, value: i64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(value).as_bytes();
        if value.unsigned_abs() > MAX_EXACT_INTEGER {
            // A string like any other: clients decode the base64 of all of them.
            self.string(digits);
        } else {
            self.out.extend_from_slice(digits);
        }
    }

    fn string(&mut self, text: &[u8]) {
        match self.encoding {
            Encoding::Base64 if text != b"OK" => text::write_base64(text, self.out),
            _ => text::write_plain(text, self.out),
        }
    }

    fn error(&mut self, message: &[u8]) {
        self.out.extend_from_slice(b"{\"error\":");
        text::write_plain(message, self.out);
        self.out.push(b'}');
    }
}
