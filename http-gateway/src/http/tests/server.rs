//! A server for one test, and the plainest of clients.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use larder_core::hub::{Counter, Counters};
use larder_core::settings::Settings;

use crate::host::Shared;
use crate::host::process::{ServerProcess, now_ms};
use crate::host::workers::Workers;

/// How long an answer may take before its test fails.
const DEADLINE: Duration = Duration::from_secs(10);

/// A server on a free port of the loopback, ended when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub shared: Arc<Shared>,
    workers: Arc<Workers>,
}

/// An answer. Ours have lengths, never chunks.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Server {
    pub fn start(settings: Settings) -> Self {
        let process = ServerProcess { config_file: None, threads: 1, stop: Arc::default() };
        let shared = Arc::new(Shared::new(settings, 1, process, now_ms(), [1, 2, 3]).expect("a thread"));
        let workers = Arc::new(Workers::start(1, &shared).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (for_shared, for_workers) = (Arc::clone(&shared), Arc::clone(&workers));
        workers.next().spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            super::super::serve(listener, for_shared, for_workers, 4).await;
        });
        Self { address, shared, workers }
    }

    pub fn open() -> Self {
        Self::start(Settings::default())
    }

    pub fn with_password(password: &str) -> Self {
        Self::start(Settings { requirepass: password.to_owned(), ..Settings::default() })
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Sends a request of these lines on a connection of its own. Host and Content-Length are added.
    pub fn send(&self, request_line: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut request = format!("{request_line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        headers.iter().for_each(|header| request.push_str(&format!("{header}\r\n")));
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        self.raw(&[request.as_bytes(), body].concat())
    }

    /// Sends a JSON body.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.send(&format!("POST {path}"), &["Content-Type: application/json"], body.as_bytes())
    }

    /// Bytes received and sent so far.
    pub fn counted_bytes(&self) -> (u64, u64) {
        let hub = self.shared.hub();
        let sum = |bytes: fn(&Counters) -> &Counter| hub.counters.iter().map(|counters| bytes(counters).get()).sum();
        (sum(|counters| &counters.received_bytes), sum(|counters| &counters.sent_bytes))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &[], b"")
    }

    /// Sends bytes and reads until the server closes.
    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        Answer::parse(&answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.abort_all();
        self.workers.stop();
    }
}

impl Answer {
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {}", bytes.escape_ascii()));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Status and body at once, for tables.
    pub fn is(&self, status: u16, body: &str) -> bool {
        self.status == status && self.text() == body
    }
}
