//! CONFIG: settings at run time.

use crate::command::{Command, Flags, Group, Scope, registry, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::shard::ShardStats;
use crate::settings::{Origin, Settings};

use super::help::help;

/// What the subcommands have in common.
const ROW: Command = Command {
    group: Group::Server,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    scope: Scope::Hub,
    since: "2.0.0",
    ..Command::ROW
};

const ON_ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "config",
    group: Group::Server,
    arity: -2,
    since: "2.0.0",
    summary: "Groups commands about settings.",
    complexity: "That of the subcommand",
    subcommands: SUBCOMMANDS,
    ..Command::ROW
}]);

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "get",
        arity: -3,
        summary: "Answers the settings whose names fit any of the patterns.",
        complexity: "O(N) for N patterns",
        syntax: "parameter [parameter ...]",
        handler: get,
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE),
        scope: Scope::Keys,
        since: "5.0.0",
        summary: "Prints this help.",
        handler: help,
        ..ROW
    },
    Command {
        name: "resetstat",
        arity: 2,
        scope: Scope::Everything,
        summary: "Sets the counters that INFO shows back to zero.",
        tips: ON_ALL_NODES,
        handler: reset_statistics,
        ..ROW
    },
    Command {
        name: "rewrite",
        arity: 2,
        since: "2.8.0",
        summary: "Writes the settings in force to the configuration file.",
        tips: ON_ALL_NODES,
        handler: rewrite,
        ..ROW
    },
    Command {
        name: "set",
        arity: -4,
        summary: "Changes settings: all of them, or none if one is refused.",
        complexity: "O(N) for N settings",
        syntax: "parameter value [parameter value ...]",
        tips: ON_ALL_NODES,
        handler: set,
        ..ROW
    },
];

// The hub's settings count, not those of the environment: an earlier command of the same transaction may have
// changed them.

fn get(cx: &mut Context) -> Result<(), CommandError> {
    let patterns: Vec<&[u8]> = cx.args.iter().skip(2).collect();
    let found = cx.hub().settings.get_many(&patterns);
    cx.reply.map(found.len());
    for (name, value) in found {
        cx.reply.bulk(name.as_bytes());
        cx.reply.bulk(value.as_bytes());
    }
    Ok(())
}

fn set(cx: &mut Context) -> Result<(), CommandError> {
    if !cx.args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let pairs: Vec<(&[u8], &[u8])> = (2..cx.args.len()).step_by(2).map(|i| (cx.arg(i), cx.arg(i + 1))).collect();
    let origin = if is_local(cx) { Origin::RuntimeLocal } else { Origin::Runtime };
    let mut settings = Settings::clone(&cx.hub().settings);
    settings.set_all(&pairs, origin).map_err(|error| CommandError::new(format!("ERR {error}")))?;
    cx.hub().replace_settings(settings);
    cx.effects.settings_changed = true;
    cx.reply.ok();
    Ok(())
}

/// Whether the client sits on this machine.
fn is_local(cx: &mut Context) -> bool {
    let id = cx.session.id;
    let address = cx.hub().clients.get(&id).map(|client| client.address.as_str());
    address.is_some_and(|address| ["127.", "[::1]:", "::1:", "/"].iter().any(|local| address.starts_with(local)))
}

fn rewrite(cx: &mut Context) -> Result<(), CommandError> {
    let host = cx.env.host;
    host.rewrite_config(&cx.hub().settings).map_err(CommandError::new)?;
    cx.reply.ok();
    Ok(())
}

fn reset_statistics(cx: &mut Context) -> Result<(), CommandError> {
    cx.hub().reset_statistics();
    // The reset is the first command of the new count.
    let own = registry().find_full(b"config|resetstat").expect("this row is in the registry");
    cx.env.counters.command(own.index()).calls.add(1);
    cx.effects.errors.clear();
    for shard in cx.keys.shards() {
        // Changes since the last save are no statistic: the next save depends on them.
        shard.stats = ShardStats { dirty: shard.stats.dirty, ..ShardStats::default() };
    }
    cx.reply.ok();
    Ok(())
}
