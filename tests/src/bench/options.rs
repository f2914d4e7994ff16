//! The benchmark's own command line.

use crate::bench::rows;

/// The divisor of `--quick`: every count becomes this many times smaller.
const QUICK_DIVISOR: u64 = 10;

/// Rounds of each side unless told otherwise: the fewest that have a median.
const DEFAULT_ROUNDS: usize = 3;

/// More rounds than this are a slip of the finger.
const MAX_ROUNDS: usize = 100;

/// Seconds of one `wrk` run.
const REST_SECONDS: u64 = 5;

/// What `--help` prints.
pub const USAGE: &str = "\
bench [--quick] [--self] [--rounds N] [--rows GLOB[,GLOB...]] [--list]

Measures larder against redis-server, and its REST interface against bare_axum.
  --quick     a tenth of the load and one round: shows that it works, not how fast
  --self      redis-server against a second redis-server: shows the noise
  --rounds N  measurements of each side (default 3)
  --rows      only the rows that match, for example get-p16 or 'set-*,memory-*'
  --list      prints the rows' names
LARDER_BIN names another larder binary than target/release/larder.";

/// What a run measures, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A tenth of the load, for a smoke test.
    pub quick: bool,
    /// Whether redis-server takes Larder's place.
    pub against_itself: bool,
    /// Measurements of each side.
    pub rounds: usize,
    /// Patterns of the rows to run; none means all.
    pub rows: Vec<String>,
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Measure.
    Run(Options),
    /// Print the rows' names.
    List,
    /// Print [`USAGE`].
    Help,
}

impl Request {
    /// Parses the arguments after the program's name.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut quick, mut against_itself, mut rounds) = (false, false, None);
        let mut rows = Vec::new();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => quick = true,
                "--self" => against_itself = true,
                "--rounds" => rounds = Some(parse_rounds(arguments.next())?),
                "--rows" => {
                    let list = arguments.next().ok_or("--rows needs a pattern")?;
                    rows.extend(list.split(',').map(str::to_owned));
                }
                "--list" => return Ok(Self::List),
                "--help" | "-h" => return Ok(Self::Help),
                _ => return Err(format!("unknown option {argument}")),
            }
        }
        for pattern in &rows {
            if !rows::names().any(|name| matches(pattern, name)) {
                return Err(format!("no row matches {pattern}; --list prints them"));
            }
        }
        Ok(Self::Run(Options {
            quick,
            against_itself,
            rounds: rounds.unwrap_or(if quick { 1 } else { DEFAULT_ROUNDS }),
            rows,
        }))
    }
}

impl Options {
    /// Whether `--rows` lets this row run.
    pub fn selects(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|pattern| matches(pattern, row))
    }

    /// The number of operations or keys for a full run's number.
    pub fn scaled(&self, full: u64) -> u64 {
        if self.quick { (full / QUICK_DIVISOR).max(1) } else { full }
    }

    /// How long one `wrk` run takes; it knows whole seconds only.
    pub fn rest_seconds(&self) -> u64 {
        self.scaled(REST_SECONDS)
    }
}

fn parse_rounds(value: Option<String>) -> Result<usize, String> {
    value
        .and_then(|text| text.parse().ok())
        .filter(|rounds| (1..=MAX_ROUNDS).contains(rounds))
        .ok_or_else(|| format!("--rounds needs a number from 1 to {MAX_ROUNDS}"))
}

/// Whether a pattern of letters and `*` describes the whole name.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(head) else {
        return false;
    };
    (0..=rest.len()).filter_map(|start| rest.get(start..)).any(|rest| matches(tail, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request, String> {
        Request::parse(line.split_whitespace().map(str::to_owned))
    }

    fn options(line: &str) -> Options {
        match parse(line) {
            Ok(Request::Run(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn quick_is_a_tenth_and_one_round_unless_told() {
        assert_eq!(options("").rounds, 3);
        assert_eq!(options("").scaled(400), 400);
        assert_eq!(options("--quick").rounds, 1);
        assert_eq!(options("--quick").scaled(400), 40);
        assert_eq!(options("--quick").rest_seconds(), 1);
        assert_eq!(options("--quick --rounds 5").rounds, 5);
    }

    #[test]
    fn rows_select_by_pattern() {
        let some = options("--rows get-*,mset-p16");
        let selected: Vec<_> = rows::names().filter(|name| some.selects(name)).collect();
        assert_eq!(selected, ["get-p1", "get-p16", "get-p64", "mset-p16"]);
        assert!(options("").selects("set-p1"));
    }

    #[test]
    fn mistakes_are_named() {
        for line in ["--rounds", "--rounds 0", "--rounds x", "--rows nothing", "--rows", "--fast"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn patterns_cover_the_whole_name() {
        for (pattern, name, expected) in [
            ("get-p1", "get-p1", true),
            ("get-p1", "get-p16", false),
            ("get-p1*", "get-p16", true),
            ("*-p16", "mset-p16", true),
            ("*set*6", "mset-p16", true),
            ("set*", "mset-p16", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
