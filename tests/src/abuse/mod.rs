//! Bad input and attacks over real sockets.
//!
//! One row per attack, named by its number in the list of attacks (B01 …). A row asserts its own expectation; the
//! runner then asserts of every row that the server still lives, answers others at once, holds no more memory than the
//! row allows and gave back every descriptor.

mod aftermath;
mod atomic;
mod browser;
mod commands;
mod cross_protocol;
mod effort;
mod extremes;
mod framing;
mod gaps;
mod http;
mod login;
mod numbers;
mod probe;
mod rest;
mod rest_limits;
mod run;
mod sessions;
mod site;
mod slow;
mod sockets;
mod splits;
mod texts;
mod volume;
mod websocket;
mod wire;

pub use run::run;

use site::Site;

/// What went wrong, in words.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How an attack ended.
type Outcome = Result<(), Fault>;

/// Arguments of the server most rows attack.
const OPEN: &[&str] = &[];

/// Password of the server that has one.
const PASSWORD: &str = "correct horse";

/// Arguments of a server that wants its clients to log in.
const LOCKED: &[&str] = &["--requirepass", PASSWORD];

/// Memory a row may cost the server unless it says otherwise, in MiB.
const USUAL_GROWTH_MIB: u64 = 16;

/// Which server a row attacks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// One that other rows attack too, before and after.
    Shared,
    /// One of its own: memory that the allocator kept from earlier rows would hide growth.
    Fresh,
    /// One of its own beside the other rows: it waits for timeouts.
    Beside,
}

/// One attack.
struct Row {
    /// Its number in the list of attacks.
    id: &'static str,
    /// What is done, in a few words.
    what: &'static str,
    /// Arguments of the server it attacks; rows with the same share one.
    server: &'static [&'static str],
    /// Resident memory it may cost, in MiB.
    growth_mib: u64,
    /// Whether it shares that server.
    place: Place,
    /// The attack and its own expectation.
    attack: fn(&Site) -> Outcome,
}

impl Row {
    /// A row on the open server with the usual bounds.
    const fn new(id: &'static str, what: &'static str, attack: fn(&Site) -> Outcome) -> Self {
        Self { id, what, server: OPEN, growth_mib: USUAL_GROWTH_MIB, place: Place::Shared, attack }
    }

    const fn on(self, server: &'static [&'static str]) -> Self {
        Self { server, ..self }
    }

    const fn growing(self, growth_mib: u64) -> Self {
        Self { growth_mib, ..self }
    }

    const fn fresh(self) -> Self {
        Self { place: Place::Fresh, ..self }
    }

    const fn waiting(self) -> Self {
        Self { place: Place::Beside, ..self }
    }
}

/// Every row, in the order in which they run.
fn rows() -> impl Iterator<Item = &'static Row> {
    [
        framing::ROWS,
        splits::ROWS,
        volume::ROWS,
        login::ROWS,
        sessions::ROWS,
        texts::ROWS,
        cross_protocol::ROWS,
        sockets::ROWS,
        slow::ROWS,
        rest::ROWS,
        rest_limits::ROWS,
        websocket::ROWS,
        browser::ROWS,
        extremes::ROWS,
        numbers::ROWS,
        effort::ROWS,
        commands::ROWS,
        atomic::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// Fails with a text unless a condition holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}

/// Fails unless the bytes are the expected ones.
fn same(what: &str, got: &[u8], expected: &[u8]) -> Outcome {
    ensure(got == expected, || format!("{what}: got {}, expected {}", shown(got), shown(expected)))
}

/// Bytes for a person, cut where they get long.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 200;
    let cut = if bytes.len() > MOST { "…" } else { "" };
    format!("\"{}{cut}\"", bytes[..bytes.len().min(MOST)].escape_ascii())
}
