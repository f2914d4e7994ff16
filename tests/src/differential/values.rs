//! Values for arguments, by the names they have in the grammar. The pools are small so that values meet again.

mod typed;

use larder_core::command::Command;
use larder_core::command::syntax::{Argument, Kind};

use super::families::{Family, Scores};
use super::random::Random;
pub use typed::{lex_bound, score_bound};

/// Keys a round chooses from: plain ones first, so that a small round has plain keys.
pub const KEYS: &[&[u8]] = &[
    b"k1",
    b"k2",
    b"k3",
    b"k4",
    b"k5",
    b"k6",
    b"k7",
    b"k8",
    b"",
    b"\x00\xff\r\n",
    b"a b",
    b"k*[1]",
    b"{tag}k1",
    b"a-key-of-more-than-one-hundred-and-twenty-eight-bytes/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

/// Words that are wrong in most places.
pub const JUNK: &[&[u8]] =
    &[b"", b"foo", b"-1", b"0", b"1.5", b"NX", b"KEEPTTL", b"9223372036854775808", b" 1", b"\xfe", b"+1", b"*"];

/// Strings around the borders of encodings and number formats; two have 44 and 45 bytes.
const STRINGS: &[&[u8]] = &[
    b"",
    b"a",
    b"foobar",
    b"ohmytext",
    b"mynewtext",
    b"hello world",
    // SORT ALPHA compares up to the first NUL: no other value may end there.
    b"\xff\x00\x80\r\n",
    b"\xf0\x0f\xff\x00",
    b"0",
    b"10",
    b"-1",
    b"9999",
    b"10000",
    b"-0",
    b"007",
    b"+5",
    b" 5",
    b"5 ",
    b"1.5",
    b"-2.50",
    b"3.0e3",
    b"inf",
    b"nan",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"12345678901234567890123",
    b"01234567890123456789012345678901234567890123",
    b"012345678901234567890123456789012345678901234",
];

const INTEGERS: &[&[u8]] = &[
    b"127",
    b"128",
    b"255",
    b"-128",
    b"65535",
    b"2147483647",
    b"2147483648",
    b"-2147483648",
    b"4294967295",
    b"4294967296",
    b"536870912",
    b"9007199254740993",
    b"9223372036854775806",
    b"9223372036854775807",
    b"-9223372036854775807",
    b"-9223372036854775808",
];

const BAD_INTEGERS: &[&[u8]] =
    &[b"", b"abc", b"1.5", b"-0", b"+1", b" 1", b"1 ", b"0x10", b"1e3", b"9223372036854775808", b"00"];

const FLOATS: &[&[u8]] = &[
    b"0",
    b"1",
    b"-1",
    b"0.1",
    b"-0.1",
    b"0.3",
    b"3.0e3",
    b"1e17",
    b"-1e17",
    b"1e-10",
    b"123456789.123456789",
    b"9223372036854775807",
    b"1.7e308",
    b"-1.7e308",
    b".5",
    b"5.",
    b"1e-5",
];

const BAD_FLOATS: &[&[u8]] =
    &[b"", b"abc", b"inf", b"-inf", b"nan", b" 1", b"1 ", b"1e5000", b"0x1p3", b"infinity", b"1.0.0", b"5.0e-324"];

const PATTERNS: &[&[u8]] = &[
    b"*",
    b"k*",
    b"k?",
    b"k[1-3]",
    b"k[^1]",
    b"k[4-2]",
    b"[",
    b"k[1",
    b"\\*",
    b"k\\1",
    b"",
    b"**",
    b"*\xff*",
    b"none",
    b"?",
    b"k\\*[[]1]",
    b"[a-z][0-9]",
];

const ENCODINGS: &[&[u8]] = &[b"u1", b"u7", b"u8", b"u16", b"u32", b"u63", b"i1", b"i5", b"i8", b"i16", b"i32", b"i64"];
const BAD_ENCODINGS: &[&[u8]] = &[b"u64", b"i65", b"u0", b"i0", b"x8", b"u", b"", b"u-1", b"I8", b"8"];
/// Beyond the limit of every position.
const FAR_POSITIONS: &[&[u8]] = &[b"4294967296", b"9223372036854775807", b"-1", b"abc", b"", b"1.5"];
const FAR_FIELDS: &[&[u8]] = &[b"#4294967296", b"#-1", b"#", b"#abc", b"4294967296", b"-1", b"abc"];
/// Times that are over, and those that are too large in every unit.
const ODD_TIMES: &[&[u8]] =
    &[b"0", b"-1", b"-9223372036854775808", b"9223372036854775807", b"9223372036854775", b"abc", b"1.5", b""];
const PAST_MOMENT: &[u8] = b"1";
const BAD_MOMENTS: &[&[u8]] = &[b"0", b"-1", b"9223372036854775807", b"9223372036854775", b"abc", b""];
const BAD_DATABASES: &[&[u8]] = &[b"16", b"-1", b"abc", b"4294967296", b"1.5"];
const TYPES: &[&[u8]] = &[b"string", b"STRING", b"list", b"hash", b"set", b"zset", b"stream", b"none", b"foo"];

/// Bits past which a value is large, in the rare case that one is wanted: 64 KiB.
const LARGE_POSITION: i64 = 64 << 10;
/// Seconds that no round lasts; so many different ones that two keys hardly ever expire at the same moment.
const FAR_SECONDS: (i64, i64) = (10_000, 1_000_000);
/// A moment in the years 2096 to 2128.
const FAR_MOMENT_SECONDS: (i64, i64) = (4_000_000_000, 5_000_000_000);

/// How often a command gets a key that may hold another type.
const STRANGE_KEY_PERCENT: usize = 15;

/// What a round prefers.
#[derive(Clone, Debug)]
pub struct Taste {
    /// The keys in use.
    pub keys: Vec<Vec<u8>>,
    /// The types in use: each has its share of the keys.
    pub families: Vec<Family>,
    /// How often a value is unusual or wrong.
    pub odd_percent: usize,
    /// Whether SET may store keys whose time is over. The driver lets both servers forget them at once, which it cannot
    /// inside a transaction, where DBSIZE and MEMORY USAGE still see them in Redis.
    pub sets_expired_keys: bool,
    /// Whether SPOP may leave it to chance what is left. The driver makes the sets alike again, which it cannot inside
    /// a transaction.
    pub pops_at_random: bool,
    /// The scores of members of sorted sets.
    pub scores: Scores,
}

impl Taste {
    /// A key for a command, mostly one of those that hold its type.
    fn key(&self, command: &Command, random: &mut Random) -> Vec<u8> {
        let place = Family::of(command).and_then(|own| self.families.iter().position(|family| *family == own));
        if let Some(place) = place
            && !random.percent(STRANGE_KEY_PERCENT)
        {
            let own: Vec<_> = self.keys.iter().skip(place).step_by(self.families.len()).collect();
            if !own.is_empty() {
                return (*random.pick(&own)).clone();
            }
        }
        random.pick(&self.keys).clone()
    }
}

/// A value for one argument of a command.
pub fn value(argument: &Argument, command: &Command, taste: &Taste, random: &mut Random) -> Vec<u8> {
    let odd = random.percent(taste.odd_percent);
    let text = |number: i64| number.to_string().into_bytes();
    if let Some(value) = typed::value(argument, command, (odd, taste.scores == Scores::Equal), random) {
        return value;
    }
    match (command.name, argument.name.as_str()) {
        (_, "seconds") if odd => random.pick(ODD_TIMES).to_vec(),
        (_, "seconds") => text(random.between(FAR_SECONDS.0, FAR_SECONDS.1)),
        (_, "milliseconds") if odd && random.percent(50) => text(random.between(1, 9)),
        (_, "milliseconds") if odd => random.pick(ODD_TIMES).to_vec(),
        (_, "milliseconds") => text(random.between(FAR_SECONDS.0 * 1000, FAR_SECONDS.1 * 1000)),
        (name, "unix-time-seconds" | "unix-time-milliseconds") if odd => {
            let may_be_past = name != "set" || taste.sets_expired_keys;
            let is_past = random.percent(40) && may_be_past;
            if is_past { PAST_MOMENT.to_vec() } else { random.pick(BAD_MOMENTS).to_vec() }
        }
        (_, "unix-time-seconds") => text(random.between(FAR_MOMENT_SECONDS.0, FAR_MOMENT_SECONDS.1)),
        (_, "unix-time-milliseconds") => text(random.between(FAR_MOMENT_SECONDS.0 * 1000, FAR_MOMENT_SECONDS.1 * 1000)),
        (_, "pattern") => random.pick(PATTERNS).to_vec(),
        (_, "cursor") if odd => random.pick(BAD_INTEGERS).to_vec(),
        (_, "cursor") => b"0".to_vec(),
        (_, "count") if odd => integer(random, true),
        (_, "count") => text(random.between(1, 20)),
        (_, "encoding") => random.pick(if odd { BAD_ENCODINGS } else { ENCODINGS }).to_vec(),
        ("bitfield" | "bitfield_ro", "offset") => field_offset(odd, random),
        (_, "offset") if odd => random.pick(FAR_POSITIONS).to_vec(),
        (_, "offset") => text(position(random)),
        ("setbit", "value") | (_, "bit") if odd => random.pick(&[&b"2"[..], b"-1", b"a", b""]).to_vec(),
        ("setbit", "value") | (_, "bit") => text(random.between(0, 1)),
        (_, "start" | "end") if odd => integer(random, true),
        (_, "start" | "end") => text(random.between(-12, 20)),
        (_, "min-match-len") => text(random.between(-1, 6)),
        (_, "db" | "destination-db" | "index" | "index1" | "index2") if odd => random.pick(BAD_DATABASES).to_vec(),
        (_, "db" | "destination-db" | "index" | "index1" | "index2") => random.pick(&[&b"0"[..], b"1", b"2"]).to_vec(),
        (_, "type") => random.pick(TYPES).to_vec(),
        (_, "protover") if odd => random.pick(&[&b"1"[..], b"4", b"abc", b""]).to_vec(),
        (_, "protover") => text(random.between(2, 3)),
        (_, "username") => random.pick(&[&b"default"[..], b"nobody"]).to_vec(),
        (_, "clientname" | "connection-name") => random.pick(&[&b"me"[..], b"a b", b"", b"you\n"]).to_vec(),
        _ if argument.kind == Kind::Key => taste.key(command, random),
        _ => by_kind(&argument.kind, odd, random),
    }
}

fn by_kind(kind: &Kind, odd: bool, random: &mut Random) -> Vec<u8> {
    match kind {
        Kind::Integer => integer(random, odd),
        Kind::Double if odd => random.pick(BAD_FLOATS).to_vec(),
        Kind::Double => random.pick(FLOATS).to_vec(),
        _ if odd => random.pick(STRINGS).to_vec(),
        _ if random.percent(30) => random.between(-20, 20).to_string().into_bytes(),
        _ => random.pick(&STRINGS[..10]).to_vec(),
    }
}

fn integer(random: &mut Random, odd: bool) -> Vec<u8> {
    match (odd, random.percent(60)) {
        (false, _) => random.between(-20, 120).to_string().into_bytes(),
        (true, true) => random.pick(INTEGERS).to_vec(),
        (true, false) => random.pick(BAD_INTEGERS).to_vec(),
    }
}

/// Mostly small; one in fifty beyond a page, one in a thousand large.
fn position(random: &mut Random) -> i64 {
    match random.below(1000) {
        0 => random.between(0, LARGE_POSITION),
        1..20 => random.between(0, 4096),
        _ => random.between(0, 100),
    }
}

fn field_offset(odd: bool, random: &mut Random) -> Vec<u8> {
    if odd {
        return random.pick(FAR_FIELDS).to_vec();
    }
    let sign = if random.percent(40) { "#" } else { "" };
    format!("{sign}{}", position(random)).into_bytes()
}
