//! Streams.

mod acknowledge;
mod add;
mod claim;
mod delete;
mod group;
mod info;
mod pending;
mod range;
mod read;

use crate::command::keys::{Begin, Find};
use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::{Keyspace, Slot};
use crate::resp::Reply;
use crate::structure::stream::{Entries, Entry, Group as ConsumerGroup, Log, References, Stream, StreamId, Text};

use super::help::help;

const FAST_WRITE: Flags = Flags::WRITE.union(Flags::FAST);
const GROWING_WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM);
const FAST_GROWING_WRITE: Flags = GROWING_WRITE.union(Flags::FAST);

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);
const UPDATE: KeyAccess = KeyAccess::RW.union(KeyAccess::UPDATE);
const INSERT: KeyAccess = KeyAccess::RW.union(KeyAccess::INSERT);
const DELETE: KeyAccess = KeyAccess::RW.union(KeyAccess::DELETE);

const READ_KEY: &[KeySpec] = &[KeySpec::one(READ, 1)];
const UPDATED_KEY: &[KeySpec] = &[KeySpec::one(UPDATE, 1)];
const DELETED_KEY: &[KeySpec] = &[KeySpec::one(DELETE, 1)];

/// The first half of the words behind STREAMS.
const fn streams(from: i16) -> KeySpec {
    let find = Find::Range { last: -1, step: 1, limit: 2 };
    KeySpec { access: READ, begin: Begin::Keyword("STREAMS", from), find }
}

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "xack",
        arity: -4,
        flags: FAST_WRITE,
        keys: UPDATED_KEY,
        summary: "Acknowledges entries, which are then no longer pending in a group.",
        complexity: "O(1) for each entry",
        syntax: "key group ID [ID ...]",
        handler: acknowledge::xack,
        ..ROW
    },
    Command {
        name: "xackdel",
        arity: -6,
        flags: FAST_WRITE,
        keys: &[KeySpec::one(UPDATE.union(KeyAccess::DELETE), 1)],
        since: "8.2.0",
        summary: "Acknowledges entries and deletes them.",
        complexity: "O(1) for each entry",
        syntax: "key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...]",
        handler: acknowledge::xackdel,
        ..ROW
    },
    Command {
        name: "xadd",
        arity: -5,
        flags: FAST_GROWING_WRITE,
        keys: UPDATED_KEY,
        summary: "Adds an entry to the end of a stream, which starts empty.",
        complexity: "O(1) without trimming, O(N) for N entries trimmed",
        syntax: "key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [<MAXLEN|MINID> [=|~] threshold [LIMIT count]] <*|id> \
                 field value [field value ...]",
        tips: &["nondeterministic_output"],
        handler: add::xadd,
        ..ROW
    },
    Command {
        name: "xautoclaim",
        arity: -6,
        flags: FAST_WRITE,
        keys: DELETED_KEY,
        since: "6.2.0",
        summary: "Gives the next pending entries that have been idle for long to a consumer.",
        complexity: "O(1) for a small COUNT",
        syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
        tips: &["nondeterministic_output"],
        handler: claim::xautoclaim,
        ..ROW
    },
    Command {
        name: "xclaim",
        arity: -6,
        flags: FAST_WRITE,
        keys: UPDATED_KEY,
        summary: "Gives pending entries to a consumer.",
        complexity: "O(log N) for each entry, with N pending",
        syntax: "key group consumer min-idle-time ID [ID ...] [IDLE ms] [TIME unix-time-milliseconds] \
                 [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        tips: &["nondeterministic_output"],
        handler: claim::xclaim,
        ..ROW
    },
    Command {
        name: "xdel",
        arity: -3,
        flags: FAST_WRITE,
        keys: DELETED_KEY,
        summary: "Deletes entries.",
        complexity: "O(1) for each entry",
        syntax: "key ID [ID ...]",
        handler: delete::xdel,
        ..ROW
    },
    Command {
        name: "xdelex",
        arity: -5,
        flags: FAST_WRITE,
        keys: DELETED_KEY,
        since: "8.2.0",
        summary: "Deletes entries, with regard to the groups that refer to them.",
        complexity: "O(1) for each entry",
        syntax: "key [KEEPREF|DELREF|ACKED] IDS numids id [id ...]",
        handler: delete::xdelex,
        ..ROW
    },
    Command {
        name: "xgroup",
        arity: -2,
        summary: "Groups commands that manage consumer groups.",
        complexity: "That of the subcommand",
        subcommands: GROUP_SUBCOMMANDS,
        ..ROW
    },
    Command {
        name: "xinfo",
        arity: -2,
        summary: "Groups commands that describe a stream.",
        complexity: "That of the subcommand",
        subcommands: INFO_SUBCOMMANDS,
        ..ROW
    },
    Command {
        name: "xlen",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::one(KeyAccess::RO, 1)],
        summary: "Counts the entries of a stream.",
        syntax: "key",
        handler: range::xlen,
        ..ROW
    },
    Command {
        name: "xpending",
        arity: -3,
        flags: Flags::READONLY,
        keys: READ_KEY,
        summary: "Shows which entries consumers of a group have not acknowledged.",
        complexity: "O(N) for N entries answered, O(M) without a range for M consumers",
        syntax: "key group [[IDLE min-idle-time] start end count [consumer]]",
        tips: &["nondeterministic_output"],
        handler: pending::xpending,
        ..ROW
    },
    Command {
        name: "xrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        summary: "Returns the entries between two IDs, the oldest first.",
        complexity: "O(N) for N entries answered",
        syntax: "key start end [COUNT count]",
        handler: range::xrange,
        ..ROW
    },
    Command {
        name: "xread",
        arity: -4,
        flags: Flags::READONLY.union(Flags::BLOCKING),
        keys: &[streams(1)],
        summary: "Returns the entries of streams after given IDs, and waits for some if asked to.",
        complexity: "O(N) for N entries answered",
        syntax: "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] ID [ID ...]",
        handler: read::xread,
        ..ROW
    },
    Command {
        name: "xreadgroup",
        arity: -7,
        flags: Flags::WRITE.union(Flags::BLOCKING),
        keys: &[streams(4)],
        summary: "Delivers entries to a consumer of a group: new ones, for which it may wait, or pending ones.",
        complexity: "O(N) for N entries answered",
        syntax: "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] ID [ID ...]",
        handler: read::xreadgroup,
        ..ROW
    },
    Command {
        name: "xrevrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        summary: "Returns the entries between two IDs, the newest first.",
        complexity: "O(N) for N entries answered",
        syntax: "key end start [COUNT count]",
        handler: range::xrevrange,
        ..ROW
    },
    Command {
        name: "xsetid",
        arity: -3,
        flags: FAST_GROWING_WRITE,
        keys: UPDATED_KEY,
        summary: "Sets the last ID of a stream and what it remembers of entries that are gone.",
        syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
        handler: add::xsetid,
        ..ROW
    },
    Command {
        name: "xtrim",
        arity: -4,
        flags: Flags::WRITE,
        keys: DELETED_KEY,
        summary: "Deletes the oldest entries.",
        complexity: "O(N) for N entries deleted",
        syntax: "key <MAXLEN|MINID> [=|~] threshold [LIMIT count] [KEEPREF|DELREF|ACKED]",
        tips: &["nondeterministic_output"],
        handler: add::xtrim,
        ..ROW
    },
]);

