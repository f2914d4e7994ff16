//! Inline commands: one line of words, as a person types it into a terminal.

use super::{ProtocolError, Span};

/// Words that begin an HTTP request line. POST and `Host:` need no second look.
const HTTP_METHODS: [&[u8]; 9] =
    [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"PATCH", b"TRACE", b"PRI"];

/// Whether the line is the beginning of HTTP, SSH or the PROXY protocol.
///
/// A browser can be made to send such lines to any port, with commands hidden in a body behind
/// them. No inline command that Redis would run is refused: GET and the like count only with an
/// HTTP version as their third and last word.
pub(super) fn is_other_protocol(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let Some(first) = words.next() else {
        return false;
    };
    // NUL alone is the third line of the binary PROXY header.
    if first.eq_ignore_ascii_case(b"POST")
        || first.eq_ignore_ascii_case(b"Host:")
        || first.starts_with(b"SSH-")
        || first == [0]
    {
        return true;
    }
    if !HTTP_METHODS.contains(&first) && first != b"PROXY" {
        return false;
    }
    let (second, third) = (words.next(), words.next());
    if first == b"PROXY" {
        return matches!(second, Some(b"TCP4" | b"TCP6" | b"UNKNOWN"));
    }
    words.next().is_none() && third.is_some_and(|word| word.starts_with(b"HTTP/"))
}

/// Splits a line into words and removes their quoting, the way Redis does.
///
/// The unescaped words go behind each other into `bytes`, their places into `spans`. Quotes may
/// open anywhere in a word; behind a closing quote the word must end.
pub(super) fn split(line: &[u8], bytes: &mut Vec<u8>, spans: &mut Vec<Span>) -> Result<(), ProtocolError> {
    let mut rest = skip_spaces(line);
    while !rest.is_empty() {
        let start = bytes.len();
        rest = skip_spaces(word(rest, bytes)?);
        spans.push(Span::new(start, bytes.len()));
    }
    Ok(())
}

/// Unescapes the word at the front of `rest`; returns what follows it.
fn word<'a>(mut rest: &'a [u8], bytes: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok(rest),
            [b'"', tail @ ..] => return after_quote(double_quoted(tail, bytes)?),
            [b'\'', tail @ ..] => return after_quote(single_quoted(tail, bytes)?),
            [byte, tail @ ..] => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
}

fn after_quote(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest.first() {
        Some(&byte) if !is_space(byte) => Err(ProtocolError::UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], bytes: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'"', tail @ ..] => return Ok(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex_digit(*high) << 4 | hex_digit(*low));
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                tail
            }
            [byte, tail @ ..] => {
                bytes.push(*byte);
                tail
            }
        };
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], bytes: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'\'', tail @ ..] => return Ok(tail),
            [b'\\', b'\'', tail @ ..] => {
                bytes.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                bytes.push(*byte);
                tail
            }
        };
    }
}

/// The value of a digit that `is_ascii_hexdigit` accepted.
fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// White space as C's `isspace` sees it: ASCII's, and the vertical tab.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&byte| is_space(byte)).count();
    &text[spaces..]
}
