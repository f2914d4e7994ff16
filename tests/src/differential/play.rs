//! Sends steps to both sides until their replies differ.

use super::guard::{SHORT_WAIT_MS, Verdict, judge};
use super::plant::Plant;
use super::rules::{Allowance, RULES, as_set, page, plainly_spelt, rule_of, rules_for};
use super::side::{Outcome, Pair};
use super::state;
use super::tally::Tally;
use super::{Request, Step, full_name};
use crate::resp::Reply;

/// Commands between two comparisons of everything that is stored.
pub const STATE_EVERY: usize = 200;
/// Most pages of one iteration.
const PAGE_LIMIT: usize = 10_000;

/// A difference without a reason.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The step after which it showed.
    pub step: usize,
    /// The command whose replies differ: the step's own, or one that looked at the state.
    pub request: Request,
    /// The database that was looked at, if it is a difference in state.
    pub database: Option<usize>,
    /// What the reference said.
    pub reference: Outcome,
    /// What the candidate said.
    pub candidate: Outcome,
    /// For EXEC, the queued command whose replies differ, and these.
    pub queued: Option<(Request, Reply, Reply)>,
}

/// What came of some steps.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// The reference's replies, as many as were received.
    pub replies: Vec<Outcome>,
    /// The first difference.
    pub difference: Option<Difference>,
}

/// What a connection has queued since MULTI.
#[derive(Clone, Debug, Default)]
struct Queue {
    requests: Vec<Request>,
    short_lived: bool,
}

/// Plays the steps on empty servers.
///
/// # Errors
/// A server that cannot be reached before the first step.
pub fn play(pair: &mut Pair, steps: &[Step], plant: Option<&Plant>, tally: &mut Tally) -> Result<Played, String> {
    let connections = steps.iter().map(|step| step.connection + 1).max().unwrap_or(1);
    pair.renew(connections)?;
    let mut queues = vec![Queue::default(); connections];
    let mut played = Played::default();
    for (number, step) in steps.iter().enumerate() {
        let (reference, candidate) = exchange(pair, step, plant);
        if let Err(mismatch) = compare(pair, step, &queues[step.connection], &reference, &candidate, tally) {
            let request = step.request.clone();
            let Mismatch { queued } = mismatch;
            played.difference =
                Some(Difference { step: number, request, database: None, reference, candidate, queued });
            return Ok(played);
        }
        if let (Ok(a), Ok(b)) = (&reference, &candidate)
            && a != b
        {
            let queued = &queues[step.connection].requests;
            match (a, b) {
                (Reply::Array(a), Reply::Array(b)) if is_exec(&step.request) && a.len() == queued.len() => {
                    queued.iter().zip(a).zip(b).for_each(|((request, a), b)| make_alike(pair, step, request, [a, b]));
                }
                _ => make_alike(pair, step, &step.request, [a, b]),
            }
        }
        if queues[step.connection].follow(&step.request, &reference) {
            pair.pass(SHORT_WAIT_MS);
        }
        played.replies.push(reference);
        let is_time = (number + 1) % STATE_EVERY == 0 || number + 1 == steps.len();
        if is_time && let Some(found) = state::compare(pair, tally) {
            played.difference = Some(Difference { step: number, ..found });
            return Ok(played);
        }
    }
    Ok(played)
}

/// Both servers work at the same time.
fn exchange(pair: &mut Pair, step: &Step, plant: Option<&Plant>) -> (Outcome, Outcome) {
    let bent = plant.and_then(|plant| (plant.request)(&step.request));
    pair.reference.send(step.connection, &step.request);
    pair.candidate.send(step.connection, bent.as_ref().unwrap_or(&step.request));
    let reference = pair.reference.receive(step.connection);
    let mut candidate = pair.candidate.receive(step.connection);
    if let (Some(plant), Ok(reply)) = (plant, &mut candidate) {
        (plant.reply)(&step.request, reply);
    }
    (reference, candidate)
}

impl Queue {
    /// Follows the transaction by the replies. True when keys may be about to expire.
    fn follow(&mut self, request: &Request, reply: &Outcome) -> bool {
        let short_lived = judge(request) == Verdict::ShortLived;
        match reply {
            Ok(Reply::Simple(text)) if text == b"QUEUED" => {
                self.requests.push(request.clone());
                self.short_lived |= short_lived;
                false
            }
            _ if is_exec(request) => std::mem::take(self).short_lived,
            Ok(Reply::Simple(_)) if matches!(full_name(request).as_str(), "multi" | "discard" | "reset") => {
                *self = Self::default();
                false
            }
            _ => short_lived,
        }
    }
}

