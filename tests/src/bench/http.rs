//! One plain HTTP request, to learn what the REST rows' yardstick must answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// No answer of a REST row is longer.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// What a GET answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The content type.
    pub content_type: String,
    /// The body.
    pub body: String,
}

/// Fetches a path and insists on status 200 and a body of known length.
pub fn fetch(server: SocketAddr, path: &str) -> Result<Answer, String> {
    let exchange = || {
        let mut stream = TcpStream::connect_timeout(&server, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
        Ok(answer)
    };
    let bytes = exchange().map_err(|e: std::io::Error| format!("GET {path}: {e}"))?;
    parse(&String::from_utf8_lossy(&bytes)).map_err(|why| format!("GET {path}: {why}"))
}

fn parse(answer: &str) -> Result<Answer, String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.lines().next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200") {
        return Err(format!("{status} {body}"));
    }
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(title, _)| title.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    if header("content-length") != Some(body.len().to_string().as_str()) {
        return Err("the body's length is not in its head".to_owned());
    }
    Ok(Answer { content_type: header("content-type").unwrap_or_default().to_owned(), body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_must_be_whole() {
        let good = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 2\r\n\r\nhi";
        let answer = parse(good).unwrap();
        assert_eq!((answer.content_type.as_str(), answer.body.as_str()), ("text/plain", "hi"));
        assert!(parse(&good.replace("200 OK", "404 Not Found")).is_err());
        assert!(parse(&good.replace("length: 2", "length: 3")).is_err());
        assert!(parse("").is_err());
    }
}
