//! Paths and queries as words.

use std::borrow::Cow;
use std::fmt;

use crate::resp::RequestBuf;

/// The query pair that carries a token; it never becomes an argument.
const TOKEN_NAME: &[u8] = b"_token";

/// Why a path is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A `%` without two hexadecimal digits behind it.
    Percent,
    /// The words together reach 4 GiB.
    TooLarge,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Percent => "a '%' in the URL lacks its two hexadecimal digits",
            Self::TooLarge => "the request is too large",
        })
    }
}

impl std::error::Error for PathError {}

/// Appends the words of `/set/key` with its body and query to `request`: the segments, the body if there is one, then
/// names and values of the query pairs. A pair without a value is a flag.
///
/// Everything is decoded once; `+` is a plus sign in the path and a space in the query, as forms have it.
///
/// # Errors
/// When the URL is not properly encoded, or too large.
pub fn command_from_path(
    path: &str,
    query: Option<&str>,
    body: Option<&[u8]>,
    request: &mut RequestBuf,
) -> Result<(), PathError> {
    let mut push = |word: &[u8]| request.try_push(word).map_err(|_| PathError::TooLarge);
    let segments = path.strip_prefix('/').unwrap_or(path);
    for segment in segments.as_bytes().split(|&byte| byte == b'/') {
        push(&percent_decode(segment)?)?;
    }
    if let Some(body) = body {
        push(body)?;
    }
    for (name, value) in pairs(query) {
        let name = form_decode(name)?;
        if *name == *TOKEN_NAME {
            continue;
        }
        push(&name)?;
        if !value.is_empty() {
            push(&form_decode(value)?)?;
        }
    }
    Ok(())
}

/// The decoded value of the first query pair of this name.
pub fn query_value<'a>(query: Option<&'a str>, wanted: &str) -> Option<Cow<'a, [u8]>> {
    let (_, value) = pairs(query).find(|(name, _)| *name == wanted.as_bytes())?;
    form_decode(value).ok()
}

/// Names and values as they stand in the query; an absent value is empty.
fn pairs(query: Option<&str>) -> impl Iterator<Item = (&[u8], &[u8])> {
    let pairs = query.unwrap_or_default().as_bytes().split(|&byte| byte == b'&');
    pairs.filter(|pair| !pair.is_empty()).map(|pair| match memchr::memchr(b'=', pair) {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &b""[..]),
    })
}

/// Decodes `%41` once. Every byte may come out, zero and slash included.
///
/// # Errors
/// [`PathError::Percent`].
pub fn percent_decode(text: &[u8]) -> Result<Cow<'_, [u8]>, PathError> {
    let Some(first) = memchr::memchr(b'%', text) else {
        return Ok(Cow::Borrowed(text));
    };
    let mut decoded = Vec::with_capacity(text.len());
    decoded.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            decoded.push(byte);
            rest = after;
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        let (high, low) = digit(0).zip(digit(1)).ok_or(PathError::Percent)?;
        decoded.push((high << 4 | low) as u8);
        rest = &after[2..];
    }
    Ok(Cow::Owned(decoded))
}

fn form_decode(text: &[u8]) -> Result<Cow<'_, [u8]>, PathError> {
    if memchr::memchr(b'+', text).is_none() {
        return percent_decode(text);
    }
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).map(|decoded| Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Path, query, body, words.
    type Case<'a> = (&'a str, Option<&'a str>, Option<&'a [u8]>, &'a [&'a [u8]]);

    fn words(path: &str, query: Option<&str>, body: Option<&[u8]>) -> Result<Vec<Vec<u8>>, PathError> {
        let mut request = RequestBuf::new();
        command_from_path(path, query, body, &mut request)?;
        Ok(request.arguments().iter().map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn paths_are_words() {
        let cases: [Case; 12] = [
            ("/ping", None, None, &[b"ping"]),
            ("/set/foo/bar/EX/100", None, None, &[b"set", b"foo", b"bar", b"EX", b"100"]),
            ("/set/foo", None, Some(b"a/b%20"), &[b"set", b"foo", b"a/b%20"]),
            ("/set/foo", Some("EX=100"), Some(b"v"), &[b"set", b"foo", b"v", b"EX", b"100"]),
            ("/set/foo/v", Some("NX"), None, &[b"set", b"foo", b"v", b"NX"]),
            ("/set/foo/v", Some("NX=&EX=1"), None, &[b"set", b"foo", b"v", b"NX", b"EX", b"1"]),
            ("/get/a", Some("_token=s&x=1"), None, &[b"get", b"a", b"x", b"1"]),
            ("/get/a", Some("_%74oken=s"), None, &[b"get", b"a"]),
            ("/set/foo/", None, None, &[b"set", b"foo", b""]),
            ("/get/a%2Fb%00%ff%252e+", None, None, &[b"get", b"a/b\0\xff%2e+"]),
            ("/get/a", Some("m=x+y%2B"), None, &[b"get", b"a", b"m", b"x y+"]),
            ("/echo/åß", None, None, &[b"echo", "åß".as_bytes()]),
        ];
        for (path, query, body, expected) in cases {
            let expected: Vec<Vec<u8>> = expected.iter().map(|word| word.to_vec()).collect();
            assert_eq!(words(path, query, body), Ok(expected), "{path} {query:?}");
        }
    }

    #[test]
    fn bad_escapes_are_refused() {
        for path in ["/get/%", "/get/%4", "/get/%zz", "/get/%+1"] {
            assert_eq!(words(path, None, None), Err(PathError::Percent), "{path}");
        }
        assert_eq!(words("/get/a", Some("%"), None), Err(PathError::Percent));
    }

    #[test]
    fn every_byte_survives_a_segment() {
        let all: Vec<u8> = (0..=255).collect();
        let escaped: String = all.iter().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(percent_decode(escaped.as_bytes()).as_deref(), Ok(&all[..]));
    }

    #[test]
    fn query_values() {
        assert_eq!(query_value(Some("a=1&ttl=20&ttl=30"), "ttl").as_deref(), Some(&b"20"[..]));
        assert_eq!(query_value(Some("attl=20"), "ttl"), None);
        assert_eq!(query_value(None, "ttl"), None);
    }
}
