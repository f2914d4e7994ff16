//! The WebSocket, with frames made by hand.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::server::{Answer, Server};

const HANDSHAKE: &str = "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const CONTINUE: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;

struct Socket(TcpStream);

impl Socket {
    fn open(server: &Server, headers: &[&str]) -> Result<Self, Answer> {
        let mut stream = server.connect();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        stream.write_all(format!("{HANDSHAKE}{headers}\r\n").as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let answer = Answer::parse(&head);
        if answer.status != 101 {
            return Err(answer);
        }
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        Ok(Self(stream))
    }

    /// Sends a frame, masked with zeros.
    fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        // A server that refuses a message may close before it has all of it.
        let _ = self.0.write_all(&frame);
    }

    fn send(&mut self, kind: u8, payload: &[u8]) {
        self.frame(FINAL | kind, payload);
    }

    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut bytes = [0; 2];
                self.0.read_exact(&mut bytes).unwrap();
                usize::from(u16::from_be_bytes(bytes))
            }
            127 => {
                let mut bytes = [0; 8];
                self.0.read_exact(&mut bytes).unwrap();
                u64::from_be_bytes(bytes) as usize
            }
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        (head[0] & 15, payload)
    }

    fn check(&mut self, kind: u8, request: &str, reply: &str) {
        self.send(kind, request.as_bytes());
        let (answered, payload) = self.receive();
        assert_eq!((answered, &*String::from_utf8_lossy(&payload)), (kind, reply), "{request:?}");
    }

    fn close_code(&mut self) -> u16 {
        loop {
            let (kind, payload) = self.receive();
            if kind == CLOSE {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}

#[test]
fn binary_frames_are_resp() {
    let server = Server::open();
    let mut socket = Socket::open(&server, &[]).unwrap();
    socket.check(BINARY, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n");
    socket.check(BINARY, "SET k v\r\nGET k\r\n", "+OK\r\n$1\r\nv\r\n");
    for part in ["*2\r\n$3\r\nG", "ET\r\n$", "1\r\nk"] {
        socket.send(BINARY, part.as_bytes());
    }
    socket.check(BINARY, "\r\n", "$1\r\nv\r\n");
    socket.check(BINARY, "HELLO 3 SETNAME ws\r\n", &{
        let text = server.get("/client/list").text();
        let id = text.split("id=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
        format!(
            "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n{}\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:{id}\r\n\
             $4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n",
            larder_core::REDIS_VERSION
        )
    });
    assert!(server.get("/client/list").text().contains("name=ws"));
}

#[test]
fn text_frames_are_json() {
    let server = Server::open();
    let mut socket = Socket::open(&server, &[]).unwrap();
    socket.check(TEXT, r#"["SET","k","å"]"#, r#"{"result":"OK"}"#);
    socket.check(TEXT, r#"["GET","k"]"#, r#"{"result":"å"}"#);
    socket.check(TEXT, r#"["GET"]"#, r#"{"error":"ERR wrong number of arguments for 'get' command"}"#);
    socket.check(TEXT, "GET k", r#"{"error":"ERR malformed JSON: expected value at line 1 column 1"}"#);
    // A session of its own: what REST refuses works here.
    socket.check(TEXT, r#"["MULTI"]"#, r#"{"result":"OK"}"#);
    socket.check(TEXT, r#"["INCR","n"]"#, r#"{"result":"QUEUED"}"#);
    socket.check(TEXT, r#"["EXEC"]"#, r#"{"result":[1]}"#);
    socket.send(BINARY, b"*1\r\n$4\r\n");
    socket.check(TEXT, r#"["PING"]"#, r#"{"error":"ERR a request in binary messages is not finished"}"#);
    socket.check(BINARY, "PING\r\n", "+PONG\r\n");
    socket.send(TEXT, br#"["QUIT"]"#);
    assert_eq!(socket.receive(), (TEXT, br#"{"result":"OK"}"#.to_vec()));
    assert_eq!(socket.close_code(), 1000);
}

#[test]
fn large_replies_come_in_pieces() {
    let server = Server::open();
    let value = vec![b'x'; 3 * 1024 * 1024];
    assert_eq!(server.send("PUT /v1/keys/k", &[], &value).status, 201);
    let mut socket = Socket::open(&server, &[]).unwrap();
    socket.send(BINARY, b"GET k\r\n");
    let mut received = Vec::new();
    while received.len() < value.len() + 12 {
        let (kind, payload) = socket.receive();
        assert!(kind == BINARY && payload.len() <= 1024 * 1024);
        received.extend_from_slice(&payload);
    }
    assert!(received.starts_with(b"$3145728\r\nx") && received.ends_with(b"x\r\n"));
}

#[test]
fn close_codes() {
    let server = Server::open();
    let open = || Socket::open(&server, &[]).unwrap();
    let mut socket = open();
    socket.send(BINARY, &vec![b'x'; 2 * 1024 * 1024 + 1]);
    assert_eq!(socket.close_code(), 1009);
    let mut socket = open();
    for number in 0..3 {
        socket.frame(if number == 0 { BINARY } else { CONTINUE }, &vec![b'\r'; 1024 * 1024]);
    }
    assert_eq!(socket.close_code(), 1009);
    let mut socket = open();
    socket.0.write_all(&[FINAL | TEXT, 1, b'x']).unwrap();
    assert_eq!(socket.close_code(), 1002);
    let mut socket = open();
    socket.send(TEXT | 0x40, b"reserved bit");
    assert_eq!(socket.close_code(), 1002);
    let mut socket = open();
    socket.send(TEXT, b"\xff");
    assert_eq!(socket.close_code(), 1007);
    let mut socket = open();
    socket.send(BINARY, b"*x\r\n");
    assert_eq!(socket.close_code(), 1007);
    let mut socket = open();
    socket.send(BINARY, b"QUIT\r\n");
    assert_eq!(socket.close_code(), 1000);
    let mut socket = open();
    socket.send(CLOSE, &1000u16.to_be_bytes());
    assert_eq!(socket.close_code(), 1000);
    let mut socket = open();
    socket.send(PING, b"are you there");
    assert_eq!(socket.receive(), (PONG, b"are you there".to_vec()));
}

#[test]
fn clients_are_listed_and_killed() {
    let server = Server::open();
    let socket = Socket::open(&server, &[]).unwrap();
    let address = socket.0.local_addr().unwrap();
    let list = server.get("/client/list").text();
    assert!(list.contains(&format!("addr={address} ")), "{list}");
    assert!(server.get(&format!("/client/kill/addr/{address}")).is(200, r#"{"result":1}"#));
    let mut socket = socket;
    assert_eq!(socket.close_code(), 1008);
    assert!(!server.get("/client/list").text().contains(&format!("addr={address} ")));
}

/// Clients that ask for a sub-protocol hang up when none of theirs comes back.
#[test]
fn the_subprotocol_is_echoed() {
    let server = Server::open();
    for (offer, echo) in [("resp", Some("resp")), ("chat, resp", Some("resp")), ("chat", None)] {
        let mut stream = server.connect();
        stream.write_all(format!("{HANDSHAKE}Sec-WebSocket-Protocol: {offer}\r\n\r\n").as_bytes()).unwrap();
        let mut head = [0; 512];
        let read = stream.read(&mut head).unwrap();
        let answer = Answer::parse(&head[..read]);
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, echo), "{offer}");
    }
}

#[test]
fn bytes_are_counted_once() {
    let server = Server::open();
    let mut stream = server.connect();
    let handshake = format!("{HANDSHAKE}\r\n");
    stream.write_all(handshake.as_bytes()).unwrap();
    let answer_bytes = stream.read(&mut [0; 512]).unwrap();
    let mut socket = Socket(stream);
    socket.check(BINARY, "PING\r\n", "+PONG\r\n");
    socket.check(TEXT, r#"["PING"]"#, r#"{"result":"PONG"}"#);
    // The server answers its closing last: all that went before is counted when that has come.
    socket.send(CLOSE, &1000u16.to_be_bytes());
    assert_eq!(socket.close_code(), 1000);
    assert_eq!(socket.0.read(&mut [0]).unwrap(), 0);
    // A frame of a client has six bytes before its payload, one of ours two.
    let received = handshake.len() + 6 + 6 + 6 + 8 + 6 + 2;
    let sent = answer_bytes + 2 + 7 + 2 + 17 + 2 + 2;
    assert_eq!(server.counted_bytes(), (received as u64, sent as u64));
}

#[test]
fn who_may_open_one() {
    let refused = |server: &Server, headers: &[&str]| Socket::open(server, headers).err().map(|answer| answer.status);
    let server = Server::open();
    assert_eq!(refused(&server, &["Origin: http://evil.test"]), Some(403));
    assert_eq!(refused(&server, &["Origin: null"]), Some(403));
    assert_eq!(refused(&server, &["Origin: http://localhost"]), None);
    assert_eq!(server.get("/v1/ws").status, 400);
    let server = Server::with_password("s3cret");
    assert_eq!(refused(&server, &["Authorization: Bearer wrong"]), Some(401));
    let mut socket = Socket::open(&server, &["Authorization: Bearer s3cret", "Origin: http://app.test"]).unwrap();
    socket.check(BINARY, "PING\r\n", "+PONG\r\n");
    let mut stranger = Socket::open(&server, &[]).unwrap();
    stranger.check(TEXT, r#"["PING"]"#, r#"{"error":"NOAUTH Authentication required."}"#);
    stranger.check(TEXT, r#"["AUTH","s3cret"]"#, r#"{"result":"OK"}"#);
    stranger.check(TEXT, r#"["PING"]"#, r#"{"result":"PONG"}"#);
}
