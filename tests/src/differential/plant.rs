//! Bugs on purpose, put between the driver and the candidate. A driver that does not find them is worth nothing.

use super::side::words;
use super::{Request, full_name};
use crate::resp::Reply;

/// A planted bug.
#[derive(Debug)]
pub struct Plant {
    /// Its name for `--plant`.
    pub name: &'static str,
    /// What the candidate is told instead.
    pub request: fn(&Request) -> Option<Request>,
    /// What becomes of its reply.
    pub reply: fn(&Request, &mut Reply),
    /// Steps that show it; shrinking must come down to no more.
    pub steps: usize,
}

/// All of them.
pub const PLANTS: &[Plant] = &[
    // One wrong reply: SETRANGE that makes a string of more than 90 bytes.
    Plant { name: "reply", request: |_| None, reply: wrong_length, steps: 1 },
    // Wrong state behind right replies: a key, its time, the command, and a look at the time.
    Plant { name: "keepttl", request: without_keepttl, reply: |_, _| {}, steps: 4 },
    // Wrong only between two connections: a key perhaps, WATCH, a write by the other, MULTI, EXEC.
    Plant { name: "watch", request: watch_elsewhere, reply: |_, _| {}, steps: 5 },
];

/// The plant of this name.
pub fn find(name: &str) -> Option<&'static Plant> {
    PLANTS.iter().find(|plant| plant.name == name)
}

fn wrong_length(request: &Request, reply: &mut Reply) {
    if let ("setrange", Reply::Integer(length @ 91..)) = (full_name(request).as_str(), reply) {
        *length += 1;
    }
}

fn without_keepttl(request: &Request) -> Option<Request> {
    let is_keepttl = |word: &Vec<u8>| word.eq_ignore_ascii_case(b"keepttl");
    let place = request.iter().skip(3).position(is_keepttl)? + 3;
    (full_name(request) == "set").then(|| {
        let mut request = request.clone();
        request.remove(place);
        request
    })
}

fn watch_elsewhere(request: &Request) -> Option<Request> {
    (full_name(request) == "watch" && request.len() == 2).then(|| words(&["WATCH", "a key that nobody writes"]))
}
