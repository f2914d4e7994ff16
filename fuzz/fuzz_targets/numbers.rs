//! Numbers: what is read and written again is the same number, and plain decimals are what Rust reads.
#![no_main]

use larder_core::number::{
    Extended, parse_f64, parse_i64, parse_score_bound, parse_u64, parse_u64_lenient, write_f64, write_f64_17g,
    write_i64,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Some(number) = parse_i64(text) {
        let mut out = Vec::new();
        write_i64(&mut out, number);
        assert_eq!(out, text, "one spelling only");
        assert_eq!(parse_u64_lenient(text), u64::try_from(number).ok());
    }
    if let Some(number) = parse_u64(text) {
        assert_eq!(number.to_string().as_bytes(), text);
    }
    parse_score_bound(text);
    doubles(text);
    extended(text);
    if let Some(bits) = text.first_chunk::<8>() {
        same_after_writing(f64::from_le_bytes(*bits));
    }
});

fn doubles(text: &[u8]) {
    let Some(number) = parse_f64(text) else { return };
    assert!(!number.is_nan(), "a double that clients wrote is a number");
    same_after_writing(number);
    let is_plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-');
    if text.iter().all(is_plain) {
        let expected: f64 = std::str::from_utf8(text).expect("ASCII").parse().expect("Rust reads it too");
        assert_eq!(number, expected);
    }
}

fn same_after_writing(number: f64) {
    for write in [write_f64, write_f64_17g] {
        let mut out = Vec::new();
        write(&mut out, number);
        assert!(!out.is_empty());
        if !number.is_nan() {
            assert_eq!(parse_f64(&out), Some(number), "{}", out.escape_ascii());
        }
    }
}

fn extended(text: &[u8]) {
    let Some(number) = Extended::parse(text) else { return };
    let sum = number.add(Extended::from_i64(0));
    assert_eq!(sum.is_finite(), number.is_finite());
    for number in [number, number.add(number)] {
        let mut out = Vec::new();
        number.write(&mut out);
        if number.is_finite() {
            assert!(Extended::parse(&out).is_some(), "{}", out.escape_ascii());
        }
    }
}
