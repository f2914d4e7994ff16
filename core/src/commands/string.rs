//! Strings.

pub(crate) mod compare;
mod count;
pub(crate) mod expiry;
mod increx;
mod many;
mod part;
mod read;
mod set;

use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::error::CommandError;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::string_of;

const FAST_READ: Flags = Flags::READONLY.union(Flags::FAST);
const FAST_WRITE: Flags = Flags::WRITE.union(Flags::FAST);
const GROWING_WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM);
const FAST_GROWING_WRITE: Flags = GROWING_WRITE.union(Flags::FAST);

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);
const CHANGE: KeyAccess = KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::UPDATE);
const OVERWRITE: KeyAccess = KeyAccess::OW.union(KeyAccess::UPDATE);
const CREATE: KeyAccess = KeyAccess::OW.union(KeyAccess::INSERT);

const READ_KEY: &[KeySpec] = &[KeySpec::one(READ, 1)];
const CHANGED_KEY: &[KeySpec] = &[KeySpec::one(CHANGE, 1)];
const OVERWRITTEN_KEY: &[KeySpec] = &[KeySpec::one(OVERWRITE, 1)];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "append",
        group: Group::String,
        arity: 3,
        flags: FAST_GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::INSERT), 1)],
        since: "2.0.0",
        summary: "Adds bytes to the end of a string, which starts empty.",
        complexity: "O(1) on average, since room doubles as it runs out",
        syntax: "key value",
        handler: part::append,
        ..Command::ROW
    },
    Command {
        name: "decr",
        group: Group::String,
        arity: 2,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "1.0.0",
        summary: "Takes one from an integer, which starts at 0.",
        syntax: "key",
        handler: count::decr,
        ..Command::ROW
    },
    Command {
        name: "decrby",
        group: Group::String,
        arity: 3,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "1.0.0",
        summary: "Takes a number from an integer, which starts at 0.",
        syntax: "key decrement",
        handler: count::decrby,
        ..Command::ROW
    },
    Command {
        name: "delex",
        group: Group::String,
        arity: -2,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::DELETE).union(KeyAccess::VARIABLE_FLAGS), 1)],
        since: "8.4.0",
        summary: "Removes a key if its value, or the digest of it, is as expected.",
        complexity: "O(1), O(N) for N bytes compared",
        syntax: "key [IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE ifdne-digest]",
        handler: compare::delex,
        ..Command::ROW
    },
    Command {
        name: "delifeq",
        group: Group::String,
        arity: 3,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(KeyAccess::RM.union(KeyAccess::DELETE), 1)],
        since: "valkey 9.0.0",
        summary: "Removes a key if it holds this string.",
        complexity: "O(N) for N bytes compared",
        syntax: "key value",
        handler: compare::delifeq,
        ..Command::ROW
    },
    Command {
        name: "digest",
        group: Group::String,
        arity: 2,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "8.4.0",
        summary: "Returns the XXH3 hash of a string, 16 hexadecimal digits.",
        complexity: "O(N) for N bytes hashed",
        syntax: "key",
        handler: compare::digest,
        ..Command::ROW
    },
    Command {
        name: "get",
        group: Group::String,
        arity: 2,
        flags: FAST_READ,
        keys: READ_KEY,
        since: "1.0.0",
        summary: "Returns the string under a key.",
        syntax: "key",
        handler: read::get,
        ..Command::ROW
    },
    Command {
        name: "getdel",
        group: Group::String,
        arity: 2,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::DELETE), 1)],
        since: "6.2.0",
        summary: "Returns the string under a key and removes the key.",
        syntax: "key",
        handler: read::getdel,
        ..Command::ROW
    },
    Command {
        name: "getex",
        group: Group::String,
        arity: -2,
        flags: FAST_WRITE,
        keys: CHANGED_KEY,
        since: "6.2.0",
        summary: "Returns the string under a key and sets or clears the key's expiry.",
        syntax: "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]",
        handler: read::getex,
        ..Command::ROW
    },
    Command {
        name: "getrange",
        group: Group::String,
        arity: 4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.4.0",
        summary: "Returns a part of a string, both ends included.",
        complexity: "O(N) for N bytes returned",
        syntax: "key start end",
        handler: part::getrange,
        ..Command::ROW
    },
    Command {
        name: "getset",
        group: Group::String,
        arity: 3,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "1.0.0",
        summary: "Stores a string and returns the one before.",
        syntax: "key value",
        deprecated: Some(("6.2.0", "`SET` with `GET`")),
        handler: set::getset,
        ..Command::ROW
    },
    Command {
        name: "incr",
        group: Group::String,
        arity: 2,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "1.0.0",
        summary: "Adds one to an integer, which starts at 0.",
        syntax: "key",
        handler: count::incr,
        ..Command::ROW
    },
    Command {
        name: "incrby",
        group: Group::String,
        arity: 3,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "1.0.0",
        summary: "Adds a number to an integer, which starts at 0.",
        syntax: "key increment",
        handler: count::incrby,
        ..Command::ROW
    },
    Command {
        name: "incrbyfloat",
        group: Group::String,
        arity: 3,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "2.6.0",
        summary: "Adds a fractional number to a number, which starts at 0.",
        syntax: "key increment",
        handler: count::incrbyfloat,
        ..Command::ROW
    },
    Command {
        name: "increx",
        group: Group::String,
        arity: -2,
        flags: FAST_GROWING_WRITE,
        keys: CHANGED_KEY,
        since: "8.8.0",
        summary: "Adds to a number within bounds and sets its expiry: a rate limiter in one step.",
        syntax: "key [BYFLOAT increment|BYINT increment] [LBOUND lowerbound] [UBOUND upperbound] [SATURATE] \
                 [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] [ENX]",
        handler: increx::increx,
        ..Command::ROW
    },
    Command {
        name: "mget",
        group: Group::String,
        arity: -2,
        flags: FAST_READ,
        keys: &[KeySpec::range(READ, 1, -1, 1)],
        since: "1.0.0",
        summary: "Returns the strings under several keys, null where there is none.",
        complexity: "O(N) for N keys",
        syntax: "key [key ...]",
        tips: &["request_policy:multi_shard"],
        handler: many::mget,
        ..Command::ROW
    },
    Command {
        name: "mset",
        group: Group::String,
        arity: -3,
        flags: GROWING_WRITE,
        keys: &[KeySpec::range(OVERWRITE, 1, -1, 2)],
        since: "1.0.1",
        summary: "Stores several strings at once.",
        complexity: "O(N) for N keys",
        syntax: "key value [key value ...]",
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        handler: many::mset,
        ..Command::ROW
    },
    Command {
        name: "msetex",
        group: Group::String,
        arity: -4,
        flags: GROWING_WRITE,
        keys: &[KeySpec::counted(OVERWRITE, 1, 2)],
        since: "8.4.0",
        summary: "Stores several strings with one expiry, on one condition for all keys.",
        complexity: "O(N) for N keys",
        syntax: "numkeys key value [key value ...] [NX|XX] \
                 [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        handler: many::msetex,
        ..Command::ROW
    },
    Command {
        name: "msetnx",
        group: Group::String,
        arity: -3,
        flags: GROWING_WRITE,
        keys: &[KeySpec::range(CREATE, 1, -1, 2)],
        since: "1.0.1",
        summary: "Stores several strings, unless any of the keys exists.",
        complexity: "O(N) for N keys",
        syntax: "key value [key value ...]",
        handler: many::msetnx,
        ..Command::ROW
    },
    Command {
        name: "psetex",
        group: Group::String,
        arity: 4,
        flags: GROWING_WRITE,
        keys: OVERWRITTEN_KEY,
        since: "2.6.0",
        summary: "Stores a string that expires after some milliseconds.",
        syntax: "key milliseconds value",
        deprecated: Some(("2.6.12", "`SET` with `PX`")),
        handler: set::psetex,
        ..Command::ROW
    },
    Command {
        name: "set",
        group: Group::String,
        arity: -3,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(CHANGE.union(KeyAccess::VARIABLE_FLAGS), 1)],
        since: "1.0.0",
        summary: "Stores a string, on a condition and with an expiry if asked to.",
        syntax: "key value [NX|XX|IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE ifdne-digest] [GET] \
                 [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
        handler: set::set,
        ..Command::ROW
    },
    Command {
        name: "setex",
        group: Group::String,
        arity: 4,
        flags: GROWING_WRITE,
        keys: OVERWRITTEN_KEY,
        since: "2.0.0",
        summary: "Stores a string that expires after some seconds.",
        syntax: "key seconds value",
        deprecated: Some(("2.6.12", "`SET` with `EX`")),
        handler: set::setex,
        ..Command::ROW
    },
    Command {
        name: "setnx",
        group: Group::String,
        arity: 3,
        flags: FAST_GROWING_WRITE,
        keys: &[KeySpec::one(CREATE, 1)],
        since: "1.0.0",
        summary: "Stores a string, unless the key exists.",
        syntax: "key value",
        deprecated: Some(("2.6.12", "`SET` with `NX`")),
        handler: set::setnx,
        ..Command::ROW
    },
    Command {
        name: "setrange",
        group: Group::String,
        arity: 4,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::UPDATE), 1)],
        since: "2.2.0",
        summary: "Writes over a part of a string, which grows with zero bytes as far as needed.",
        complexity: "O(N) for N bytes written",
        syntax: "key offset value",
        handler: part::setrange,
        ..Command::ROW
    },
    Command {
        name: "strlen",
        group: Group::String,
        arity: 2,
        flags: FAST_READ,
        keys: &[KeySpec::one(KeyAccess::RO, 1)],
        since: "2.2.0",
        summary: "Returns the length of a string in bytes.",
        syntax: "key",
        handler: part::strlen,
        ..Command::ROW
    },
    Command {
        name: "substr",
        group: Group::String,
        arity: 4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "1.0.0",
        summary: "Returns a part of a string, both ends included.",
        complexity: "O(N) for N bytes returned",
        syntax: "key start end",
        deprecated: Some(("2.0.0", "`GETRANGE`")),
        handler: part::getrange,
        ..Command::ROW
    },
]);

