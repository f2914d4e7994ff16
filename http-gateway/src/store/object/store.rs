//! The log of a bucket while it is open: records gather, and one thread after the other sends them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use larder_core::store::{Lsn, Snapshot, Status, Store, StoreError};
use object_store::UpdateVersion;

use super::Options;
use super::batch::{HEADER_BYTES, Header, name_of, number_of};
use super::bucket::{Bucket, Created, Replaced};
use super::manifest::{self, Generation, Manifest, snapshot_epoch, snapshot_name};
use super::recover::read_manifest;
use super::snapshot::SnapshotWriter;

/// Records that go into one object, unless one alone is larger.
const BATCH_BYTES: usize = 8 << 20;

/// Records that may wait to be sent, and how long an append waits for room before the store counts as failed.
const QUEUE_BYTES: usize = 32 << 20;
const ROOM_PATIENCE: Duration = Duration::from_secs(2);

/// Once the oldest record has waited so long to be sent, nothing more is taken: a crash would lose too much.
const STALL_MAX: Duration = Duration::from_secs(10);

/// What an object counts at least in the length of the log: reading many small ones at a start takes time too.
const OBJECT_WEIGHT: u64 = 16 << 10;

/// How often the manifest is read to see whether the place is still ours.
const OWNER_CHECK: Duration = Duration::from_secs(60);

/// Fences are kept so long at least; a writer that has not looked at the manifest for [`LEASE`] does so before it
/// believes that a number was free. It would else take one whose fence is gone.
const FENCE_KEEP_S: i64 = 24 * 3600;
const LEASE: Duration = Duration::from_secs(3600);

/// Numbers that may be taken by batches that count no more, one after the other.
const SKIPS_MAX: usize = 100;

/// Manifests of ours with unknown outcome that may be met.
const SWAPS_MAX: usize = 3;

/// What objects count in the length of the log.
pub fn weight(lens: impl Iterator<Item = u64>) -> u64 {
    lens.map(|len| len.max(OBJECT_WEIGHT)).sum()
}

/// Where a log goes on.
pub struct Start {
    /// Number of the next object.
    pub next: u64,
    /// Number of the newest record.
    pub last: Lsn,
    /// Length of the log.
    pub log_bytes: u64,
    /// The manifest, and its version.
    pub manifest: Manifest,
    /// See `manifest`.
    pub version: UpdateVersion,
}

/// What a snapshot has to remember of its beginning.
pub struct Begun {
    /// The first object that may hold something behind it.
    pub first: u64,
    /// The log has failed: this snapshot stands for what is lost.
    heals: bool,
    log_bytes: u64,
}

/// The store of a place in a bucket.
pub struct ObjectLog {
    shared: Arc<Shared>,
    sender: Option<JoinHandle<()>>,
}

/// What the store, its thread and its snapshots share.
pub struct Shared {
    /// The place.
    pub bucket: Arc<Bucket>,
    /// What was chosen.
    pub options: Options,
    epoch: u64,
    state: Mutex<State>,
    changed: Condvar,
    /// Number of the next object; held by whoever sends. Taken before the state.
    next: Mutex<u64>,
    /// The manifest and its version; held while it is replaced. Taken before the state.
    manifest: Mutex<(Manifest, UpdateVersion)>,
}

/// What changes while a store is open.
struct State {
    queue: VecDeque<Batch>,
    /// Bytes in the queue, and those that are being sent.
    queued_bytes: usize,
    /// Since when the batch waits that is being sent.
    sending_since: Option<Instant>,
    appended: Lsn,
    flushed: Lsn,
    /// As `Shared::next`, for those who cannot wait for it.
    next: u64,
    log_bytes: u64,
    snapshot_bytes: u64,
    snapshot_lsn: Lsn,
    snapshots: u64,
    /// When the manifest was last seen to be ours.
    owner_seen: (Instant, SystemTime),
    fault: Option<StoreError>,
    /// The host's own thread has heard of the fault.
    is_told: bool,
    is_closed: bool,
    stop: bool,
}

/// Records that go out together.
struct Batch {
    bytes: Vec<u8>,
    last: Lsn,
    since: Instant,
}

impl State {
    /// Since when the oldest record waits.
    fn oldest(&self) -> Option<Instant> {
        self.sending_since.or_else(|| self.queue.front().map(|batch| batch.since))
    }

    fn refusal(&self) -> Option<StoreError> {
        let closed = || StoreError::Io("the log is closed".to_owned());
        self.fault.clone().or_else(|| self.is_closed.then(closed))
    }

