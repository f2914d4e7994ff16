//! COMPATIBILITY.md: what of Redis 7.2 is there, made from the command table.
//!
//! The table says what is there, `reference-commands.tsv` what Redis 7.2 has, [`facts`] the rest. A missing command
//! that no fact explains, or a fact about nothing, is an error: the page cannot fall behind in silence.

pub mod facts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use larder_core::command::{CommandId, registry, syntax};
use larder_core::settings::{Change, PARAMETERS, Parameter};

use crate::case_file;
use crate::differential::rules::{ALL, Allowance, RULES};
use facts::{Effect, HTTP, HTTP_LATER, LATER, LIMITED, NEWER_OPTIONS, ON_PURPOSE, SETTINGS};

/// The commands of Redis 7.2.
const REFERENCE: &str = include_str!("../reference-commands.tsv");

/// The tests of Redis's Tcl suite that are skipped.
const TCL_SKIPS: &str = include_str!("../tcl/skip.txt");

const STRING: &str = "a String takes everything";

/// One command of Redis 7.2.
struct Reference {
    /// As the registry spells it: `config|get`.
    name: &'static str,
    group: &'static str,
    since: &'static str,
    arity: i16,
}

/// Where the page stands.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../COMPATIBILITY.md")
}

/// The whole page.
///
/// # Errors
/// What the facts do not explain, or explain wrongly.
pub fn page() -> Result<String, String> {
    check_facts()?;
    let reference = reference()?;
    let mut page = String::new();
    introduction(&mut page, &reference)?;
    groups(&mut page, &reference)?;
    newer(&mut page, &reference);
    table(&mut page, "## What differs on purpose", ["what", "why"], ON_PURPOSE.iter().copied());
    replies(&mut page);
    cases(&mut page)?;
    tcl(&mut page)?;
    table(&mut page, "## REST and WebSocket", ["request", "answer"], HTTP.iter().copied());
    table(&mut page, "What is missing there:", ["what", "waits for"], HTTP_LATER.iter().copied());
    settings(&mut page);
    Ok(page)
}

/// The first line in which two texts differ, for a reader who wants to know why they do.
pub fn first_difference(old: &str, new: &str) -> Option<String> {
    let (mut old_lines, mut new_lines) = (old.lines(), new.lines());
    for number in 1.. {
        match (old_lines.next(), new_lines.next()) {
            (None, None) => break,
            (old, new) if old != new => {
                let shown = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
                return Some(format!("line {number}\n- {}\n+ {}", shown(old), shown(new)));
            }
            _ => {}
        }
    }
    (old != new).then(|| "line ends".to_owned())
}

fn reference() -> Result<Vec<Reference>, String> {
    let lines = REFERENCE.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let wrong = || format!("reference-commands.tsv: {line:?}");
        let [name, group, since, arity] = line.split('\t').collect::<Vec<_>>()[..] else { return Err(wrong()) };
        Ok(Reference { name, group, since, arity: arity.parse().map_err(|_| wrong())? })
    };
    lines.map(read).collect()
}

fn find(name: &str) -> Option<CommandId> {
    registry().find_full(name.as_bytes())
}

fn is_container(id: CommandId) -> bool {
    !id.row().subcommands.is_empty()
}

/// Every fact must be about something that is there, or that is not.
fn check_facts() -> Result<(), String> {
    for (name, _) in LIMITED {
        find(name).ok_or(format!("LIMITED: there is no command {name}"))?;
    }
    for (name, token, _) in NEWER_OPTIONS {
        let id = find(name).ok_or(format!("NEWER_OPTIONS: there is no command {name}"))?;
        if !tokens(id)?.contains(*token) {
            return Err(format!("NEWER_OPTIONS: {name} has no {token}"));
        }
    }
    for (name, _) in SETTINGS {
        Parameter::find(name.as_bytes()).ok_or(format!("SETTINGS: there is no setting {name}"))?;
    }
    let reference = reference()?;
    for later in LATER {
        let explains = |command: &&Reference| {
            find(command.name).is_none() && later_of(command).is_ok_and(|it| std::ptr::eq(it, later))
        };
        if !reference.iter().any(|command| explains(&command)) {
            return Err(format!("LATER: {:?} explain no missing command", later.commands));
        }
    }
    Ok(())
}

/// All tokens of a command's syntax.
fn tokens(id: CommandId) -> Result<BTreeSet<String>, String> {
    fn collect(arguments: &[syntax::Argument], found: &mut BTreeSet<String>) {
        for argument in arguments {
            found.extend(argument.token.clone());
            collect(argument.kind.children(), found);
        }
    }
    let mut found = BTreeSet::new();
    collect(&syntax::arguments(id.row()).map_err(|e| format!("{}: {e}", id.full_name()))?, &mut found);
    Ok(found)
}

fn later_of(command: &Reference) -> Result<&'static facts::Later, String> {
    let fits = |pattern: &&str| match (pattern.strip_prefix('@'), pattern.strip_suffix('*')) {
        (Some(group), _) => command.group == group,
        (_, Some(beginning)) => command.name.starts_with(beginning),
        _ => command.name == *pattern,
    };
    let later = LATER.iter().find(|later| later.commands.iter().any(&fits));
    later.ok_or_else(|| format!("{} is missing, and no row of LATER says what brings it", command.name))
}