static GROUP_SUBCOMMANDS: &[Command] = &[
    Command {
        name: "create",
        arity: -5,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(INSERT, 2)],
        summary: "Creates a group that reads the entries after an ID.",
        syntax: "key group <id|$> [MKSTREAM] [ENTRIESREAD entries-read]",
        handler: group::create,
        ..ROW
    },
    Command {
        name: "createconsumer",
        arity: 5,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(INSERT, 2)],
        since: "6.2.0",
        summary: "Creates a consumer, which reading does as well.",
        syntax: "key group consumer",
        handler: group::create_consumer,
        ..ROW
    },
    Command {
        name: "delconsumer",
        arity: 5,
        flags: Flags::WRITE,
        keys: &[KeySpec::one(DELETE, 2)],
        summary: "Removes a consumer with its pending entries and answers how many these were.",
        complexity: "O(N) for N pending entries",
        syntax: "key group consumer",
        handler: group::delete_consumer,
        ..ROW
    },
    Command {
        name: "destroy",
        arity: 4,
        flags: Flags::WRITE,
        keys: &[KeySpec::one(DELETE, 2)],
        summary: "Removes a group with its consumers.",
        complexity: "O(N) for N pending entries",
        syntax: "key group",
        handler: group::destroy,
        ..ROW
    },
    HELP,
    Command {
        name: "setid",
        arity: -5,
        flags: Flags::WRITE,
        keys: &[KeySpec::one(UPDATE, 2)],
        summary: "Lets a group go on after an ID.",
        syntax: "key group <id|$> [ENTRIESREAD entries-read]",
        handler: group::set_id,
        ..ROW
    },
];