    fn is_fenced(&self) -> bool {
        matches!(self.fault, Some(StoreError::Fenced(_)))
    }

    /// Gives up what has not been sent. The first reason stays, but for the one that nothing heals.
    fn fail(&mut self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Fenced(_)) {
            self.fault = Some(error);
        }
        self.queue.clear();
        self.queued_bytes = 0;
        let fallback = StoreError::Io("the log has failed".to_owned());
        self.fault.clone().unwrap_or(fallback)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a failure, and tells those who wait.
    fn fail(&self, error: StoreError) -> StoreError {
        let mut state = self.state();
        if state.fault.is_none() {
            state.fault = Some(error.clone());
        }
        let fault = state.fail(error);
        self.changed.notify_all();
        fault
    }

    fn fenced(&self, epoch: u64) -> StoreError {
        let place = &self.bucket.place;
        self.fail(StoreError::Fenced(format!("fenced by another writer, who opened {place} as number {epoch}")))
    }

    /// Sends the oldest batch. Answers false if there was none.
    fn send(&self) -> Result<bool, StoreError> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = {
            let mut state = self.state();
            if let Some(fault) = &state.fault {
                return Err(fault.clone());
            }
            let Some(batch) = state.queue.pop_front() else { return Ok(false) };
            state.sending_since = Some(batch.since);
            batch
        };
        let (last, len) = (batch.last, batch.bytes.len());
        let sent = self.put(*next, batch);
        let mut state = self.state();
        state.sending_since = None;
        state.queued_bytes = state.queued_bytes.saturating_sub(len);
        match sent {
            Ok(number) => {
                *next = number + 1;
                state.next = *next;
                state.log_bytes += weight(std::iter::once((HEADER_BYTES + len) as u64));
                state.flushed = state.flushed.max(last);
                self.changed.notify_all();
                Ok(true)
            }
            // A snapshot has made it good meanwhile.
            Err(StoreError::Io(_)) if state.fault.is_none() && last <= state.flushed => Ok(true),
            Err(error) => {
                drop(state);
                Err(self.fail(error))
            }
        }
    }

    /// Puts a batch under the first number that is free, which is almost always the next. Answers that number.
    fn put(&self, next: u64, batch: Batch) -> Result<u64, StoreError> {
        let body = bytes::Bytes::from(batch.bytes);
        let own = (self.epoch, self.options.writer);
        for number in (next..).take(SKIPS_MAX) {
            let header = Header::new(own, number, batch.last, &body);
            match self.bucket.create(&name_of(number), &header.write(body.clone()), self.options.patience)? {
                Created::Ours => {
                    self.check_lease()?;
                    return Ok(number);
                }
                Created::Taken(found) => {
                    let found = Header::read(&found, number)?;
                    // A put of ours that came late, after a snapshot had made it good, or one of a fenced writer.
                    let counts_no_more = (found.epoch, found.writer) == own || found.epoch < self.epoch;
                    if !counts_no_more {
                        return Err(self.fenced(found.epoch));
                    }
                }
            }
        }
        Err(StoreError::Io("the numbers of the next objects are taken".to_owned()))
    }

    /// Looks at the manifest if that was long ago.
    fn check_lease(&self) -> Result<(), StoreError> {
        if self.owner_unseen_for() < LEASE {
            return Ok(());
        }
        self.check_owner()
    }

    fn owner_unseen_for(&self) -> Duration {
        let (instant, time) = self.state().owner_seen;
        // A machine that sleeps stops the one clock, an operator may set the other.
        instant.elapsed().max(time.elapsed().unwrap_or_default())
    }

    /// Reads the manifest: an error unless it is still ours.
    fn check_owner(&self) -> Result<(), StoreError> {
        let now = (Instant::now(), SystemTime::now());
        match read_manifest(&self.bucket)? {
            Some((found, _)) if (found.epoch, found.writer) == (self.epoch, self.options.writer) => {
                self.state().owner_seen = now;
                Ok(())
            }
            found => Err(self.fenced(found.map_or(0, |(found, _)| found.epoch))),
        }
    }

    /// Replaces the manifest by one that goes on from it.
    fn swap(&self, change: impl Fn(&mut Manifest)) -> Result<Manifest, StoreError> {
        let mut guard = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..SWAPS_MAX {
            let (old, version) = &*guard;
            let mut new = old.clone();
            new.generation += 1;
            change(&mut new);
            let body = new.write().into();
            match self.bucket.replace(manifest::NAME, &body, Some(version), self.options.patience)? {
                Replaced::Ours(version) => {
                    let old = std::mem::replace(&mut *guard, (new, version)).0;
                    return Ok(old);
                }
                Replaced::Lost => match read_manifest(&self.bucket)? {
                    // One of ours, which seemed to have failed.
                    Some(found) if found.0.has_same_writer(old) => *guard = found,
                    found => return Err(self.fenced(found.map_or(0, |(found, _)| found.epoch))),
                },
            }
        }
        Err(StoreError::Io("the manifest changes all the time".to_owned()))
    }

    /// Makes a snapshot the one that a start begins with, and removes what nobody needs any more.
    pub fn commit(&self, begun: &Begun, generation: Generation) -> Result<(), StoreError> {
        let refusal = |state: &State| match &state.fault {
            Some(fault) if state.is_fenced() => Some(fault.clone()),
            _ => state.is_closed.then(|| StoreError::Io("the log is closed".to_owned())),
        };
        if let Some(refusal) = refusal(&self.state()) {
            return Err(refusal);
        }
        let end = self.state().next;
        let old = self.swap(|manifest| {
            manifest.end = manifest.end.max(end);
            manifest.previous = Some(std::mem::replace(&mut manifest.now, generation.clone()));
        })?;
        let snapshot = generation.snapshot.as_ref().expect("a commit is of a snapshot");
        {
            let mut state = self.state();
            if begun.heals && !state.is_fenced() {
                state.fault = None;
                state.is_told = false;
                state.appended = snapshot.lsn;
                state.flushed = snapshot.lsn;
            }
            (state.snapshot_lsn, state.snapshot_bytes) = (snapshot.lsn, snapshot.len);
            state.log_bytes = state.log_bytes.saturating_sub(begun.log_bytes);
            state.flushed = state.flushed.max(snapshot.lsn.min(state.appended));
            state.owner_seen = (Instant::now(), SystemTime::now());
        }
        self.remove_old(&old.now, &snapshot.name);
        Ok(())
    }

    /// Removes what neither the present nor the previous generation needs.
    fn remove_old(&self, previous: &Generation, current: &str) {
        let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() as i64;
        let mut names = Vec::new();
        for object in self.bucket.list("log").unwrap_or_default() {
            let is_old = number_of(&object.name).is_some_and(|number| number < previous.first);
            let is_fence = object.len == HEADER_BYTES as u64;
            if is_old && (!is_fence || object.made_s.saturating_add(FENCE_KEEP_S) < now_s) {
                names.push(object.name);
            }
        }
        let kept = [Some(current), previous.snapshot.as_ref().map(|snapshot| snapshot.name.as_str())];
        for object in self.bucket.list("snapshots").unwrap_or_default() {
            // A writer that comes after us may be at one of its own.
            let is_ours = snapshot_epoch(&object.name).is_some_and(|epoch| epoch <= self.epoch);
            if is_ours && !kept.contains(&Some(object.name.as_str())) {
                names.push(object.name);
            }
        }
        self.bucket.remove(names);
    }

    /// Sends what has waited long enough, until the end.
    fn send_loop(&self) {
        loop {
            {
                let is_due = |state: &State| {
                    let is_old = state.queue.front().is_some_and(|it| it.since.elapsed() >= self.options.interval);
                    is_old || state.queued_bytes >= BATCH_BYTES && !state.queue.is_empty()
                };
                let mut state = self.state();
                while !state.stop && !is_due(&state) {
                    let waits = state.queue.front().map(|batch| batch.since.elapsed());
                    let rest = waits.map_or(OWNER_CHECK, |waits| self.options.interval.saturating_sub(waits));
                    let waited = self.changed.wait_timeout(state, rest.max(Duration::from_millis(1)));
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                if state.stop {
                    return;
                }
            }
            // The fault is noted, and told to whoever comes next.
            while let Ok(true) = self.send() {}
        }
    }
}

