//! Random commands on redis-server and Larder, compared reply by reply; see `larder_tests::differential`.
//!
//! Both servers are started on free ports. The exit code is 1 when anything differed without a reason.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use larder_tests::differential::options::{Options, USAGE};
use larder_tests::differential::run::run;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1), seed_of_now()) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("differential: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(is_clean) => ExitCode::from(u8::from(!is_clean)),
        Err(message) => {
            eprintln!("differential: {message}");
            ExitCode::from(1)
        }
    }
}

/// Short enough to be typed again.
fn seed_of_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) ^ (since.as_secs() & 0xffff)
}
