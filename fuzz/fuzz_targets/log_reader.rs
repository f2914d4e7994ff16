//! A log of any bytes behind a good header, in up to three segments: it is refused, or its records have no gap and a
//! second start finds the same.
#![no_main]

use larder_core::store::file::{FileStore, Options};
use larder_core::store::record::{Change, write_change};
use larder_core::store::sim::SimDisk;
use larder_core::store::{Lsn, StoreError};
use libfuzzer_sys::fuzz_target;

/// Bytes of a segment's header.
const HEADER_BYTES: usize = 40;

fuzz_target!(|pieces: (Vec<(u8, Vec<u8>)>, bool)| {
    let (pieces, closed) = pieces;
    let disk = SimDisk::new();
    for (index, (lsn, bytes)) in pieces.iter().take(3).enumerate() {
        let store = FileStore::open(disk.vfs(), Options::default()).map(|opened| opened.store);
        // What the pieces before say may be damage.
        let Ok(store) = store else { break };
        let mut record = Vec::new();
        write_change(&mut record, Lsn::from(*lsn), 0, 0, |out| out.extend_from_slice(&bytes[..bytes.len() / 2]));
        let _ = store.append(&record, Lsn::from(*lsn));
        if closed && index == 0 {
            let _ = store.close();
        }
        drop(store);
        let newest = disk.files().into_iter().filter(|(name, _)| name.starts_with("log")).next_back();
        let Some((name, mut content)) = newest else { break };
        // A good record stays in front of every other piece.
        content.truncate(if lsn % 2 == 0 { HEADER_BYTES } else { content.len() });
        content.extend_from_slice(bytes);
        disk.put(&name, content);
    }
    let first = start(&disk);
    match &first {
        Err(StoreError::Corrupt(_) | StoreError::TooNew(_)) => {}
        Err(error) => panic!("refused for a wrong reason: {error}"),
        Ok(_) => assert_eq!(start(&disk), first),
    }
});

/// The payloads that a start finds, and the number of the last.
fn start(disk: &SimDisk) -> Result<(Vec<Vec<u8>>, Lsn), StoreError> {
    let opened = FileStore::open(disk.vfs(), Options::default())?;
    let mut payloads = Vec::new();
    for (index, change) in opened.changes.enumerate() {
        let (lsn, payload) = change?;
        assert_eq!(lsn, index as Lsn + 1, "there is no gap");
        assert!(Change::read(&payload).is_some());
        payloads.push(payload);
    }
    assert_eq!(payloads.len() as Lsn, opened.last);
    Ok((payloads, opened.last))
}
