//! RESP as a client sees it: commands out, replies in, over a blocking stream.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Deepest nesting of a reply the decoder follows.
pub const DEPTH_LIMIT: usize = 64;
/// Longest bulk the decoder believes, which is Redis's own limit.
pub const BULK_LIMIT: usize = 512 * 1024 * 1024;
/// Most elements of one aggregate.
pub const ELEMENT_LIMIT: usize = 16 * 1024 * 1024;
/// How long a client waits for a reply before the case fails.
pub const REPLY_DEADLINE: Duration = Duration::from_secs(5);

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const READ_BYTES: usize = 16 * 1024;

/// One reply in the form it had on the wire: nothing is folded together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Simple(Vec<u8>),
    /// `-ERR text`, without the dash.
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$5 hello`
    Bulk(Vec<u8>),
    /// RESP3's `_`, and JSON's null.
    Null,
    /// RESP2's `$-1`.
    NullBulk,
    /// RESP2's `*-1`.
    NullArray,
    /// `,3.14`, as the text that was sent.
    Double(Vec<u8>),
    /// `#t`
    Boolean(bool),
    /// `(123`, as the text that was sent.
    BigNumber(Vec<u8>),
    /// `=txt:…`: the three-letter format and the text.
    Verbatim(Vec<u8>, Vec<u8>),
    /// `*n`
    Array(Vec<Reply>),
    /// `~n`
    Set(Vec<Reply>),
    /// `>n`
    Push(Vec<Reply>),
    /// `%n`, keys and values alternating.
    Map(Vec<Reply>),
}

/// Appends a command as an array of bulks.
pub fn encode_command<A: AsRef<[u8]>>(args: &[A], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// Decodes the first reply in `input` and says how many bytes it took; `None` when more bytes are needed.
///
/// # Errors
/// Bytes that are not RESP, or beyond the limits of this module.
pub fn decode(input: &[u8]) -> io::Result<Option<(Reply, usize)>> {
    let mut cursor = Cursor { input, position: 0 };
    Ok(cursor.reply(0)?.map(|reply| (reply, cursor.position)))
}

/// A client connection that sends commands and waits for replies.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects to a RESP listener.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_DEADLINE))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Sends one command.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        let mut request = Vec::new();
        encode_command(args, &mut request);
        self.stream.write_all(&request)
    }

    /// Waits for the next reply, at most [`REPLY_DEADLINE`] between two arrivals of bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when the server closed the connection, `InvalidData` when it does not speak RESP.
    pub fn receive(&mut self) -> io::Result<Reply> {
        let mut chunk = [0; READ_BYTES];
        loop {
            if let Some((reply, used)) = decode(&self.received)? {
                self.received.drain(..used);
                return Ok(reply);
            }
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.received.extend_from_slice(&chunk[..count]);
        }
    }

    /// As [`Connection::receive`], with another bound on the wait.
    ///
    /// # Errors
    /// As there; `WouldBlock` or `TimedOut` when nothing came.
    pub fn receive_within(&mut self, bound: Duration) -> io::Result<Reply> {
        self.stream.set_read_timeout(Some(bound))?;
        let reply = self.receive();
        self.stream.set_read_timeout(Some(REPLY_DEADLINE))?;
        reply
    }

    /// Sends one command and waits for its reply.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Reply> {
        self.send(args)?;
        self.receive()
    }
}

