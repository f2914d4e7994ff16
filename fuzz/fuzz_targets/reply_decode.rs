//! Replies read back: what is found does not depend on what follows, and a piece of a reply is never a reply.
#![no_main]

use larder_core::resp::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some((value, used))) = decode(bytes) else { return };
    assert!(used <= bytes.len());
    let (again, used_again) = decode(&bytes[..used]).expect("it was a reply").expect("it was whole");
    assert_eq!(used_again, used);
    // Debug text, because NaN does not equal itself.
    assert_eq!(format!("{value:?}"), format!("{again:?}"));
    for end in [used / 2, used - 1] {
        assert_eq!(decode(&bytes[..end]).map(|found| found.is_some()), Ok(false), "cut at {end}");
    }
});