static INFO_SUBCOMMANDS: &[Command] = &[
    Command {
        name: "consumers",
        arity: 4,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(READ, 2)],
        summary: "Lists the consumers of a group.",
        complexity: "O(N) for N consumers",
        syntax: "key group",
        tips: &["nondeterministic_output"],
        handler: info::consumers,
        ..ROW
    },
    Command {
        name: "groups",
        arity: 3,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(READ, 2)],
        summary: "Lists the groups of a stream.",
        complexity: "O(N) for N groups",
        syntax: "key",
        handler: info::groups,
        ..ROW
    },
    HELP,
    Command {
        name: "stream",
        arity: -3,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(READ, 2)],
        summary: "Describes a stream, with FULL also its entries, groups and pending entries.",
        complexity: "O(N) for N nodes of the log, and what FULL shows",
        syntax: "key [FULL [COUNT count]]",
        handler: info::stream,
        ..ROW
    },
];

/// What all rows share.
const ROW: Command = Command { group: Group::Stream, since: "5.0.0", ..Command::ROW };

const HELP: Command = Command {
    name: "help",
    arity: 2,
    flags: Flags::LOADING.union(Flags::STALE),
    summary: "Prints this help.",
    handler: help,
    ..ROW
};

const INVALID_ID: CommandError = CommandError::fixed("ERR Invalid stream ID specified as stream command argument");
const INVALID_START: CommandError = CommandError::fixed("ERR invalid start ID for the interval");
const INVALID_END: CommandError = CommandError::fixed("ERR invalid end ID for the interval");

/// An ID, whose sequence number may be missing for 0.
fn id(word: &[u8]) -> Result<StreamId, CommandError> {
    StreamId::parse(word, 0).map_err(|_| INVALID_ID)
}

/// The start of an interval.
fn start(word: &[u8]) -> Result<StreamId, CommandError> {
    StreamId::parse_start(word).map_err(|_| INVALID_ID)?.ok_or(INVALID_START)
}

/// The end of an interval.
fn end(word: &[u8]) -> Result<StreamId, CommandError> {
    StreamId::parse_end(word).map_err(|_| INVALID_ID)?.ok_or(INVALID_END)
}

/// A count of entries; negative ones count as `if_negative`.
fn count(cx: &Context, index: usize, if_negative: usize) -> Result<usize, CommandError> {
    Ok(usize::try_from(cx.integer(index)?).unwrap_or(if_negative))
}

/// Whether a word is an option, in whatever case. Written out in place, the comparisons of all options take 6 kB of
/// wasm.
#[inline(never)]
fn is(word: &[u8], option: &str) -> bool {
    word.eq_ignore_ascii_case(option.as_bytes())
}

