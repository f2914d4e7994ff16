//! Kills a server under load and looks what is left of its data: `crash kill`; see `larder_tests::crash`.
//!
//! Exit codes: 0 nothing lost, 1 something is wrong, 2 bad usage.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use larder_tests::crash::options::{Options, USAGE};
use larder_tests::crash::run::run;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1), seed_of_now()) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("crash: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(!report.is_good()))
        }
        Err(message) => {
            eprintln!("crash: {message}");
            ExitCode::from(1)
        }
    }
}

/// Short enough to be typed again.
fn seed_of_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) ^ (since.as_secs() & 0xffff)
}
