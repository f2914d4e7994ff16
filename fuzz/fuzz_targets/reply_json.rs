//! Replies as JSON: the text is JSON, and only whole replies have one.
#![no_main]

use larder_core::resp::json::{Encoding, write_result, write_results};
use larder_core::resp::{DecodeError, decode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let decoded = decode(bytes);
    let is_reply = matches!(&decoded, Ok(Some((_, used))) if *used == bytes.len());
    for encoding in [Encoding::Plain, Encoding::Base64] {
        for write in [write_result, write_results] {
            let mut out = b"before".to_vec();
            let written = write(bytes, encoding, &mut out);
            // The tree parses doubles; the JSON passes their text on.
            assert!(written.is_ok() == is_reply || decoded == Err(DecodeError::InvalidScalar), "{written:?}");
            match written {
                Ok(_) => drop(parse(&out[6..])),
                Err(_) => assert_eq!(out, b"before"),
            }
        }
    }
});

fn parse(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", text.escape_ascii()))
}
