//! What the engine targets share.

use larder_core::engine::Engine;
use larder_core::resp::{Value, decode};
use larder_core::settings::{Origin, Settings};

/// The time every run starts at, Unix time in milliseconds.
pub const START_MS: u64 = 1_700_000_000_000;

/// Longest string: the smallest that the setting allows, so that one SETRANGE cannot fill the fuzzer's memory.
const MAX_BULK_BYTES: &[u8] = b"1048576";
const MAX_MEMORY_BYTES: &[u8] = b"33554432";

/// An engine with limits so small that inputs reach them, and with DEBUG allowed.
pub fn engine(seed: u64) -> Engine {
    let mut settings = Settings::default();
    let pairs: [(&[u8], &[u8]); 5] = [
        (b"proto-max-bulk-len", MAX_BULK_BYTES),
        (b"client-query-buffer-limit", MAX_BULK_BYTES),
        (b"maxmemory", MAX_MEMORY_BYTES),
        (b"databases", b"4"),
        (b"enable-debug-command", b"yes"),
    ];
    settings.set_all(&pairs, Origin::Start).expect("the values are in range");
    Engine::with_settings(settings, seed, START_MS)
}

/// Whether an input names a parameter that would lift the limits of [`engine`].
pub fn lifts_limits(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let names = |name: &[u8]| lower.windows(name.len()).any(|window| window == name);
    names(b"max-bulk-len") || names(b"maxmemory")
}

/// Reads whole replies.
///
/// # Panics
/// When the bytes are anything else.
pub fn replies(out: &[u8]) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = out;
    while !rest.is_empty() {
        match decode(rest) {
            Ok(Some((reply, used))) => {
                found.push(reply);
                rest = &rest[used..];
            }
            other => panic!("{other:?} in {}", rest.escape_ascii()),
        }
    }
    found
}
