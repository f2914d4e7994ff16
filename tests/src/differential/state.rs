//! Compares everything that is stored, through commands.

use super::play::{Difference, same_or_excused};
use super::rules::as_set;
use super::side::{DATABASES, Outcome, Pair, words};
use super::tally::Tally;
use super::{Request, full_name};
use crate::resp::Reply;

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
    let probes: Vec<Request> = keys.iter().flat_map(probes_of).collect();
    let a = pair.reference.control(&probes);
    let b = pair.candidate.control(&probes);
    first_difference(&probes, &a, &b, database, tally)
}

/// What can be asked about a key. GET fails with the same error on both sides where the value is no string.
fn probes_of(key: &Reply) -> Vec<Request> {
    let Reply::Bulk(key) = key else {
        return Vec::new();
    };
    let probe = |name: &[&str]| {
        let mut request = words(name);
        request.push(key.clone());
        request
    };
    vec![probe(&["TYPE"]), probe(&["GET"]), probe(&["PTTL"]), probe(&["OBJECT", "ENCODING"])]
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
