//! JSON requests as words: `["SET","foo","bar","EX",100]`, and arrays of such arrays.
//!
//! Elements stay slices of the text until they become words, so numbers keep the text they came in (`1e400`, twenty
//! digits). Arguments are scalars: nothing here recurses, however deep the text nests.

use std::borrow::Cow;
use std::fmt;

use larder_core::resp::RequestBuf;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Most words of one command: a body of a few megabytes must not become a list of many more.
const MOST_WORDS: usize = 1 << 20;

const NO_SCALAR: &str = "an argument is a string, a number or a boolean: send objects as strings";

/// Why a text is no request, with line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(String);

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonError {
    fn at(text: &str, offset: usize, reason: &str) -> Self {
        Self::behind(&text.as_bytes()[..offset], reason)
    }

    /// Something is wrong with what follows these bytes. Lines and columns count as serde_json's do: from 1, in bytes.
    fn behind(before: &[u8], reason: &str) -> Self {
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|&&byte| byte != b'\n').count();
        Self(format!("{reason} at line {line} column {column}"))
    }
}

/// Appends the words of one command to `request`. Strings are words, numbers keep their text, booleans are `true` and
/// `false`.
///
/// # Errors
/// When the text is no array of strings, numbers and booleans (RFC 8259), or an empty one.
pub fn read_command(text: &[u8], request: &mut RequestBuf) -> Result<(), JsonError> {
    let text = utf8(text)?;
    Part { whole: text, part: text }.command(request)
}

/// Reads an array of commands.
///
/// # Errors
/// When the text is no array of commands, or of more than `most`.
pub fn read_commands(text: &[u8], most: usize) -> Result<Vec<RequestBuf>, JsonError> {
    let text = utf8(text)?;
    let list = Part { whole: text, part: text };
    let elements = list.elements(most, "expected an array of commands", "too many commands")?;
    let command = |element: &&RawValue| {
        let mut command = RequestBuf::new();
        list.sibling(element).command(&mut command)?;
        Ok(command)
    };
    elements.iter().map(command).collect()
}

fn utf8(text: &[u8]) -> Result<&str, JsonError> {
    str::from_utf8(text).map_err(|fault| JsonError::behind(&text[..fault.valid_up_to()], "expected UTF-8"))
}

/// A value within a text.
#[derive(Clone, Copy)]
struct Part<'a> {
    whole: &'a str,
    part: &'a str,
}

impl<'a> Part<'a> {
    /// Another value of the same text.
    fn sibling(self, value: &'a RawValue) -> Self {
        Self { part: value.get(), ..self }
    }

    fn wrong(self, reason: &str) -> JsonError {
        let value = self.part.trim_ascii_start();
        JsonError::at(self.whole, value.as_ptr().addr() - self.whole.as_ptr().addr(), reason)
    }

    fn elements(self, most: usize, expected: &str, too_many: &str) -> Result<Vec<&'a RawValue>, JsonError> {
        let mut elements = Vec::new();
        let mut reader = serde_json::Deserializer::from_str(self.part);
        let list = Elements { read: &mut elements, most };
        let read = list.deserialize(&mut reader).and_then(|()| reader.end());
        if let Some(element) = elements.get(most) {
            return Err(self.sibling(element).wrong(too_many));
        }
        read.map(|()| elements).map_err(|fault| match fault.classify() {
            // The library's own words would quote the value, however long it is.
            serde_json::error::Category::Data => self.wrong(expected),
            _ => JsonError(fault.to_string()),
        })
    }

    fn command(self, request: &mut RequestBuf) -> Result<(), JsonError> {
        let elements = self.elements(MOST_WORDS, "expected an array with a command", "too many words")?;
        if elements.is_empty() {
            return Err(self.wrong("a command has at least its name"));
        }
        for element in elements {
            let part = self.sibling(element);
            let word = word(element.get()).map_err(|reason| part.wrong(reason))?;
            request.try_push(word.as_bytes()).map_err(|_| part.wrong("the command is too large"))?;
        }
        Ok(())
    }
}

/// Reads the elements of an array, and stops behind the first that is too many.
struct Elements<'e, 'a> {
    read: &'e mut Vec<&'a RawValue>,
    most: usize,
}

impl<'a> DeserializeSeed<'a> for Elements<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Elements<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(element) = sequence.next_element()? {
            self.read.push(element);
            if self.read.len() > self.most {
                return Err(A::Error::custom("too many elements"));
            }
        }
        Ok(())
    }
}

