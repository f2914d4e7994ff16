//! Values for the commands of one type: indexes, bounds, scores, places, ids, timeouts.

use larder_core::command::syntax::Argument;
use larder_core::command::{Command, Group};

use super::super::random::Random;
use super::{BAD_FLOATS, BAD_INTEGERS, FLOATS, integer};

/// Words as bytes.
type Words = &'static [&'static [u8]];

const BAD_TIMEOUTS: Words = &[b"-1", b"abc", b"", b"nan", b"-0.01"];
const SCORE_BOUNDS: Words = &[b"-inf", b"+inf", b"inf", b"0", b"(0", b"1", b"(1", b"2.5", b"(3", b"5", b"-1", b"(-inf"];
const BAD_SCORE_BOUNDS: Words = &[b"", b"(", b"abc", b"nan", b"[1", b"((1", b"1 ", b"(nan"];
const LEX_BOUNDS: Words = &[b"-", b"+", b"[a", b"(a", b"[foobar", b"(5", b"[", b"(", b"[n", b"(z", b"[\xff"];
const BAD_LEX_BOUNDS: Words = &[b"", b"a", b"--", b"+1", b"-inf", b"5"];
/// Places close to each other and far away, at borders of the grid, and a few that are not on it.
const LONGITUDES: Words = &[b"13.361389", b"15.087269", b"13.5", b"14", b"0", b"-122.4", b"179.999", b"-180", b"2.35"];
const LATITUDES: Words = &[b"38.115556", b"37.502669", b"37.8", b"38", b"0", b"37.77", b"85.05", b"-85", b"48.85"];
const BAD_LONGITUDES: Words = &[b"180.1", b"-200", b"abc", b"", b"nan", b"inf"];
const BAD_LATITUDES: Words = &[b"85.06", b"-90", b"abc", b"", b"nan", b"1e400"];
const DISTANCES: Words = &[b"0", b"1", b"50", b"100", b"200.5", b"1000", b"20000", b"500000", b"100000000"];
const BAD_DISTANCES: Words = &[b"-1", b"abc", b"", b"nan", b"-0.5"];
const PLACES: Words = &[b"Palermo", b"Catania", b"Agrigento", b"Paris", b"edge", b""];
/// The last can be completed by XADD alone.
const NEW_IDS: Words = &[b"1000-*", b"1000-*", b"1000-*", b"1000-*", b"1001-*", b"2000-*"];
/// Beyond all that could have been deleted: Redis 7.2 refuses smaller ones, 7.0 does not.
const LAST_IDS: Words = &[b"2000", b"2000-1", b"2000-5"];
const BAD_IDS: Words = &[
    b"",
    b"abc",
    b"1-",
    b"-1",
    b"0-0",
    b"1-abc",
    b"18446744073709551615",
    b"18446744073709551616",
    b"$",
    b">",
    b"-",
    b"+",
    b"1-2-3",
    b"(1-1",
    b" 1",
];
const BY_PATTERNS: Words = &[b"k*", b"nosort", b"none*", b"k*->a", b"k1", b"*", b"k*->", b""];
const GET_PATTERNS: Words = &[b"#", b"k*", b"k*->a", b"none*", b"k1", b"", b"*->foobar"];
const DEBUG_WORDS: Words = &[b"GETREG", b"decode", b"ENCODING", b"TODENSE", b"foo"];

/// A value, if the name means something of its own in this command's type.
pub fn value(
    argument: &Argument,
    command: &Command,
    (odd, equal_scores): (bool, bool),
    random: &mut Random,
) -> Option<Vec<u8>> {
    let name = argument.name.to_ascii_lowercase();
    if equal_scores && command.group == Group::SortedSet && matches!(name.as_str(), "score" | "increment") {
        return word(&[b"0"], &[b"abc", b"", b"nan"], odd, random);
    }
    if name == "timeout" {
        return word(&[b"0.01", b"0.005"], BAD_TIMEOUTS, odd, random);
    }
    match command.group {
        Group::List => list(&name, command.name, odd, random),
        Group::Set | Group::Hash => sample(&name, command.name, odd, random),
        Group::SortedSet => sorted_set(&name, command.name, odd, random),
        Group::Geo => geo(&name, odd, random),
        Group::Stream => stream(&name, command.name, odd, random),
        Group::HyperLogLog if name == "subcommand" => Some(random.pick(DEBUG_WORDS).to_vec()),
        _ if command.name.starts_with("sort") => sort(argument, odd, random),
        _ => None,
    }
}

fn number(low: i64, high: i64, odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    Some(if odd { integer(random, true) } else { random.between(low, high).to_string().into_bytes() })
}

fn word(good: Words, bad: Words, odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    Some(random.pick(if odd { bad } else { good }).to_vec())
}

fn list(name: &str, command: &str, odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    match (command, name) {
        ("lrem", "count") => number(-3, 3, odd, random),
        (_, "count") => number(0, 6, odd, random),
        (_, "index") => number(-6, 6, odd, random),
        (_, "rank") => number(-3, 3, odd, random),
        (_, "num-matches" | "len") => number(0, 5, odd, random),
        (_, "start" | "stop") => number(-8, 12, odd, random),
        _ => None,
    }
}

