//! Requests from a socket: however the bytes are cut, the same requests come out.
#![no_main]

use arbitrary::Arbitrary;
use larder_core::resp::{Input, KeysAhead, Parser, ProtocolError, RequestBuf, RequestLimits};
use larder_core::store::record::write_request;
use libfuzzer_sys::fuzz_target;

/// Limits so small that a fuzzer's input reaches them.
const MAX_BULK_BYTES: u64 = 512;
const MAX_REQUEST_BYTES: u64 = 2048;

#[derive(Arbitrary, Debug)]
struct Stream {
    authenticated: bool,
    chunk_bytes: Vec<u8>,
    bytes: Vec<u8>,
}

#[derive(Debug, PartialEq)]
struct Requests {
    found: Vec<Vec<Vec<u8>>>,
    error: Option<ProtocolError>,
}

fuzz_target!(|stream: Stream| {
    let limits = RequestLimits::new(MAX_BULK_BYTES, MAX_REQUEST_BYTES);
    let limits = if stream.authenticated { limits } else { limits.unauthenticated() };
    let chunked = read(&stream.bytes, stream.chunk_bytes.iter().map(|size| usize::from(*size)), &limits);
    let whole = read(&stream.bytes, std::iter::empty(), &limits);
    assert_eq!(chunked, whole);
    // A look ahead may find anything, but ends.
    assert!(KeysAhead::new(&stream.bytes).count() <= stream.bytes.len());
});

/// Feeds `bytes` in pieces of the given sizes, what is left in one piece.
fn read(bytes: &[u8], sizes: impl Iterator<Item = usize>, limits: &RequestLimits) -> Requests {
    let (mut input, mut parser) = (Input::new(), Parser::new());
    let mut requests = Requests { found: Vec::new(), error: None };
    let mut rest = bytes;
    for size in sizes.chain([usize::MAX]) {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        input.feed(chunk);
        loop {
            match parser.parse_input(&mut input, limits) {
                Ok(None) => break,
                Ok(Some(consumed)) => {
                    let arguments = parser.arguments(input.pending());
                    assert!(!arguments.is_empty());
                    if let Some(wire) = arguments.wire() {
                        // What the log copies is what it would have written itself.
                        let mut framed = Vec::new();
                        write_request(&mut framed, RequestBuf::from(arguments).arguments());
                        assert_eq!((wire, wire.len()), (&framed[..], consumed));
                    }
                    requests.found.push(arguments.iter().map(<[u8]>::to_vec).collect());
                    input.consume(consumed);
                }
                Err(error) => {
                    requests.error = Some(error);
                    return requests;
                }
            }
        }
    }
    requests
}
