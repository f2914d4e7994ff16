//! Takes the measurements of a row: subject and reference in turn, only one of them driven at a time.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::generator;
use crate::bench::load::Loader;
use crate::bench::options::Options;
use crate::bench::process;
use crate::bench::rows::{CommandRow, KEYSPACE, Load, MemoryRow};
use crate::bench::sample::{Comparison, Generated, Sample};
use crate::servers::Server;

/// Time a server gets to finish what a load left it to do.
const SETTLE: Duration = Duration::from_millis(200);

/// Time a server gets before its memory is read: tables resize and allocators give back in the background.
const MEMORY_SETTLE: Duration = Duration::from_secs(1);

/// Alternates subject and reference for the rounds asked for.
pub fn alternate<T>(
    row: &'static str,
    options: &Options,
    mut subject: impl FnMut() -> Result<T, String>,
    mut reference: impl FnMut() -> Result<T, String>,
) -> Result<Comparison<T>, String> {
    let mut rounds = Vec::with_capacity(options.rounds);
    for round in 1..=options.rounds {
        eprintln!("{row}: round {round} of {}", options.rounds);
        rounds.push((subject()?, reference()?));
    }
    Ok(Comparison { row, rounds })
}

/// One `redis-benchmark` run against one server.
pub fn command(row: &CommandRow, server: &Server, options: &Options) -> Result<Sample, String> {
    prepare(server, row.prepare, options)?;
    let operations = options.scaled(row.operations);
    timed(server.pid(), || generator::redis_benchmark(row, server.resp(), operations))
}

/// Bytes of resident memory per key, or element of the one key, of a fresh server.
pub fn bytes_per_key(row: &MemoryRow, server: &Server, options: &Options) -> Result<f64, String> {
    let keys = options.scaled(row.load.count);
    let mut loader = Loader::connect(server.resp())?;
    sleep(MEMORY_SETTLE);
    let before = process::resident_bytes(server.pid())?;
    loader.run(&row.load, keys)?;
    sleep(MEMORY_SETTLE);
    let after = process::resident_bytes(server.pid())?;
    loader.expect_keys(if row.one_key { 1 } else { keys })?;
    Ok((after as f64 - before as f64) / keys as f64)
}

/// Runs a load generator and counts the CPU time a process uses meanwhile.
pub fn timed(pid: u32, generate: impl FnOnce() -> Result<Generated, String>) -> Result<Sample, String> {
    let before = process::cpu_time(pid)?;
    let generated = generate()?;
    let after = process::cpu_time(pid)?;
    Ok(Sample::new(generated, after.saturating_sub(before)))
}

/// Empties the server and puts the loads in place. Those that a row uses up are as much smaller as it is.
pub fn prepare(server: &Server, loads: &[Load], options: &Options) -> Result<(), String> {
    let mut loader = Loader::connect(server.resp())?;
    loader.clear()?;
    for load in loads {
        let count = if load.count > KEYSPACE { options.scaled(load.count) } else { load.count };
        loader.run(load, count)?;
    }
    sleep(SETTLE);
    Ok(())
}
