//! The engine in this process, with a clock that only cases move.

use super::{Target, if_any, say_hello};
use crate::case_file::Protocol;
use crate::resp::{Reply, decode, encode_command};
use larder_core::engine::Engine;
use larder_core::session::ClientId;
use larder_core::settings::{Access, Settings};
use std::collections::HashMap;
use std::io;

/// Where the clock of every case starts.
const EPOCH_MS: u64 = 1_700_000_000_000;
/// Every case runs on the same seed, so that a failure repeats.
const SEED: u64 = 0x1a4d_e401;
/// Most slices of background work that one advance of the clock may ask for.
const TICK_LIMIT: usize = 1000;

struct InProcess {
    engine: Engine,
    clients: HashMap<u32, Client>,
    now_ms: u64,
}

struct Client {
    id: ClientId,
    received: Vec<u8>,
}

/// Starts an engine.
///
/// # Errors
/// None.
pub fn start() -> Result<Box<dyn Target>, String> {
    Ok(Box::new(InProcess { engine: new_engine(), clients: HashMap::new(), now_ms: EPOCH_MS }))
}

/// An empty engine with DEBUG allowed, as the reference is started.
fn new_engine() -> Engine {
    let settings = Settings { enable_debug_command: Access::Yes, ..Settings::default() };
    Engine::with_settings(settings, SEED, EPOCH_MS)
}

impl Target for InProcess {
    fn protocol(&self) -> Protocol {
        Protocol::Resp3
    }

    fn send(&mut self, connection: u32, args: &[Vec<u8>]) -> io::Result<()> {
        self.open(connection)?;
        let mut request = Vec::new();
        encode_command(args, &mut request);
        self.feed(connection, &request);
        Ok(())
    }

    fn receive(&mut self, connection: u32) -> io::Result<Reply> {
        self.open(connection)?;
        // A pause may have ended since the request was fed, or another client served it.
        self.feed(connection, b"");
        let client = self.clients.get_mut(&connection).expect("the connection is open");
        if let Some((reply, used)) = decode(&client.received)? {
            client.received.drain(..used);
            return Ok(reply);
        }
        let closed = !self.engine.is_open(client.id);
        let kind = if closed { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::WouldBlock };
        Err(kind.into())
    }

    fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        for _ in 0..TICK_LIMIT {
            if !self.engine.tick(self.now_ms) {
                break;
            }
        }
    }

    fn settle(&mut self, connection: u32) -> io::Result<Option<Reply>> {
        if_any(self.receive(connection))
    }

    fn reset(&mut self) -> io::Result<()> {
        self.clients.clear();
        self.engine = new_engine();
        self.now_ms = EPOCH_MS;
        Ok(())
    }
}

impl InProcess {
    fn open(&mut self, connection: u32) -> io::Result<()> {
        if self.clients.contains_key(&connection) {
            return Ok(());
        }
        let client = Client { id: self.engine.open(self.now_ms), received: Vec::new() };
        self.clients.insert(connection, client);
        say_hello(self, connection)
    }

    fn feed(&mut self, connection: u32, input: &[u8]) {
        if let Some(client) = self.clients.get_mut(&connection) {
            self.engine.exec(client.id, input, self.now_ms, &mut client.received);
        }
    }
}
