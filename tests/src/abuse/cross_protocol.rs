//! Other protocols on the RESP port, and RESP on the HTTP port.

use super::http::Answer;
use super::site::Site;
use super::wire::{Wire, words};
use super::{Outcome, Row, ensure, shown};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B21", "HTTP on the RESP port", http_on_resp),
    Row::new("B22", "TLS, SSH, PROXY and HTTP/2 on the RESP port", strangers_on_resp),
    Row::new("B23", "RESP and TLS on the HTTP port", resp_on_http),
];

/// The beginning of a TLS 1.2 ClientHello, as a browser sends it to https on this port.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// Closed without a byte, nothing behind it ran, and the log tells.
fn silently_closed(site: &Site, input: &[u8]) -> Outcome {
    let logged = site.log_text().matches("another protocol").count();
    let mut wire = site.wire()?;
    wire.send(input);
    wire.send(&words("SET abuse:pwned 1"));
    wire.send(b"\r\nSET abuse:pwned 1\r\n");
    wire.expect_end(b"").map_err(|fault| format!("{}: {fault}", shown(input)))?;
    site.expect("EXISTS abuse:pwned", &Reply::Integer(0))?;
    let told = site.log_text().matches("another protocol").count() > logged;
    ensure(told, || format!("{}: no line in the log", shown(input)))
}

fn http_on_resp(site: &Site) -> Outcome {
    let heads = [
        "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET abuse:pwned 1\r\n",
        "POST /x HTTP/1.0\r\n\r\n",
        "post / HTTP/1.1\r\n",
        "Host: localhost\r\n",
        "host: localhost\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "PUT /SET HTTP/1.1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
        "CONNECT localhost:1 HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\n\r\n",
        "DELETE /k HTTP/1.1\r\n\r\n",
        "PATCH /k HTTP/1.1\r\n\r\n",
        "TRACE / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\n\nSET abuse:pwned 1\n",
        "\r\nPOST / HTTP/1.1\r\n",
    ];
    heads.iter().try_for_each(|head| silently_closed(site, head.as_bytes()))?;
    // A key that looks like a method is no attack.
    let mut wire = site.wire()?;
    wire.send(b"GET HTTP/1.1\r\n");
    wire.expect(b"$-1\r\n")
}

fn strangers_on_resp(site: &Site) -> Outcome {
    let firsts: [&[u8]; 7] = [
        CLIENT_HELLO,
        b"\x16\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
        b"PROXY UNKNOWN\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x02",
    ];
    firsts.iter().try_for_each(|first| silently_closed(site, first))
}

fn resp_on_http(site: &Site) -> Outcome {
    let inputs: [&[u8]; 6] = [
        b"PING\r\n\r\n",
        b"SET abuse:pwned 1\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n\r\n",
        b"*3\r\n$3\r\nSET\r\n$11\r\nabuse:pwned\r\n$1\r\n1\r\n",
        CLIENT_HELLO,
        b"\0\0\0\0\r\n\r\n",
    ];
    for input in inputs {
        let mut wire = Wire::open(site.http())?;
        wire.send(input);
        wire.finish_sending();
        let bytes = wire.rest().map_err(|fault| format!("{}: {fault}", shown(input)))?;
        // Closing without a word is as good: nothing was understood.
        let refused = bytes.is_empty() || Answer::parse(&bytes)?.status == 400;
        ensure(refused, || format!("{}: {}", shown(input), shown(&bytes)))?;
    }
    site.expect("EXISTS abuse:pwned", &Reply::Integer(0))
}
