//! Walking over all keys of a database: KEYS, SCAN, RANDOMKEY; and what SSCAN, HSCAN and ZSCAN share with SCAN.
//!
//! Those three parse the cursor ([`cursor_of`]), find their value ([`empty_page`] if there is none), parse the rest
//! ([`Filter::parse`]) and write a page ([`page`]): all elements of a compact encoding, or those that
//! [`walk_members`] comes by in a hash table.

use crate::command::{Categories, Command, Flags, Group, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::glob;
use crate::hash::KeyHasher;
use crate::keyspace::entry::Entry;
use crate::keyspace::{self, Layout, ShardId};
use crate::number;
use crate::resp::{Arguments, Reply};
use crate::structure::listpack::Item;
use crate::value::Members;

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "keys",
        group: Group::Generic,
        arity: 2,
        flags: Flags::READONLY,
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        scope: Scope::AllShards,
        since: "1.0.0",
        summary: "Lists all keys that match a pattern.",
        complexity: "O(N) for N keys of the database",
        syntax: "pattern",
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        handler: keys,
        ..Command::ROW
    },
    Command {
        name: "scan",
        group: Group::Generic,
        arity: -2,
        flags: Flags::READONLY,
        categories: Categories::KEYSPACE,
        scope: Scope::AllShards,
        since: "2.8.0",
        summary: "Lists some keys and a cursor to go on from, until the cursor is 0.",
        complexity: "O(1) for each call, O(N) for a whole walk over N keys",
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        handler: scan,
        ..Command::ROW
    },
    Command {
        name: "randomkey",
        group: Group::Generic,
        arity: 1,
        flags: Flags::READONLY,
        categories: Categories::KEYSPACE,
        scope: Scope::AllShards,
        since: "1.0.0",
        summary: "Answers the name of a key chosen at random.",
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
        handler: randomkey,
        ..Command::ROW
    },
]);

/// Keys that SCAN looks at if the client does not say.
const DEFAULT_COUNT: u64 = 10;

/// Buckets visited for each key that COUNT asks for, at most: sparse tables must not make one call long.
const BUCKETS_PER_KEY: u64 = 10;

fn keys(cx: &mut Context) -> Result<(), CommandError> {
    let pattern = Pattern::new(cx.arg(1));
    let (db, now_ms) = (cx.keys.db, cx.env.now_ms());
    let list = cx.reply.deferred_array();
    let mut matched = 0;
    for shard in cx.keys.shards() {
        for entry in shard.database(db).iter() {
            if pattern.matches(entry.key()) && !entry.is_expired(now_ms) {
                cx.reply.bulk(entry.key());
                matched += 1;
            }
        }
    }
    cx.reply.close(list, matched);
    Ok(())
}

fn scan(cx: &mut Context) -> Result<(), CommandError> {
    let cursor = cursor_of(cx.arg(1))?;
    let filter = Filter::parse(cx.args.tail(2), Extra::Type)?;
    let mut cursor = Cursor::decode(cursor);
    let (db, now_ms, layout) = (cx.keys.db, cx.env.now_ms(), *cx.env.layout);
    let mut found = Vec::new();
    let mut list = Reply::new(&mut found, cx.reply.protocol());
    let (mut matched, mut visited, mut buckets) = (0, 0, 0);
    let mut expired: Vec<Vec<u8>> = Vec::new();
    while cursor.shard < layout.shards()
        && visited < filter.count
        && buckets < filter.count.saturating_mul(BUCKETS_PER_KEY)
    {
        let shard = cx.keys.shard(cursor.shard);
        let visit = |entry: &Entry| {
            visited += 1;
            if entry.is_expired(now_ms) {
                expired.push(entry.key().to_vec());
            } else if filter.accepts(entry) {
                list.bulk(entry.key());
                matched += 1;
            }
        };
        let next = shard.database(db).scan(cursor.position, visit, |key| shard.hash(key));
        cursor.advance(next);
        buckets += 1;
    }
    // Looking for an expired key removes it.
    for key in &expired {
        cx.keys.locate(key);
    }
    cx.reply.array(2);
    cx.reply.bulk_integer(cursor.encode(&layout));
    cx.reply.array(matched);
    cx.reply.raw(&found);
    Ok(())
}

