//! From text to tree.

use super::names::{group_name, kind_of_value};
use super::{Argument, Kind, MAX_DEPTH, SyntaxError};

/// A stretch of a sequence: a word, a group, or what `x [x ...]` repeats.
#[derive(Clone, Copy)]
struct Unit<'a> {
    text: &'a str,
    multiple: bool,
}

pub(super) fn parse(syntax: &str) -> Result<Vec<Argument>, SyntaxError> {
    check_brackets(syntax)?;
    if syntax.is_empty() {
        return Ok(Vec::new());
    }
    sequence(syntax, 0)
}

/// What a whole text, or the inside of a group, holds.
fn sequence(text: &str, depth: usize) -> Result<Vec<Argument>, SyntaxError> {
    if depth > MAX_DEPTH {
        return Err(SyntaxError::TooDeep(text.to_owned()));
    }
    // Before alternatives: in `a|b [a|b ...]` the repetition covers both.
    if let Some(repeated) = repeats_itself(text) {
        return Ok(vec![multiple(repeated, depth)?]);
    }
    let alternatives: Vec<&str> = split(text, '|').collect();
    if alternatives.len() > 1 {
        return Ok(vec![one_of(&alternatives, depth)?]);
    }
    let units = units(text)?;
    let mut arguments = Vec::new();
    let mut rest = units.as_slice();
    while let [unit, after @ ..] = rest {
        rest = after;
        if unit.multiple || !is_token(unit.text) {
            arguments.push(argument(*unit, depth)?);
            continue;
        }
        let count = rest.iter().take_while(|unit| follows_token(unit)).count();
        let (values, after) = rest.split_at(count);
        rest = after;
        let values = values.iter().map(|unit| argument(*unit, depth));
        arguments.push(token(unit.text, values.collect::<Result<_, _>>()?));
    }
    Ok(arguments)
}

/// One unit that is not a token.
fn argument(unit: Unit<'_>, depth: usize) -> Result<Argument, SyntaxError> {
    if unit.multiple {
        return multiple(unit.text, depth);
    }
    let inside = |open, close| unit.text.strip_prefix(open)?.strip_suffix(close);
    if let Some(inside) = inside('[', ']') {
        let optional = single(sequence(inside, depth + 1)?);
        return Ok(Argument { optional: true, ..optional });
    }
    match inside('<', '>') {
        Some(inside) => Ok(single(sequence(inside, depth + 1)?)),
        None => Ok(value(unit.text)),
    }
}

/// What `text [text ...]` stands for.
fn multiple(text: &str, depth: usize) -> Result<Argument, SyntaxError> {
    let lone_word = !text.contains([' ', '|', '[', '<']);
    let repeated = if lone_word { value(text) } else { single(sequence(text, depth + 1)?) };
    let multiple_token = repeated.token.is_some();
    Ok(Argument { multiple: true, multiple_token, ..repeated })
}

fn one_of(alternatives: &[&str], depth: usize) -> Result<Argument, SyntaxError> {
    if let Some((shared, first)) = shared_token(alternatives) {
        let mut alternatives = alternatives.to_vec();
        alternatives[0] = first;
        return Ok(token(shared, vec![one_of(&alternatives, depth)?]));
    }
    let keywords = alternatives.iter().all(|text| text.starts_with(|c: char| c.is_ascii_lowercase()));
    let choices = alternatives.iter().map(|text| {
        if !keywords {
            return Ok(single(sequence(text, depth + 1)?));
        }
        match text.split_once(' ') {
            Some((keyword, values)) => Ok(token(keyword, sequence(values, depth + 1)?)),
            None => Ok(token(text, Vec::new())),
        }
    });
    Ok(group(Kind::OneOf, choices.collect::<Result<_, _>>()?))
}

