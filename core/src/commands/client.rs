//! CLIENT: what connections know of themselves and of each other.

mod filter;
mod kill;
mod line;
mod list;
mod modes;

use crate::command::{Categories, Command, Flags, Group, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;

use super::help::help;

/// What subcommands for everybody have in common.
const ROW: Command = Command {
    group: Group::Connection,
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE),
    categories: Categories::CONNECTION,
    ..Command::ROW
};

/// What subcommands for administrators have in common.
const ADMIN: Command = Command { flags: ROW.flags.union(Flags::ADMIN), ..ROW };

const ON_ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "client",
    group: Group::Connection,
    arity: -2,
    since: "2.4.0",
    summary: "Groups commands about connections.",
    complexity: "That of the subcommand",
    subcommands: SUBCOMMANDS,
    ..Command::ROW
}]);

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "getname",
        arity: 2,
        since: "2.6.9",
        summary: "Answers the name of this connection.",
        handler: get_name,
        ..ROW
    },
    Command {
        name: "getredir",
        arity: 2,
        since: "6.0.0",
        summary: "Answers which client gets the invalidations of this one; -1 while it tracks no keys.",
        handler: modes::get_redirection,
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE),
        since: "5.0.0",
        summary: "Prints this help.",
        handler: help,
        ..ROW
    },
    Command {
        name: "id",
        arity: 2,
        since: "5.0.0",
        summary: "Answers the number of this connection.",
        handler: id,
        ..ROW
    },
    Command {
        name: "info",
        arity: 2,
        scope: Scope::Hub,
        since: "6.2.0",
        summary: "Describes this connection.",
        tips: &["nondeterministic_output"],
        handler: list::info,
        ..ROW
    },
    Command {
        name: "kill",
        arity: -3,
        scope: Scope::Hub,
        since: "2.4.0",
        summary: "Closes the connection from an address, or those that all filters fit.",
        complexity: "O(N) for N connections",
        syntax: "<ip:port|<[ID client-id]|[TYPE normal|master|slave|replica|pubsub]|[USER username]|[ADDR ip:port]|\
                 [LADDR ip:port]|[SKIPME YES|NO]|[MAXAGE maxage]|[IDLE idle]|[NAME name]|[LIB-NAME lib-name]|\
                 [LIB-VER lib-ver]|[DB db]> [<[ID client-id]|[TYPE normal|master|slave|replica|pubsub]|\
                 [USER username]|[ADDR ip:port]|[LADDR ip:port]|[SKIPME YES|NO]|[MAXAGE maxage]|[IDLE idle]|\
                 [NAME name]|[LIB-NAME lib-name]|[LIB-VER lib-ver]|[DB db]> ...]>",
        handler: kill::kill,
        ..ADMIN
    },
    Command {
        name: "list",
        arity: -2,
        scope: Scope::Hub,
        since: "2.4.0",
        summary: "Describes all connections, or those that all filters fit.",
        complexity: "O(N) for N connections",
        syntax: "[TYPE normal|master|replica|pubsub] [ID client-id [client-id ...]] [USER username] [ADDR ip:port] \
                 [LADDR ip:port] [SKIPME YES|NO] [MAXAGE maxage] [IDLE idle] [NAME name] [LIB-NAME lib-name] \
                 [LIB-VER lib-ver] [DB db]",
        tips: &["nondeterministic_output"],
        handler: list::list,
        ..ADMIN
    },
    Command {
        name: "no-evict",
        arity: 3,
        since: "7.0.0",
        summary: "Keeps this connection when clients together take too much memory.",
        syntax: "<ON|OFF>",
        handler: modes::no_evict,
        ..ADMIN
    },
    Command {
        name: "no-touch",
        arity: 3,
        since: "7.2.0",
        summary: "Chooses whether commands of this connection count as use of keys.",
        syntax: "<ON|OFF>",
        handler: modes::no_touch,
        ..ROW
    },
    Command {
        name: "pause",
        arity: -3,
        scope: Scope::Hub,
        since: "3.0.0",
        summary: "Holds back all commands, or only writes, for a time.",
        syntax: "timeout [WRITE|ALL]",
        handler: modes::pause,
        ..ADMIN
    },
    Command {
        name: "reply",
        arity: 3,
        since: "3.2.0",
        summary: "Turns replies on or off, or skips the next one.",
        syntax: "<ON|OFF|SKIP>",
        handler: modes::reply,
        ..ROW
    },
    Command {
        name: "setinfo",
        arity: 4,
        scope: Scope::Hub,
        since: "7.2.0",
        summary: "Tells the name or version of the client's library.",
        syntax: "<lib-name libname|lib-ver libver>",
        tips: ON_ALL_NODES,
        handler: set_info,
        ..ROW
    },
    Command {
        name: "setname",
        arity: 3,
        scope: Scope::Hub,
        since: "2.6.9",
        summary: "Names this connection.",
        syntax: "connection-name",
        tips: ON_ALL_NODES,
        handler: set_name_command,
        ..ROW
    },
    Command {
        name: "trackinginfo",
        arity: 2,
        since: "6.2.0",
        summary: "Describes how this connection tracks keys.",
        handler: modes::tracking_info,
        ..ROW
    },
    Command {
        name: "unblock",
        arity: -3,
        scope: Scope::Hub,
        since: "5.0.0",
        summary: "Ends the wait of a connection.",
        complexity: "O(log N) for N connections",
        syntax: "client-id [TIMEOUT|ERROR]",
        handler: modes::unblock,
        ..ADMIN
    },
    Command {
        name: "unpause",
        arity: 2,
        scope: Scope::Hub,
        since: "6.2.0",
        summary: "Ends a pause.",
        complexity: "O(N) for N paused connections",
        handler: modes::unpause,
        ..ADMIN
    },
];

