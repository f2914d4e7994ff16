//! HTTP on one side, commands on the other, and nothing in between that does I/O: the native server and the `fetch` of
//! the WASM build answer alike because both answer from here.
//!
//! - [`command_from_path`]: requests in Upstash's path form as words.
//! - [`EntityTag`], [`Range`], [`max_age_seconds`]: the headers of the resource API (RFC 9110, RFC 9111).
//! - [`Answer`], [`status_of_error`]: replies as statuses.

mod header;
mod path;

pub use header::{ENTITY_TAG_BYTES, EntityTag, Range, entity_tag, entity_tags, freshness, max_age_seconds, range};
pub use path::{PathError, command_from_path, percent_decode, query_value};

use crate::command::{Flags, registry};
use crate::commands::connection::equal_in_constant_time;
use crate::number::parse_i64;
use crate::resp::Arguments;
use crate::resp::json::{Encoding, write_string};

/// Commands that mean something only on a connection that outlives them. Other names may be here before the commands
/// exist: over HTTP they must never begin to work by accident.
const CONNECTION_COMMANDS: &[&str] = &[
    "auth",
    "hello",
    "quit",
    "reset",
    "select",
    "multi",
    "exec",
    "discard",
    "watch",
    "unwatch",
    "monitor",
    "subscribe",
    "psubscribe",
    "ssubscribe",
    "unsubscribe",
    "punsubscribe",
    "sunsubscribe",
    "blpop",
    "brpop",
    "brpoplpush",
    "blmove",
    "blmpop",
    "bzpopmin",
    "bzpopmax",
    "bzmpop",
    "wait",
    "waitaof",
    "sync",
    "psync",
    "asking",
    "readonly",
    "readwrite",
];

/// Subcommands of CLIENT that set something on the connection.
const CLIENT_SUBCOMMANDS: &[&str] = &["reply", "tracking", "caching", "setname", "setinfo", "no-evict", "no-touch"];

/// Whether a request makes sense only on a connection of its own, so that REST refuses it.
pub fn needs_connection(args: Arguments<'_>) -> bool {
    let is_in = |names: &[&str], word: &[u8]| names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(word));
    let Some(name) = args.try_get(0) else { return false };
    if name.eq_ignore_ascii_case(b"client") {
        return args.try_get(1).is_some_and(|word| is_in(CLIENT_SUBCOMMANDS, word));
    }
    is_in(CONNECTION_COMMANDS, name)
}

/// Whether a request only reads data. Unknown commands do not count as reading.
pub fn only_reads(args: Arguments<'_>) -> bool {
    let id = args.try_get(0).and_then(|name| registry().find(name));
    id.is_some_and(|id| id.row().flags.contains(Flags::READONLY))
}

/// Whether a token opens a server with this password. The time it takes does not tell where they differ.
pub fn token_matches(password: &str, token: &[u8]) -> bool {
    equal_in_constant_time(password.as_bytes(), token)
}

/// How a response carries replies: `Upstash-Response-Format` and `Upstash-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON with strings in this encoding.
    Json(Encoding),
    /// The reply as it is, in RESP2.
    Resp2,
}

impl Format {
    /// Reads the two headers.
    ///
    /// # Errors
    /// What is wrong, for the client.
    pub fn from_headers(format: Option<&[u8]>, encoding: Option<&[u8]>) -> Result<Self, &'static str> {
        let encoding = match encoding {
            None | Some(b"") => Encoding::Plain,
            Some(b"base64") => Encoding::Base64,
            Some(_) => return Err("ERR Upstash-Encoding is not base64"),
        };
        match format {
            None | Some(b"" | b"json") => Ok(Self::Json(encoding)),
            Some(b"resp2") if encoding == Encoding::Plain => Ok(Self::Resp2),
            Some(b"resp2") => Err("ERR resp2 answers cannot be in base64"),
            Some(_) => Err("ERR Upstash-Response-Format is neither json nor resp2"),
        }
    }
}

/// Appends `{"error":"…"}`.
pub fn write_error(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"error\":");
    write_string(text, out);
    out.push(b'}');
}

