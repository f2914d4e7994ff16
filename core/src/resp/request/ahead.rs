//! A look at requests that are not parsed yet.

use super::short_number;

/// Requests with more words are not looked past: that would take longer than it saves.
const WORDS_AHEAD: i64 = 16;

/// The first two arguments of each whole request at the front of some bytes: nearly always its key, and often a field
/// or member. The second may be empty. Ends at the first request that is not plain; nothing may depend on it but speed.
#[derive(Clone, Debug)]
pub struct KeysAhead<'b>(&'b [u8]);

impl<'b> KeysAhead<'b> {
    /// Looks at bytes that begin with a request.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// Moves past a line that announces a number.
    fn number(&mut self, mark: u8) -> Option<i64> {
        let (_, rest) = self.0.split_first().filter(|(first, _)| **first == mark)?;
        let (value, length) = short_number(rest)?;
        self.0 = &rest[length..];
        Some(value)
    }

    /// Moves past a word.
    fn word(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number(b'$')?).ok()?;
        let word = self.0.get(..length)?;
        self.0 = self.0.get(length + 2..)?;
        Some(word)
    }

    fn request(&mut self) -> Option<(&'b [u8], &'b [u8])> {
        let words = self.number(b'*').filter(|words| (2..=WORDS_AHEAD).contains(words))?;
        self.word()?;
        let key = self.word()?;
        let member = if words > 2 { self.word()? } else { b"" };
        for _ in 3..words {
            self.word()?;
        }
        Some((key, member))
    }
}

impl<'b> Iterator for KeysAhead<'b> {
    type Item = (&'b [u8], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let request = self.request();
        if request.is_none() {
            self.0 = &[];
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_whole_plain_requests() {
        let keys = |bytes: &'static [u8]| KeysAhead::new(bytes).collect::<Vec<_>>();
        let get = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n$2\r\nbc\r\n$0\r\n\r\n";
        assert_eq!(keys(get), [(&b"a"[..], &b""[..]), (b"bc", b"")]);
        let hset = b"*5\r\n$4\r\nHSET\r\n$1\r\nh\r\n$1\r\nf\r\n$1\r\nv\r\n$1\r\ng\r\n";
        assert_eq!(keys(hset), [(&b"h"[..], &b"f"[..])]);
        for end in 0..get.len() {
            let found = KeysAhead::new(&get[..end]).count();
            assert_eq!(found, usize::from(end >= 20), "cut at {end}");
        }
        assert!(keys(b"").is_empty());
        assert!(keys(b"PING\r\n").is_empty());
        assert!(keys(b"*1\r\n$4\r\nPING\r\n").is_empty());
        assert!(keys(b"*0\r\n").is_empty());
        assert!(keys(b"*-1\r\n").is_empty());
        assert!(keys(b"*2\r\n$-1\r\n$1\r\na\r\n").is_empty());
        assert!(keys(b"*2\r\n$9999999\r\nGET\r\n").is_empty());
    }
}