/// What a well-formed value says as an argument. A string without escapes is not copied.
fn word(value: &str) -> Result<Cow<'_, str>, &'static str> {
    if let Some(string) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        if !string.contains('\\') {
            return Ok(Cow::Borrowed(string));
        }
        // Being well-formed, it has no other fault left.
        return serde_json::from_str(value).map(Cow::Owned).map_err(|_| "half of a surrogate pair");
    }
    match value.as_bytes().first() {
        Some(b'-' | b'0'..=b'9' | b't' | b'f') => Ok(Cow::Borrowed(value)),
        Some(b'n') => Err("null is no argument"),
        _ => Err(NO_SCALAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[u8]) -> Result<Vec<String>, JsonError> {
        let mut request = RequestBuf::new();
        read_command(text, &mut request)?;
        Ok(request.arguments().iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text.as_bytes()), Ok(expected.iter().map(|&word| word.to_owned()).collect()), "{text}");
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
        check(r#"["\n","\nabc","abc\n","\""]"#, &["\n", "\nabc", "abc\n", "\""]);
    }

    #[test]
    fn what_is_no_command_is_refused_with_its_position() {
        let cases: [(&[u8], &str); 26] = [
            (b"", "1 column 0"),
            (b"   ", "1 column 3"),
            (b"\n {}", "expected an array with a command at line 2 column 2"),
            (b"[]", "a command has at least its name at line 1 column 1"),
            (b"\"get\"", "expected an array with a command at line 1 column 1"),
            (b"[", "1 column 1"),
            (b"[\"a\"", "1 column 4"),
            (b"[\"a\",", "1 column 5"),
            (b"[\"a\",]", "1 column 6"),
            (b"[,\"a\"]", "1 column 2"),
            (b"[\"a\" \"b\"]", "1 column 6"),
            (b"[\"a\"]x", "trailing characters at line 1 column 6"),
            (b"[\"a\", null]", "null is no argument at line 1 column 7"),
            (b"[\"a\",\n[1]]", "send objects as strings at line 2 column 1"),
            (b"[\"a\",{}]", "send objects as strings at line 1 column 6"),
            (b"[\"a\",tru]", "1 column 9"),
            (b"[01]", "1 column 3"),
            (b"[+1]", "1 column 2"),
            (b"[1.]", "1 column 4"),
            (b"[\"a", "1 column 3"),
            (b"[\"\\x\"]", "1 column 4"),
            (b"[\"\\u12\"]", "escape at line 1 column"),
            (b"[\"\\ud800\"]", "half of a surrogate pair at line 1 column 2"),
            (b"[\"a\nb\"]", "control character"),
            (b"[\"\xff\"]", "expected UTF-8 at line 1 column 3"),
            (b"\xef\xbb\xbf[\"a\"]", "1 column 1"),
        ];
        for (text, expected) in cases {
            let error = words(text).expect_err(&text.escape_ascii().to_string()).to_string();
            assert!(error.contains(expected), "{}: {error}", text.escape_ascii());
        }
    }

    #[test]
    fn errors_do_not_quote_what_came() {
        let long = format!("\"{}\"", "x".repeat(100_000));
        for text in [&long, &format!("[{long}]"), &format!("[{long}")] {
            let error = read_commands(text.as_bytes(), 10).expect_err("no commands");
            assert!(error.0.len() < 100, "{}", error.0.len());
        }
    }

    #[test]
    fn deep_nesting_costs_nothing() {
        let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
        let deep = format!("[\"a\",{open}{close}]");
        assert_eq!(words(deep.as_bytes()), Err(JsonError(format!("{NO_SCALAR} at line 1 column 6"))));
        for text in [&open, &format!("{open}{close}")] {
            assert!(words(text.as_bytes()).is_err() && read_commands(text.as_bytes(), 10).is_err());
        }
    }

    #[test]
    fn arrays_of_commands() {
        let commands = read_commands(br#"[["SET","k",1], ["GET","k"]]"#, 2).expect("two commands");
        let lengths: Vec<_> = commands.iter().map(|command| command.arguments().len()).collect();
        assert_eq!(lengths, [3, 2]);
        assert_eq!(read_commands(b"[]", 2), Ok(Vec::new()));
        for (text, expected) in [
            ("[[\"a\"],[\"b\"],[\"c\"]]", "too many commands at line 1 column 14"),
            ("[[\"a\"],\n[]]", "a command has at least its name at line 2 column 1"),
            ("[\"a\"]", "expected an array with a command at line 1 column 2"),
            ("{}", "expected an array of commands at line 1 column 1"),
            ("[[\"a\"]", "EOF while parsing a list at line 1 column 6"),
        ] {
            assert_eq!(read_commands(text.as_bytes(), 2), Err(JsonError(expected.to_owned())), "{text}");
        }
    }

    #[test]
    fn no_mutilated_command_panics() {
        let text = br#" ["SET","k\u00e5\ud83e\udd80\n",1.5e+3,true,"x"]  "#;
        for place in 0..text.len() {
            for byte in 0..=255 {
                let mut mutilated = *text;
                mutilated[place] = byte;
                let _ = words(&mutilated);
                let _ = read_commands(&mutilated, 3);
            }
            let _ = words(&text[..place]);
        }
    }
}
