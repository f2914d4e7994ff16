//! Manifests: any text, also under a right checksum. What is read names no file outside the folder, and a folder with
//! such a slot opens or is refused.
#![no_main]

use larder_core::store::StoreError;
use larder_core::store::file::{FileStore, Options};
use larder_core::store::manifest::Manifest;
use larder_core::store::sim::SimDisk;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    assert!(Manifest::parse(bytes).is_none_or(|manifest| manifest.is_err() || is_inside(manifest)));
    let mut text = b"larder-manifest 1\n".to_vec();
    text.extend_from_slice(bytes);
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    let checksum = crc32c::crc32c(&text);
    text.extend_from_slice(format!("crc32c {checksum:08x}\n").as_bytes());
    if let Some(manifest) = Manifest::parse(&text) {
        assert!(is_inside(manifest));
    }
    let disk = SimDisk::new();
    disk.put("MANIFEST-1", text);
    match FileStore::open(disk.vfs(), Options::default()) {
        Ok(_) | Err(StoreError::Corrupt(_) | StoreError::TooNew(_)) => {}
        Err(error) => panic!("refused for a wrong reason: {error}"),
    }
});

fn is_inside(manifest: Result<Manifest, StoreError>) -> bool {
    let Ok(manifest) = manifest else { return true };
    let previous = manifest.previous.and_then(|(snapshot, _)| snapshot);
    manifest.snapshot.iter().chain(&previous).all(|snapshot| !snapshot.name.contains(['/', '\\', '\0']))
}