impl ObjectLog {
    /// Opens the log for more, and starts its thread.
    pub fn start(bucket: Arc<Bucket>, options: Options, start: Start) -> Result<Self, StoreError> {
        let snapshot = start.manifest.now.snapshot.as_ref();
        let state = State {
            queue: VecDeque::new(),
            queued_bytes: 0,
            sending_since: None,
            appended: start.last,
            flushed: start.last,
            next: start.next,
            log_bytes: start.log_bytes,
            snapshot_bytes: snapshot.map_or(0, |snapshot| snapshot.len),
            snapshot_lsn: snapshot.map_or(0, |snapshot| snapshot.lsn),
            snapshots: 0,
            owner_seen: (Instant::now(), SystemTime::now()),
            fault: None,
            is_told: false,
            is_closed: false,
            stop: false,
        };
        let shared = Arc::new(Shared {
            bucket,
            options,
            epoch: start.manifest.epoch,
            state: Mutex::new(state),
            changed: Condvar::new(),
            next: Mutex::new(start.next),
            manifest: Mutex::new((start.manifest, start.version)),
        });
        let sending = Arc::clone(&shared);
        let sender = std::thread::Builder::new().name("larder-send".to_owned()).spawn(move || sending.send_loop())?;
        Ok(Self { shared, sender: Some(sender) })
    }
}

