//! RESP over TCP: Larder's own listener and the reference, redis-server.

use super::{Target, empty_keyspace, if_any, say_hello, start_larder};
use crate::case_file::Protocol;
use crate::resp::{Connection, Reply};
use crate::servers::Server;
use std::collections::HashMap;
use std::io;
use std::time::Duration;

/// Long enough for a command to reach a busy server before the next connection's command, and for its reply to come.
const SETTLE: Duration = Duration::from_millis(30);

/// A server process and the connections of the running case.
#[derive(Debug)]
pub struct RespServer {
    server: Server,
    protocol: Protocol,
    connections: HashMap<u32, Connection>,
}

/// Starts Larder.
///
/// # Errors
/// When its binary has not been built.
pub fn larder(protocol: Protocol) -> Result<Box<dyn Target>, String> {
    Ok(Box::new(RespServer::new(start_larder()?, protocol)))
}

/// Starts Debian's redis-server.
///
/// # Errors
/// None: a missing redis-server stops the program with its name.
pub fn redis(protocol: Protocol) -> Result<Box<dyn Target>, String> {
    Ok(Box::new(RespServer::new(Server::redis(&[]), protocol)))
}

impl RespServer {
    fn new(server: Server, protocol: Protocol) -> Self {
        Self { server, protocol, connections: HashMap::new() }
    }

    fn connection(&mut self, number: u32) -> io::Result<&mut Connection> {
        if !self.connections.contains_key(&number) {
            let opened = Connection::open(self.server.resp())?;
            self.connections.insert(number, opened);
            if self.protocol == Protocol::Resp3 {
                say_hello(self, number)?;
            }
        }
        Ok(self.connections.get_mut(&number).expect("a missing connection was just opened"))
    }
}

impl Target for RespServer {
    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn send(&mut self, connection: u32, args: &[Vec<u8>]) -> io::Result<()> {
        self.connection(connection)?.send(args)
    }

    fn receive(&mut self, connection: u32) -> io::Result<Reply> {
        self.connection(connection)?.receive()
    }

    fn advance(&mut self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }

    fn settle(&mut self, connection: u32) -> io::Result<Option<Reply>> {
        if_any(self.connection(connection)?.receive_within(SETTLE))
    }

    fn reset(&mut self) -> io::Result<()> {
        self.connections.clear();
        empty_keyspace(self, 1)
    }
}
