//! MIGRATE: sends packed keys to another server, away from all locks, and answers the client that waits.

use std::sync::Arc;
use std::time::Duration;

use larder_core::commands::migrate::{Finished, Migration, PackedKey};
use larder_core::context::Env;
use larder_core::effects::{Delivery, Effects};
use larder_core::error::CommandError;
use larder_core::hub::Counters;
use larder_core::journal::Journal;
use larder_core::resp::{Protocol, Reply, Value, decode};
use larder_core::store::record::write_request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{error::Elapsed, timeout};

use super::driver::run_retries;
use super::process::{now_ms, now_us};
use super::{Shared, held};

/// Most keys sent before their replies are read, so that neither side waits for the other with full buffers.
const KEYS_PER_EXCHANGE: usize = 256;

/// Bytes of requests after which an exchange takes no more keys.
const EXCHANGE_BYTES: usize = 1 << 20;

/// Bytes of a request for which the timeout begins anew.
const WRITE_BYTES: usize = 64 << 10;

/// Least room offered to one read.
const READ_BYTES: usize = 4096;

/// Longest reply of another server that is read.
const REPLY_BYTES: usize = 64 << 10;

/// Why not all keys have been taken.
#[derive(Debug)]
enum Failure {
    /// The other server cannot be found.
    Connect,
    /// It does not listen, or not any more.
    Write,
    /// It does not answer, or not in RESP.
    Read,
    /// It refused the first of the keys, or the connection.
    Refused(Vec<u8>),
}

impl Failure {
    fn text(&self) -> Vec<u8> {
        match self {
            Self::Connect => b"IOERR error or timeout connecting to the client".to_vec(),
            Self::Write => b"IOERR error or timeout writing to target instance".to_vec(),
            Self::Read => b"IOERR error or timeout reading to target instance".to_vec(),
            Self::Refused(why) => [b"ERR Target instance replied with error: ", &why[..]].concat(),
        }
    }
}

/// Sends keys on a task of this thread. The client hears of it through its mailbox.
pub fn start(shared: &Arc<Shared>, counters: &Arc<Counters>, seed: u64, migration: Box<Migration>) {
    let (shared, counters) = (Arc::clone(shared), Arc::clone(counters));
    // It goes on without the client: what the other server takes must not stay here as well.
    tokio::spawn(async move { run(&shared, &counters, seed, *migration).await });
}

async fn run(shared: &Shared, counters: &Counters, seed: u64, mut migration: Migration) {
    let mut taken = vec![false; migration.keys.len()];
    let result = send(&mut migration, &mut taken).await;
    while shared.signals.holds_back(true, now_ms()) {
        shared.wait_for_pause(now_ms()).await;
    }
    let mut effects = Effects::default();
    let finished = finish(shared, counters, seed, &migration, &taken, &mut effects);
    let error = match (result, finished.changed) {
        (Err(failure), _) => Some(CommandError::new(failure.text())),
        (Ok(()), 0) => None,
        (Ok(()), changed) => Some(CommandError::new(format!(
            "ERR {changed} of the keys changed while they were on their way: they stay here, the target has them as \
             they were"
        ))),
    };
    let mut reply = Vec::new();
    // Both are the same in either protocol.
    let mut writer = Reply::new(&mut reply, Protocol::Resp2);
    match error {
        None => writer.ok(),
        Some(error) => {
            writer.error_bytes(error.text());
            effects.errors.count(&error.prefix());
        }
    }
    effects.deliver.push(Delivery { client: migration.client, reply, depends_on: finished.depends_on });
    shared.carry_out(&mut effects);
}

/// Removes the keys that the other server has.
fn finish(
    shared: &Shared,
    counters: &Counters,
    seed: u64,
    migration: &Migration,
    taken: &[bool],
    effects: &mut Effects,
) -> Finished {
    let settings = Arc::clone(&shared.hub().settings);
    let env = Env {
        now_us: now_us(),
        seed,
        settings: &settings,
        layout: &shared.layout,
        signals: &shared.signals,
        counters,
        journal: shared.log.as_ref().map(|log| log as &dyn Journal),
        host: shared,
    };
    let mut guards = shared.shards(migration.shards());
    let finished = migration.finish(held(&mut guards), taken, env, effects);
    drop(guards);
    run_retries(shared, env, effects);
    finished
}

