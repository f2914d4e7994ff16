//! OBJECT: how a value is stored and when it was used.

use crate::command::{Categories, Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::{Context, Env};
use crate::error::CommandError;
use crate::keyspace::encoding_name;
use crate::keyspace::entry::{Entry, Value};
use crate::settings::EvictionPolicy;

use super::help::help;

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "object",
    group: Group::Generic,
    arity: -2,
    since: "2.2.3",
    summary: "Groups commands that tell how a value is stored.",
    complexity: "That of the subcommand",
    subcommands: SUBCOMMANDS,
    ..Command::ROW
}]);

static SUBCOMMANDS: &[Command] = &[
    Command { name: "encoding", summary: "Names the form a value is stored in.", handler: encoding, ..ROW },
    Command {
        name: "freq",
        since: "4.0.0",
        summary: "Answers the counter of accesses, which grows with the logarithm of their number (LFU policies only).",
        handler: freq,
        ..ROW
    },
    Command {
        name: "idletime",
        summary: "Answers for how many seconds a value has not been used (not with LFU policies).",
        handler: idletime,
        ..ROW
    },
    Command {
        name: "refcount",
        summary: "Answers how often a value is shared: 1, or a number without meaning for a small integer.",
        handler: refcount,
        ..ROW
    },
    Command {
        name: "help",
        group: Group::Generic,
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE),
        categories: Categories::KEYSPACE,
        since: "6.2.0",
        summary: "Prints this help.",
        handler: help,
        ..Command::ROW
    },
];

/// What the rows about a key share.
const ROW: Command = Command {
    group: Group::Generic,
    arity: 3,
    flags: Flags::READONLY,
    categories: Categories::KEYSPACE,
    keys: &[KeySpec::one(KeyAccess::RO, 2)],
    since: "2.2.3",
    syntax: "key",
    tips: &["nondeterministic_output"],
    ..Command::ROW
};

fn encoding(cx: &mut Context) -> Result<(), CommandError> {
    match inspect(cx) {
        None => cx.reply.null(),
        Some(entry) => {
            let name = encoding_name(entry);
            cx.reply.bulk(name.as_bytes());
        }
    }
    Ok(())
}

fn freq(cx: &mut Context) -> Result<(), CommandError> {
    let env = cx.env;
    let Some(clock) = inspect(cx).map(Entry::clock) else {
        cx.reply.null();
        return Ok(());
    };
    if !env.settings.maxmemory_policy.is_lfu() {
        return Err(CommandError::fixed(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    cx.reply.integer(env.access_clock().decayed(clock).into());
    Ok(())
}

fn idletime(cx: &mut Context) -> Result<(), CommandError> {
    let env = cx.env;
    let Some(idle_seconds) = inspect(cx).map(|entry| idle_seconds(entry, &env)) else {
        cx.reply.null();
        return Ok(());
    };
    if env.settings.maxmemory_policy.is_lfu() {
        return Err(CommandError::fixed(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
             policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    cx.reply.integer(idle_seconds.into());
    Ok(())
}

fn refcount(cx: &mut Context) -> Result<(), CommandError> {
    let env = cx.env;
    match inspect(cx).map(|entry| reference_count(entry, &env)) {
        None => cx.reply.null(),
        Some(count) => cx.reply.integer(count.into()),
    }
    Ok(())
}

fn inspect<'a>(cx: &'a mut Context) -> Option<&'a Entry> {
    let slot = cx.keys.inspect(cx.arg(2));
    cx.keys.entry(slot)
}

/// Seconds since the last access, of 24 bits, under a policy that keeps times.
pub(crate) fn idle_seconds(entry: &Entry, env: &Env<'_>) -> u32 {
    env.access_clock().idle_seconds(entry.clock())
}

/// What Redis would answer: nothing is shared here, but clients ask for it.
pub(crate) fn reference_count(entry: &Entry, env: &Env<'_>) -> i32 {
    /// Integers that Redis keeps once for all keys.
    const SHARED_INTEGERS: std::ops::Range<i64> = 0..10_000;
    // A policy that evicts by a clock needs one for each key.
    let settings = env.settings;
    let by_clock = matches!(settings.maxmemory_policy, EvictionPolicy::AllkeysLru | EvictionPolicy::VolatileLru)
        || settings.maxmemory_policy.is_lfu();
    match entry.value() {
        Value::Integer(integer)
            if SHARED_INTEGERS.contains(&integer) && (settings.maxmemory_bytes == 0 || !by_clock) =>
        {
            i32::MAX
        }
        _ => 1,
    }
}