fn id(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.integer(cx.session.id as i64);
    Ok(())
}

fn get_name(cx: &mut Context) -> Result<(), CommandError> {
    match cx.session.name.is_empty() {
        true => cx.reply.null(),
        false => cx.reply.bulk(&cx.session.name),
    }
    Ok(())
}

fn set_name_command(cx: &mut Context) -> Result<(), CommandError> {
    let name = cx.arg(2);
    check_name(name)?;
    set_name(cx, name);
    cx.reply.ok();
    Ok(())
}

fn set_info(cx: &mut Context) -> Result<(), CommandError> {
    let (option, value, id) = (cx.arg(2), cx.arg(3), cx.session.id);
    let is_name = option.eq_ignore_ascii_case(b"LIB-NAME");
    if !is_name && !option.eq_ignore_ascii_case(b"LIB-VER") {
        return Err(CommandError::quoting("ERR Unrecognized option '", option, "'"));
    }
    if !fits_a_line(value) {
        let option = if is_name { "lib-name" } else { "lib-ver" };
        return Err(CommandError::new(format!("ERR {option} cannot contain spaces, newlines or special characters.")));
    }
    if let Some(client) = cx.hub().clients.get_mut(&id) {
        *(if is_name { &mut client.library_name } else { &mut client.library_version }) = value.to_vec();
    }
    cx.reply.ok();
    Ok(())
}

/// Refuses names that would break the lines of CLIENT LIST.
pub(crate) fn check_name(name: &[u8]) -> Result<(), CommandError> {
    match fits_a_line(name) {
        true => Ok(()),
        false => Err(CommandError::fixed("ERR Client names cannot contain spaces, newlines or special characters.")),
    }
}

fn fits_a_line(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

/// Names the connection. Needs the hub.
pub(crate) fn set_name(cx: &mut Context, name: &[u8]) {
    cx.session.name = name.to_vec();
    let id = cx.session.id;
    if let Some(client) = cx.hub().clients.get_mut(&id) {
        client.name = name.to_vec();
    }
}

/// The error for a known subcommand with words it has no use for.
fn wrong_words(cx: &Context) -> CommandError {
    CommandError::wrong_words("CLIENT", cx.arg(1))
}
