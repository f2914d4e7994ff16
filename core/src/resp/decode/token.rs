//! Replies as a flat sequence of tokens: what the tree and the JSON writer are both built on.

use super::DecodeError;
use crate::number::parse_i64;

/// Longest line of a reply. Errors quote scripts and arguments, so this is generous; it ends the
/// search for a line end that never comes.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// A scalar, or the head of an aggregate with the count of what follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    Status(&'a [u8]),
    Error(&'a [u8]),
    Integer(i64),
    Bulk(&'a [u8]),
    Null,
    Double(&'a [u8]),
    Boolean(bool),
    BigNumber(&'a [u8]),
    Verbatim {
        format: [u8; 3],
        text: &'a [u8],
    },
    Array(u32),
    Set(u32),
    Push(u32),
    /// Counts pairs.
    Map(u32),
    /// Counts pairs; a reply follows behind them.
    Attribute(u32),
}

impl Token<'_> {
    /// Whether replies follow that belong to this token.
    pub(crate) fn is_aggregate(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Set(_) | Self::Push(_) | Self::Map(_) | Self::Attribute(_))
    }
}

/// Reads the token at `*at` and moves past it. `Truncated` when it is not all there.
pub(crate) fn next<'a>(bytes: &'a [u8], at: &mut usize) -> Result<Token<'a>, DecodeError> {
    let (&mark, rest) = bytes[*at..].split_first().ok_or(DecodeError::Truncated)?;
    if !b"+-:$*_,#(=!~%>|".contains(&mark) {
        return Err(DecodeError::UnknownType(mark));
    }
    let line = line(rest)?;
    *at += 1 + line.len() + 2;
    Ok(match mark {
        b'+' => Token::Status(line),
        b'-' => Token::Error(line),
        b':' => Token::Integer(integer(line)?),
        b'$' | b'*' if line == b"-1" => Token::Null,
        b'$' => Token::Bulk(payload(bytes, at, line)?),
        b'!' => Token::Error(payload(bytes, at, line)?),
        b'=' => verbatim(payload(bytes, at, line)?)?,
        b'*' => Token::Array(length(line)?),
        b'~' => Token::Set(length(line)?),
        b'>' => Token::Push(length(line)?),
        b'%' => Token::Map(length(line)?),
        b'|' => Token::Attribute(length(line)?),
        b'_' if line.is_empty() => Token::Null,
        b'#' if line == b"t" => Token::Boolean(true),
        b'#' if line == b"f" => Token::Boolean(false),
        b',' if !line.is_empty() => Token::Double(line),
        b'(' if is_big_number(line) => Token::BigNumber(line),
        _ => return Err(DecodeError::InvalidScalar),
    })
}

fn line(rest: &[u8]) -> Result<&[u8], DecodeError> {
    let searched = &rest[..rest.len().min(MAX_LINE_BYTES + 1)];
    let Some(end) = memchr::memchr(b'\r', searched) else {
        return Err(if searched.len() > MAX_LINE_BYTES { DecodeError::LineTooLong } else { DecodeError::Truncated });
    };
    match rest.get(end + 1) {
        None => Err(DecodeError::Truncated),
        Some(b'\n') => Ok(&rest[..end]),
        Some(_) => Err(DecodeError::ExpectedCrlf),
    }
}

fn length(line: &[u8]) -> Result<u32, DecodeError> {
    parse_i64(line).and_then(|length| u32::try_from(length).ok()).ok_or(DecodeError::InvalidLength)
}

/// The bytes of a string whose length `line` announced.
fn payload<'a>(bytes: &'a [u8], at: &mut usize, line: &[u8]) -> Result<&'a [u8], DecodeError> {
    let length = length(line)? as usize;
    let rest = &bytes[*at..];
    let Some((payload, end)) = rest.split_at_checked(length) else {
        return Err(DecodeError::Truncated);
    };
    match end {
        [b'\r', b'\n', ..] => {}
        [] | [b'\r'] => return Err(DecodeError::Truncated),
        _ => return Err(DecodeError::ExpectedCrlf),
    }
    *at += length + 2;
    Ok(payload)
}

fn integer(line: &[u8]) -> Result<i64, DecodeError> {
    // The specification lets a plus sign lead.
    let digits = line.strip_prefix(b"+").unwrap_or(line);
    match digits.first() {
        Some(b'-') if digits.len() < line.len() => Err(DecodeError::InvalidScalar),
        _ => parse_i64(digits).ok_or(DecodeError::InvalidScalar),
    }
}

fn verbatim(payload: &[u8]) -> Result<Token<'_>, DecodeError> {
    match payload {
        [a, b, c, b':', text @ ..] => Ok(Token::Verbatim { format: [*a, *b, *c], text }),
        _ => Err(DecodeError::InvalidScalar),
    }
}

fn is_big_number(line: &[u8]) -> bool {
    let digits = match line {
        [b'-' | b'+', digits @ ..] => digits,
        digits => digits,
    };
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}
