//! Everything a text case can run on.

pub mod engine;
pub mod resp_server;
pub mod rest;
pub mod run;
pub mod wasm;
pub mod websocket;

use crate::case_file::{Case, Protocol};
use crate::resp::Reply;
use crate::servers::{Server, larder_binary};
use std::io;

/// Something that takes commands and gives replies.
pub trait Target {
    /// What its connections speak before any HELLO.
    fn protocol(&self) -> Protocol;

    /// Why this target cannot run `case`, if it cannot.
    fn refuses(&self, case: &Case) -> Option<&'static str> {
        let _ = case;
        None
    }

    /// Sends a command on a connection, which opens when it is first used.
    ///
    /// # Errors
    /// Those of the transport.
    fn send(&mut self, connection: u32, args: &[Vec<u8>]) -> io::Result<()>;

    /// Waits for the next reply on a connection.
    ///
    /// # Errors
    /// `UnexpectedEof` when the connection is closed, `TimedOut` or `WouldBlock` when nothing comes.
    fn receive(&mut self, connection: u32) -> io::Result<Reply>;

    /// Lets milliseconds pass.
    fn advance(&mut self, ms: u64);

    /// Lets a command without a reply arrive before another connection goes on. Gives the reply that came all the same.
    ///
    /// # Errors
    /// As [`Target::receive`], a reply that has not come yet left out.
    fn settle(&mut self, connection: u32) -> io::Result<Option<Reply>>;

    /// Closes all connections and empties the keyspace.
    ///
    /// # Errors
    /// Those of the transport.
    fn reset(&mut self) -> io::Result<()>;

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// Those of [`Target::send`] and [`Target::receive`].
    fn call(&mut self, connection: u32, args: &[Vec<u8>]) -> io::Result<Reply> {
        self.send(connection, args)?;
        self.receive(connection)
    }
}

/// A target's name and how it starts; starting it may fail when a piece has not been built.
#[derive(Clone, Copy)]
pub struct Row {
    /// The name in reports and for `--target`.
    pub name: &'static str,
    /// Starts it.
    pub start: fn() -> Result<Box<dyn Target>, String>,
}

/// All targets.
pub const TARGETS: &[Row] = &[
    Row { name: "engine", start: engine::start },
    Row { name: "resp2", start: || resp_server::larder(Protocol::Resp2) },
    Row { name: "resp3", start: || resp_server::larder(Protocol::Resp3) },
    Row { name: "rest", start: || rest::start(rest::Encoding::Plain) },
    Row { name: "rest-base64", start: || rest::start(rest::Encoding::Base64) },
    Row { name: "websocket", start: websocket::start },
    Row { name: "wasm", start: wasm::start },
    Row { name: "redis-resp2", start: || resp_server::redis(Protocol::Resp2) },
    Row { name: "redis-resp3", start: || resp_server::redis(Protocol::Resp3) },
];

/// A command from words.
fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Asks a fresh connection for RESP3.
fn say_hello(target: &mut dyn Target, connection: u32) -> io::Result<()> {
    match target.call(connection, &words(&["HELLO", "3"]))? {
        Reply::Map(_) => Ok(()),
        other => Err(unexpected("HELLO 3", &other)),
    }
}

/// Ends what a case may have left behind in the server, then empties it.
fn empty_keyspace(target: &mut dyn Target, connection: u32) -> io::Result<()> {
    // An error is no failure here: only FLUSHALL has to work.
    target.call(connection, &words(&["CLIENT", "UNPAUSE"]))?;
    match target.call(connection, &words(&["FLUSHALL"]))? {
        Reply::Simple(text) | Reply::Bulk(text) if text == b"OK" => Ok(()),
        other => Err(unexpected("FLUSHALL", &other)),
    }
}

/// What [`Target::receive`] found where no reply was due.
fn if_any(reply: io::Result<Reply>) -> io::Result<Option<Reply>> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(None),
        Err(error) => Err(error),
    }
}

fn unexpected(command: &str, reply: &Reply) -> io::Error {
    let shown = crate::case_file::pattern::one_line(reply);
    io::Error::other(format!("{command} answered {shown}"))
}

/// Starts Larder as the cases expect it: with DEBUG allowed, as the reference is started.
fn start_larder() -> Result<Server, String> {
    let binary = larder_binary();
    if binary.exists() {
        return Ok(Server::larder(&["--enable-debug-command", "yes"]));
    }
    Err(format!("{} is missing; build it with: cargo build --release -p larder", binary.display()))
}
