//! The one binary of Larder.

mod allocator;
mod cli;
mod conf_file;
mod export;
mod host;
mod http;
mod import;
mod logging;
mod offline;
mod resp;
mod serve;
mod store;

use std::path::Path;
use std::process::ExitCode;

/// Small blocks of many sizes are what a keyspace allocates; the system's allocator spends more time and memory there.
#[global_allocator]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli::Command::Serve(start)) => finish(serve::run(*start)),
        Ok(cli::Command::Check { folder, salvage }) => check(&folder, salvage.as_deref()),
        Ok(cli::Command::Export(request)) => finish(export::run(&request)),
        Ok(cli::Command::Import(request)) => finish(import::run(&request)),
        Err(exit) => exit.report(),
    }
}

fn finish(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => cli::Exit::could_not_start(why).report(),
    }
}

fn check(folder: &Path, target: Option<&Path>) -> ExitCode {
    let checked = match target {
        None => store::check::report(folder),
        Some(target) => store::check::save(folder, target).map(|text| (text, true)),
    };
    let exit = match checked {
        Ok((text, true)) => cli::Exit { code: 0, text },
        Ok((text, false)) => cli::Exit { code: 1, text },
        Err(error) => cli::Exit::could_not_start(error),
    };
    exit.report()
}
