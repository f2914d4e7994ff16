//! The npm package's wasm build in Node, spoken to through `wasm-host.mjs` over pipes.

use super::{Target, empty_keyspace, if_any};
use crate::case_file::{Case, Protocol};
use crate::resp::{Reply, decode, encode_command};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Where the clock of every case starts.
const EPOCH_MS: u64 = 1_700_000_000_000;
/// Largest answer of the host.
const ANSWER_LIMIT_BYTES: usize = 512 * 1024 * 1024;

struct Wasm {
    host: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    received: Vec<u8>,
    now_ms: u64,
}

/// Starts Node with the built package.
///
/// # Errors
/// When the package has not been built or Node does not start.
pub fn start() -> Result<Box<dyn Target>, String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entry = tests.join("../wasm/npm/dist/entry-node.js");
    if !entry.exists() {
        return Err(format!("{} has not been built", entry.display()));
    }
    let mut host = Command::new("node")
        .arg(tests.join("src/targets/wasm-host.mjs"))
        .arg(&entry)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("node: {error}"))?;
    let stdin = host.stdin.take().ok_or("node without stdin")?;
    let stdout = host.stdout.take().ok_or("node without stdout")?;
    Ok(Box::new(Wasm { host, stdin, stdout, received: Vec::new(), now_ms: EPOCH_MS }))
}

impl Wasm {
    /// Sends bytes of a client with the time and keeps what comes back.
    fn exchange(&mut self, request: &[u8]) -> io::Result<()> {
        let length = u32::try_from(request.len()).map_err(io::Error::other)?;
        self.stdin.write_all(&length.to_le_bytes())?;
        // Exact: milliseconds stay far below 2^53.
        self.stdin.write_all(&(self.now_ms as f64).to_le_bytes())?;
        self.stdin.write_all(request)?;
        self.stdin.flush()?;
        let mut length = [0; 4];
        self.stdout.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > ANSWER_LIMIT_BYTES {
            return Err(io::Error::other("the host's answer is too long"));
        }
        let begin = self.received.len();
        self.received.resize(begin + length, 0);
        self.stdout.read_exact(&mut self.received[begin..])
    }
}

impl Target for Wasm {
    fn protocol(&self) -> Protocol {
        Protocol::Resp2
    }

    fn refuses(&self, case: &Case) -> Option<&'static str> {
        (case.has_several_connections() || case.ends_connections()).then_some("one wasm database has one session")
    }

    fn send(&mut self, _connection: u32, args: &[Vec<u8>]) -> io::Result<()> {
        let mut request = Vec::new();
        encode_command(args, &mut request);
        self.exchange(&request)
    }

    fn receive(&mut self, _connection: u32) -> io::Result<Reply> {
        if self.received.is_empty() {
            // The clock may have moved past the end of a pause.
            self.exchange(&[])?;
        }
        let (reply, used) = decode(&self.received)?.ok_or(io::ErrorKind::WouldBlock)?;
        self.received.drain(..used);
        Ok(reply)
    }

    fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    fn settle(&mut self, connection: u32) -> io::Result<Option<Reply>> {
        if_any(self.receive(connection))
    }

    fn reset(&mut self) -> io::Result<()> {
        // RESET leaves MULTI, SELECT and CLIENT REPLY OFF; what a failed case left behind is dropped.
        let reset = [b"RESET".to_vec()];
        self.send(1, &reset)?;
        self.received.clear();
        empty_keyspace(self, 1)
    }
}

impl Drop for Wasm {
    fn drop(&mut self) {
        let _ = self.host.kill();
        let _ = self.host.wait();
    }
}