/// The status of an error reply in the resource API. Upstash's forms answer 400 to all of them.
pub fn status_of_error(text: &[u8]) -> u16 {
    match text.split(|&byte| byte == b' ').next() {
        Some(b"WRONGTYPE") => 409,
        Some(b"NOAUTH" | b"WRONGPASS") => 401,
        Some(b"NOPERM") => 403,
        Some(b"OOM") => 507,
        Some(b"BUSY" | b"LOADING" | b"MASTERDOWN" | b"CLUSTERDOWN") => 503,
        _ => 400,
    }
}

/// A reply that is no aggregate, read where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The null.
    Null,
    /// A string.
    Bulk(&'a [u8]),
    /// A number.
    Integer(i64),
    /// A status such as `OK`.
    Status(&'a [u8]),
    /// An error with its prefix.
    Error(&'a [u8]),
}

impl<'a> Answer<'a> {
    /// Reads one whole RESP2 reply of our own; `None` for aggregates.
    pub fn read(reply: &'a [u8]) -> Option<Self> {
        let (mark, rest) = reply.split_first()?;
        let end = memchr::memchr(b'\r', rest)?;
        let line = &rest[..end];
        Some(match mark {
            b'$' if line == b"-1" => Self::Null,
            b'$' => Self::Bulk(rest.get(end + 2..rest.len().checked_sub(2)?)?),
            b':' => Self::Integer(parse_i64(line)?),
            b'+' => Self::Status(line),
            b'-' => Self::Error(line),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::RequestBuf;

    fn request(line: &str) -> RequestBuf {
        line.split(' ').collect()
    }

    #[test]
    fn commands_that_need_a_connection() {
        for line in ["MULTI", "watch k", "Subscribe c", "SELECT 1", "client REPLY off", "RESET", "BLPOP k 0"] {
            assert!(needs_connection(request(line).arguments()), "{line}");
        }
        for line in ["GET k", "CLIENT LIST", "CLIENT", "selector", "PING", "EXECUTE"] {
            assert!(!needs_connection(request(line).arguments()), "{line}");
        }
    }

    #[test]
    fn what_only_reads() {
        for (line, reads) in [("get k", true), ("GET k", true), ("SET k v", false), ("nosuch", false)] {
            assert_eq!(only_reads(request(line).arguments()), reads, "{line}");
        }
    }

    #[test]
    fn formats() {
        let read = |format: &'static str, encoding: &'static str| {
            Format::from_headers(Some(format.as_bytes()), Some(encoding.as_bytes()))
        };
        assert_eq!(Format::from_headers(None, None), Ok(Format::Json(Encoding::Plain)));
        assert_eq!(read("json", "base64"), Ok(Format::Json(Encoding::Base64)));
        assert_eq!(read("resp2", ""), Ok(Format::Resp2));
        for (format, encoding) in [("resp2", "base64"), ("resp3", ""), ("json", "hex")] {
            assert!(read(format, encoding).is_err(), "{format} {encoding}");
        }
    }

    #[test]
    fn answers() {
        let cases: [(&[u8], Option<Answer<'_>>); 9] = [
            (b"$-1\r\n", Some(Answer::Null)),
            (b"$0\r\n\r\n", Some(Answer::Bulk(b""))),
            (b"$4\r\na\r\nb\r\n", Some(Answer::Bulk(b"a\r\nb"))),
            (b":-2\r\n", Some(Answer::Integer(-2))),
            (b"+OK\r\n", Some(Answer::Status(b"OK"))),
            (b"-ERR no\r\n", Some(Answer::Error(b"ERR no"))),
            (b"*0\r\n", None),
            (b"$3", None),
            (b"", None),
        ];
        for (reply, expected) in cases {
            assert_eq!(Answer::read(reply), expected, "{}", reply.escape_ascii());
        }
    }

    #[test]
    fn statuses_and_tokens() {
        assert_eq!(status_of_error(b"WRONGTYPE Operation against"), 409);
        assert_eq!(status_of_error(b"ERR syntax error"), 400);
        assert_eq!(status_of_error(b""), 400);
        assert!(token_matches("secret", b"secret"));
        for wrong in ["", "secre", "secrets", "Secret"] {
            assert!(!token_matches("secret", wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn errors_are_json() {
        let mut out = Vec::new();
        write_error(b"ERR \"<img>\"\n\xff", &mut out);
        assert_eq!(out, "{\"error\":\"ERR \\\"<img>\\\"\\n\u{fffd}\"}".as_bytes());
    }
}
