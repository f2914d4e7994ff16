//! What a client may send before it has logged in.

use super::framing::protocol_error;
use super::site::Site;
use super::wire::{Wire, request};
use super::{LOCKED, Outcome, PASSWORD, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B11", "limits before the login, and one below each", limits).on(LOCKED),
    Row::new("B11", "more than 64 KiB buffered before the login", buffered).on(LOCKED),
    Row::new("B11", "the limits end with the login", after_login).on(LOCKED),
];

/// Most arguments of a stranger's request.
const ARGUMENTS: usize = 10;

/// Longest argument of a stranger.
const BULK_BYTES: usize = 16 * 1024;

const NOAUTH: &[u8] = b"-NOAUTH Authentication required.\r\n";

fn limits(site: &Site) -> Outcome {
    for (input, text) in [
        (format!("*{}\r\n", ARGUMENTS + 1), "unauthenticated multibulk length"),
        ("*2147483647\r\n".to_owned(), "unauthenticated multibulk length"),
        (format!("*1\r\n${}\r\n", BULK_BYTES + 1), "unauthenticated bulk length"),
        ("*2\r\n$4\r\nAUTH\r\n$536870912\r\n".to_owned(), "unauthenticated bulk length"),
    ] {
        let mut wire = site.wire()?;
        wire.send(input.as_bytes());
        wire.expect_end(&protocol_error(text)).map_err(|fault| format!("{input:?}: {fault}"))?;
    }
    let argument: &[u8] = &vec![b'x'; BULK_BYTES];
    let mut at_the_limit = [&b"x"[..]; ARGUMENTS];
    at_the_limit[0] = b"DEL";
    for (request, reply) in [
        (request(&at_the_limit), NOAUTH),
        (request(&[b"GET", argument]), NOAUTH),
        (request(&[b"AUTH", argument]), b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
    ] {
        let mut wire = site.wire()?;
        wire.send(&request);
        wire.expect(reply)?;
        wire.send(b"PING\r\n");
        wire.expect(NOAUTH)?;
    }
    // HELLO with everything it takes has seven words.
    let mut wire = site.wire()?;
    wire.send(&request(&[b"HELLO", b"2", b"AUTH", b"default", PASSWORD.as_bytes(), b"SETNAME", b"abuse"]));
    ensure(matches!(wire.reply()?, Reply::Array(_)), || "HELLO with AUTH".to_owned())
}

/// Within the limits of an argument, but too much together: closed without a word.
fn buffered(site: &Site) -> Outcome {
    let argument: &[u8] = &vec![b'x'; BULK_BYTES];
    let mut wire = site.wire()?;
    wire.send(&request(&[b"MSET", argument, argument, argument, argument, argument]));
    wire.expect_end(b"")
}

fn after_login(site: &Site) -> Outcome {
    let mut wire = site.wire()?;
    wire.send(&request(&[b"AUTH", PASSWORD.as_bytes()]));
    wire.expect(b"+OK\r\n")?;
    let words: Vec<&[u8]> = std::iter::once(&b"EXISTS"[..]).chain([&b"none"[..]; 20]).collect();
    wire.send(&request(&words));
    wire.expect(b":0\r\n")?;
    wire.send(&request(&[b"RESET"]));
    wire.expect(b"+RESET\r\n")?;
    wire.send(b"PING\r\n");
    wire.expect(NOAUTH)?;
    refused_again(&mut wire)
}

fn refused_again(wire: &mut Wire) -> Outcome {
    wire.send(b"*11\r\n");
    wire.expect_end(&protocol_error("unauthenticated multibulk length"))
}
