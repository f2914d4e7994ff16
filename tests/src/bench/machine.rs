//! What a result was measured on: figures without it cannot be compared.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::bench::generator::bounded;
use crate::bench::options::Options;
use crate::servers::larder_binary;

/// Machine and versions, one JSON string or number each.
pub fn describe(options: &Options) -> Value {
    let larder = if options.against_itself {
        "not used: --self puts a second redis-server in its place".to_owned()
    } else {
        let mut command = Command::new(larder_binary());
        command.arg("--version");
        first_line(command)
    };
    json!({
        "cpu": cpu_model(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": first_line_of("/proc/sys/kernel/osrelease"),
        // Tells a result taken beside other work from one taken alone.
        "load_at_start": first_line_of("/proc/loadavg"),
        "larder": larder,
        "redis": version("redis-server", "--version"),
        "redis_benchmark": version("redis-benchmark", "--version"),
        "wrk": version("wrk", "-v"),
        "rustc": version("rustc", "--version"),
    })
}

fn version(program: &str, argument: &str) -> String {
    let mut command = bounded(program);
    command.arg(argument);
    first_line(command)
}

/// The first line a program prints; `wrk -v` prints it and fails.
fn first_line(mut command: Command) -> String {
    let Ok(output) = command.output() else {
        return "not found".to_owned();
    };
    let line = String::from_utf8_lossy(&output.stdout);
    line.lines().next().unwrap_or("not found").trim().to_owned()
}

fn cpu_model() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpus.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == "model name")
        .map_or("unknown", |(_, model)| model.trim())
        .to_owned()
}

fn first_line_of(path: &str) -> String {
    fs::read_to_string(path)
        .map_or_else(|_| "unknown".to_owned(), |text| text.lines().next().unwrap_or_default().to_owned())
}
