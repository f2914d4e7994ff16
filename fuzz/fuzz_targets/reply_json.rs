//! Replies as JSON: the text is JSON, and refused exactly where the reply is.
#![no_main]

use larder_core::resp::decode;
use larder_core::resp::json::{Encoding, write_result, write_results};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let is_reply = matches!(decode(bytes), Ok(Some((_, used))) if used == bytes.len());
    for encoding in [Encoding::Plain, Encoding::Base64] {
        for write in [write_result, write_results] {
            let mut out = b"before".to_vec();
            let written = write(bytes, encoding, &mut out);
            assert_eq!(written.is_ok(), is_reply, "{written:?}");
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
