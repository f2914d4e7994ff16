//! Packed bytes from elsewhere: what passes the check can be walked from both ends and changed; nothing else passes.
#![no_main]

use larder_core::structure::intset::Intset;
use larder_core::structure::listpack::Listpack;
use larder_core::structure::rdb::length::Reader;
use larder_core::structure::rdb::ziplist::{read_ziplist, read_zipmap};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(set) = Intset::from_bytes(bytes.to_vec()) {
        assert!(set.iter().all(|member| set.contains(member)));
    }
    for pack in [Listpack::from_bytes(with_header(bytes)).ok(), read_ziplist(bytes).ok(), read_zipmap(bytes).ok()] {
        let Some(mut pack) = pack else { continue };
        let mut backwards: Vec<_> = pack.iter_back().collect();
        backwards.reverse();
        assert!(pack.iter().eq(backwards));
        let len = pack.len();
        assert_eq!(pack.iter().count(), len);
        assert_eq!(Listpack::from_bytes(pack.bytes().to_vec()).as_ref(), Ok(&pack));
        pack.push_front(b"first");
        pack.push_back(b"12");
        assert_eq!(pack.remove_range(pack.first(), usize::MAX), len + 2);
        assert!(pack.is_empty());
    }
    let mut reader = Reader::new(bytes).with_unpacked_bytes_max(1 << 20);
    while reader.read_string().is_ok() {}
});

/// The same entries under the right size: damage to it alone is found too soon.
fn with_header(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let size = (bytes.len() as u32).to_le_bytes();
    if let Some(header) = bytes.first_chunk_mut() {
        *header = size;
    }
    bytes
}
