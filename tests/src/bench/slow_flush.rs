//! A library to preload: `fsync` and `fdatasync` take at least `FLUSH_US` microseconds, as on a disk that is slower
//! than this machine's. Not a module: the row that needs it has `rustc` build it (see `persistence.rs`).

use std::ffi::{c_int, c_long};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

#[cfg(target_arch = "x86_64")]
const NUMBERS: [c_long; 2] = [74, 75];
#[cfg(not(target_arch = "x86_64"))]
const NUMBERS: [c_long; 2] = [82, 83];

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

fn flush(number: c_long, descriptor: c_int) -> c_int {
    static LEAST: OnceLock<Duration> = OnceLock::new();
    let least = LEAST.get_or_init(|| {
        let wanted = std::env::var("FLUSH_US").ok().and_then(|text| text.parse().ok());
        Duration::from_micros(wanted.unwrap_or(0))
    });
    let begun = Instant::now();
    // SAFETY: both calls take a descriptor and no memory.
    let result = unsafe { syscall(number, descriptor) };
    std::thread::sleep(least.saturating_sub(begun.elapsed()));
    result as c_int
}

#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: c_int) -> c_int {
    flush(NUMBERS[0], descriptor)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    flush(NUMBERS[1], descriptor)
}
