//! Limits, and requests that should not have come.

use std::io::Write;
use std::time::Duration;

use larder_core::settings::Settings;

use super::server::Server;

#[test]
fn heads_over_the_limits() {
    let server = Server::open();
    let long = |bytes: usize| server.get(&format!("/echo/{}", "a".repeat(bytes - 6)));
    assert_eq!(long(8 * 1024).status, 200);
    for bytes in [8 * 1024 + 1, 24 * 1024] {
        assert!(long(bytes).is(414, r#"{"error":"ERR the URL is longer than 8192 bytes"}"#), "{bytes}");
    }
    assert_eq!(long(64 * 1024).status, 431);
    let padded = |bytes: usize| server.send("GET /ping", &[&format!("X-Padding: {}", "a".repeat(bytes))], b"");
    assert_eq!(padded(16 * 1000).status, 200);
    for bytes in [16 * 1024, 24 * 1024] {
        assert!(padded(bytes).is(431, r#"{"error":"ERR the headers are longer than 16384 bytes"}"#), "{bytes}");
    }
    assert_eq!(padded(33 * 1024).status, 431);
    let headers: Vec<String> = (0..101).map(|number| format!("X-{number}: a")).collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    assert_eq!(server.send("GET /ping", &headers, b"").status, 431);
    assert_eq!(server.send("GET /ping", &headers[..98], b"").status, 200);
}

#[test]
fn bodies_over_the_limits() {
    let server = Server::start(Settings { proto_max_bulk_len_bytes: 1024 * 1024, ..Settings::default() });
    let json = ["Content-Type: application/json"];
    let too_large = r#"{"error":"ERR max request size exceeded"}"#;
    // Refused by the declared length: the body is not waited for.
    let declared =
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10485761\r\n\r\n";
    assert!(server.raw(declared).is(413, too_large));
    let value = vec![b'x'; 1024 * 1024];
    assert_eq!(server.send("PUT /v1/keys/k", &[], &value).status, 201);
    assert_eq!(server.send("POST /set/k", &json, &value).status, 200);
    let chunked = b"PUT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n";
    let mut request = chunked.to_vec();
    request.extend_from_slice(&value);
    request.extend_from_slice(b"y\r\n0\r\n\r\n");
    assert!(server.raw(&request).is(413, too_large));
    for coding in ["gzip", "br", "zstd", "gzip, gzip"] {
        let coding = format!("Content-Encoding: {coding}");
        assert_eq!(server.send("PUT /v1/keys/k", &[&coding], b"x").status, 415, "{coding}");
    }
}

#[test]
fn chunked_bodies_are_gathered() {
    let server = Server::open();
    let head = "PUT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut stream = server.connect();
    for piece in [head, "3\r\nabc\r\n", "0", "2\r\nde\r\n", "0\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 201"), "{}", answer.escape_ascii());
    assert!(server.get("/v1/keys/k").is(200, "abcde"));
}

#[test]
fn ambiguous_framing_is_refused() {
    let server = Server::open();
    let heads = [
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: 4, 5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length : 4\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "X-A: b\r\n folded: c\r\n",
    ];
    for head in heads {
        let request = format!("PUT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\nbody");
        assert_eq!(server.raw(request.as_bytes()).status, 400, "{head}");
    }
    let request = "PUT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
                   ffffffffffffffffff\r\nbody";
    assert_eq!(server.raw(request.as_bytes()).status, 400);
    assert_eq!(server.get("/v1/keys/k").status, 404);
}

/// hyper takes the chunks, which RFC 9112 allows, and closes: what stands behind is not read as a request.
#[test]
fn a_length_beside_chunks_ends_the_connection() {
    let server = Server::open();
    for head in ["Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 3"] {
        let request = format!(
            "PUT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n1\r\na\r\n0\r\n\r\n\
             GET /set/smuggled/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        let answer = server.raw(request.as_bytes());
        assert!(answer.status < 300 && answer.header("connection") == Some("close"), "{answer:?}");
        assert!(answer.body.is_empty(), "{answer:?}");
        assert!(server.get("/get/smuggled").is(200, r#"{"result":null}"#));
    }
}

#[test]
fn pages_of_other_sites_are_refused() {
    let server = Server::open();
    let attempts: [(&str, &[&str], u16); 9] = [
        ("GET /flushall", &["Sec-Fetch-Site: cross-site"], 403),
        ("GET /get/k", &["Origin: http://evil.test"], 403),
        ("PUT /v1/keys/k", &["Origin: null"], 403),
        ("POST /set/k", &["Content-Type: text/plain"], 415),
        ("POST /set/k", &["Content-Type: application/x-www-form-urlencoded"], 415),
        ("POST /set/k", &["Content-Type: text/plain", "Authorization: Bearer any"], 200),
        ("POST /set/k", &["Content-Type: application/json", "Origin: http://localhost"], 200),
        ("POST /set/k", &["Content-Type: application/json", "Origin: http://localhost.evil.test"], 403),
        ("GET /get/k", &["X-HTTP-Method-Override: DELETE"], 200),
    ];
    for (line, headers, status) in attempts {
        let answer = server.send(line, headers, b"v");
        assert_eq!(answer.status, status, "{line} {headers:?} {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{line}");
    }
    for (host, status) in [("evil.test", 421), ("127.0.0.1:1", 200), ("LOCALHOST", 200), ("0.0.0.0", 421)] {
        let request = format!("GET /ping HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(server.raw(request.as_bytes()).status, status, "{host}");
    }
    assert_eq!(server.raw(b"GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n").status, 400);
    let absolute = b"GET http://evil.test/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(absolute).status, 421);
}

#[test]
fn errors_never_become_html() {
    let server = Server::open();
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [format!("/{script}"), format!("/get/{script}/x"), format!("/v1/{script}"), format!("/client/{script}")]
    {
        let answer = server.get(&path);
        assert!(answer.status >= 400, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[test]
fn more_clients_than_maxclients() {
    let server = Server::start(Settings { maxclients: 1, ..Settings::default() });
    let mut first = server.connect();
    first.write_all(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(std::io::Read::read(&mut first, &mut [0; 512]).unwrap() > 0);
    let answer = server.raw(b"");
    assert!(answer.is(503, "{\"error\":\"ERR max number of clients reached\"}\n"), "{answer:?}");
    assert_eq!(answer.header("content-length"), Some(&*answer.body.len().to_string()));
    drop(first);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(server.get("/ping").status, 200);
}

#[test]
fn the_root_and_health() {
    let server = Server::open();
    let answer = server.get("/");
    assert_eq!(answer.status, 200);
    let about: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&about["name"], &about["version"]), (&"larder".into(), &env!("CARGO_PKG_VERSION").into()));
    assert!(server.get("/healthz").is(200, "ok\n"));
    assert_eq!(server.send("POST /healthz", &[], b"").status, 405);
}

#[test]
fn bytes_are_counted_with_their_heads() {
    let server = Server::open();
    let request = b"PUT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
    let answer = server.raw(request);
    let length = answer.head.len() + 4 + answer.body.len();
    assert_eq!(server.counted_bytes(), (request.len() as u64, length as u64));
}

#[test]
fn requests_share_a_connection() {
    let server = Server::open();
    let mut stream = server.connect();
    let one = "GET /incr/n HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(one.repeat(50).as_bytes()).unwrap();
    let last = "GET /get/n HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(last.as_bytes()).unwrap();
    let mut answers = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut answers).unwrap();
    let text = String::from_utf8(answers).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 51);
    assert!(text.ends_with(r#"{"result":"50"}"#), "{text}");
}
