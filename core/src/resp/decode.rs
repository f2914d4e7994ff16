//! Reads replies back: RESP2 and RESP3, for tests, the command line and the edges.

#[cfg(test)]
mod tests;
mod token;

pub(super) use token::{Token, next as next_token};

use super::MAX_DEPTH;
use std::fmt;

/// One reply, owned. Strings are bytes: nothing promises UTF-8.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A simple string, such as `OK`.
    Status(Vec<u8>),
    /// An error with its code in front, simple or bulk.
    Error(Vec<u8>),
    /// A 64-bit integer.
    Integer(i64),
    /// A string of bytes.
    Bulk(Vec<u8>),
    /// A null of either version: string, array or the RESP3 null.
    Null,
    /// Elements in order.
    Array(Vec<Value>),
    /// Pairs in the order they came.
    Map(Vec<(Value, Value)>),
    /// Elements without order.
    Set(Vec<Value>),
    /// A floating-point number.
    Double(f64),
    /// A truth value.
    Boolean(bool),
    /// Text for a person to read.
    Verbatim {
        /// What kind of text: `txt`, `mkd`.
        format: [u8; 3],
        /// The text without its format.
        text: Vec<u8>,
    },
    /// The decimal digits of an integer beyond 64 bits.
    BigNumber(Vec<u8>),
    /// A message outside the order of requests and replies.
    Push(Vec<Value>),
    /// A reply with attributes in front of it.
    Attribute {
        /// The attributes.
        pairs: Vec<(Value, Value)>,
        /// The reply they describe.
        value: Box<Value>,
    },
}

/// Bytes that are no RESP reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// No type of RESP begins with this byte. The streamed types of RESP3 count as unknown.
    UnknownType(u8),
    /// A length is no number, negative, or beyond 4 GiB.
    InvalidLength,
    /// A number, boolean, null or verbatim text is spelled wrongly.
    InvalidScalar,
    /// CR LF is missing where a line or string ends.
    ExpectedCrlf,
    /// A line exceeds the longest one a server sends.
    LineTooLong,
    /// Aggregates nest deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The bytes end within the reply, where a whole one was promised.
    Truncated,
    /// Bytes follow the reply, where only one was promised.
    TrailingBytes,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(byte) => {
                write!(f, "no reply begins with '{}'", byte.escape_ascii())
            }
            Self::InvalidLength => f.write_str("invalid length in a reply"),
            Self::InvalidScalar => f.write_str("invalid number, boolean or null in a reply"),
            Self::ExpectedCrlf => f.write_str("a reply lacks CR LF where it ends"),
            Self::LineTooLong => f.write_str("a line of a reply is too long"),
            Self::TooDeep => write!(f, "a reply nests deeper than {MAX_DEPTH}"),
            Self::Truncated => f.write_str("a reply is cut short"),
            Self::TrailingBytes => f.write_str("bytes follow a reply"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Decodes the reply at the front of `bytes`; returns it with its length on the wire, or `None`
/// while it is incomplete.
///
/// An incomplete reply is decoded again from its beginning: for readers of large replies in small
/// pieces, gather more before asking again.
///
/// # Errors
/// When the bytes can never become a reply.
pub fn decode(bytes: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
    let mut at = 0;
    match value(bytes, &mut at, MAX_DEPTH) {
        Ok(value) => Ok(Some((value, at))),
        Err(DecodeError::Truncated) => Ok(None),
        Err(error) => Err(error),
    }
}

fn value(bytes: &[u8], at: &mut usize, depth: usize) -> Result<Value, DecodeError> {
    let token = next_token(bytes, at)?;
    if token.is_aggregate() && depth == 0 {
        return Err(DecodeError::TooDeep);
    }
    // Saturates for scalars only, which go no deeper.
    let inner = depth.saturating_sub(1);
    Ok(match token {
        Token::Status(text) => Value::Status(text.to_vec()),
        Token::Error(text) => Value::Error(text.to_vec()),
        Token::Integer(integer) => Value::Integer(integer),
        Token::Bulk(payload) => Value::Bulk(payload.to_vec()),
        Token::Null => Value::Null,
        Token::Double(text) => Value::Double(parse_double(text)?),
        Token::Boolean(boolean) => Value::Boolean(boolean),
        Token::BigNumber(digits) => Value::BigNumber(digits.to_vec()),
        Token::Verbatim { format, text } => Value::Verbatim { format, text: text.to_vec() },
        Token::Array(len) => Value::Array(elements(bytes, at, inner, len)?),
        Token::Set(len) => Value::Set(elements(bytes, at, inner, len)?),
        Token::Push(len) => Value::Push(elements(bytes, at, inner, len)?),
        Token::Map(len) => Value::Map(pairs(bytes, at, inner, len)?),
        Token::Attribute(len) => {
            Value::Attribute { pairs: pairs(bytes, at, inner, len)?, value: Box::new(value(bytes, at, inner)?) }
        }
    })
}

/// Grows with the elements that are there; the declared length ends the loop and nothing else.
fn elements(bytes: &[u8], at: &mut usize, depth: usize, len: u32) -> Result<Vec<Value>, DecodeError> {
    let mut elements = Vec::new();
    for _ in 0..len {
        elements.push(value(bytes, at, depth)?);
    }
    Ok(elements)
}

fn pairs(bytes: &[u8], at: &mut usize, depth: usize, len: u32) -> Result<Vec<(Value, Value)>, DecodeError> {
    let mut pairs = Vec::new();
    for _ in 0..len {
        pairs.push((value(bytes, at, depth)?, value(bytes, at, depth)?));
    }
    Ok(pairs)
}

fn parse_double(text: &[u8]) -> Result<f64, DecodeError> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(DecodeError::InvalidScalar)
}
