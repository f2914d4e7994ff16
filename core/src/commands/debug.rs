//! DEBUG: what test suites ask of a server. Everything here needs `enable-debug-command`.
//!
//! It holds all shards and the hub, so that DEBUG SLEEP stops the server as it stops Redis.

mod digest;
mod inside;
mod reload;
mod samples;

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::command::{Command, Flags, Group, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::number;

use super::help::{self, Usage};

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "debug",
    group: Group::Server,
    arity: -2,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE).union(Flags::PROTECTED),
    scope: Scope::Everything,
    since: "1.0.0",
    summary: "Groups tools for testing the server and its clients.",
    complexity: "That of the subcommand",
    handler: debug,
    ..Command::ROW
}]);

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
        summary: "Answers a hash of all keys and values. When keys expire does not count, expired keys are left out.",
        run: digest::keyspace,
    },
    Tool {
        name: "digest-value",
        arity: -2,
        arguments: "<key> [<key> ...]",
        summary: "Answers a hash of each key's value, zeros for a key that does not exist.",
        run: digest::values,
    },
    Tool { name: "error", arity: 3, arguments: "<text>", summary: "Answers an error of this text.", run: error },
    Tool {
        name: "htstats",
        arity: 3,
        arguments: "<database>",
        summary: "Tells how large the tables of a database are.",
        run: inside::database_tables,
    },
    Tool {
        name: "htstats-key",
        arity: 3,
        arguments: "<key>",
        summary: "Tells how large the hash table of a value is.",
        run: inside::value_table,
    },
    Tool {
        name: "listpack",
        arity: 3,
        arguments: "<key>",
        summary: "Answers whether a value is a listpack. Nothing is printed.",
        run: inside::listpack,
    },
    Tool {
        name: "loadaof",
        arity: 2,
        arguments: "",
        summary: "Writes every value as in an RDB file and reads it back, as RELOAD does.",
        run: reload::reload_all,
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
        run: inside::object,
    },
    Tool {
        name: "populate",
        arity: -3,
        arguments: "<count> [<prefix>] [<size>]",
        summary: "Makes strings under key:0, key:1 and so on, or under another prefix, of some size.",
        run: reload::populate,
    },
    Tool {
        name: "protocol",
        arity: 3,
        arguments: "<type>",
        summary: "Answers a sample of a reply type.",
        run: samples::protocol,
    },
    Tool {
        name: "quicklist",
        arity: -3,
        arguments: "<key> [<0|1>]",
        summary: "Answers whether a value is a quicklist. Nothing is printed.",
        run: inside::quicklist,
    },
    Tool {
        name: "quicklist-packed-threshold",
        arity: 3,
        arguments: "<size>",
        summary: "Bounds the nodes of lists made from now on: what is larger stands by itself. 0 takes it away.",
        run: inside::quicklist_packed_threshold,
    },
    Tool {
        name: "reload",
        arity: -2,
        arguments: "[MERGE] [NOFLUSH]",
        summary: "Writes every value as in an RDB file and reads it back.",
        run: reload::reload,
    },
    Tool {
        name: "set-active-expire",
        arity: 3,
        arguments: "<0|1>",
        summary: "0 stops the removal of expired keys in the background, any other number resumes it.",
        run: set_active_expire,
    },
    Tool {
        name: "set-skip-checksum-validation",
        arity: 3,
        arguments: "<0|1>",
        summary: "1 lets RESTORE take payloads whose checksums do not fit, 0 refuses them again.",
        run: set_skip_checksum_validation,
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

/// Whatever its text, it comes as an error; a line break would end it early.
fn error(cx: &mut Context) -> Result<(), CommandError> {
    let text: Vec<u8> = cx.arg(2).iter().map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte }).collect();
    Err(CommandError::new(text))
}

fn set_active_expire(cx: &mut Context) -> Result<(), CommandError> {
    let active = is_on(cx);
    cx.env.signals.active_expiry_stopped.store(!active, Ordering::Relaxed);
    cx.reply.ok();
    Ok(())
}

fn set_skip_checksum_validation(cx: &mut Context) -> Result<(), CommandError> {
    let ignored = is_on(cx);
    cx.env.signals.dump_checksums_ignored.store(ignored, Ordering::Relaxed);
    cx.reply.ok();
    Ok(())
}

/// Redis reads any text as a number, 0 if it is none.
fn is_on(cx: &Context) -> bool {
    number::parse_i64(cx.arg(2)).is_some_and(|number| number != 0)
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
