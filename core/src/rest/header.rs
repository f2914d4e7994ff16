//! The headers of the resource API: entity tags, ranges, freshness.

use xxhash_rust::xxh3::xxh3_64;

/// Length of an entity tag with its quotes.
pub const ENTITY_TAG_BYTES: usize = 18;

/// The strong entity tag of a value: its DIGEST in quotes, so that SET and DELEX compare it by `IFDEQ` in one step
/// with the change.
pub fn entity_tag(value: &[u8]) -> [u8; ENTITY_TAG_BYTES] {
    let hash = xxh3_64(value);
    let mut tag = [b'"'; ENTITY_TAG_BYTES];
    for (place, byte) in tag[1..ENTITY_TAG_BYTES - 1].iter_mut().enumerate() {
        *byte = b"0123456789abcdef"[(hash >> (60 - 4 * place)) as usize & 15];
    }
    tag
}

/// An entity tag of a request (RFC 9110, section 8.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// Marked as weak: never enough to allow a change.
    pub weak: bool,
    /// What stands between the quotes.
    pub opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// Whether the tag is of the value whose [`entity_tag`] this is. Weak comparison (section 8.8.3.2); the strong one
    /// asks for `!weak` besides.
    pub fn is(&self, tag: &[u8; ENTITY_TAG_BYTES]) -> bool {
        self.opaque == &tag[1..ENTITY_TAG_BYTES - 1]
    }

    /// The digest to compare with, if the tag can allow a change to one of our values.
    pub fn digest(&self) -> Option<&'a [u8]> {
        let is_ours = self.opaque.len() == ENTITY_TAG_BYTES - 2
            && self.opaque.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_ours && !self.weak).then_some(self.opaque)
    }
}

/// The entity tags of one If-Match or If-None-Match line, up to the first that is malformed.
pub fn entity_tags(line: &[u8]) -> impl Iterator<Item = EntityTag<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b',')).count();
        let list = &rest[blank..];
        let (weak, list) = list.strip_prefix(b"W/").map_or((false, list), |list| (true, list));
        let inner = list.strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', inner)?;
        rest = &inner[end + 1..];
        Some(EntityTag { weak, opaque: &inner[..end] })
    })
}

/// What of a value a response carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of it: there is no range, or none we serve (several ranges, another unit), which a server may ignore.
    Whole,
    /// The bytes from the first to before the second.
    Part(usize, usize),
    /// Nothing of the value is in the range.
    Unsatisfiable,
}

/// Reads a Range header for a value of this length (RFC 9110, section 14.1.2).
pub fn range(header: &[u8], length: usize) -> Range {
    parse_range(header, length).unwrap_or(Range::Whole)
}

fn parse_range(header: &[u8], length: usize) -> Option<Range> {
    let (unit, spec) = header.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let spec = spec.trim_ascii();
    let dash = memchr::memchr(b'-', spec)?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    if first.is_empty() {
        let suffix = decimal(last)?;
        return Some(match suffix.min(length) {
            0 => Range::Unsatisfiable,
            suffix => Range::Part(length - suffix, length),
        });
    }
    let first = decimal(first)?;
    let last = if last.is_empty() { usize::MAX } else { decimal(last)? };
    if last < first {
        return None;
    }
    Some(if first >= length { Range::Unsatisfiable } else { Range::Part(first, last.saturating_add(1).min(length)) })
}

/// Digits as a number; more than fit count as the largest.
fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: usize, byte: &u8| sum.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
    Some(digits.iter().fold(0, add))
}

/// The time to live that a request's Cache-Control asks for. Zero asks for none: it is what clients send to get past
/// caches.
pub fn max_age_seconds(cache_control: &[u8]) -> Option<u64> {
    let directives = cache_control.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let is_max_age = |directive: &[u8]| {
        let (name, value) = directive.split_at_checked(8)?;
        name.eq_ignore_ascii_case(b"max-age=").then(|| decimal(value)).flatten()
    };
    directives.filter_map(is_max_age).map(|seconds| seconds as u64).find(|&seconds| seconds > 0)
}

/// The Cache-Control of a value that lives for this many milliseconds more; `None` if it does not expire. A value that
/// may change at any time must be asked for again.
pub fn freshness(ttl_ms: Option<u64>) -> String {
    match ttl_ms {
        Some(ttl_ms) => format!("max-age={}", ttl_ms / 1000),
        None => "no-cache".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_digests() {
        assert_eq!(&entity_tag(b"hello"), b"\"9555e8555c62dcfd\"");
        assert_eq!(&entity_tag(b""), b"\"2d06800538d394c2\"");
    }

    #[test]
    fn lists_of_entity_tags() {
        let read = |line: &'static str| -> Vec<_> {
            entity_tags(line.as_bytes()).map(|tag| (tag.weak, tag.opaque.escape_ascii().to_string())).collect()
        };
        let pair = |weak, text: &str| (weak, text.to_owned());
        assert_eq!(read("\"a\""), [pair(false, "a")]);
        assert_eq!(read(" \"a\" , W/\"b,c\",\"\""), [pair(false, "a"), pair(true, "b,c"), pair(false, "")]);
        assert_eq!(read("\"a\", b, \"c\""), [pair(false, "a")]);
        for line in ["", "*", "a", "\"a", "w/\"a\""] {
            assert!(read(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn only_strong_tags_of_ours_allow_a_change() {
        let digest = |line: &'static str| entity_tags(line.as_bytes()).next().and_then(|tag| tag.digest());
        assert_eq!(digest("\"9555e8555c62dcfd\""), Some(&b"9555e8555c62dcfd"[..]));
        for line in ["W/\"9555e8555c62dcfd\"", "\"9555E8555C62DCFD\"", "\"9555\"", "\"\""] {
            assert_eq!(digest(line), None, "{line}");
        }
    }

    #[test]
    fn ranges_of_ten_bytes() {
        let cases = [
            ("bytes=0-3", Range::Part(0, 4)),
            ("Bytes= 2-2 ", Range::Part(2, 3)),
            ("bytes=5-", Range::Part(5, 10)),
            ("bytes=-3", Range::Part(7, 10)),
            ("bytes=-30", Range::Part(0, 10)),
            ("bytes=0-18446744073709551615", Range::Part(0, 10)),
            ("bytes=0-99999999999999999999999", Range::Part(0, 10)),
            ("bytes=10-", Range::Unsatisfiable),
            ("bytes=99999999999999999999999-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=3-2", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=--1", Range::Whole),
            ("lines=0-1", Range::Whole),
            ("bytes", Range::Whole),
            ("", Range::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(range(header.as_bytes(), 10), expected, "{header}");
        }
        assert_eq!(range(b"bytes=0-", 0), Range::Unsatisfiable);
        assert_eq!(range(b"bytes=-5", 0), Range::Unsatisfiable);
    }

    #[test]
    fn time_to_live() {
        let cases = [
            ("max-age=60", Some(60)),
            ("private, MAX-AGE=60", Some(60)),
            ("no-cache", None),
            ("max-age=0", None),
            ("max-age=-1", None),
            ("s-maxage=60", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(max_age_seconds(header.as_bytes()), expected, "{header}");
        }
        assert_eq!(freshness(Some(1999)), "max-age=1");
        assert_eq!(freshness(None), "no-cache");
    }
}
