//! INCREX: a counter within bounds, with its expiry.
//!
//! The reply is an array of the value and of what was added. A sum beyond a bound, or beyond the type, changes nothing
//! and adds 0; with SATURATE the value stops at the bound, unless it was beyond the bound before.

use super::count::{NOT_FINITE, integer_of, number_of, replace};
use super::expiry::Expiry;
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Slot;
use crate::keyspace::entry::NewValue;
use crate::number::{Extended, parse_i64};
use crate::resp::{Protocol, Reply};

const CROSSED_BOUNDS: CommandError = CommandError::fixed("ERR LBOUND can't be greater than UBOUND");

/// The largest finite number of 80-bit extended precision.
const LARGEST: &[u8] = b"1.18973149535723176502126385303097020517e4932";

#[derive(Default)]
struct Options<'a> {
    by_integer: Option<&'a [u8]>,
    by_float: Option<&'a [u8]>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: bool,
    expiry: Expiry<'a>,
    keeps_expiry: bool,
}

impl<'a> Options<'a> {
    fn parse(cx: &Context<'a, '_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut i = 2;
        while let Some(word) = cx.args.try_get(i) {
            let next = cx.args.try_get(i + 1);
            if options.expiry.take_time(word, next)? {
                i += 2;
            } else if let Some(operand) = options.operand(word) {
                *operand = Some(next.ok_or(CommandError::SYNTAX)?);
                i += 2;
            } else {
                options.take_word(word)?;
                i += 1;
            }
        }
        let timed = matches!(options.expiry, Expiry::At(..));
        let ambiguous = options.by_integer.is_some() && options.by_float.is_some();
        if ambiguous || options.keeps_expiry && !timed {
            return Err(CommandError::SYNTAX);
        }
        Ok(options)
    }

    /// Where the word behind an option goes.
    fn operand(&mut self, word: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        let places: [(&[u8], _); 4] = [
            (b"BYINT", &mut self.by_integer),
            (b"BYFLOAT", &mut self.by_float),
            (b"LBOUND", &mut self.lower),
            (b"UBOUND", &mut self.upper),
        ];
        places.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, place)| place)
    }

    fn take_word(&mut self, word: &[u8]) -> Result<(), CommandError> {
        if word.eq_ignore_ascii_case(b"SATURATE") {
            self.saturate = true;
        } else if word.eq_ignore_ascii_case(b"ENX") {
            self.keeps_expiry = true;
        } else if word.eq_ignore_ascii_case(b"PERSIST") {
            self.expiry.take_persist()?;
        } else {
            return Err(CommandError::SYNTAX);
        }
        Ok(())
    }
}

pub(super) fn increx(cx: &mut Context) -> Result<(), CommandError> {
    let options = Options::parse(cx)?;
    match options.by_float {
        Some(increment) => add_float(cx, &options, increment),
        None => add_integer(cx, &options),
    }
}

fn add_integer(cx: &mut Context, options: &Options) -> Result<(), CommandError> {
    let read = |text: Option<&[u8]>, absent| {
        text.map_or(Some(absent), parse_i64).map(i128::from).ok_or(CommandError::NOT_AN_INTEGER)
    };
    let increment = read(options.by_integer, 1)?;
    let (lower, upper) = (read(options.lower, i64::MIN)?, read(options.upper, i64::MAX)?);
    if lower > upper {
        return Err(CROSSED_BOUNDS);
    }
    let deadline = options.expiry.deadline_ms(cx)?;
    let slot = cx.keys.write(cx.arg(1));
    let old = i128::from(integer_of(cx.keys.entry(slot))?);
    let sum = old + increment;
    let was_beyond = old > upper && sum > upper || old < lower && sum < lower;
    let fits = (lower..=upper).contains(&sum) || options.saturate && !was_beyond;
    let new = if fits { sum.clamp(lower, upper) } else { old };
    let narrow = |value: i128| i64::try_from(value).expect("bounds and stored values have 64 bits");
    if fits {
        store(cx, slot, NewValue::Integer(narrow(new)), options, deadline);
    }
    cx.reply.array(2);
    cx.reply.integer(narrow(new));
    // Never larger than the increment, since the bound lies on the way.
    cx.reply.integer(narrow(new - old));
    Ok(())
}

