//! The store of a folder of files: numbered segments of the log, snapshots, and a manifest that ties them together.
//!
//! One previous generation, its snapshot and its segments, is kept until the next snapshot.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::manifest::{Manifest, snapshot_number, sync_folder, write_all};
use super::plant::Bug;
use super::record::{FlushMark, write_flush_mark};
use super::recover::{Changes, Scan, copy_records, has_records, scan, segments_from};
use super::segment::{self, HEADER_BYTES, Header, name_of};
use super::snapshot::{SnapshotWriter, open_snapshot};
use super::vfs::{Mode, Vfs};
use super::{Lsn, Opened, Snapshot, Status, Store, StoreError};

/// What may be chosen of a file store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A segment ends once it is longer than this.
    pub segment_bytes: u64,
    /// How much room is made ahead: see [`Store::expect_flushes`].
    pub reserve_bytes: u64,
    /// A number that clients cannot know, another for each opening. See [`FlushMark::salt`].
    pub salt: u64,
    /// The bug that the harness must find.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<Bug>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            reserve_bytes: 256 << 10,
            salt: 0,
            #[cfg(feature = "planted-bugs")]
            bug: None,
        }
    }
}

impl Options {
    /// Whether a bug is planted.
    pub(super) fn has(&self, bug: Bug) -> bool {
        #[cfg(feature = "planted-bugs")]
        return self.bug == Some(bug);
        #[cfg(not(feature = "planted-bugs"))]
        {
            let _ = bug;
            false
        }
    }
}

/// The store of a folder.
pub struct FileStore<V: Vfs>(Arc<Folder<V>>);

/// The folder of a store, which the snapshots it writes share.
pub(super) struct Folder<V: Vfs> {
    pub vfs: Arc<V>,
    pub options: Options,
    epoch: u64,
    state: Mutex<State<V::File>>,
    /// The newest manifest, held while the next one is written. Taken before the state.
    manifest: Mutex<Manifest>,
    _lock: Box<dyn Send + Sync>,
}

/// What changes while a store is open.
pub(super) struct State<File> {
    /// Where records go; none after an error, and once it is closed.
    pub segment: Option<Segment<File>>,
    /// Segments that got records since the last flush and will get no more.
    pub unflushed: Vec<Arc<File>>,
    next_segment: u64,
    pub appended: Lsn,
    pub flushed: Lsn,
    /// The newest record that a flush mark names.
    pub marked: Lsn,
    pub log_bytes: u64,
    snapshot_bytes: u64,
    snapshot_lsn: Lsn,
    pub fault: Option<String>,
    /// What a planted bug keeps back.
    held: Vec<u8>,
}

/// A segment that takes records.
pub(super) struct Segment<File> {
    pub file: Arc<File>,
    /// Where the next record goes.
    pub bytes: u64,
    /// Up to here the file has zeros behind that.
    reserved: u64,
}

impl<File> Segment<File> {
    pub fn new(file: File) -> Self {
        Self { file: Arc::new(file), bytes: HEADER_BYTES as u64, reserved: 0 }
    }
}

