//! Patterns made to cost much: time follows their length, and nothing recurses.

use std::time::{Duration, Instant};

use super::site::Site;
use super::{Outcome, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B71", "patterns with many stars, brackets and escapes", patterns),
    Row::new("B71", "the same in SCAN and CONFIG GET", other_places),
];

/// A pattern of 1 KiB against a name of 1 KiB. An idle machine needs far less.
const USUAL_BOUND: Duration = Duration::from_millis(50);

/// A pattern of 1 MiB, which first has to arrive.
const LARGE_BOUND: Duration = Duration::from_millis(500);

/// Patterns, and how long each may take.
fn hostile() -> Vec<(Vec<u8>, Duration)> {
    let kibibyte = |piece: &[u8], end: &[u8]| [piece.repeat(1024 / piece.len()), end.to_vec()].concat();
    vec![
        (kibibyte(b"a*", b"b"), USUAL_BOUND),
        (kibibyte(b"*", b"b"), USUAL_BOUND),
        (kibibyte(b"*a", b"b"), USUAL_BOUND),
        (kibibyte(b"?*", b"b"), USUAL_BOUND),
        (kibibyte(b"*[a]", b"b"), USUAL_BOUND),
        (kibibyte(b"*\\a", b"b"), USUAL_BOUND),
        (kibibyte(b"a*?[^b]", b"b"), USUAL_BOUND),
        (b"[".repeat(100_000), LARGE_BOUND),
        (b"[^".repeat(50_000), LARGE_BOUND),
        (b"[a-".repeat(30_000), LARGE_BOUND),
        (b"\\".repeat(100_001), LARGE_BOUND),
        (b"*".repeat(1 << 20), LARGE_BOUND),
        ([b"a*".repeat(1 << 19), b"b".to_vec()].concat(), LARGE_BOUND),
        ([b"[".to_vec(), b"a".repeat(1 << 20), b"]".to_vec()].concat(), LARGE_BOUND),
    ]
}

fn timed(site: &Site, words: &[&[u8]], bound: Duration) -> Outcome {
    let mut client = site.client()?;
    let start = Instant::now();
    let reply = client.call(words)?;
    let took = start.elapsed();
    let what = || super::shown(&words.join(&b' '));
    ensure(matches!(reply, Reply::Array(_) | Reply::Error(_)), || format!("{}: {reply:?}", what()))?;
    ensure(took <= bound, || format!("{} took {took:?}", what()))
}

/// With a name of 1 KiB of `a`s, which nearly matches.
fn patterns(site: &Site) -> Outcome {
    let name = b"a".repeat(1024);
    site.client()?.call(&[&b"SET"[..], &name, b"1"])?;
    let result = hostile().iter().try_for_each(|(pattern, bound)| timed(site, &[b"KEYS", pattern], *bound));
    site.client()?.call(&[&b"DEL"[..], &name])?;
    result
}

fn other_places(site: &Site) -> Outcome {
    for (pattern, bound) in hostile() {
        timed(site, &[b"SCAN", b"0", b"MATCH", &pattern, b"COUNT", b"1000"], bound)?;
        timed(site, &[b"CONFIG", b"GET", &pattern], bound)?;
    }
    if site.has("PSUBSCRIBE")? {
        let mut client = site.client()?;
        for (pattern, _) in hostile() {
            client.call(&[&b"PSUBSCRIBE"[..], &pattern])?;
        }
        let name = b"a".repeat(1024);
        let start = Instant::now();
        site.client()?.call(&[&b"PUBLISH"[..], &name, b"x"])?;
        ensure(start.elapsed() <= LARGE_BOUND, || format!("PUBLISH took {:?}", start.elapsed()))?;
    }
    if site.has("ACL")? {
        site.call("ACL SETUSER abuse ~a*a*a*a*a*a*a*a*a*a*b")?;
        site.call("ACL DELUSER abuse")?;
    }
    Ok(())
}
