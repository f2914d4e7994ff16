//! Requests that could wait too long, answer without end, or leave something to the clock or to chance.

use super::number;

/// Longest wait that is sent.
const WAIT_SECONDS: f64 = 0.02;
const WAIT_MS: i64 = 20;
/// The shortest: less could be rounded to 0, which is for ever.
const SHORTEST_WAIT_SECONDS: f64 = 0.001;
/// Most elements with repetition that are asked for.
const SAMPLES: i64 = 1_000;
/// Idle times that may or may not be over.
const NEAR_IDLE_MS: std::ops::Range<i64> = 1..1_000_000_000;
/// Times since the Unix epoch that a claimed message may not have: it would become idle by a moving amount.
const RECENT_MS: std::ops::Range<i64> = 1_577_836_800_000..2_082_758_400_000;

/// How the greatest ID begins.
const FAR_ID: &[u8] = b"18446744073709551615";

/// The least that XSETID may set.
const LAST_ID_MS: i64 = 2_000;

/// Whether a request must not be sent.
pub fn refuses(name: &str, request: &[Vec<u8>]) -> bool {
    let word = |at: usize| request.get(at).map(Vec::as_slice);
    let has = |token: &[u8]| request.iter().any(|word| word.eq_ignore_ascii_case(token));
    match name {
        "blpop" | "brpop" | "brpoplpush" | "blmove" | "bzpopmin" | "bzpopmax" => {
            request.last().is_some_and(|timeout| waits_long(timeout))
        }
        "blmpop" | "bzmpop" => word(1).is_some_and(waits_long),
        // Redis 7.2 refuses it, 7.0 does not.
        "lpos" => any_after(request, b"rank", |rank| rank == i64::MIN),
        // An ID of Redis 7.4.
        "xread" if has(b"+") => true,
        "xread" | "xreadgroup" => any_after(request, b"block", |ms| ms == 0 || ms > WAIT_MS),
        // Redis reads a cursor up to its first NUL.
        "scan" => word(1).is_some_and(|cursor| cursor.contains(&0)),
        "hscan" | "sscan" | "zscan" => word(2).is_some_and(|cursor| cursor.contains(&0)),
        // An identifier made from the clock, and one so far from the others that it has a node of its own here, not in
        // Redis: approximate trimming counts in nodes.
        "xadd" => has(b"*") || request.iter().any(|word| word.starts_with(FAR_ID)),
        // See the last IDs that are generated.
        "xsetid" => word(2).is_some_and(|id| milliseconds(id).is_some_and(|ms| ms < LAST_ID_MS)),
        "xclaim" => {
            word(4).and_then(number).is_some_and(|ms| NEAR_IDLE_MS.contains(&ms))
                || any_after(request, b"time", |ms| RECENT_MS.contains(&ms))
        }
        "xautoclaim" => word(4).and_then(number).is_some_and(|ms| NEAR_IDLE_MS.contains(&ms)),
        "xpending" => any_after(request, b"idle", |ms| NEAR_IDLE_MS.contains(&ms)),
        "srandmember" | "hrandfield" | "zrandmember" => word(2).and_then(number).is_some_and(|count| count < -SAMPLES),
        // Redis 7.2 takes one word more than 7.0.
        "zrank" | "zrevrank" => request.len() > 3,
        // Equal weights of ALPHA leave the elements in any order, which STORE would keep.
        "sort" => has(b"by") && has(b"alpha") && has(b"store"),
        _ => false,
    }
}

/// The first half of an ID.
fn milliseconds(id: &[u8]) -> Option<i64> {
    number(id.split(|byte| *byte == b'-').next()?)
}

fn waits_long(timeout: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(timeout) else { return false };
    // Redis reads hexadecimal numbers, we need not.
    let is_hexadecimal = text.to_ascii_lowercase().contains("0x");
    let seconds = text.parse::<f64>().unwrap_or(-1.0);
    is_hexadecimal || (seconds >= 0.0 && !(SHORTEST_WAIT_SECONDS..=WAIT_SECONDS).contains(&seconds))
}

fn any_after(request: &[Vec<u8>], token: &[u8], is_bad: impl Fn(i64) -> bool) -> bool {
    let mut pairs = request.windows(2).filter(|pair| pair[0].eq_ignore_ascii_case(token));
    pairs.any(|pair| number(&pair[1]).is_some_and(&is_bad))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case_file::words::split;

    #[test]
    fn knows_what_could_take_long() {
        for (line, refused) in [
            ("blpop a b 0.01", false),
            ("blpop a b 0", true),
            ("blpop a b -1", false),
            ("blpop a b 5", true),
            ("blpop a b 0x1p3", true),
            ("blpop a b 5e-324", true),
            ("blmpop 0 1 a left", true),
            ("xread block 0 streams a $", true),
            ("xread block 2 streams a $", false),
            ("xadd a * f v", true),
            ("xadd a 5-* f v", false),
            ("xadd a 18446744073709551615-1 f v", true),
            ("xclaim a g c 0 1-1", false),
            ("xclaim a g c 50 1-1", true),
            ("srandmember a -9223372036854775807", true),
            ("srandmember a 9223372036854775807", false),
            ("xsetid a 1000-5", true),
            ("xsetid a 2000-5", false),
            ("zrank a m", false),
            ("zrank a m WITHSCORE", true),
        ] {
            let request = split(line).expect("well quoted");
            assert_eq!(refuses(std::str::from_utf8(&request[0]).expect("text"), &request), refused, "{line}");
        }
    }
}
