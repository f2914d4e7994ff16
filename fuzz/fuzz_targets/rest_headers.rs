//! Headers of the resource API, and replies read as answers.
#![no_main]

use arbitrary::Arbitrary;
use larder_core::rest::{
    Answer, Format, Range, entity_tag, entity_tags, max_age_seconds, percent_decode, range, status_of_error,
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Header<'a> {
    text: &'a [u8],
    other: &'a [u8],
    length: usize,
}

fuzz_target!(|header: Header| {
    match range(header.text, header.length) {
        Range::Part(start, end) => assert!(start < end && end <= header.length),
        Range::Unsatisfiable | Range::Whole => {}
    }
    let own = entity_tag(header.other);
    assert!(entity_tags(&own).next().is_some_and(|tag| tag.is(&own) && tag.digest().is_some()));
    for tag in entity_tags(header.text) {
        assert!(!tag.opaque.contains(&b'"'));
        tag.digest();
    }
    assert_ne!(max_age_seconds(header.text), Some(0));
    assert!((400..600).contains(&status_of_error(header.text)));
    let _ = Format::from_headers(Some(header.text), Some(header.other));
    let _ = Answer::read(header.text);
    if let Ok(decoded) = percent_decode(header.text) {
        assert!(decoded.len() <= header.text.len());
    }
});