fn randomkey(cx: &mut Context) -> Result<(), CommandError> {
    let db = cx.keys.db;
    // Ends, because every turn but the last removes a key.
    loop {
        let random = cx.random.next_u64();
        let Some(key) = random_key(cx, db, random) else {
            cx.reply.null();
            return Ok(());
        };
        if cx.keys.locate(&key).exists() {
            cx.reply.bulk(&key);
            return Ok(());
        }
    }
}

/// A key, perhaps expired, of a shard chosen in proportion to its size.
fn random_key(cx: &mut Context, db: u16, random: u64) -> Option<Vec<u8>> {
    let keys: usize = cx.keys.shards().map(|shard| shard.database(db).len()).sum();
    let mut place = ((u128::from(random) * keys as u128) >> 64) as usize;
    let random = cx.random.next_u64();
    for shard in cx.keys.shards() {
        let table = shard.database(db);
        if place < table.len() {
            return table.random(random).map(|entry| entry.key().to_vec());
        }
        place -= table.len();
    }
    None
}

/// The cursor of a request.
pub(crate) fn cursor_of(word: &[u8]) -> Result<u64, CommandError> {
    parse_cursor(word).ok_or(CommandError::fixed("ERR invalid cursor"))
}

/// The page of a key that does not exist: cursor 0, no elements.
pub(crate) fn empty_page(reply: &mut Reply) {
    page(reply, |_| (0, 0));
}

/// Writes a page: `write` writes the elements and answers the cursor to go on from and how many replies it wrote.
pub(crate) fn page(reply: &mut Reply, write: impl FnOnce(&mut Reply) -> (i64, usize)) {
    reply.array(2);
    let start = reply.position();
    let list = reply.deferred_array();
    let (cursor, elements) = write(reply);
    reply.close(list, elements);
    // The cursor is known last and stands first.
    let end = reply.position();
    reply.bulk_integer(cursor);
    let cursor_bytes = reply.position() - end;
    reply.buffer()[start..].rotate_right(cursor_bytes);
}

/// Visits members of a hash table from a client's cursor on, about `count` of them, and answers the next cursor.
pub(crate) fn walk_members(
    members: &Members,
    cursor: u64,
    count: u64,
    hasher: KeyHasher,
    mut visit: impl FnMut(&Entry),
) -> i64 {
    let mut position = cursor << UNUSED_BITS;
    let (mut visited, mut buckets) = (0, 0);
    while visited < count && buckets < count.saturating_mul(BUCKETS_PER_KEY) {
        let each = |entry: &Entry| {
            visited += 1;
            visit(entry);
        };
        let Some(next) = members.table().scan(position, each, |name| hasher.hash(name)) else { return 0 };
        position = next;
        buckets += 1;
    }
    assert!(position.trailing_zeros() >= UNUSED_BITS, "the cursor would skip members");
    (position >> UNUSED_BITS) as i64
}

/// A glob pattern. A lone star matches even the empty key, which the glob does not.
pub(crate) struct Pattern<'a>(Option<&'a [u8]>);

impl<'a> Pattern<'a> {
    fn new(pattern: &'a [u8]) -> Self {
        Self((pattern != b"*").then_some(pattern))
    }

    fn matches(&self, key: &[u8]) -> bool {
        self.0.is_none_or(|pattern| glob::matches(pattern, key, false))
    }
}

/// The option that a command of the SCAN family knows beside MATCH and COUNT.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Extra {
    /// No other.
    None,
    /// TYPE, of SCAN.
    Type,
    /// NOVALUES, of HSCAN.
    NoValues,
    /// NOSCORES, of ZSCAN.
    NoScores,
}

/// Options of SCAN and its kin.
pub(crate) struct Filter<'a> {
    pattern: Pattern<'a>,
    type_name: Option<&'a [u8]>,
    /// About how many elements to look at.
    pub(crate) count: u64,
    /// Names without their values.
    pub(crate) no_values: bool,
}

