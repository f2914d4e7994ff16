//! What a page of another site can send to a cache on the visitor's own machine.

use super::http::{ask, raw};
use super::site::Site;
use super::wire::Wire;
use super::{LOCKED, Outcome, PASSWORD, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B56", "simple requests of another site's page", simple_requests),
    Row::new("B56", "the same where there is a password", simple_requests_locked).on(LOCKED),
    Row::new("B57", "names that are not ours", hosts),
    Row::new("B58", "no CORS headers for anyone", origins),
    Row::new("B63", "listeners and loopback peers", loopback),
];

/// Types that a page may send without asking first.
const SIMPLE_TYPES: [&str; 5] = [
    "Content-Type: text/plain",
    "Content-Type: text/plain;charset=UTF-8",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: multipart/form-data; boundary=x",
    "Content-Type: text/plain; x=application/json",
];

fn simple_requests(site: &Site) -> Outcome {
    let body = b"[\"SET\",\"abuse:csrf\",\"1\"]";
    let pipeline = b"[[\"SET\",\"abuse:csrf\",\"1\"]]";
    for kind in SIMPLE_TYPES.iter().copied().chain(["X-None: 1"]) {
        for (path, body) in
            [("/", &body[..]), ("/pipeline", pipeline), ("/multi-exec", pipeline), ("/set/abuse:csrf", b"1")]
        {
            // Old browsers send neither Origin nor Sec-Fetch-Site: the type alone must do.
            let plain = ask(site.http(), &format!("POST {path}"), &[kind], body)?;
            ensure(plain.status == 415, || format!("{path} {kind}: {}", plain.head))?;
            let origin = "Origin: http://evil.test";
            let foreign = ask(site.http(), &format!("POST {path}"), &[kind, origin], body)?;
            ensure(matches!(foreign.status, 403 | 415), || format!("{path} {kind}: {}", foreign.head))?;
        }
    }
    for site_of in ["cross-site", "same-site"] {
        let fetched = format!("Sec-Fetch-Site: {site_of}");
        let answer = ask(site.http(), "GET /set/abuse:csrf/1", &[&fetched, "Sec-Fetch-Mode: no-cors"], b"")?;
        ensure(answer.status == 403, || format!("{site_of}: {}", answer.head))?;
    }
    let asked = ask(
        site.http(),
        "OPTIONS /",
        &[
            "Origin: http://evil.test",
            "Access-Control-Request-Method: POST",
            "Access-Control-Request-Headers: content-type",
        ],
        b"",
    )?;
    ensure(asked.header("access-control-allow-origin").is_none(), || asked.head.clone())?;
    ensure(asked.status >= 400, || format!("a preflight was answered: {}", asked.head))?;
    site.expect("EXISTS abuse:csrf", &Reply::Integer(0))
}

/// A password keeps every page out; its holder may send any type.
fn simple_requests_locked(site: &Site) -> Outcome {
    for kind in SIMPLE_TYPES {
        for token in
            ["X-None: 1", "Authorization: Bearer wrong", "Authorization: Basic ZGVmYXVsdDp4", "Cookie: token=x"]
        {
            let answer = ask(site.http(), "POST /set/abuse:csrf", &[kind, token], b"1")?;
            ensure(matches!(answer.status, 401 | 415), || format!("{kind} {token}: {}", answer.head))?;
        }
        site.expect("EXISTS abuse:csrf", &Reply::Integer(0))?;
        let token = format!("Authorization: Bearer {PASSWORD}");
        let answer = ask(site.http(), "POST /set/abuse:csrf", &[kind, &token], b"1")?;
        ensure(answer.status == 200, || format!("with the token: {}", answer.head))?;
        site.expect("DEL abuse:csrf", &Reply::Integer(1))?;
    }
    Ok(())
}

