//! `/v1/keys/{key}`.

use super::server::{Answer, Server};

/// The entity tags of `hello` and of nothing.
const HELLO: &str = "\"9555e8555c62dcfd\"";
const OTHER: &str = "\"0000000000000000\"";

fn put(server: &Server, path: &str, headers: &[&str], value: &[u8]) -> Answer {
    server.send(&format!("PUT {path}"), headers, value)
}

#[test]
fn a_value_comes_back_as_it_went() {
    let server = Server::open();
    let all: Vec<u8> = (0..=255).collect();
    for (value, path) in [(&b"hello"[..], "/v1/keys/a"), (&all, "/v1/keys/%00%2Fb"), (&[b'x'; 100_000], "/v1/keys/c")] {
        let answer = put(&server, path, &[], value);
        assert!(answer.is(201, ""), "{answer:?}");
        let tag = answer.header("etag").unwrap().to_owned();
        assert!(put(&server, path, &[], value).is(204, ""));
        let answer = server.get(path);
        assert_eq!((answer.status, &*answer.body), (200, value), "{path}");
        assert_eq!(answer.header("etag"), Some(&*tag));
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let head = server.send(&format!("HEAD {path}"), &[], b"");
        assert!(head.is(200, ""), "{head:?}");
        assert_eq!(head.header("content-length"), Some(&*value.len().to_string()));
        assert!(server.send(&format!("DELETE {path}"), &[], b"").is(204, ""));
        assert!(server.get(path).is(404, r#"{"error":"ERR no such key"}"#));
        assert_eq!(server.send(&format!("DELETE {path}"), &[], b"").status, 404);
    }
    assert_eq!(put(&server, "/v1/keys/empty", &[], b"").status, 201);
    assert!(server.get("/v1/keys/empty").is(200, ""));
}

#[test]
fn time_to_live_is_freshness() {
    let server = Server::open();
    let freshness = |path: &str| server.get(path).header("cache-control").map(str::to_owned);
    for (path, headers) in [
        ("/v1/keys/a", &["Cache-Control: private, max-age=60"][..]),
        ("/v1/keys/b?ttl=60", &[]),
        ("/v1/keys/c?ttl=60", &["Cache-Control: max-age=5"]),
    ] {
        assert_eq!(put(&server, path, headers, b"v").status, 201, "{path}");
        let found = freshness(path).unwrap();
        assert!(["max-age=59", "max-age=60"].contains(&&*found), "{path}: {found}");
    }
    assert_eq!(put(&server, "/v1/keys/a", &["Cache-Control: max-age=0"], b"v").status, 204);
    assert_eq!(freshness("/v1/keys/a").as_deref(), Some("no-cache"));
    for ttl in ["0", "-1", "x", "", "99999999999999999999"] {
        assert_eq!(put(&server, &format!("/v1/keys/a?ttl={ttl}"), &[], b"v").status, 400, "{ttl}");
    }
    assert_eq!(put(&server, "/v1/keys/a?ttl=9223372036854775807", &[], b"v").status, 400);
}

#[test]
fn reads_under_preconditions() {
    let server = Server::open();
    assert_eq!(put(&server, "/v1/keys/k", &[], b"hello").header("etag"), Some(HELLO));
    let cases: [(&[&str], u16, &str); 27] = [
        (&["If-None-Match: \"9555e8555c62dcfd\""], 304, ""),
        (&["If-None-Match: W/\"9555e8555c62dcfd\""], 304, ""),
        (&["If-None-Match: \"a\", \"9555e8555c62dcfd\""], 304, ""),
        (&["If-None-Match: \"a\"", "If-None-Match: \"9555e8555c62dcfd\""], 304, ""),
        (&["If-None-Match: *"], 304, ""),
        (&["If-None-Match: \"a\""], 200, "hello"),
        (&["If-None-Match: 9555e8555c62dcfd"], 200, "hello"),
        (&["If-Match: \"9555e8555c62dcfd\""], 200, "hello"),
        (&["If-Match: *"], 200, "hello"),
        (&["If-Match: W/\"9555e8555c62dcfd\""], 412, ""),
        (&["If-Match: \"a\""], 412, ""),
        (&["If-Match: "], 412, ""),
        (&["If-Match: \"a\"", "If-None-Match: *"], 412, ""),
        (&["Range: bytes=1-3"], 206, "ell"),
        (&["Range: bytes=-2"], 206, "lo"),
        (&["Range: bytes=4-"], 206, "o"),
        (&["Range: bytes=0-18446744073709551615"], 206, "hello"),
        (&["Range: bytes=5-"], 416, ""),
        (&["Range: bytes=99999999999999999999-"], 416, ""),
        (&["Range: bytes=3-1"], 200, "hello"),
        (&["Range: bytes=0-0,2-2"], 200, "hello"),
        (&["Range: bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0"], 200, "hello"),
        (&["Range: lines=1-1"], 200, "hello"),
        (&["Range: bytes=1-3", "If-Range: \"9555e8555c62dcfd\""], 206, "ell"),
        (&["Range: bytes=1-3", "If-Range: \"a\""], 200, "hello"),
        (&["Range: bytes=1-3", "If-Range: Sat, 01 Jan 2028 00:00:00 GMT"], 200, "hello"),
        (&["Range: bytes=1-3", "If-None-Match: *"], 304, ""),
    ];
    for (headers, status, body) in cases {
        let answer = server.send("GET /v1/keys/k", headers, b"");
        assert_eq!(answer.status, status, "{headers:?}");
        if status != 412 {
            assert_eq!(answer.text(), body, "{headers:?}");
            assert_eq!(answer.header("etag"), Some(HELLO), "{headers:?}");
        }
    }
    let content_range = |range: &str| {
        let answer = server.send("GET /v1/keys/k", &[&format!("Range: {range}")], b"");
        answer.header("content-range").map(str::to_owned)
    };
    assert_eq!(content_range("bytes=1-3").as_deref(), Some("bytes 1-3/5"));
    assert_eq!(content_range("bytes=7-").as_deref(), Some("bytes */5"));
}

#[test]
fn changes_under_preconditions() {
    let server = Server::open();
    let hello = format!("If-Match: {HELLO}");
    let other = format!("If-Match: {OTHER}");
    let either = format!("If-Match: {OTHER}, {HELLO}");
    let weak = format!("If-Match: W/{HELLO}");
    let none_tag = format!("If-None-Match: {OTHER}");
    let many = format!("If-Match: {}", vec![OTHER; 17].join(", "));
    let steps: [(&str, &[&str], &str, u16, &str); 20] = [
        ("PUT", &["If-Match: *"], "new", 412, ""),
        ("PUT", &[&hello], "new", 412, ""),
        ("DELETE", &[&hello], "", 412, ""),
        ("DELETE", &["If-Match: *"], "", 412, ""),
        ("PUT", &["If-None-Match: *"], "hello", 201, "hello"),
        ("PUT", &["If-None-Match: *"], "new", 412, "hello"),
        ("PUT", &[&other], "new", 412, "hello"),
        ("PUT", &[&weak], "new", 412, "hello"),
        ("PUT", &["If-Match: nonsense"], "new", 412, "hello"),
        ("PUT", &[&many], "new", 400, "hello"),
        ("PUT", &[&none_tag], "new", 400, "hello"),
        ("PUT", &[&hello, "If-None-Match: *"], "new", 400, "hello"),
        ("PUT", &[&hello], "new", 204, "new"),
        ("PUT", &[&hello], "newer", 412, "new"),
        ("PUT", &["If-Match: *"], "hello", 204, "hello"),
        ("DELETE", &[&other], "", 412, "hello"),
        ("DELETE", &["If-None-Match: *"], "", 412, "hello"),
        ("PUT", &[&either], "hello", 204, "hello"),
        ("DELETE", &[&either], "", 204, ""),
        ("DELETE", &[], "", 404, ""),
    ];
    for (number, (method, headers, body, status, value)) in steps.into_iter().enumerate() {
        let answer = server.send(&format!("{method} /v1/keys/k"), headers, body.as_bytes());
        assert_eq!(answer.status, status, "step {number}: {method} {headers:?} {}", answer.text());
        let now = server.get("/v1/keys/k");
        assert_eq!(if now.status == 200 { now.text() } else { String::new() }, value, "step {number}");
    }
}

#[test]
fn a_key_is_the_rest_of_the_path_decoded_once() {
    let server = Server::open();
    for (path, command) in [
        ("a/b", "a%2Fb"),
        ("a%2Fb%2F", "a%2fb%2f"),
        ("/", "%2F"),
        ("a//", "a%2f%2f"),
        ("../x", "..%2Fx"),
        ("%252F", "%252F"),
        ("%00%ff+", "%00%FF%2b"),
        ("{*key}", "%7B*key%7D"),
        ("ws", "ws"),
    ] {
        assert_eq!(put(&server, &format!("/v1/keys/{path}"), &[], path.as_bytes()).status, 201, "{path}");
        assert!(server.get(&format!("/get/{command}")).is(200, &format!(r#"{{"result":"{path}"}}"#)), "{path}");
        assert!(server.get(&format!("/v1/keys/{path}")).is(200, path), "{path}");
        assert_eq!(server.send(&format!("DELETE /v1/keys/{path}"), &[], b"").status, 204, "{path}");
        assert!(server.get("/dbsize").is(200, r#"{"result":0}"#), "{path}");
    }
}

#[test]
fn lengths_of_answers_without_a_body() {
    let server = Server::open();
    let length = |line: &str, headers: &[&str], body: &str| {
        let answer = server.send(line, headers, body.as_bytes());
        assert!(answer.body.is_empty(), "{line}");
        (answer.status, answer.header("content-length").map(str::to_owned))
    };
    let of = |bytes: &str| Some(bytes.to_owned());
    assert_eq!(length("PUT /v1/keys/k", &[], "hello"), (201, of("0")));
    assert_eq!(length("PUT /v1/keys/k", &[], "hello"), (204, None));
    assert_eq!(length("HEAD /v1/keys/k", &[], ""), (200, of("5")));
    assert_eq!(length("HEAD /v1/keys/none", &[], ""), (404, of("27")));
    let (status, found) = length("GET /v1/keys/k", &["If-None-Match: *"], "");
    assert!(status == 304 && [None, of("5")].contains(&found), "{found:?}");
    assert_eq!(length("DELETE /v1/keys/k", &[], ""), (204, None));
}

#[test]
fn what_is_no_key_of_a_string() {
    let server = Server::open();
    for (line, status) in [
        ("GET /v1/keys/", 404),
        ("GET /v1/keys/a/b", 404),
        ("GET /v1/keysa", 404),
        ("GET /v1/", 404),
        ("GET /v1/nothing", 404),
        ("GET /v1/keys/%4", 400),
        ("PATCH /v1/keys/a", 405),
        ("POST /v1/keys/a", 415),
    ] {
        let answer = server.send(line, &[], b"");
        assert_eq!(answer.status, status, "{line}");
        assert!(answer.text().starts_with("{\"error\":"), "{line}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{line}");
    }
    let answer = server.send("OPTIONS /v1/keys/a", &["Origin: http://localhost"], b"");
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT, DELETE"));
}
