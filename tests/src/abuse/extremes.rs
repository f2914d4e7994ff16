//! Offsets, lengths and counts at the edge of their types: refused before anything is set aside.

use super::commands::{Case, error, ok, play};
use super::site::Site;
use super::{Outcome, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B64", "strings past 512 MiB", long_strings),
    Row::new("B65", "bit offsets at the edge", bit_offsets),
    Row::new("B65", "a bit far out on a 64 MiB instance", far_bit_in_little_memory)
        .on(&["--maxmemory", "64mb"])
        .fresh(),
    Row::new("B64", "a byte far out on a 64 MiB instance", far_byte_in_little_memory)
        .on(&["--maxmemory", "64mb"])
        .fresh(),
    Row::new("B66", "bitfields", bitfields),
    Row::new("B67", "random members by extreme counts", random_members),
];

const TOO_LONG: &str = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
const BIT_OFFSET: &str = "ERR bit offset is not an integer or out of range";

fn long_strings(site: &Site) -> Outcome {
    play(
        site,
        &[
            ("SETRANGE abuse:x 536870911 ab", error(TOO_LONG)),
            ("SETRANGE abuse:x 536870912 a", error(TOO_LONG)),
            ("SETRANGE abuse:x 9223372036854775807 a", error(TOO_LONG)),
            ("SETRANGE abuse:x -1 a", error("ERR offset is out of range")),
            ("SETRANGE abuse:x -9223372036854775808 a", error("ERR offset is out of range")),
            ("SETRANGE abuse:x 9223372036854775808 a", error("ERR value is not an integer or out of range")),
            ("EXISTS abuse:x", Reply::Integer(0)),
            ("GETRANGE abuse:x -9223372036854775808 9223372036854775807", Reply::Bulk(Vec::new())),
        ],
    )
}

fn bit_offsets(site: &Site) -> Outcome {
    play(
        site,
        &[
            ("SETBIT abuse:x 4294967296 1", error(BIT_OFFSET)),
            ("SETBIT abuse:x 9223372036854775807 1", error(BIT_OFFSET)),
            ("SETBIT abuse:x -1 1", error(BIT_OFFSET)),
            ("SETBIT abuse:x 1 2", error("ERR bit is not an integer or out of range")),
            ("GETBIT abuse:x 4294967296", error(BIT_OFFSET)),
            ("GETBIT abuse:x 4294967295", Reply::Integer(0)),
            ("EXISTS abuse:x", Reply::Integer(0)),
        ],
    )
}

/// What it would take is counted before it is taken.
fn far_bit_in_little_memory(site: &Site) -> Outcome {
    site.expect("SETBIT abuse:near 8000000 1", &Reply::Integer(0))?;
    site.expect("DEL abuse:near", &Reply::Integer(1))?;
    refused_for_memory(site, &["SETBIT", "abuse:x", "4294967295", "1"])?;
    refused_for_memory(site, &["BITFIELD", "abuse:x", "SET", "u8", "4294967288", "1"])
}

fn far_byte_in_little_memory(site: &Site) -> Outcome {
    site.expect("SETRANGE abuse:near 1000000 a", &Reply::Integer(1_000_001))?;
    site.expect("DEL abuse:near", &Reply::Integer(1))?;
    refused_for_memory(site, &["SETRANGE", "abuse:x", "536870900", "a"])
}

fn refused_for_memory(site: &Site, words: &[&str]) -> Outcome {
    let before = site.resident_bytes()?;
    let reply = site.client()?.call(words)?;
    let growth = site.resident_bytes()?.saturating_sub(before);
    site.expect("DEL abuse:x", &Reply::Integer(0))?;
    let refused = matches!(&reply, Reply::Error(text) if text.starts_with(b"OOM "));
    ensure(refused && growth < 16 << 20, || format!("{words:?}: {reply:?}, memory grew by {} MiB", growth >> 20))
}

fn bitfields(site: &Site) -> Outcome {
    let kind = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    let one = |reply| Reply::Array(vec![reply]);
    let numbers = |numbers: &[i64]| Reply::Array(numbers.iter().map(|&number| Reply::Integer(number)).collect());
    let cases: Vec<Case<'_>> = vec![
        ("BITFIELD abuse:x GET u64 0", error(kind)),
        ("BITFIELD abuse:x GET i65 0", error(kind)),
        ("BITFIELD abuse:x GET u0 0", error(kind)),
        ("BITFIELD abuse:x GET x8 0", error(kind)),
        ("BITFIELD abuse:x GET u 0", error(kind)),
        ("BITFIELD abuse:x SET u8 -1 1", error(BIT_OFFSET)),
        ("BITFIELD abuse:x SET u8 #-1 1", error(BIT_OFFSET)),
        ("BITFIELD abuse:x SET u8 #536870912 1", error(BIT_OFFSET)),
        ("BITFIELD abuse:x SET i64 #9223372036854775807 1", error(BIT_OFFSET)),
        ("BITFIELD abuse:x GET u8 #9223372036854775807", error(BIT_OFFSET)),
        ("BITFIELD abuse:x OVERFLOW FOO", error("ERR Invalid OVERFLOW type specified")),
        ("EXISTS abuse:x", Reply::Integer(0)),
        ("BITFIELD abuse:x SET i64 0 9223372036854775807", numbers(&[0])),
        ("BITFIELD abuse:x INCRBY i64 0 1", numbers(&[i64::MIN])),
        ("BITFIELD abuse:x OVERFLOW SAT INCRBY i64 0 -1", numbers(&[i64::MIN])),
        ("BITFIELD abuse:x OVERFLOW FAIL INCRBY i64 0 -9223372036854775808", one(Reply::NullBulk)),
        ("BITFIELD abuse:x OVERFLOW SAT INCRBY i64 0 9223372036854775807", numbers(&[-1])),
        ("BITFIELD abuse:x OVERFLOW SAT SET u8 0 256 INCRBY u8 0 255", numbers(&[255, 255])),
        ("DEL abuse:x", Reply::Integer(1)),
    ];
    play(site, &cases)
}

fn random_members(site: &Site) -> Outcome {
    let range = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    for (fill, command, extra) in [
        ("SADD abuse:s a", "SRANDMEMBER abuse:s", ""),
        ("HSET abuse:h f v", "HRANDFIELD abuse:h", " WITHVALUES"),
        ("ZADD abuse:z 1 a", "ZRANDMEMBER abuse:z", " WITHSCORES"),
    ] {
        let name = command.split(' ').next().unwrap_or_default();
        if !site.has(name)? {
            continue;
        }
        site.call(fill)?;
        site.expect(&format!("{command} -9223372036854775808"), &error(range))?;
        if !extra.is_empty() {
            site.expect(&format!("{command} -4611686018427387905{extra}"), &error("ERR value is out of range"))?;
        }
        let all = site.call(&format!("{command} 9223372036854775807"))?;
        ensure(matches!(&all, Reply::Array(members) if members.len() == 1), || format!("{command}: {all:?}"))?;
        // Streamed or refused, never gathered: nobody reads it here.
        let mut wire = site.wire()?;
        wire.send(&super::wire::words(&format!("{command} -4611686018427387904")));
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    if site.has("SPOP")? {
        site.expect("SPOP abuse:s -1", &error("ERR value is out of range, must be positive"))?;
    }
    let flushed = site.call("FLUSHALL")?;
    ensure(flushed == ok(), || format!("{flushed:?}"))
}
