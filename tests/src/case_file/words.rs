//! Words and text of a case file: redis-cli quoting in both directions.

/// Splits a line as redis-cli does: words, `"…"` with escapes, `'…'` with `\'` only.
///
/// # Errors
/// An open quote, or a closing quote with text glued to it.
pub fn split(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let bytes = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b' ' {
            at += 1;
            continue;
        }
        let mut word = Vec::new();
        while at < bytes.len() && bytes[at] != b' ' {
            match bytes[at] {
                quote @ (b'"' | b'\'') => {
                    at = quoted(bytes, at + 1, quote, &mut word)?;
                    if bytes.get(at).is_some_and(|next| *next != b' ') {
                        return Err("text follows a closing quote".into());
                    }
                }
                byte => {
                    word.push(byte);
                    at += 1;
                }
            }
        }
        words.push(word);
    }
    Ok(words)
}

/// Reads text that is either `"quoted with escapes"` or taken as it stands.
///
/// # Errors
/// A quote that does not end where the text ends.
pub fn text(written: &str) -> Result<Vec<u8>, String> {
    let Some(inner) = written.strip_prefix('"') else {
        return Ok(written.as_bytes().to_vec());
    };
    let mut out = Vec::new();
    let end = quoted(inner.as_bytes(), 0, b'"', &mut out)?;
    if end == inner.len() { Ok(out) } else { Err("text follows a closing quote".into()) }
}

/// Writes bytes on one line, with escapes where they are needed, without quotes around them.
pub fn escape(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for &byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => write!(out, "\\x{byte:02x}").expect("a String takes everything"),
        }
    }
    out
}

/// Copies from `at` to the closing quote and returns the position behind it.
fn quoted(bytes: &[u8], mut at: usize, quote: u8, out: &mut Vec<u8>) -> Result<usize, String> {
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        at += 1;
        match (byte, next) {
            (b'\\', Some(next)) if quote == b'"' => at = escaped(bytes, at, next, out),
            (b'\\', Some(b'\'')) => {
                out.push(b'\'');
                at += 1;
            }
            _ if byte == quote => return Ok(at),
            _ => out.push(byte),
        }
    }
    Err("a quote is not closed".into())
}

fn escaped(bytes: &[u8], at: usize, letter: u8, out: &mut Vec<u8>) -> usize {
    let hex = bytes
        .get(at + 1..at + 3)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u8::from_str_radix(digits, 16).ok());
    match (letter, hex) {
        (b'x', Some(byte)) => {
            out.push(byte);
            return at + 3;
        }
        (b'n', _) => out.push(b'\n'),
        (b'r', _) => out.push(b'\r'),
        (b't', _) => out.push(b'\t'),
        (b'b', _) => out.push(8),
        (b'a', _) => out.push(7),
        (other, _) => out.push(other),
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_like_redis_cli() {
        let words = split(r#"SET "a b\x00\r\n" '' 'it\'s' x"#).expect("well quoted");
        assert_eq!(words, [&b"SET"[..], b"a b\0\r\n", b"", b"it's", b"x"]);
        assert!(split("GET \"a").is_err());
        assert!(split("GET \"a\"b").is_err());
    }

    #[test]
    fn text_is_plain_or_quoted() {
        assert_eq!(text("a \"b").expect("plain"), b"a \"b");
        assert_eq!(text(r#""a \"\xff""#).expect("quoted"), b"a \"\xff");
        assert!(text("\"a").is_err());
        assert_eq!(escape(b"a\r\n\xff "), "a\\r\\n\\xff ");
    }
}
