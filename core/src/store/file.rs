//! The store of a folder of files: numbered segments of the log, snapshots, and a manifest that ties them together.
//!
//! One previous generation, its snapshot and its segments, is kept until the next snapshot.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::manifest::{Manifest, SnapshotFile, append_all, read_full};
use super::record::write_flush_mark;
use super::recover::{Changes, Scan, scan, segments_from};
use super::segment::{self, HEADER_BYTES, name_of};
use super::vfs::{Mode, Vfs};
use super::{Lsn, Opened, Snapshot, Status, Store, StoreError};

/// What may be chosen of a file store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A segment ends once it is longer than this.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20 }
    }
}

/// Bytes of a snapshot that are written at a time, and read at a time to verify it.
const CHUNK_BYTES: usize = 1 << 20;

/// The store of a folder.
pub struct FileStore<V: Vfs>(Arc<Folder<V>>);

struct Folder<V: Vfs> {
    vfs: Arc<V>,
    options: Options,
    state: Mutex<State<V::File>>,
    _lock: Box<dyn Send + Sync>,
}

struct State<File> {
    manifest: Manifest,
    /// Where records go; none after an error.
    segment: Option<Segment<File>>,
    /// Segments that got records since the last flush and will get no more.
    unflushed: Vec<Arc<File>>,
    next_segment: u64,
    appended: Lsn,
    flushed: Lsn,
    /// The newest record that a flush mark names.
    marked: Lsn,
    log_bytes: u64,
    /// First segments of the present and the previous generation.
    previous_first: u64,
    fault: Option<String>,
}

struct Segment<File> {
    file: Arc<File>,
    bytes: u64,
}

impl<V: Vfs + 'static> FileStore<V> {
    /// Opens a folder: takes it for this process, finds the end of its log and makes it ready for more.
    pub fn open(vfs: V, options: Options) -> Result<Opened, StoreError> {
        let vfs = Arc::new(vfs);
        let lock = vfs.lock().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::WouldBlock => {
                StoreError::InUse("another process has it open".to_owned())
            }
            _ => error.into(),
        })?;
        let found = Manifest::load(&*vfs)?;
        let is_new = found.is_none();
        let mut manifest = found.unwrap_or_default();
        if is_new {
            // A process that died before its first manifest has left an empty segment at most.
            for number in segments_from(&*vfs, 0)? {
                vfs.remove(&name_of(number))?;
            }
        }
        let scan = if is_new { Scan::default() } else { scan(&*vfs, &manifest)? };
        let snapshot = match &manifest.snapshot {
            None => None,
            Some(file) => Some((file.lsn, open_snapshot(&vfs, file)?)),
        };
        cut(&*vfs, &scan)?;
        let newest = segments_from(&*vfs, 0)?.last().copied();
        let number = newest.map_or(0, |newest| newest + 1);
        manifest.epoch += 1;
        manifest.generation += 1;
        manifest.closed_at = None;
        if is_new {
            manifest.first_segment = number;
        }
        let file = segment::create(&*vfs, number, manifest.epoch)?;
        manifest.save(&*vfs)?;
        let covered = manifest.snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn);
        let log_bytes = scan.segments.iter().map(|(_, bytes)| bytes).sum();
        let changes = Changes::new(Arc::clone(&vfs), &scan, covered);
        let state = State {
            previous_first: manifest.first_segment,
            manifest,
            segment: Some(Segment { file: Arc::new(file), bytes: HEADER_BYTES as u64 }),
            unflushed: Vec::new(),
            next_segment: number + 1,
            appended: scan.last,
            flushed: scan.last,
            marked: 0,
            log_bytes,
            fault: None,
        };
        let folder = Folder { vfs, options, state: Mutex::new(state), _lock: lock };
        Ok(Opened {
            store: Box::new(Self(Arc::new(folder))),
            snapshot,
            changes: Box::new(changes),
            last: scan.last,
            truncated_bytes: scan.truncated_bytes,
        })
    }
}

/// Cuts off what follows the last whole record. Done again after a crash, it does the same.
fn cut(vfs: &impl Vfs, scan: &Scan) -> Result<(), StoreError> {
    if scan.truncated_bytes == 0 && scan.dropped.is_empty() {
        return Ok(());
    }
    // From the end: a crash in between must not leave a gap before records.
    for number in scan.dropped.iter().rev() {
        vfs.remove(&name_of(*number))?;
        vfs.sync_folder()?;
    }
    if let Some((number, len)) = scan.segments.last() {
        let file = vfs.open(&name_of(*number), Mode::Append)?;
        if vfs.len(&file)? > *len {
            vfs.set_len(&file, *len)?;
        }
        vfs.sync(&file)?;
        vfs.close(file)?;
    }
    Ok(())
}

