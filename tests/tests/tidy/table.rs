//! The command table agrees with itself, and every command stands in a text case.

use std::collections::BTreeSet;
use std::path::Path;

use larder_core::command::keys::for_each_key;
use larder_core::command::syntax::{self, Argument, Kind};
use larder_core::command::{Command, CommandId, Flags, Scope, registry};
use larder_core::resp::RequestBuf;
use larder_tests::case_file::{self, Action};

/// Longest summary, so that a list of them stays readable.
const SUMMARY_CHARACTERS: usize = 100;

/// What no summary says: other people's marks, and notes to oneself.
const NO_SUMMARY: &[&str] = &["TODO", "FIXME", "XXX", "©", "http", "\n", "  "];

/// Rows that write something other than keys.
const WRITES_NO_KEYS: &[&str] = &["function|delete", "function|flush", "function|load", "function|restore"];

/// Rows with keys that neither read nor write them, and why.
const TOUCHES_NO_VALUES: &[(&str, &str)] = &[("watch", "only remembers their versions")];

/// All rows, containers left out.
fn commands() -> impl Iterator<Item = (&'static str, &'static Command)> {
    let is_command = |id: &CommandId| id.row().subcommands.is_empty();
    registry().iter().filter(is_command).map(|id| (id.full_name(), id.row()))
}

fn check(problems: Vec<String>) {
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn names_are_unique_and_plain() {
    let mut seen = BTreeSet::new();
    let is_plain = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || b"|_-".contains(&byte) || byte.is_ascii_digit())
    };
    let names = registry().iter().map(CommandId::full_name);
    check(names.filter(|name| !is_plain(name) || !seen.insert(*name)).map(str::to_owned).collect());
    assert!(seen.len() > 100, "the table is nearly empty");
}

#[test]
fn every_row_is_described() {
    let is_version = |text: &str| {
        let parts: Vec<_> = text.split('.').collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u8>().is_ok())
    };
    let mut problems = Vec::new();
    for id in registry().iter() {
        let (name, row) = (id.full_name(), id.row());
        let summary = row.summary;
        let is_good = summary.ends_with('.')
            && summary.starts_with(|c: char| c.is_uppercase())
            && summary.chars().count() <= SUMMARY_CHARACTERS
            && !NO_SUMMARY.iter().any(|mark| summary.contains(mark));
        if !is_good {
            problems.push(format!("{name}: summary {summary:?}"));
        }
        if !is_version(row.since.strip_prefix("valkey ").unwrap_or(row.since)) {
            problems.push(format!("{name}: since {:?}", row.since));
        }
        if row.deprecated.is_some_and(|(since, instead)| !is_version(since) || instead.is_empty()) {
            problems.push(format!("{name}: deprecated {:?}", row.deprecated));
        }
        if row.complexity.is_empty() {
            problems.push(format!("{name}: no complexity"));
        }
    }
    check(problems);
}

#[test]
fn flags_fit_each_other() {
    let mut problems = Vec::new();
    for (name, row) in commands() {
        let mut require = |holds: bool, rule: &str| {
            if !holds {
                problems.push(format!("{name}: {rule}"));
            }
        };
        let has = |flag: Flags| row.flags.contains(flag);
        let whole_keyspace = matches!(row.scope, Scope::AllShards | Scope::Everything);
        let listed = |list: &[&str]| list.contains(&name);
        require(!(has(Flags::WRITE) && has(Flags::READONLY)), "both WRITE and READONLY");
        require(
            !has(Flags::WRITE) || !row.keys.is_empty() || whole_keyspace || listed(WRITES_NO_KEYS),
            "WRITE without keys, and it does not hold all shards",
        );
        require(!has(Flags::DENYOOM) || has(Flags::WRITE), "DENYOOM without WRITE");
        let touches = has(Flags::WRITE) || has(Flags::READONLY) || TOUCHES_NO_VALUES.iter().any(|(it, _)| *it == name);
        require(row.keys.is_empty() || touches, "keys, but neither WRITE nor READONLY");
        require(row.arity != 0, "an arity of 0");
    }
    check(problems);
}

