//! Opening a place: taking it over, finding the end of its log, reading what it holds.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use larder_core::store::{Lsn, NextChange, Opened, StoreError};
use object_store::UpdateVersion;

use super::Options;
use super::batch::{Chain, HEADER_BYTES, Header, name_of, number_of};
use super::bucket::{Bucket, Created, Fetch, Replaced, Wanted};
use super::manifest::{self, Manifest, SnapshotObject};
use super::store::{ObjectLog, Start};

/// Largest manifest: a few lines.
const MANIFEST_BYTES_MAX: u64 = 64 << 10;

/// How often others may get ahead of us while we take the place over, or write our fence.
const RACES_MAX: usize = 100;

/// Bytes of a snapshot that are read at a time.
const CHUNK_BYTES: u64 = 8 << 20;

/// Opens a place. A place that is found damaged before it is taken over is not changed.
pub fn open(bucket: Bucket, options: Options) -> Result<Opened, StoreError> {
    let bucket = Arc::new(bucket);
    let (manifest, version) = take_over(&bucket, &options)?;
    let covered = manifest.now.snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn);
    let log = fence(&bucket, &manifest, covered, &options)?;
    let snapshot = match &manifest.now.snapshot {
        None => None,
        Some(object) => Some((object.lsn, SnapshotReader::open(&bucket, object)?)),
    };
    let changes = Changes::new(&bucket, &log, covered);
    let (last, next) = (log.last, log.next());
    let log_lens = log.objects.iter().copied();
    let start = Start { next, last, log_bytes: super::store::weight(log_lens), manifest, version };
    Ok(Opened {
        store: Box::new(ObjectLog::start(bucket, options, start)?),
        snapshot: snapshot.map(|(lsn, reader)| (lsn, Box::new(reader) as Box<dyn io::Read + Send>)),
        changes: Box::new(changes),
        last,
        truncated_bytes: 0,
    })
}

/// Reads the manifest and its version.
pub fn read_manifest(bucket: &Bucket) -> Result<Option<(Manifest, UpdateVersion)>, StoreError> {
    match bucket.read(manifest::NAME, MANIFEST_BYTES_MAX)? {
        None => Ok(None),
        Some((bytes, version)) => Ok(Some((Manifest::read(&bytes)?, version))),
    }
}

/// Puts the next epoch into the manifest: whoever had the place cannot change it any more.
fn take_over(bucket: &Bucket, options: &Options) -> Result<(Manifest, UpdateVersion), StoreError> {
    for _ in 0..RACES_MAX {
        let (mut manifest, version) = match read_manifest(bucket)? {
            Some((manifest, version)) => (manifest, Some(version)),
            None => (Manifest::default(), None),
        };
        if version.is_none() && !(bucket.list("log")?.is_empty() && bucket.list("snapshots")?.is_empty()) {
            if read_manifest(bucket)?.is_some() {
                continue;
            }
            return Err(StoreError::Corrupt("the manifest is missing, but there is data".to_owned()));
        }
        manifest.epoch += 1;
        manifest.writer = options.writer;
        manifest.generation += 1;
        match bucket.replace(manifest::NAME, &manifest.write().into(), version.as_ref(), options.patience)? {
            Replaced::Ours(version) => return Ok((manifest, version)),
            Replaced::Lost => {}
        }
    }
    Err(StoreError::InUse("other processes keep taking it over".to_owned()))
}

/// The log behind a snapshot.
struct Log {
    first: u64,
    /// Bytes of the objects, from the first on.
    objects: Vec<u64>,
    /// Number of the newest record.
    last: Lsn,
}

impl Log {
    /// Number of the next object, ours not counted.
    fn end(&self) -> u64 {
        self.first + self.objects.len() as u64
    }

    /// Number of the first object behind our fence.
    fn next(&self) -> u64 {
        self.end() + 1
    }
}

/// Finds the end of the log and closes it to older writers.
fn fence(bucket: &Arc<Bucket>, manifest: &Manifest, covered: Lsn, options: &Options) -> Result<Log, StoreError> {
    let first = manifest.now.first;
    let mut log = Log { first, objects: Vec::new(), last: covered };
    for object in bucket.list("log")? {
        // Older ones are kept for the generation before, and fences for longer.
        let Some(number) = number_of(&object.name).filter(|&number| number >= first) else { continue };
        if number != log.end() {
            return Err(StoreError::Corrupt(format!("{}: it is missing", name_of(log.end()))));
        }
        log.objects.push(object.len);
    }
    if log.end() < manifest.end {
        return Err(StoreError::Corrupt(format!("{}: it is missing", name_of(log.end()))));
    }
    for _ in 0..RACES_MAX {
        let number = log.end();
        log.last = last_record(bucket, &log, manifest.epoch - 1, covered)?;
        let header = Header::new((manifest.epoch, manifest.writer), number, log.last, &[]);
        match bucket.create(&name_of(number), &header.write(Bytes::new()), options.patience)? {
            Created::Ours => return Ok(log),
            Created::Taken(found) if Header::read(&found, number)?.epoch > manifest.epoch => {
                return Err(StoreError::InUse("another process has taken it over".to_owned()));
            }
            // The writer before us was faster: what it wrote counts.
            Created::Taken(found) => log.objects.push(found.len() as u64),
        }
    }
    Err(StoreError::InUse("another process keeps writing to it".to_owned()))
}

