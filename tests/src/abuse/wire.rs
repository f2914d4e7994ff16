//! A raw socket: client libraries hide the bytes, and the bytes are the attack.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Fault, Outcome, ensure, same, shown};
use crate::resp::{Reply, decode};

/// How long a reply or a close may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Most bytes that are read before a close: more is no answer to an attack.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A connection whose bytes are written by hand.
pub struct Wire {
    stream: TcpStream,
}

impl Wire {
    /// Connects.
    pub fn open(address: SocketAddr) -> Result<Self, Fault> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { stream })
    }

    /// Writes bytes. The server may have closed before it has them all.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Writes until the server takes no more or `most` bytes are gone, and says how many went. A server that reads on
    /// but does not close within `patience` of silence ends it as well.
    pub fn flood(&mut self, chunk: &[u8], most: usize, patience: Duration) -> Result<usize, Fault> {
        self.stream.set_write_timeout(Some(patience))?;
        let mut sent = 0;
        while sent < most {
            match self.stream.write(chunk) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        self.stream.set_write_timeout(Some(DEADLINE))?;
        Ok(sent)
    }

    /// Says that no more is sent.
    pub fn finish_sending(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads as many bytes as are expected and compares them.
    pub fn expect(&mut self, expected: &[u8]) -> Outcome {
        let mut got = vec![0; expected.len()];
        let mut length = 0;
        while length < got.len() {
            match self.stream.read(&mut got[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if is_close(&error) => break,
                Err(error) => {
                    let so_far = shown(&got[..length]);
                    return Err(format!("{error} after {so_far}, expected {}", shown(expected)).into());
                }
            }
        }
        same("reply", &got[..length], expected)
    }

    /// Reads one reply. What came behind it is lost.
    pub fn reply(&mut self) -> Result<Reply, Fault> {
        let mut got = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while got.len() < MOST_BYTES {
            let count = self.stream.read(&mut chunk)?;
            ensure(count > 0, || format!("closed after {}", shown(&got)))?;
            got.extend_from_slice(&chunk[..count]);
            if let Some((reply, _)) = decode(&got)? {
                return Ok(reply);
            }
        }
        Err("no end of the reply".into())
    }

    /// Reads the head of an HTTP answer and nothing behind it.
    pub fn head(&mut self) -> Result<Vec<u8>, Fault> {
        const MOST_HEAD_BYTES: usize = 64 * 1024;
        let mut got = Vec::new();
        let mut byte = [0];
        while !got.ends_with(b"\r\n\r\n") && got.len() < MOST_HEAD_BYTES {
            self.stream.read_exact(&mut byte).map_err(|error| format!("{error} after {}", shown(&got)))?;
            got.extend_from_slice(&byte);
        }
        Ok(got)
    }

    /// Reads until the server closes.
    pub fn rest(&mut self) -> Result<Vec<u8>, Fault> {
        let mut got = Vec::new();
        let mut chunk = [0; 16 * 1024];
        let start = Instant::now();
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(got),
                Ok(count) => got.extend_from_slice(&chunk[..count]),
                Err(error) if is_close(&error) => return Ok(got),
                Err(error) => return Err(format!("not closed ({error}), read {}", shown(&got)).into()),
            }
            let bounded = got.len() < MOST_BYTES && start.elapsed() < 2 * DEADLINE;
            ensure(bounded, || format!("no end of the reply after {} bytes", got.len()))?;
        }
    }

    /// The server sends exactly this and closes.
    pub fn expect_end(&mut self, expected: &[u8]) -> Outcome {
        same("until the close", &self.rest()?, expected)
    }

    /// The server neither answers nor closes for a while.
    pub fn expect_silence(&mut self, time: Duration) -> Outcome {
        let mut chunk = [0; 256];
        self.stream.set_read_timeout(Some(time))?;
        let result = self.stream.read(&mut chunk);
        self.stream.set_read_timeout(Some(DEADLINE))?;
        match result {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            Ok(count) => Err(format!("expected silence, got {}", shown(&chunk[..count])).into()),
            Err(error) => Err(format!("expected silence, got {error}").into()),
        }
    }

    /// Reads until the server closes, and says when that was; `None` if it is open when the time is over.
    pub fn closed_within(&mut self, time: Duration) -> Result<Option<Duration>, Fault> {
        let start = Instant::now();
        let mut chunk = [0; 16 * 1024];
        while let Some(left) = time.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(Some(start.elapsed())),
                Ok(_) => {}
                Err(error) if is_close(&error) => return Ok(Some(start.elapsed())),
                Err(_) => {}
            }
        }
        Ok(None)
    }

    /// Waits until something has arrived and leaves it unread: closing then resets the connection.
    pub fn wait_for_bytes(&self) -> Outcome {
        self.stream.peek(&mut [0; 1])?;
        Ok(())
    }

    /// PING and its answer: the connection goes on as if nothing had been.
    pub fn expect_pong(&mut self) -> Outcome {
        self.send(b"*1\r\n$4\r\nPING\r\n");
        self.expect(b"+PONG\r\n")
    }
}

/// Whether an error means that the other side is gone.
fn is_close(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe)
}

/// A request as an array of bulks.
pub fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::resp::encode_command(words, &mut bytes);
    bytes
}

/// A request from words split at spaces.
pub fn words(line: &str) -> Vec<u8> {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    request(&words)
}