fn introduction(page: &mut String, reference: &[Reference]) -> Result<(), String> {
    let there = reference.iter().filter(|command| find(command.name).is_some()).count();
    let of = reference.len();
    write!(
        page,
        "# Compatibility\n\n\
         What of Redis {} Larder has today: {there} of {of} commands and subcommands. Each of them stands in the text\n\
         cases of `tests/cases`; redis-server answers those too, except where this page says so. Generated from the\n\
         command table, not to be edited:\n\
         `cargo run -p larder-tests --bin compatibility > COMPATIBILITY.md`.\n",
        larder_core::REDIS_VERSION.rsplit_once('.').ok_or("a version has dots")?.0,
    )
    .expect(STRING);
    Ok(())
}

fn groups(page: &mut String, reference: &[Reference]) -> Result<(), String> {
    let mut groups: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
    for command in reference {
        groups.entry(command.group).or_default().push(command);
    }
    let (there, missing): (Vec<_>, Vec<_>) =
        groups.iter().partition(|(_, commands)| commands.iter().any(|command| find(command.name).is_some()));
    page.push_str("\n## Commands of Redis 7.2\n");
    for (group, commands) in there {
        let count = commands.iter().filter(|command| find(command.name).is_some()).count();
        let mut rows = Vec::new();
        for command in commands {
            rows.push([shown(command.name), command.since.to_owned(), state(command)?]);
        }
        write!(page, "\n### {group}: {count} of {}\n\n", commands.len()).expect(STRING);
        columns(page, ["command", "since", "state"], rows);
    }
    page.push_str("\n### Groups that are still to come\n\n");
    let mut rows = Vec::new();
    for (group, commands) in missing {
        let mut works: Vec<&str> = Vec::new();
        for command in commands {
            let work = later_of(command)?.work;
            if !works.contains(&work) {
                works.push(work);
            }
        }
        let names: Vec<String> = commands.iter().map(|command| shown(command.name)).collect();
        rows.push([(*group).to_owned(), names.join(", "), works.join("; ")]);
    }
    columns(page, ["group", "commands", "waits for"], rows);
    Ok(())
}

fn state(command: &Reference) -> Result<String, String> {
    let Some(id) = find(command.name) else {
        return Ok(format!("not yet: {}", later_of(command)?.work));
    };
    let arity = (id.row().arity != command.arity)
        .then(|| format!("the arity is {}, in Redis 7.2 {}", id.row().arity, command.arity));
    let limit = LIMITED.iter().find(|(name, _)| *name == command.name).map(|(_, limit)| (*limit).to_owned());
    let limits: Vec<String> = limit.into_iter().chain(arity).collect();
    Ok(if limits.is_empty() { "yes".to_owned() } else { format!("partly: {}", limits.join("; ")) })
}

fn newer(page: &mut String, reference: &[Reference]) {
    let known: BTreeSet<&str> = reference.iter().map(|command| command.name).collect();
    let rows = registry().iter().filter(|id| !known.contains(id.full_name()) && !is_container(*id));
    let mut rows: Vec<_> =
        rows.map(|id| [shown(id.full_name()), id.row().since.to_owned(), id.row().summary.to_owned()]).collect();
    rows.sort();
    page.push_str("\n## Newer than 7.2\n\n");
    columns(page, ["command", "since", "what it does"], rows);
    let mut options: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (name, token, since) in NEWER_OPTIONS {
        options.entry((name, since)).or_default().push(token);
    }
    let rows = options.iter().map(|((name, since), tokens)| {
        let tokens: Vec<String> = tokens.iter().map(|token| format!("`{token}`")).collect();
        [shown(name), (*since).to_owned(), tokens.join(", ")]
    });
    page.push_str("\nOptions of older commands:\n\n");
    columns(page, ["command", "since", "options"], rows.collect());
}

/// What the differential driver lets pass.
fn replies(page: &mut String) {
    let rows = RULES.iter().map(|rule| {
        let names = if rule.commands == ALL {
            vec!["all".to_owned()]
        } else {
            rule.commands.iter().map(|name| shown(name)).collect()
        };
        let allowed = match rule.allows {
            Allowance::Content => "the content, not the type".to_owned(),
            Allowance::Order => "the order of the elements".to_owned(),
            Allowance::PairOrder => "the order of the pairs".to_owned(),
            Allowance::Sample => "which elements, not how many".to_owned(),
            Allowance::Words(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(a, b)| format!("`{a}` there, `{b}` here")).collect();
                pairs.join("; ")
            }
            Allowance::Spelling => "how numbers are written".to_owned(),
            Allowance::Errors(pairs) => {
                let mut pairs = pairs.iter().map(|(a, b)| format!("`{a}` there, `{b}` here"));
                pairs.next().unwrap_or_default()
            }
            Allowance::ErrorText => "the text of an error behind its code".to_owned(),
            Allowance::Timeless => "times, counts of nodes, fields newer than 7.0".to_owned(),
            Allowance::Iteration => "the order of the iteration and its cursors".to_owned(),
            Allowance::Amount(amount) => format!("up to {amount}"),
            Allowance::Fields(fields) => format!("the fields {}", fields.join(", ")),
            Allowance::Refusal(text) => format!("refused with `{text}`"),
        };
        [names.join(", "), allowed, rule.reason.to_owned()]
    });
    page.push_str(
        "\n## Replies that may differ\n\nThe differential driver compares every other reply to the commands it sends with \
         redis-server's, byte for byte.\n\n",
    );
    columns(page, ["command", "what may differ", "why"], rows.collect());
}

