//! Bytes of clients inside replies: no line end may become one on the wire.

use super::site::Site;
use super::wire::request;
use super::{Outcome, Row, ensure, shown};
use crate::differential::random::Random;
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B19", "line ends in error texts become spaces", line_ends),
    Row::new("B19", "any bytes in any place of an error", any_bytes),
    Row::new("B20", "every byte in a client's name", every_name_byte),
];

/// Never a raw CR or LF, one space for each, as Redis writes.
fn line_ends(site: &Site) -> Outcome {
    let cases: &[(&[&[u8]], &[u8])] = &[
        (&[b"FO\r\n+X"], b"-ERR unknown command 'FO  +X', with args beginning with: \r\n"),
        (&[b"FOO", b"a\r\n+OK", b"\n"], b"-ERR unknown command 'FOO', with args beginning with: 'a  +OK' ' ' \r\n"),
        (&[b"CLIENT", b"F\r\nO"], b"-ERR unknown subcommand 'F  O'. Try CLIENT HELP.\r\n"),
        (&[b"HELLO", b"3", b"F\r\n"], b"-ERR Syntax error in HELLO option 'F  '\r\n"),
        (&[b"FOO", b"a", b"b"], b"-ERR unknown command 'FOO', with args beginning with: 'a' 'b' \r\n"),
        (&[b"GET"], b"-ERR wrong number of arguments for 'get' command\r\n"),
    ];
    for (words, expected) in cases {
        let mut wire = site.wire()?;
        wire.send(&request(words));
        wire.expect(expected)?;
        wire.expect_pong()?;
    }
    Ok(())
}

/// A reply that let a line end through would put the marker behind it out of step.
fn any_bytes(site: &Site) -> Outcome {
    const COMMANDS: usize = 2000;
    const SEED: u64 = 19;
    let mut random = Random::new(SEED);
    let mut client = site.client()?;
    let firsts: [&[&[u8]]; 8] = [
        &[],
        &[b"CLIENT"],
        &[b"CONFIG", b"SET"],
        &[b"HELLO", b"3"],
        &[b"SET", b"abuse:k", b"v"],
        &[b"OBJECT"],
        &[b"SELECT"],
        &[b"BITFIELD", b"abuse:k", b"GET"],
    ];
    for number in 0..COMMANDS {
        let count = 1 + random.below(3);
        let tails: Vec<Vec<u8>> = (0..count).map(|_| hostile_word(&mut random)).collect();
        let mut words: Vec<&[u8]> = firsts[number % firsts.len()].to_vec();
        words.extend(tails.iter().map(Vec::as_slice));
        let marker = format!("marker {number}");
        client.send(&words)?;
        client.send(&["ECHO", &marker])?;
        let reply = client.receive()?;
        let echoed = client.receive()?;
        let sent = || format!("seed {SEED}, command {number}: {}", shown(&words.join(&b' ')));
        if let Reply::Error(text) | Reply::Simple(text) = &reply {
            ensure(!text.contains(&b'\r') && !text.contains(&b'\n'), || format!("{}: {reply:?}", sent()))?;
        }
        ensure(echoed == Reply::Bulk(marker.into_bytes()), || format!("{}: {reply:?} {echoed:?}", sent()))?;
    }
    site.call("DEL abuse:k").map(drop)
}

/// A few bytes of any value, line ends more often than chance has them.
fn hostile_word(random: &mut Random) -> Vec<u8> {
    let length = 1 + random.below(12);
    let byte = |random: &mut Random| match random.below(4) {
        0 => b'\r',
        1 => b'\n',
        _ => random.below(256) as u8,
    };
    (0..length).map(|_| byte(random)).collect()
}

fn every_name_byte(site: &Site) -> Outcome {
    let mut client = site.client()?;
    for byte in 0..=u8::MAX {
        let name = [b'a', byte, b'b'];
        let reply = client.call(&[&b"CLIENT"[..], b"SETNAME", &name])?;
        let information = client.call(&[&b"CLIENT"[..], b"SETINFO", b"LIB-NAME", &name])?;
        let stored = client.call(&["CLIENT", "GETNAME"])?;
        let Reply::Bulk(line) = client.call(&["CLIENT", "INFO"])? else {
            return Err("CLIENT INFO answers no text".into());
        };
        if matches!(byte, b'!'..=b'~') {
            let ok = Reply::Simple(b"OK".to_vec());
            let accepted = reply == ok && information == ok && stored == Reply::Bulk(name.to_vec());
            ensure(accepted, || format!("byte {byte}: {reply:?} {information:?} {stored:?}"))?;
            client.call(&["CLIENT", "SETNAME", ""])?;
        } else {
            let text = b"ERR Client names cannot contain spaces, newlines or special characters.".to_vec();
            let refused = reply == Reply::Error(text) && matches!(information, Reply::Error(_));
            ensure(refused, || format!("byte {byte}: {reply:?} {information:?}"))?;
            ensure(matches!(stored, Reply::NullBulk | Reply::Null), || format!("byte {byte} left {stored:?}"))?;
        }
        let clean = line.strip_suffix(b"\n").unwrap_or(&line).iter().all(|byte| !byte.is_ascii_control());
        ensure(clean, || format!("byte {byte}: CLIENT INFO is {}", shown(&line)))?;
    }
    Ok(())
}
