//! Why a connection's bytes are no requests.

use crate::resp::Reply;
use std::fmt;

/// A request that cannot be parsed. The connection is closed after every one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// The number behind `*` is not a count of arguments.
    InvalidCount,
    /// The number behind `$` is not a length, or exceeds `proto-max-bulk-len`.
    InvalidLength,
    /// This byte stands where the `$` of an argument belongs.
    ExpectedBulk(u8),
    /// This mark of another RESP type stands where a request begins.
    ExpectedArray(u8),
    /// An argument is longer or shorter than announced.
    ExpectedCrlf,
    /// An inline command exceeds its longest line.
    InlineTooBig,
    /// A `*` line does not end.
    CountTooBig,
    /// A `$` line does not end.
    LengthTooBig,
    /// An inline command opens a quote and does not close it, or glues a word to a closing one.
    UnbalancedQuotes,
    /// Too many arguments before authentication.
    UnauthenticatedCount,
    /// Too long an argument before authentication.
    UnauthenticatedLength,
    /// The request exceeds `client-query-buffer-limit`. Closed without a reply.
    RequestTooLarge,
    /// The peer speaks HTTP, TLS, SSH or the PROXY protocol. Closed without a reply, so that a
    /// browser page cannot read anything here, and worth a line in the security log.
    CrossProtocol,
}

impl ProtocolError {
    /// Writes the error reply that precedes the close, for the errors that have one. Returns
    /// whether it did.
    pub fn write(self, reply: &mut Reply<'_>) -> bool {
        let Some(text) = self.text() else {
            return false;
        };
        let mut message = b"ERR Protocol error: ".to_vec();
        message.extend_from_slice(text.as_bytes());
        if let Self::ExpectedBulk(byte) | Self::ExpectedArray(byte) = self {
            message.extend_from_slice(&[b'\'', byte, b'\'']);
        }
        reply.error_bytes(&message);
        true
    }

    /// The text clients know, up to the offending byte where there is one.
    fn text(self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidCount => "invalid multibulk length",
            Self::InvalidLength => "invalid bulk length",
            Self::ExpectedBulk(_) => "expected '$', got ",
            Self::ExpectedArray(_) => "expected '*', got ",
            Self::ExpectedCrlf => "expected CRLF after bulk",
            Self::InlineTooBig => "too big inline request",
            Self::CountTooBig => "too big mbulk count string",
            Self::LengthTooBig => "too big bulk count string",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::UnauthenticatedCount => "unauthenticated multibulk length",
            Self::UnauthenticatedLength => "unauthenticated bulk length",
            Self::RequestTooLarge | Self::CrossProtocol => return None,
        })
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.text()) {
            (Self::ExpectedBulk(byte) | Self::ExpectedArray(byte), Some(text)) => {
                write!(f, "{text}'{}'", byte.escape_ascii())
            }
            (Self::RequestTooLarge, _) => f.write_str("request exceeds the query buffer limit"),
            (Self::CrossProtocol, _) => f.write_str("the peer speaks another protocol"),
            (_, text) => f.write_str(text.unwrap_or_default()),
        }
    }
}

impl std::error::Error for ProtocolError {}
