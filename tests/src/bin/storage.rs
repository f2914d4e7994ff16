//! Power cuts, failing calls and damaged files under the file store; see `larder_tests::storage`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    larder_tests::storage::run(&words)
}
