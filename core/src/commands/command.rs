//! COMMAND: the command table, for clients.

use crate::command::describe::{CATEGORY_NAMES, access_in, docs, info, key_access};
use crate::command::keys::for_each_key;
use crate::command::{Categories, Command, CommandId, Flags, Group, KeyAccess, registry, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::glob;
use crate::resp::{Aggregate, Arguments};

use super::help::help;

/// What the container and its subcommands have in common.
const ROW: Command = Command {
    group: Group::Server,
    flags: Flags::LOADING.union(Flags::STALE),
    categories: Categories::CONNECTION,
    since: "2.8.13",
    ..Command::ROW
};

const UNORDERED: &[&str] = &["nondeterministic_output_order"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "command",
    arity: -1,
    summary: "Describes all commands.",
    complexity: "O(N) for N commands",
    tips: UNORDERED,
    handler: all,
    subcommands: &[
        Command { name: "count", arity: 2, summary: "Counts the commands.", handler: count, ..ROW },
        Command {
            name: "docs",
            arity: -2,
            since: "7.0.0",
            summary: "Documents the named commands, or all of them.",
            complexity: "O(N) for N commands",
            syntax: "[command-name [command-name ...]]",
            tips: UNORDERED,
            handler: command_docs,
            ..ROW
        },
        Command {
            name: "getkeys",
            arity: -4,
            summary: "Finds the keys in a request.",
            complexity: "O(N) for N words",
            syntax: "command arg [arg ...]",
            handler: get_keys,
            ..ROW
        },
        Command {
            name: "getkeysandflags",
            arity: -4,
            since: "7.0.0",
            summary: "Finds the keys in a request and says what happens to each.",
            complexity: "O(N) for N words",
            syntax: "command arg [arg ...]",
            handler: get_keys_and_flags,
            ..ROW
        },
        Command { name: "help", arity: 2, since: "5.0.0", summary: "Lists the subcommands.", handler: help, ..ROW },
        Command {
            name: "info",
            arity: -2,
            summary: "Describes the named commands, or all of them.",
            complexity: "O(N) for N commands",
            syntax: "[command-name [command-name ...]]",
            tips: UNORDERED,
            handler: command_info,
            ..ROW
        },
        Command {
            name: "list",
            arity: -2,
            since: "7.0.0",
            summary: "Lists the names of commands.",
            complexity: "O(N) for N commands",
            syntax: "[FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]",
            tips: UNORDERED,
            handler: list,
            ..ROW
        },
    ],
    ..ROW
}]);

fn all(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.array(registry().top_level().count());
    registry().top_level().for_each(|id| info(&mut cx.reply, id));
    Ok(())
}

fn count(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.integer(registry().top_level().count() as i64);
    Ok(())
}

fn command_info(cx: &mut Context) -> Result<(), CommandError> {
    if cx.args.len() == 2 {
        return all(cx);
    }
    cx.reply.array(cx.args.len() - 2);
    for name in cx.args.iter().skip(2) {
        match registry().find_full(name) {
            Some(id) => info(&mut cx.reply, id),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

fn command_docs(cx: &mut Context) -> Result<(), CommandError> {
    let described = cx.reply.deferred(Aggregate::Map);
    let mut found = 0;
    let mut describe = |id: CommandId| {
        found += 1;
        cx.reply.bulk(id.full_name().as_bytes());
        docs(&mut cx.reply, id);
    };
    if cx.args.len() == 2 {
        registry().top_level().for_each(describe);
    } else {
        cx.args.iter().skip(2).filter_map(|name| registry().find_full(name)).for_each(&mut describe);
    }
    cx.reply.close(described, found);
    Ok(())
}

fn list(cx: &mut Context) -> Result<(), CommandError> {
    if cx.args.len() == 2 {
        return reply_list(cx, |_| true);
    }
    if cx.args.len() != 5 || !cx.arg(2).eq_ignore_ascii_case(b"FILTERBY") {
        return Err(CommandError::SYNTAX);
    }
    let (filter, value) = (cx.arg(3), cx.arg(4));
    if filter.eq_ignore_ascii_case(b"MODULE") {
        // There are no modules.
        reply_list(cx, |_| false)
    } else if filter.eq_ignore_ascii_case(b"ACLCAT") {
        let category = CATEGORY_NAMES.iter().find(|(_, name)| name.as_bytes().eq_ignore_ascii_case(value));
        reply_list(cx, |id| category.is_some_and(|(category, _)| id.row().acl_categories().contains(*category)))
    } else if filter.eq_ignore_ascii_case(b"PATTERN") {
        reply_list(cx, |id| glob::matches(value, id.full_name().as_bytes(), true))
    } else {
        Err(CommandError::SYNTAX)
    }
}

fn reply_list(cx: &mut Context, listed: impl Fn(CommandId) -> bool) -> Result<(), CommandError> {
    let names = cx.reply.deferred_array();
    let mut count = 0;
    for id in registry().iter().filter(|id| listed(*id)) {
        cx.reply.bulk(id.full_name().as_bytes());
        count += 1;
    }
    cx.reply.close(names, count);
    Ok(())
}

fn get_keys(cx: &mut Context) -> Result<(), CommandError> {
    let request = cx.args.tail(2);
    let keys = keys_of(request)?;
    cx.reply.array(keys.len());
    keys.iter().for_each(|(position, _)| cx.reply.bulk(request.get(*position)));
    Ok(())
}

fn get_keys_and_flags(cx: &mut Context) -> Result<(), CommandError> {
    let request = cx.args.tail(2);
    let keys = keys_of(request)?;
    cx.reply.array(keys.len());
    for (position, access) in keys {
        cx.reply.array(2);
        cx.reply.bulk(request.get(position));
        key_access(&mut cx.reply, access);
    }
    Ok(())
}

/// The keys of another request: where they stand and what happens to them.
fn keys_of(request: Arguments<'_>) -> Result<Vec<(usize, KeyAccess)>, CommandError> {
    let command = find(request).ok_or(CommandError::fixed("ERR Invalid command specified"))?;
    if !command.keys.iter().any(|spec| !spec.access.contains(KeyAccess::NOT_KEY)) {
        return Err(CommandError::fixed("ERR The command has no key arguments"));
    }
    if !command.accepts(request.len()) {
        return Err(CommandError::fixed("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    let complete = for_each_key(command, request, |position, access| {
        keys.push((position, access_in(command, request, access)));
    });
    match complete && !keys.is_empty() {
        true => Ok(keys),
        false if command.flags.contains(Flags::NO_MANDATORY_KEYS) => Ok(Vec::new()),
        false => Err(CommandError::fixed("ERR Invalid arguments specified for command")),
    }
}

/// The command a request asks for, or its subcommand.
fn find(request: Arguments<'_>) -> Option<&'static Command> {
    let id = registry().find(request.get(0))?;
    match request.try_get(1) {
        Some(word) if !id.row().subcommands.is_empty() => Some(registry().find_subcommand(id, word)?.row()),
        _ => Some(id.row()),
    }
}
