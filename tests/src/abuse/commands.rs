//! Commands whose source and destination meet.

use super::site::Site;
use super::{Outcome, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B74", "a key twice, strings", strings_twice),
    Row::new("B74", "a key twice, collections", collections_twice),
];

/// A command line, split at spaces, and its reply.
pub type Case<'a> = (&'a str, Reply);

/// An error reply.
pub fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

/// `+OK`
pub fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

/// Runs the lines on one client and compares every reply.
pub fn play(site: &Site, cases: &[Case<'_>]) -> Outcome {
    let mut client = site.client()?;
    for (line, expected) in cases {
        let reply = client.call(&line.split(' ').collect::<Vec<_>>())?;
        ensure(reply == *expected, || format!("{line}: got {reply:?}, expected {expected:?}"))?;
    }
    Ok(())
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

fn strings_twice(site: &Site) -> Outcome {
    play(
        site,
        &[
            ("MSETNX abuse:d 1 abuse:d 2", Reply::Integer(1)),
            ("GET abuse:d", bulk("2")),
            ("MSETNX abuse:d 3 abuse:d 4", Reply::Integer(0)),
            ("GET abuse:d", bulk("2")),
            ("MSET abuse:d 5 abuse:d 6", ok()),
            ("GET abuse:d", bulk("6")),
            ("EXPIRE abuse:d 100", Reply::Integer(1)),
            ("RENAME abuse:d abuse:d", ok()),
            ("RENAMENX abuse:d abuse:d", Reply::Integer(0)),
            ("TTL abuse:d", Reply::Integer(100)),
            ("GET abuse:d", bulk("6")),
            ("RENAME abuse:none abuse:none", error("ERR no such key")),
            ("RENAME abuse:none abuse:d", error("ERR no such key")),
            ("COPY abuse:d abuse:d", error("ERR source and destination objects are the same")),
            ("COPY abuse:d abuse:d REPLACE", error("ERR source and destination objects are the same")),
            ("COPY abuse:d abuse:d DB 0", error("ERR source and destination objects are the same")),
            ("MOVE abuse:d 0", error("ERR source and destination objects are the same")),
            ("BITOP AND abuse:d abuse:d abuse:d", Reply::Integer(1)),
            ("GET abuse:d", bulk("6")),
            ("BITOP XOR abuse:d abuse:d abuse:d", Reply::Integer(1)),
            ("GET abuse:d", bulk("\0")),
            ("DEL abuse:d abuse:d", Reply::Integer(1)),
            ("SELECT 16", error("ERR DB index is out of range")),
            ("SELECT -1", error("ERR DB index is out of range")),
            ("SELECT abc", error("ERR value is not an integer or out of range")),
        ],
    )
}

fn collections_twice(site: &Site) -> Outcome {
    if site.has("LMOVE")? {
        play(
            site,
            &[
                ("RPUSH abuse:l a b c", Reply::Integer(3)),
                ("LMOVE abuse:l abuse:l LEFT RIGHT", bulk("a")),
                ("LMOVE abuse:l abuse:l LEFT LEFT", bulk("b")),
                ("LLEN abuse:l", Reply::Integer(3)),
                ("DEL abuse:l", Reply::Integer(1)),
            ],
        )?;
    }
    if site.has("SMOVE")? {
        play(
            site,
            &[
                ("SADD abuse:twice a b", Reply::Integer(2)),
                ("SMOVE abuse:twice abuse:twice a", Reply::Integer(1)),
                ("SMOVE abuse:twice abuse:twice none", Reply::Integer(0)),
                ("SDIFFSTORE abuse:twice abuse:twice abuse:none", Reply::Integer(2)),
                ("SDIFFSTORE abuse:twice abuse:twice abuse:twice", Reply::Integer(0)),
                ("EXISTS abuse:twice", Reply::Integer(0)),
            ],
        )?;
    }
    if site.has("ZUNIONSTORE")? {
        play(
            site,
            &[
                ("ZADD abuse:z 1 a", Reply::Integer(1)),
                ("ZUNIONSTORE abuse:z 2 abuse:z abuse:z", Reply::Integer(1)),
                ("ZSCORE abuse:z a", bulk("2")),
                ("DEL abuse:z", Reply::Integer(1)),
            ],
        )?;
    }
    Ok(())
}
