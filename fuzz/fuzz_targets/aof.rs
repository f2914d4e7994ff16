//! Append-only files and their manifests: any bytes. Requests are handed on whole, and what stands before a torn end is
//! a file of its own with the same requests.
#![no_main]

use larder_core::aof::{AofError, Summary, parts, read_requests};
use libfuzzer_sys::fuzz_target;

const NOW_US: u64 = 1_700_000_000_000_000;

type Taken = Vec<(u64, u16, Vec<u8>)>;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(parts) = parts(bytes) {
        assert!(!parts.is_empty());
        for (index, part) in parts.iter().enumerate() {
            assert!(!part.name.contains('/') && part.name != ".." && (index == 0 || !part.is_base));
        }
    }
    let Ok((taken, summary)) = read(bytes, 0) else { return };
    assert_eq!(taken.len() as u64, summary.requests);
    for (now_us, _, request) in &taken {
        assert!(*now_us <= NOW_US && request.starts_with(b"*") && request.ends_with(b"\r\n"));
    }
    let end = summary.torn_at.unwrap_or(bytes.len() as u64);
    assert_eq!(end + summary.torn_bytes, bytes.len() as u64);
    let (again, whole) = read(&bytes[..end as usize], 0).expect("it was read before");
    assert_eq!((again, whole.torn_at), (taken.clone(), None));
    // Some of it may have been read ahead, by whoever read the RDB file before it.
    let ahead = bytes.len() / 3;
    assert_eq!(read(bytes, ahead).expect("it was read before"), (taken, summary));
});

fn read(bytes: &[u8], ahead: usize) -> Result<(Taken, Summary), AofError> {
    let mut taken = Taken::new();
    let (ahead, mut rest) = bytes.split_at(ahead);
    let summary = read_requests(&mut rest, ahead.to_vec(), 0, NOW_US, &mut |change| {
        taken.push((change.now_us, change.db, change.requests.to_vec()));
        Ok(())
    })?;
    Ok((taken, summary))
}