/// Reads the string of an entry, an integer's digits on the stack: `None` if there is no entry, WRONGTYPE for other
/// types.
#[inline]
pub(crate) fn read_text<R>(entry: Option<&Entry>, read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, CommandError> {
    Ok(match entry.map(Entry::value) {
        None => read(None),
        Some(Value::Bytes(bytes)) => read(Some(bytes)),
        Some(Value::Integer(integer)) => read(Some(itoa::Buffer::new().format(integer).as_bytes())),
        Some(Value::Object(_)) => read(Some(&string_of(entry.expect("it has a value"))?)),
    })
}

/// Most bytes of spare room that a growing string gets.
const SPARE_BYTES: usize = 1 << 20;

/// Lengthens a string with zero bytes to at least `len` bytes. Room doubles up to [`SPARE_BYTES`] beyond the need, so
/// that appending is cheap and a bitmap of hundreds of megabytes does not cost twice that. Says whether it was shorter.
pub(crate) fn grow(bytes: &mut Vec<u8>, len: usize) -> bool {
    if len > bytes.capacity() {
        let spare = if bytes.is_empty() { 0 } else { len.min(SPARE_BYTES) };
        bytes.reserve_exact(len - bytes.len() + spare);
    }
    let is_shorter = len > bytes.len();
    if is_shorter {
        bytes.resize(len, 0);
    }
    is_shorter
}