/// KEEPREF, DELREF or ACKED.
fn references(word: &[u8]) -> Option<References> {
    let choices = [("KEEPREF", References::Keep), ("DELREF", References::Delete), ("ACKED", References::Acknowledged)];
    choices.into_iter().find(|(name, _)| is(word, name)).map(|(_, choice)| choice)
}

/// The stream under a key.
fn stream<'k>(keys: &'k Keyspace, slot: Slot) -> Result<Option<&'k Stream>, CommandError> {
    keys.get(slot)
}

/// Whether there is a stream under the key, and a group of this name.
fn has_group(keys: &Keyspace, slot: Slot, name: &[u8]) -> Result<bool, CommandError> {
    Ok(stream(keys, slot)?.is_some_and(|stream| stream.group(name).is_some()))
}

/// Changes a stream: `change` says whether it did. False if there is none. All commands go through this one, for a copy
/// of [`Keyspace::edit`] in each would be most of them.
fn edit(keys: &mut Keyspace, slot: Slot, change: &mut dyn FnMut(&mut Stream) -> bool) -> Result<bool, CommandError> {
    let done = keys.edit(slot, |stream: &mut Stream| ((), change(stream)))?;
    Ok(done.is_some())
}

/// As [`edit`], where a missing key starts with an empty stream, which stays if `change` says that it changed it.
fn edit_or_create(
    keys: &mut Keyspace,
    slot: Slot,
    change: &mut dyn FnMut(&mut Stream) -> bool,
) -> Result<(), CommandError> {
    if slot.exists() {
        edit(keys, slot, change)?;
        return Ok(());
    }
    let mut stream = Stream::new();
    if change(&mut stream) {
        keys.put_value(slot, stream);
    }
    Ok(())
}

/// Changes a group of the stream, which WATCH does not see; nothing happens if it has none of this name.
fn edit_group(
    keys: &mut Keyspace,
    slot: Slot,
    name: &[u8],
    change: &mut dyn FnMut(&Log, &mut ConsumerGroup) -> bool,
) -> Result<(), CommandError> {
    keys.edit_unwatched(slot, &mut |stream: &mut Stream| stream.with_group(name, &mut *change) == Some(true))?;
    Ok(())
}

/// `NOGROUP No such key 'k' or consumer group 'g'`, and what follows.
fn no_key_or_group(key: &[u8], group: &[u8], after: &str) -> CommandError {
    naming_two("NOGROUP No such key '", key, "' or consumer group '", group, after)
}

/// `NOGROUP No such consumer group 'g' for key name 'k'`.
fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    naming_two("NOGROUP No such consumer group '", group, "' for key name '", key, "")
}

fn naming_two(before: &str, one: &[u8], between: &str, other: &[u8], after: &str) -> CommandError {
    CommandError::new([before.as_bytes(), one, between.as_bytes(), other, b"'", after.as_bytes()].concat())
}

/// Writes an ID as a string.
#[inline(never)]
fn write_id(reply: &mut Reply, id: StreamId) {
    reply.bulk(id.text(&mut [0; StreamId::TEXT_BYTES]));
}

/// Writes an entry: its ID and the list of its names and values.
fn write_entry(reply: &mut Reply, entry: Entry) {
    reply.array(2);
    write_id(reply, entry.id);
    reply.array(2 * entry.fields.len());
    for (name, value) in entry.fields {
        write_text(reply, name);
        write_text(reply, value);
    }
}

fn write_text(reply: &mut Reply, text: Text) {
    match text {
        Text::Integer(integer) => reply.bulk_integer(integer),
        Text::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// Writes at most `count` entries, and returns how many there were: that shows only while they are walked.
fn write_entries(reply: &mut Reply, entries: Entries, count: usize) -> usize {
    let array = reply.deferred_array();
    let mut len = 0;
    for entry in entries.take(count) {
        write_entry(reply, entry);
        len += 1;
    }
    reply.close(array, len);
    len
}
