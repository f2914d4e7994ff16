//! The grammar of arguments: the `syntax` text of a row as a tree.
//!
//! | text | meaning |
//! |---|---|
//! | `value` | a value; the word is its name |
//! | `TOKEN` | a word to be sent as it stands; any word without a lower-case letter is one |
//! | `TOKEN a b` | a token with the values that follow it |
//! | `[x]` | may be left out |
//! | `<x\|y>`, `[x\|y]` | one of; where every choice begins with a lower-case word, these words are tokens |
//! | `[TYPE x\|y]` | a token in front of all choices, told by the two tokens the first choice begins with |
//! | `x [x ...]` | once or more often |
//! | `[x [x ...]]` | any number of times; `[GET x [GET x ...]]` repeats the token too |
//! | `ID [ID ...]` | a lone word that repeats is a value, whatever its case |
//!
//! COMMAND DOCS shows the tree; the differential driver makes requests from it.

mod names;
mod parser;

use std::fmt;

use super::Command;

/// One argument of a command, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The name of the value. Groups and tokens have one made from what they hold.
    pub name: String,
    /// What may stand here.
    pub kind: Kind,
    /// The word in front of it, or the word itself for [`Kind::PureToken`].
    pub token: Option<String>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may stand several times in a row.
    pub multiple: bool,
    /// Whether the token is repeated with each value; else it stands once, before the first.
    pub multiple_token: bool,
}

/// What may stand in the place of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name of a key.
    Key,
    /// Any string.
    String,
    /// A decimal integer.
    Integer,
    /// A floating-point number.
    Double,
    /// A time since the Unix epoch, in the unit its name tells.
    UnixTime,
    /// A glob pattern.
    Pattern,
    /// The token and nothing else.
    PureToken,
    /// One of these.
    OneOf(Vec<Argument>),
    /// All of these in order.
    Block(Vec<Argument>),
}

impl Kind {
    /// The name in COMMAND DOCS.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::UnixTime => "unix-time",
            Self::Pattern => "pattern",
            Self::PureToken => "pure-token",
            Self::OneOf(_) => "oneof",
            Self::Block(_) => "block",
        }
    }

    /// The arguments inside; none for a value or a token.
    pub fn children(&self) -> &[Argument] {
        match self {
            Self::OneOf(children) | Self::Block(children) => children,
            _ => &[],
        }
    }

    fn children_mut(&mut self) -> &mut [Argument] {
        match self {
            Self::OneOf(children) | Self::Block(children) => children,
            _ => &mut [],
        }
    }
}

/// Why a `syntax` text cannot be read: a mistake in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntaxError {
    /// A bracket without its partner.
    Unbalanced(String),
    /// A group, a choice or a place between two blanks without any word.
    Empty(String),
    /// `[x ...]` that does not repeat what stands before it.
    Repetition(String),
    /// More than [`MAX_DEPTH`] groups inside each other.
    TooDeep(String),
}

/// Deepest nesting of groups. The deepest of Redis's own commands needs seven.
pub const MAX_DEPTH: usize = 16;

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbalanced(text) => write!(f, "a bracket without its partner in {text:?}"),
            Self::Empty(text) => write!(f, "a word is missing in {text:?}"),
            Self::Repetition(text) => write!(f, "{text:?} repeats nothing"),
            Self::TooDeep(text) => write!(f, "more than {MAX_DEPTH} nested groups at {text:?}"),
        }
    }
}

impl std::error::Error for SyntaxError {}

/// Reads a `syntax` text by itself. The kinds of values are guessed from their names; prefer [`arguments`], which
/// knows the command.
pub fn parse(syntax: &str) -> Result<Vec<Argument>, SyntaxError> {
    parser::parse(syntax)
}

/// The arguments of a command behind its name, or behind both words of a subcommand.
pub fn arguments(command: &Command) -> Result<Vec<Argument>, SyntaxError> {
    let mut arguments = parse(command.syntax)?;
    names::refine(command, &mut arguments);
    Ok(arguments)
}

#[cfg(test)]
mod tests;