/// The token before all choices, and the first choice without it: `TYPE` of `TYPE normal|master`, where the others are
/// lone lower-case words, and `FILTERBY` of `FILTERBY MODULE name|PATTERN pattern`.
fn shared_token<'a>(alternatives: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let (shared, first) = alternatives.first()?.split_once(' ')?;
    let second = first.split(' ').next()?;
    let lone = |text: &&str| !text.contains([' ', '[', '<']) && !is_token(text);
    let keywords = lone(&first) && alternatives[1..].iter().all(lone);
    (is_token(shared) && !second.starts_with(['[', '<']) && (is_token(second) || keywords)).then_some((shared, first))
}

/// A token with its values.
fn token(token: &str, values: Vec<Argument>) -> Argument {
    let argument = match values.len() {
        0 => Argument { name: token.to_ascii_lowercase(), ..value_of(Kind::PureToken) },
        _ => single(values),
    };
    Argument { token: Some(token.to_owned()), ..argument }
}

fn value(name: &str) -> Argument {
    let name = name.to_ascii_lowercase();
    Argument { kind: kind_of_value(&name), name, ..value_of(Kind::String) }
}

fn value_of(kind: Kind) -> Argument {
    Argument { name: String::new(), kind, token: None, optional: false, multiple: false, multiple_token: false }
}

/// The one argument, or a block of all.
fn single(mut arguments: Vec<Argument>) -> Argument {
    match arguments.len() {
        1 => arguments.remove(0),
        _ => group(Kind::Block, arguments),
    }
}

fn group(kind: fn(Vec<Argument>) -> Kind, children: Vec<Argument>) -> Argument {
    Argument { name: group_name(&children), ..value_of(kind(children)) }
}

/// The words and groups of a sequence, with `x [x ...]` folded into one.
fn units(text: &str) -> Result<Vec<Unit<'_>>, SyntaxError> {
    let mut units: Vec<Unit<'_>> = Vec::new();
    for word in split(text, ' ') {
        if word.is_empty() {
            return Err(SyntaxError::Empty(text.to_owned()));
        }
        let Some(repeated) = repetition(word) else {
            units.push(Unit { text: word, multiple: false });
            continue;
        };
        let start = units.len().checked_sub(split(repeated, ' ').count());
        let repeats = |start: &usize| units[*start..].iter().map(|unit| unit.text).eq(split(repeated, ' '));
        let start = start.filter(repeats).ok_or_else(|| SyntaxError::Repetition(word.to_owned()))?;
        units.truncate(start);
        units.push(Unit { text: repeated, multiple: true });
    }
    Ok(units)
}

/// Whether a unit is a value of the token before it: `STREAMS key [key ...]`, `BYRADIUS radius <m|km>`.
fn follows_token(unit: &Unit<'_>) -> bool {
    match unit.multiple {
        true => !unit.text.contains(' ') || !unit.text.split(' ').next().is_some_and(is_token),
        false => !unit.text.starts_with('[') && !is_token(unit.text),
    }
}

/// `x` if the text is `x [x ...]`.
fn repeats_itself(text: &str) -> Option<&str> {
    let repeated = repetition(split(text, ' ').last()?)?;
    let before = text.strip_suffix("...]")?.strip_suffix(' ')?.strip_suffix(repeated)?.strip_suffix(" [")?;
    (before == repeated).then_some(repeated)
}

/// `x` of `[x ...]`.
fn repetition(word: &str) -> Option<&str> {
    word.strip_prefix('[')?.strip_suffix(" ...]")
}

/// Whether a word stands for itself.
fn is_token(word: &str) -> bool {
    !word.starts_with(['[', '<']) && !word.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Splits where `separator` stands outside all brackets.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut depth = 0usize;
    text.split(move |c| {
        match c {
            '[' | '<' => depth += 1,
            ']' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && c == separator
    })
}

fn check_brackets(syntax: &str) -> Result<(), SyntaxError> {
    let error = || SyntaxError::Unbalanced(syntax.to_owned());
    let mut open = Vec::new();
    for c in syntax.chars() {
        match c {
            '[' => open.push(']'),
            '<' => open.push('>'),
            ']' | '>' if open.pop() != Some(c) => return Err(error()),
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return Err(SyntaxError::TooDeep(syntax.to_owned()));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(error()) }
}
