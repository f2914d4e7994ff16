//! FUNCTION, as far as it goes without scripts: there never is a function to list, flush or kill.

use crate::command::{Categories, Command, Flags, Group, rows};
use crate::context::Context;
use crate::error::CommandError;

use super::help::help;

/// What the subcommands have in common.
const ROW: Command = Command {
    group: Group::Scripting,
    flags: Flags::NOSCRIPT,
    categories: Categories::SCRIPTING,
    since: "7.0.0",
    ..Command::ROW
};

const ON_ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "function",
    group: Group::Scripting,
    arity: -2,
    since: "7.0.0",
    summary: "Groups commands about functions.",
    complexity: "That of the subcommand",
    subcommands: SUBCOMMANDS,
    ..Command::ROW
}]);

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "delete",
        arity: 3,
        flags: ROW.flags.union(Flags::WRITE),
        summary: "Removes a library. There is none yet.",
        syntax: "library-name",
        tips: ON_ALL_SHARDS,
        handler: delete,
        ..ROW
    },
    Command { name: "dump", arity: 2, summary: "Refused: this version runs no functions.", handler: refuse, ..ROW },
    Command {
        name: "flush",
        arity: -2,
        flags: ROW.flags.union(Flags::WRITE),
        summary: "Removes all libraries.",
        syntax: "[ASYNC|SYNC]",
        tips: ON_ALL_SHARDS,
        handler: flush,
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE),
        summary: "Prints this help.",
        handler: help,
        ..ROW
    },
    Command {
        name: "kill",
        arity: 2,
        flags: ROW.flags.union(Flags::ALLOW_BUSY),
        summary: "Ends the running function. None ever runs yet.",
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        handler: kill,
        ..ROW
    },
    Command {
        name: "list",
        arity: -2,
        summary: "Lists the libraries.",
        complexity: "O(N) for N functions",
        syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        tips: &["nondeterministic_output_order"],
        handler: list,
        ..ROW
    },
    Command {
        name: "load",
        arity: -3,
        flags: ROW.flags.union(Flags::WRITE).union(Flags::DENYOOM),
        summary: "Refused: this version runs no functions.",
        syntax: "[REPLACE] function-code",
        tips: ON_ALL_SHARDS,
        handler: refuse,
        ..ROW
    },
    Command {
        name: "restore",
        arity: -3,
        flags: ROW.flags.union(Flags::WRITE).union(Flags::DENYOOM),
        summary: "Refused: this version runs no functions.",
        syntax: "serialized-value [FLUSH|APPEND|REPLACE]",
        tips: ON_ALL_SHARDS,
        handler: refuse,
        ..ROW
    },
    Command {
        name: "stats",
        arity: 2,
        flags: ROW.flags.union(Flags::ALLOW_BUSY),
        summary: "Tells which function runs and what each engine holds.",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        handler: stats,
        ..ROW
    },
];

fn flush(cx: &mut Context) -> Result<(), CommandError> {
    if cx.args.len() > 3 {
        return Err(CommandError::wrong_words("FUNCTION", cx.arg(1)));
    }
    let known = |mode: &[u8]| mode.eq_ignore_ascii_case(b"ASYNC") || mode.eq_ignore_ascii_case(b"SYNC");
    if cx.args.try_get(2).is_some_and(|mode| !known(mode)) {
        return Err(CommandError::fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    cx.reply.ok();
    Ok(())
}

fn list(cx: &mut Context) -> Result<(), CommandError> {
    let mut words = cx.args.iter().skip(2);
    let (mut has_pattern, mut with_code) = (false, false);
    while let Some(word) = words.next() {
        if !with_code && word.eq_ignore_ascii_case(b"WITHCODE") {
            with_code = true;
        } else if !has_pattern && word.eq_ignore_ascii_case(b"LIBRARYNAME") {
            words.next().ok_or(CommandError::fixed("ERR library name argument was not given"))?;
            has_pattern = true;
        } else {
            return Err(CommandError::quoting("ERR Unknown argument ", word, ""));
        }
    }
    cx.reply.array(0);
    Ok(())
}

fn stats(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.map(2);
    cx.reply.bulk(b"running_script");
    cx.reply.null();
    cx.reply.bulk(b"engines");
    cx.reply.map(0);
    Ok(())
}

fn delete(_: &mut Context) -> Result<(), CommandError> {
    Err(CommandError::fixed("ERR Library not found"))
}

fn kill(_: &mut Context) -> Result<(), CommandError> {
    Err(CommandError::fixed("NOTBUSY No scripts in execution right now."))
}

fn refuse(_: &mut Context) -> Result<(), CommandError> {
    Err(CommandError::fixed("ERR this version of Larder does not run scripts and functions yet"))
}
