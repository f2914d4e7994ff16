//! Places on the globe, kept in sorted sets.

mod nearest;
mod options;
mod search;

use crate::command::keys::{Begin, Find};
use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::resp::{Protocol, Reply};
use crate::structure::geo::{Point, Unit, write_coordinate, write_distance};
use crate::structure::sorted_set::Insertion;
use crate::value::SortedSet;

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);
const OVERWRITE: KeyAccess = KeyAccess::OW.union(KeyAccess::UPDATE);
const READ_KEY: &[KeySpec] = &[KeySpec::one(READ, 1)];
const GROWING_WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM);

/// A destination behind a keyword that is searched from a word on.
const fn destination(keyword: &'static str, from: i16) -> KeySpec {
    let find = Find::Range { last: 0, step: 1, limit: 0 };
    KeySpec { access: OVERWRITE, begin: Begin::Keyword(keyword, from), find }
}

/// What the rows have in common.
const ROW: Command =
    Command { group: Group::Geo, flags: Flags::READONLY, keys: READ_KEY, since: "3.2.0", ..Command::ROW };

const SEARCH_COMPLEXITY: &str = "O(N + log M) for N members in the cells around the shape and M within it";
const READ_ONLY_RADIUS: &str = "`GEOSEARCH` with the `BYRADIUS` argument";
const RADIUS: &str = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument";
const READ_ONLY_MEMBER: &str = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments";
const MEMBER: &str = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments";

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "geoadd",
        arity: -5,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::UPDATE), 1)],
        summary: "Adds members with their coordinates, or moves them.",
        complexity: "O(log N) for each member, with N members in the set",
        syntax: "key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]",
        handler: geoadd,
        ..ROW
    },
    Command {
        name: "geodist",
        arity: -4,
        summary: "Returns the distance between two members.",
        syntax: "key member1 member2 [m|km|ft|mi]",
        handler: geodist,
        ..ROW
    },
    Command {
        name: "geohash",
        arity: -2,
        summary: "Returns the geohash texts of members.",
        complexity: "O(1) for each member",
        syntax: "key [member [member ...]]",
        handler: geohash,
        ..ROW
    },
    Command {
        name: "geopos",
        arity: -2,
        summary: "Returns longitude and latitude of members.",
        complexity: "O(1) for each member",
        syntax: "key [member [member ...]]",
        handler: geopos,
        ..ROW
    },
    Command {
        name: "georadius",
        arity: -6,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(READ, 1), destination("STORE", 6), destination("STOREDIST", 6)],
        summary: "Finds members around a place, and may store them.",
        complexity: SEARCH_COMPLEXITY,
        syntax: "key longitude latitude radius <m|km|ft|mi> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                 [ASC|DESC] [STORE key|STOREDIST key]",
        deprecated: Some(("6.2.0", RADIUS)),
        handler: search::georadius,
        ..ROW
    },
    Command {
        name: "georadiusbymember",
        arity: -5,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(READ, 1), destination("STORE", 5), destination("STOREDIST", 5)],
        summary: "Finds members around one of them, and may store them.",
        complexity: SEARCH_COMPLEXITY,
        syntax: "key member radius <m|km|ft|mi> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC] \
                 [STORE key|STOREDIST key]",
        deprecated: Some(("6.2.0", MEMBER)),
        handler: search::georadiusbymember,
        ..ROW
    },
    Command {
        name: "georadiusbymember_ro",
        arity: -5,
        since: "3.2.10",
        summary: "Finds members around one of them.",
        complexity: SEARCH_COMPLEXITY,
        syntax: "key member radius <m|km|ft|mi> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC]",
        deprecated: Some(("6.2.0", READ_ONLY_MEMBER)),
        handler: search::georadiusbymember_ro,
        ..ROW
    },
    Command {
        name: "georadius_ro",
        arity: -6,
        since: "3.2.10",
        summary: "Finds members around a place.",
        complexity: SEARCH_COMPLEXITY,
        syntax: "key longitude latitude radius <m|km|ft|mi> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                 [ASC|DESC]",
        deprecated: Some(("6.2.0", READ_ONLY_RADIUS)),
        handler: search::georadius_ro,
        ..ROW
    },
    Command {
        name: "geosearch",
        arity: -7,
        since: "6.2.0",
        summary: "Finds members within a circle or a box.",
        complexity: SEARCH_COMPLEXITY,
        syntax: "key <FROMMEMBER member|FROMLONLAT longitude latitude> \
                 <BYRADIUS radius <m|km|ft|mi>|BYBOX width height <m|km|ft|mi>> [ASC|DESC] [COUNT count [ANY]] \
                 [WITHCOORD] [WITHDIST] [WITHHASH]",
        handler: search::geosearch,
        ..ROW
    },
    Command {
        name: "geosearchstore",
        arity: -8,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(OVERWRITE, 1), KeySpec::one(READ, 2)],
        since: "6.2.0",
        summary: "Finds members within a circle or a box and stores them.",
        complexity: SEARCH_COMPLEXITY,
        syntax: "destination source <FROMMEMBER member|FROMLONLAT longitude latitude> \
                 <BYRADIUS radius <m|km|ft|mi>|BYBOX width height <m|km|ft|mi>> [ASC|DESC] [COUNT count [ANY]] \
                 [STOREDIST]",
        handler: search::geosearchstore,
        ..ROW
    },
]);

