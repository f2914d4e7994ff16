//! Patterns: laws that hold for every pattern and text.
#![no_main]

use arbitrary::Arbitrary;
use larder_core::glob::matches;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Question<'a> {
    pattern: &'a [u8],
    text: &'a [u8],
}

fuzz_target!(|question: Question| {
    let Question { pattern, text } = question;
    let is_match = matches(pattern, text, false);
    // As in Redis an empty text matches an empty pattern only.
    assert_eq!(matches(b"*", text, false), !text.is_empty());
    assert!(matches(&escaped(text), text, false));
    let (lower_pattern, lower_text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let is_lower_match = matches(&lower_pattern, &lower_text, false);
    assert_eq!(matches(&lower_pattern, &lower_text, true), is_lower_match);
    if is_match && !pattern.contains(&b'[') {
        assert!(matches(pattern, text, true));
    }
});

fn escaped(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [b'\\', *byte]).collect()
}
