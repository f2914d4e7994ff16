//! Reads what a writer's keys hold, and whether they can hold it at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::crash::client::Client;
use crate::crash::ledger::{Ledger, Observed};
use crate::crash::writer::{database, expiring_key, key, now_ms};
use crate::resp::{Reply, encode_command};

/// Reads a writer's keys.
///
/// # Errors
/// A failed connection, or values that no prefix of a writer's operations gives: a list with a gap, a sum that is off.
pub fn observe(client: &mut Client, writer: usize) -> Result<Observed, String> {
    let key = |name| key(writer, name);
    let mut requests = Vec::new();
    let mut ask = |words: &[&str]| encode_command(words, &mut requests);
    ask(&["SELECT", &database(writer)]);
    ask(&["GET", &key("counter")]);
    ask(&["LRANGE", &key("list"), "0", "-1"]);
    ask(&["HGETALL", &key("hash")]);
    ask(&["XRANGE", &key("stream"), "-", "+"]);
    ask(&["MGET", &key("transfers"), &key("from"), &key("to")]);
    ask(&["SMEMBERS", &key("pool")]);
    for slot in 0..Ledger::EXPIRING_SLOTS {
        ask(&["GET", &expiring_key(writer, slot)]);
        ask(&["PTTL", &expiring_key(writer, slot)]);
    }
    let from_ms = now_ms();
    client.send(&requests).map_err(|error| format!("cannot read: {error}"))?;
    let mut next = || client.receive().map_err(|error| format!("cannot read: {error}"));
    next()?;
    let count = number(&next()?)?;
    let list = numbers(&next()?)?;
    let hash = numbers(&next()?)?;
    let stream = stream(&next()?)?;
    let transfers = transfers(&next()?)?;
    let pool: BTreeSet<u64> = numbers(&next()?)?.into_iter().collect();
    let mut expiring = BTreeMap::new();
    for slot in 0..Ledger::EXPIRING_SLOTS {
        let (value, remaining) = (next()?, next()?);
        match (&value, &remaining) {
            (Reply::NullBulk, _) | (_, Reply::Integer(-2)) => {}
            (_, Reply::Integer(remaining @ 0..)) => {
                expiring.insert(slot, (number(&value)?, remaining.unsigned_abs()));
            }
            _ => return Err(format!("writer {writer}: t{slot} is {value:?} with PTTL {remaining:?}")),
        }
    }
    let wrong = |what: &str| format!("writer {writer}: {what}");
    let series = [
        count,
        counting(&list).ok_or_else(|| wrong(&format!("the list does not count from 1: {}", shown(&list))))?,
        fields(&hash).ok_or_else(|| wrong(&format!("the hash has fields of different ages: {hash:?}")))?,
        counting(&stream).ok_or_else(|| wrong(&format!("the stream does not count from 1: {}", shown(&stream))))?,
        transfers.ok_or_else(|| wrong("a transfer is there in part"))?,
    ];
    Ok(Observed { series, pool, expiring, from_ms, to_ms: now_ms() })
}

/// Takes away the keys of a writer that would change while nobody writes.
///
/// # Errors
/// Those of the connection, and any reply but a number.
pub fn remove_expiring(client: &mut Client, writer: usize) -> Result<(), String> {
    let keys: Vec<String> = (0..Ledger::EXPIRING_SLOTS).map(|slot| expiring_key(writer, slot)).collect();
    let words: Vec<&str> = ["DEL"].into_iter().chain(keys.iter().map(String::as_str)).collect();
    for words in [&["SELECT", &database(writer)], &words[..]] {
        match client.call(words) {
            Ok(Reply::Simple(_) | Reply::Integer(_)) => {}
            other => return Err(format!("{} was answered {other:?}", words[0])),
        }
    }
    Ok(())
}

/// A number in a string, 0 where there is none.
fn number(reply: &Reply) -> Result<u64, String> {
    match reply {
        Reply::NullBulk => Ok(0),
        Reply::Bulk(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| format!("no number: {reply:?}")),
        _ => Err(format!("unexpected: {reply:?}")),
    }
}

