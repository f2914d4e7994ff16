//! One connection's load: it notes what it sends before it sends it, and what is acknowledged when it is.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::crash::client::Client;
use crate::crash::ledger::{Ledger, Operation};
use crate::differential::random::Random;
use crate::resp::{Reply, encode_command};

/// Most operations that are sent before the replies are read.
const MAX_PIPELINE: usize = 16;

/// Databases that the writers share: changes of several databases stand in one log.
const DATABASES: usize = 4;

/// Shortest and longest life of a key that expires, in milliseconds.
const LIFETIMES_MS: (i64, i64) = (20, 2_000);

/// Commands of a transfer: MULTI, INCR, two DECRBY or INCRBY, EXEC.
const TRANSFER_REPLIES: usize = 5;

/// The database of a writer.
pub fn database(writer: usize) -> String {
    (writer % DATABASES).to_string()
}

/// A writer's key.
pub fn key(writer: usize, name: &str) -> String {
    format!("w{writer}:{name}")
}

/// The key of a slot that expires.
pub fn expiring_key(writer: usize, slot: usize) -> String {
    format!("w{writer}:t{slot}")
}

/// Milliseconds since 1970, as the child counts them.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Writes until the connection ends. `any_acknowledged` tells others that the child takes writes.
///
/// # Errors
/// A reply that the command cannot have, or a failure other than the end of the connection.
pub fn write_until_end(
    socket: &Path,
    ledger: &mut Ledger,
    random: &mut Random,
    any_acknowledged: &AtomicBool,
) -> Result<(), String> {
    let mut client = match Client::connect(socket) {
        Ok(client) => client,
        Err(error) => return ended(&error),
    };
    match client.call(&["SELECT", &database(ledger.writer)]) {
        Ok(Reply::Simple(_)) => {}
        Ok(other) => return Err(format!("SELECT answered {other:?}")),
        Err(error) => return ended(&error),
    }
    loop {
        if let Err(problem) = batch(&mut client, ledger, random, any_acknowledged) {
            return match problem {
                Problem::Io(error) => ended(&error),
                Problem::Reply(text) => Err(text),
            };
        }
    }
}

enum Problem {
    Io(std::io::Error),
    Reply(String),
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// The end of the child is what the writers are there for. A short life may end before the last of them connects.
fn ended(error: &std::io::Error) -> Result<(), String> {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(()),
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => Ok(()),
        _ => Err(format!("a writer's connection failed: {error}")),
    }
}

fn batch(
    client: &mut Client,
    ledger: &mut Ledger,
    random: &mut Random,
    any_acknowledged: &AtomicBool,
) -> Result<(), Problem> {
    let mut requests = Vec::new();
    let mut operations = Vec::new();
    for _ in 0..=random.below(MAX_PIPELINE) {
        let operation = choose(ledger, random);
        encode(ledger.writer, operation, &mut requests);
        ledger.send(operation, now_ms());
        operations.push(operation);
    }
    client.send(&requests)?;
    for operation in operations {
        let replies = if matches!(operation, Operation::Transfer(_)) { TRANSFER_REPLIES } else { 1 };
        let mut reply = client.receive()?;
        for _ in 1..replies {
            reply = client.receive()?;
        }
        let drawn = check(operation, &reply)
            .map_err(|()| Problem::Reply(format!("writer {}: {operation:?} was answered {reply:?}", ledger.writer)))?;
        ledger.acknowledge(now_ms(), drawn);
        any_acknowledged.store(true, Ordering::Relaxed);
    }
    Ok(())
}

fn choose(ledger: &Ledger, random: &mut Random) -> Operation {
    match random.below(16) {
        0..3 => Operation::Count(ledger.next_count()),
        3..5 => Operation::Push(ledger.next_push()),
        5..8 => Operation::Field(ledger.next_field()),
        8..10 => Operation::Append(ledger.next_append()),
        10..12 => Operation::Transfer(ledger.next_transfer()),
        12 if ledger.may_draw() => Operation::Draw,
        12..14 => Operation::Fill(ledger.next_fill()),
        _ => Operation::Expiring {
            slot: random.below(Ledger::EXPIRING_SLOTS),
            number: ledger.next_expiring(),
            lifetime_ms: random.between(LIFETIMES_MS.0, LIFETIMES_MS.1).unsigned_abs(),
        },
    }
}

fn encode(writer: usize, operation: Operation, out: &mut Vec<u8>) {
    let key = |name| key(writer, name);
    let mut put = |words: &[&str]| encode_command(words, out);
    match operation {
        Operation::Count(_) => put(&["INCR", &key("counter")]),
        Operation::Push(number) => put(&["RPUSH", &key("list"), &number.to_string()]),
        Operation::Field(number) => {
            let field = number % Ledger::FIELDS;
            put(&["HSET", &key("hash"), &field.to_string(), &number.to_string()]);
        }
        Operation::Append(number) => put(&["XADD", &key("stream"), "*", "n", &number.to_string()]),
        Operation::Transfer(number) => {
            let amount = Ledger::amount(number).to_string();
            put(&["MULTI"]);
            put(&["INCR", &key("transfers")]);
            put(&["DECRBY", &key("from"), &amount]);
            put(&["INCRBY", &key("to"), &amount]);
            put(&["EXEC"]);
        }
        Operation::Fill(number) => put(&["SADD", &key("pool"), &number.to_string()]),
        Operation::Draw => put(&["SPOP", &key("pool")]),
        Operation::Expiring { slot, number, lifetime_ms } => {
            let key = expiring_key(writer, slot);
            put(&["SET", &key, &number.to_string(), "PX", &lifetime_ms.to_string()]);
        }
    }
}

/// Whether an operation can have this reply. Answers what a draw drew.
fn check(operation: Operation, reply: &Reply) -> Result<Option<u64>, ()> {
    let integer = |value: i64| Reply::Integer(value);
    let is_right = match operation {
        Operation::Count(number) | Operation::Push(number) => *reply == integer(number as i64),
        Operation::Field(_) => matches!(reply, Reply::Integer(0 | 1)),
        Operation::Append(_) => matches!(reply, Reply::Bulk(_)),
        Operation::Transfer(number) => {
            let moved = Ledger::moved(number);
            *reply == Reply::Array(vec![integer(number as i64), integer(-moved), integer(moved)])
        }
        Operation::Fill(_) => *reply == integer(1),
        Operation::Draw => {
            let Reply::Bulk(text) = reply else { return Err(()) };
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            return number.map(Some).ok_or(());
        }
        Operation::Expiring { .. } => *reply == Reply::Simple(b"OK".to_vec()),
    };
    if is_right { Ok(None) } else { Err(()) }
}
