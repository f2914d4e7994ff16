//! Conditions on what a key holds, and the commands that are little else: DELEX, DELIFEQ, DIGEST.

use xxhash_rust::xxh3::xxh3_64;

use super::read_text;
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::entry::Entry;

/// What must hold of a key for a write to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// Nothing.
    #[default]
    Always,
    /// NX: no such key.
    Missing,
    /// XX: any value of any type.
    Exists,
    /// IFEQ: this string.
    Equal(&'a [u8]),
    /// IFNE: another string, or no such key.
    NotEqual(&'a [u8]),
    /// IFDEQ: a string with this digest.
    DigestEqual(u64),
    /// IFDNE: a string with another digest, or no such key.
    DigestNotEqual(u64),
}

impl<'a> Condition<'a> {
    /// Takes NX or XX and answers whether `word` was one of them.
    ///
    /// # Errors
    /// A syntax error when another condition was asked for before.
    pub(crate) fn take_existence(&mut self, word: &[u8]) -> Result<bool, CommandError> {
        let condition = match word {
            [b'n' | b'N', b'x' | b'X'] => Self::Missing,
            [b'x' | b'X', b'x' | b'X'] => Self::Exists,
            _ => return Ok(false),
        };
        if *self != Self::Always && *self != condition {
            return Err(CommandError::SYNTAX);
        }
        *self = condition;
        Ok(true)
    }

    /// Takes IFEQ, IFNE, IFDEQ or IFDNE with the word behind it and answers whether `word` was one of them.
    ///
    /// # Errors
    /// A syntax error when that word is missing or another condition was asked for before; a digest that is none.
    pub(crate) fn take_comparison(&mut self, word: &[u8], next: Option<&'a [u8]>) -> Result<bool, CommandError> {
        let Some(comparison) = Comparison::named(word) else { return Ok(false) };
        let operand = next.ok_or(CommandError::SYNTAX)?;
        if *self != Self::Always {
            return Err(CommandError::SYNTAX);
        }
        *self = comparison.with(operand)?;
        Ok(true)
    }

    /// Whether the condition holds of an entry, or of a missing key.
    ///
    /// # Errors
    /// WRONGTYPE when a comparison meets something else than a string.
    pub(crate) fn holds(self, entry: Option<&Entry>) -> Result<bool, CommandError> {
        match self {
            Self::Always => Ok(true),
            Self::Missing => Ok(entry.is_none()),
            Self::Exists => Ok(entry.is_some()),
            Self::Equal(expected) => read_text(entry, |text| text == Some(expected)),
            Self::NotEqual(unwanted) => read_text(entry, |text| text != Some(unwanted)),
            Self::DigestEqual(expected) => read_text(entry, |text| text.map(xxh3_64) == Some(expected)),
            Self::DigestNotEqual(unwanted) => read_text(entry, |text| text.map(xxh3_64) != Some(unwanted)),
        }
    }
}

/// The options that compare.
#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    NotEqual,
    DigestEqual,
    DigestNotEqual,
}

impl Comparison {
    fn named(word: &[u8]) -> Option<Self> {
        match word.len() {
            4 if word.eq_ignore_ascii_case(b"IFEQ") => Some(Self::Equal),
            4 if word.eq_ignore_ascii_case(b"IFNE") => Some(Self::NotEqual),
            5 if word.eq_ignore_ascii_case(b"IFDEQ") => Some(Self::DigestEqual),
            5 if word.eq_ignore_ascii_case(b"IFDNE") => Some(Self::DigestNotEqual),
            _ => None,
        }
    }

    fn with(self, operand: &[u8]) -> Result<Condition<'_>, CommandError> {
        let digest = |option| parse_digest(operand).ok_or(CommandError::fixed(option));
        Ok(match self {
            Self::Equal => Condition::Equal(operand),
            Self::NotEqual => Condition::NotEqual(operand),
            Self::DigestEqual => Condition::DigestEqual(digest("ERR IFDEQ must be exactly 16 hexadecimal characters")?),
            Self::DigestNotEqual => {
                Condition::DigestNotEqual(digest("ERR IFDNE must be exactly 16 hexadecimal characters")?)
            }
        })
    }
}

const DIGEST_DIGITS: usize = 16;

/// A digest of exactly sixteen hexadecimal digits, in any case.
fn parse_digest(text: &[u8]) -> Option<u64> {
    if text.len() != DIGEST_DIGITS {
        return None;
    }
    text.iter().try_fold(0, |digest, byte| Some(digest << 4 | u64::from(char::from(*byte).to_digit(16)?)))
}

pub(super) fn delex(cx: &mut Context) -> Result<(), CommandError> {
    let condition = match cx.args.len() {
        2 => Condition::Always,
        4 => Comparison::named(cx.arg(2)).ok_or(CommandError::SYNTAX)?.with(cx.arg(3))?,
        _ => return Err(CommandError::arity(cx.command.name)),
    };
    remove_if(cx, condition)
}

pub(super) fn delifeq(cx: &mut Context) -> Result<(), CommandError> {
    let condition = Condition::Equal(cx.arg(2));
    remove_if(cx, condition)
}

fn remove_if(cx: &mut Context, condition: Condition) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    let removed = slot.exists() && condition.holds(cx.keys.entry(slot))?;
    if removed {
        cx.keys.discard(slot);
    }
    cx.reply.integer(removed.into());
    Ok(())
}

pub(super) fn digest(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    match read_text(cx.keys.entry(slot), |text| text.map(xxh3_64))? {
        None => cx.reply.null(),
        Some(digest) => cx.reply.bulk(&hexadecimal(digest)),
    }
    Ok(())
}

fn hexadecimal(digest: u64) -> [u8; DIGEST_DIGITS] {
    std::array::from_fn(|place| b"0123456789abcdef"[(digest >> (60 - 4 * place) & 0xf) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_round_trip() {
        for digest in [0, 1, 0x9555_e855_5c62_dcfd, u64::MAX] {
            assert_eq!(parse_digest(&hexadecimal(digest)), Some(digest));
        }
        assert_eq!(hexadecimal(xxh3_64(b"hello")), *b"9555e8555c62dcfd");
        for text in ["", "9555e8555c62dcf", "9555e8555c62dcfd0", "9555e8555c62dcfg", "+555e8555c62dcfd"] {
            assert_eq!(parse_digest(text.as_bytes()), None, "{text}");
        }
    }
}
