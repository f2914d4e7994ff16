//! Refuses requests whose outcome depends on the clock or that make a server allocate for nothing.
//!
//! Both the generator and the shrinker ask: cutting words out of a harmless request can make a harmful one.

mod waits;

use std::ops::Range;

use super::full_name;

/// Milliseconds so few that the driver waits until they are over.
pub const SHORT_MS: Range<i64> = 1..10;
/// How long the driver waits after a request with [`SHORT_MS`].
pub const SHORT_WAIT_MS: u64 = 15;

/// Relative times that could end within a round.
const NEAR_MS: Range<i64> = SHORT_MS.end..1_000_000;
const NEAR_SECONDS: Range<i64> = 1..1_000;
/// Absolute times that could be today: 2020 to 2036.
const TODAY_SECONDS: Range<i64> = 1_577_836_800..2_082_758_400;
const TODAY_MS: Range<i64> = 1_577_836_800_000..2_082_758_400_000;
/// Positions between 1 MiB, which is enough to test with, and the limit of 512 MiB, from which on they are refused.
const COSTLY_BYTES: Range<i64> = 1 << 20..1 << 29;
const COSTLY_BITS: Range<i64> = 1 << 23..1 << 32;
/// The same for `#n`, which is multiplied by up to 64 bits.
const COSTLY_FIELDS: Range<i64> = 1 << 17..1 << 32;

/// What the driver must know about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Harmless,
    /// A key may expire within [`SHORT_WAIT_MS`].
    ShortLived,
    /// It must not be sent.
    Refused,
}

/// Looks at the words as the server will.
pub fn judge(request: &[Vec<u8>]) -> Verdict {
    // Redis 7.0 applies each option of HELLO as it reads it; we check them all first, as 7.2 does.
    if request.first().is_some_and(|name| name.eq_ignore_ascii_case(b"hello")) && request.len() > 2 {
        return Verdict::Refused;
    }
    if waits::refuses(&full_name(request), request) {
        return Verdict::Refused;
    }
    let mut verdict = Verdict::Harmless;
    let is_set = request.first().is_some_and(|name| name.eq_ignore_ascii_case(b"set"));
    for (unit, value) in amounts(request) {
        let refused = match unit {
            Unit::Seconds => NEAR_SECONDS.contains(&value),
            Unit::Milliseconds => NEAR_MS.contains(&value),
            Unit::UnixSeconds => TODAY_SECONDS.contains(&value),
            Unit::UnixMilliseconds => TODAY_MS.contains(&value),
            Unit::Bytes => COSTLY_BYTES.contains(&value),
            Unit::Bits => COSTLY_BITS.contains(&value),
            Unit::Fields => COSTLY_FIELDS.contains(&value),
        };
        if refused {
            return Verdict::Refused;
        }
        let is_short = match unit {
            Unit::Milliseconds => SHORT_MS.contains(&value),
            // SET stores a key whose time is over; EXPIREAT and GETEX delete it.
            Unit::UnixSeconds | Unit::UnixMilliseconds => is_set && (1..TODAY_SECONDS.start).contains(&value),
            _ => false,
        };
        if is_short {
            verdict = Verdict::ShortLived;
        }
    }
    verdict
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
    UnixSeconds,
    UnixMilliseconds,
    Bytes,
    Bits,
    Fields,
}

/// Every number in the request that a guard is interested in.
fn amounts(request: &[Vec<u8>]) -> Vec<(Unit, i64)> {
    let Some(name) = request.first() else {
        return Vec::new();
    };
    let fixed = match name.to_ascii_lowercase().as_slice() {
        b"setex" | b"expire" => Unit::Seconds,
        b"psetex" | b"pexpire" => Unit::Milliseconds,
        b"expireat" => Unit::UnixSeconds,
        b"pexpireat" => Unit::UnixMilliseconds,
        b"setrange" => Unit::Bytes,
        b"setbit" => Unit::Bits,
        b"bitfield" => return fields(request),
        b"set" | b"getex" => return options(request),
        _ => return Vec::new(),
    };
    request.get(2).and_then(|word| number(word)).map(|value| (fixed, value)).into_iter().collect()
}

fn options(request: &[Vec<u8>]) -> Vec<(Unit, i64)> {
    let option = |pair: &[Vec<u8>]| {
        let unit = match pair[0].to_ascii_lowercase().as_slice() {
            b"ex" => Unit::Seconds,
            b"px" => Unit::Milliseconds,
            b"exat" => Unit::UnixSeconds,
            b"pxat" => Unit::UnixMilliseconds,
            _ => return None,
        };
        Some((unit, number(&pair[1])?))
    };
    request.windows(2).filter_map(option).collect()
}

fn fields(request: &[Vec<u8>]) -> Vec<(Unit, i64)> {
    let field = |triple: &[Vec<u8>]| {
        if !matches!(triple[0].to_ascii_lowercase().as_slice(), b"set" | b"incrby") {
            return None;
        }
        match triple[2].strip_prefix(b"#") {
            Some(count) => Some((Unit::Fields, number(count)?)),
            None => Some((Unit::Bits, number(&triple[2])?)),
        }
    };
    request.windows(3).filter_map(field).collect()
}

fn number(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case_file::words::split;

    #[test]
    fn knows_what_must_not_be_sent() {
        for (line, verdict) in [
            ("SET k v", Verdict::Harmless),
            ("SET k v px 3", Verdict::ShortLived),
            ("SET k v PX 500", Verdict::Refused),
            ("GETEX k EX 5", Verdict::Refused),
            ("PSETEX k 9 255", Verdict::ShortLived),
            ("SETEX k 10000 v", Verdict::Harmless),
            ("EXPIREAT k 1800000000", Verdict::Refused),
            ("EXPIREAT k 1", Verdict::Harmless),
            ("SET k v EXAT 1", Verdict::ShortLived),
            ("SETRANGE k 536870911 x", Verdict::Refused),
            ("SETRANGE k 536870912 x", Verdict::Harmless),
            ("SETBIT k 4294967295 1", Verdict::Refused),
            ("GETBIT k 4294967295", Verdict::Harmless),
            ("BITFIELD k GET u8 4294967280 SET u8 #536870900 1", Verdict::Refused),
            ("BITFIELD k SET u32 0 4294967295", Verdict::Harmless),
        ] {
            assert_eq!(judge(&split(line).expect("well quoted")), verdict, "{line}");
        }
    }
}
