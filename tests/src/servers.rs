//! Starts and stops the servers that tests and benchmarks talk to: `larder` and Debian's `redis-server`.
//!
//! Every server listens on free loopback ports and is ended by its own process id when dropped.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take from its start to its first answer.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// How often a server that ends while it starts is started anew.
const START_TRIES: u32 = 5;

/// Variables that a server finds in its environment beside ours.
pub type Environment<'e> = &'e [(&'e str, &'e str)];

/// A running server, stopped when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    resp: SocketAddr,
    http: Option<SocketAddr>,
}

impl Server {
    /// Starts Larder with memory-only data and the given extra `serve` arguments.
    pub fn larder(extra: &[&str]) -> Self {
        Self::larder_with(extra, &[])
    }

    /// Starts Larder with these environment variables as well.
    pub fn larder_with(extra: &[&str], environment: Environment<'_>) -> Self {
        with_free_ports(|| Self::start_larder(extra, environment))
    }

    fn start_larder(extra: &[&str], environment: Environment<'_>) -> Option<Self> {
        let resp = free_address();
        let http = free_address();
        let (resp_port, http_port) = (resp.port().to_string(), http.port().to_string());
        let mut arguments = vec!["serve", "--port", &resp_port, "--http-port", &http_port, "--store", "memory"];
        arguments.extend_from_slice(extra);
        let child = spawn(&larder_binary(), &arguments, environment);
        Self { child, resp, http: Some(http) }.when_ready()
    }

    /// Starts Debian's redis-server without persistence, with DEBUG allowed, and the given extra arguments.
    pub fn redis(extra: &[&str]) -> Self {
        Self::redis_with(extra, &[])
    }

    /// Starts redis-server with these environment variables as well.
    pub fn redis_with(extra: &[&str], environment: Environment<'_>) -> Self {
        with_free_ports(|| Self::start_redis(extra, environment))
    }

    fn start_redis(extra: &[&str], environment: Environment<'_>) -> Option<Self> {
        let resp = free_address();
        let port = resp.port().to_string();
        let mut arguments = vec![
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--enable-debug-command",
            "yes",
        ];
        arguments.extend_from_slice(extra);
        let child = spawn(&PathBuf::from("redis-server"), &arguments, environment);
        Self { child, resp, http: None }.when_ready()
    }

    /// The RESP listener.
    pub fn resp(&self) -> SocketAddr {
        self.resp
    }

    /// The HTTP listener, which redis-server does not have.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The process id, for `/proc`.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The server once it answers; none if it has ended.
    fn when_ready(mut self) -> Option<Self> {
        let start = Instant::now();
        // Another process may have taken the port, and answer in its place.
        while !answers_ping(self.resp) || !self.is_running() {
            if !self.is_running() {
                return None;
            }
            assert!(start.elapsed() < START_DEADLINE, "the server on {} does not answer", self.resp);
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(self)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tries again if a server ends while it starts: its free port may be another's by then.
fn with_free_ports(start: impl Fn() -> Option<Server>) -> Server {
    (0..START_TRIES).find_map(|_| start()).expect("the server ended while it started; its own words are above")
}

/// The release binary, or the one `LARDER_BIN` names.
pub fn larder_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("LARDER_BIN") {
        return PathBuf::from(path);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")), PathBuf::from);
    target.join("release/larder")
}

/// A loopback address whose port was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("loopback has free ports")
}

fn spawn(binary: &PathBuf, arguments: &[&str], environment: Environment<'_>) -> Child {
    Command::new(binary)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start {}: {e}", binary.display()))
}

fn answers_ping(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
    if stream.write_all(b"PING\r\n").is_err() {
        return false;
    }
    let mut line = String::new();
    let answered = BufReader::new(&stream).read_line(&mut line).is_ok();
    answered && (line.starts_with('+') || line.starts_with('-'))
}
