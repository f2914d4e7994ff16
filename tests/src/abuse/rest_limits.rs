//! REST: sizes of heads and bodies, compressed bodies, hostile JSON.

use super::http::{Answer, ask, post};
use super::site::Site;
use super::wire::Wire;
use super::{Fault, Outcome, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B34", "heads at and over their limits", heads),
    // A body of 10 MiB in a buffer that doubles takes 24 MiB for a moment, which each worker's allocator keeps a while.
    Row::new("B35", "bodies over their limit, with length and chunked", bodies).growing(64),
    Row::new("B36", "compressed bodies", compressed),
    Row::new("B37", "hostile JSON", hostile_json).growing(32),
    Row::new("B37", "arrays of millions", millions).growing(128).fresh(),
];

/// Largest JSON body, as with Upstash.
const JSON_BYTES: usize = 10 * 1024 * 1024;

fn heads(site: &Site) -> Outcome {
    let target = |bytes: usize| ask(site.http(), &format!("GET /echo/{}", "a".repeat(bytes - 6)), &[], b"");
    let padded = |bytes: usize| ask(site.http(), "GET /ping", &[&format!("X-Padding: {}", "a".repeat(bytes))], b"");
    let many = |count: usize| {
        let headers: Vec<String> = (0..count).map(|number| format!("X-{number}: a")).collect();
        ask(site.http(), "GET /ping", &headers.iter().map(String::as_str).collect::<Vec<_>>(), b"")
    };
    let cases: [(&str, Result<Answer, Fault>, &[u16]); 9] = [
        ("target of 8 KiB", target(8 * 1024), &[200]),
        ("target of 8 KiB and a byte", target(8 * 1024 + 1), &[414]),
        ("target of 64 KiB", target(64 * 1024), &[414, 431]),
        ("head of 15 KiB", padded(15 * 1024), &[200]),
        ("head of 17 KiB", padded(17 * 1024), &[431]),
        ("head of 1 MiB", padded(1024 * 1024), &[431]),
        ("100 headers", many(98), &[200]),
        ("102 headers", many(100), &[431]),
        ("10,000 headers", many(10_000), &[431]),
    ];
    for (what, answer, expected) in cases {
        let answer = answer.map_err(|fault| format!("{what}: {fault}"))?;
        ensure(expected.contains(&answer.status), || format!("{what}: {}", answer.status))?;
    }
    Ok(())
}

fn bodies(site: &Site) -> Outcome {
    let over = JSON_BYTES + 1;
    for path in ["/", "/pipeline", "/multi-exec"] {
        // By the declared length alone: none of the body is waited for.
        let length = format!("Content-Length: {over}");
        let declared = ask(site.http(), &format!("POST {path}"), &["Content-Type: application/json", &length], b"")?;
        ensure(declared.status == 413, || format!("{path} by its length: {}", declared.head))?;
        let chunk = [format!("{:x}\r\n", 1024 * 1024).as_bytes(), &vec![b' '; 1024 * 1024], b"\r\n"].concat();
        let mut wire = Wire::open(site.http())?;
        let head =
            "HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        wire.send(format!("POST {path} {head}").as_bytes());
        for _ in 0..=JSON_BYTES / (1024 * 1024) {
            wire.send(&chunk);
        }
        let answer = Answer::parse(&wire.rest()?)?;
        ensure(answer.status == 413, || format!("{path} in chunks: {}", answer.head))?;
    }
    let huge = ask(site.http(), "PUT /v1/keys/abuse:h", &["Content-Length: 536870913"], b"")?;
    ensure(huge.status == 413, || format!("a value over its limit: {}", huge.head))?;
    site.expect("EXISTS abuse:h", &Reply::Integer(0))
}

/// Requests are never inflated, so a bomb is a body of an unknown coding.
fn compressed(site: &Site) -> Outcome {
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, gzip", "x-gzip", "identity, gzip", "GZIP", "nonsense"] {
        let header = format!("Content-Encoding: {coding}");
        let headers = ["Content-Type: application/json", &header];
        for line in ["POST /", "POST /pipeline", "POST /multi-exec", "POST /set/abuse:z", "PUT /v1/keys/abuse:z"] {
            let answer = ask(site.http(), line, &headers, b"\x1f\x8b\x08\0\0\0\0\0\0\xff")?;
            ensure(answer.status == 415, || format!("{line} {coding}: {}", answer.head))?;
        }
    }
    site.expect("EXISTS abuse:z", &Reply::Integer(0))
}

fn hostile_json(site: &Site) -> Outcome {
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let over_thousand = [b"[", &b"[\"PING\"],".repeat(1000)[..], b"[\"PING\"]]"].concat();
    let malformed: &[&[u8]] = &[
        &deep,
        &b"[".repeat(100_000),
        b"{\"a\":1,\"a\":2}",
        b"[\"SET\",\"k\",{\"a\":1}]",
        b"[\"SET\",\"k\",\"\\ud800\"]",
        b"[\"SET\",\"k\",\"\\udc00\\ud800\"]",
        b"[\"SET\",\"k\",\"a\0b\"]",
        b"[\"SET\",\"k\",null]",
        b"[]",
        b"",
        b"null",
        b"[1,]",
        b"[\"PING\"] x",
        b"[\"PING\"",
        b"[\"PI\xffNG\"]",
        b"\xef\xbb\xbf[\"PING\"]",
        b"[\"SET\",\"k\",1e]",
        b"[\"SET\",\"k\",01]",
        b"[\"SET\",\"k\",NaN]",
        b"[\"SET\",\"k\",Infinity]",
        b"['PING']",
    ];
    for text in malformed {
        for path in ["/", "/pipeline", "/multi-exec"] {
            let answer = post(site.http(), path, text)?;
            ensure(answer.status == 400, || format!("{path} {}: {}", super::shown(text), answer.head))?;
        }
        let positioned = post(site.http(), "/", text)?.text();
        ensure(positioned.contains(" at byte ") || positioned.contains(" at line "), || {
            format!("no position in {positioned}")
        })?;
    }
    for path in ["/pipeline", "/multi-exec"] {
        let answer = post(site.http(), path, &over_thousand)?;
        ensure(answer.status == 400, || format!("{path} of 1,001 commands: {}", answer.head))?;
    }
    let kept: &[(&[u8], &[u8])] = &[
        (b"[\"SET\",\"abuse:j\",1e400]", b"1e400"),
        (b"[\"SET\",\"abuse:j\",18446744073709551616]", b"18446744073709551616"),
        (b"[\"SET\",\"abuse:j\",\"a\\u0000b\"]", b"a\0b"),
        (b"[\"SET\",\"abuse:j\",\"\\ud83d\\ude00\"]", "😀".as_bytes()),
    ];
    for (text, value) in kept {
        let answer = post(site.http(), "/", text)?;
        ensure(answer.status == 200, || format!("{}: {}", super::shown(text), answer.text()))?;
        site.expect("GET abuse:j", &Reply::Bulk(value.to_vec()))?;
    }
    site.expect("DEL abuse:j", &Reply::Integer(1))
}

/// As many elements as a body holds; a thousand are taken.
fn millions(site: &Site) -> Outcome {
    let commands = [b"[", &b"[\"PING\"],".repeat(1_000_000)[..], b"[\"PING\"]]"].concat();
    let numbers = [b"[", &b"1,".repeat(5_000_000)[..], b"1]"].concat();
    for path in ["/pipeline", "/multi-exec"] {
        for text in [&commands, &numbers] {
            let answer = post(site.http(), path, text)?;
            ensure(answer.status == 400, || format!("{path}: {}", answer.head))?;
        }
    }
    Ok(())
}