fn numbers(reply: &Reply) -> Result<Vec<u64>, String> {
    match reply {
        Reply::Array(items) => items.iter().map(number).collect(),
        _ => Err(format!("unexpected: {reply:?}")),
    }
}

/// The numbers of a stream's entries.
fn stream(reply: &Reply) -> Result<Vec<u64>, String> {
    let Reply::Array(entries) = reply else { return Err(format!("unexpected: {reply:?}")) };
    let value = |entry: &Reply| match entry {
        Reply::Array(parts) => match parts.as_slice() {
            [Reply::Bulk(_), Reply::Array(pair)] if pair.len() == 2 => number(&pair[1]),
            _ => Err(format!("unexpected: {entry:?}")),
        },
        _ => Err(format!("unexpected: {entry:?}")),
    };
    entries.iter().map(value).collect()
}

/// How many transfers there were, unless the sums are off.
fn transfers(reply: &Reply) -> Result<Option<u64>, String> {
    let Reply::Array(values) = reply else { return Err(format!("unexpected: {reply:?}")) };
    let signed = |reply: &Reply| match reply {
        Reply::NullBulk => Some(0),
        Reply::Bulk(text) => std::str::from_utf8(text).ok()?.parse::<i64>().ok(),
        _ => None,
    };
    let [count, from, to] = values.as_slice() else { return Err(format!("unexpected: {reply:?}")) };
    let count = number(count)?;
    let moved = Ledger::moved(count);
    Ok((signed(from) == Some(-moved) && signed(to) == Some(moved)).then_some(count))
}

/// The length of a sequence that counts from 1.
fn counting(values: &[u64]) -> Option<u64> {
    values.iter().zip(1..).all(|(value, expected)| *value == expected).then_some(values.len() as u64)
}

/// The newest number of a hash whose fields all have the newest that is theirs.
fn fields(pairs: &[u64]) -> Option<u64> {
    let newest = pairs.chunks_exact(2).map(|pair| pair[1]).max().unwrap_or(0);
    let expected: BTreeMap<u64, u64> = (1..=newest)
        .skip(newest.saturating_sub(Ledger::FIELDS) as usize)
        .map(|number| (number % Ledger::FIELDS, number))
        .collect();
    let actual: BTreeMap<u64, u64> = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    (actual == expected).then_some(newest)
}

/// Where a sequence leaves off counting.
fn shown(values: &[u64]) -> String {
    let at = values.iter().zip(1..).position(|(value, expected)| *value != expected).unwrap_or(0);
    format!("{} values, from place {at} {:?}", values.len(), &values[at..values.len().min(at + 8)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_seen() {
        assert_eq!(counting(&[]), Some(0));
        assert_eq!(counting(&[1, 2, 3]), Some(3));
        assert_eq!(counting(&[1, 3]), None);
        assert_eq!(counting(&[2]), None);
    }

    #[test]
    fn a_hash_has_the_newest_of_each_field() {
        const FIELDS: u64 = Ledger::FIELDS;
        let newest = FIELDS + 36;
        let mut pairs: Vec<u64> = (37..=newest).flat_map(|number| [number % FIELDS, number]).collect();
        assert_eq!(fields(&pairs), Some(newest));
        // Field 0 has lost its newest number while younger ones of other fields are there.
        let of_0 = pairs.iter().rposition(|number| *number == FIELDS).unwrap();
        pairs[of_0] = 0;
        assert_eq!(fields(&pairs), None);
        assert_eq!(fields(&[]), Some(0));
        assert_eq!(fields(&[1, 1, 2, 2]), Some(2));
        assert_eq!(fields(&[2, 2]), None);
    }

    #[test]
    fn a_transfer_is_whole() {
        let reply = |count: &str, from: &str, to: &str| {
            Reply::Array([count, from, to].iter().map(|text| Reply::Bulk(text.as_bytes().to_vec())).collect())
        };
        assert_eq!(transfers(&reply("2", "-5", "5")), Ok(Some(2)));
        assert_eq!(transfers(&reply("2", "-5", "2")), Ok(None));
        assert_eq!(transfers(&reply("1", "-5", "5")), Ok(None));
        assert_eq!(transfers(&Reply::Array(vec![Reply::NullBulk; 3])), Ok(Some(0)));
    }
}
