//! A server in small: writes to a store as the host does, heals it as the host does, and knows what it has promised.

use std::io::Read;

use larder_core::store::file::{FileStore, Options};
use larder_core::store::record::{Change, write_change};
use larder_core::store::sim::SimDisk;
use larder_core::store::{Lsn, Opened, Store, StoreError};

use super::model::Model;
use crate::differential::random::Random;

/// Segments are short, so that there are many.
const SEGMENT_BYTES: u64 = 2000;
/// Room that is made ahead: that of a few records.
const RESERVE_BYTES: u64 = 600;
/// Keys of the model.
const KEYS: usize = 12;
/// How often a fault is met before the driver gives up: simulated faults are few.
const PATIENCE: usize = 20;

/// What a driver may meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The power has failed.
    PowerCut,
    /// A promise is broken.
    Broken(String),
}

/// The options of the stores that the harness opens.
pub fn options() -> Options {
    Options { segment_bytes: SEGMENT_BYTES, reserve_bytes: RESERVE_BYTES, ..Options::default() }
}

/// A process with a store, and what it has promised.
pub struct Driver {
    /// The disk.
    pub disk: SimDisk,
    options: Options,
    store: Option<Box<dyn Store>>,
    model: Model,
    /// The digest after each record: what a restart may find.
    states: Vec<u64>,
    /// Records that the store has not got yet.
    pending: Vec<u8>,
    /// Promised to survive the process, and a power cut.
    appended: Lsn,
    flushed: Lsn,
    now_us: u64,
    random: Random,
}

impl Driver {
    /// A driver on an empty disk, not opened yet.
    pub fn new(disk: SimDisk, options: Options, seed: u64) -> Self {
        let model = Model::default();
        Self {
            disk,
            options,
            store: None,
            states: vec![model.digest()],
            model,
            pending: Vec::new(),
            appended: 0,
            flushed: 0,
            now_us: 1_700_000_000_000_000,
            random: Random::new(seed),
        }
    }

    /// Opens the disk and carries out so many operations.
    pub fn run(&mut self, operations: usize) -> Result<(), End> {
        if self.store.is_none() {
            self.open(self.appended)?;
        }
        for _ in 0..operations {
            self.step()?;
        }
        Ok(())
    }

    /// The newest record that was promised to survive a power cut.
    pub fn flushed(&self) -> Lsn {
        self.flushed
    }

    /// The newest record that was promised to survive the process.
    pub fn appended(&self) -> Lsn {
        self.appended
    }

    /// Ends the process without a word.
    pub fn kill(&mut self) {
        self.store = None;
        self.pending.clear();
        self.disk.kill();
    }

    /// Forgets the process: its disk was treated by the caller.
    pub fn forget(&mut self) {
        self.store = None;
        self.pending.clear();
    }

    /// The process that is started after this one on another state of its disk.
    pub fn successor(&self, disk: SimDisk, options: Options) -> Self {
        Self {
            disk,
            options,
            store: None,
            model: Model::default(),
            states: self.states.clone(),
            pending: Vec::new(),
            appended: self.appended,
            flushed: self.flushed,
            now_us: self.now_us,
            random: self.random.clone(),
        }
    }

    /// The options of its store.
    pub fn options(&self) -> Options {
        self.options
    }

    /// The next start must find this record: a power cut has taken what was not flushed.
    pub fn require(&mut self, flushed: Lsn) {
        self.appended = flushed;
    }

    fn step(&mut self) -> Result<(), End> {
        match self.random.below(100) {
            0..60 => {
                self.write();
                self.write_out()
            }
            60..65 => {
                self.write();
                Ok(())
            }
            65..83 => self.flush(),
            83..88 => self.maintain(),
            88..95 => self.snapshot(),
            95..98 => {
                self.kill();
                self.open(self.appended)
            }
            _ => self.close(),
        }
    }

    /// Changes the state, and gathers the records of that.
    fn write(&mut self) {
        for _ in 0..=self.random.below(4) {
            self.now_us += self.random.below(40_000) as u64;
            let mut request = Vec::new();
            let key = |random: &mut Random| format!("k{}", random.below(KEYS));
            match self.random.below(10) {
                0..5 => push(&mut request, &["INCRBY", &key(&mut self.random), "1"]),
                5..7 => {
                    let ttl = self.random.between(20, 300).to_string();
                    push(&mut request, &["SET", &key(&mut self.random), "7", "PX", &ttl]);
                }
                7 => push(&mut request, &["DEL", &key(&mut self.random)]),
                _ => {
                    // A transfer, which is one unit.
                    push(&mut request, &["INCRBY", "from", "-3"]);
                    push(&mut request, &["INCRBY", "to", "3"]);
                }
            }
            let change = Change { now_us: self.now_us, db: 0, requests: &request };
            self.model.apply(&change).expect("these requests are of the model");
            write_change(&mut self.pending, self.states.len() as Lsn, self.now_us, 0, |out| {
                out.extend_from_slice(&request);
            });
            self.states.push(self.model.digest());
        }
    }

    fn last(&self) -> Lsn {
        self.states.len() as Lsn - 1
    }

    fn store(&self) -> &dyn Store {
        self.store.as_deref().expect("operations run on an open store")
    }

