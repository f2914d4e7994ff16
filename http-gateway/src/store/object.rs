//! The store of a bucket: S3, Google Cloud Storage, Azure Blob Storage, or a folder that stands in for one.
//!
//! | object | what it is |
//! |---|---|
//! | `manifest` | which writer the place belongs to, which snapshot a start begins with; replaced by compare and swap |
//! | `log/N` | a batch of records, or the fence of a writer; numbered without a gap, created once, never changed |
//! | `snapshots/E-N.rdb` | snapshot N of the writer with epoch E |
//!
//! **One writer.** A process that opens the place takes the next epoch in the manifest and then creates the next object
//! of the log, its fence. A writer before it finds that number taken when it next writes, and stops for good. Nothing
//! that it could still write comes behind the fence, so nothing that it acknowledged is missing before it.
//!
//! **Durability.** Records gather in memory and go out as one object at every flush, and on their own after
//! [`Options::interval`]: that is what a crash may lose under `everysec` and `no`. `always` loses nothing.
//!
//! **Unknown outcomes.** A put that times out may have worked. It is put again: if the first one got there, the second
//! finds it, and its content says whose it is.

mod batch;
mod bucket;
mod error;
mod location;
mod manifest;
mod recover;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use larder_core::store::{Opened, StoreError};

pub use location::Location;

/// What may be chosen of an object store.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Records that nobody waits for go out after this time.
    pub interval: Duration,
    /// How long a put is repeated before the store gives up, and writes are refused until it heals.
    pub patience: Duration,
    /// A number that no other writer has.
    pub writer: u64,
}

impl Options {
    /// What a server uses.
    pub fn new(writer: u64) -> Self {
        Self { interval: Duration::from_millis(200), patience: Duration::from_secs(2), writer }
    }
}

/// Opens the place that a URL names. The error does not repeat it.
pub fn open(location: &Location, options: Options) -> Result<Opened, StoreError> {
    let opened = location.connect().and_then(|bucket| recover::open(bucket, options));
    opened.map_err(|error| match error {
        StoreError::Io(text) => {
            let text = text.strip_prefix(&format!("{location}: ")).unwrap_or(&text);
            let hint = location.hint().map_or_else(String::new, |hint| format!("; {hint}"));
            StoreError::Io(format!("{text}{hint}"))
        }
        error => error,
    })
}

/// Whether a place has objects of this name.
fn is_object(name: &str) -> bool {
    name == manifest::NAME || batch::number_of(name).is_some() || manifest::snapshot_epoch(name).is_some()
}