fn hosts(site: &Site) -> Outcome {
    let port = site.http().port();
    let cases = [
        ("localhost", 200),
        ("LOCALHOST", 200),
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("127.0.0.1:7379", 200),
        ("[::1]", 200),
        ("[::1]:7379", 200),
        ("evil.test", 421),
        ("evil.test:7379", 421),
        ("EVIL.TEST", 421),
        ("localhost.evil.test", 421),
        ("evil.test.localhost.x", 421),
        ("127.0.0.1.evil.test", 421),
        ("0.0.0.0", 421),
        ("[::]", 421),
        ("10.0.0.1", 421),
        ("192.168.1.1", 421),
        ("localhost.", 421),
        ("2130706433", 421),
        ("localhost@evil.test", 421),
        ("evil.test@localhost", 421),
        ("[::ffff:10.0.0.1]", 421),
        ("localhost:x", 421),
    ];
    for (host, status) in cases {
        for path in ["/get/abuse:h", "/v1/keys/abuse:h", "/", "/v1/ws"] {
            let answer = ask(site.http(), &format!("GET {path}"), &[&format!("Host: {host}")], b"")?;
            // A name that is ours gets as far as the route: a missing key, or no upgrade.
            let admitted = !matches!(answer.status, 421 | 403 | 401);
            // A Host that is no host at all may be called malformed instead.
            let refused = matches!(answer.status, 421 | 400);
            let right = if status == 200 { admitted } else { refused };
            ensure(right, || format!("Host: {host}, {path}: {}", answer.head))?;
        }
    }
    for heads in ["", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nHost: evil.test\r\n", "Host: \r\n"]
    {
        let answer = raw(site.http(), format!("GET /get/k HTTP/1.1\r\n{heads}Connection: close\r\n\r\n").as_bytes())?;
        ensure(matches!(answer.status, 400 | 421), || format!("{heads:?}: {}", answer.head))?;
    }
    for target in ["http://evil.test/get/k", &format!("http://evil.test:{port}/get/k")] {
        let answer = ask(site.http(), &format!("GET {target}"), &[], b"")?;
        ensure(answer.status == 421, || format!("{target}: {}", answer.head))?;
    }
    Ok(())
}

fn origins(site: &Site) -> Outcome {
    let port = site.http().port();
    let host = format!("Host: localhost:{port}");
    let foreign = [
        "null".to_owned(),
        "http://evil.test".to_owned(),
        "https://evil.test".to_owned(),
        format!("http://localhost:{port}.evil.test"),
        format!("http://evil-localhost:{port}"),
        "*".to_owned(),
        format!("http://localhost:{port}@evil.test"),
        format!("http://localhost:{port}/"),
        format!("ftp://localhost:{port}"),
        format!("http://localhost:{port} http://evil.test"),
        String::new(),
        "http://".to_owned(),
    ];
    for origin in foreign {
        for line in ["GET /get/k", "OPTIONS /get/k", "GET /v1/keys/k", "POST /pipeline"] {
            let headers = [host.as_str(), &format!("Origin: {origin}"), "Content-Type: application/json"];
            let answer = ask(site.http(), line, &headers, b"")?;
            ensure(answer.status == 403, || format!("{line} from {origin:?}: {}", answer.head))?;
            let open = answer.head.to_ascii_lowercase().contains("access-control-");
            ensure(!open, || format!("{line} from {origin:?}: {}", answer.head))?;
        }
    }
    let own = ask(site.http(), "GET /get/k", &[&host, &format!("Origin: http://localhost:{port}")], b"")?;
    let plain = own.status == 200 && !own.head.to_ascii_lowercase().contains("access-control-");
    ensure(plain, || own.head.clone())
}

/// Only loopback addresses are bound, and other names of the loopback do not pass for ours.
fn loopback(site: &Site) -> Outcome {
    for address in [site.resp(), site.http()] {
        let all = [std::fs::read_to_string("/proc/net/tcp")?, std::fs::read_to_string("/proc/net/tcp6")?].concat();
        let port = format!(":{:04X}", address.port());
        let listening = |line: &&str| line.split_whitespace().nth(3) == Some("0A");
        let bound: Vec<_> = all.lines().filter(listening).filter_map(|line| line.split_whitespace().nth(1)).collect();
        let bound: Vec<_> = bound.into_iter().filter(|local| local.ends_with(&port)).collect();
        let known = ["0100007F", "00000000000000000000000001000000"];
        let only_loopback = bound.iter().all(|local| known.iter().any(|address| local.starts_with(address)));
        ensure(!bound.is_empty() && only_loopback, || format!("bound: {bound:?}"))?;
    }
    Wire::open(site.resp())?.expect_pong()?;
    // An IPv4 peer in IPv6's form is the same peer.
    let mapped = std::net::SocketAddr::new("::ffff:127.0.0.1".parse()?, site.resp().port());
    if let Ok(mut wire) = Wire::open(mapped) {
        wire.expect_pong()?;
    }
    Ok(())
}