/// Makes what is stored alike again where replies that may differ leave it different: puts the members that SPOP took
/// on either side into both sets, and deletes the stream whose last ID only one side has changed.
fn make_alike(pair: &mut Pair, step: &Step, request: &Request, replies: [&Reply; 2]) {
    if replies[0] == replies[1] {
        return;
    }
    let request = match full_name(request).as_str() {
        "spop" => {
            let members = replies.iter().flat_map(|reply| match reply {
                Reply::Array(members) | Reply::Set(members) => members.as_slice(),
                member => std::slice::from_ref(*member),
            });
            let texts = members.filter_map(|member| match member {
                Reply::Bulk(text) => Some(text.clone()),
                _ => None,
            });
            [b"SADD".to_vec(), request[1].clone()].into_iter().chain(texts).collect()
        }
        "xsetid" => vec![b"DEL".to_vec(), request[1].clone()],
        _ => return,
    };
    for side in [&mut pair.reference, &mut pair.candidate] {
        side.send(step.connection, &request);
        // A side that does not answer shows at the next step.
        let _ = side.receive(step.connection);
    }
}

fn is_exec(request: &Request) -> bool {
    request.len() == 1 && request[0].eq_ignore_ascii_case(b"exec")
}

/// Replies that differ without a reason.
#[derive(Default)]
struct Mismatch {
    queued: Option<(Request, Reply, Reply)>,
}

fn compare(
    pair: &mut Pair,
    step: &Step,
    queue: &Queue,
    reference: &Outcome,
    candidate: &Outcome,
    tally: &mut Tally,
) -> Result<(), Mismatch> {
    let (Ok(reference), Ok(candidate)) = (reference, candidate) else {
        // A server that falls silent is a difference even if the other does too.
        return Err(Mismatch::default());
    };
    let same = match (reference, candidate) {
        (Reply::Array(a), Reply::Array(b))
            if is_exec(&step.request) && a.len() == queue.requests.len() && a.len() == b.len() =>
        {
            tally.count("exec", false);
            let mut triples = queue.requests.iter().zip(a).zip(b);
            return match triples.find(|((request, a), b)| !same_or_excused(request, a, b, tally)) {
                None => Ok(()),
                Some(((request, a), b)) => Err(Mismatch { queued: Some((request.clone(), a.clone(), b.clone())) }),
            };
        }
        _ if begins_iteration(&step.request) => {
            tally.count(&full_name(&step.request), matches!(reference, Reply::Error(_)));
            same_iteration(pair, step, reference, candidate, tally)
        }
        _ => same_or_excused(&step.request, reference, candidate, tally),
    };
    if same { Ok(()) } else { Err(Mismatch::default()) }
}

/// Whether two replies to a request are the same, or differ with a reason.
pub fn same_or_excused(request: &Request, reference: &Reply, candidate: &Reply, tally: &mut Tally) -> bool {
    let name = full_name(request);
    tally.count(&name, matches!(reference, Reply::Error(_)));
    if reference == candidate {
        return true;
    }
    let found = rules_for(&name, request).find(|rule| RULES[*rule].excuses(reference, candidate));
    if let Some(rule) = found {
        tally.excuse(rule);
    }
    found.is_some()
}

fn begins_iteration(request: &Request) -> bool {
    rule_of(&full_name(request)).is_some_and(|rule| RULES[rule].allows == Allowance::Iteration)
        && request.get(cursor_place(request)).is_some_and(|cursor| cursor == b"0")
}

/// SCAN alone has no key before its cursor.
fn cursor_place(request: &Request) -> usize {
    if full_name(request) == "scan" { 1 } else { 2 }
}

/// Goes through the iteration on both sides and compares what they returned.
fn same_iteration(pair: &mut Pair, step: &Step, reference: &Reply, candidate: &Reply, tally: &mut Tally) -> bool {
    if page(reference).is_none() || page(candidate).is_none() {
        return reference == candidate;
    }
    let rest = |first: &Reply, call: &mut dyn FnMut(&Request) -> Outcome| -> Option<Vec<String>> {
        let mut elements = Vec::new();
        let mut reply = first.clone();
        for _ in 0..PAGE_LIMIT {
            let (cursor, found) = page(&reply)?;
            elements.extend(found.iter().map(plainly_spelt));
            if cursor == b"0" {
                let mut elements = as_set(&elements);
                elements.dedup();
                return Some(elements);
            }
            let mut request = step.request.clone();
            request[cursor_place(&step.request)] = cursor.to_vec();
            reply = call(&request).ok()?;
        }
        None
    };
    let mut call_on = |is_reference: bool, request: &Request| {
        let side = if is_reference { &mut pair.reference } else { &mut pair.candidate };
        side.send(step.connection, request);
        side.receive(step.connection)
    };
    let a = rest(reference, &mut |request| call_on(true, request));
    let b = rest(candidate, &mut |request| call_on(false, request));
    if reference != candidate
        && let Some(rule) = rule_of(&full_name(&step.request))
    {
        tally.excuse(rule);
    }
    a.is_some() && a == b
}
