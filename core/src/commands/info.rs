//! INFO: facts and statistics in sections of `field:value` lines.
//!
//! Fields of features that do not exist yet stand there when clients look for them, with the constant that is true.

mod facts;
mod persistence;
mod sections;

use crate::command::{Categories, Command, Flags, Group, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;

use facts::Facts;
use sections::SECTIONS;

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "info",
    group: Group::Server,
    arity: -1,
    flags: Flags::LOADING.union(Flags::STALE),
    categories: Categories::DANGEROUS,
    scope: Scope::Everything,
    since: "1.0.0",
    summary: "Tells facts and statistics of the server, by section.",
    complexity: "O(N) for N shards, databases, clients and commands",
    syntax: "[section [section ...]]",
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    handler: info,
    ..Command::ROW
}]);

fn info(cx: &mut Context) -> Result<(), CommandError> {
    let asked: Vec<&[u8]> = cx.args.iter().skip(1).collect();
    let facts = Facts::gather(cx);
    let mut text = String::new();
    for section in SECTIONS {
        let by_name = |word: &&[u8]| {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            is(section.name) || is("everything") || is("all") && section.in_all || is("default") && section.in_default
        };
        if asked.iter().any(by_name) || asked.is_empty() && section.in_default {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            text.push_str(&format!("# {}\r\n", section.title));
            (section.write)(&facts, &mut text);
        }
    }
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
