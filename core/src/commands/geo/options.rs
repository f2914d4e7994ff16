//! The words of a search.

use super::{parse_point, parse_unit};
use crate::command::keys::for_each_key;
use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::structure::geo::{Point, Search, Shape, Unit};
use crate::value::SortedSet;

/// The commands that search, by what their words may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// GEORADIUS, GEORADIUS_RO
    Radius {
        /// STORE and STOREDIST are known.
        stores: bool,
    },
    /// GEORADIUSBYMEMBER, GEORADIUSBYMEMBER_RO
    RadiusByMember {
        /// STORE and STOREDIST are known.
        stores: bool,
    },
    /// GEOSEARCH
    Search,
    /// GEOSEARCHSTORE
    SearchStore,
}

/// What is found first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// ASC
    Nearest,
    /// DESC
    Farthest,
}

/// Where the result goes instead of the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination {
    /// Which word of the request is the key.
    pub(super) position: usize,
    /// Scores are distances, not places.
    pub(super) by_distance: bool,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    /// Where and how far; `None` only if the key does not exist.
    pub(super) search: Option<Search>,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_coordinates: bool,
    /// Most members of the result.
    pub(super) count: Option<usize>,
    /// ANY: as soon as there are enough, the search ends.
    pub(super) any: bool,
    pub(super) order: Option<Order>,
    pub(super) destination: Option<Destination>,
}

#[derive(Clone, Copy)]
enum Word {
    WithDistance,
    WithHash,
    WithCoordinates,
    Any,
    Ascending,
    Descending,
    Count,
    Store,
    StoreDistance,
    FromMember,
    FromPlace,
    ByRadius,
    ByBox,
}

const WORDS: [(&[u8], Word); 13] = [
    (b"WITHDIST", Word::WithDistance),
    (b"WITHHASH", Word::WithHash),
    (b"WITHCOORD", Word::WithCoordinates),
    (b"ANY", Word::Any),
    (b"ASC", Word::Ascending),
    (b"DESC", Word::Descending),
    (b"COUNT", Word::Count),
    (b"STORE", Word::Store),
    (b"STOREDIST", Word::StoreDistance),
    (b"FROMMEMBER", Word::FromMember),
    (b"FROMLONLAT", Word::FromPlace),
    (b"BYRADIUS", Word::ByRadius),
    (b"BYBOX", Word::ByBox),
];

/// The middle of a search, which FROMMEMBER and FROMLONLAT may each say several times, but not both.
#[derive(Clone, Copy)]
enum Center {
    Missing,
    /// `None` if the key does not exist.
    Member(Option<Point>),
    Place(Point),
}

