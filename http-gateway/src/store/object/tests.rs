//! Object stores in memory and in folders, with services that fail.

mod faults;
mod places;

use std::sync::Arc;
use std::time::Duration;

use larder_core::store::record::write_change;
use larder_core::store::{Lsn, Opened, Store, StoreError};
use object_store::ObjectStore;

use super::bucket::{Bucket, Exclusion};
use super::{Location, Options, open, recover};

/// Nothing goes out by itself, and failures are not waited for.
fn options(writer: u64) -> Options {
    Options { interval: Duration::from_secs(3600), patience: Duration::ZERO, writer }
}

/// Opens a place of a service that can compare and swap.
fn open_bucket(service: &Arc<dyn ObjectStore>, options: Options) -> Result<Opened, StoreError> {
    recover::open(Bucket::new(Arc::clone(service), "test://bucket".to_owned(), "a/b", Exclusion::Swap)?, options)
}

fn append(store: &dyn Store, lsns: std::ops::RangeInclusive<Lsn>) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    for lsn in lsns.clone() {
        write_change(&mut bytes, lsn, 0, 0, |out| out.extend_from_slice(b"*1\r\n$4\r\nPING\r\n"));
    }
    store.append(&bytes, *lsns.end())
}

/// Appends and flushes: one object.
fn put(store: &dyn Store, lsns: std::ops::RangeInclusive<Lsn>) -> Result<Lsn, StoreError> {
    append(store, lsns)?;
    store.flush()
}

/// The numbers of the changes that a place holds, or what is wrong with it.
fn changes(opened: Opened) -> Result<Vec<Lsn>, StoreError> {
    opened.changes.map(|change| change.map(|(lsn, _)| lsn)).collect()
}

fn up_to(last: Lsn) -> Result<Vec<Lsn>, StoreError> {
    Ok((1..=last).collect())
}
