//! Differences that have a reason. Every other difference is a failure.

use crate::resp::Reply;

/// A difference that is allowed in the replies of some commands.
#[derive(Debug)]
pub struct Rule {
    /// Full names, as `object|encoding`.
    pub commands: &'static [&'static str],
    /// What may differ.
    pub allows: Allowance,
    /// Why.
    pub reason: &'static str,
}

/// What may differ between two replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// The content, not the type.
    Content,
    /// The order of the elements.
    Order,
    /// The order in which an iteration returns its elements, and its cursors.
    Iteration,
    /// Integers by this much, unless one is negative.
    Amount(i64),
    /// The values of these fields of a map.
    Fields(&'static [&'static str]),
}

/// All of them.
pub const RULES: &[Rule] = &[
    Rule { commands: &["randomkey"], allows: Allowance::Content, reason: "any key will do" },
    Rule { commands: &["keys"], allows: Allowance::Order, reason: "the order of a hash table" },
    Rule { commands: &["scan"], allows: Allowance::Iteration, reason: "the order of a hash table" },
    Rule { commands: &["ttl", "expiretime"], allows: Allowance::Amount(2), reason: "two clocks, in seconds" },
    Rule { commands: &["pttl", "pexpiretime"], allows: Allowance::Amount(2_000), reason: "two clocks" },
    Rule {
        commands: &["object|idletime"],
        allows: Allowance::Content,
        reason: "two clocks; Redis shares small integers, which were last used with any key",
    },
    Rule {
        commands: &["object|refcount"],
        allows: Allowance::Content,
        reason: "inside EXEC, Redis's queued arguments still hold their value; a copy of a small integer is not shared",
    },
    Rule { commands: &["client|id"], allows: Allowance::Content, reason: "each server counts its own clients" },
    Rule {
        commands: &["hello"],
        allows: Allowance::Fields(&["version", "id"]),
        reason: "the version; the client's id",
    },
    Rule { commands: &["memory|usage"], allows: Allowance::Content, reason: "each server has its own allocations" },
    Rule {
        commands: &["object|help", "memory|help", "client|help"],
        allows: Allowance::Content,
        reason: "help texts are our own words",
    },
];

/// The rule of a command, by its place in [`RULES`].
pub fn rule_of(full_name: &str) -> Option<usize> {
    RULES.iter().position(|rule| rule.commands.contains(&full_name))
}

impl Rule {
    /// Whether the difference between two replies is the allowed one. Iterations are compared as a whole elsewhere; here
    /// only the shape of one reply is.
    pub fn excuses(&self, reference: &Reply, candidate: &Reply) -> bool {
        match (self.allows, reference, candidate) {
            (_, Reply::Error(_), _) | (_, _, Reply::Error(_)) => false,
            (Allowance::Content, _, _) => std::mem::discriminant(reference) == std::mem::discriminant(candidate),
            (Allowance::Order, Reply::Array(a), Reply::Array(b)) => as_set(a) == as_set(b),
            (Allowance::Iteration, a, b) => page(a).is_some() && page(b).is_some(),
            (Allowance::Amount(limit), Reply::Integer(a), Reply::Integer(b)) => {
                *a >= 0 && *b >= 0 && a.abs_diff(*b) <= limit.unsigned_abs()
            }
            (Allowance::Fields(names), Reply::Array(a), Reply::Array(b))
            | (Allowance::Fields(names), Reply::Map(a), Reply::Map(b)) => same_but_fields(names, a, b),
            _ => false,
        }
    }
}

/// A page of an iteration: the next cursor and the elements.
pub fn page(reply: &Reply) -> Option<(&[u8], &[Reply])> {
    match reply {
        Reply::Array(parts) => match parts.as_slice() {
            [Reply::Bulk(cursor), Reply::Array(elements)] => Some((cursor, elements)),
            _ => None,
        },
        _ => None,
    }
}

/// Elements in an order of their own.
pub fn as_set(elements: &[Reply]) -> Vec<String> {
    let mut sorted: Vec<String> = elements.iter().map(|element| format!("{element:?}")).collect();
    sorted.sort();
    sorted
}

fn same_but_fields(names: &[&str], a: &[Reply], b: &[Reply]) -> bool {
    let is_named = |key: &Reply| match key {
        Reply::Bulk(text) | Reply::Simple(text) => names.iter().any(|name| name.as_bytes() == text),
        _ => false,
    };
    let mut pairs = a.chunks(2).zip(b.chunks(2));
    a.len() == b.len() && pairs.all(|(a, b)| a == b || (a[0] == b[0] && is_named(&a[0])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excused(name: &str, a: Reply, b: Reply) -> bool {
        rule_of(name).is_some_and(|rule| RULES[rule].excuses(&a, &b))
    }

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    #[test]
    fn excuses_no_more_than_it_says() {
        assert!(excused("pttl", Reply::Integer(5_000), Reply::Integer(6_999)));
        assert!(!excused("pttl", Reply::Integer(5_000), Reply::Integer(7_001)));
        assert!(!excused("pttl", Reply::Integer(-1), Reply::Integer(-2)));
        assert!(!excused("ttl", Reply::Integer(-1), Reply::Integer(1)));
        assert!(excused("object|idletime", Reply::Integer(0), Reply::Integer(1)));
        assert!(!excused("get", bulk("a"), bulk("b")));
        assert!(excused("randomkey", bulk("a"), bulk("b")));
        assert!(!excused("randomkey", bulk("a"), Reply::NullBulk));
        let keys = |names: [&str; 2]| Reply::Array(names.map(bulk).to_vec());
        assert!(excused("keys", keys(["a", "b"]), keys(["b", "a"])));
        assert!(!excused("keys", keys(["a", "b"]), keys(["b", "b"])));
        let hello = |id, mode| Reply::Array(vec![bulk("id"), Reply::Integer(id), bulk("mode"), bulk(mode)]);
        assert!(excused("hello", hello(1, "x"), hello(2, "x")));
        assert!(!excused("hello", hello(1, "x"), hello(2, "y")));
    }
}