/// The text cases that redis-server is not asked.
fn cases(page: &mut String) -> Result<(), String> {
    let cases = case_file::read_directory(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"))?;
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for case in &cases {
        if let Some(reason) = case.exception("redis") {
            reasons.entry(reason).or_default().push(case.title.clone());
        }
    }
    let asked = cases.iter().filter(|case| case.exception("redis").is_none()).count();
    write!(
        page,
        "\n## Text cases\n\nredis-server 7.0 answers {asked} of the {} text cases. It is not asked the others:\n\n",
        cases.len()
    )
    .expect(STRING);
    let rows = reasons.iter().map(|(reason, titles)| [(*reason).to_owned(), titles.join("; ")]);
    columns(page, ["why", "cases"], rows.collect());
    Ok(())
}

/// The tests of Redis's own suite that are skipped, by what they wait for.
fn tcl(page: &mut String) -> Result<(), String> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut units = Vec::new();
    for line in TCL_SKIPS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(unit) = line.strip_prefix('[') {
            units.push(unit.trim_end_matches(']'));
            continue;
        }
        let (_, reason) = line.split_once("  # ").ok_or(format!("tcl/skip.txt: {line:?} has no reason"))?;
        *reasons.entry(reason.trim_start_matches("waits for: ")).or_default() += 1;
    }
    page.push_str("\n## Redis's own test suite\n\n");
    writeln!(page, "Of the units {} these tests are skipped (`tests/tcl/skip.txt` names them):\n", units.join(", "))
        .expect(STRING);
    let rows = reasons.iter().map(|(reason, count)| [(*reason).to_owned(), count.to_string()]);
    columns(page, ["waits for", "tests"], rows.collect());
    Ok(())
}

fn settings(page: &mut String) {
    let effect = |name: &str| SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, effect)| effect);
    let rows = PARAMETERS.iter().map(|row| {
        let names: Vec<String> = row.names().map(|name| format!("`{name}`")).collect();
        let change = match row.change {
            Change::Always => "at any time",
            Change::Immutable => "at start",
            Change::Restart => "at start, unlike Redis",
            Change::Protected => "protected",
        };
        let effect = match effect(row.name) {
            None => "full".to_owned(),
            Some(Effect::Part(what)) => format!("in part: {what}"),
            Some(Effect::None(why)) => format!("none: {why}"),
        };
        [names.join(", "), change.to_owned(), effect]
    });
    page.push_str(
        "\n## Settings\n\nEvery row is known to the configuration file, the command line, CONFIG GET, SET and REWRITE.\n\n",
    );
    columns(page, ["setting", "changes", "effect"], rows.collect());
}

/// `CONFIG GET` of `config|get`.
fn shown(name: &str) -> String {
    format!("`{}`", name.replace('|', " ").to_ascii_uppercase())
}

fn table<'a>(page: &mut String, title: &str, head: [&str; 2], rows: impl Iterator<Item = (&'a str, &'a str)>) {
    write!(page, "\n{title}\n\n").expect(STRING);
    columns(page, head, rows.map(|(left, right)| [left.to_owned(), right.to_owned()]).collect());
}

fn columns<const N: usize>(page: &mut String, head: [&str; N], rows: Vec<[String; N]>) {
    let mut line = |cells: &[String]| writeln!(page, "| {} |", cells.join(" | ")).expect(STRING);
    line(&head.map(str::to_owned));
    line(&[(); N].map(|()| "---".to_owned()));
    rows.iter().for_each(|cells| line(&cells.clone().map(|cell| cell.replace('|', "\\|"))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").as_deref(), Some("line 2\n- b\n+ c"));
        assert_eq!(first_difference("a\n", "a\nb\n").as_deref(), Some("line 2\n- (the end)\n+ b"));
        assert_eq!(first_difference("a", "a\n").as_deref(), Some("line ends"));
    }

    #[test]
    fn the_page_names_what_is_there_and_what_is_not() {
        let page = page().expect("the facts are complete");
        assert!(page.contains("| `GET` | 1.0.0 | yes |"), "{page}");
        assert!(page.contains("| `DELIFEQ` | valkey 9.0.0 |"));
        assert!(page.contains("none: replication"));
        // Each command of the reference once as a row, or in the list of its group.
        for command in reference().expect("it is well formed") {
            assert!(page.contains(&shown(command.name)), "{}", command.name);
        }
    }
}