/// Verifies a snapshot against the manifest and opens it.
fn open_snapshot<V: Vfs + 'static>(
    vfs: &Arc<V>,
    snapshot: &SnapshotFile,
) -> Result<Box<dyn io::Read + Send>, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt(format!("{}: {what}", snapshot.name));
    let file = vfs.open(&snapshot.name, Mode::Read).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => corrupt("it is missing".to_owned()),
        _ => error.into(),
    })?;
    let len = vfs.len(&file)?;
    if len != snapshot.len {
        return Err(corrupt(format!("it has {len} bytes, and had {}", snapshot.len)));
    }
    if checksum(&**vfs, &file, len)? != snapshot.crc32c {
        return Err(corrupt("its checksum does not fit".to_owned()));
    }
    Ok(Box::new(FileReader { vfs: Arc::clone(vfs), file, at: 0 }))
}

fn checksum<V: Vfs>(vfs: &V, file: &V::File, len: u64) -> io::Result<u32> {
    let mut chunk = vec![0; CHUNK_BYTES.min(len as usize)];
    let (mut at, mut sum) = (0, 0);
    while at < len {
        let read = read_full(vfs, file, at, &mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sum = crc32c::crc32c_append(sum, &chunk[..read]);
        at += read as u64;
    }
    Ok(sum)
}

/// A file from its beginning to its end.
struct FileReader<V: Vfs> {
    vfs: Arc<V>,
    file: V::File,
    at: u64,
}

impl<V: Vfs> io::Read for FileReader<V> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.vfs.read(&self.file, self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl<V: Vfs> Folder<V> {
    fn state(&self) -> MutexGuard<'_, State<V::File>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the segment: what its file holds from here on cannot be known.
    fn poison(&self, state: &mut State<V::File>, error: &dyn std::fmt::Display) -> StoreError {
        state.segment = None;
        state.unflushed.clear();
        let fault = state.fault.get_or_insert_with(|| error.to_string()).clone();
        StoreError::Io(fault)
    }

    /// Creates the next segment, without any lock while the device works.
    fn new_segment(&self) -> Result<Segment<V::File>, StoreError> {
        let (number, epoch) = {
            let mut state = self.state();
            let number = state.next_segment;
            state.next_segment += 1;
            (number, state.manifest.epoch)
        };
        let file = segment::create(&*self.vfs, number, epoch)?;
        Ok(Segment { file: Arc::new(file), bytes: HEADER_BYTES as u64 })
    }
}

impl<File> State<File> {
    /// Sends further records to another segment.
    fn switch_to(&mut self, segment: Segment<File>) {
        if let Some(old) = self.segment.replace(segment) {
            self.unflushed.push(old.file);
        }
    }
}

impl<V: Vfs + 'static> Store for FileStore<V> {
    fn append(&self, records: &[u8], last: Lsn) -> Result<(), StoreError> {
        let mut state = self.0.state();
        if let Some(fault) = &state.fault {
            return Err(StoreError::Io(fault.clone()));
        }
        let Some(segment) = &state.segment else {
            return Err(StoreError::Io("the log is closed".to_owned()));
        };
        let file = Arc::clone(&segment.file);
        let mut written = 0;
        let mut result = Ok(());
        if state.flushed > state.marked {
            let mut mark = Vec::new();
            write_flush_mark(&mut mark, state.appended, state.flushed);
            state.marked = state.flushed;
            written += mark.len();
            result = append_all(&*self.0.vfs, &file, &mark);
        }
        result = result.and_then(|()| append_all(&*self.0.vfs, &file, records));
        if let Err(error) = result {
            return Err(self.0.poison(&mut state, &error));
        }
        written += records.len();
        state.appended = last;
        state.log_bytes += written as u64;
        if let Some(segment) = &mut state.segment {
            segment.bytes += written as u64;
        }
        Ok(())
    }

    fn flush(&self) -> Result<Lsn, StoreError> {
        let (files, upto) = {
            let state = self.0.state();
            if let Some(fault) = &state.fault {
                return Err(StoreError::Io(fault.clone()));
            }
            let current = state.segment.iter().map(|segment| Arc::clone(&segment.file));
            (state.unflushed.iter().cloned().chain(current).collect::<Vec<_>>(), state.appended)
        };
        let result = files.iter().try_for_each(|file| self.0.vfs.sync(file));
        let mut state = self.0.state();
        if let Err(error) = result {
            return Err(self.0.poison(&mut state, &error));
        }
        state.unflushed.retain(|file| !files.iter().any(|flushed| Arc::ptr_eq(file, flushed)));
        state.flushed = state.flushed.max(upto);
        Ok(state.flushed)
    }

    fn begin_snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let is_healthy = self.0.state().fault.is_none();
        let first_segment = {
            let number = self.0.state().next_segment;
            let segment = self.0.new_segment()?;
            let mut state = self.0.state();
            if is_healthy && state.fault.is_none() {
                state.switch_to(segment);
                Waiting::None(number)
            } else {
                // Records go there once the snapshot makes good what the failed segment may have lost.
                Waiting::Segment(number, segment)
            }
        };
        let number = first_segment.number();
        let name = format!("snapshot-{number:010}.rdb");
        let file = self.0.vfs.open(&name, Mode::Create)?;
        Ok(Box::new(SnapshotWriter {
            folder: Arc::clone(&self.0),
            name,
            file: Some(file),
            buffer: Vec::with_capacity(CHUNK_BYTES),
            len: 0,
            sum: 0,
            segment: Some(first_segment),
        }))
    }

    fn maintain(&self) -> Result<(), StoreError> {
        let is_full = {
            let state = self.0.state();
            state.segment.as_ref().is_some_and(|segment| segment.bytes > self.0.options.segment_bytes)
        };
        if is_full {
            let segment = self.0.new_segment()?;
            let mut state = self.0.state();
            if state.fault.is_none() {
                state.switch_to(segment);
            }
        }
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        self.flush()?;
        let mut state = self.0.state();
        let mut manifest = state.manifest.clone();
        manifest.generation += 1;
        manifest.closed_at = Some(state.appended);
        manifest.save(&*self.0.vfs)?;
        state.manifest = manifest;
        state.segment = None;
        Ok(())
    }

    fn status(&self) -> Status {
        let state = self.0.state();
        let snapshot = state.manifest.snapshot.as_ref();
        Status {
            backend: "file",
            log_bytes: state.log_bytes,
            snapshot_bytes: snapshot.map_or(0, |snapshot| snapshot.len),
            snapshot_lsn: snapshot.map_or(0, |snapshot| snapshot.lsn),
            appended: state.appended,
            flushed: state.flushed,
        }
    }
}