impl<'a> Filter<'a> {
    /// Parses the words behind the cursor.
    pub(crate) fn parse(options: Arguments<'a>, extra: Extra) -> Result<Self, CommandError> {
        let mut filter = Self { pattern: Pattern(None), type_name: None, count: DEFAULT_COUNT, no_values: false };
        let mut i = 0;
        while let Some(option) = options.try_get(i) {
            let is = |word: &[u8]| option.eq_ignore_ascii_case(word);
            if extra == Extra::NoValues && is(b"NOVALUES") || extra == Extra::NoScores && is(b"NOSCORES") {
                filter.no_values = true;
                i += 1;
                continue;
            }
            let value = options.try_get(i + 1).ok_or(CommandError::SYNTAX)?;
            if option.eq_ignore_ascii_case(b"COUNT") {
                let count = number::parse_i64(value).ok_or(CommandError::NOT_AN_INTEGER)?;
                filter.count = u64::try_from(count).ok().filter(|&count| count > 0).ok_or(CommandError::SYNTAX)?;
            } else if option.eq_ignore_ascii_case(b"MATCH") {
                filter.pattern = Pattern::new(value);
            } else if extra == Extra::Type && option.eq_ignore_ascii_case(b"TYPE") {
                filter.type_name = Some(value);
            } else {
                return Err(CommandError::SYNTAX);
            }
            i += 2;
        }
        Ok(filter)
    }

    /// Whether the pattern matches an element.
    pub(crate) fn matches(&self, element: Item<'_>) -> bool {
        match element {
            Item::Text(text) => self.pattern.matches(text),
            Item::Integer(integer) => self.pattern.matches(itoa::Buffer::new().format(integer).as_bytes()),
        }
    }

    fn accepts(&self, entry: &Entry) -> bool {
        let type_name = keyspace::type_name(entry).as_bytes();
        self.type_name.is_none_or(|wanted| wanted.eq_ignore_ascii_case(type_name)) && self.pattern.matches(entry.key())
    }
}

/// Where a scan goes on: a shard and a position in hash order of its table.
///
/// Both stay meaningful while tables grow and shrink. Encoded it stays below 2⁵³, so that clients may keep it in a
/// double. A cursor is worth nothing after a restart with another number of shards or another hash secret, but harmless.
#[derive(Debug, PartialEq)]
struct Cursor {
    shard: ShardId,
    position: u64,
}

/// Bits of an encoded position; the shard stands above them.
const POSITION_BITS: u32 = 40;

/// Low bits of a position, which are zero: tables place items by the top 34 bits of their hash at most.
const UNUSED_BITS: u32 = u64::BITS - POSITION_BITS;

impl Cursor {
    fn decode(number: u64) -> Self {
        let shard = usize::try_from(number >> POSITION_BITS).unwrap_or(usize::MAX);
        Self { shard, position: number << UNUSED_BITS }
    }

    /// The number for the client: 0 once there is no shard left.
    fn encode(&self, layout: &Layout) -> i64 {
        if self.shard >= layout.shards() {
            return 0;
        }
        assert!(self.position.trailing_zeros() >= UNUSED_BITS, "the cursor would skip keys");
        (self.shard as i64) << POSITION_BITS | (self.position >> UNUSED_BITS) as i64
    }

    fn advance(&mut self, next: Option<u64>) {
        match next {
            Some(position) => self.position = position,
            None => *self = Self { shard: self.shard + 1, position: 0 },
        }
    }
}

/// Reads a cursor as leniently as C's `strtoul`, which Redis uses: a sign and leading zeros pass, a minus wraps, and
/// no text at all is 0. Leading spaces do not pass.
fn parse_cursor(word: &[u8]) -> Option<u64> {
    let (negative, digits) = match word {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let first = digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
    let magnitude = match &digits[first..] {
        [] if first > 0 => 0,
        digits => number::parse_u64(digits)?,
    };
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_as_strtoul_reads_them() {
        for (word, expected) in [
            ("", Some(0)),
            ("0", Some(0)),
            ("007", Some(7)),
            ("+5", Some(5)),
            ("-1", Some(u64::MAX)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-", None),
            ("+", None),
            (" 1", None),
            ("1 ", None),
            ("abc", None),
            ("--1", None),
        ] {
            assert_eq!(parse_cursor(word.as_bytes()), expected, "{word:?}");
        }
    }

    #[test]
    fn cursors_survive_the_way_to_the_client() {
        let layout = Layout::new(64, 16, [1, 2]);
        for (shard, position) in [(0, 0), (0, 1 << 63), (63, u64::MAX << UNUSED_BITS), (5, 0)] {
            let number = Cursor { shard, position }.encode(&layout);
            assert!((0..1 << 53).contains(&number));
            assert_eq!(Cursor::decode(number as u64), Cursor { shard, position });
        }
        assert_eq!(Cursor { shard: 64, position: 0 }.encode(&layout), 0);
    }
}
