//! Snapshots in files: written under a name of their own, read back, and only then named by the manifest.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use super::file::{Folder, write_mark};
use super::manifest::{SnapshotFile, read_full, snapshot_name, snapshot_number, sync_folder, write_all};
use super::segment;
use super::vfs::{Mode, Vfs};
use super::{Lsn, Snapshot, StoreError};

/// Bytes of a snapshot that are written at a time, and read at a time to verify it.
const CHUNK_BYTES: usize = 1 << 20;

/// After so many bytes a snapshot is flushed and read back as far as it goes. All at once at its end would occupy a
/// core and the device for a long time, and writes of the log would queue behind.
const STRETCH_BYTES: u64 = 4 << 20;

/// Verifies a snapshot against the manifest and opens it.
pub fn open_snapshot<V: Vfs + 'static>(
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
    if checksum(&**vfs, &file, 0..len, 0)? != snapshot.crc32c {
        return Err(corrupt("its checksum does not fit".to_owned()));
    }
    Ok(Box::new(FileReader { vfs: Arc::clone(vfs), file, at: 0 }))
}

/// CRC32C of part of a file, going on from that of what stands before.
fn checksum<V: Vfs>(vfs: &V, file: &V::File, part: Range<u64>, before: u32) -> io::Result<u32> {
    let len = usize::try_from(part.end - part.start).unwrap_or(CHUNK_BYTES);
    let mut chunk = vec![0; CHUNK_BYTES.min(len)];
    let (mut at, mut sum) = (part.start, before);
    while at < part.end {
        let wanted = usize::try_from(part.end - at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let read = read_full(vfs, file, at, &mut chunk[..wanted])?;
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

/// A snapshot on its way into a file.
pub struct SnapshotWriter<V: Vfs> {
    folder: Arc<Folder<V>>,
    /// Of the snapshot, and of the first segment behind it.
    number: u64,
    /// The log has failed: the segment is made, and gets records, once this snapshot stands for what is lost.
    heals: bool,
    name: String,
    /// None once the file belongs to the store, or may.
    file: Option<V::File>,
    buffer: Vec<u8>,
    len: u64,
    sum: u32,
    /// Bytes that were flushed and read back, and their checksum then.
    verified: (u64, u32),
    /// A write has failed: what the file holds cannot be known.
    failed: bool,
}

impl<V: Vfs> SnapshotWriter<V> {
    /// Begins a file.
    pub fn create(folder: Arc<Folder<V>>, number: u64, heals: bool) -> io::Result<Self> {
        let name = snapshot_name(number);
        let file = Some(folder.vfs.open(&name, Mode::Create)?);
        Ok(Self {
            folder,
            number,
            heals,
            name,
            file,
            buffer: Vec::new(),
            len: 0,
            sum: 0,
            verified: (0, 0),
            failed: false,
        })
    }

    fn write_out(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if self.failed {
            return Err(io::Error::other(format!("{} could not be written", self.name)));
        }
        write_all(&*self.folder.vfs, file, self.len, &self.buffer).inspect_err(|_| self.failed = true)?;
        self.len += self.buffer.len() as u64;
        self.sum = crc32c::crc32c_append(self.sum, &self.buffer);
        self.buffer.clear();
        Ok(())
    }

    /// Flushes the file and reads back what has not been.
    fn verify(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let vfs = &*self.folder.vfs;
        let (len, sum) = self.verified;
        // What stands there now is what a restart will find.
        let found = vfs.sync(file).and_then(|()| checksum(vfs, file, len..self.len, sum));
        self.verified = (self.len, found.inspect_err(|_| self.failed = true)?);
        if self.verified.1 != self.sum {
            self.failed = true;
            return Err(io::Error::other(format!("{} does not read back as it was written", self.name)));
        }
        Ok(())
    }
}

impl<V: Vfs> Write for SnapshotWriter<V> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.write_out()?;
            if self.len - self.verified.0 >= STRETCH_BYTES {
                self.verify()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()
    }
}

impl<V: Vfs + 'static> Snapshot for SnapshotWriter<V> {
    fn commit(mut self: Box<Self>, lsn: Lsn) -> Result<u64, StoreError> {
        self.write_out()?;
        let folder = Arc::clone(&self.folder);
        self.verify()?;
        if let Some(file) = &self.file
            && folder.vfs.len(file)? != self.len
        {
            return Err(StoreError::Io(format!("{} is not as long as what was written", self.name)));
        }
        sync_folder(&*folder.vfs, &folder.options)?;
        let mut manifest = folder.manifest();
        if manifest.closed_at.is_some() {
            return Err(StoreError::Io("the log is closed".to_owned()));
        }
        let mut segment = match self.heals {
            true => Some(folder.create_segment(self.number)?),
            false => None,
        };
        let mut next = manifest.clone();
        next.generation += 1;
        next.snapshot = Some(SnapshotFile { name: self.name.clone(), lsn, len: self.len, crc32c: self.sum });
        next.first_segment = self.number;
        next.previous = Some((manifest.snapshot.clone(), manifest.first_segment));
        // From here on a restart may begin with this file, even if the manifest seems to fail.
        if let Some(file) = self.file.take() {
            folder.vfs.close(file)?;
        }
        next.save(&*folder.vfs, &folder.options)?;
        let old = std::mem::replace(&mut *manifest, next);
        if let Some(segment) = &mut segment {
            // The manifest before this one leads to the failed log: with this mark behind it, it is seen to be damaged.
            segment.bytes += write_mark(&*folder.vfs, &segment.file, segment.bytes, lsn, &folder.options)?;
            folder.vfs.sync(&segment.file)?;
        }
        let mut state = folder.state();
        if let Some(segment) = segment {
            state.unflushed.clear();
            state.segment = Some(segment);
            state.fault = None;
            state.appended = lsn;
            state.flushed = lsn;
            state.marked = lsn;
        }
        state.covered(lsn, self.len);
        drop(state);
        let kept = [Some(&self.name), old.snapshot.as_ref().map(|snapshot| &snapshot.name)];
        folder.remove_old(old.first_segment, kept);
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
            if is_old_segment || snapshot_number(&name).is_some() && !kept.contains(&Some(&name)) {
                let _ = self.vfs.remove(&name);
            }
        }
        let _ = sync_folder(&*self.vfs, &self.options);
    }
}
