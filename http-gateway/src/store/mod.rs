//! Where the server keeps its log and snapshots: what `--store` names.

pub mod check;
mod disk;

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use larder_core::store::file::{FileStore, Options};
use larder_core::store::{Opened, StoreError};

use disk::Disk;

/// Opens the store that the `store` setting names; `None` for one that keeps nothing.
pub fn open(store: &str, folder: &Path) -> Result<Option<Opened>, StoreError> {
    match store {
        "memory" => Ok(None),
        "file" => {
            let disk = Disk::new(folder)?;
            // The standard library asks the system for the keys of its hashers.
            let salt = RandomState::new().hash_one(std::process::id());
            FileStore::open(disk, Options { salt, ..Options::default() }).map(Some)
        }
        other => Err(StoreError::Io(format!("there is no store {other:?}: file and memory are"))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A name for a folder, which is removed again.
    pub struct Folder(pub PathBuf);

    impl Folder {
        pub fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            Self(std::env::temp_dir().join(format!("larder-store-{}-{count}", std::process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // Nothing depends on the folder being gone.
            let _ignored = std::fs::remove_dir_all(&self.0);
        }
    }
}
