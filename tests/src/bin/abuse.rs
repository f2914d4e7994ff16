//! Attacks a release server over real sockets: `abuse [FILTER …]`. `LARDER_BIN` names another server.

use std::process::ExitCode;

fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).collect();
    larder_tests::abuse::run(&filters)
}
