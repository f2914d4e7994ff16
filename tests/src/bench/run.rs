//! Runs the selected rows one after the other.

use crate::bench::machine;
use crate::bench::measure::{self, alternate};
use crate::bench::options::Options;
use crate::bench::persistence;
use crate::bench::report::Results;
use crate::bench::rest;
use crate::bench::rows::{COMMANDS, MEMORY, PERSISTENCE, REST, STALLS, WASM_ROW};
use crate::bench::stall;
use crate::bench::wasm;
use crate::servers::{Server, larder_binary};

/// Measures what the options select. A row that fails is listed and the others still run.
pub fn run(options: &Options) -> Result<Results, String> {
    let binary = larder_binary();
    if !options.against_itself && !binary.exists() {
        return Err(format!("{} is missing: build it with cargo build --release, or use --self", binary.display()));
    }
    let mut results = Results { machine: machine::describe(options), ..Results::default() };
    commands(options, &mut results);
    memory(options, &mut results);
    stalls(options, &mut results);
    for row in PERSISTENCE.iter().filter(|row| options.selects(row.name())) {
        persistence::measure(row, options, &mut results);
    }
    rest_rows(options, &mut results);
    wasm_row(options, &mut results);
    Ok(results)
}

fn commands(options: &Options, results: &mut Results) {
    let selected: Vec<_> = COMMANDS.iter().filter(|row| options.selects(row.name)).collect();
    if selected.is_empty() {
        return;
    }
    let (subject, reference) = (start_subject(options), Server::redis(&[]));
    for row in selected {
        let measured = alternate(
            row.name,
            options,
            || measure::command(row, &subject, options),
            || measure::command(row, &reference, options),
        );
        match measured {
            Ok(comparison) => results.commands.push(comparison),
            Err(why) => results.failures.push((row.name, why)),
        }
    }
}

fn memory(options: &Options, results: &mut Results) {
    for row in MEMORY.iter().filter(|row| options.selects(row.name)) {
        // Every measurement has a server of its own: memory that was used once is not given back.
        let measured = alternate(
            row.name,
            options,
            || measure::bytes_per_key(row, &start_subject(options), options),
            || measure::bytes_per_key(row, &Server::redis(&[]), options),
        );
        match measured {
            Ok(comparison) => results.memory.push(comparison),
            Err(why) => results.failures.push((row.name, why)),
        }
    }
}

/// One round each: it is the worst that counts, and a round has many thousand pings.
fn stalls(options: &Options, results: &mut Results) {
    let options = &Options { rounds: 1, ..options.clone() };
    for row in STALLS.iter().filter(|row| options.selects(row.name)) {
        let measured = alternate(
            row.name,
            options,
            || stall::measure(row, &start_subject(options), options),
            || stall::measure(row, &Server::redis(&[]), options),
        );
        match measured {
            Ok(comparison) => results.stalls.push(comparison),
            Err(why) => results.failures.push((row.name, why)),
        }
    }
}

fn rest_rows(options: &Options, results: &mut Results) {
    for row in REST.iter().filter(|row| options.selects(row.name)) {
        let larder = (!options.against_itself).then(|| start_subject(options));
        match rest::compare(row, larder.as_ref(), options) {
            Ok(comparison) => results.rest.push(comparison),
            Err(why) => results.failures.push((row.name, why)),
        }
    }
}

fn wasm_row(options: &Options, results: &mut Results) {
    if !options.selects(WASM_ROW) || options.against_itself {
        return;
    }
    match wasm::measure() {
        Ok(figures) => results.wasm = figures.unwrap_or_default(),
        Err(why) => results.failures.push((WASM_ROW, why)),
    }
}

fn start_subject(options: &Options) -> Server {
    if options.against_itself { Server::redis(&[]) } else { Server::larder(&[]) }
}
