//! The server under attack, and what can be seen of it from outside.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::wire::Wire;
use super::{Fault, Outcome, PASSWORD, ensure};
use crate::resp::{Connection, Reply};
use crate::servers::Server;

/// Numbers the log files of this process.
static SITES: AtomicU32 = AtomicU32::new(0);

/// A server with its log.
pub struct Site {
    server: Mutex<Server>,
    resp: SocketAddr,
    http: SocketAddr,
    pid: u32,
    is_locked: bool,
    log: PathBuf,
    /// Commands that attacks wanted and the server does not have.
    absent: Mutex<BTreeSet<String>>,
}

impl Site {
    /// Starts a server that logs to a file of its own.
    pub fn start(arguments: &[&str]) -> Result<Self, Fault> {
        let number = SITES.fetch_add(1, Ordering::Relaxed);
        let log = std::env::temp_dir().join(format!("larder-abuse-{}-{number}.log", std::process::id()));
        let log_text = log.display().to_string();
        let mut all = arguments.to_vec();
        all.extend(["--logfile", &log_text]);
        let server = Server::larder(&all);
        let http = server.http().ok_or("larder has an HTTP listener")?;
        Ok(Self {
            resp: server.resp(),
            http,
            pid: server.pid(),
            server: Mutex::new(server),
            is_locked: arguments.contains(&"--requirepass"),
            log,
            absent: Mutex::default(),
        })
    }

    /// The RESP listener.
    pub fn resp(&self) -> SocketAddr {
        self.resp
    }

    /// The HTTP listener.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// A raw connection to the RESP listener that has not logged in.
    pub fn wire(&self) -> Result<Wire, Fault> {
        Wire::open(self.resp)
    }

    /// A client that has logged in.
    pub fn client(&self) -> Result<Connection, Fault> {
        let mut client = Connection::open(self.resp)?;
        if self.is_locked {
            let reply = client.call(&["AUTH", PASSWORD])?;
            ensure(reply == Reply::Simple(b"OK".to_vec()), || format!("AUTH: {reply:?}"))?;
        }
        Ok(client)
    }

    /// Whether the server has a command. One that it has not is listed at the end of the run.
    pub fn has(&self, command: &str) -> Result<bool, Fault> {
        let reply = self.client()?.call(&["COMMAND", "INFO", command])?;
        let known = matches!(&reply, Reply::Array(rows) if matches!(rows.as_slice(), [Reply::Array(_)]));
        if !known {
            self.absent.lock().map_err(|_| "poisoned")?.insert(command.to_owned());
        }
        Ok(known)
    }

    /// The commands that were missing since the last look.
    pub fn take_absent(&self) -> Vec<String> {
        self.absent.lock().map(|mut absent| std::mem::take(&mut *absent).into_iter().collect()).unwrap_or_default()
    }

    /// Whether the process runs.
    pub fn is_running(&self) -> bool {
        self.server.lock().is_ok_and(|mut server| server.is_running())
    }

    /// What the server logged so far.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64, Fault> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kibibytes: u64 = line.split_whitespace().nth(1).ok_or("no number in VmRSS")?.parse()?;
        Ok(kibibytes * 1024)
    }

    /// Open descriptors.
    pub fn descriptors(&self) -> Result<usize, Fault> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    /// Runs a command on a connection of its own.
    pub fn call(&self, line: &str) -> Result<Reply, Fault> {
        let words: Vec<&str> = line.split(' ').collect();
        Ok(self.client()?.call(&words)?)
    }

    /// Fails unless a command answers as expected.
    pub fn expect(&self, line: &str, expected: &Reply) -> Outcome {
        let reply = self.call(line)?;
        ensure(reply == *expected, || format!("{line}: got {reply:?}, expected {expected:?}"))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.log);
    }
}