fn sample(name: &str, command: &str, odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    match (command, name) {
        ("srandmember" | "hrandfield" | "zrandmember", "count") => number(-6, 10, odd, random),
        // Far more than a set has empties it: the one outcome that does not depend on chance.
        ("spop", "count") if random.percent(30) => Some(b"1000".to_vec()),
        (_, "count") if command.ends_with("pop") => number(0, 6, odd, random),
        (_, "limit") => number(0, 4, odd, random),
        _ => None,
    }
}

fn sorted_set(name: &str, command: &str, odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    match (command, name) {
        (_, "score") if odd => word(&[b"inf", b"-inf", b"+inf"], BAD_FLOATS, random.percent(50), random),
        // Few scores, so that members share them.
        (_, "score") if random.percent(70) => number(0, 5, false, random),
        (_, "weight" | "increment") if random.percent(50) => number(-2, 3, odd, random),
        (_, "score" | "weight" | "increment") => word(FLOATS, BAD_FLOATS, odd, random),
        (name, "min" | "max") if name.ends_with("lex") => lex_bound(odd, random),
        ("zlexcount", "min" | "max") => lex_bound(odd, random),
        (_, "min" | "max") => score_bound(odd, random),
        (_, "start" | "stop") => number(-6, 8, odd, random),
        (_, "offset") => number(-1, 3, odd, random),
        (name, "count") if name.starts_with("zr") && name != "zrandmember" => number(-1, 5, odd, random),
        _ => sample(name, command, odd, random),
    }
}

/// A bound of a range by score.
pub fn score_bound(odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    word(SCORE_BOUNDS, BAD_SCORE_BOUNDS, odd, random)
}

/// A bound of a range by name.
pub fn lex_bound(odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    word(LEX_BOUNDS, BAD_LEX_BOUNDS, odd, random)
}

fn geo(name: &str, odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    match name {
        "longitude" => word(LONGITUDES, BAD_LONGITUDES, odd, random),
        "latitude" => word(LATITUDES, BAD_LATITUDES, odd, random),
        "radius" | "width" | "height" => word(DISTANCES, BAD_DISTANCES, odd, random),
        "member" | "member1" | "member2" => Some(random.pick(PLACES).to_vec()),
        "count" => number(1, 5, odd, random),
        _ => None,
    }
}

fn stream(name: &str, command: &str, odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    match (command, name) {
        ("xadd", "id") if !odd && random.percent(80) => Some(random.pick(NEW_IDS).to_vec()),
        ("xread", "id") if random.percent(15) => Some(b"$".to_vec()),
        ("xreadgroup", "id") if random.percent(70) => Some(b">".to_vec()),
        ("xsetid", "last-id") => word(LAST_IDS, &[b"", b"abc", b"2000-", b"-", b"*"], odd, random),
        (_, "start") if random.percent(30) => Some(b"-".to_vec()),
        (_, "end") if random.percent(30) => Some(b"+".to_vec()),
        (_, "start" | "end") if random.percent(20) => Some([b"(", id(random).as_slice()].concat()),
        (_, "threshold") if random.percent(60) => number(0, 8, odd, random),
        (_, "id" | "start" | "end" | "threshold" | "lastid" | "max-deleted-id") => {
            Some(if odd { random.pick(BAD_IDS).to_vec() } else { id(random) })
        }
        (_, "group") => word(&[b"g1", b"g1", b"g1", b"g2"], &[b"", b"none"], odd, random),
        (_, "consumer") => word(&[b"c1", b"c1", b"c2"], &[b"", b"none"], odd, random),
        // Either every message has been idle for so long, or none.
        (_, "min-idle-time") => word(&[b"0", b"0", b"1000000000000"], &[b"-1", b"abc", b""], odd, random),
        (_, "ms") => number(0, 100_000, odd, random),
        (_, "milliseconds") => word(&[b"1", b"2"], &[b"-1", b"abc", b""], odd, random),
        (_, "entries-read" | "entries-added") => number(-1, 20, odd, random),
        _ => None,
    }
}

/// One that a stream of [`NEW_IDS`] may have, mostly.
fn id(random: &mut Random) -> Vec<u8> {
    let milliseconds = *random.pick(&[1000, 1000, 1000, 1001, 5]);
    if random.percent(20) {
        return milliseconds.to_string().into_bytes();
    }
    format!("{milliseconds}-{}", random.between(0, 12)).into_bytes()
}

fn sort(argument: &Argument, odd: bool, random: &mut Random) -> Option<Vec<u8>> {
    match (argument.name.as_str(), argument.token.as_deref()) {
        (_, Some("BY")) => Some(random.pick(BY_PATTERNS).to_vec()),
        (_, Some("GET")) => Some(random.pick(GET_PATTERNS).to_vec()),
        ("offset" | "count", _) if odd => Some(random.pick(BAD_INTEGERS).to_vec()),
        ("offset" | "count", _) => number(-1, 6, false, random),
        _ => None,
    }
}
