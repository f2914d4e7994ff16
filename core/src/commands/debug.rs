//! DEBUG: what test suites ask of a server. Everything here needs `enable-debug-command`.
//!
//! It holds all shards, so that DEBUG SLEEP stops the server as it stops Redis.

mod digest;
mod samples;

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::command::{Command, Flags, Group, Scope};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::encoding_name;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::object::Object;
use crate::number;

use super::help::{self, Usage};
use super::object::{idle_seconds, reference_count};

/// Rows of this family.
pub static COMMANDS: &[Command] = &[Command {
    name: "debug",
    group: Group::Server,
    arity: -2,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE).union(Flags::PROTECTED),
    scope: Scope::AllShards,
    since: "1.0.0",
    summary: "Groups tools for testing the server and its clients.",
    complexity: "That of the subcommand",
    handler: debug,
    ..Command::ROW
}];

/// A subcommand. Redis has one row for DEBUG as a whole, so these have none.
struct Tool {
    name: &'static str,
    /// Words of a request: exact if positive, at least this many if negative.
    arity: i16,
    arguments: &'static str,
    summary: &'static str,
    run: fn(&mut Context) -> Result<(), CommandError>,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "digest",
        arity: 2,
        arguments: "",
        summary: "Answers a hash of all keys and values. Expiry does not count, expired keys are left out.",
        run: digest::keyspace,
    },
    Tool {
        name: "digest-value",
        arity: -2,
        arguments: "<key> [<key> ...]",
        summary: "Answers a hash of each key's value, zeros for a key that does not exist.",
        run: digest::values,
    },
    Tool {
        name: "loadaof",
        arity: 2,
        arguments: "",
        summary: "Refused until there is persistence.",
        run: needs_persistence,
    },
    Tool {
        name: "log",
        arity: 3,
        arguments: "<message>",
        summary: "Answers OK: test suites mark their place with it. Nothing is written.",
        run: ok,
    },
    Tool {
        name: "object",
        arity: 3,
        arguments: "<key>",
        summary: "Tells how a value is stored, expired or not.",
        run: object,
    },
    Tool {
        name: "protocol",
        arity: 3,
        arguments: "<type>",
        summary: "Answers a sample of a reply type.",
        run: samples::protocol,
    },
    Tool {
        name: "reload",
        arity: -2,
        arguments: "[option ...]",
        summary: "Refused until there is persistence.",
        run: needs_persistence,
    },
    Tool {
        name: "set-active-expire",
        arity: 3,
        arguments: "<0|1>",
        summary: "0 stops the removal of expired keys in the background, any other number resumes it.",
        run: set_active_expire,
    },
    Tool {
        name: "sleep",
        arity: 3,
        arguments: "<seconds>",
        summary: "Stops the server for a while. Decimals are allowed.",
        run: sleep,
    },
    Tool { name: "help", arity: 2, arguments: "", summary: "Prints this help.", run: help },
];

fn debug(cx: &mut Context) -> Result<(), CommandError> {
    let word = cx.arg(1);
    let words = cx.args.len();
    let tool = TOOLS.iter().find(|tool| tool.name.as_bytes().eq_ignore_ascii_case(word) && tool.accepts(words));
    let Some(tool) = tool else {
        return Err(CommandError::wrong_words("DEBUG", word));
    };
    (tool.run)(cx)
}

impl Tool {
    fn accepts(&self, words: usize) -> bool {
        let required = usize::from(self.arity.unsigned_abs());
        if self.arity >= 0 { words == required } else { words >= required }
    }
}

fn help(cx: &mut Context) -> Result<(), CommandError> {
    let usages: Vec<Usage> = TOOLS.iter().map(|tool| (tool.name, tool.arguments.to_owned(), tool.summary)).collect();
    help::write(cx, "DEBUG", &usages);
    Ok(())
}

fn ok(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.ok();
    Ok(())
}

fn needs_persistence(cx: &mut Context) -> Result<(), CommandError> {
    let tool = String::from_utf8_lossy(cx.arg(1)).to_ascii_uppercase();
    Err(CommandError::new(format!(
        "ERR DEBUG {tool} needs persistence, which this version of Larder does not have yet"
    )))
}

fn set_active_expire(cx: &mut Context) -> Result<(), CommandError> {
    // Redis reads any text as a number, 0 if it is none.
    let active = number::parse_i64(cx.arg(2)).is_some_and(|number| number != 0);
    cx.env.signals.active_expiry_stopped.store(!active, Ordering::Relaxed);
    cx.reply.ok();
    Ok(())
}

/// Longest DEBUG SLEEP: a mistyped number must not stop a server for good.
const MAX_SLEEP_SECONDS: f64 = 3600.0;

fn sleep(cx: &mut Context) -> Result<(), CommandError> {
    // As in Redis what is no number, or negative, is no time at all.
    let seconds = number::parse_f64(cx.arg(2)).unwrap_or(0.0).clamp(0.0, MAX_SLEEP_SECONDS);
    cx.env.host.sleep(Duration::from_secs_f64(seconds));
    cx.reply.ok();
    Ok(())
}

fn object(cx: &mut Context) -> Result<(), CommandError> {
    let (env, key) = (cx.env, cx.arg(2));
    let entry = cx.keys.peek(cx.keys.db, key).ok_or(CommandError::NO_SUCH_KEY)?;
    let line = format!(
        "Value at:{:#x} refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.address(),
        reference_count(entry, &env),
        encoding_name(entry),
        serialized_bytes(entry),
        entry.clock(),
        idle_seconds(entry, &env),
    );
    cx.reply.status(&line);
    Ok(())
}

/// Bytes of the value in an RDB file, without compression.
fn serialized_bytes(entry: &Entry) -> usize {
    match entry.value() {
        Value::Integer(integer) => match integer {
            -0x80..=0x7f => 2,
            -0x8000..=0x7fff => 3,
            -0x8000_0000..=0x7fff_ffff => 5,
            _ => string_bytes(itoa::Buffer::new().format(integer).len()),
        },
        Value::Bytes(bytes) => string_bytes(bytes.len()),
        Value::Object(Object::Raw(bytes)) => string_bytes(bytes.len()),
        Value::Object(object) => object.heap_bytes(),
    }
}

/// A string in an RDB file: its length in 1, 2, 5 or 9 bytes, and the bytes.
fn string_bytes(len: usize) -> usize {
    len + match len {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..=0xffff_ffff => 5,
        _ => 9,
    }
}