/// The newest record of a log, told by the headers at its end. An object of the `newest` epoch counts for sure; before
/// it nothing needs to be looked at.
fn last_record(bucket: &Arc<Bucket>, log: &Log, newest: u64, covered: Lsn) -> Result<Lsn, StoreError> {
    let mut headers = Vec::new();
    for number in (log.first..log.end()).rev() {
        let wanted = Wanted { name: name_of(number), range: 0..HEADER_BYTES as u64 };
        let read = Fetch::new(Arc::clone(bucket), [wanted]).next().map(|(_, read)| read);
        let header = Header::read(&read.unwrap_or_else(|| Ok(Bytes::new()))?, number)?;
        headers.push(header);
        if header.epoch >= newest {
            break;
        }
    }
    let mut chain = Chain::new(covered);
    let counted = headers.iter().rev().filter(|header| chain.takes(header));
    Ok(counted.map(|header| header.last).max().unwrap_or(0).max(covered))
}

/// The payloads of the changes behind a snapshot.
struct Changes {
    fetch: Fetch,
    chain: Chain,
    /// The object at hand, and where in it the next record stands.
    object: Bytes,
    name: String,
    at: usize,
    /// The newest record, which must be reached.
    last: Lsn,
    is_over: bool,
}

impl Changes {
    fn new(bucket: &Arc<Bucket>, log: &Log, covered: Lsn) -> Self {
        let wanted = |(index, len): (usize, &u64)| Wanted { name: name_of(log.first + index as u64), range: 0..*len };
        let wanted: Vec<Wanted> = log.objects.iter().enumerate().map(wanted).collect();
        let fetch = Fetch::new(Arc::clone(bucket), wanted);
        let chain = Chain::new(covered);
        Self { fetch, chain, object: Bytes::new(), name: String::new(), at: 0, last: log.last, is_over: false }
    }

    fn advance(&mut self) -> Result<Option<(Lsn, Vec<u8>)>, StoreError> {
        loop {
            if self.at < self.object.len() {
                let at = self.at;
                let corrupt = |what| StoreError::Corrupt(format!("{} at byte {at}: {what}", self.name));
                let step = self.chain.next(&self.object[at..]).map_err(corrupt)?;
                self.at += step.payload.end;
                if step.is_news {
                    return Ok(Some((step.lsn, self.object[at..][step.payload].to_vec())));
                }
                continue;
            }
            let Some((wanted, read)) = self.fetch.next() else { break };
            let number = number_of(&wanted.name).expect("it was named by its number");
            let object = read?;
            let header = Header::read_whole(&object, number)?;
            if self.chain.takes(&header) {
                (self.object, self.name, self.at) = (object, wanted.name, HEADER_BYTES);
            } else {
                tracing::warn!("{} is of a writer that was fenced before: it does not count", wanted.name);
            }
        }
        if self.chain.last() != self.last {
            let text = format!("the log ends with record {}, and had {}", self.chain.last(), self.last);
            return Err(StoreError::Corrupt(text));
        }
        Ok(None)
    }
}

impl Iterator for Changes {
    type Item = NextChange;

    fn next(&mut self) -> Option<NextChange> {
        if self.is_over {
            return None;
        }
        let next = self.advance().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// A snapshot, which is not given out to its end unless its checksum fits.
struct SnapshotReader {
    fetch: Fetch,
    chunk: Bytes,
    object: SnapshotObject,
    read: u64,
    sum: u32,
}

impl SnapshotReader {
    fn open(bucket: &Arc<Bucket>, object: &SnapshotObject) -> Result<Self, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt(format!("{}: {what}", object.name));
        match bucket.len(&object.name)? {
            None => return Err(corrupt("it is missing".to_owned())),
            Some(len) if len != object.len => {
                return Err(corrupt(format!("it has {len} bytes, and had {}", object.len)));
            }
            Some(_) => {}
        }
        let starts = (0..object.len).step_by(CHUNK_BYTES as usize);
        let wanted = starts.map(|start| {
            let end = object.len.min(start + CHUNK_BYTES);
            Wanted { name: object.name.clone(), range: start..end }
        });
        let fetch = Fetch::new(Arc::clone(bucket), wanted.collect::<Vec<_>>());
        Ok(Self { fetch, chunk: Bytes::new(), object: object.clone(), read: 0, sum: 0 })
    }
}

impl io::Read for SnapshotReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            let Some((_, read)) = self.fetch.next() else { return Ok(0) };
            let chunk = read.map_err(io::Error::other)?;
            self.read += chunk.len() as u64;
            self.sum = crc32c::crc32c_append(self.sum, &chunk);
            if self.read == self.object.len && self.sum != self.object.crc32c {
                let text = format!("{}: its checksum does not fit", self.object.name);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            self.chunk = chunk;
        }
        let len = buffer.len().min(self.chunk.len());
        buffer[..len].copy_from_slice(&self.chunk.split_to(len));
        Ok(len)
    }
}
