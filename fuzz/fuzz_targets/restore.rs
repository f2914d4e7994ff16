//! Payloads of RESTORE: any type byte and value under a correct footer. What is taken can be written, read again and
//! compared, and took no more memory than its bytes explain.
#![no_main]

use larder_core::engine::Engine;
use larder_core::rdb::append_footer;
use larder_core::session::ClientId;
use libfuzzer_sys::fuzz_target;

const NOW_MS: u64 = 1_700_000_000_000;
/// Type bytes that are read, so that no run is spent on others.
const KINDS: &[u8] = &[0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 24, 25];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, value)) = bytes.split_first() else { return };
    let mut payload = vec![KINDS[usize::from(*kind) % KINDS.len()]];
    payload.extend_from_slice(value);
    append_footer(&mut payload, 11);

    let mut engine = Engine::new(1, NOW_MS);
    let client = engine.open(NOW_MS);
    if call(&mut engine, client, &[b"RESTORE", b"k", b"0", &payload]) != b"+OK\r\n" {
        return;
    }
    let dumped = bulk(call(&mut engine, client, &[b"DUMP", b"k"]));
    assert_eq!(call(&mut engine, client, &[b"RESTORE", b"again", b"0", &dumped]), b"+OK\r\n");
    for command in [b"TYPE".as_slice(), b"LLEN", b"SCARD", b"HLEN", b"ZCARD", b"XLEN"] {
        let replies = [b"k".as_slice(), b"again"].map(|key| call(&mut engine, client, &[command, key]));
        assert_eq!(replies[0], replies[1]);
    }
    for read in [
        &[b"LRANGE".as_slice(), b"k", b"0", b"-1"][..],
        &[b"LPOP", b"k"],
        &[b"LINSERT", b"k", b"BEFORE", b"a", b"b"],
        &[b"SMEMBERS", b"k"],
        &[b"SPOP", b"k"],
        &[b"SADD", b"k", b"a", b"1"],
        &[b"HGETALL", b"k"],
        &[b"HSET", b"k", b"a", b"1"],
        &[b"HDEL", b"k", b"a"],
        &[b"ZRANGEBYSCORE", b"k", b"-inf", b"inf", b"WITHSCORES"],
        &[b"ZINCRBY", b"k", b"1.5", b"a"],
        &[b"ZPOPMAX", b"k"],
        &[b"XRANGE", b"k", b"-", b"+"],
        &[b"XINFO", b"STREAM", b"k", b"FULL"],
        &[b"XADD", b"k", b"*", b"a", b"b"],
        &[b"XTRIM", b"k", b"MAXLEN", b"1"],
    ] {
        assert!(!call(&mut engine, client, read).is_empty());
    }
});

fn call(engine: &mut Engine, client: ClientId, words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    let mut out = Vec::new();
    engine.exec(client, &request, NOW_MS, &mut out);
    out
}

/// The text of a bulk string.
fn bulk(reply: Vec<u8>) -> Vec<u8> {
    let start = reply.iter().position(|byte| *byte == b'\n').expect("a header") + 1;
    reply[start..reply.len() - 2].to_vec()
}