fn geoadd(cx: &mut Context) -> Result<(), CommandError> {
    let (mut only_new, mut only_existing, mut counts_updates) = (false, false, false);
    let mut first = 2;
    while let Some(word) = cx.args.try_get(first) {
        let option = if word.eq_ignore_ascii_case(b"NX") {
            &mut only_new
        } else if word.eq_ignore_ascii_case(b"XX") {
            &mut only_existing
        } else if word.eq_ignore_ascii_case(b"CH") {
            &mut counts_updates
        } else {
            break;
        };
        *option = true;
        first += 1;
    }
    let triples = cx.args.tail(first);
    if triples.is_empty() || !triples.len().is_multiple_of(3) || only_new && only_existing {
        return Err(CommandError::SYNTAX);
    }
    let count = triples.len() / 3;
    let scores = (0..count).map(|i| Ok(parse_point(triples.get(3 * i), triples.get(3 * i + 1))?.score()));
    let scores = scores.collect::<Result<Vec<f64>, CommandError>>()?;
    let (limits, hasher) = (cx.env.settings.sorted_set_limits(), cx.env.layout.hasher());
    let slot = cx.keys.write(cx.arg(1));
    let (added, updated) = cx.keys.edit_or_create::<SortedSet, _>(slot, |set| {
        let (mut added, mut updated) = (0, 0);
        for (i, score) in scores.into_iter().enumerate() {
            let insertion = set.change(triples.get(3 * i + 2), limits, hasher, |old| {
                let may_touch = if old.is_some() { !only_new } else { !only_existing };
                may_touch.then_some(score)
            });
            match insertion {
                Insertion::Inserted => added += 1,
                Insertion::Updated { .. } => updated += 1,
                Insertion::Unchanged | Insertion::Full => (),
            }
        }
        ((added, updated), added + updated > 0)
    })?;
    cx.reply.integer(if counts_updates { added + updated } else { added });
    Ok(())
}

fn geodist(cx: &mut Context) -> Result<(), CommandError> {
    let unit = match cx.args.len() {
        4 => Unit::Meters,
        5 => parse_unit(cx.arg(4))?,
        _ => return Err(CommandError::SYNTAX),
    };
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let set = cx.keys.get::<SortedSet>(slot)?;
    let place = |index| set?.score(cx.args.get(index), hasher).map(Point::from_score);
    match place(2).zip(place(3)) {
        None => cx.reply.null(),
        Some((from, to)) => {
            let mut text = Vec::with_capacity(DISTANCE_BYTES);
            distance(&mut cx.reply, &mut text, from.distance_meters(to) / unit.meters());
        }
    }
    Ok(())
}

fn geohash(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let set = cx.keys.get::<SortedSet>(slot)?;
    let members = cx.args.tail(2);
    cx.reply.array(members.len());
    for member in members.iter() {
        match set.and_then(|set| set.score(member, hasher)) {
            None => cx.reply.null(),
            Some(score) => cx.reply.bulk(&Point::from_score(score).geohash()),
        }
    }
    Ok(())
}

fn geopos(cx: &mut Context) -> Result<(), CommandError> {
    let hasher = cx.env.layout.hasher();
    let slot = cx.keys.read(cx.arg(1));
    let set = cx.keys.get::<SortedSet>(slot)?;
    let members = cx.args.tail(2);
    let mut text = Vec::with_capacity(DISTANCE_BYTES);
    cx.reply.array(members.len());
    for member in members.iter() {
        match set.and_then(|set| set.score(member, hasher)) {
            None => cx.reply.null_array(),
            Some(score) => coordinates(&mut cx.reply, &mut text, Point::from_score(score)),
        }
    }
    Ok(())
}

/// Room for the text of a distance or a coordinate on the globe.
const DISTANCE_BYTES: usize = 32;

/// Replies with a distance.
fn distance(reply: &mut Reply<'_>, text: &mut Vec<u8>, distance: f64) {
    text.clear();
    write_distance(text, distance);
    reply.bulk(text);
}

/// Replies with longitude and latitude: doubles with more digits than other doubles have.
fn coordinates(reply: &mut Reply<'_>, text: &mut Vec<u8>, place: Point) {
    reply.array(2);
    for degrees in [place.longitude, place.latitude] {
        text.clear();
        match reply.protocol() {
            Protocol::Resp2 => {
                write_coordinate(text, degrees);
                reply.bulk(text);
            }
            Protocol::Resp3 => {
                text.push(b',');
                write_coordinate(text, degrees);
                text.extend_from_slice(b"\r\n");
                reply.raw(text);
            }
        }
    }
}

/// Reads a longitude and a latitude.
fn parse_point(longitude: &[u8], latitude: &[u8]) -> Result<Point, CommandError> {
    let longitude = number::parse_f64(longitude).ok_or(CommandError::NOT_A_FLOAT)?;
    let latitude = number::parse_f64(latitude).ok_or(CommandError::NOT_A_FLOAT)?;
    Point::new(longitude, latitude).ok_or_else(|| {
        let mut text = b"ERR invalid longitude,latitude pair ".to_vec();
        number::write_fixed::<6>(&mut text, longitude);
        text.push(b',');
        number::write_fixed::<6>(&mut text, latitude);
        CommandError::new(text)
    })
}

fn parse_unit(word: &[u8]) -> Result<Unit, CommandError> {
    Unit::parse(word).ok_or(CommandError::fixed("ERR unsupported unit provided. please use M, KM, FT, MI"))
}
