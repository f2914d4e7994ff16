//! Where the server keeps its log and snapshots: what `--store` names.

pub mod check;
mod disk;
mod object;

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use larder_core::store::file::{FileStore, Options};
use larder_core::store::{Opened, StoreError};

use disk::Disk;
use object::Location;

/// What the `store` setting names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is kept.
    Memory,
    /// The folder that `dir` names.
    File,
    /// Objects, at a URL.
    Object(Location),
}

impl Kind {
    /// Reads the setting. The one place that knows which stores this version has.
    pub fn parse(store: &str) -> Result<Self, String> {
        match store {
            "memory" => Ok(Self::Memory),
            "file" => Ok(Self::File),
            other => match Location::parse(other) {
                Some(location) => location.map(Self::Object),
                None => Err(format!("there is no store '{other}'; use 'file', 'memory' or a URL such as s3://bucket")),
            },
        }
    }
}

/// Opens the store that the `store` setting names; `None` for one that keeps nothing. The error says where it is.
pub fn open(store: &str, folder: &Path) -> Result<Option<Opened>, StoreError> {
    // The standard library asks the system for the keys of its hashers.
    let salt = || RandomState::new().hash_one(std::process::id());
    match Kind::parse(store).map_err(StoreError::Io)? {
        Kind::Memory => Ok(None),
        Kind::File => FileStore::open(Disk::new(folder)?, Options { salt: salt(), ..Options::default() }).map(Some),
        Kind::Object(location) => object::open(&location, object::Options::new(salt())).map(Some),
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
