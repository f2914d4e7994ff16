//! The one binary of Larder.

mod cli;
mod conf_file;
mod host;
mod http;
mod logging;
mod resp;
mod serve;
mod store;

use std::process::ExitCode;

/// Small blocks of many sizes are what a keyspace allocates; the system's allocator spends more time and memory there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli::Command::Serve(start)) => match serve::run(*start) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => cli::Exit::could_not_start(why).report(),
        },
        Err(exit) => exit.report(),
    }
}
