//! Sorted sets.

mod add;
mod bounds;
mod combine;
mod interval;
mod member;
mod pop;
mod random;
mod range;
mod scan;

use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::resp::{Protocol, Reply};
use crate::structure::listpack::Item;

const FAST_READ: Flags = Flags::READONLY.union(Flags::FAST);
const FAST_WRITE: Flags = Flags::WRITE.union(Flags::FAST);
const GROWING_WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM);
const FAST_GROWING_WRITE: Flags = GROWING_WRITE.union(Flags::FAST);
const BLOCKING_WRITE: Flags = Flags::WRITE.union(Flags::BLOCKING);

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);
const TAKE: KeyAccess = KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::DELETE);
const REMOVE: KeyAccess = KeyAccess::RW.union(KeyAccess::DELETE);
const OVERWRITE: KeyAccess = KeyAccess::OW.union(KeyAccess::UPDATE);

const READ_KEY: &[KeySpec] = &[KeySpec::one(READ, 1)];
const REMOVED_KEY: &[KeySpec] = &[KeySpec::one(REMOVE, 1)];
const TAKEN_KEYS: &[KeySpec] = &[KeySpec::range(TAKE, 1, -2, 1)];
const COUNTED_KEYS: &[KeySpec] = &[KeySpec::counted(READ, 1, 1)];
const STORED_KEYS: &[KeySpec] = &[KeySpec::one(OVERWRITE, 1), KeySpec::counted(READ, 2, 1)];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "bzmpop",
        group: Group::SortedSet,
        arity: -5,
        flags: BLOCKING_WRITE,
        keys: &[KeySpec::counted(TAKE, 2, 1)],
        since: "7.0.0",
        summary: "Takes members with the lowest or highest scores out of the first set that has any, or waits for one.",
        complexity: "O(K + M log N) for K keys, N members and M taken",
        syntax: "timeout numkeys key [key ...] <MIN|MAX> [COUNT count]",
        handler: pop::bzmpop,
        ..Command::ROW
    },
    Command {
        name: "bzpopmax",
        group: Group::SortedSet,
        arity: -3,
        flags: BLOCKING_WRITE.union(Flags::FAST),
        keys: TAKEN_KEYS,
        since: "5.0.0",
        summary: "Takes the member with the highest score out of the first set that has any, or waits for one.",
        complexity: "O(log N) for N members",
        syntax: "key [key ...] timeout",
        handler: pop::bzpopmax,
        ..Command::ROW
    },
    Command {
        name: "bzpopmin",
        group: Group::SortedSet,
        arity: -3,
        flags: BLOCKING_WRITE.union(Flags::FAST),
        keys: TAKEN_KEYS,
        since: "5.0.0",
        summary: "Takes the member with the lowest score out of the first set that has any, or waits for one.",
        complexity: "O(log N) for N members",
        syntax: "key [key ...] timeout",
        handler: pop::bzpopmin,
        ..Command::ROW
    },
    Command {
        name: "zadd",
        group: Group::SortedSet,
        arity: -4,
        flags: FAST_GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::UPDATE), 1)],
        since: "1.2.0",
        summary: "Adds members or changes their scores, on a condition if asked to.",
        complexity: "O(log N) for each member added to N",
        syntax: "key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]",
        handler: add::zadd,
        ..Command::ROW
    },
    Command {
        name: "zcard",
        group: Group::SortedSet,
        arity: 2,
        flags: FAST_READ,
        keys: &[KeySpec::one(KeyAccess::RO, 1)],
        since: "1.2.0",
        summary: "Returns the number of members.",
        syntax: "key",
        handler: member::zcard,
        ..Command::ROW
    },
    Command {
        name: "zcount",
        group: Group::SortedSet,
        arity: 4,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "2.0.0",
        summary: "Counts the members with scores in a range.",
        complexity: "O(log N) for N members",
        syntax: "key min max",
        handler: interval::zcount,
        ..Command::ROW
    },
    Command {
        name: "zdiff",
        group: Group::SortedSet,
        arity: -3,
        flags: Flags::READONLY,
        keys: COUNTED_KEYS,
        since: "6.2.0",
        summary: "Returns what the first set has and none of the others.",
        complexity: "O(L + K log K) for L members of all sets and K in the result",
        syntax: "numkeys key [key ...] [WITHSCORES]",
        handler: combine::zdiff,
        ..Command::ROW
    },
    Command {
        name: "zdiffstore",
        group: Group::SortedSet,
        arity: -4,
        flags: GROWING_WRITE,
        keys: STORED_KEYS,
        since: "6.2.0",
        summary: "Stores what the first set has and none of the others.",
        complexity: "O(L + K log K) for L members of all sets and K in the result",
        syntax: "destination numkeys key [key ...]",
        handler: combine::zdiffstore,
        ..Command::ROW
    },
    Command {
        name: "zincrby",
        group: Group::SortedSet,
        arity: 4,
        flags: FAST_GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::UPDATE), 1)],
        since: "1.2.0",
        summary: "Adds to the score of a member, which starts at 0.",
        complexity: "O(log N) for N members",
        syntax: "key increment member",
        handler: add::zincrby,
        ..Command::ROW
    },
    Command {
        name: "zinter",
        group: Group::SortedSet,
        arity: -3,
        flags: Flags::READONLY,
        keys: COUNTED_KEYS,
        since: "6.2.0",
        summary: "Returns what all sets have in common.",
        complexity: "O(N K + M log M) for K sets, N members of the smallest and M in the result",
        syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]",
        handler: combine::zinter,
        ..Command::ROW
    },
    Command {
        name: "zintercard",
        group: Group::SortedSet,
        arity: -3,
        flags: Flags::READONLY,
        keys: COUNTED_KEYS,
        since: "7.0.0",
        summary: "Counts what all sets have in common.",
        complexity: "O(N K) for K sets and N members of the smallest",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        handler: combine::zintercard,
        ..Command::ROW
    },
    Command {
        name: "zinterstore",
        group: Group::SortedSet,
        arity: -4,
        flags: GROWING_WRITE,
        keys: STORED_KEYS,
        since: "2.0.0",
        summary: "Stores what all sets have in common.",
        complexity: "O(N K + M log M) for K sets, N members of the smallest and M in the result",
        syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]",
        handler: combine::zinterstore,
        ..Command::ROW
    },
    Command {
        name: "zlexcount",
        group: Group::SortedSet,
        arity: 4,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "2.8.9",
        summary: "Counts the members in a range of byte order.",
        complexity: "O(log N) for N members",
        syntax: "key min max",
        handler: interval::zlexcount,
        ..Command::ROW
    },
    Command {
        name: "zmpop",
        group: Group::SortedSet,
        arity: -4,
        flags: Flags::WRITE,
        keys: &[KeySpec::counted(TAKE, 1, 1)],
        since: "7.0.0",
        summary: "Takes members with the lowest or highest scores out of the first set that has any.",
        complexity: "O(K + M log N) for K keys, N members and M taken",
        syntax: "numkeys key [key ...] <MIN|MAX> [COUNT count]",
        handler: pop::zmpop,
        ..Command::ROW
    },
    Command {
        name: "zmscore",
        group: Group::SortedSet,
        arity: -3,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "6.2.0",
        summary: "Returns the scores of several members, null where there is none.",
        complexity: "O(N) for N members asked for",
        syntax: "key member [member ...]",
        handler: member::zmscore,
        ..Command::ROW
    },
    Command {
        name: "zpopmax",
        group: Group::SortedSet,
        arity: -2,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(TAKE, 1)],
        since: "5.0.0",
        summary: "Takes out the members with the highest scores.",
        complexity: "O(M log N) for N members and M taken",
        syntax: "key [count]",
        handler: pop::zpopmax,
        ..Command::ROW
    },
    Command {
        name: "zpopmin",
        group: Group::SortedSet,
        arity: -2,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(TAKE, 1)],
        since: "5.0.0",
        summary: "Takes out the members with the lowest scores.",
        complexity: "O(M log N) for N members and M taken",
        syntax: "key [count]",
        handler: pop::zpopmin,
        ..Command::ROW
    },
    Command {
        name: "zrandmember",
        group: Group::SortedSet,
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "6.2.0",
        summary: "Returns members chosen at random.",
        complexity: "O(M log N) for N members and M answered",
        syntax: "key [count [WITHSCORES]]",
        tips: &["nondeterministic_output"],
        handler: random::zrandmember,
        ..Command::ROW
    },
    Command {
        name: "zrange",
        group: Group::SortedSet,
        arity: -4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "1.2.0",
        summary: "Returns the members in a range of ranks, of scores or of byte order.",
        complexity: "O(log N + M) for N members and M answered",
        syntax: "key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
        handler: range::zrange,
        ..Command::ROW
    },
    Command {
        name: "zrangebylex",
        group: Group::SortedSet,
        arity: -4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.8.9",
        summary: "Returns the members in a range of byte order.",
        complexity: "O(log N + M) for N members and M answered",
        syntax: "key min max [LIMIT offset count]",
        deprecated: Some(("6.2.0", "`ZRANGE` with `BYLEX`")),
        handler: range::zrangebylex,
        ..Command::ROW
    },
    Command {
        name: "zrangebyscore",
        group: Group::SortedSet,
        arity: -4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "1.0.5",
        summary: "Returns the members with scores in a range.",
        complexity: "O(log N + M) for N members and M answered",
        syntax: "key min max [WITHSCORES] [LIMIT offset count]",
        deprecated: Some(("6.2.0", "`ZRANGE` with `BYSCORE`")),
        handler: range::zrangebyscore,
        ..Command::ROW
    },
    Command {
        name: "zrangestore",
        group: Group::SortedSet,
        arity: -5,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(OVERWRITE, 1), KeySpec::one(READ, 2)],
        since: "6.2.0",
        summary: "Stores the members in a range of ranks, of scores or of byte order.",
        complexity: "O(log N + M) for N members and M stored",
        syntax: "dst src min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]",
        handler: range::zrangestore,
        ..Command::ROW
    },
    Command {
        name: "zrank",
        group: Group::SortedSet,
        arity: -3,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "2.0.0",
        summary: "Returns the rank of a member in ascending order, with its score if asked to.",
        complexity: "O(log N) for N members",
        syntax: "key member [WITHSCORE]",
        handler: member::zrank,
        ..Command::ROW
    },
    Command {
        name: "zrem",
        group: Group::SortedSet,
        arity: -3,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(REMOVE, 1)],
        since: "1.2.0",
        summary: "Removes members.",
        complexity: "O(M log N) for N members and M removed",
        syntax: "key member [member ...]",
        handler: member::zrem,
        ..Command::ROW
    },
    Command {
        name: "zremrangebylex",
        group: Group::SortedSet,
        arity: 4,
        flags: Flags::WRITE,
        keys: REMOVED_KEY,
        since: "2.8.9",
        summary: "Removes the members in a range of byte order.",
        complexity: "O(log N + M log N) for N members and M removed",
        syntax: "key min max",
        handler: interval::zremrangebylex,
        ..Command::ROW
    },
    Command {
        name: "zremrangebyrank",
        group: Group::SortedSet,
        arity: 4,
        flags: Flags::WRITE,
        keys: REMOVED_KEY,
        since: "2.0.0",
        summary: "Removes the members in a range of ranks.",
        complexity: "O(log N + M log N) for N members and M removed",
        syntax: "key start stop",
        handler: interval::zremrangebyrank,
        ..Command::ROW
    },
    Command {
        name: "zremrangebyscore",
        group: Group::SortedSet,
        arity: 4,
        flags: Flags::WRITE,
        keys: REMOVED_KEY,
        since: "1.2.0",
        summary: "Removes the members with scores in a range.",
        complexity: "O(log N + M log N) for N members and M removed",
        syntax: "key min max",
        handler: interval::zremrangebyscore,
        ..Command::ROW
    },
    Command {
        name: "zrevrange",
        group: Group::SortedSet,
        arity: -4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "1.2.0",
        summary: "Returns the members in a range of ranks, the highest score first.",
        complexity: "O(log N + M) for N members and M answered",
        syntax: "key start stop [WITHSCORES]",
        deprecated: Some(("6.2.0", "`ZRANGE` with `REV`")),
        handler: range::zrevrange,
        ..Command::ROW
    },
    Command {
        name: "zrevrangebylex",
        group: Group::SortedSet,
        arity: -4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.8.9",
        summary: "Returns the members in a range of byte order, the last first.",
        complexity: "O(log N + M) for N members and M answered",
        syntax: "key max min [LIMIT offset count]",
        deprecated: Some(("6.2.0", "`ZRANGE` with `REV` and `BYLEX`")),
        handler: range::zrevrangebylex,
        ..Command::ROW
    },
    Command {
        name: "zrevrangebyscore",
        group: Group::SortedSet,
        arity: -4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.2.0",
        summary: "Returns the members with scores in a range, the highest first.",
        complexity: "O(log N + M) for N members and M answered",
        syntax: "key max min [WITHSCORES] [LIMIT offset count]",
        deprecated: Some(("6.2.0", "`ZRANGE` with `REV` and `BYSCORE`")),
        handler: range::zrevrangebyscore,
        ..Command::ROW
    },
    Command {
        name: "zrevrank",
        group: Group::SortedSet,
        arity: -3,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "2.0.0",
        summary: "Returns the rank of a member in descending order, with its score if asked to.",
        complexity: "O(log N) for N members",
        syntax: "key member [WITHSCORE]",
        handler: member::zrevrank,
        ..Command::ROW
    },
    Command {
        name: "zscan",
        group: Group::SortedSet,
        arity: -3,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.8.0",
        summary: "Lists some members and a cursor to go on from, until the cursor is 0.",
        complexity: "O(1) for each call, O(N) for a whole walk over N members",
        syntax: "key cursor [MATCH pattern] [COUNT count] [NOSCORES]",
        tips: &["nondeterministic_output"],
        handler: scan::zscan,
        ..Command::ROW
    },
    Command {
        name: "zscore",
        group: Group::SortedSet,
        arity: 3,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "1.2.0",
        summary: "Returns the score of a member.",
        syntax: "key member",
        handler: member::zscore,
        ..Command::ROW
    },
    Command {
        name: "zunion",
        group: Group::SortedSet,
        arity: -3,
        flags: Flags::READONLY,
        keys: COUNTED_KEYS,
        since: "6.2.0",
        summary: "Returns what any of the sets has.",
        complexity: "O(N + M log M) for N members of all sets and M in the result",
        syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]",
        handler: combine::zunion,
        ..Command::ROW
    },
    Command {
        name: "zunionstore",
        group: Group::SortedSet,
        arity: -4,
        flags: GROWING_WRITE,
        keys: STORED_KEYS,
        since: "2.0.0",
        summary: "Stores what any of the sets has.",
        complexity: "O(N + M log M) for N members of all sets and M in the result",
        syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]",
        handler: combine::zunionstore,
        ..Command::ROW
    },
]);

/// Whether each member and its score are an array of their own.
fn nests_pairs(reply: &Reply<'_>) -> bool {
    reply.protocol() == Protocol::Resp3
}

/// Writes members, each with its score if asked to: nested pairs in RESP3, a flat list in RESP2.
fn write_members<'a>(reply: &mut Reply<'_>, members: impl ExactSizeIterator<Item = (Item<'a>, f64)>, scores: Scores) {
    match scores {
        Scores::Without => {
            reply.array(members.len());
            members.for_each(|(member, _)| reply.element(member));
        }
        Scores::With if nests_pairs(reply) => write_pairs(reply, members),
        Scores::With => {
            reply.array(members.len() * 2);
            for (member, score) in members {
                reply.element(member);
                reply.double(score);
            }
        }
    }
}

/// Writes an array of pairs.
fn write_pairs<'a>(reply: &mut Reply<'_>, members: impl ExactSizeIterator<Item = (Item<'a>, f64)>) {
    reply.array(members.len());
    for (member, score) in members {
        reply.array(2);
        reply.element(member);
        reply.double(score);
    }
}

/// Whether a reply has the scores behind the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scores {
    Without,
    With,
}
