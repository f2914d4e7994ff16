//! One server with the connections of a round.

use std::time::Duration;

use super::Request;
use crate::resp::{Connection, Reply};
use crate::servers::Server;

/// Databases that are looked at; both servers start with so many.
pub const DATABASES: usize = 16;
/// More keys than any round makes, so that one SCAN visits them all.
const SCAN_COUNT: &str = "1000000";

/// A reply, or why there is none.
pub type Outcome = Result<Reply, String>;

/// A server and the driver's connections to it.
#[derive(Debug)]
pub struct Side {
    start: fn() -> Server,
    server: Server,
    control: Option<Connection>,
    connections: Vec<Connection>,
}

/// Both servers.
#[derive(Debug)]
pub struct Pair {
    /// The one that is right.
    pub reference: Side,
    /// The one under test.
    pub candidate: Side,
    /// Sent to both when they are renewed. A side may refuse what it does not know.
    pub settings: Vec<Request>,
}

impl Side {
    /// Starts the server.
    pub fn start(start: fn() -> Server) -> Self {
        Self { start, server: start(), control: None, connections: Vec::new() }
    }

    /// An empty server and new connections; a server that has ended is started again.
    ///
    /// # Errors
    /// A server that does not accept connections or FLUSHALL.
    pub fn renew(&mut self, connections: usize) -> Result<(), String> {
        self.connections.clear();
        if !self.server.is_running() {
            self.server = (self.start)();
        }
        let open = || Connection::open(self.server.resp()).map_err(|e| format!("cannot connect: {e}"));
        let mut control = open()?;
        match control.call(&["FLUSHALL"]) {
            Ok(Reply::Simple(_)) => {}
            other => return Err(format!("FLUSHALL answers {other:?}")),
        }
        self.control = Some(control);
        self.connections = (0..connections).map(|_| open()).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Sends a command; an error shows when its reply is read.
    pub fn send(&mut self, connection: usize, request: &Request) {
        let _ = self.connections[connection].send(request);
    }

    /// Reads the reply of the last command sent.
    pub fn receive(&mut self, connection: usize) -> Outcome {
        self.connections[connection].receive().map_err(|e| format!("no reply: {e}"))
    }

    /// Sends commands on a connection of its own, all at once.
    pub fn control(&mut self, requests: &[Request]) -> Vec<Outcome> {
        let Some(control) = &mut self.control else {
            return requests.iter().map(|_| Err("not connected".to_owned())).collect();
        };
        for request in requests {
            let _ = control.send(request);
        }
        requests.iter().map(|_| control.receive().map_err(|e| format!("no reply: {e}"))).collect()
    }

    /// Makes the server forget every key that has expired, so that counters do not depend on its own pace.
    pub fn forget_expired(&mut self) {
        let visit = |database: usize| {
            let number = database.to_string();
            [words(&["SELECT", &number]), words(&["SCAN", "0", "COUNT", SCAN_COUNT])]
        };
        let requests: Vec<Request> = (0..DATABASES).flat_map(visit).collect();
        self.control(&requests);
    }
}

impl Pair {
    /// [`Side::renew`] for both.
    ///
    /// # Errors
    /// As there, with the side's name.
    pub fn renew(&mut self, connections: usize) -> Result<(), String> {
        self.reference.renew(connections).map_err(|e| format!("reference: {e}"))?;
        self.candidate.renew(connections).map_err(|e| format!("candidate: {e}"))?;
        self.reference.control(&self.settings);
        self.candidate.control(&self.settings);
        Ok(())
    }

    /// Waits until short-lived keys are gone on both sides.
    pub fn pass(&mut self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
        self.reference.forget_expired();
        self.candidate.forget_expired();
    }
}

/// A request from text.
pub fn words(text: &[&str]) -> Request {
    text.iter().map(|word| word.as_bytes().to_vec()).collect()
}
