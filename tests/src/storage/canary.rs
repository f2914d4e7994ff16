//! Planted bugs: the harness must find each of them, or it proves nothing.

use std::time::{Duration, Instant};

use larder_core::store::file::Options;
use larder_core::store::plant::Bug;

use super::{Found, damage, iofail, power};

/// Longest search for one bug.
const PATIENCE: Duration = Duration::from_secs(60);

/// States, points and distance of bits of each try.
const STATES: u64 = 4000;
const POINTS: u64 = 600;
const EVERY: u64 = 509;

/// Searches for every planted bug and answers how many were found. The error names those that were not.
pub fn run(options: Options, seed: u64) -> Found {
    let mut missed = Vec::new();
    // Their panics are findings, not accidents.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for bug in Bug::ALL {
        let start = Instant::now();
        match search(planted(options, bug), seed, start) {
            Some(text) => println!("canary {bug:?}: found in {:.1?}: {text}", start.elapsed()),
            None => missed.push(format!("{bug:?}")),
        }
    }
    std::panic::set_hook(hook);
    if missed.is_empty() { Ok(Bug::ALL.len() as u64) } else { Err(format!("not found: {}", missed.join(", "))) }
}

fn search(options: Options, seed: u64, start: Instant) -> Option<String> {
    let mut round = seed;
    while start.elapsed() < PATIENCE {
        let tries: [&dyn Fn() -> Found; 3] =
            [&|| power::run(options, STATES, round), &|| iofail::run(options, POINTS, round), &|| {
                damage::run(options, EVERY, round)
            }];
        if let Some(text) = tries.iter().find_map(|run| run().err()) {
            return Some(text);
        }
        round += 1;
    }
    None
}

#[cfg(feature = "planted-bugs")]
fn planted(options: Options, bug: Bug) -> Options {
    Options { bug: Some(bug), ..options }
}

#[cfg(not(feature = "planted-bugs"))]
fn planted(options: Options, _: Bug) -> Options {
    options
}