fn add_float(cx: &mut Context, options: &Options, increment: &[u8]) -> Result<(), CommandError> {
    let increment = Extended::parse(increment).ok_or(CommandError::NOT_A_FLOAT)?;
    let lower = options.lower.map(parse_bound).transpose()?;
    let upper = options.upper.map(parse_bound).transpose()?;
    if let (Some((lower, _)), Some((_, minus_upper))) = (lower, upper)
        && is_positive(lower.add(minus_upper))
    {
        return Err(CROSSED_BOUNDS);
    }
    let deadline = options.expiry.deadline_ms(cx)?;
    let slot = cx.keys.write(cx.arg(1));
    let old = number_of(cx.keys.entry(slot))?;
    if !old.is_finite() || !increment.is_finite() {
        return Err(NOT_FINITE);
    }
    let minus_old = negated(&text_of(old)).ok_or(NOT_FINITE)?;
    let sum = old.add(increment);
    let largest = parse_bound(LARGEST)?;
    let above = Limit { bound: upper.unwrap_or(largest), minus: false, explicit: upper.is_some() };
    let below = Limit { bound: lower.unwrap_or((largest.1, largest.0)), minus: true, explicit: lower.is_some() };
    let broken = [above, below].into_iter().find(|limit| limit.is_broken_by(sum));
    let was_beyond = broken.is_some_and(|limit| limit.is_broken_by(old));
    let (new, applied) = match broken {
        None => (sum, increment),
        Some(limit) if options.saturate && !was_beyond => (limit.bound.0, limit.bound.0.add(minus_old)),
        Some(_) => (old, Extended::from_i64(0)),
    };
    let new = text_of(new);
    if broken.is_none() || options.saturate && !was_beyond {
        store(cx, slot, NewValue::Bytes(&new), options, deadline);
    }
    cx.reply.array(2);
    reply_number(&mut cx.reply, &new);
    reply_number(&mut cx.reply, &text_of(applied));
    Ok(())
}

/// A number and its negative, since differences are all that [`Extended`] tells of order.
type Bound = (Extended, Extended);

/// The side of a range that a sum may leave by.
#[derive(Clone, Copy)]
struct Limit {
    bound: Bound,
    minus: bool,
    explicit: bool,
}

impl Limit {
    fn is_broken_by(&self, value: Extended) -> bool {
        let above = value.add(self.bound.1);
        match (value.is_finite(), self.explicit) {
            // Without a bound of the client's, only the type's end counts.
            (true, false) => false,
            _ if self.minus => is_negative(above),
            _ => is_positive(above),
        }
    }
}

fn parse_bound(text: &[u8]) -> Result<Bound, CommandError> {
    let finite = |number: Extended| number.is_finite().then_some(number);
    let number = Extended::parse(text).and_then(finite).ok_or(CommandError::NOT_A_FLOAT)?;
    Ok((number, negated(text).ok_or(CommandError::NOT_A_FLOAT)?))
}

/// The negative of the number that a text spells; the text was parsed before.
fn negated(text: &[u8]) -> Option<Extended> {
    match text {
        [b'-', magnitude @ ..] => Extended::parse(magnitude),
        [b'+', magnitude @ ..] | magnitude => Extended::parse(&[b"-", magnitude].concat()),
    }
}

/// Whether a number is above zero by what its text shows: no stored number is finer.
fn is_positive(number: Extended) -> bool {
    !matches!(text_of(number)[..], [b'-', ..] | [b'0'])
}

fn is_negative(number: Extended) -> bool {
    text_of(number).starts_with(b"-")
}

fn text_of(number: Extended) -> Vec<u8> {
    let mut text = Vec::new();
    number.write(&mut text);
    text
}

/// A number with all its decimals: a double in RESP3, a string in RESP2.
fn reply_number(reply: &mut Reply, text: &[u8]) {
    match reply.protocol() {
        Protocol::Resp2 => reply.bulk(text),
        Protocol::Resp3 => {
            reply.raw(b",");
            reply.raw(text);
            reply.raw(b"\r\n");
        }
    }
}

