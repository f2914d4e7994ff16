//! A folder on the server's disk.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use larder_core::store::vfs::{Mode, Vfs};

/// The file whose lock says that a process has the folder.
const LOCK: &str = "LOCK";

/// A folder on disk.
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// A folder, which is made if it is missing.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let exists = folder.is_dir();
        std::fs::create_dir_all(folder)?;
        if !exists && let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Vfs for Disk {
    type File = File;

    fn open(&self, name: &str, mode: Mode) -> io::Result<File> {
        let mut options = OpenOptions::new();
        match mode {
            Mode::Read => options.read(true),
            Mode::Append => options.read(true).append(true),
            Mode::Create => options.read(true).append(true).create_new(true),
        };
        options.open(self.path(name))
    }

    fn read(&self, file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        file.read_at(buffer, at)
    }

    fn append(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let mut file = file;
        file.write(bytes)
    }

    fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        file.set_len(len)
    }

    fn len(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        // What is not named in UTF-8 is not ours.
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn close(&self, file: File) -> io::Result<()> {
        drop(file);
        Ok(())
    }

    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.path(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