/// Sends all keys and notes those that the other server has taken.
async fn send(migration: &mut Migration, taken: &mut [bool]) -> Result<(), Failure> {
    let mut target = Target::connect(migration).await?;
    let mut refusal = Ok(());
    let mut from = 0;
    while from < migration.keys.len() {
        let mut request = Vec::new();
        let mut to = from;
        while to < migration.keys.len() && to - from < KEYS_PER_EXCHANGE && request.len() < EXCHANGE_BYTES {
            write_restore(&mut migration.keys[to], migration.replaces, &mut request);
            to += 1;
        }
        target.write(&request).await?;
        for is_taken in &mut taken[from..to] {
            match target.read().await {
                Ok(()) => *is_taken = true,
                // The others may be taken all the same; the first refusal is told.
                Err(Failure::Refused(why)) if refusal.is_ok() => refusal = Err(Failure::Refused(why)),
                Err(Failure::Refused(_)) => {}
                Err(failure) => return refusal.and(Err(failure)),
            }
        }
        from = to;
    }
    refusal
}

/// Writes the request for a key, whose payload is given up.
fn write_restore(packed: &mut PackedKey, replaces: bool, out: &mut Vec<u8>) {
    let payload = std::mem::take(&mut packed.payload);
    let ttl = packed.ttl_ms.to_string();
    let words: [&[u8]; 5] = [b"RESTORE", &packed.key, ttl.as_bytes(), &payload, b"REPLACE"];
    write_words(&words[..if replaces { 5 } else { 4 }], out);
}

fn write_words(words: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// A connection to the other server.
struct Target {
    stream: TcpStream,
    patience: Duration,
    /// What has come and is not read yet, from `start` on.
    input: Vec<u8>,
    start: usize,
}

impl Target {
    /// Connects, logs in and selects the database. No key goes out before all of that has worked.
    async fn connect(migration: &Migration) -> Result<Self, Failure> {
        let patience = Duration::from_millis(migration.timeout_ms);
        let port = migration.port.ok_or(Failure::Write)?;
        let connect = async {
            let addresses = lookup_host((&*migration.host, port)).await.map_err(|_| Failure::Connect)?;
            TcpStream::connect(&addresses.collect::<Vec<_>>()[..]).await.map_err(|_| Failure::Write)
        };
        let stream = timeout(patience, connect).await.map_err(|_: Elapsed| Failure::Connect)??;
        // Without it requests of several packets may wait for acknowledgements.
        let _ = stream.set_nodelay(true);
        let mut target = Self { stream, patience, input: Vec::new(), start: 0 };
        let mut request = Vec::new();
        if let Some(login) = &migration.login {
            write_request(&mut request, login.arguments());
        }
        write_words(&[b"SELECT", migration.target_db.to_string().as_bytes()], &mut request);
        target.write(&request).await?;
        if migration.login.is_some() {
            target.read().await?;
        }
        target.read().await?;
        Ok(target)
    }

    async fn write(&mut self, request: &[u8]) -> Result<(), Failure> {
        for part in request.chunks(WRITE_BYTES) {
            let written = timeout(self.patience, self.stream.write_all(part)).await;
            written.map_err(|_: Elapsed| Failure::Write)?.map_err(|_| Failure::Write)?;
        }
        Ok(())
    }

    /// Reads one reply, which must not be an error.
    async fn read(&mut self) -> Result<(), Failure> {
        loop {
            match decode(&self.input[self.start..]) {
                Ok(Some((value, used))) => {
                    self.start += used;
                    return match value {
                        Value::Error(text) => Err(Failure::Refused(text)),
                        _ => Ok(()),
                    };
                }
                Ok(None) if self.input.len() - self.start < REPLY_BYTES => {}
                _ => return Err(Failure::Read),
            }
            self.input.drain(..self.start);
            self.start = 0;
            self.input.reserve(READ_BYTES);
            let received = timeout(self.patience, self.stream.read_buf(&mut self.input)).await;
            let received = received.map_err(|_: Elapsed| Failure::Read)?.map_err(|_| Failure::Read)?;
            if received == 0 {
                return Err(Failure::Read);
            }
        }
    }
}