impl<V: Vfs + 'static> FileStore<V> {
    /// Opens a folder: takes it for this process, finds the end of its log and makes it ready for more. A folder that
    /// is refused is not changed.
    pub fn open(vfs: V, options: Options) -> Result<Opened, StoreError> {
        let vfs = Arc::new(vfs);
        let lock = vfs.lock().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::WouldBlock => {
                StoreError::InUse("another process has it open".to_owned())
            }
            _ => error.into(),
        })?;
        let (mut manifest, is_new) = newest_manifest(&*vfs)?;
        let scan = if is_new { Scan::default() } else { scan(&*vfs, &manifest, &options)? };
        let snapshot = match &manifest.snapshot {
            None => None,
            Some(file) => Some((file.lsn, open_snapshot(&vfs, file)?)),
        };
        cut(&*vfs, &scan, &manifest, &options)?;
        let number = next_number(&*vfs)?;
        manifest.epoch += 1;
        manifest.generation += 1;
        manifest.closed_at = None;
        if !is_new {
            // A segment that a crash leaves half made must not stand behind a log that claims to be closed.
            manifest.save(&*vfs, &options)?;
        }
        let header = Header { epoch: manifest.epoch, number, salt: options.salt };
        let file = segment::create(&*vfs, header, &options)?;
        if is_new {
            manifest.first_segment = number;
            manifest.save(&*vfs, &options)?;
        }
        let written = repeat_unflushed(&vfs, &scan, &options, &file)?;
        let covered = manifest.snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn);
        let state = State {
            segment: Some(Segment { bytes: HEADER_BYTES as u64 + written, ..Segment::new(file) }),
            unflushed: Vec::new(),
            next_segment: number + 1,
            appended: scan.last,
            flushed: scan.last,
            marked: scan.last,
            log_bytes: scan.parts.iter().map(|part| part.len).sum::<u64>() + written,
            snapshot_bytes: manifest.snapshot.as_ref().map_or(0, |snapshot| snapshot.len),
            snapshot_lsn: covered,
            fault: None,
            held: Vec::new(),
        };
        let changes = Changes::new(Arc::clone(&vfs), &scan, covered, options);
        let folder = Folder {
            vfs,
            options,
            epoch: manifest.epoch,
            state: Mutex::new(state),
            manifest: Mutex::new(manifest),
            _lock: lock,
        };
        Ok(Opened {
            store: Box::new(Self(Arc::new(folder))),
            snapshot,
            changes: Box::new(changes),
            last: scan.last,
            truncated_bytes: scan.truncated_bytes,
        })
    }
}

/// The newest manifest of a folder, and whether the folder never had one.
fn newest_manifest<V: Vfs>(vfs: &V) -> Result<(Manifest, bool), StoreError> {
    let found = Manifest::load(vfs)?;
    if let Some(manifest) = found.newest {
        return Ok((manifest, false));
    }
    let has_snapshot = vfs.list()?.iter().any(|name| snapshot_number(name).is_some());
    if has_snapshot || has_records(vfs)? {
        let slots = if found.damaged > 0 { "no slot of the manifest is whole" } else { "the manifest is missing" };
        return Err(StoreError::Corrupt(format!("{slots}, but there is data")));
    }
    // A process that died before its first manifest was whole has left empty segments at most.
    for number in segments_from(vfs, 0)? {
        vfs.remove(&name_of(number))?;
    }
    Ok((Manifest::default(), true))
}

/// Cuts off what follows the last whole record, and removes snapshots that a crash left unfinished. Done again after a
/// crash, it does the same.
fn cut<V: Vfs>(vfs: &V, scan: &Scan, manifest: &Manifest, options: &Options) -> Result<(), StoreError> {
    let previous = manifest.previous.as_ref().and_then(|(snapshot, _)| snapshot.as_ref());
    let kept: Vec<&String> = manifest.snapshot.iter().chain(previous).map(|snapshot| &snapshot.name).collect();
    let mut removed = false;
    for name in vfs.list()?.iter().filter(|name| snapshot_number(name).is_some() && !kept.contains(name)) {
        vfs.remove(name)?;
        removed = true;
    }
    let is_empty = |part: &&super::recover::Part| part.len == HEADER_BYTES as u64;
    let empty = scan.parts.iter().skip(1).filter(is_empty).map(|part| part.number);
    let mut unneeded: Vec<u64> = scan.dropped.iter().copied().chain(empty).collect();
    unneeded.sort_unstable();
    // From the end: a crash in between must not leave a gap before records.
    for number in unneeded.iter().rev() {
        vfs.remove(&name_of(*number))?;
        sync_folder(vfs, options)?;
    }
    if removed {
        sync_folder(vfs, options)?;
    }
    let is_cut = |hole: &super::recover::Hole| !unneeded.contains(&hole.segment) && !options.has(Bug::SplitTransaction);
    if let Some(hole) = scan.hole.filter(is_cut) {
        let file = vfs.open(&name_of(hole.segment), Mode::Write)?;
        vfs.set_len(&file, hole.at)?;
        vfs.sync(&file)?;
        vfs.close(file)?;
    }
    Ok(())
}

