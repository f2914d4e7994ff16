//! Bytes of two clients into the engine: it answers whole replies and nothing panics.
#![no_main]

use arbitrary::Arbitrary;
use larder_fuzz::{START_MS, engine, lifts_limits, replies};
use libfuzzer_sys::fuzz_target;

/// Most pieces of input in one run.
const MAX_PIECES: usize = 64;

#[derive(Arbitrary, Debug)]
struct Piece<'a> {
    second_client: bool,
    wait_ms: u16,
    bytes: &'a [u8],
}

fuzz_target!(|pieces: Vec<Piece>| {
    if pieces.iter().any(|piece| lifts_limits(piece.bytes)) {
        return;
    }
    let mut engine = engine(1);
    let mut now_ms = START_MS;
    let mut clients = [engine.open(now_ms), engine.open(now_ms)];
    let mut out = [Vec::new(), Vec::new()];
    for piece in pieces.iter().take(MAX_PIECES) {
        now_ms += u64::from(piece.wait_ms);
        let side = usize::from(piece.second_client);
        if !engine.is_open(clients[side]) {
            clients[side] = engine.open(now_ms);
        }
        engine.exec(clients[side], piece.bytes, now_ms, &mut out[side]);
        engine.tick(now_ms);
        replies(&out[side]);
        out[side].clear();
    }
});
