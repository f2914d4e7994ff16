//! A folder on the server's disk.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
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
        let missing: Vec<&Path> = folder.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
        std::fs::create_dir_all(folder)?;
        // Each new folder must survive a power cut, or its files would not.
        for made in missing {
            let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// A folder that must exist, and is not changed by looking at it.
    pub fn existing(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            return Err(io::ErrorKind::NotFound.into());
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
            Mode::Write => options.read(true).write(true),
            Mode::Create => options.read(true).write(true).create_new(true),
        };
        options.open(self.path(name))
    }

    fn read(&self, file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        file.read_at(buffer, at)
    }

    fn write(&self, file: &File, at: u64, bytes: &[u8]) -> io::Result<usize> {
        file.write_at(bytes, at)
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
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            // What is not named in UTF-8 is not ours, nor are folders.
            if let Ok(name) = entry.file_name().into_string()
                && entry.file_type()?.is_file()
            {
                names.push(name);
            }
        }
        Ok(names)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Folder;
    use larder_core::store::file::{FileStore, Options};
    use larder_core::store::{StoreError, suite};

    #[test]
    fn disks_pass_the_suite() {
        suite::run(|| {
            let folder = Folder::new();
            let options = Options { segment_bytes: 300, ..Options::default() };
            Box::new(move || FileStore::open(Disk::new(&folder.0.join("a/b"))?, options))
        });
    }

    #[test]
    fn a_folder_is_taken_once() {
        let folder = Folder::new();
        let disk = Disk::new(&folder.0).expect("the temporary directory is writable");
        let lock = disk.lock().expect("nobody has it");
        let other = Disk::new(&folder.0).expect("it exists");
        assert_eq!(other.lock().err().map(|error| error.kind()), Some(io::ErrorKind::AlreadyExists));
        drop(lock);
        other.lock().expect("nobody has it any more");
        assert!(Disk::existing(&folder.0.join("none")).is_err());
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let folder = Folder::new();
        std::fs::create_dir_all(folder.0.join("log-0000000007")).expect("the temporary directory is writable");
        std::fs::write(folder.0.join("notes.txt"), "mine").expect("the temporary directory is writable");
        let open = || FileStore::open(Disk::new(&folder.0)?, Options::default());
        drop(open().expect("it opens"));
        std::fs::write(folder.0.join("MANIFEST-1"), "damaged").expect("the temporary directory is writable");
        std::fs::write(folder.0.join("snapshot-0000000001.rdb"), "x").expect("the temporary directory is writable");
        assert!(matches!(open().err(), Some(StoreError::Corrupt(_))));
        assert_eq!(std::fs::read(folder.0.join("notes.txt")).expect("it is still there"), b"mine");
    }
}
