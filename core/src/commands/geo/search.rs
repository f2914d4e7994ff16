//! GEOSEARCH, GEOSEARCHSTORE and the GEORADIUS commands.

use std::cmp::Ordering;

use super::nearest::sort_first;
use super::options::{Destination, Form, Options, Order, parse};
use super::{DISTANCE_BYTES, coordinates, distance};
use crate::context::Context;
use crate::error::CommandError;
use crate::resp::Reply;
use crate::structure::geo::{Point, Search};
use crate::structure::listpack::Item;
use crate::structure::sorted_set::ScoreBound;
use crate::value::SortedSet;

/// GEORADIUS
pub(super) fn georadius(cx: &mut Context) -> Result<(), CommandError> {
    search(cx, Form::Radius { stores: true })
}

/// GEORADIUS_RO
pub(super) fn georadius_ro(cx: &mut Context) -> Result<(), CommandError> {
    search(cx, Form::Radius { stores: false })
}

/// GEORADIUSBYMEMBER
pub(super) fn georadiusbymember(cx: &mut Context) -> Result<(), CommandError> {
    search(cx, Form::RadiusByMember { stores: true })
}

/// GEORADIUSBYMEMBER_RO
pub(super) fn georadiusbymember_ro(cx: &mut Context) -> Result<(), CommandError> {
    search(cx, Form::RadiusByMember { stores: false })
}

/// GEOSEARCH
pub(super) fn geosearch(cx: &mut Context) -> Result<(), CommandError> {
    search(cx, Form::Search)
}

/// GEOSEARCHSTORE
pub(super) fn geosearchstore(cx: &mut Context) -> Result<(), CommandError> {
    search(cx, Form::SearchStore)
}

/// A member that the shape covers.
struct Hit<'a> {
    member: Item<'a>,
    score: f64,
    place: Point,
    distance_meters: f64,
}

fn search(cx: &mut Context, form: Form) -> Result<(), CommandError> {
    let source = cx.arg(if form == Form::SearchStore { 2 } else { 1 });
    let slot = cx.keys.read(source);
    let set = cx.keys.get::<SortedSet>(slot)?;
    let options = parse(cx, form, set)?;
    let hits = match (set, &options.search) {
        (Some(set), Some(search)) => find(set, search, &options),
        _ => Vec::new(),
    };
    let meters = options.search.map_or(1.0, |search| search.unit.meters());
    let Some(Destination { position, by_distance }) = options.destination else {
        answer(&mut cx.reply, &hits, &options, meters);
        return Ok(());
    };
    let stored = collect(cx, &hits, |hit| if by_distance { hit.distance_meters / meters } else { hit.score });
    let count = stored.len();
    let slot = cx.keys.write(cx.arg(position));
    cx.keys.put_value(slot, stored);
    cx.reply.integer(count as i64);
    Ok(())
}

/// The members within the shape, in the order and number that were asked for.
fn find<'a>(set: &'a SortedSet, search: &Search, options: &Options) -> Vec<Hit<'a>> {
    let enough = options.count.filter(|_| options.any).unwrap_or(usize::MAX);
    let mut hits = Vec::new();
    for cell in search.cells() {
        let ranks = set.score_ranks(ScoreBound::Inclusive(cell.min), ScoreBound::Exclusive(cell.max));
        let within = set.range(ranks).filter_map(|(member, score)| {
            let place = Point::from_score(score);
            let distance_meters = search.distance_meters(place)?;
            Some(Hit { member, score, place, distance_meters })
        });
        hits.extend(within.take(enough - hits.len()));
        if hits.len() == enough {
            break;
        }
    }
    // The first few of a set without order mean little: they are the nearest, unless any will do.
    let nearest = options.count.filter(|_| !options.any).map(|_| Order::Nearest);
    if let Some(order) = options.order.or(nearest) {
        sort(&mut hits, order, options.count);
    }
    hits.truncate(options.count.unwrap_or(usize::MAX));
    hits
}

/// Sorts by distance; beyond `count` the order does not matter.
fn sort(hits: &mut [Hit<'_>], order: Order, count: Option<usize>) {
    let compare = |one: &Hit<'_>, other: &Hit<'_>| {
        let nearest_first = one.distance_meters.partial_cmp(&other.distance_meters).unwrap_or(Ordering::Equal);
        match order {
            Order::Nearest => nearest_first,
            Order::Farthest => nearest_first.reverse(),
        }
    };
    match count.filter(|count| *count < hits.len()) {
        None => hits.sort_by(compare),
        Some(count) => sort_first(hits, count, compare),
    }
}

fn answer(reply: &mut Reply<'_>, hits: &[Hit<'_>], options: &Options, meters: f64) {
    let mut text = Vec::with_capacity(DISTANCE_BYTES);
    let extras =
        [options.with_distance, options.with_hash, options.with_coordinates].into_iter().filter(|with| *with).count();
    reply.array(hits.len());
    for hit in hits {
        if extras > 0 {
            reply.array(1 + extras);
        }
        reply.element(hit.member);
        if options.with_distance {
            distance(reply, &mut text, hit.distance_meters / meters);
        }
        if options.with_hash {
            reply.integer(hit.score as i64);
        }
        if options.with_coordinates {
            coordinates(reply, &mut text, hit.place);
        }
    }
}

/// The members as a sorted set.
fn collect(cx: &Context, hits: &[Hit<'_>], score: impl Fn(&Hit<'_>) -> f64) -> SortedSet {
    let (limits, hasher) = (cx.env.settings.sorted_set_limits(), cx.env.layout.hasher());
    let mut stored = SortedSet::default();
    let mut text = Vec::new();
    for hit in hits {
        let member = match hit.member {
            Item::Text(member) => member,
            integer => {
                text.clear();
                integer.write(&mut text);
                &text
            }
        };
        stored.insert(member, score(hit), limits, hasher);
    }
    stored
}
