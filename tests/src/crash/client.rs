//! A RESP connection over a Unix socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::resp::{Reply, decode, encode_command};

/// How long a reply may take before the child counts as hung.
pub const REPLY_DEADLINE: Duration = Duration::from_secs(20);

const READ_BYTES: usize = 64 * 1024;

/// A client of the child.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    received: Vec<u8>,
    /// Where the bytes begin that are not decoded yet.
    at: usize,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        let stream = loop {
            match UnixStream::connect(socket) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                connected => break connected?,
            }
        };
        stream.set_read_timeout(Some(REPLY_DEADLINE))?;
        stream.set_write_timeout(Some(REPLY_DEADLINE))?;
        Ok(Self { stream, received: Vec::new(), at: 0 })
    }

    /// Sends requests that are encoded already.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn send(&mut self, requests: &[u8]) -> io::Result<()> {
        self.stream.write_all(requests)
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// `UnexpectedEof` when the child closed the connection, `InvalidData` when it does not speak RESP.
    pub fn receive(&mut self) -> io::Result<Reply> {
        loop {
            if let Some((reply, used)) = decode(&self.received[self.at..])? {
                self.at += used;
                return Ok(reply);
            }
            self.received.drain(..self.at);
            self.at = 0;
            let end = self.received.len();
            // Long replies are read in ever longer pieces, so that they are not decoded from their beginning too often.
            self.received.resize(end + READ_BYTES.max(end), 0);
            let read = self.stream.read(&mut self.received[end..]);
            self.received.truncate(end + read.as_ref().map_or(0, |count| *count));
            match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
    }

    /// Sends one command and waits for its reply.
    ///
    /// # Errors
    /// As [`Client::receive`].
    pub fn call(&mut self, words: &[&str]) -> io::Result<Reply> {
        let mut request = Vec::new();
        encode_command(words, &mut request);
        self.send(&request)?;
        self.receive()
    }
}
