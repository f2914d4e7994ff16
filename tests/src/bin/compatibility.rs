//! Prints COMPATIBILITY.md; `--check` compares the file with it instead.

use std::io::Write;
use std::process::ExitCode;

use larder_tests::compatibility;

fn main() -> ExitCode {
    let page = match compatibility::page() {
        Ok(page) => page,
        Err(message) => return fail(&message),
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => match std::io::stdout().write_all(page.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        },
        ["--check"] => check(&page),
        _ => {
            eprintln!("usage: compatibility [--check]");
            ExitCode::from(2)
        }
    }
}

fn check(page: &str) -> ExitCode {
    let path = compatibility::path();
    let old = match std::fs::read_to_string(&path) {
        Ok(old) => old,
        Err(error) => return fail(&format!("{}: {error}", path.display())),
    };
    match compatibility::first_difference(&old, page) {
        None => ExitCode::SUCCESS,
        Some(difference) => fail(&format!(
            "COMPATIBILITY.md is out of date: {difference}\nrun: cargo run -p larder-tests --bin compatibility > \
             COMPATIBILITY.md"
        )),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("compatibility: {message}");
    ExitCode::FAILURE
}
