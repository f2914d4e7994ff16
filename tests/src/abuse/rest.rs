//! REST: paths, methods, headers of answers.

use super::http::{Answer, ask, post, raw};
use super::site::Site;
use super::{LOCKED, Outcome, PASSWORD, Row, ensure, shown};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B38", "every byte through a path, decoded once", path_bytes),
    Row::new("B39", "methods", methods),
    Row::new("B41", "no cache keeps an answer to a token", no_store).on(LOCKED),
    Row::new("B44", "errors that echo are JSON", echoed_errors),
];

/// Bytes of a key, all percent-encoded.
fn encoded(key: &[u8]) -> String {
    key.iter().map(|byte| format!("%{byte:02x}")).collect()
}

fn path_bytes(site: &Site) -> Outcome {
    let mut client = site.client()?;
    for first in (0..=u8::MAX).step_by(16) {
        let key: Vec<u8> = (first..=first.saturating_add(15)).collect();
        let answer = ask(site.http(), &format!("GET /set/{}/{}", encoded(&key), encoded(&key)), &[], b"")?;
        ensure(answer.status == 200, || format!("{}: {}", shown(&key), answer.text()))?;
        let stored = client.call(&[&b"GET"[..], &key])?;
        ensure(stored == Reply::Bulk(key.clone()), || format!("{}: stored {stored:?}", shown(&key)))?;
        let resource = ask(site.http(), &format!("GET /v1/keys/{}", encoded(&key)), &[], b"")?;
        ensure(resource.body == key, || format!("{}: read {}", shown(&key), shown(&resource.body)))?;
        client.call(&[&b"DEL"[..], &key])?;
    }
    let cases: &[(&str, &[u8])] = &[
        ("bar%2f..", b"bar/.."),
        ("%2e%2e%2fetc%2fpasswd", b"../etc/passwd"),
        ("..", b".."),
        ("%252f", b"%2f"),
        ("a+b", b"a+b"),
        ("%00", b"\0"),
        ("%c0%af", b"\xc0\xaf"),
        ("%0d%0aX", b"\r\nX"),
    ];
    for (text, decoded) in cases {
        let answer = ask(site.http(), &format!("GET /set/abuse:path/{text}"), &[], b"")?;
        ensure(answer.status == 200, || format!("{text}: {}", answer.text()))?;
        let stored = client.call(&["GET", "abuse:path"])?;
        ensure(stored == Reply::Bulk(decoded.to_vec()), || format!("{text}: stored {stored:?}"))?;
    }
    for text in ["%", "%2", "%zz", "%%30"] {
        let answer = ask(site.http(), &format!("GET /set/abuse:path/{text}"), &[], b"")?;
        ensure(answer.status == 400, || format!("{text}: {}", answer.head))?;
    }
    site.call("DEL abuse:path").map(drop)
}

/// Upstash compatibility is on, so GET and HEAD run every command; no header turns one method into another.
fn methods(site: &Site) -> Outcome {
    let cases: &[(&str, &[&str], u16)] = &[
        ("GET /set/abuse:m/1", &[], 200),
        ("HEAD /get/abuse:m", &[], 200),
        ("TRACE /get/abuse:m", &[], 405),
        ("DELETE /get/abuse:m", &[], 405),
        ("PATCH /get/abuse:m", &[], 405),
        ("FOO /get/abuse:m", &[], 405),
        ("GET /pipeline", &[], 405),
        ("GET /multi-exec", &[], 405),
        ("POST /v1/keys/abuse:m", &["Content-Type: application/json"], 405),
        ("TRACE /v1/keys/abuse:m", &[], 405),
        ("GET /v1/keys/abuse:m", &["X-HTTP-Method-Override: DELETE"], 200),
        ("GET /v1/keys/abuse:m", &["X-HTTP-Method: DELETE"], 200),
        ("GET /v1/keys/abuse:m?_method=DELETE", &[], 200),
    ];
    for (line, headers, status) in cases {
        let answer = ask(site.http(), line, headers, b"")?;
        ensure(answer.status == *status, || format!("{line} {headers:?}: {}", answer.head))?;
        let allows = answer.status != 405 || answer.header("allow").is_some();
        ensure(allows, || format!("{line}: 405 without Allow"))?;
        let echoes = answer.text().contains("HTTP/1.1");
        ensure(!echoes, || format!("{line}: the answer echoes the request"))?;
    }
    let head = ask(site.http(), "HEAD /get/abuse:m", &[], b"")?;
    ensure(head.body.is_empty(), || format!("HEAD has a body: {}", head.text()))?;
    site.expect("DEL abuse:m", &Reply::Integer(1))
}

