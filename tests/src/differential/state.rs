//! Compares everything that is stored, through commands.

use super::play::{Difference, same_or_excused};
use super::rules::as_set;
use super::side::{DATABASES, Outcome, Pair, words};
use super::tally::Tally;
use super::{Request, full_name};
use crate::resp::Reply;

/// Where the key stands in a request about it.
const KEY: &str = "$key";

/// The first difference in any database; its step is for the caller to fill in.
pub fn compare(pair: &mut Pair, tally: &mut Tally) -> Option<Difference> {
    // The counts of the state are not those of the commands that were generated.
    let mut uncounted = Tally::default();
    let difference = (0..DATABASES).find_map(|database| compare_database(pair, database, &mut uncounted));
    tally.hits.entry("(state)".to_owned()).or_default().replies += 1;
    difference
}

fn compare_database(pair: &mut Pair, database: usize, tally: &mut Tally) -> Option<Difference> {
    let number = database.to_string();
    let overview = vec![words(&["SELECT", &number]), words(&["KEYS", "*"]), words(&["DBSIZE"])];
    let a = pair.reference.control(&overview);
    let b = pair.candidate.control(&overview);
    if let Some(found) = first_difference(&overview, &a, &b, database, tally) {
        return Some(found);
    }
    let Ok(Reply::Array(keys)) = &a[1] else {
        return None;
    };
    debug_assert_eq!(as_set(keys).len(), keys.len());
    let keys: Vec<&Vec<u8>> = keys.iter().filter_map(text_of).collect();
    let types: Vec<Request> = keys.iter().map(|key| words_with_key(&["TYPE"], key)).collect();
    let a = pair.reference.control(&types);
    let b = pair.candidate.control(&types);
    if let Some(found) = first_difference(&types, &a, &b, database, tally) {
        return Some(found);
    }
    let probes: Vec<Request> = keys.iter().zip(&a).flat_map(|(key, kind)| probes_of(key, kind)).collect();
    let a = pair.reference.control(&probes);
    let b = pair.candidate.control(&probes);
    first_difference(&probes, &a, &b, database, tally)
}

/// What tells everything about a key.
fn probes_of(key: &[u8], kind: &Outcome) -> Vec<Request> {
    let kind = kind.as_ref().ok().and_then(text_of).map(Vec::as_slice);
    let values: &[&[&str]] = match kind.unwrap_or_default() {
        b"string" => &[&["GET"]],
        b"list" => &[&["LRANGE", KEY, "0", "-1"]],
        b"set" => &[&["SMEMBERS"]],
        b"hash" => &[&["HGETALL"]],
        b"zset" => &[&["ZRANGE", KEY, "0", "-1", "WITHSCORES"]],
        b"stream" => &[&["XRANGE", KEY, "-", "+"], &["XINFO", "STREAM", KEY, "FULL", "COUNT", "0"]],
        _ => &[],
    };
    let always: &[&[&str]] = &[&["PTTL"], &["OBJECT", "ENCODING"]];
    values.iter().chain(always).map(|probe| words_with_key(probe, key)).collect()
}

/// A request with a key in its place, which is the end unless another is marked.
fn words_with_key(probe: &[&str], key: &[u8]) -> Request {
    let mut request = words(probe);
    match probe.iter().position(|word| *word == KEY) {
        Some(place) => request[place] = key.to_vec(),
        None => request.push(key.to_vec()),
    }
    request
}

fn text_of(reply: &Reply) -> Option<&Vec<u8>> {
    match reply {
        Reply::Bulk(text) | Reply::Simple(text) => Some(text),
        _ => None,
    }
}

fn first_difference(
    requests: &[Request],
    a: &[Outcome],
    b: &[Outcome],
    database: usize,
    tally: &mut Tally,
) -> Option<Difference> {
    for ((request, a), b) in requests.iter().zip(a).zip(b) {
        let same = match (a, b) {
            (Ok(a), Ok(b)) => same_or_excused(request, a, b, tally),
            _ => false,
        };
        if !same {
            return Some(Difference {
                step: 0,
                request: request.clone(),
                database: Some(database),
                reference: a.clone(),
                candidate: b.clone(),
                queued: None,
            });
        }
    }
    None
}

/// A name for the place of a difference: the command, or the probe that found it.
pub fn place(difference: &Difference) -> String {
    let name = known_name(&difference.request);
    match (&difference.queued, difference.database) {
        (Some((request, ..)), _) => format!("{name} of {}", known_name(request)),
        (None, Some(_)) => format!("state: {name}"),
        (None, None) => name,
    }
}

/// Unknown names may hold any bytes: they are not shown in titles.
fn known_name(request: &Request) -> String {
    let name = full_name(request);
    match larder_core::command::registry().find_full(name.as_bytes()) {
        Some(_) => name,
        None => "unknown command".to_owned(),
    }
}
