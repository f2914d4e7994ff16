//! The part of a file that is in memory while it is read from one end to the other.

use std::io::{self, Read};

/// Bytes read at a time at first; what is longer makes them more.
pub const CHUNK_BYTES: usize = 1 << 20;

/// A file and its unread bytes, as far as they are in memory.
pub struct Window<'f> {
    file: &'f mut dyn Read,
    bytes: Vec<u8>,
    /// Where the unread part begins.
    at: usize,
    /// Bytes of the file before `bytes`.
    before: u64,
    is_over: bool,
}

impl<'f> Window<'f> {
    /// A file from `offset` on, of which `ahead` has been read already.
    pub fn new(file: &'f mut dyn Read, ahead: Vec<u8>, offset: u64) -> Self {
        Self { file, bytes: ahead, at: 0, before: offset, is_over: false }
    }

    /// The unread bytes in memory.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Where they begin in the file.
    pub fn position(&self) -> u64 {
        self.before + self.at as u64
    }

    /// Whether nothing follows them.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// So many of them have been read.
    pub fn advance(&mut self, len: usize) {
        self.at += len;
    }

    /// The last `len` bytes that were read, as long as nothing more of the file comes into memory.
    pub fn passed(&self, len: usize) -> &[u8] {
        &self.bytes[self.at - len..self.at]
    }

    /// Doubles what is in memory of the unread part, from a chunk on.
    pub fn more(&mut self) -> io::Result<()> {
        self.fill((self.rest().len() * 2).max(CHUNK_BYTES))
    }

    /// Brings so many unread bytes into memory, or all there are.
    pub fn fill(&mut self, len: usize) -> io::Result<()> {
        self.before += self.at as u64;
        self.bytes.drain(..self.at);
        self.at = 0;
        let wanted = len.saturating_sub(self.bytes.len()) as u64;
        let read = Read::take(&mut *self.file, wanted).read_to_end(&mut self.bytes)?;
        self.is_over = (read as u64) < wanted;
        Ok(())
    }

    /// Ends the reading; answers where, and the bytes behind that are in memory.
    pub fn into_rest(mut self) -> (u64, Vec<u8>) {
        let position = self.position();
        self.bytes.drain(..self.at);
        (position, self.bytes)
    }
}
