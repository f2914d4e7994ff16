//! Stream IDs and the ends of ranges: what is read is written as the same ID, and a range holds what its text says.
#![no_main]

use larder_core::structure::stream::{NewId, StreamId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    for missing_seq in [0, u64::MAX] {
        if let Ok(id) = StreamId::parse(text, missing_seq) {
            same_after_writing(id);
            assert!(text.contains(&b'-') || id.seq == missing_seq);
            assert_eq!(StreamId::parse_or_edge(text, missing_seq), Ok(id));
        }
    }
    if let Ok(Some(start)) = StreamId::parse_start(text) {
        same_after_writing(start);
        if let Some(inner) = text.strip_prefix(b"(") {
            let outside = StreamId::parse(inner, 0).expect("an ID stands behind the bracket");
            assert_eq!(outside.next(), Some(start));
        }
    }
    if let Ok(Some(end)) = StreamId::parse_end(text) {
        same_after_writing(end);
        if let Some(inner) = text.strip_prefix(b"(") {
            let outside = StreamId::parse(inner, u64::MAX).expect("an ID stands behind the bracket");
            assert_eq!(outside.previous(), Some(end));
        }
    }
    if let Ok(new) = NewId::parse(text) {
        let last = StreamId::new(5, 7);
        match (new, new.after(last, 9)) {
            (NewId::Auto, Some(id)) => assert_eq!(id, StreamId::new(9, 0)),
            (NewId::AutoSequence { ms }, Some(id)) => assert!(id.ms == ms && (ms != last.ms || id > last)),
            (NewId::Exact(id), after) => assert_eq!(after, Some(id)),
            (new, None) => panic!("{new:?} has a successor of {last:?}"),
        }
    }
});

fn same_after_writing(id: StreamId) {
    let mut text = Vec::new();
    id.write(&mut text);
    assert!(text.len() <= StreamId::TEXT_BYTES);
    assert_eq!(StreamId::parse(&text, 3), Ok(id));
}
