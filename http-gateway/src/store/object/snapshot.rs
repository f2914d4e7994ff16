//! Snapshots on their way into a bucket: sent in parts while they are written, and named by the manifest at the end.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use larder_core::store::{Lsn, Snapshot, StoreError};
use object_store::MultipartUpload;

use super::bucket::{Answer, Created};
use super::manifest::{Generation, SnapshotObject};
use super::store::{Begun, Shared};

/// Bytes of a part. Services want 5 MiB at least, and parts of one size.
const PART_BYTES: usize = 8 << 20;

/// Parts that are under way at once.
const PARTS_UNDER_WAY: usize = 3;

/// Most parts of an object, as S3 has it.
const PARTS_MAX: u64 = 10_000;

/// A snapshot that is being written.
pub struct SnapshotWriter {
    shared: Arc<Shared>,
    begun: Begun,
    name: String,
    buffer: Vec<u8>,
    /// The upload, once there are more bytes than one part.
    upload: Option<Box<dyn MultipartUpload>>,
    under_way: VecDeque<Answer<()>>,
    /// The object may be there.
    is_sent: bool,
    parts: u64,
    len: u64,
    sum: u32,
    fault: Option<String>,
}

impl SnapshotWriter {
    /// Begins a snapshot under a name of its own.
    pub fn new(shared: Arc<Shared>, begun: Begun, name: String) -> Self {
        Self {
            shared,
            begun,
            name,
            buffer: Vec::new(),
            upload: None,
            under_way: VecDeque::new(),
            is_sent: false,
            parts: 0,
            len: 0,
            sum: 0,
            fault: None,
        }
    }

    fn send_part(&mut self, part: Vec<u8>) -> Result<(), StoreError> {
        if let Some(fault) = &self.fault {
            return Err(StoreError::Io(fault.clone()));
        }
        let sent = self.try_send(part);
        self.fault = sent.as_ref().err().map(ToString::to_string);
        sent
    }

    fn try_send(&mut self, part: Vec<u8>) -> Result<(), StoreError> {
        if self.parts == PARTS_MAX {
            let most = PARTS_MAX * PART_BYTES as u64;
            return Err(StoreError::Io(format!("a snapshot in a bucket has at most {most} bytes")));
        }
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(self.shared.bucket.begin_parts(&self.name)?),
        };
        self.parts += 1;
        self.under_way.push_back(self.shared.bucket.send_part(&mut **upload, part));
        self.wait_for_parts(PARTS_UNDER_WAY)
    }

    /// Waits until at most so many parts are under way.
    fn wait_for_parts(&mut self, most: usize) -> Result<(), StoreError> {
        while self.under_way.len() > most {
            let Some(answer) = self.under_way.pop_front() else { break };
            let place = &self.shared.bucket.place;
            match answer.recv() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(super::error::failure(place, &format!("write {}", self.name), &error)),
                Err(_) => return Err(StoreError::Io(format!("{place}: the client has ended"))),
            }
        }
        Ok(())
    }

    /// Makes what was written an object, and looks whether it is whole.
    fn finish(&mut self) -> Result<(), StoreError> {
        let rest = std::mem::take(&mut self.buffer);
        if self.parts == 0 {
            self.put_whole(rest)?;
        } else {
            if !rest.is_empty() {
                self.send_part(rest)?;
            }
            self.wait_for_parts(0)?;
            self.is_sent = true;
            let upload = self.upload.take().ok_or_else(|| StoreError::Io(format!("{} was given up", self.name)))?;
            self.shared.bucket.end_parts(&self.name, upload, self.len)?;
        }
        match self.shared.bucket.len(&self.name)? {
            Some(len) if len == self.len => Ok(()),
            found => Err(StoreError::Io(format!(
                "{} has {} bytes, and {} were written",
                self.name,
                found.unwrap_or_default(),
                self.len
            ))),
        }
    }

    fn put_whole(&mut self, body: Vec<u8>) -> Result<(), StoreError> {
        if let Some(fault) = &self.fault {
            return Err(StoreError::Io(fault.clone()));
        }
        self.is_sent = true;
        match self.shared.bucket.create(&self.name, &body.into(), self.shared.options.patience)? {
            Created::Ours => Ok(()),
            Created::Taken(_) => Err(StoreError::Io(format!("{} is there already", self.name))),
        }
    }
}

impl Write for SnapshotWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.len += bytes.len() as u64;
        self.sum = crc32c::crc32c_append(self.sum, bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.len().min(PART_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(part);
            rest = more;
            if self.buffer.len() == PART_BYTES {
                let part = std::mem::take(&mut self.buffer);
                self.send_part(part).map_err(io::Error::other)?;
            }
        }
        Ok(bytes.len())
    }

    /// Nothing can be sent before its part is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Snapshot for SnapshotWriter {
    fn commit(mut self: Box<Self>, lsn: Lsn) -> Result<u64, StoreError> {
        self.finish()?;
        let snapshot = SnapshotObject { name: self.name.clone(), lsn, len: self.len, crc32c: self.sum };
        let generation = Generation { snapshot: Some(snapshot), first: self.begun.first };
        // From here on a start may begin with this object, even if the manifest seems to fail.
        self.is_sent = false;
        self.shared.commit(&self.begun, generation)?;
        Ok(self.len)
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            self.shared.bucket.drop_parts(upload);
        }
        if self.is_sent {
            self.shared.bucket.remove(vec![self.name.clone()]);
        }
    }
}