    fn write_out(&mut self) -> Result<(), End> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let last = self.last();
        match self.store().append(&self.pending, last) {
            Ok(()) => {
                self.pending.clear();
                self.appended = last;
                Ok(())
            }
            Err(error) => self.heal(&error),
        }
    }

    fn flush(&mut self) -> Result<(), End> {
        if self.random.percent(50) {
            self.store().expect_flushes();
        }
        match self.store().flush() {
            Ok(flushed) if flushed > self.appended => {
                Err(End::Broken(format!("flushed {flushed} of {} records", self.appended)))
            }
            Ok(flushed) => {
                self.flushed = self.flushed.max(flushed);
                Ok(())
            }
            Err(error) => self.heal(&error),
        }
    }

    fn maintain(&mut self) -> Result<(), End> {
        self.store().maintain().or_else(|error| self.heal(&error))
    }

    fn snapshot(&mut self) -> Result<(), End> {
        match self.try_snapshot(false) {
            Ok(()) => Ok(()),
            Err(error) => self.heal(&error),
        }
    }

    fn try_snapshot(&mut self, heals: bool) -> Result<(), StoreError> {
        let mut snapshot = self.store().begin_snapshot()?;
        if heals {
            // The snapshot will hold them.
            self.pending.clear();
        }
        let (mark, bytes) = (self.last(), self.model.to_bytes());
        let half = bytes.len() / 2;
        snapshot.write_all(&bytes[..half])?;
        snapshot.flush()?;
        if !heals && self.random.percent(50) {
            // Writes go on meanwhile.
            self.write();
            let last = self.last();
            self.store().append(&self.pending, last)?;
            self.pending.clear();
            self.appended = last;
            if self.random.percent(30) {
                self.flushed = self.flushed.max(self.store().flush()?);
            }
        }
        snapshot.write_all(&bytes[half..])?;
        if self.random.percent(10) && !heals {
            return Ok(());
        }
        snapshot.commit(mark)?;
        self.appended = self.appended.max(mark);
        self.flushed = self.flushed.max(mark);
        Ok(())
    }

    /// Heals as the host does, until it works.
    fn heal(&mut self, first: &StoreError) -> Result<(), End> {
        let mut reason = first.to_string();
        for _ in 0..PATIENCE {
            if self.disk.is_off() {
                return Err(End::PowerCut);
            }
            let may_fail = self.disk.has_faults();
            match self.try_snapshot(true) {
                // A store that was healthy has a log that goes on with what it had; what it has not is covered.
                Ok(()) => return Ok(()),
                Err(error) => reason = error.to_string(),
            }
            if !may_fail {
                break;
            }
        }
        Err(End::Broken(format!("does not heal: {reason}")))
    }

    fn close(&mut self) -> Result<(), End> {
        self.write_out()?;
        let result = self.store().close();
        if result.is_ok() {
            self.flushed = self.appended;
        } else if self.disk.is_off() {
            return Err(End::PowerCut);
        }
        self.store = None;
        self.pending.clear();
        self.open(self.appended)
    }

    /// Opens the disk, which must hold every record up to `at_least`.
    pub fn open(&mut self, at_least: Lsn) -> Result<(), End> {
        let mut reason = String::new();
        for _ in 0..PATIENCE {
            let may_fail = self.disk.has_faults();
            let opened = FileStore::open(self.disk.vfs(), self.options).and_then(read);
            match opened {
                Ok(opened) => return self.adopt(opened, at_least),
                Err(_) if self.disk.is_off() => return Err(End::PowerCut),
                Err(error @ (StoreError::Corrupt(_) | StoreError::TooNew(_) | StoreError::InUse(_))) => {
                    return Err(End::Broken(format!("a start is refused: {error}")));
                }
                Err(error) if may_fail => reason = error.to_string(),
                Err(error) => return Err(End::Broken(format!("a start fails without a fault: {error}"))),
            }
        }
        Err(End::Broken(format!("a start fails: {reason}")))
    }

    /// Compares what was found with what was promised, and goes on from there.
    fn adopt(&mut self, (store, model, last): (Box<dyn Store>, Model, Lsn), at_least: Lsn) -> Result<(), End> {
        if last < at_least {
            return Err(End::Broken(format!("{} promised records are lost: {last} of {at_least}", at_least - last)));
        }
        let Some(state) = self.states.get(last as usize) else {
            return Err(End::Broken(format!("record {last} was never written")));
        };
        if *state != model.digest() {
            return Err(End::Broken(format!("the state after record {last} is wrong: {model:?}")));
        }
        let status = store.status();
        if status.appended != last || status.flushed != last {
            return Err(End::Broken(format!("after a start everything is durable, but {status:?}")));
        }
        self.states.truncate(last as usize + 1);
        self.store = Some(store);
        self.model = model;
        (self.appended, self.flushed) = (last, last);
        Ok(())
    }
}

/// Replays what a store holds.
pub fn read(opened: Opened) -> Result<(Box<dyn Store>, Model, Lsn), StoreError> {
    let corrupt = |text: String| StoreError::Corrupt(format!("replay: {text}"));
    let mut model = Model::default();
    let mut last = 0;
    if let Some((lsn, mut reader)) = opened.snapshot {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        model = Model::from_bytes(&bytes).ok_or_else(|| corrupt("the snapshot is none of ours".to_owned()))?;
        last = lsn;
    }
    for change in opened.changes {
        let (lsn, payload) = change?;
        if lsn != last + 1 {
            return Err(corrupt(format!("record {lsn} follows record {last}")));
        }
        let change = Change::read(&payload).ok_or_else(|| corrupt(format!("record {lsn} is no change")))?;
        model.apply(&change).map_err(corrupt)?;
        last = lsn;
    }
    Ok((opened.store, model, opened.last))
}

fn push(out: &mut Vec<u8>, words: &[&str]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}