/// A number that no segment and no snapshot has.
fn next_number(vfs: &impl Vfs) -> Result<u64, StoreError> {
    let names = vfs.list()?;
    let numbers = names.iter().filter_map(|name| segment::number_of(name).or_else(|| snapshot_number(name)));
    Ok(numbers.max().map_or(0, |newest| newest + 1))
}

/// Writes records that no flush mark vouches for into the new segment and flushes them there: the process that wrote
/// them may have died of a failed flush, after which another on the same file would pass over lost data.
fn repeat_unflushed<V: Vfs>(vfs: &Arc<V>, scan: &Scan, options: &Options, file: &V::File) -> Result<u64, StoreError> {
    if scan.marked >= scan.last {
        return Ok(0);
    }
    let end = copy_records(vfs, scan, scan.marked, *options, (&**vfs, file))?;
    vfs.sync(file)?;
    Ok(end - HEADER_BYTES as u64 + write_mark(&**vfs, file, end, scan.last, options)?)
}

/// Notes at the end of a segment that everything up to a record has been flushed. Answers the bytes of the note.
pub(super) fn write_mark<V: Vfs>(vfs: &V, file: &V::File, at: u64, flushed: Lsn, options: &Options) -> io::Result<u64> {
    let mut mark = Vec::new();
    write_flush_mark(&mut mark, flushed, FlushMark { flushed, salt: options.salt });
    write_all(vfs, file, at, &mark)?;
    Ok(mark.len() as u64)
}

impl<V: Vfs> Folder<V> {
    pub fn state(&self) -> MutexGuard<'_, State<V::File>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the segment: what its file holds from here on cannot be known.
    fn poison(&self, state: &mut State<V::File>, error: &dyn std::fmt::Display) -> StoreError {
        state.segment = None;
        state.unflushed.clear();
        let fault = state.fault.get_or_insert_with(|| error.to_string()).clone();
        StoreError::Io(fault)
    }

    /// The number of a segment that will be created.
    pub fn reserve_segment(&self) -> u64 {
        let mut state = self.state();
        state.next_segment += 1;
        state.next_segment - 1
    }

    /// Creates a segment, without any lock while the device works.
    pub fn create_segment(&self, number: u64) -> Result<Segment<V::File>, StoreError> {
        let header = Header { epoch: self.epoch, number, salt: self.options.salt };
        Ok(Segment::new(segment::create(&*self.vfs, header, &self.options)?))
    }

    fn sync(&self, file: &V::File) -> io::Result<()> {
        if self.options.has(Bug::NoFlush) {
            return Ok(());
        }
        let result = self.vfs.sync(file);
        if result.is_err() && self.options.has(Bug::RetryFlush) {
            return self.vfs.sync(file);
        }
        result
    }
}

impl<File> State<File> {
    /// Sends further records to another segment.
    pub fn switch_to(&mut self, segment: Segment<File>) {
        if let Some(old) = self.segment.replace(segment) {
            self.unflushed.push(old.file);
        }
    }

    /// Notes the snapshot of a new manifest.
    pub fn covered(&mut self, lsn: Lsn, bytes: u64) {
        (self.snapshot_lsn, self.snapshot_bytes) = (lsn, bytes);
        self.log_bytes = self.segment.as_ref().map_or(0, |segment| segment.bytes);
        // A snapshot that heals may hold records that the log never got.
        self.appended = self.appended.max(lsn);
        self.flushed = self.flushed.max(lsn);
    }

    fn refusal(&self) -> StoreError {
        StoreError::Io(self.fault.clone().unwrap_or_else(|| "the log is closed".to_owned()))
    }
}

