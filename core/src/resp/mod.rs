//! The Redis serialization protocol: requests in, replies out, and replies read back.
//!
//! ```text
//! bytes from a peer -> Input -> Parser -> Arguments -> command -> Reply -> bytes to a peer
//!                                                                   |
//!                                     decode (tree), json (one pass) +
//! ```
//!
//! Nothing here reads a clock, does I/O or trusts a length that a peer declared: memory follows
//! the bytes that really arrived.
//!
//! - [`Input`]: the receive buffer of one connection.
//! - [`Parser`]: finds the arguments of one request, incrementally and without copying them.
//! - [`Arguments`] and [`RequestBuf`]: a request borrowed from a buffer, and an owned one.
//! - [`Reply`]: writes replies in RESP2 or RESP3.
//! - [`decode()`]: reads a reply back into a [`Value`].
//! - [`json`]: turns the bytes of a reply into JSON.

mod decode;
mod input;
pub mod json;
mod reply;
mod request;

pub use decode::{DecodeError, Value, decode};
pub use input::Input;
pub use reply::{Aggregate, Deferred, Protocol, Reply};
pub use request::{Arguments, KeysAhead, Parser, ProtocolError, RequestBuf, RequestLimits, Span, Step};

/// How deep aggregates may nest in a reply that is decoded or transcoded.
///
/// The deepest reply of a command (COMMAND DOCS) stays under 16; scripts may nest further, and the
/// recursion must end long before the stack does.
pub const MAX_DEPTH: usize = 64;
