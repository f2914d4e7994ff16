//! A folder of files as the log needs it: the server's disk, a browser's private file system, a simulated disk that
//! loses power.

use std::io;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To be read; it must exist.
    Read,
    /// To be written and read; it must exist.
    Write,
    /// To be written and read; it must not exist.
    Create,
}

/// One flat folder. Names are plain file names.
pub trait Vfs: Send + Sync {
    /// An open file. Calls on one file may come from several threads.
    type File: Send + Sync;

    /// Opens a file.
    fn open(&self, name: &str, mode: Mode) -> io::Result<Self::File>;
    /// Reads at an offset; 0 at the end.
    fn read(&self, file: &Self::File, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes at an offset, the end or before it, perhaps not all. Once it returns the bytes survive the process.
    fn write(&self, file: &Self::File, at: u64, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts the file.
    fn set_len(&self, file: &Self::File, len: u64) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self, file: &Self::File) -> io::Result<u64>;
    /// Makes the content survive a power cut.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Makes creations and removals survive a power cut.
    fn sync_folder(&self) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Closes a file; an error here is an error of its writes.
    fn close(&self, file: Self::File) -> io::Result<()>;
    /// Takes the folder for this process alone, until the value is dropped; `AlreadyExists` if another has it.
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>>;
}
