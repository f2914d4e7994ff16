//! Hashes.

mod count;
mod expiry;
mod fields;
mod random;
mod read;
mod volatile;
mod write;

use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};

const FAST_READ: Flags = Flags::READONLY.union(Flags::FAST);
const FAST_WRITE: Flags = Flags::WRITE.union(Flags::FAST);
const FAST_GROWING_WRITE: Flags = FAST_WRITE.union(Flags::DENYOOM);

const ASKED_KEY: &[KeySpec] = &[KeySpec::one(KeyAccess::RO, 1)];
const READ_KEY: &[KeySpec] = &[KeySpec::one(KeyAccess::RO.union(KeyAccess::ACCESS), 1)];
const CHANGED_KEY: &[KeySpec] = &[KeySpec::one(KeyAccess::RW.union(KeyAccess::UPDATE), 1)];
const READ_AND_CHANGED_KEY: &[KeySpec] =
    &[KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::UPDATE), 1)];

const EACH_FIELD: &str = "O(N) for N fields";
const FIELDS: &str = "key FIELDS numfields field [field ...]";

/// What all rows of the family share.
const ROW: Command = Command { group: Group::Hash, ..Command::ROW };

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "hdel",
        arity: -3,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::DELETE), 1)],
        since: "2.0.0",
        summary: "Removes fields and answers how many there were.",
        complexity: EACH_FIELD,
        syntax: "key field [field ...]",
        handler: write::hdel,
        ..ROW
    },
    Command {
        name: "hexists",
        arity: 3,
        flags: FAST_READ,
        keys: ASKED_KEY,
        since: "2.0.0",
        summary: "Says whether a field exists.",
        syntax: "key field",
        handler: read::hexists,
        ..ROW
    },
    Command {
        name: "hexpire",
        arity: -6,
        flags: FAST_WRITE,
        keys: CHANGED_KEY,
        since: "7.4.0",
        summary: "Lets fields end after some seconds.",
        complexity: EACH_FIELD,
        syntax: "key seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]",
        handler: expiry::hexpire,
        ..ROW
    },
    Command {
        name: "hexpireat",
        arity: -6,
        flags: FAST_WRITE,
        keys: CHANGED_KEY,
        since: "7.4.0",
        summary: "Lets fields end at a Unix time in seconds.",
        complexity: EACH_FIELD,
        syntax: "key unix-time-seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]",
        handler: expiry::hexpireat,
        ..ROW
    },
    Command {
        name: "hexpiretime",
        arity: -5,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "7.4.0",
        summary: "Answers the Unix times in seconds at which fields end: -1 without expiry, -2 without field.",
        complexity: EACH_FIELD,
        syntax: FIELDS,
        handler: expiry::hexpiretime,
        ..ROW
    },
    Command {
        name: "hget",
        arity: 3,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "2.0.0",
        summary: "Answers the value of a field.",
        syntax: "key field",
        handler: read::hget,
        ..ROW
    },
    Command {
        name: "hgetall",
        arity: 2,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.0.0",
        summary: "Answers all fields with their values.",
        complexity: EACH_FIELD,
        syntax: "key",
        tips: &["nondeterministic_output_order"],
        handler: read::hgetall,
        ..ROW
    },
    Command {
        name: "hgetdel",
        arity: -5,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::DELETE), 1)],
        since: "8.0.0",
        summary: "Answers the values of fields and removes the fields.",
        complexity: EACH_FIELD,
        syntax: FIELDS,
        handler: volatile::hgetdel,
        ..ROW
    },
    Command {
        name: "hgetex",
        arity: -5,
        flags: FAST_WRITE,
        keys: READ_AND_CHANGED_KEY,
        since: "8.0.0",
        summary: "Answers the values of fields and sets or clears the expiry of the fields.",
        complexity: EACH_FIELD,
        syntax: "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] \
            FIELDS numfields field [field ...]",
        handler: volatile::hgetex,
        ..ROW
    },
    Command {
        name: "hincrby",
        arity: 4,
        flags: FAST_GROWING_WRITE,
        keys: READ_AND_CHANGED_KEY,
        since: "2.0.0",
        summary: "Adds an integer to the value of a field, which starts at 0.",
        syntax: "key field increment",
        handler: count::hincrby,
        ..ROW
    },
    Command {
        name: "hincrbyfloat",
        arity: 4,
        flags: FAST_GROWING_WRITE,
        keys: READ_AND_CHANGED_KEY,
        since: "2.6.0",
        summary: "Adds a number to the value of a field, which starts at 0.",
        syntax: "key field increment",
        handler: count::hincrbyfloat,
        ..ROW
    },
    Command {
        name: "hkeys",
        arity: 2,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.0.0",
        summary: "Answers all fields.",
        complexity: EACH_FIELD,
        syntax: "key",
        tips: &["nondeterministic_output_order"],
        handler: read::hkeys,
        ..ROW
    },
    Command {
        name: "hlen",
        arity: 2,
        flags: FAST_READ,
        keys: ASKED_KEY,
        since: "2.0.0",
        summary: "Answers how many fields there are.",
        syntax: "key",
        handler: read::hlen,
        ..ROW
    },
    Command {
        name: "hmget",
        arity: -3,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "2.0.0",
        summary: "Answers the values of several fields.",
        complexity: EACH_FIELD,
        syntax: "key field [field ...]",
        handler: read::hmget,
        ..ROW
    },
    Command {
        name: "hmset",
        arity: -4,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "2.0.0",
        summary: "Stores values under fields.",
        complexity: EACH_FIELD,
        syntax: "key field value [field value ...]",
        deprecated: Some(("4.0.0", "`HSET` with multiple field-value pairs")),
        handler: write::hmset,
        ..ROW
    },
    Command {
        name: "hpersist",
        arity: -5,
        flags: FAST_WRITE,
        keys: CHANGED_KEY,
        since: "7.4.0",
        summary: "Takes the expiry off fields.",
        complexity: EACH_FIELD,
        syntax: FIELDS,
        handler: expiry::hpersist,
        ..ROW
    },
    Command {
        name: "hpexpire",
        arity: -6,
        flags: FAST_WRITE,
        keys: CHANGED_KEY,
        since: "7.4.0",
        summary: "Lets fields end after some milliseconds.",
        complexity: EACH_FIELD,
        syntax: "key milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]",
        handler: expiry::hpexpire,
        ..ROW
    },
    Command {
        name: "hpexpireat",
        arity: -6,
        flags: FAST_WRITE,
        keys: CHANGED_KEY,
        since: "7.4.0",
        summary: "Lets fields end at a Unix time in milliseconds.",
        complexity: EACH_FIELD,
        syntax: "key unix-time-milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]",
        handler: expiry::hpexpireat,
        ..ROW
    },
    Command {
        name: "hpexpiretime",
        arity: -5,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "7.4.0",
        summary: "Answers the Unix times in milliseconds at which fields end: -1 without expiry, -2 without field.",
        complexity: EACH_FIELD,
        syntax: FIELDS,
        handler: expiry::hpexpiretime,
        ..ROW
    },
    Command {
        name: "hpttl",
        arity: -5,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "7.4.0",
        summary: "Answers how many milliseconds fields have left: -1 without expiry, -2 without field.",
        complexity: EACH_FIELD,
        syntax: FIELDS,
        tips: &["nondeterministic_output"],
        handler: expiry::hpttl,
        ..ROW
    },
    Command {
        name: "hrandfield",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "6.2.0",
        summary: "Answers fields chosen at random.",
        complexity: "O(N) for N fields answered",
        syntax: "key [count [WITHVALUES]]",
        tips: &["nondeterministic_output"],
        handler: random::hrandfield,
        ..ROW
    },
    Command {
        name: "hscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.8.0",
        summary: "Lists some fields and a cursor to go on from, until the cursor is 0.",
        complexity: "O(1) for each call, O(N) for a whole walk over N fields",
        syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
        tips: &["nondeterministic_output"],
        handler: read::hscan,
        ..ROW
    },
    Command {
        name: "hset",
        arity: -4,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "2.0.0",
        summary: "Stores values under fields and answers how many fields are new.",
        complexity: EACH_FIELD,
        syntax: "key field value [field value ...]",
        handler: write::hset,
        ..ROW
    },
    Command {
        name: "hsetex",
        arity: -6,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "8.0.0",
        summary: "Stores values under fields with an expiry, if conditions hold.",
        complexity: EACH_FIELD,
        syntax: "key [NX|XX] [FNX|FXX] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
            unix-time-milliseconds|KEEPTTL] FIELDS numfields field value [field value ...]",
        handler: volatile::hsetex,
        ..ROW
    },
    Command {
        name: "hsetnx",
        arity: 4,
        flags: FAST_GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::INSERT), 1)],
        since: "2.0.0",
        summary: "Stores a value under a field that does not exist.",
        syntax: "key field value",
        handler: write::hsetnx,
        ..ROW
    },
    Command {
        name: "hstrlen",
        arity: 3,
        flags: FAST_READ,
        keys: ASKED_KEY,
        since: "3.2.0",
        summary: "Answers the length of a field's value in bytes.",
        syntax: "key field",
        handler: read::hstrlen,
        ..ROW
    },
    Command {
        name: "httl",
        arity: -5,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "7.4.0",
        summary: "Answers how many seconds fields have left: -1 without expiry, -2 without field.",
        complexity: EACH_FIELD,
        syntax: FIELDS,
        tips: &["nondeterministic_output"],
        handler: expiry::httl,
        ..ROW
    },
    Command {
        name: "hvals",
        arity: 2,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.0.0",
        summary: "Answers all values.",
        complexity: EACH_FIELD,
        syntax: "key",
        tips: &["nondeterministic_output_order"],
        handler: read::hvals,
        ..ROW
    },
]);