impl<V: Vfs + 'static> Store for FileStore<V> {
    fn append(&self, records: &[u8], last: Lsn) -> Result<(), StoreError> {
        let mut state = self.0.state();
        let Some(segment) = &state.segment else {
            return Err(state.refusal());
        };
        let (file, at) = (Arc::clone(&segment.file), segment.bytes);
        let mut result = Ok(0);
        if state.flushed > state.marked {
            result = write_mark(&*self.0.vfs, &file, at, state.flushed, &self.0.options);
            state.marked = state.flushed;
        }
        let held;
        let records = if self.0.options.has(Bug::AckBeforeWrite) {
            held = std::mem::replace(&mut state.held, records.to_vec());
            &held
        } else {
            records
        };
        result = result.and_then(|mark| write_all(&*self.0.vfs, &file, at + mark, records).map(|()| mark));
        let written = match result {
            Ok(mark) => mark + records.len() as u64,
            Err(error) => return Err(self.0.poison(&mut state, &error)),
        };
        state.appended = state.appended.max(last);
        state.log_bytes += written;
        if let Some(segment) = &mut state.segment {
            segment.bytes += written;
        }
        Ok(())
    }

    fn expect_flushes(&self) {
        let mut state = self.0.state();
        let (vfs, reserve) = (&*self.0.vfs, self.0.options.reserve_bytes);
        let Some(segment) = &mut state.segment else { return };
        if segment.reserved < segment.bytes + reserve / 4 {
            let (from, to) = (segment.reserved.max(segment.bytes), segment.bytes + reserve);
            let zeros = vec![0; (to - from) as usize];
            // Without the room records are as safe. If there is no space for it, another try would fail as well.
            let is_made = write_all(vfs, &segment.file, from, &zeros).is_ok();
            segment.reserved = if is_made { to } else { u64::MAX };
        }
    }

    fn flush(&self) -> Result<Lsn, StoreError> {
        let (files, upto) = {
            let state = self.0.state();
            let Some(segment) = &state.segment else {
                return Err(state.refusal());
            };
            let current = Arc::clone(&segment.file);
            (state.unflushed.iter().cloned().chain([current]).collect::<Vec<_>>(), state.appended)
        };
        let result = files.iter().try_for_each(|file| self.0.sync(file));
        let mut state = self.0.state();
        let is_flushed = |file: &Arc<V::File>| files.iter().any(|flushed| Arc::ptr_eq(file, flushed));
        if let Err(error) = result {
            let current = state.segment.as_ref().map(|segment| &segment.file);
            if state.fault.is_none() && !state.unflushed.iter().chain(current).any(is_flushed) {
                // A snapshot has made these files good meanwhile.
                return Ok(state.flushed);
            }
            return Err(self.0.poison(&mut state, &error));
        }
        state.unflushed.retain(|file| !is_flushed(file));
        state.flushed = state.flushed.max(upto);
        Ok(state.flushed)
    }

    fn begin_snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let number = self.0.reserve_segment();
        let mut heals = self.0.state().segment.is_none();
        if !heals {
            let segment = self.0.create_segment(number)?;
            let mut state = self.0.state();
            heals = state.fault.is_some();
            if !heals {
                state.switch_to(segment);
            }
        }
        // A segment that makes good a failed one is made once it is known what it goes on from.
        let number = if heals { self.0.reserve_segment() } else { number };
        Ok(Box::new(SnapshotWriter::create(Arc::clone(&self.0), number, heals)?))
    }

    fn maintain(&self) -> Result<(), StoreError> {
        let is_full = |state: &State<V::File>| {
            state.segment.as_ref().is_some_and(|segment| segment.bytes > self.0.options.segment_bytes)
        };
        if !is_full(&self.0.state()) {
            return Ok(());
        }
        // What stands unflushed at a crash is one segment at most, whatever the policy.
        self.flush()?;
        let segment = self.0.create_segment(self.0.reserve_segment())?;
        let mut state = self.0.state();
        if state.segment.is_some() {
            state.switch_to(segment);
        }
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        self.flush()?;
        let mut manifest = self.0.manifest();
        let mut next = manifest.clone();
        {
            let mut state = self.0.state();
            // Whether or not the manifest gets there, nothing may follow.
            state.segment = None;
            next.closed_at = Some(state.appended);
            if state.appended > state.flushed {
                return Err(StoreError::Io("records came while the log was closed".to_owned()));
            }
        }
        next.generation += 1;
        next.save(&*self.0.vfs, &self.0.options)?;
        *manifest = next;
        Ok(())
    }

    fn status(&self) -> Status {
        let state = self.0.state();
        Status {
            backend: "file",
            log_bytes: state.log_bytes,
            snapshot_bytes: state.snapshot_bytes,
            snapshot_lsn: state.snapshot_lsn,
            appended: state.appended,
            flushed: state.flushed,
        }
    }
}
