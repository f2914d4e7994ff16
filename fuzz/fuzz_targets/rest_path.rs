//! Commands in URLs: words that are percent-encoded come back, and no other URL panics.
#![no_main]

use arbitrary::Arbitrary;
use larder_core::resp::RequestBuf;
use larder_core::rest::{command_from_path, needs_connection, only_reads, query_value};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Url<'a> {
    path: &'a str,
    query: Option<&'a str>,
    body: Option<&'a [u8]>,
    words: Vec<&'a [u8]>,
}

fuzz_target!(|url: Url| {
    let mut request = RequestBuf::new();
    if command_from_path(url.path, url.query, url.body, &mut request).is_ok() {
        needs_connection(request.arguments());
        only_reads(request.arguments());
    }
    query_value(url.query, "_token");

    if url.words.is_empty() {
        return;
    }
    let path: String = url.words.iter().map(|word| format!("/{}", percent_encoded(word))).collect();
    let mut request = RequestBuf::new();
    command_from_path(&path, None, url.body, &mut request).expect("it is well encoded");
    assert!(request.arguments().iter().eq(url.words.iter().copied().chain(url.body)));
});

fn percent_encoded(word: &[u8]) -> String {
    word.iter().map(|byte| format!("%{byte:02x}")).collect()
}