/// Reads the request. `set` is what stands under the source key.
pub(super) fn parse(cx: &Context, form: Form, set: Option<&SortedSet>) -> Result<Options, CommandError> {
    let member = |index| place_of(cx, set, index);
    let mut center = Center::Missing;
    let mut outline = None;
    let first = match form {
        Form::Radius { .. } => {
            center = Center::Place(parse_point(cx.arg(2), cx.arg(3))?);
            outline = Some(parse_radius(cx, 4)?);
            6
        }
        Form::RadiusByMember { .. } => {
            // Without a key neither the member nor the distance is looked at.
            if set.is_some() {
                center = Center::Member(member(2)?);
                outline = Some(parse_radius(cx, 3)?);
            }
            5
        }
        Form::Search => 2,
        Form::SearchStore => 3,
    };
    let searches = matches!(form, Form::Search | Form::SearchStore);
    let stores = matches!(form, Form::Radius { stores: true } | Form::RadiusByMember { stores: true });
    let mut options = Options::default();
    if form == Form::SearchStore {
        options.destination = Some(Destination { position: 1, by_distance: false });
    }
    let mut at = first;
    while let Some(word) = cx.args.try_get(at) {
        at += 1;
        let left = cx.args.len() - at;
        match find_word(word).ok_or(CommandError::SYNTAX)? {
            Word::WithDistance => options.with_distance = true,
            Word::WithHash => options.with_hash = true,
            Word::WithCoordinates => options.with_coordinates = true,
            Word::Any => options.any = true,
            Word::Ascending => options.order = Some(Order::Nearest),
            Word::Descending => options.order = Some(Order::Farthest),
            Word::Count if left >= 1 => {
                let count = number::to_count(cx.integer(at)?).filter(|count| *count > 0);
                options.count = Some(count.ok_or(CommandError::fixed("ERR COUNT must be > 0"))?);
                at += 1;
            }
            word @ (Word::Store | Word::StoreDistance) if stores && left >= 1 => {
                let by_distance = matches!(word, Word::StoreDistance);
                options.destination = Some(Destination { position: at, by_distance });
                at += 1;
            }
            Word::StoreDistance if form == Form::SearchStore => {
                options.destination = Some(Destination { position: 1, by_distance: true });
            }
            Word::FromMember if searches && left >= 1 && !matches!(center, Center::Place(_)) => {
                center = Center::Member(member(at)?);
                at += 1;
            }
            Word::FromPlace if searches && left >= 2 && !matches!(center, Center::Member(_)) => {
                center = Center::Place(parse_point(cx.arg(at), cx.arg(at + 1))?);
                at += 2;
            }
            Word::ByRadius if searches && left >= 2 && !matches!(outline, Some((Shape::Box { .. }, _))) => {
                outline = Some(parse_radius(cx, at)?);
                at += 2;
            }
            Word::ByBox if searches && left >= 3 && !matches!(outline, Some((Shape::Circle { .. }, _))) => {
                outline = Some(parse_box(cx, at)?);
                at += 3;
            }
            _ => return Err(CommandError::SYNTAX),
        }
    }
    refuse_conflicts(cx, form, &options)?;
    if searches && matches!(center, Center::Missing) {
        return Err(one_of("FROMMEMBER or FROMLONLAT", cx));
    }
    if searches && outline.is_none() {
        return Err(one_of("BYRADIUS and BYBOX", cx));
    }
    if options.any && options.count.is_none() {
        return Err(CommandError::fixed("ERR the ANY argument requires COUNT argument"));
    }
    let center = match center {
        Center::Missing => None,
        Center::Member(place) => place,
        Center::Place(place) => Some(place),
    };
    options.search = center.zip(outline).map(|(center, (shape, unit))| Search { center, shape, unit });
    Ok(options)
}

fn find_word(word: &[u8]) -> Option<Word> {
    WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, word)| *word)
}

/// Refuses what a result that is stored cannot carry.
fn refuse_conflicts(cx: &Context, form: Form, options: &Options) -> Result<(), CommandError> {
    let Some(Destination { position, .. }) = options.destination else { return Ok(()) };
    if options.with_distance || options.with_hash || options.with_coordinates {
        return Err(CommandError::fixed(match form {
            Form::SearchStore => "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            _ => "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        }));
    }
    // The key specs find the first STORE and the first STOREDIST. Redis lets a second one win, which routing, ACL and
    // clusters then know nothing of.
    let mut is_planned = false;
    for_each_key(cx.command, cx.args, |planned, _| is_planned |= planned == position);
    if is_planned { Ok(()) } else { Err(CommandError::SYNTAX) }
}

/// The place of the member that a word names; `None` if there is no set.
fn place_of(cx: &Context, set: Option<&SortedSet>, index: usize) -> Result<Option<Point>, CommandError> {
    let Some(set) = set else { return Ok(None) };
    match set.score(cx.arg(index), cx.env.layout.hasher()) {
        Some(score) => Ok(Some(Point::from_score(score))),
        None => Err(CommandError::fixed("ERR could not decode requested zset member")),
    }
}

/// Reads a radius and its unit.
fn parse_radius(cx: &Context, at: usize) -> Result<(Shape, Unit), CommandError> {
    let radius = parse_length(cx.arg(at), "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(CommandError::fixed("ERR radius cannot be negative"));
    }
    Ok((Shape::Circle { radius }, parse_unit(cx.arg(at + 1))?))
}

/// Reads a width, a height and their unit.
fn parse_box(cx: &Context, at: usize) -> Result<(Shape, Unit), CommandError> {
    let width = parse_length(cx.arg(at), "ERR need numeric width")?;
    let height = parse_length(cx.arg(at + 1), "ERR need numeric height")?;
    if height < 0.0 || width < 0.0 {
        return Err(CommandError::fixed("ERR height or width cannot be negative"));
    }
    Ok((Shape::Box { width, height }, parse_unit(cx.arg(at + 2))?))
}

fn parse_length(word: &[u8], otherwise: &'static str) -> Result<f64, CommandError> {
    number::parse_f64(word).ok_or(CommandError::fixed(otherwise))
}

/// Something that must be said, and said once.
fn one_of(choices: &str, cx: &Context) -> CommandError {
    CommandError::quoting(&format!("ERR exactly one of {choices} can be specified for "), cx.arg(0), "")
}