struct Cursor<'a> {
    input: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    fn reply(&mut self, depth: usize) -> io::Result<Option<Reply>> {
        if depth > DEPTH_LIMIT {
            return Err(invalid("reply nested too deeply"));
        }
        let Some(line) = self.line() else {
            return Ok(None);
        };
        let Some((&kind, rest)) = line.split_first() else {
            return Err(invalid("empty line in place of a reply"));
        };
        let reply = match kind {
            b'+' => Reply::Simple(rest.to_vec()),
            b'-' => Reply::Error(rest.to_vec()),
            b':' => Reply::Integer(number(rest)?),
            b',' => Reply::Double(rest.to_vec()),
            b'(' => Reply::BigNumber(rest.to_vec()),
            b'_' if rest.is_empty() => Reply::Null,
            b'#' if rest == b"t" => Reply::Boolean(true),
            b'#' if rest == b"f" => Reply::Boolean(false),
            b'$' if rest == b"-1" => Reply::NullBulk,
            b'*' if rest == b"-1" => Reply::NullArray,
            b'$' | b'=' => {
                let Some(text) = self.bulk(length(rest, BULK_LIMIT)?)? else {
                    return Ok(None);
                };
                if kind == b'$' { Reply::Bulk(text.to_vec()) } else { verbatim(text)? }
            }
            b'*' | b'~' | b'>' | b'%' => {
                let count = length(rest, ELEMENT_LIMIT)? * if kind == b'%' { 2 } else { 1 };
                let Some(elements) = self.elements(count, depth)? else {
                    return Ok(None);
                };
                match kind {
                    b'*' => Reply::Array(elements),
                    b'~' => Reply::Set(elements),
                    b'>' => Reply::Push(elements),
                    _ => Reply::Map(elements),
                }
            }
            _ => {
                let shown = String::from_utf8_lossy(line);
                return Err(invalid(&format!("no reply starts like {shown:?}")));
            }
        };
        Ok(Some(reply))
    }

    fn elements(&mut self, count: usize, depth: usize) -> io::Result<Option<Vec<Reply>>> {
        let mut elements = Vec::new();
        for _ in 0..count {
            match self.reply(depth + 1)? {
                Some(element) => elements.push(element),
                None => return Ok(None),
            }
        }
        Ok(Some(elements))
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = &self.input[self.position..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        self.position += end + 2;
        Some(&rest[..end])
    }

    fn bulk(&mut self, length: usize) -> io::Result<Option<&'a [u8]>> {
        let rest = &self.input[self.position..];
        if rest.len() < length + 2 {
            return Ok(None);
        }
        if &rest[length..length + 2] != b"\r\n" {
            return Err(invalid("bulk does not end with CR LF"));
        }
        self.position += length + 2;
        Ok(Some(&rest[..length]))
    }
}

fn verbatim(text: &[u8]) -> io::Result<Reply> {
    match text {
        [a, b, c, b':', rest @ ..] => Ok(Reply::Verbatim(vec![*a, *b, *c], rest.to_vec())),
        _ => Err(invalid("verbatim string without a format")),
    }
}

fn number(text: &[u8]) -> io::Result<i64> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| invalid("not an integer"))
}

fn length(text: &[u8], limit: usize) -> io::Result<usize> {
    usize::try_from(number(text)?).ok().filter(|length| *length <= limit).ok_or_else(|| invalid("length out of bounds"))
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_every_form() {
        let wire = b"*12\r\n+OK\r\n-ERR x\r\n:-3\r\n$2\r\n\r\n\r\n_\r\n$-1\r\n*-1\r\n,3.14\r\n#t\r\n(99\r\n=5\r\ntxt:a\r\n%1\r\n+k\r\n~1\r\n:1\r\n";
        let expected = Reply::Array(vec![
            Reply::Simple(b"OK".to_vec()),
            Reply::Error(b"ERR x".to_vec()),
            Reply::Integer(-3),
            Reply::Bulk(b"\r\n".to_vec()),
            Reply::Null,
            Reply::NullBulk,
            Reply::NullArray,
            Reply::Double(b"3.14".to_vec()),
            Reply::Boolean(true),
            Reply::BigNumber(b"99".to_vec()),
            Reply::Verbatim(b"txt".to_vec(), b"a".to_vec()),
            Reply::Map(vec![Reply::Simple(b"k".to_vec()), Reply::Set(vec![Reply::Integer(1)])]),
        ]);
        assert_eq!(decode(wire).expect("valid RESP"), Some((expected, wire.len())));
        for cut in 0..wire.len() {
            assert_eq!(decode(&wire[..cut]).expect("a prefix is not wrong"), None);
        }
    }

    #[test]
    fn refuses_what_is_not_resp() {
        for wire in [&b"HTTP/1.1 400\r\n"[..], b"$3\r\nabcd\r\n", b"*-2\r\n", b":x\r\n", b"\r\n"] {
            assert!(decode(wire).is_err(), "{wire:?}");
        }
        let deep = b"*1\r\n".repeat(DEPTH_LIMIT + 2);
        assert!(decode(&deep).is_err());
    }
}
