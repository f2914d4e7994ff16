//! What places promise: the suite, one writer, damage that is found.

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::store::disk::Disk;
use crate::store::tests::Folder;
use larder_core::store::suite;
use larder_core::store::vfs::Vfs;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

/// The names of the objects of a place.
fn names(service: &InMemory) -> Vec<String> {
    use futures_util::TryStreamExt;
    let listed = runtime().block_on(service.list(None).try_collect::<Vec<_>>()).expect("it can be listed");
    let mut names: Vec<String> =
        listed.iter().map(|it| it.location.to_string().trim_start_matches("a/b/").to_owned()).collect();
    names.sort();
    names
}

/// Changes an object behind the store's back; none removes it.
fn damage(service: &InMemory, name: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
    let path = Path::from(format!("a/b/{name}"));
    runtime().block_on(async {
        let bytes = service.get(&path).await.expect("it is there").bytes().await.expect("it can be read");
        match change(bytes.to_vec()) {
            Some(bytes) => service.put(&path, PutPayload::from(bytes)).await.map(drop).expect("it can be written"),
            None => service.delete(&path).await.expect("it can be removed"),
        }
    });
}

#[test]
fn memory_passes_the_suite() {
    suite::run(|| {
        let service: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let writer = std::cell::Cell::new(0);
        Box::new(move || {
            writer.set(writer.get() + 1);
            open_bucket(&service, options(writer.get()))
        })
    });
}

/// Without flushes: they cost a second per case here, and change nothing that can be seen.
#[test]
fn folders_pass_the_suite() {
    suite::run(|| {
        let folder = Folder::new();
        Box::new(move || {
            let lock = Disk::new(&folder.0)?.lock().map_err(|error| StoreError::InUse(error.to_string()))?;
            let service = Arc::new(LocalFileSystem::new_with_prefix(&folder.0).expect("it exists"));
            recover::open(Bucket::new(service, "test://folder".to_owned(), "", Exclusion::Lock(lock))?, options(1))
        })
    });
}

#[test]
fn folders_are_made_and_taken() {
    let folder = Folder::new();
    let url = format!("file://{}", folder.0.join("a b/c").display());
    let location = Location::parse(&url).expect("it is a URL").expect("it is a good one");
    let store = open(&location, options(1)).expect("it opens").store;
    put(&*store, 1..=2).expect("records are taken");
    let in_use = StoreError::InUse("another process has it open".to_owned());
    assert_eq!(open(&location, options(2)).err(), Some(in_use));
    drop(store);
    // What a crash leaves, and what is not ours.
    let (unfinished, other) = (folder.0.join("a b/c/log/0000000000000002#1"), folder.0.join("a b/c/log/notes#1"));
    std::fs::write(&unfinished, "x").expect("it can be written");
    std::fs::write(&other, "x").expect("it can be written");
    assert_eq!(changes(open(&location, options(2)).expect("it opens")), up_to(2));
    assert_eq!([unfinished, other].map(|path| path.exists()), [false, true]);
}

#[test]
fn records_go_out_by_themselves() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let soon = Options { interval: Duration::from_millis(20), ..options(1) };
    let first = open_bucket(&memory, soon).expect("it opens").store;
    append(&*first, 1..=3).expect("records are taken");
    let begun = std::time::Instant::now();
    while first.status().flushed < 3 {
        assert!(begun.elapsed() < Duration::from_secs(5), "nobody sends them");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(begun.elapsed() >= Duration::from_millis(10), "they were not gathered");
    // As after a crash: the next opens while the first has not ended.
    let second = open_bucket(&memory, options(2)).expect("it opens");
    assert_eq!((second.last, changes(second)), (3, up_to(3)));
}

#[test]
fn the_newest_writer_wins() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let first = open_bucket(&memory, options(1)).expect("it opens").store;
    put(&*first, 1..=2).expect("records are taken");
    let snapshot = first.begin_snapshot().expect("a snapshot begins");
    let second = open_bucket(&memory, options(2)).expect("it opens").store;
    put(&*second, 3..=3).expect("records are taken");
    // A snapshot that was under way.
    let Err(StoreError::Fenced(text)) = snapshot.commit(2) else { panic!("it is fenced") };
    assert_eq!(text, "fenced by another writer, who opened test://bucket as number 2");
    assert!(matches!(append(&*first, 3..=4), Err(StoreError::Fenced(_))));
    assert!(matches!(first.maintain(), Err(StoreError::Fenced(_))));
    assert!(matches!(first.begin_snapshot().err(), Some(StoreError::Fenced(_))));
    assert!(first.close().is_err());
    drop(first);
    let third = open_bucket(&memory, options(3)).expect("it opens");
    // The one that was fenced without having written anything since does not know yet.
    append(&*second, 4..=4).expect("it does not know");
    assert!(matches!(second.flush(), Err(StoreError::Fenced(_))));
    assert_eq!(changes(third), up_to(3));
}

