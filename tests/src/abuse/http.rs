//! HTTP by hand: requests as bytes, answers taken apart no further than tests need.

use std::net::SocketAddr;

use super::wire::Wire;
use super::{Fault, shown};

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// What stands behind the head.
    pub body: Vec<u8>,
}

impl Answer {
    /// Takes the first answer of a connection apart.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or_else(|| format!("no head in {}", shown(bytes)))?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)).and_then(|digits| digits.parse().ok());
        let status = status.ok_or_else(|| format!("no status in {head:?}"))?;
        Ok(Self { status, head, body: bytes[end + 4..].to_vec() })
    }

    /// A header's value. Names are in lower case as hyper writes them.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends bytes as they are and reads the answer until the server closes.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Result<Answer, Fault> {
    let mut wire = Wire::open(address)?;
    wire.send(bytes);
    Answer::parse(&wire.rest()?)
}

/// One request on a connection of its own. A `Host` of this machine is added unless the headers have one.
pub fn ask(address: SocketAddr, line: &str, headers: &[&str], body: &[u8]) -> Result<Answer, Fault> {
    let has = |name: &str| headers.iter().any(|header| header.to_ascii_lowercase().starts_with(name));
    let mut head = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    if !has("host:") {
        head.push_str("Host: localhost\r\n");
    }
    if !body.is_empty() && !has("transfer-encoding:") && !has("content-length:") {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    head.push_str("\r\n");
    raw(address, &[head.as_bytes(), body].concat())
}

/// A POST of JSON.
pub fn post(address: SocketAddr, path: &str, body: &[u8]) -> Result<Answer, Fault> {
    ask(address, &format!("POST {path}"), &["Content-Type: application/json"], body)
}