/// Stores the new value, then the expiry unless ENX and an earlier one keep it.
fn store(cx: &mut Context, slot: Slot<'_>, value: NewValue<'_>, options: &Options, deadline_ms: Option<u64>) {
    replace(cx, slot, value);
    let slot = cx.keys.locate(slot.key());
    let has_deadline = cx.keys.entry(slot).is_some_and(|entry| entry.deadline_ms().is_some());
    if !(options.keeps_expiry && has_deadline) {
        options.expiry.apply(cx.keys, slot, deadline_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;

    /// Runs inline commands one after another and returns the last reply.
    fn run(commands: &[&str]) -> String {
        let mut engine = Engine::new(1, 1_000);
        let id = engine.open(1_000);
        let mut out = Vec::new();
        for command in commands {
            out.clear();
            engine.exec(id, format!("{command}\r\n").as_bytes(), 1_000, &mut out);
        }
        String::from_utf8(out).expect("replies here are ASCII").replace("\r\n", " ")
    }

    #[test]
    fn a_value_beyond_a_bound_is_not_pulled_back() {
        for (command, expected) in [
            ("INCREX k BYINT 100 UBOUND 50 SATURATE", "*2 :200 :0 "),
            ("INCREX k BYINT -50 UBOUND 50 SATURATE", "*2 :200 :0 "),
            ("INCREX k BYINT -160 UBOUND 50", "*2 :40 :-160 "),
            ("INCREX k BYINT -300 LBOUND 10 UBOUND 50 SATURATE", "*2 :10 :-190 "),
            ("INCREX k BYFLOAT 0.5 UBOUND 50 SATURATE", "*2 $3 200 $1 0 "),
            ("INCREX k BYFLOAT -0.5 UBOUND 50", "*2 $3 200 $1 0 "),
            ("INCREX k BYFLOAT -300 LBOUND 9.5 UBOUND 50 SATURATE", "*2 $3 9.5 $6 -190.5 "),
        ] {
            assert_eq!(run(&["SET k 200", command]), expected, "{command}");
        }
    }

    #[test]
    fn floats_stop_at_the_end_of_their_type() {
        assert_eq!(run(&["SET k 1e4932", "INCREX k BYFLOAT 1e4932"]).len(), "*2 $4933  $1 0 ".len() + 4933);
        let saturated = run(&["SET k 1e4932", "INCREX k BYFLOAT 1e4932 SATURATE"]);
        assert!(saturated.starts_with("*2 $4933 118973149535723176502126385303097"), "{saturated}");
        assert_eq!(run(&["INCREX k BYFLOAT inf"]), "-ERR increment would produce NaN or Infinity ");
        assert_eq!(run(&["SET k inf", "INCREX k BYFLOAT 1"]), "-ERR increment would produce NaN or Infinity ");
        assert_eq!(run(&["INCREX k BYFLOAT 1 UBOUND inf"]), "-ERR value is not a valid float ");
        assert_eq!(run(&["INCREX k BYFLOAT 1 LBOUND 2 UBOUND 1.5"]), "-ERR LBOUND can't be greater than UBOUND ");
        assert_eq!(run(&["INCREX k BYFLOAT 1.5 LBOUND 1.5 UBOUND 1.5"]), "*2 $3 1.5 $3 1.5 ");
    }

    #[test]
    fn negatives_of_texts() {
        for (text, expected) in [("1.5", "-1.5"), ("-1.5", "1.5"), ("+2", "-2"), ("0", "0"), ("-0.25", "0.25")] {
            let negative = negated(text.as_bytes()).map(text_of);
            assert_eq!(negative.as_deref(), Some(expected.as_bytes()), "{text}");
        }
    }

    #[test]
    fn the_largest_number_is_finite_and_the_last() {
        let (largest, minus_largest) = parse_bound(LARGEST).expect("a number");
        assert!(largest.is_finite() && !largest.add(largest).is_finite());
        assert!(!largest.add(Extended::parse(b"1e4913").expect("a number")).is_finite());
        assert!(is_negative(minus_largest) && !is_positive(largest.add(minus_largest)));
    }
}