#[test]
fn old_objects_are_removed() {
    let memory = Arc::new(InMemory::new());
    let service: Arc<dyn ObjectStore> = memory.clone();
    let store = open_bucket(&service, options(1)).expect("it opens").store;
    for lsn in 1..=4 {
        put(&*store, lsn..=lsn).expect("records are taken");
        let mut snapshot = store.begin_snapshot().expect("a snapshot begins");
        snapshot.write_all(b"all").expect("it can be written");
        snapshot.commit(lsn).expect("it is committed");
    }
    // The fence, and one generation besides the present one.
    let expected = [
        "log/0000000000000000",
        "log/0000000000000004",
        "manifest",
        "snapshots/0000000001-0000000003.rdb",
        "snapshots/0000000001-0000000004.rdb",
    ];
    assert_eq!(names(&memory), expected);
    assert!(store.status().log_bytes < 100);
}

#[test]
fn snapshots_in_many_parts_come_back() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_bucket(&memory, options(1)).expect("it opens").store;
    // Two whole parts and a rest.
    let content: Vec<u8> = (0..17_000u32).flat_map(|at| [at.to_le_bytes(); 250].concat()).collect();
    let mut snapshot = store.begin_snapshot().expect("a snapshot begins");
    content.chunks(1_234_567).for_each(|chunk| snapshot.write_all(chunk).expect("it can be written"));
    assert_eq!(snapshot.commit(0), Ok(17_000_000));
    drop(store);
    let (_, mut reader) = open_bucket(&memory, options(2)).expect("it opens").snapshot.expect("there is one");
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut read).expect("it can be read");
    assert!(read == content);
}

/// What a place that was damaged answers: what it holds, or which object is bad.
fn damaged(name: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) -> Result<Vec<Lsn>, StoreError> {
    let memory = Arc::new(InMemory::new());
    let service: Arc<dyn ObjectStore> = memory.clone();
    let store = open_bucket(&service, options(1)).expect("it opens").store;
    let mut snapshot = store.begin_snapshot().expect("a snapshot begins");
    snapshot.write_all(b"nothing").expect("it can be written");
    snapshot.commit(0).expect("it is committed");
    for lsn in 1..=3 {
        put(&*store, lsn..=lsn).expect("records are taken");
    }
    store.close().expect("it closes");
    drop(store);
    damage(&memory, name, change);
    let opened = open_bucket(&service, options(2))?;
    if let Some((_, mut snapshot)) = opened.snapshot {
        std::io::Read::read_to_end(&mut snapshot, &mut Vec::new())?;
        return opened.changes.map(|change| change.map(|(lsn, _)| lsn)).collect();
    }
    changes(opened)
}

#[test]
fn damage_is_found_and_named() {
    let cut = |mut bytes: Vec<u8>| {
        bytes.pop();
        Some(bytes)
    };
    let flip = |at: usize| {
        move |mut bytes: Vec<u8>| {
            bytes[at] ^= 1;
            Some(bytes)
        }
    };
    assert_eq!(damaged("log/0000000000000001", Some), up_to(3));
    let refused = |name: &str, result: Result<Vec<Lsn>, StoreError>| match result {
        Err(StoreError::Corrupt(text) | StoreError::Io(text)) if text.contains(name) => {}
        other => panic!("{name}: {other:?}"),
    };
    for number in 1..=3 {
        let name = format!("log/{number:016}");
        refused(&name, damaged(&name, |_| None));
        refused(&name, damaged(&name, cut));
        refused(&name, damaged(&name, |_| Some(Vec::new())));
        (0..90).step_by(5).for_each(|at| refused(&name, damaged(&name, flip(at))));
    }
    let name = "snapshots/0000000001-0000000001.rdb";
    refused(name, damaged(name, |_| None));
    refused(name, damaged(name, cut));
    refused(name, damaged(name, flip(3)));
    refused("manifest", damaged("manifest", |_| None));
    refused("manifest", damaged("manifest", cut));
    refused("manifest", damaged("manifest", flip(30)));
}
