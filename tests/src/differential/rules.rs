//! Differences that have a reason. Every other difference is a failure.

mod spelling;
mod timeless;

use super::Request;
use crate::resp::Reply;
pub use spelling::plainly_spelt;
use spelling::same_numbers;
use timeless::timeless;

/// A difference that is allowed in the replies of some commands.
#[derive(Debug)]
pub struct Rule {
    /// Full names, as `object|encoding`.
    pub commands: &'static [&'static str],
    /// Which of their requests; all if there is no such test.
    pub when: Option<fn(&Request) -> bool>,
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
    /// The order of the pairs of a map.
    PairOrder,
    /// Which elements there are, not how many.
    Sample,
    /// A word of the reference by another of the candidate.
    Words(&'static [(&'static str, &'static str)]),
    /// How floating-point numbers are written.
    Spelling,
    /// The text of an error: how it begins at the reference, and at the candidate.
    Errors(&'static [(&'static str, &'static str)]),
    /// The text of an error behind its code.
    ErrorText,
    /// The reference carries out what the candidate refuses with this error. [`super::play`] makes them alike again.
    Refusal(&'static str),
    /// Times, counts of nodes and fields newer than the reference in what is told about streams.
    Timeless,
    /// The order in which an iteration returns its elements, and its cursors.
    Iteration,
    /// Integers by this much, unless one is negative.
    Amount(i64),
    /// The values of these fields of a map.
    Fields(&'static [&'static str]),
}

/// Stands for every command.
pub const ALL: &[&str] = &["(all)"];

/// All of them.
pub const RULES: &[Rule] = &[
    Rule { commands: &["randomkey"], when: None, allows: Allowance::Content, reason: "any key will do" },
    Rule {
        commands: &["keys", "smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals"],
        when: None,
        allows: Allowance::Order,
        reason: "the order of a hash table",
    },
    Rule { commands: &["hgetall"], when: None, allows: Allowance::PairOrder, reason: "the order of a hash table" },
    Rule {
        commands: &["scan", "hscan", "sscan", "zscan"],
        when: None,
        allows: Allowance::Iteration,
        reason: "the order of a hash table",
    },
    Rule {
        commands: &["spop", "srandmember", "hrandfield", "zrandmember"],
        when: None,
        allows: Allowance::Sample,
        reason: "any elements will do",
    },
    Rule {
        commands: &["sort", "sort_ro"],
        when: Some(sorts_loosely),
        allows: Allowance::Sample,
        reason: "with a constant BY, or BY and ALPHA with equal weights, the elements are in no order",
    },
    Rule {
        commands: &["object|encoding"],
        when: None,
        allows: Allowance::Words(&[("quicklist", "listpack"), ("hashtable", "listpack")]),
        reason: "Redis 7.2 packs small lists and small sets of any strings, 7.0 does not",
    },
    Rule {
        commands: &[
            "bzmpop",
            "bzpopmax",
            "bzpopmin",
            "zadd",
            "zdiff",
            "zincrby",
            "zinter",
            "zmpop",
            "zmscore",
            "zpopmax",
            "zpopmin",
            "zrange",
            "zrangebyscore",
            "zrevrange",
            "zrevrangebyscore",
            "zscore",
            "zunion",
        ],
        when: None,
        allows: Allowance::Spelling,
        reason: "Redis 7.2 writes scores with the fewest digits, 7.0 with seventeen",
    },
    Rule {
        commands: &["xread", "xreadgroup"],
        when: None,
        allows: Allowance::Errors(&[
            ("ERR Unbalanced XREAD list of streams", "ERR Unbalanced 'xread' list of streams"),
            ("ERR Unbalanced XREAD list of streams", "ERR Unbalanced 'xreadgroup' list of streams"),
        ]),
        reason: "the words of Redis 7.2",
    },
    Rule {
        commands: &["xsetid"],
        when: None,
        allows: Allowance::Refusal("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"),
        reason: "Redis 7.2 refuses it, 7.0 only compares with the newest entry",
    },
    Rule {
        commands: ALL,
        when: Some(has_nul),
        allows: Allowance::ErrorText,
        reason: "Redis quotes a word in an error up to its first NUL",
    },
    Rule {
        commands: &["xpending", "xinfo|stream", "xinfo|groups", "xinfo|consumers"],
        when: None,
        allows: Allowance::Timeless,
        reason: "two clocks, two layouts; 7.2 tells more about consumers, and has them from their first request",
    },
    Rule {
        commands: &["xgroup|createconsumer"],
        when: None,
        allows: Allowance::Amount(1),
        reason: "Redis 7.2 makes a consumer at its first request, 7.0 at its first message",
    },
    Rule {
        commands: &["ttl", "expiretime"],
        when: None,
        allows: Allowance::Amount(2),
        reason: "two clocks, in seconds",
    },
    Rule { commands: &["pttl", "pexpiretime"], when: None, allows: Allowance::Amount(2_000), reason: "two clocks" },
    Rule {
        commands: &["object|idletime"],
        when: None,
        allows: Allowance::Content,
        reason: "two clocks; Redis shares small integers, which were last used with any key",
    },
    Rule {
        commands: &["object|refcount"],
        when: None,
        allows: Allowance::Content,
        reason: "inside EXEC, Redis's queued arguments still hold their value; a copy of a small integer is not shared",
    },
    Rule {
        commands: &["client|id"],
        when: None,
        allows: Allowance::Content,
        reason: "each server counts its own clients",
    },
    Rule {
        commands: &["hello"],
        when: None,
        allows: Allowance::Fields(&["version", "id"]),
        reason: "the version; the client's id",
    },
    Rule {
        commands: &["memory|usage"],
        when: None,
        allows: Allowance::Content,
        reason: "each server has its own allocations",
    },
    Rule {
        commands: &["object|help", "memory|help", "client|help", "xgroup|help", "xinfo|help"],
        when: None,
        allows: Allowance::Content,
        reason: "help texts are our own words",
    },
];

/// The rule of a command, by its place in [`RULES`].
pub fn rule_of(full_name: &str) -> Option<usize> {
    RULES.iter().position(|rule| rule.when.is_none() && rule.commands.contains(&full_name))
}

/// The rules of a request, by their places in [`RULES`].
pub fn rules_for(full_name: &str, request: &Request) -> impl Iterator<Item = usize> {
    let is_named = move |rule: &Rule| rule.commands == ALL || rule.commands.contains(&full_name);
    let fits = move |(_, rule): &(usize, &Rule)| is_named(rule) && rule.when.is_none_or(|when| when(request));
    RULES.iter().enumerate().filter(fits).map(|(place, _)| place)
}

fn has_nul(request: &Request) -> bool {
    request.iter().any(|word| word.contains(&0))
}

fn has(request: &Request, token: &[u8]) -> bool {
    request.iter().any(|word| word.eq_ignore_ascii_case(token))
}

/// Whether SORT leaves the elements as they come, or by weights that may be equal.
fn sorts_loosely(request: &Request) -> bool {
    let mut pairs = request.windows(2).filter(|pair| pair[0].eq_ignore_ascii_case(b"by"));
    pairs.any(|pair| !pair[1].contains(&b'*')) || (has(request, b"by") && has(request, b"alpha"))
}

impl Rule {
    /// Whether the difference between two replies is the allowed one. Iterations are compared as a whole elsewhere; here
    /// only the shape of one reply is.
    pub fn excuses(&self, reference: &Reply, candidate: &Reply) -> bool {
        match (self.allows, reference, candidate) {
            (Allowance::Errors(pairs), Reply::Error(a), Reply::Error(b)) => {
                pairs.iter().any(|pair| a.starts_with(pair.0.as_bytes()) && b.starts_with(pair.1.as_bytes()))
            }
            (Allowance::ErrorText, Reply::Error(a), Reply::Error(b)) => code(a) == code(b),
            (Allowance::Refusal(text), Reply::Simple(_), Reply::Error(b)) => b.starts_with(text.as_bytes()),
            (_, Reply::Error(_), _) | (_, _, Reply::Error(_)) => false,
            (Allowance::Content, _, _) => std::mem::discriminant(reference) == std::mem::discriminant(candidate),
            (Allowance::Order, Reply::Array(a), Reply::Array(b)) | (Allowance::Order, Reply::Set(a), Reply::Set(b)) => {
                as_set(a) == as_set(b)
            }
            (Allowance::PairOrder, Reply::Array(a), Reply::Array(b))
            | (Allowance::PairOrder, Reply::Map(a), Reply::Map(b)) => as_pairs(a) == as_pairs(b),
            (Allowance::Sample, Reply::Array(a), Reply::Array(b))
            | (Allowance::Sample, Reply::Set(a), Reply::Set(b)) => a.len() == b.len(),
            (Allowance::Sample, Reply::Bulk(_), Reply::Bulk(_)) => true,
            (Allowance::Words(pairs), Reply::Bulk(a), Reply::Bulk(b)) => {
                pairs.iter().any(|pair| (pair.0.as_bytes(), pair.1.as_bytes()) == (a, b))
            }
            (Allowance::Spelling, a, b) => same_numbers(a, b),
            (Allowance::Timeless, a, b) => timeless(a) == timeless(b),
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

fn code(error: &[u8]) -> Option<&[u8]> {
    error.split(|byte| *byte == b' ').next()
}

fn as_pairs(elements: &[Reply]) -> Vec<String> {
    let mut pairs: Vec<String> = elements.chunks(2).map(|pair| format!("{pair:?}")).collect();
    pairs.sort();
    pairs
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
        let refusal = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
        let (ok, refused) = (Reply::Simple(b"OK".to_vec()), Reply::Error(refusal.into()));
        assert!(excused("xsetid", ok.clone(), refused.clone()));
        assert!(!excused("xsetid", refused.clone(), ok.clone()));
        assert!(!excused("xadd", ok, refused));
        let hello = |id, mode| Reply::Array(vec![bulk("id"), Reply::Integer(id), bulk("mode"), bulk(mode)]);
        assert!(excused("hello", hello(1, "x"), hello(2, "x")));
        assert!(!excused("hello", hello(1, "x"), hello(2, "y")));
    }
}
