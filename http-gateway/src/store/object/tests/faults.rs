//! A service between us and the objects that fails in the ways of services.

use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

use super::super::batch::{Header, name_of};
use super::*;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It works.
    None,
    /// Nothing happens, and it fails.
    Refused,
    /// It works, and seems to fail.
    Applied,
}

/// A service whose puts can be made to fail.
#[derive(Debug)]
struct Faulty {
    inner: InMemory,
    /// What becomes of the next puts of objects whose names contain a text: of all, or of so many.
    fault: Mutex<(Fault, &'static str, usize)>,
}

impl Faulty {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: InMemory::new(), fault: Mutex::new((Fault::None, "", 0)) })
    }

    fn set(&self, fault: Fault, name: &'static str, times: usize) {
        *self.fault.lock().expect("nobody panics with it") = (fault, name, times);
    }

    fn fault(&self, location: &Path) -> Fault {
        let mut fault = self.fault.lock().expect("nobody panics with it");
        if fault.2 == 0 || !location.as_ref().contains(fault.1) {
            return Fault::None;
        }
        fault.2 -= 1;
        fault.0
    }
}

fn failure() -> Error {
    Error::Generic { store: "test", source: "the line is dead".into() }
}

impl fmt::Display for Faulty {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.fault(location) {
            Fault::None => self.inner.put_opts(location, payload, options).await,
            Fault::Refused => Err(failure()),
            Fault::Applied => {
                self.inner.put_opts(location, payload, options).await?;
                Err(failure())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A store behind such a service.
fn start(writer: u64, patience: Duration) -> (Arc<Faulty>, Arc<dyn ObjectStore>, Box<dyn Store>) {
    let faulty = Faulty::new();
    let service: Arc<dyn ObjectStore> = faulty.clone();
    let store = open_bucket(&service, Options { patience, ..options(writer) }).expect("it opens").store;
    (faulty, service, store)
}

#[test]
fn a_put_that_worked_and_seemed_to_fail_counts_once() {
    for patience in [Duration::ZERO, Duration::from_secs(1)] {
        let (faulty, service, store) = start(1, patience);
        faulty.set(Fault::Applied, "log/", 1);
        assert_eq!(put(&*store, 1..=2), Ok(2));
        faulty.set(Fault::Applied, "manifest", 1);
        store.begin_snapshot().expect("it begins").commit(2).expect("it is committed");
        assert_eq!(put(&*store, 3..=3), Ok(3));
        faulty.set(Fault::Applied, "", 1);
        store.close().expect("it closes");
        faulty.set(Fault::Applied, "", 2);
        let opened = open_bucket(&service, options(2)).expect("it opens");
        assert_eq!(opened.snapshot.as_ref().map(|(lsn, _)| *lsn), Some(2));
        assert_eq!(changes(opened), Ok(vec![3]));
    }
}

#[test]
fn a_put_is_repeated_until_the_service_is_back() {
    let (faulty, service, store) = start(1, Duration::from_secs(20));
    faulty.set(Fault::Refused, "log/", 3);
    assert_eq!(put(&*store, 1..=2), Ok(2));
    drop(store);
    assert_eq!(changes(open_bucket(&service, options(2)).expect("it opens")), up_to(2));
}

#[test]
fn a_snapshot_heals() {
    let (faulty, service, store) = start(1, Duration::ZERO);
    put(&*store, 1..=2).expect("records are taken");
    faulty.set(Fault::Refused, "log/", usize::MAX);
    let Err(StoreError::Io(text)) = put(&*store, 3..=4) else { panic!("it fails") };
    assert!(text.starts_with("test://bucket: cannot write log/0000000000000002: "), "{text}");
    assert!(text.contains("the line is dead"), "{text}");
    faulty.set(Fault::None, "", 0);
    assert!(put(&*store, 5..=5).is_err(), "it does not heal by itself");
    assert!(store.maintain().is_err());
    store.begin_snapshot().expect("it begins").commit(5).expect("it is committed");
    store.maintain().expect("it is healed");
    assert_eq!((store.status().appended, store.status().flushed), (5, 5));
    assert_eq!(put(&*store, 6..=7), Ok(7));
    drop(store);
    let opened = open_bucket(&service, options(2)).expect("it opens");
    assert_eq!((opened.last, changes(opened)), (7, Ok(vec![6, 7])));
}

/// Puts an object of the log as another writer would, or an old request that comes late.
fn put_late(service: &Arc<dyn ObjectStore>, writer: (u64, u64), number: u64, lsns: std::ops::RangeInclusive<Lsn>) {
    let mut records = Vec::new();
    for lsn in lsns.clone() {
        write_change(&mut records, lsn, 0, 0, |out| out.extend_from_slice(b"*1\r\n$4\r\nLATE\r\n"));
    }
    let object = Header::new(writer, number, *lsns.end(), &records).write(records.into());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    let path = Path::from(format!("a/b/{}", name_of(number)));
    runtime.block_on(service.put_opts(&path, object, PutOptions::default())).expect("it arrives");
}

/// A put whose answer got lost, whose content nobody could read back, and that a snapshot has made good.
#[test]
fn a_batch_that_comes_late_takes_a_number_only() {
    let (faulty, service, store) = start(1, Duration::ZERO);
    put(&*store, 1..=2).expect("records are taken");
    faulty.set(Fault::Refused, "log/", 1);
    assert!(put(&*store, 3..=4).is_err());
    put_late(&service, (1, 1), 2, 3..=4);
    store.begin_snapshot().expect("it begins").commit(4).expect("it is committed");
    assert_eq!(put(&*store, 5..=5), Ok(5));
    drop(store);
    let opened = open_bucket(&service, options(2)).expect("it opens");
    assert_eq!((opened.last, changes(opened)), (5, Ok(vec![5])));
}

#[test]
fn what_an_old_writer_wrote_behind_a_fence_does_not_count() {
    let (_, service, first) = start(1, Duration::ZERO);
    put(&*first, 1..=2).expect("records are taken");
    drop(first);
    // Number 2 is the fence of the second writer.
    let second = open_bucket(&service, options(2)).expect("it opens").store;
    put_late(&service, (1, 1), 3, 3..=9);
    assert_eq!(put(&*second, 3..=4), Ok(4));
    put_late(&service, (1, 1), 5, 5..=9);
    drop(second);
    let third = open_bucket(&service, options(3)).expect("it opens");
    assert_eq!((third.last, changes(third)), (4, up_to(4)));
    let fourth = open_bucket(&service, options(4)).expect("it opens");
    assert_eq!((fourth.last, changes(fourth)), (4, up_to(4)));
}

#[test]
fn a_manifest_that_fails_leaves_the_old_one() {
    let (faulty, service, store) = start(1, Duration::ZERO);
    put(&*store, 1..=2).expect("records are taken");
    faulty.set(Fault::Refused, "manifest", 1);
    assert!(store.begin_snapshot().expect("it begins").commit(2).is_err());
    assert_eq!(put(&*store, 3..=3), Ok(3));
    faulty.set(Fault::Refused, "snapshots/", usize::MAX);
    assert!(store.begin_snapshot().expect("it begins").commit(3).is_err());
    faulty.set(Fault::None, "", 0);
    store.begin_snapshot().expect("it begins").commit(3).expect("it is committed");
    assert_eq!(put(&*store, 4..=4), Ok(4));
    drop(store);
    let opened = open_bucket(&service, options(2)).expect("it opens");
    assert_eq!(opened.snapshot.as_ref().map(|(lsn, _)| *lsn), Some(3));
    assert_eq!(changes(opened), Ok(vec![4]));
}

#[test]
fn a_place_that_cannot_be_taken_over_is_not_opened() {
    let faulty = Faulty::new();
    let service: Arc<dyn ObjectStore> = faulty.clone();
    for name in ["manifest", "log/"] {
        faulty.set(Fault::Refused, name, usize::MAX);
        assert!(matches!(open_bucket(&service, options(1)).err(), Some(StoreError::Io(_))), "{name}");
    }
    faulty.set(Fault::None, "", 0);
    assert_eq!(changes(open_bucket(&service, options(1)).expect("it opens")), up_to(0));
}
