//! SORT and SORT_RO: the elements of a list, set or sorted set in order, or what they point to.

mod elements;
mod pattern;

use std::cmp::Ordering;

use crate::command::keys::{Begin, Find};
use crate::command::{Categories, Command, Flags, Group, KeyAccess, KeySpec, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::keyspace::entry::Value;
use crate::keyspace::object::Object;
use crate::number;
use crate::resp::Arguments;
use crate::structure::chunked_list::End;
use crate::value::{List, with_text};
use elements::{Elements, Source};
use pattern::Pattern;

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);

/// The keys that BY and GET make of their patterns.
const BY_PATTERN: KeySpec = KeySpec { access: READ, begin: Begin::Hidden(None), find: Find::Unknown };

const STORED: KeySpec = KeySpec {
    access: KeyAccess::OW.union(KeyAccess::UPDATE),
    begin: Begin::Hidden(Some("store")),
    find: Find::Unknown,
};

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "sort",
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::one(READ, 1), BY_PATTERN, STORED],
        since: "1.0.0",
        summary: "Answers or stores the elements of a list, set or sorted set in order, or what they point to.",
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA] \
                 [STORE destination]",
        handler: sort,
        ..ROW
    },
    Command {
        name: "sort_ro",
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::one(READ, 1), BY_PATTERN],
        since: "7.0.0",
        summary: "Answers the elements of a list, set or sorted set in order, or what they point to.",
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA]",
        handler: sort_ro,
        ..ROW
    },
]);

const ROW: Command = Command {
    group: Group::Generic,
    arity: -2,
    categories: Categories::SET.union(Categories::SORTEDSET).union(Categories::LIST).union(Categories::DANGEROUS),
    scope: Scope::AllShardsIf(names_other_keys),
    complexity: "O(N+M*log(M)) for N elements, M of them answered",
    ..Command::ROW
};

/// Whether options may lead to other keys than the one that is sorted.
fn names_other_keys(args: Arguments<'_>) -> bool {
    let leads_away = |word: &[u8]| word.contains(&b'*') || word.eq_ignore_ascii_case(b"STORE");
    args.tail(2).iter().any(leads_away)
}

/// Options of a request.
#[derive(Default)]
struct Options<'a> {
    descends: bool,
    /// By bytes, not by number.
    is_alpha: bool,
    skip: i64,
    /// Negative: all.
    count: Option<i64>,
    by: Option<Pattern<'a>>,
    /// BY without a star: no order at all.
    keeps_order: bool,
    gets: Vec<Pattern<'a>>,
    destination: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(cx: &Context<'a, '_>, may_store: bool) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut i = 2;
        while let Some(option) = cx.args.try_get(i) {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            let value = cx.args.try_get(i + 1);
            i += match value {
                _ if is(b"ASC") => {
                    options.descends = false;
                    1
                }
                _ if is(b"DESC") => {
                    options.descends = true;
                    1
                }
                _ if is(b"ALPHA") => {
                    options.is_alpha = true;
                    1
                }
                Some(_) if is(b"LIMIT") && cx.args.len() > i + 2 => {
                    options.skip = cx.integer(i + 1)?;
                    options.count = Some(cx.integer(i + 2)?);
                    3
                }
                Some(key) if may_store && is(b"STORE") => {
                    options.destination = Some(key);
                    2
                }
                Some(pattern) if is(b"BY") => {
                    let pattern = Pattern::new(pattern);
                    options.keeps_order |= !pattern.has_star();
                    options.by = Some(pattern);
                    2
                }
                Some(pattern) if is(b"GET") => {
                    options.gets.push(Pattern::new(pattern));
                    2
                }
                _ => return Err(CommandError::SYNTAX),
            };
        }
        Ok(options)
    }

    /// The first place of `len` that is wanted, and how many are.
    fn range(&self, len: usize) -> (usize, usize) {
        let skip = number::to_count(self.skip).unwrap_or(0).min(len);
        let count = self.count.and_then(number::to_count).unwrap_or(usize::MAX);
        (skip, count.min(len - skip))
    }
}

fn sort(cx: &mut Context) -> Result<(), CommandError> {
    run(cx, true)
}

fn sort_ro(cx: &mut Context) -> Result<(), CommandError> {
    run(cx, false)
}