#[test]
fn arities_and_keys_agree_with_the_syntax() {
    let mut problems = Vec::new();
    for (name, row) in commands() {
        let arguments = match syntax::arguments(row) {
            Ok(arguments) => arguments,
            Err(error) => {
                problems.push(format!("{name}: {error}"));
                continue;
            }
        };
        let fewest = Request::write(name, &arguments, Shape { optional: false, repetitions: 1 });
        let arity = usize::from(row.arity.unsigned_abs());
        // Redis checks some bounds by arity and some in the command, so the arity may ask for less.
        let fits = if row.arity > 0 { fewest.words.len() == arity } else { fewest.words.len() >= arity };
        // DEBUG takes a word of its own that its syntax does not tell.
        let says_nothing = row.arity < 0 && row.syntax.is_empty();
        if !fits && !says_nothing {
            problems.push(format!("{name}: arity {}, its syntax wants {} words", row.arity, fewest.words.len()));
        }
        for optional in [false, true] {
            for repetitions in 1..=3 {
                let request = Request::write(name, &arguments, Shape { optional, repetitions });
                let found = keys_of(row, &request.words);
                if !row.keys.is_empty() && found != request.keys {
                    let Request { words, keys } = request;
                    problems.push(format!("{name}: keys {found:?}, by the syntax {keys:?} in {words:?}"));
                }
            }
        }
        if row.keys.is_empty() && !fewest.keys.is_empty() {
            problems.push(format!("{name}: its syntax has keys, its row has none"));
        }
    }
    check(problems);
}

fn keys_of(row: &Command, words: &[String]) -> Vec<usize> {
    let request: RequestBuf = words.iter().collect();
    let mut found = Vec::new();
    assert!(for_each_key(row, request.arguments(), |position, _| found.push(position)), "{words:?}");
    found.sort_unstable();
    found
}

/// Which of the requests that a syntax allows is written.
#[derive(Clone, Copy)]
struct Shape {
    optional: bool,
    repetitions: usize,
}

/// A request, and where its keys stand by the syntax.
struct Request {
    words: Vec<String>,
    keys: Vec<usize>,
}

impl Request {
    fn write(name: &str, arguments: &[Argument], shape: Shape) -> Self {
        let mut request = Self { words: name.split('|').map(str::to_owned).collect(), keys: Vec::new() };
        arguments.iter().for_each(|argument| request.argument(argument, shape));
        request
    }

    fn argument(&mut self, argument: &Argument, shape: Shape) {
        if !argument.optional || shape.optional {
            self.present(argument, shape);
        }
    }

    /// An argument that is there, be it optional or not.
    fn present(&mut self, argument: &Argument, shape: Shape) {
        for time in 0..if argument.multiple { shape.repetitions } else { 1 } {
            if time == 0 || argument.multiple_token {
                self.words.extend(argument.token.clone());
            }
            match &argument.kind {
                Kind::PureToken => {}
                // The choice with the fewest words, as the arity counts.
                Kind::OneOf(choices) => {
                    let shortest = choices.iter().min_by_key(|choice| {
                        let mut alone = Self { words: Vec::new(), keys: Vec::new() };
                        alone.present(choice, shape);
                        alone.words.len()
                    });
                    shortest.into_iter().for_each(|choice| self.present(choice, shape));
                }
                Kind::Block(children) => children.iter().for_each(|child| self.argument(child, shape)),
                Kind::Key => {
                    self.keys.push(self.words.len());
                    self.words.push("key".to_owned());
                }
                _ if argument.name == "numkeys" => self.words.push(shape.repetitions.to_string()),
                _ => self.words.push("7".to_owned()),
            }
        }
    }
}

#[test]
fn every_command_stands_in_a_case() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let cases = case_file::read_directory(&directory).expect("the cases can be read");
    let mut sent = BTreeSet::new();
    for step in cases.iter().flat_map(|case| &case.steps) {
        let Action::Send(_, words) = &step.action else { continue };
        let Some(id) = words.first().and_then(|name| registry().find(name)) else { continue };
        let sub = words.get(1).and_then(|word| registry().find_subcommand(id, word));
        sent.insert(sub.unwrap_or(id).full_name());
    }
    check(commands().map(|(name, _)| name).filter(|name| !sent.contains(name)).map(str::to_owned).collect());
}