impl Store for ObjectLog {
    /// Only gathers: see the module.
    fn append(&self, records: &[u8], last: Lsn) -> Result<(), StoreError> {
        let shared = &self.shared;
        let begun = Instant::now();
        let mut state = shared.state();
        let stall = loop {
            if let Some(refusal) = state.refusal() {
                return Err(refusal);
            }
            if state.oldest().is_some_and(|oldest| oldest.elapsed() > STALL_MAX) {
                break Some("does not take records any more");
            }
            if state.queued_bytes == 0 || state.queued_bytes + records.len() <= QUEUE_BYTES {
                break None;
            }
            let Some(rest) = ROOM_PATIENCE.checked_sub(begun.elapsed()) else {
                break Some("takes records more slowly than they come");
            };
            state = shared.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        };
        if let Some(stall) = stall {
            drop(state);
            return Err(shared.fail(StoreError::Io(format!("{} {stall}", shared.bucket.place))));
        }
        state.queued_bytes += records.len();
        state.appended = state.appended.max(last);
        match state.queue.back_mut().filter(|batch| batch.bytes.len() + records.len() <= BATCH_BYTES) {
            Some(batch) => {
                batch.bytes.extend_from_slice(records);
                batch.last = last;
            }
            None => {
                state.queue.push_back(Batch { bytes: records.to_vec(), last, since: Instant::now() });
                // The thread has to know when it is due.
                shared.changed.notify_all();
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<Lsn, StoreError> {
        let upto = self.shared.state().appended;
        while self.shared.send()? && self.shared.state().flushed < upto {}
        Ok(self.shared.state().flushed)
    }

    fn begin_snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let shared = &self.shared;
        if shared.state().fault.is_some() {
            // Nothing large is sent to a place that does not answer, or is not ours.
            shared.check_owner()?;
        }
        let mut state = shared.state();
        if let Some(refusal) = state.refusal().filter(|_| state.is_closed || state.is_fenced()) {
            return Err(refusal);
        }
        state.snapshots += 1;
        let begun = Begun { first: state.next, heals: state.fault.is_some(), log_bytes: state.log_bytes };
        let name = snapshot_name(shared.epoch, state.snapshots);
        Ok(Box::new(SnapshotWriter::new(Arc::clone(shared), begun, name)))
    }

    /// Tells once of a fault that came while nobody wrote, and looks whether the place is still ours.
    fn maintain(&self) -> Result<(), StoreError> {
        {
            let mut state = self.shared.state();
            if let Some(fault) = state.fault.clone() {
                let is_told = std::mem::replace(&mut state.is_told, true);
                return if is_told { Ok(()) } else { Err(fault) };
            }
        }
        if self.shared.owner_unseen_for() < OWNER_CHECK {
            return Ok(());
        }
        match self.shared.check_owner() {
            // Whoever writes will find out.
            Err(StoreError::Io(error)) => {
                tracing::debug!("{error}");
                Ok(())
            }
            checked => checked,
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        self.flush()?;
        {
            let mut state = self.shared.state();
            state.is_closed = true;
            if state.appended > state.flushed {
                return Err(StoreError::Io("records came while the log was closed".to_owned()));
            }
        }
        let end = self.shared.state().next;
        self.shared.swap(|manifest| manifest.end = end).map(drop)
    }

    fn status(&self) -> Status {
        let state = self.shared.state();
        Status {
            backend: "object",
            log_bytes: state.log_bytes,
            snapshot_bytes: state.snapshot_bytes,
            snapshot_lsn: state.snapshot_lsn,
            appended: state.appended,
            flushed: state.flushed,
        }
    }
}

impl Drop for ObjectLog {
    fn drop(&mut self) {
        // What the process still has it sends; a failure is the crash that this would else be.
        let _ = self.flush();
        self.shared.state().stop = true;
        self.shared.changed.notify_all();
        if let Some(sender) = self.sender.take() {
            let _ = sender.join();
        }
    }
}
