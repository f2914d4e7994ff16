//! Sets.

mod algebra;
mod change;
mod random;
mod read;

use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);
const FAST_READ: Flags = Flags::READONLY.union(Flags::FAST);
const FAST_WRITE: Flags = Flags::WRITE.union(Flags::FAST);
const GROWING_WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM);

const INSPECTED_KEY: &[KeySpec] = &[KeySpec::one(KeyAccess::RO, 1)];
const READ_KEY: &[KeySpec] = &[KeySpec::one(READ, 1)];
const READ_KEYS: &[KeySpec] = &[KeySpec::range(READ, 1, -1, 1)];
const COUNTED_KEYS: &[KeySpec] = &[KeySpec::counted(READ, 1, 1)];
const POPPED_KEY: &[KeySpec] = &[KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::DELETE), 1)];
const STORED_AND_READ_KEYS: &[KeySpec] =
    &[KeySpec::one(KeyAccess::OW.union(KeyAccess::UPDATE), 1), KeySpec::range(READ, 2, -1, 1)];

const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const ANY_OUTPUT: &[&str] = &["nondeterministic_output"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "sadd",
        group: Group::Set,
        arity: -3,
        flags: GROWING_WRITE.union(Flags::FAST),
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::INSERT), 1)],
        since: "1.0.0",
        summary: "Adds members to a set and answers how many are new.",
        complexity: "O(N) for N members",
        syntax: "key member [member ...]",
        handler: change::sadd,
        ..Command::ROW
    },
    Command {
        name: "scard",
        group: Group::Set,
        arity: 2,
        flags: FAST_READ,
        keys: INSPECTED_KEY,
        since: "1.0.0",
        summary: "Answers how many members a set has.",
        syntax: "key",
        handler: read::scard,
        ..Command::ROW
    },
    Command {
        name: "sdiff",
        group: Group::Set,
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_KEYS,
        since: "1.0.0",
        summary: "Lists the members of the first set that are in none of the others.",
        complexity: "O(N) for N members of all sets",
        syntax: "key [key ...]",
        tips: ANY_ORDER,
        handler: algebra::sdiff,
        ..Command::ROW
    },
    Command {
        name: "sdiffcard",
        group: Group::Set,
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: COUNTED_KEYS,
        since: "8.10.0",
        summary: "Counts the members of the first set that are in none of the others, up to a limit.",
        complexity: "O(N) for N members of all sets",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        handler: algebra::sdiffcard,
        ..Command::ROW
    },
    Command {
        name: "sdiffstore",
        group: Group::Set,
        arity: -3,
        flags: GROWING_WRITE,
        keys: STORED_AND_READ_KEYS,
        since: "1.0.0",
        summary: "Stores the members of the first set that are in none of the others under a key.",
        complexity: "O(N) for N members of all sets",
        syntax: "destination key [key ...]",
        handler: algebra::sdiffstore,
        ..Command::ROW
    },
    Command {
        name: "sinter",
        group: Group::Set,
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_KEYS,
        since: "1.0.0",
        summary: "Lists the members that all sets have.",
        complexity: "O(N*M) for N members of the smallest of M sets",
        syntax: "key [key ...]",
        tips: ANY_ORDER,
        handler: algebra::sinter,
        ..Command::ROW
    },
    Command {
        name: "sintercard",
        group: Group::Set,
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: COUNTED_KEYS,
        since: "7.0.0",
        summary: "Counts the members that all sets have, up to a limit.",
        complexity: "O(N*M) for N members of the smallest of M sets",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        handler: algebra::sintercard,
        ..Command::ROW
    },
    Command {
        name: "sinterstore",
        group: Group::Set,
        arity: -3,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::UPDATE), 1), KeySpec::range(READ, 2, -1, 1)],
        since: "1.0.0",
        summary: "Stores the members that all sets have under a key.",
        complexity: "O(N*M) for N members of the smallest of M sets",
        syntax: "destination key [key ...]",
        handler: algebra::sinterstore,
        ..Command::ROW
    },
    Command {
        name: "sismember",
        group: Group::Set,
        arity: 3,
        flags: FAST_READ,
        keys: INSPECTED_KEY,
        since: "1.0.0",
        summary: "Tells whether a set has a member.",
        syntax: "key member",
        handler: read::sismember,
        ..Command::ROW
    },
    Command {
        name: "smembers",
        group: Group::Set,
        arity: 2,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "1.0.0",
        summary: "Lists all members of a set.",
        complexity: "O(N) for N members",
        syntax: "key",
        tips: ANY_ORDER,
        handler: read::smembers,
        ..Command::ROW
    },
    Command {
        name: "smismember",
        group: Group::Set,
        arity: -3,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "6.2.0",
        summary: "Tells of each of several members whether a set has it.",
        complexity: "O(N) for N members asked for",
        syntax: "key member [member ...]",
        handler: read::smismember,
        ..Command::ROW
    },
    Command {
        name: "smove",
        group: Group::Set,
        arity: 4,
        flags: FAST_WRITE,
        keys: &[
            KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::DELETE), 1),
            KeySpec::one(KeyAccess::RW.union(KeyAccess::INSERT), 2),
        ],
        since: "1.0.0",
        summary: "Moves a member from one set to another.",
        syntax: "source destination member",
        handler: change::smove,
        ..Command::ROW
    },
    Command {
        name: "spop",
        group: Group::Set,
        arity: -2,
        flags: FAST_WRITE,
        keys: POPPED_KEY,
        since: "1.0.0",
        summary: "Takes out one or more members chosen at random.",
        complexity: "O(N) for N members taken out",
        syntax: "key [count]",
        tips: ANY_OUTPUT,
        handler: random::spop,
        ..Command::ROW
    },
    Command {
        name: "srandmember",
        group: Group::Set,
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "1.0.0",
        summary: "Answers one or more members chosen at random; with a negative count the same one may come again.",
        complexity: "O(N) for N members asked for",
        syntax: "key [count]",
        tips: ANY_OUTPUT,
        handler: random::srandmember,
        ..Command::ROW
    },
    Command {
        name: "srem",
        group: Group::Set,
        arity: -3,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::DELETE), 1)],
        since: "1.0.0",
        summary: "Takes members out of a set and answers how many were there.",
        complexity: "O(N) for N members",
        syntax: "key member [member ...]",
        handler: change::srem,
        ..Command::ROW
    },
    Command {
        name: "sscan",
        group: Group::Set,
        arity: -3,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.8.0",
        summary: "Lists some members of a set and a cursor to go on from, until the cursor is 0.",
        complexity: "O(1) for each call, O(N) for a whole walk over N members",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        tips: ANY_OUTPUT,
        handler: read::sscan,
        ..Command::ROW
    },
    Command {
        name: "sunion",
        group: Group::Set,
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_KEYS,
        since: "1.0.0",
        summary: "Lists the members that any of several sets has.",
        complexity: "O(N) for N members of all sets",
        syntax: "key [key ...]",
        tips: ANY_ORDER,
        handler: algebra::sunion,
        ..Command::ROW
    },
    Command {
        name: "sunioncard",
        group: Group::Set,
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: COUNTED_KEYS,
        since: "8.10.0",
        summary: "Counts the members that any of several sets has, up to a limit.",
        complexity: "O(N) for N members of all sets",
        syntax: "numkeys key [key ...] [APPROX] [LIMIT limit]",
        handler: algebra::sunioncard,
        ..Command::ROW
    },
    Command {
        name: "sunionstore",
        group: Group::Set,
        arity: -3,
        flags: GROWING_WRITE,
        keys: STORED_AND_READ_KEYS,
        since: "1.0.0",
        summary: "Stores the members that any of several sets has under a key.",
        complexity: "O(N) for N members of all sets",
        syntax: "destination key [key ...]",
        handler: algebra::sunionstore,
        ..Command::ROW
    },
]);
