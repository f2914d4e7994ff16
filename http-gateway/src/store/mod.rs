//! Where the server keeps its log and snapshots: what `--store` names.

mod disk;

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
            FileStore::open(disk, Options::default()).map(Some)
        }
        other => Err(StoreError::Io(format!("there is no store {other:?}: file and memory are"))),
    }
}