fn run(cx: &mut Context, may_store: bool) -> Result<(), CommandError> {
    let mut options = Options::parse(cx, may_store)?;
    let slot = cx.keys.read(cx.arg(1));
    let source = match cx.keys.entry(slot).map(|entry| entry.value()) {
        None => Source::Nothing,
        Some(Value::Object(Object::List(list))) => Source::List(list),
        Some(Value::Object(Object::Set(set))) => Source::Set(set),
        Some(Value::Object(Object::SortedSet(set))) => Source::SortedSet(set),
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    // What is stored must not hang on the order of a hash table.
    if options.keeps_order && options.destination.is_some() && matches!(source, Source::Set(_)) {
        options.keeps_order = false;
        options.is_alpha = true;
        options.by = None;
    }
    let (skip, count) = options.range(source.len());
    let elements = if options.keeps_order {
        Elements::in_their_order(source, skip, count, options.descends)
    } else {
        let mut elements = Elements::all(source);
        weigh(cx.keys, &options, &mut elements)?;
        order(&options, &mut elements);
        elements.keep(skip, count);
        elements
    };
    match options.destination {
        None => answer(cx, &options, &elements),
        Some(destination) => store(cx, &options, &elements, destination),
    }
    Ok(())
}

/// Finds out what each element is compared by.
fn weigh(keys: &mut Keyspace, options: &Options, elements: &mut Elements) -> Result<(), CommandError> {
    let mut all_numbers = true;
    for place in 0..elements.len() {
        match &options.by {
            None if options.is_alpha => {}
            None => {
                let score = number_of(elements.text(place));
                elements.set_score(place, score.unwrap_or(0.0));
                all_numbers &= score.is_some();
            }
            Some(pattern) => {
                let Some(weight) = pattern.stored_for(keys, elements.text(place)) else { continue };
                if options.is_alpha {
                    with_text(weight, |text| elements.set_weight(place, text));
                } else {
                    let score = with_text(weight, number_of);
                    elements.set_score(place, score.unwrap_or(0.0));
                    all_numbers &= score.is_some();
                }
            }
        }
    }
    let error = CommandError::fixed("ERR One or more scores can't be converted into double");
    if all_numbers { Ok(()) } else { Err(error) }
}

/// A weight as a number, as leniently as C's `strtod`: leading spaces pass, and no text at all is 0.
fn number_of(text: &[u8]) -> Option<f64> {
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let first = text.iter().position(|byte| !is_space(byte))?;
    number::parse_f64(&text[first..])
}

fn order(options: &Options, elements: &mut Elements) {
    let by_weight = options.is_alpha && options.by.is_some();
    elements.sort(|elements, one, other| {
        let texts = || elements.text_of(one).cmp(elements.text_of(other));
        let ordering = if by_weight {
            // Elements without a weight come first. Equal weights leave the elements as they are.
            elements.weight_of(one).cmp(&elements.weight_of(other))
        } else if options.is_alpha {
            texts()
        } else {
            one.score.partial_cmp(&other.score).unwrap_or(Ordering::Equal).then_with(texts)
        };
        if options.descends { ordering.reverse() } else { ordering }
    });
}

fn answer(cx: &mut Context, options: &Options, elements: &Elements) {
    cx.reply.array(elements.len() * options.gets.len().max(1));
    for place in 0..elements.len() {
        let text = elements.text(place);
        if options.gets.is_empty() {
            cx.reply.bulk(text);
        }
        for pattern in &options.gets {
            match pattern.value_for(cx.keys, text) {
                Some(item) => cx.reply.element(item),
                None => cx.reply.null(),
            }
        }
    }
}

fn store(cx: &mut Context, options: &Options, elements: &Elements, destination: &[u8]) {
    let limit = cx.env.settings.list_limit();
    let mut list = List::default();
    for place in 0..elements.len() {
        let text = elements.text(place);
        if options.gets.is_empty() {
            list.push(End::Back, text, limit);
        }
        for pattern in &options.gets {
            match pattern.value_for(cx.keys, text) {
                Some(item) => with_text(item, |text| list.push(End::Back, text, limit)),
                None => list.push(End::Back, b"", limit),
            }
        }
    }
    cx.reply.integer(list.len() as i64);
    let slot = cx.keys.locate(destination);
    cx.keys.put_value(slot, list);
}
