//! Fills a server with deterministic keys over a raw, pipelined RESP connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::bench::rows::{Load, VALUE_BYTES};

/// Commands sent before their answers are read: their answers must fit the sockets' buffers.
const BATCH: u64 = 1000;

/// How long one batch may take.
const REPLY_DEADLINE: Duration = Duration::from_secs(60);

/// Leaves 32 bits of a spread index for a score, which are in no order and seldom the same.
const SCORE_SHIFT: u32 = 32;

/// No answer to a load is longer.
const MAX_BULK_BYTES: usize = 64 * 1024;

/// A RESP connection that understands the answers a load can get.
#[derive(Debug)]
pub struct Loader {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Loader {
    /// Connects to a server's RESP listener.
    pub fn connect(address: SocketAddr) -> Result<Self, String> {
        let open = || {
            let writer = TcpStream::connect(address)?;
            writer.set_nodelay(true)?;
            writer.set_read_timeout(Some(REPLY_DEADLINE))?;
            writer.set_write_timeout(Some(REPLY_DEADLINE))?;
            let reader = BufReader::new(writer.try_clone()?);
            Ok(Self { writer, reader })
        };
        open().map_err(|e: std::io::Error| format!("cannot connect to {address}: {e}"))
    }

    /// Sends `count` commands of the load; the first error the server answers ends it.
    pub fn run(&mut self, load: &Load, count: u64) -> Result<(), String> {
        self.run_range(load, 0..count)
    }

    /// As [`Loader::run`], for some indices.
    pub fn run_range(&mut self, load: &Load, indices: std::ops::Range<u64>) -> Result<(), String> {
        let mut batch = Vec::new();
        for start in indices.clone().step_by(BATCH as usize) {
            let end = indices.end.min(start + BATCH);
            batch.clear();
            (start..end).for_each(|index| encode(load.command, index, &mut batch));
            self.writer.write_all(&batch).map_err(|e| format!("load: {e}"))?;
            (start..end).try_for_each(|_| self.reply().map(drop))?;
        }
        Ok(())
    }

    /// Sends one command and returns the text of its answer.
    pub fn call(&mut self, command: &[&str]) -> Result<String, String> {
        let mut bytes = Vec::new();
        encode(command, 0, &mut bytes);
        self.writer.write_all(&bytes).map_err(|e| format!("{}: {e}", command[0]))?;
        self.reply()
    }

    /// Empties the server and checks that it is empty.
    pub fn clear(&mut self) -> Result<(), String> {
        self.call(&["FLUSHALL"])?;
        self.expect_keys(0)
    }

    /// Checks the number of keys: a load that missed some would spoil the figures.
    pub fn expect_keys(&mut self, expected: u64) -> Result<(), String> {
        let keys = self.call(&["DBSIZE"])?;
        if keys == expected.to_string() { Ok(()) } else { Err(format!("the server holds {keys} keys, not {expected}")) }
    }

    fn reply(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.reader.read_line(&mut line).map_err(|e| format!("no answer: {e}"))?;
        let line = line.trim_end();
        match line.split_at_checked(1) {
            Some(("+" | ":", text)) => Ok(text.to_owned()),
            Some(("$", length)) => self.bulk(length),
            Some(("-", error)) => Err(format!("the server answered {error}")),
            _ => Err(format!("the server answered {line:?}")),
        }
    }

    fn bulk(&mut self, length: &str) -> Result<String, String> {
        let length: usize = length
            .parse()
            .ok()
            .filter(|length| *length <= MAX_BULK_BYTES)
            .ok_or_else(|| format!("the server answered a bulk of length {length}"))?;
        let mut bytes = vec![0; length + 2];
        self.reader.read_exact(&mut bytes).map_err(|e| format!("no answer: {e}"))?;
        bytes.truncate(length);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Appends one command in RESP with its `{index}` and `{value}` filled in.
fn encode(command: &[&str], index: u64, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("*{}\r\n", command.len()).as_bytes());
    for template in command {
        let mut word = (*template).to_owned();
        if word.contains("{index}") {
            word = word.replace("{index}", &format!("{index:012}"));
        }
        if word.contains("{value}") {
            word = word.replace("{value}", &value(index));
        }
        if word.contains("{score}") {
            word = word.replace("{score}", &(spread(index) >> SCORE_SHIFT).to_string());
        }
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

/// A value of [`VALUE_BYTES`] bytes that differs from key to key and is no number.
fn value(index: u64) -> String {
    format!("{:x>VALUE_BYTES$x}", spread(index))
}

/// The index far from its neighbours: a multiplication by an odd number loses nothing of it.
fn spread(index: u64) -> u64 {
    index.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_16_bytes_and_values_32() {
        let mut bytes = Vec::new();
        encode(&["SET", "key:{index}", "{value}"], 7, &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000007\r\n$32\r\n"));
        for index in [0, 1, 999_999] {
            assert_eq!(value(index).len(), VALUE_BYTES);
        }
        assert_ne!(value(1), value(2));
    }

    #[test]
    fn answers_are_read_and_errors_end_a_load() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"+OK\r\n:3\r\n$4\r\nabcd\r\n+OK\r\n-ERR full\r\n").unwrap();
            // Ends when the client has closed: the answers above are all there is.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let mut loader = Loader::connect(address).unwrap();
        assert_eq!(loader.call(&["A"]).unwrap(), "OK");
        assert_eq!(loader.call(&["B"]).unwrap(), "3");
        assert_eq!(loader.call(&["C"]).unwrap(), "abcd");
        let load = Load { count: 2, command: &["SET", "{index}", "x"] };
        let error = loader.run(&load, load.count).unwrap_err();
        assert!(error.contains("ERR full"), "{error}");
        drop(loader);
        server.join().unwrap();
    }
}
