//! JSON requests as words: `["SET","foo","bar","EX",100]`, and arrays of such arrays.
//!
//! A reader of its own, for three reasons: numbers must keep the text they came in (`1e400`, twenty digits), words go
//! into a [`RequestBuf`] without a tree between, and the WASM build pays for nothing else. Arguments are scalars, so
//! nothing here recurses, however deep the text nests.

use std::fmt;

use crate::resp::RequestBuf;

/// Why a text is no request, and where it begins not to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Offset in bytes.
    pub position: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.position)
    }
}

impl std::error::Error for JsonError {}

/// Appends the words of one command to `request`. Strings are words, numbers keep their text, booleans are `true` and
/// `false`.
///
/// # Errors
/// When the text is no array of strings, numbers and booleans (RFC 8259), or an empty one.
pub fn read_command(text: &[u8], request: &mut RequestBuf) -> Result<(), JsonError> {
    let mut reader = Reader::new(text)?;
    reader.command(request)?;
    reader.end()
}

/// Reads an array of commands.
///
/// # Errors
/// When the text is no array of commands, or of more than `most`.
pub fn read_commands(text: &[u8], most: usize) -> Result<Vec<RequestBuf>, JsonError> {
    let mut reader = Reader::new(text)?;
    let mut commands = Vec::new();
    reader.elements("expected an array of commands", |reader| {
        if commands.len() == most {
            return Err(reader.wrong("too many commands"));
        }
        let mut command = RequestBuf::new();
        reader.command(&mut command)?;
        commands.push(command);
        Ok(())
    })?;
    reader.end()?;
    Ok(commands)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// Holds a string with escapes while they are undone.
    unescaped: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Result<Self, JsonError> {
        match std::str::from_utf8(text) {
            Ok(_) => Ok(Self { text, at: 0, unescaped: Vec::new() }),
            Err(error) => Err(JsonError { position: error.valid_up_to(), reason: "expected UTF-8" }),
        }
    }

    fn wrong(&self, reason: &'static str) -> JsonError {
        JsonError { position: self.at, reason }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += blank;
        rest.get(blank).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("expected the end")),
        }
    }

    fn elements(
        &mut self,
        expected: &'static str,
        mut element: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if !self.take(b'[') {
            return Err(self.wrong(expected));
        }
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.wrong("expected ',' or ']'"));
            }
        }
    }

    fn command(&mut self, request: &mut RequestBuf) -> Result<(), JsonError> {
        self.elements("expected an array with a command", |reader| reader.argument(request))?;
        if request.arguments().is_empty() {
            return Err(self.wrong("a command has at least its name"));
        }
        Ok(())
    }

    fn argument(&mut self, request: &mut RequestBuf) -> Result<(), JsonError> {
        let start = self.at;
        let word = match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => return Err(self.wrong("null is no argument")),
            Some(b'[' | b'{') => {
                return Err(self.wrong("an argument is a string, a number or a boolean: send objects as strings"));
            }
            Some(_) => return Err(self.wrong("expected a string, a number or a boolean")),
            None => return Err(self.wrong("the text ends within an array")),
        };
        request.try_push(word).map_err(|_| JsonError { position: start, reason: "the command is too large" })
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<&'static [u8], JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.wrong("expected a string, a number or a boolean"));
        }
        self.at += word.len();
        Ok(word)
    }

    /// The text of a number, in JSON's grammar: no sign but `-`, no zeros in front, digits around the point.
    fn number(&mut self) -> Result<&'a [u8], JsonError> {
        let start = self.at;
        self.skip(b"-");
        if !self.skip(b"0") {
            self.digits()?;
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn skip(&mut self, any_of: &[u8]) -> bool {
        let found = self.text.get(self.at).is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.wrong("expected a digit"));
        }
        self.at += count;
        Ok(())
    }

    /// What a string says. One without escapes is not copied.
    fn string(&mut self) -> Result<&[u8], JsonError> {
        self.at += 1;
        self.unescaped.clear();
        let mut copied = self.at;
        loop {
            let Some(length) = memchr::memchr2(b'"', b'\\', &self.text[self.at..]) else {
                self.at = self.text.len();
                return Err(self.wrong("the text ends within a string"));
            };
            let run = &self.text[self.at..self.at + length];
            if let Some(offset) = run.iter().position(|&byte| byte < b' ') {
                self.at += offset;
                return Err(self.wrong("a control character must be escaped"));
            }
            self.at += length;
            let text = self.text;
            let run = &text[copied..self.at];
            if text[self.at] == b'"' {
                self.at += 1;
                if self.unescaped.is_empty() {
                    return Ok(run);
                }
                self.unescaped.extend_from_slice(run);
                return Ok(&self.unescaped);
            }
            self.unescaped.extend_from_slice(run);
            self.escape()?;
            copied = self.at;
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let plain = match self.text.get(self.at + 1) {
            Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("no such escape")),
        };
        self.unescaped.push(plain);
        self.at += 2;
        Ok(())
    }

    /// `\u00e5`, or the two surrogates of a character beyond the first 65,536.
    fn unicode(&mut self) -> Result<(), JsonError> {
        let unit = |at: usize| {
            let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
            digits.iter().try_fold(0, |unit, &byte| Some(unit << 4 | char::from(byte).to_digit(16)?))
        };
        let first = unit(self.at).ok_or(self.wrong("'\\u' lacks its four hexadecimal digits"))?;
        let (code, length) = match (first, unit(self.at + 6)) {
            (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) => {
                (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
            }
            _ => (first, 6),
        };
        let character = char::from_u32(code).ok_or(self.wrong("half of a surrogate pair"))?;
        self.unescaped.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &[u8]) -> Result<Vec<Vec<u8>>, JsonError> {
        let mut request = RequestBuf::new();
        read_command(text, &mut request)?;
        Ok(request.arguments().iter().map(<[u8]>::to_vec).collect())
    }

    fn check(text: &str, expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|word| word.as_bytes().to_vec()).collect();
        assert_eq!(words(text.as_bytes()), Ok(expected), "{text}");
    }

    #[test]
    fn scalars_become_words() {
        check(r#"["SET","foo","bar","EX",100]"#, &["SET", "foo", "bar", "EX", "100"]);
        check(" [ \"a\" ,\n\t1.50 , true,false ]\r\n", &["a", "1.50", "true", "false"]);
        check(
            r#"["a",1e400,12345678901234567890123,-0,0.10,1E+21]"#,
            &["a", "1e400", "12345678901234567890123", "-0", "0.10", "1E+21"],
        );
        check(
            r#"["\"\\\/\b\f\n\r\t","x\u0000y","\u00e5\ud83e\udd80","","🦀"]"#,
            &["\"\\/\u{8}\u{c}\n\r\t", "x\0y", "å🦀", "", "🦀"],
        );
    }

    #[test]
    fn an_escape_that_yields_nothing_before_it_is_kept() {
        check(r#"["\n","\nabc","abc\n"]"#, &["\n", "\nabc", "abc\n"]);
    }

    #[test]
    fn what_is_no_command_is_refused_with_its_position() {
        let cases: [(&[u8], usize); 30] = [
            (b"", 0),
            (b"   ", 3),
            (b"{}", 0),
            (b"[]", 2),
            (b"\"get\"", 0),
            (b"[", 1),
            (b"[\"a\"", 4),
            (b"[\"a\",", 5),
            (b"[\"a\",]", 5),
            (b"[,\"a\"]", 1),
            (b"[\"a\" \"b\"]", 5),
            (b"[\"a\"]x", 5),
            (b"[\"a\",null]", 5),
            (b"[\"a\",[1]]", 5),
            (b"[\"a\",{}]", 5),
            (b"[\"a\",tru]", 5),
            (b"[01]", 2),
            (b"[+1]", 1),
            (b"[.5]", 1),
            (b"[1.]", 3),
            (b"[1e]", 3),
            (b"[-]", 2),
            (b"[\"a", 3),
            (b"[\"\\x\"]", 2),
            (b"[\"\\u12\"]", 2),
            (b"[\"\\ud800\"]", 2),
            (b"[\"\\udc00\\ud800\"]", 2),
            (b"[\"a\nb\"]", 3),
            (b"[\"\xff\"]", 2),
            (b"\xef\xbb\xbf[\"a\"]", 0),
        ];
        for (text, position) in cases {
            let error = words(text).expect_err(&text.escape_ascii().to_string());
            assert_eq!(error.position, position, "{} {}", text.escape_ascii(), error.reason);
        }
    }

    #[test]
    fn deep_nesting_costs_nothing() {
        let deep = [b"[\"a\",".as_slice(), &[b'['; 1_000_000]].concat();
        assert_eq!(words(&deep).map_err(|error| error.position), Err(5));
        assert_eq!(read_commands(&[b'['; 1_000_000], 10).map_err(|error| error.position), Err(2));
    }

    #[test]
    fn arrays_of_commands() {
        let commands = read_commands(br#"[["SET","k",1], ["GET","k"]]"#, 2).expect("two commands");
        let lengths: Vec<_> = commands.iter().map(|command| command.arguments().len()).collect();
        assert_eq!(lengths, [3, 2]);
        assert_eq!(read_commands(b"[]", 2), Ok(Vec::new()));
        for (text, position) in [("[[\"a\"],[\"b\"],[\"c\"]]", 13), ("[[]]", 3), ("[\"a\"]", 1), ("[[\"a\"]", 6)] {
            let error = read_commands(text.as_bytes(), 2).expect_err(text);
            assert_eq!(error.position, position, "{text}");
        }
    }

    proptest! {
        #[test]
        fn strings_survive_our_own_writer(values in prop::collection::vec(".*", 1..8)) {
            let mut text = b"[".to_vec();
            for (index, value) in values.iter().enumerate() {
                if index > 0 { text.push(b','); }
                crate::resp::json::write_string(value.as_bytes(), &mut text);
            }
            text.push(b']');
            let expected: Vec<_> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
            prop_assert_eq!(words(&text), Ok(expected));
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = words(&text);
            let _ = read_commands(&text, 3);
        }

        #[test]
        fn no_mutilated_command_panics(cut in 0usize..60, flip in 0usize..60, bits in any::<u8>()) {
            let mut text = br#"["SET","k\u00e5\ud83e\udd80\n",1.5e+3,true,"x"]   "#.to_vec();
            let flip = flip % text.len();
            text[flip] ^= bits;
            text.truncate(cut);
            let _ = words(&text);
        }
    }
}
