//! However the bytes are cut into segments, the replies are the same.

use std::time::Duration;

use super::site::Site;
use super::wire::words;
use super::{Outcome, Row, same};

pub const ROWS: &[Row] = &[
    Row::new("B12", "split at every byte", every_split),
    Row::new("B12", "one byte a segment", single_bytes),
    Row::new("B12", "10,000 commands in one write", one_write),
];

/// Lets the server read the first segment before the second comes.
const SEGMENT_PAUSE: Duration = Duration::from_micros(300);

/// Commands whose replies do not depend on what ran before.
fn corpus() -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in
        ["SET abuse:split v", "GET abuse:split", "SET abuse:split v EX 100", "NOSUCH a", "GET", "MULTI", "PING", "EXEC"]
    {
        bytes.extend(words(line));
    }
    bytes.extend_from_slice(b"PING\r\n\r\n*0\r\nECHO \"a b\"\r\n*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\0*\r\nPING\n");
    bytes
}

/// The replies to the corpus, sent whole.
fn expected(site: &Site) -> Result<Vec<u8>, super::Fault> {
    let mut wire = site.wire()?;
    wire.send(&corpus());
    wire.finish_sending();
    let replies = wire.rest()?;
    let known = b"+OK\r\n$1\r\nv\r\n+OK\r\n-ERR unknown command 'NOSUCH', with args beginning with: 'a' \r\n";
    same("the replies begin", &replies[..known.len().min(replies.len())], known)?;
    Ok(replies)
}

fn every_split(site: &Site) -> Outcome {
    let (corpus, expected) = (corpus(), expected(site)?);
    let mut wire = site.wire()?;
    for cut in 1..corpus.len() {
        wire.send(&corpus[..cut]);
        std::thread::sleep(SEGMENT_PAUSE);
        wire.send(&corpus[cut..]);
        wire.expect(&expected).map_err(|fault| format!("cut at {cut}: {fault}"))?;
    }
    Ok(())
}

fn single_bytes(site: &Site) -> Outcome {
    let expected = expected(site)?;
    let mut wire = site.wire()?;
    for byte in corpus() {
        wire.send(&[byte]);
        std::thread::sleep(SEGMENT_PAUSE);
    }
    wire.expect(&expected)
}

fn one_write(site: &Site) -> Outcome {
    const COMMANDS: usize = 10_000;
    let mut wire = site.wire()?;
    let requests: Vec<u8> = (0..COMMANDS).flat_map(|number| words(&format!("ECHO {number:05}"))).collect();
    let replies: Vec<u8> = (0..COMMANDS).flat_map(|number| format!("$5\r\n{number:05}\r\n").into_bytes()).collect();
    wire.send(&requests);
    wire.expect(&replies)
}
