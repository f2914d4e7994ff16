//! REST: `POST /` with the command as a JSON array, over one kept-alive HTTP/1.1 connection.

use super::{Target, empty_keyspace, start_larder};
use crate::case_file::{Case, Protocol};
use crate::resp::{REPLY_DEADLINE, Reply};
use crate::servers::Server;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Most header lines of an answer.
const HEADER_LIMIT: usize = 64;
/// Largest body of an answer.
const BODY_LIMIT_BYTES: usize = 256 * 1024 * 1024;

/// How strings travel in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As JSON strings.
    Plain,
    /// As base64, except the exact string `OK`.
    Base64,
}

struct Rest {
    /// Keeps the process alive as long as the target.
    _server: Option<Server>,
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    encoding: Encoding,
    replies: VecDeque<Reply>,
}

/// Starts Larder with its HTTP listener.
///
/// # Errors
/// When its binary has not been built.
pub fn start(encoding: Encoding) -> Result<Box<dyn Target>, String> {
    let server = start_larder()?;
    let address = server.http().ok_or("larder has no HTTP listener")?;
    Ok(Box::new(Rest::new(Some(server), address, encoding)))
}

impl Target for Rest {
    fn protocol(&self) -> Protocol {
        Protocol::Json
    }

    fn refuses(&self, case: &Case) -> Option<&'static str> {
        if case.needs_session {
            return Some("needs connection state");
        }
        if case.has_silence() {
            return Some("every request has its answer");
        }
        if !case.sends_utf8() {
            return Some("JSON carries no bytes that are not UTF-8");
        }
        let plain = self.encoding == Encoding::Plain;
        (plain && !case.expects_utf8()).then_some("plain JSON answers only UTF-8")
    }

    fn send(&mut self, _connection: u32, args: &[Vec<u8>]) -> io::Result<()> {
        let text = |arg: &Vec<u8>| Value::from(String::from_utf8_lossy(arg).into_owned());
        let body = Value::Array(args.iter().map(text).collect()).to_string();
        let answer = self.post(body.as_bytes())?;
        let reply = self.reply(&answer)?;
        self.replies.push_back(reply);
        Ok(())
    }

    fn receive(&mut self, _connection: u32) -> io::Result<Reply> {
        self.replies.pop_front().ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn advance(&mut self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }

    fn settle(&mut self, _connection: u32) -> io::Result<Option<Reply>> {
        Ok(self.replies.pop_front())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.replies.clear();
        empty_keyspace(self, 1)
    }
}

impl Rest {
    fn new(server: Option<Server>, address: SocketAddr, encoding: Encoding) -> Self {
        Self { _server: server, address, stream: None, encoding, replies: VecDeque::new() }
    }

    fn post(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(REPLY_DEADLINE))?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().expect("just opened");
        let encoding = match self.encoding {
            Encoding::Plain => "",
            Encoding::Base64 => "Upstash-Encoding: base64\r\n",
        };
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{encoding}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let answer = stream.get_mut().write_all(&request).and_then(|()| read_answer(stream));
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    fn reply(&self, body: &[u8]) -> io::Result<Reply> {
        let shown = || String::from_utf8_lossy(body).into_owned();
        let answer: Value = serde_json::from_slice(body).map_err(|_| invalid(&format!("not JSON: {}", shown())))?;
        match (answer.get("result"), answer.get("error")) {
            (Some(result), None) => self.value(result),
            (None, Some(Value::String(text))) => Ok(Reply::Error(text.clone().into_bytes())),
            _ => Err(invalid(&format!("neither result nor error: {}", shown()))),
        }
    }

    fn value(&self, value: &Value) -> io::Result<Reply> {
        Ok(match value {
            Value::Null => Reply::Null,
            Value::Number(number) => {
                Reply::Integer(number.as_i64().ok_or_else(|| invalid(&format!("not an integer: {number}")))?)
            }
            Value::String(text) if self.encoding == Encoding::Plain || text == "OK" => {
                Reply::Bulk(text.clone().into_bytes())
            }
            Value::String(text) => {
                let decoded = base64(text);
                Reply::Bulk(decoded.ok_or_else(|| invalid(&format!("not base64: {text}")))?)
            }
            Value::Array(elements) => {
                let elements = elements.iter().map(|element| self.value(element));
                Reply::Array(elements.collect::<io::Result<_>>()?)
            }
            other => return Err(invalid(&format!("not a RESP2 shape: {other}"))),
        })
    }
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut length = None;
    for number in 0..HEADER_LIMIT {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            let length = length.ok_or_else(|| invalid("an answer without Content-Length"))?;
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            return Ok(body);
        }
        if number == 0 && !line.starts_with("HTTP/1.1 200") && !line.starts_with("HTTP/1.1 400") {
            return Err(invalid(&format!("answered {line}")));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            let value: Option<usize> = value.trim().parse().ok();
            length = value.filter(|length| *length <= BODY_LIMIT_BYTES);
        }
    }
    Err(invalid("too many header lines"))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(out)
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn base64_is_strict() {
        assert_eq!(base64("").as_deref(), Some(&b""[..]));
        assert_eq!(base64("AP8=").as_deref(), Some(&b"\x00\xff"[..]));
        assert_eq!(base64("Zm9vYmFy").as_deref(), Some(&b"foobar"[..]));
        for wrong in ["Zm9", "Zm9vYg===", "Zm9*", "Zh=="] {
            assert_eq!(base64(wrong), None, "{wrong}");
        }
    }

    /// What the target makes of one answer, and the body it sent.
    fn answered(encoding: Encoding, status: &str, answer: &str) -> (io::Result<Reply>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let wire = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the target connects");
            let mut request = [0; 1024];
            let count = stream.read(&mut request).expect("the target sends");
            stream.write_all(wire.as_bytes()).expect("the target reads");
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        let mut rest = Rest::new(None, address, encoding);
        let reply = rest.call(1, &[b"GET".to_vec(), b"k\"".to_vec()]);
        (reply, server.join().expect("the server thread ends"))
    }

    #[test]
    fn answers_become_replies() {
        let (reply, request) = answered(Encoding::Plain, "200 OK", r#"{"result":[1,"a",null]}"#);
        let expected = vec![Reply::Integer(1), Reply::Bulk(b"a".to_vec()), Reply::Null];
        assert_eq!(reply.expect("JSON"), Reply::Array(expected));
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with(r#"["GET","k\""]"#), "{request}");

        let (reply, request) = answered(Encoding::Base64, "200 OK", r#"{"result":["OK","AP8="]}"#);
        let expected = vec![Reply::Bulk(b"OK".to_vec()), Reply::Bulk(vec![0, 0xff])];
        assert_eq!(reply.expect("JSON"), Reply::Array(expected));
        assert!(request.contains("Upstash-Encoding: base64\r\n"), "{request}");

        let (reply, _) = answered(Encoding::Base64, "400 Bad Request", r#"{"error":"ERR x"}"#);
        assert_eq!(reply.expect("JSON"), Reply::Error(b"ERR x".to_vec()));
    }

    #[test]
    fn other_answers_are_failures() {
        for (status, answer) in [
            ("500 Internal Server Error", r#"{"result":1}"#),
            ("200 OK", "<html>"),
            ("200 OK", r#"{"result":{"a":1}}"#),
            ("200 OK", "{}"),
        ] {
            let (reply, _) = answered(Encoding::Plain, status, answer);
            assert!(reply.is_err(), "{status} {answer}");
        }
    }
}
