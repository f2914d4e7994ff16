//! The WebSocket, with frames made by hand (RFC 6455, section 5).

use super::http::Answer;
use super::site::Site;
use super::wire::{Wire, words};
use super::{Fault, LOCKED, Outcome, PASSWORD, Row, ensure, same, shown};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B47", "unmasked frames", unmasked),
    Row::new("B49", "messages over 2 MiB, whole and in fragments", oversized),
    Row::new("B52", "sockets opened by pages of other sites", foreign_origins),
    Row::new("B52", "sockets opened without and with the token", tokens).on(LOCKED),
];

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const FINAL: u8 = 0x80;

/// Largest message that is taken.
const MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// A socket whose upgrade was accepted.
fn open(site: &Site, headers: &[&str]) -> Result<Result<Wire, Answer>, Fault> {
    let mut wire = Wire::open(site.http())?;
    let mut request = "GET /v1/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        .to_owned();
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        request.push_str("Host: localhost\r\n");
    }
    headers.iter().for_each(|header| request.push_str(&format!("{header}\r\n")));
    wire.send(format!("{request}\r\n").as_bytes());
    let answer = Answer::parse(&wire.head()?)?;
    Ok(if answer.status == 101 { Ok(wire) } else { Err(answer) })
}

fn opened(site: &Site) -> Result<Wire, Fault> {
    open(site, &[])?.map_err(|answer| answer.head.into())
}

/// A frame; the mask is of zeros, so the payload stays readable here.
fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => bytes.push(mask | length as u8),
        Ok(length) => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    if masked {
        bytes.extend_from_slice(&[0; 4]);
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// The server sends a close frame with this code and closes.
fn expect_close(wire: &mut Wire, code: u16, what: &str) -> Outcome {
    let bytes = wire.rest().map_err(|fault| format!("{what}: {fault}"))?;
    let wanted = code.to_be_bytes();
    let closed =
        matches!(bytes.as_slice(), [first, _, high, low, ..] if *first == FINAL | CLOSE && [*high, *low] == wanted);
    ensure(closed, || format!("{what}: expected a close with {code}, got {}", shown(&bytes)))
}

fn unmasked(site: &Site) -> Outcome {
    let cases: [(&str, u8, &[u8]); 4] = [
        ("text", TEXT, b"[\"SET\",\"abuse:ws\",\"1\"]"),
        ("binary", BINARY, b"SET abuse:ws 1\r\n"),
        ("ping", PING, b""),
        ("close", CLOSE, b""),
    ];
    for (what, kind, payload) in cases {
        let mut wire = opened(site)?;
        wire.send(&frame(FINAL | kind, false, payload));
        expect_close(&mut wire, 1002, what)?;
    }
    site.expect("EXISTS abuse:ws", &Reply::Integer(0))
}

fn oversized(site: &Site) -> Outcome {
    let mut wire = opened(site)?;
    wire.send(&frame(FINAL | BINARY, true, &vec![b'\n'; MESSAGE_BYTES]));
    wire.send(&frame(FINAL | BINARY, true, b"PING\r\n"));
    wire.expect(b"\x82\x07+PONG\r\n").map_err(|fault| format!("a message of 2 MiB: {fault}"))?;
    for kind in [TEXT, BINARY] {
        let mut wire = opened(site)?;
        wire.send(&frame(FINAL | kind, true, &vec![b' '; MESSAGE_BYTES + 1]));
        expect_close(&mut wire, 1009, "in one frame")?;
        let mut wire = opened(site)?;
        // Declared alone: nothing is set aside for it, nothing is waited for.
        wire.send(&[&[FINAL | kind, 0x80 | 127][..], &(1u64 << 62).to_be_bytes(), &[0; 4]].concat());
        expect_close(&mut wire, 1009, "declared")?;
        let mut wire = opened(site)?;
        let half = vec![b' '; MESSAGE_BYTES / 2 + 1];
        wire.send(&frame(kind, true, &half));
        wire.send(&frame(FINAL | CONTINUATION, true, &half));
        expect_close(&mut wire, 1009, "in fragments")?;
    }
    Ok(())
}

fn foreign_origins(site: &Site) -> Outcome {
    let port = site.http().port();
    let own = format!("Host: localhost:{port}");
    let foreign = [
        "http://evil.test".to_owned(),
        "null".to_owned(),
        "https://localhost.evil.test".to_owned(),
        format!("http://localhost:{}", u32::from(port) + 1),
        "file://".to_owned(),
        "http://evil.test#localhost".to_owned(),
    ];
    for origin in foreign {
        let header = format!("Origin: {origin}");
        match open(site, &[&own, &header])? {
            Ok(_) => return Err(format!("{origin} opened a socket").into()),
            Err(answer) => {
                ensure(answer.status == 403, || format!("{origin}: {}", answer.head))?;
                ensure(answer.header("set-cookie").is_none(), || "a cookie".to_owned())?;
            }
        }
    }
    match open(site, &["Host: evil.test"])? {
        Err(answer) if answer.status == 421 => {}
        Err(answer) => return Err(answer.head.into()),
        Ok(_) => return Err("a rebound name opened a socket".into()),
    }
    let same_origin = format!("Origin: http://localhost:{port}");
    open(site, &[&own, &same_origin])?.map(drop).map_err(|answer| format!("the own page: {}", answer.head).into())
}

fn tokens(site: &Site) -> Outcome {
    let no_auth = b"-NOAUTH Authentication required.\r\n";
    let mut stranger = opened(site)?;
    stranger.send(&frame(FINAL | BINARY, true, &words("SET abuse:ws 1")));
    stranger.expect(&frame(FINAL | BINARY, false, no_auth))?;
    let wrong = open(site, &["Authorization: Bearer wrong"])?;
    let refused = matches!(&wrong, Err(answer) if answer.status == 401);
    ensure(refused, || "a wrong token opened a socket".to_owned())?;
    let bearer = format!("Authorization: Bearer {PASSWORD}");
    let mut member = open(site, &[&bearer])?.map_err(|answer| answer.head)?;
    member.send(&frame(FINAL | BINARY, true, b"PING\r\n"));
    member.expect(&frame(FINAL | BINARY, false, b"+PONG\r\n"))?;
    // Not in the URL, where histories and logs keep it.
    let in_url =
        super::http::ask(site.http(), &format!("GET /v1/ws?_token={}", PASSWORD.replace(' ', "%20")), &[], b"")?;
    ensure(in_url.status >= 400, || in_url.head.clone())?;
    let reply = site.call("EXISTS abuse:ws")?;
    same("the stranger's SET", format!("{reply:?}").as_bytes(), b"Integer(0)")
}
