//! Upstash's forms.

use larder_core::settings::Settings;

use super::server::Server;

/// A table of requests in order: request line, body, status, answer.
fn check(server: &Server, headers: &[&str], table: &[(&str, &str, u16, &str)]) {
    for (line, body, status, expected) in table {
        let headers = [&["Content-Type: application/json"], headers].concat();
        let answer = server.send(line, &headers, body.as_bytes());
        assert!(answer.is(*status, expected), "{line} {body}: {} {}", answer.status, answer.text());
        assert!(answer.header("upstash-sync-token").is_some(), "{line}: {}", answer.head);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{line}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{line}");
    }
}

#[test]
fn commands_in_the_path() {
    check(
        &Server::open(),
        &[],
        &[
            ("GET /set/foo/bar", "", 200, r#"{"result":"OK"}"#),
            ("GET /GET/foo", "", 200, r#"{"result":"bar"}"#),
            ("GET /get/none", "", 200, r#"{"result":null}"#),
            ("POST /set/foo", "a/b%20\n", 200, r#"{"result":"OK"}"#),
            ("PUT /get/foo", "", 200, r#"{"result":"a/b%20\n"}"#),
            ("POST /set/foo?EX=100&_token=ignored", "v", 200, r#"{"result":"OK"}"#),
            ("GET /ttl/foo", "", 200, r#"{"result":100}"#),
            ("GET /set/foo/w?NX", "", 200, r#"{"result":null}"#),
            ("GET /set/a%2Fb%00/%22+%f0%9f%a6%80", "", 200, r#"{"result":"OK"}"#),
            ("GET /get/a%2fb%00", "", 200, "{\"result\":\"\\\"+🦀\"}"),
            ("GET /mget/foo/none", "", 200, r#"{"result":["v",null]}"#),
            ("GET /get", "", 400, r#"{"error":"ERR wrong number of arguments for 'get' command"}"#),
            ("GET /get/%zz", "", 400, r#"{"error":"ERR a '%' in the URL lacks its two hexadecimal digits"}"#),
            ("DELETE /get/foo", "", 405, r#"{"error":"ERR method not allowed; allowed here: GET, HEAD, POST, PUT"}"#),
            ("TRACE /get/foo", "", 405, r#"{"error":"ERR method not allowed; allowed here: GET, HEAD, POST, PUT"}"#),
            ("GET /pipeline", "", 405, r#"{"error":"ERR method not allowed; allowed here: POST"}"#),
        ],
    );
}

#[test]
fn head_runs_the_command_and_sends_no_body() {
    let server = Server::open();
    let answer = server.send("HEAD /set/k/v", &[], b"");
    assert!(answer.is(200, ""), "{answer:?}");
    assert_eq!(answer.header("content-length"), Some("15"));
    assert!(server.get("/get/k").is(200, r#"{"result":"v"}"#));
}

#[test]
fn commands_in_json() {
    check(
        &Server::open(),
        &[],
        &[
            ("POST /", r#"["SET","foo","b\u00e5r","EX",100]"#, 200, r#"{"result":"OK"}"#),
            ("POST /", r#"["get","foo"]"#, 200, r#"{"result":"bår"}"#),
            ("POST /", r#"["set","n",12345678901234567890123]"#, 200, r#"{"result":"OK"}"#),
            ("POST /", r#"["get","n"]"#, 200, r#"{"result":"12345678901234567890123"}"#),
            ("POST /", r#"["set","f",1e400]"#, 200, r#"{"result":"OK"}"#),
            ("POST /", r#"["get","f"]"#, 200, r#"{"result":"1e400"}"#),
            ("POST /", r#"["set","t",true]"#, 200, r#"{"result":"OK"}"#),
            ("POST /", r#"["get","t"]"#, 200, r#"{"result":"true"}"#),
            (
                "POST /",
                r#"["NOSUCH","a"]"#,
                400,
                r#"{"error":"ERR unknown command 'NOSUCH', with args beginning with: 'a' "}"#,
            ),
            (
                "POST /",
                "[\"get\",",
                400,
                r#"{"error":"ERR malformed JSON: EOF while parsing a value at line 1 column 7"}"#,
            ),
            (
                "POST /",
                r#"["get",null]"#,
                400,
                r#"{"error":"ERR malformed JSON: null is no argument at line 1 column 8"}"#,
            ),
            ("POST /", "", 400, r#"{"error":"ERR malformed JSON: EOF while parsing a value at line 1 column 0"}"#),
            ("PUT /", r#"["get","foo"]"#, 405, r#"{"error":"ERR method not allowed; allowed here: GET, HEAD, POST"}"#),
        ],
    );
}

#[test]
fn pipelines_answer_each_command() {
    let server = Server::open();
    check(
        &server,
        &[],
        &[
            (
                "POST /pipeline",
                r#"[["set","k","text"],["incr","k"],["get","k"],["multi"]]"#,
                200,
                concat!(
                    r#"[{"result":"OK"},{"error":"ERR value is not an integer or out of range"},"#,
                    r#"{"result":"text"},{"error":"ERR 'multi' needs a connection of its own: use RESP, "#,
                    r#"or the WebSocket at /v1/ws"}]"#
                ),
            ),
            ("POST /pipeline", "[]", 400, r#"{"error":"ERR empty pipeline request"}"#),
            (
                "POST /pipeline",
                r#"[["get","k"],[]]"#,
                400,
                r#"{"error":"ERR malformed JSON: a command has at least its name at line 1 column 14"}"#,
            ),
        ],
    );
    let commands = |count: usize| format!("[{}]", vec![r#"["incr","n"]"#; count].join(","));
    let answer = server.post("/pipeline", &commands(1000));
    assert!(answer.status == 200 && answer.text().ends_with(r#",{"result":1000}]"#), "{}", answer.text());
    let answer = server.post("/pipeline", &commands(1001));
    assert!(answer.status == 400 && answer.text().contains("too many commands"), "{}", answer.text());
    assert!(server.get("/get/n").is(200, r#"{"result":"1000"}"#));
}

#[test]
fn transactions_run_all_or_nothing() {
    check(
        &Server::open(),
        &[],
        &[
            (
                "POST /multi-exec",
                r#"[["set","k","text"],["incr","k"],["get","k"]]"#,
                200,
                r#"[{"result":"OK"},{"error":"ERR value is not an integer or out of range"},{"result":"text"}]"#,
            ),
            (
                "POST /multi-exec",
                r#"[["set","k","lost"],["get"]]"#,
                400,
                concat!(
                    r#"{"error":"EXECABORT Transaction discarded because of: "#,
                    r#"ERR wrong number of arguments for 'get' command"}"#
                ),
            ),
            (
                "POST /multi-exec",
                r#"[["set","k","lost"],["watch","k"]]"#,
                400,
                concat!(
                    r#"{"error":"EXECABORT Transaction discarded because of: "#,
                    r#"ERR 'watch' needs a connection of its own: use RESP, or the WebSocket at /v1/ws"}"#
                ),
            ),
            ("GET /get/k", "", 200, r#"{"result":"text"}"#),
        ],
    );
}

#[test]
fn connection_commands_are_refused() {
    let server = Server::open();
    for path in [
        "/MULTI",
        "/exec",
        "/watch/k",
        "/select/1",
        "/hello/3",
        "/quit",
        "/reset",
        "/monitor",
        "/auth/x",
        "/subscribe/c",
        "/client/reply/off",
        "/blpop/k/0",
    ] {
        let answer = server.get(path);
        assert!(answer.status == 400 && answer.text().contains("needs a connection of its own"), "{path}: {answer:?}");
    }
}

#[test]
fn encodings() {
    let server = Server::open();
    check(
        &server,
        &["Upstash-Encoding: base64"],
        &[
            ("GET /set/k/bar", "", 200, r#"{"result":"OK"}"#),
            ("GET /get/k", "", 200, r#"{"result":"YmFy"}"#),
            ("GET /get", "", 400, r#"{"error":"ERR wrong number of arguments for 'get' command"}"#),
            (
                "POST /pipeline",
                r#"[["mget","k","none"],["incr","n"]]"#,
                200,
                r#"[{"result":["YmFy",null]},{"result":1}]"#,
            ),
            ("POST /multi-exec", r#"[["get","k"]]"#, 200, r#"[{"result":"YmFy"}]"#),
        ],
    );
    check(
        &server,
        &["Upstash-Response-Format: resp2"],
        &[
            ("GET /get/k", "", 200, "$3\r\nbar\r\n"),
            ("GET /get", "", 400, "-ERR wrong number of arguments for 'get' command\r\n"),
            (
                "POST /pipeline",
                r#"[["get","k"],["get"]]"#,
                200,
                "*2\r\n$3\r\nbar\r\n-ERR wrong number of arguments for 'get' command\r\n",
            ),
            ("POST /multi-exec", r#"[["get","k"]]"#, 400, r#"{"error":"ERR resp2 is not available for multi-exec"}"#),
        ],
    );
    check(
        &server,
        &["Upstash-Response-Format: resp2", "Upstash-Encoding: base64"],
        &[("GET /get/k", "", 400, r#"{"error":"ERR resp2 answers cannot be in base64"}"#)],
    );
    check(
        &server,
        &["Upstash-Response-Format: xml"],
        &[("GET /get/k", "", 400, r#"{"error":"ERR Upstash-Response-Format is neither json nor resp2"}"#)],
    );
}

#[test]
fn the_sync_token_moves_with_writes_only() {
    let server = Server::open();
    let token = |path: &str| server.get(path).header("upstash-sync-token").unwrap().to_owned();
    let first = token("/set/k/1");
    assert_eq!(token("/get/k"), first);
    let second = token("/set/k/2");
    assert_ne!(second, first);
    let answer = server.post("/pipeline", r#"[["set","k",3],["get","k"]]"#);
    assert_ne!(answer.header("upstash-sync-token"), Some(&*second));
    assert_eq!(server.get("/nosuch").header("upstash-sync-token").map(str::is_empty), Some(false));
}

#[test]
fn tokens() {
    let server = Server::with_password("s3cret");
    let get = |path: &str, headers: &[&str]| server.send(&format!("GET {path}"), headers, b"");
    let refused = r#"{"error":"WRONGPASS invalid or missing auth token"}"#;
    for path in ["/ping", "/v1/keys/k", "/", "/pipeline"] {
        assert!(get(path, &[]).is(401, refused), "{path}");
        assert!(get(path, &["Authorization: Bearer s3cre"]).is(401, refused), "{path}");
    }
    assert!(get("/ping", &["Authorization: Bearer s3cret"]).is(200, r#"{"result":"PONG"}"#));
    assert!(get("/ping?_token=s3cret", &[]).is(200, r#"{"result":"PONG"}"#));
    assert!(get("/ping?_token=wrong", &[]).is(401, refused));
    assert!(get("/v1/keys/k?_token=s3cret", &[]).is(401, refused));
    assert!(get("/healthz", &[]).is(200, "ok\n"));
}

#[test]
fn a_pause_holds_requests_back() {
    let server = Server::start(Settings::default());
    assert_eq!(server.get("/set/k/1").status, 200);
    assert_eq!(server.get("/client/pause/300/write").status, 200);
    let begun = std::time::Instant::now();
    assert!(server.get("/get/k").is(200, r#"{"result":"1"}"#));
    assert!(begun.elapsed().as_millis() < 200);
    assert!(server.get("/incr/k").is(200, r#"{"result":2}"#));
    assert!(begun.elapsed().as_millis() >= 200);
}