/// Every route. The resource API lets the holder of the token keep a value, and nobody else.
fn no_store(site: &Site) -> Outcome {
    site.call("SET abuse:c v EX 100")?;
    let token = format!("Authorization: Bearer {PASSWORD}");
    let json = "Content-Type: application/json";
    let routes: &[(&str, &[u8])] = &[
        ("GET /", b""),
        ("GET /get/abuse:c", b""),
        ("GET /nosuchcommand", b""),
        ("POST /", b"[\"GET\",\"abuse:c\"]"),
        ("POST /", b"malformed"),
        ("POST /pipeline", b"[[\"GET\",\"abuse:c\"]]"),
        ("POST /multi-exec", b"[[\"GET\",\"abuse:c\"]]"),
        ("GET /v1/nothing", b""),
        ("GET /v1/keys/abuse:none", b""),
        ("GET /v1/ws", b""),
        ("DELETE /get/abuse:c", b""),
    ];
    for (line, body) in routes {
        for headers in [&[token.as_str(), json][..], &[json][..]] {
            let answer = ask(site.http(), line, headers, body)?;
            let kept = answer.header("cache-control") != Some("no-store");
            ensure(!kept, || format!("{line} {headers:?}: {}", answer.head))?;
        }
    }
    let answer = ask(site.http(), "GET /v1/keys/abuse:c", &[&token], b"")?;
    let control = answer.header("cache-control").unwrap_or_default().to_owned();
    site.call("DEL abuse:c")?;
    // Without these words a shared cache may not keep an answer to a request with Authorization: RFC 9111, section
    // 3.5.
    let shared = ["public", "s-maxage", "must-revalidate"].iter().any(|word| control.contains(word));
    ensure(!shared, || format!("a shared cache may keep a value behind a token: Cache-Control: {control:?}"))
}

fn echoed_errors(site: &Site) -> Outcome {
    let script = "%3Cscript%3Ealert(1)%3C/script%3E";
    let body = b"[\"<script>alert(1)</script>\",\"<img src=x onerror=alert(1)>\"]";
    let json = |answer: &Answer, what: &str| {
        let typed = answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let fixed = answer.header("x-content-type-options") == Some("nosniff");
        ensure(answer.status >= 400 && typed && fixed, || format!("{what}: {}", answer.head))
    };
    for path in ["/{}", "/get/{}/x", "/v1/{}", "/v1/keys/{}", "/client/{}", "/set/k/v/{}", "/incr/k/{}", "/?_token={}"]
    {
        let path = path.replace("{}", script);
        let answer = ask(site.http(), &format!("GET {path}"), &[], b"")?;
        if answer.status >= 400 {
            json(&answer, &path)?;
        }
    }
    for path in ["/", "/pipeline", "/multi-exec"] {
        json(&post(site.http(), path, body)?, path)?;
    }
    for header in ["Host: <script>", "Origin: http://<script>", "Content-Type: <script>"] {
        json(&ask(site.http(), "POST /", &[header], b"[]")?, header)?;
    }
    let get = raw(site.http(), b"GET /get/k HTTP/1.1\r\nHost: <b>\r\nConnection: close\r\n\r\n")?;
    json(&get, "Host")
}
