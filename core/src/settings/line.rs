//! One line of redis.conf: words, quotes and escapes.

/// Splits a line into words, undoing quotes and escapes.
///
/// Inside `"…"` the escapes `\n \r \t \b \a \xHH` stand for their bytes and any other escaped byte for itself;
/// inside `'…'` only `\'` is an escape. A closing quote must be followed by a blank or the end of the line.
/// `None` means unbalanced quotes. Source: the syntax section of the Redis configuration page.
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let (word, after) = take_word(rest)?;
        words.push(word);
        rest = after.trim_ascii_start();
    }
    Some(words)
}

/// Writes a word in double quotes so that [`split_words`] reads the same bytes back.
pub fn quote(word: &[u8]) -> String {
    let mut out = String::with_capacity(word.len() + 2);
    out.push('"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// Reads one word from the start of `text`, which is neither empty nor blank there.
fn take_word(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            byte if byte.is_ascii_whitespace() => break,
            b'"' | b'\'' => {
                rest = take_quoted(after, byte, &mut word)?;
                let closed = rest.first().is_none_or(u8::is_ascii_whitespace);
                return closed.then_some((word, rest));
            }
            byte => word.push(byte),
        }
        rest = after;
    }
    Some((word, rest))
}

/// Reads up to the closing quote and returns what follows it.
fn take_quoted<'a>(text: &'a [u8], quote: u8, word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = text;
    loop {
        rest = match rest {
            [byte, after @ ..] if *byte == quote => return Some(after),
            [b'\\', b'\'', after @ ..] if quote == b'\'' => {
                word.push(b'\'');
                after
            }
            [b'\\', b'x', high, low, after @ ..] if quote == b'"' && hex(*high, *low).is_some() => {
                word.extend(hex(*high, *low));
                after
            }
            [b'\\', escaped, after @ ..] if quote == b'"' => {
                word.push(unescape(*escaped));
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

fn unescape(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quotes_and_escapes() {
        let cases: [(&str, Option<&[&str]>); 14] = [
            ("", Some(&[])),
            ("  \t ", Some(&[])),
            ("port 6379\r", Some(&["port", "6379"])),
            ("  save   900\t1 ", Some(&["save", "900", "1"])),
            (r#"save """#, Some(&["save", ""])),
            (r#"a "b c" 'd e'"#, Some(&["a", "b c", "d e"])),
            (r#"a "\x41\n\"\\""#, Some(&["a", "A\n\"\\"])),
            (r#"a "\xZZ""#, Some(&["a", "xZZ"])),
            (r"a 'it\'s \n'", Some(&["a", r"it's \n"])),
            (r#"a b"c d""#, Some(&["a", "bc d"])),
            (r#"a "b"c"#, None),
            (r#"a "b"#, None),
            (r"a 'b", None),
            (r#"a "b\"#, None),
        ];
        for (line, expected) in cases {
            let words = split_words(line.as_bytes());
            let expected = expected.map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
            assert_eq!(words, expected, "{line}");
        }
    }

    #[test]
    fn every_byte_survives_quoting() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(split_words(quote(&all).as_bytes()), Some(vec![all]));
    }
}
