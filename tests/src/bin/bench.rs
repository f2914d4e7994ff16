//! `make bench`: Larder against redis-server and a bare HTTP server. See `bench --help`.
//!
//! Exit codes: 0 all rows measured (whatever the bars say), 1 a row could not be measured, 2 bad usage.

use std::process::ExitCode;

use larder_tests::bench::options::{Options, Request, USAGE};
use larder_tests::bench::{rows, run};

fn main() -> ExitCode {
    match Request::parse(std::env::args().skip(1)) {
        Ok(Request::Run(options)) => measure(&options),
        Ok(Request::List) => {
            rows::names().for_each(|name| println!("{name}"));
            ExitCode::SUCCESS
        }
        Ok(Request::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(mistake) => {
            eprintln!("bench: {mistake}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn measure(options: &Options) -> ExitCode {
    let results = match run::run(options) {
        Ok(results) => results,
        Err(why) => {
            eprintln!("bench: {why}");
            return ExitCode::FAILURE;
        }
    };
    print!("{}", results.text(options));
    match results.save(options) {
        Ok(path) => println!("\nwritten to {}", path.display()),
        Err(why) => {
            eprintln!("bench: {why}");
            return ExitCode::FAILURE;
        }
    }
    if results.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
