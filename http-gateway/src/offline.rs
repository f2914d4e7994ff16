//! What the tools share that work on a folder of data while no server does.

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use larder_core::keyspace::Layout;
use larder_core::keyspace::entry::Entry;
use larder_core::keyspace::shard::Shard;
use larder_core::keyspace::table::Table;
use larder_core::limits::MAX_DATABASES;
use larder_core::load;
use larder_core::rdb::{
    Form, Limits, Portable, without_field_expiries, write_database, write_end, write_entry, write_header, write_sizes,
};
use larder_core::settings::Settings;
use larder_core::store::{Lsn, Opened, Store};
use larder_core::structure::rdb::crc64;

use crate::store;

/// Bytes written at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// The first version of RDB that knows expiries of fields.
const FIELD_EXPIRY_VERSION: u16 = 12;

/// How often a bar moves, and how often a line is written where there is no terminal.
const BAR_INTERVAL: Duration = Duration::from_millis(100);
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Characters of a bar.
const BAR_WIDTH: usize = 30;

/// A keyspace that no client works on.
pub struct Data {
    pub layout: Layout,
    pub settings: Settings,
    pub shards: Vec<Shard>,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub keys: u64,
    pub bytes: u64,
    /// Keys that were left out, as their time had come.
    pub expired: u64,
    /// Hashes whose fields have lost their expiries, which the version cannot say.
    pub without_field_expiries: u64,
    /// The highest number of a database with keys.
    pub highest_database: u16,
}

/// A store and what it held.
pub struct Source {
    pub store: Box<dyn Store>,
    pub snapshot: load::SnapshotFile,
    pub changes: load::Changes,
    pub last: Lsn,
}

/// Opens the folder of a server that is not running.
pub fn open(folder: &Path) -> Result<Source, String> {
    let opened = store::open("file", folder).map_err(|error| format!("cannot open {}: {error}", folder.display()))?;
    let Opened { store, snapshot, changes, last, truncated_bytes } = opened.ok_or("no folder can be opened")?;
    if truncated_bytes > 0 {
        say(&format!(
            "the log ended in the middle of a write: {truncated_bytes} bytes behind record {last} were cut off"
        ));
    }
    Ok(Source { store, snapshot, changes, last })
}

/// Unix time in milliseconds.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// A line for whoever started the tool.
pub fn say(line: &str) {
    eprintln!("larder: {line}");
}

impl Data {
    /// No keys, in as many databases as there can be, whatever a server allows itself.
    pub fn new(settings: Settings) -> Self {
        let settings = Settings { databases: MAX_DATABASES, ..settings };
        let layout = Layout::new(1, settings.databases, [now_ms(), u64::from(std::process::id())]);
        Self { shards: layout.build(), layout, settings }
    }

    /// Keys of all databases.
    pub fn keys(&self) -> usize {
        self.shards.iter().flat_map(|shard| (0..shard.databases()).map(|db| shard.database(db).len())).sum()
    }

    /// Adds a key, which must not be there.
    pub fn add(&mut self, db: u16, entry: Entry) -> Result<(), &'static str> {
        let hash = self.layout.hash(entry.key());
        let shard = &self.shards[self.layout.shard_of(hash)];
        if db < shard.databases() && shard.peek(db, hash, entry.key()).is_some() {
            return Err("a key comes twice");
        }
        load::place(&mut self.shards, &self.layout, db, entry)
    }

    /// Writes an RDB file with everything that has not expired. In our own form fields keep their expiries in every
    /// version; others read them from version 12 on.
    pub fn write_rdb(
        &self,
        form: &Form,
        is_ours: bool,
        out: &mut dyn Write,
        progress: &mut Progress,
    ) -> io::Result<Written> {
        let now_ms = now_ms();
        let limits = Limits::new(&self.settings, self.layout.hasher());
        let keeps_fields = is_ours || form.version >= FIELD_EXPIRY_VERSION;
        let mut written = Written::default();
        let (mut buffer, mut sum) = (Vec::new(), 0);
        let mut put = |buffer: &mut Vec<u8>, written: &mut Written| {
            sum = crc64::update(sum, buffer);
            written.bytes += buffer.len() as u64;
            out.write_all(buffer)?;
            buffer.clear();
            io::Result::Ok(sum)
        };
        write_header(form.version, &mut buffer);
        for db in 0..self.layout.databases() as u16 {
            let mut is_begun = false;
            let tables = || self.shards.iter().map(|shard| shard.database(db));
            for entry in tables().flat_map(Table::iter) {
                progress.add(1);
                let portable = match keeps_fields {
                    true => Portable::AsItIs,
                    false => without_field_expiries(entry, &limits, now_ms),
                };
                let entry = match &portable {
                    Portable::AsItIs => entry,
                    Portable::Changed(changed) => changed,
                    Portable::Gone => {
                        written.expired += 1;
                        continue;
                    }
                };
                if entry.is_expired(now_ms) {
                    written.expired += 1;
                    continue;
                }
                if !is_begun {
                    write_database(db, &mut buffer);
                    // As in Redis's own files, expired keys that are left out count as well.
                    let count = |of: fn(&Table<Entry>) -> usize| tables().map(of).sum();
                    write_sizes(count(Table::len), count(Table::deadlines), &mut buffer);
                    is_begun = true;
                }
                write_entry(entry, form, &mut buffer);
                written.keys += 1;
                written.highest_database = db;
                written.without_field_expiries += u64::from(matches!(portable, Portable::Changed(_)));
                if buffer.len() >= CHUNK_BYTES {
                    put(&mut buffer, &mut written)?;
                }
            }
        }
        write_end(&mut buffer);
        let sum = put(&mut buffer, &mut written)?;
        out.write_all(&sum.to_le_bytes())?;
        written.bytes += size_of_val(&sum) as u64;
        Ok(written)
    }
}

/// How far a tool is, on standard error: a bar on a terminal, a line now and then elsewhere.
pub struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    begun: Instant,
    shown: Instant,
    on_terminal: bool,
    has_bar: bool,
}

impl Progress {
    /// Nothing is done yet of `total` bytes or keys.
    pub fn new(what: &'static str, total: u64) -> Self {
        let (now, on_terminal) = (Instant::now(), io::stderr().is_terminal());
        Self { what, total, done: 0, begun: now, shown: now, on_terminal, has_bar: false }
    }

    /// So much more is done.
    pub fn add(&mut self, amount: u64) {
        self.done += amount;
        // The clock is asked now and then only.
        if self.done % 64 < amount {
            let interval = if self.on_terminal { BAR_INTERVAL } else { LINE_INTERVAL };
            if self.shown.elapsed() >= interval {
                self.show();
            }
        }
    }

    /// Seconds since the beginning.
    pub fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    fn show(&mut self) {
        self.shown = Instant::now();
        let percent = (self.done.min(self.total) * 100).checked_div(self.total).unwrap_or(100);
        if self.on_terminal {
            let full = percent as usize * BAR_WIDTH / 100;
            let (bar, space) = ("#".repeat(full), ".".repeat(BAR_WIDTH - full));
            eprint!("\rlarder: {} [{bar}{space}] {percent} %", self.what);
            self.has_bar = true;
        } else {
            say(&format!("{}: {percent} %", self.what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.has_bar {
            // What is written next begins where the bar was.
            eprint!("\r\x1b[K");
        }
    }
}

/// A reader that tells how far it is.
pub struct Counted<'p, R> {
    pub inner: R,
    pub progress: &'p mut Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}
