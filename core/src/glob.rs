//! Redis's glob patterns, as used by KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL rules.

/// Whether all of `text` matches `pattern`: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a byte to take literally.
///
/// Takes at most `pattern × text` steps and no memory. As in Redis an empty text matches an empty pattern only, so
/// callers treat a lone `*` themselves. With `ignore_case`, ASCII letters compare equal, except after `\` in brackets.
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern, mut text) = (pattern, text);
    // Only the latest star needs to be retried: an earlier one could at best bring us here again.
    let mut latest_star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', after_star @ ..] = pattern {
            pattern = after_star;
            latest_star = Some((pattern, text));
            continue;
        }
        let Some((byte, after_byte)) = text.split_first() else {
            // A longer stretch for the star leaves even less text for the rest of the pattern.
            return pattern.is_empty();
        };
        match match_one(pattern, *byte, ignore_case) {
            Some(rest) => (pattern, text) = (rest, after_byte),
            None => {
                let Some((after_star, covered_from)) = latest_star else {
                    return false;
                };
                if after_star.is_empty() {
                    return true;
                }
                (pattern, text) = (after_star, &covered_from[1..]);
                latest_star = Some((after_star, text));
            }
        }
    }
}

/// Matches one byte against the first element of a pattern and returns the rest of the pattern.
fn match_one(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<&[u8]> {
    let (literal, rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => return Some(rest),
        [b'[', class @ ..] => {
            let (is_member, rest) = match_class(class, byte, ignore_case);
            return is_member.then_some(rest);
        }
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal, rest),
    };
    same(literal, byte, ignore_case).then_some(rest)
}

/// Matches one byte against what follows a `[`; a class without `]` ends with the pattern.
fn match_class(class: &[u8], byte: u8, ignore_case: bool) -> (bool, &[u8]) {
    let (negated, mut class) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut is_member = false;
    loop {
        let (found, rest) = match class {
            [] => return (is_member != negated, class),
            [b'\\', literal, rest @ ..] => (*literal == byte, rest),
            [b']', rest @ ..] => return (is_member != negated, rest),
            [first, b'-', last, rest @ ..] => (in_range(*first, *last, byte, ignore_case), rest),
            [literal, rest @ ..] => (same(*literal, byte, ignore_case), rest),
        };
        is_member |= found;
        class = rest;
    }
}

/// Whether a byte lies between two others, in either order, before case is folded.
fn in_range(first: u8, last: u8, byte: u8, ignore_case: bool) -> bool {
    // Redis compares C's char, which is signed on x86-64: bytes from 0x80 sort before the others.
    let rank = |byte: u8| fold(byte, ignore_case).cast_signed();
    let (low, high) = if first.cast_signed() <= last.cast_signed() { (first, last) } else { (last, first) };
    (rank(low)..=rank(high)).contains(&rank(byte))
}

fn same(a: u8, b: u8, ignore_case: bool) -> bool {
    fold(a, ignore_case) == fold(b, ignore_case)
}

fn fold(byte: u8, ignore_case: bool) -> u8 {
    if ignore_case { byte.to_ascii_lowercase() } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    #[test]
    fn patterns_as_redis_reads_them() {
        for (pattern, text, expected) in [
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*o", "heeo", true),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[a", "a", true),
            ("[^", "x", true),
            ("[", "[", false),
            ("[]", "x", false),
            ("[^]", "x", true),
            ("[a-", "-", true),
            ("[a-]", "_", true),
            ("a**", "a", true),
            ("**a", "bba", true),
            ("*ab*ab", "abxab", true),
            ("*ab*ab", "ab", false),
            ("", "", true),
            ("*", "", false),
            ("", "a", false),
            ("A", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), expected, "{pattern} {text}");
        }
        for (pattern, text, expected) in [("A[B-D]", "aC", true), ("[\\A]", "a", false), ("\\A", "a", true)] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), true), expected, "{pattern} {text}");
        }
    }

    /// As redis-server 7.0.15 answers on x86-64.
    #[test]
    fn ranges_compare_signed_bytes() {
        assert!(matches(b"[a-\xff]", b"\x05", false));
        assert!(!matches(b"[a-\xff]", b"~", false));
        assert!(matches(b"[\x80-\xff]", b"\xc3", false));
    }

    /// Milliseconds where every star is retried only once; ages of the universe otherwise.
    #[test]
    fn hostile_patterns_stay_quadratic() {
        let pattern = [b"a*".repeat(511), b"b".to_vec()].concat();
        let started = Instant::now();
        assert!(!matches(&pattern, &[b'a'; 1024], false));
        assert!(!matches(&[b"*".as_slice(), &[b'a'; 500], b"b"].concat(), &[b'a'; 1024], false));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    /// Tries every stretch for every star.
    fn matches_naively(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
        match (pattern, text) {
            ([b'*', rest @ ..], _) => {
                (0..=text.len()).any(|covered| matches_naively(rest, &text[covered..], ignore_case))
            }
            (_, []) => pattern.is_empty(),
            (_, [byte, after @ ..]) => {
                match_one(pattern, *byte, ignore_case).is_some_and(|rest| matches_naively(rest, after, ignore_case))
            }
        }
    }

    proptest! {
        #[test]
        fn one_retry_point_is_enough(pattern in r"[abAB*?\[\]^\\-]{0,9}", text in "[abAB]{1,9}", ignore_case: bool) {
            let expected = matches_naively(pattern.as_bytes(), text.as_bytes(), ignore_case);
            prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), ignore_case), expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(pattern: Vec<u8>, text: Vec<u8>) {
            matches(&pattern, &text, true);
        }
    }
}