/// The segment that the log goes on with behind a snapshot.
enum Waiting<File> {
    /// It has the records already.
    None(u64),
    /// It gets them from the commit on.
    Segment(u64, Segment<File>),
}

impl<File> Waiting<File> {
    fn number(&self) -> u64 {
        match self {
            Self::None(number) | Self::Segment(number, _) => *number,
        }
    }
}

/// A snapshot on its way into a file.
struct SnapshotWriter<V: Vfs> {
    folder: Arc<Folder<V>>,
    name: String,
    file: Option<V::File>,
    buffer: Vec<u8>,
    len: u64,
    sum: u32,
    segment: Option<Waiting<V::File>>,
}

impl<V: Vfs> Write for SnapshotWriter<V> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        append_all(&*self.folder.vfs, file, &self.buffer)?;
        self.len += self.buffer.len() as u64;
        self.sum = crc32c::crc32c_append(self.sum, &self.buffer);
        self.buffer.clear();
        Ok(())
    }
}

impl<V: Vfs + 'static> Snapshot for SnapshotWriter<V> {
    fn commit(mut self: Box<Self>, lsn: Lsn) -> Result<u64, StoreError> {
        self.flush()?;
        let vfs = Arc::clone(&self.folder.vfs);
        let file = self.file.as_ref().expect("the file is open until the commit");
        vfs.sync(file)?;
        // What stands there now is what a restart will find.
        if vfs.len(file)? != self.len || checksum(&*vfs, file, self.len)? != self.sum {
            return Err(StoreError::Io(format!("{} does not read back as it was written", self.name)));
        }
        vfs.sync_folder()?;
        let segment = self.segment.take().expect("a snapshot is committed once");
        let mut state = self.folder.state();
        let mut manifest = state.manifest.clone();
        manifest.generation += 1;
        manifest.snapshot = Some(SnapshotFile { name: self.name.clone(), lsn, len: self.len, crc32c: self.sum });
        manifest.first_segment = segment.number();
        manifest.save(&*vfs)?;
        if let Some(file) = self.file.take() {
            vfs.close(file)?;
        }
        let old = std::mem::replace(&mut state.manifest, manifest);
        let keep_from = std::mem::replace(&mut state.previous_first, old.first_segment).max(old.first_segment);
        if let Waiting::Segment(_, segment) = segment {
            state.unflushed.clear();
            state.segment = Some(segment);
            state.fault = None;
            state.appended = lsn;
            state.flushed = lsn;
            state.marked = lsn;
        }
        state.log_bytes = state.segment.as_ref().map_or(0, |segment| segment.bytes);
        drop(state);
        let kept = [Some(&self.name), old.snapshot.as_ref().map(|snapshot| &snapshot.name)];
        self.folder.remove_old(keep_from, kept);
        Ok(self.len)
    }
}

impl<V: Vfs> Drop for SnapshotWriter<V> {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // It was never part of the store: a failure to remove it costs space only.
            let _ = self.folder.vfs.close(file);
            let _ = self.folder.vfs.remove(&self.name);
        }
    }
}

impl<V: Vfs> Folder<V> {
    /// Removes what neither the present nor the previous generation needs. What cannot be removed stays for the next
    /// time: nothing depends on it.
    fn remove_old(&self, keep_from: u64, kept: [Option<&String>; 2]) {
        for name in self.vfs.list().unwrap_or_default() {
            let is_old_segment = segment::number_of(&name).is_some_and(|number| number < keep_from);
            let is_snapshot = name.starts_with("snapshot-") && name.ends_with(".rdb");
            if is_old_segment || is_snapshot && !kept.contains(&Some(&name)) {
                let _ = self.vfs.remove(&name);
            }
        }
        let _ = self.vfs.sync_folder();
    }
}
