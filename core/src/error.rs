//! Errors a command answers with.

use std::borrow::Cow;
use std::fmt;

use crate::limits::UNKNOWN_COMMAND_ECHO_BYTES;

/// The error reply of a command: prefix and text as they go over the wire, `ERR syntax error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError(Cow<'static, [u8]>);

impl CommandError {
    /// `ERR syntax error`.
    pub const SYNTAX: Self = Self::fixed("ERR syntax error");
    /// The text for arguments that should have been a 64-bit integer.
    pub const NOT_AN_INTEGER: Self = Self::fixed("ERR value is not an integer or out of range");
    /// The text for arguments that should have been a number.
    pub const NOT_A_FLOAT: Self = Self::fixed("ERR value is not a valid float");
    /// A key holds another type than the command works on.
    pub const WRONG_TYPE: Self = Self::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// RENAME and its kin on a key that does not exist.
    pub const NO_SUCH_KEY: Self = Self::fixed("ERR no such key");
    /// A string would exceed the largest size a client may send.
    pub const STRING_TOO_LONG: Self = Self::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    /// A write that may take more memory, where `maxmemory` leaves none.
    pub const OUT_OF_MEMORY: Self = Self::fixed("OOM command not allowed when used memory > 'maxmemory'.");
    /// A write while the log cannot be written.
    pub const WRITE_FAULT: Self =
        Self::fixed("MISCONF Errors writing to the log. Writes are refused until it heals; see INFO persistence.");
    /// SELECT and its kin beyond the configured databases.
    pub const DATABASE_RANGE: Self = Self::fixed("ERR DB index is out of range");

    /// An error whose text is known at compile time.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// An error whose text is made from the request; it may echo any bytes.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// An error that quotes a word of the request as it came, whatever its bytes, up to a bound.
    pub fn quoting(before: &str, word: &[u8], after: &str) -> Self {
        let word = &word[..word.len().min(UNKNOWN_COMMAND_ECHO_BYTES)];
        Self::new([before.as_bytes(), word, after.as_bytes()].concat())
    }

    /// `ERR unknown subcommand or wrong number of arguments for 'kill'. Try CLIENT HELP.`
    pub fn wrong_words(container: &str, subcommand: &[u8]) -> Self {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        Self::quoting(before, subcommand, &format!("'. Try {container} HELP."))
    }

    /// `ERR invalid expire time in 'set' command`.
    pub fn invalid_expire(command: &str) -> Self {
        Self::new(format!("ERR invalid expire time in '{command}' command"))
    }

    /// `ERR wrong number of arguments for 'config|get' command`.
    pub fn arity(full_name: &str) -> Self {
        Self::new(format!("ERR wrong number of arguments for '{full_name}' command"))
    }

    /// The whole text, prefix first.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// The first word, which INFO errorstats counts by.
    pub fn prefix(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.0.split(|&byte| byte == b' ').next().unwrap_or_default())
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl std::error::Error for CommandError {}
