//! The file store on a disk that loses power, fails and rots: see [`larder_core::store::sim`].
//!
//! The same seed tries the same states on every machine; whatever is found is printed with it.

pub mod canary;
pub mod damage;
pub mod driver;
pub mod iofail;
pub mod model;
pub mod power;

use std::process::ExitCode;
use std::time::Instant;

/// How many states held, or which promise was broken.
pub type Found = Result<u64, String>;

/// How to call it.
pub const USAGE: &str = "\
usage: storage power  [--states N] [--seed S]   power cuts (100000 before a release)
       storage iofail [--points N] [--seed S]   calls that fail (5000)
       storage damage [--every N] [--seed S]    every Nth bit flipped, every Nth end missing (1)
       storage canary [--seed S]                planted bugs; needs --features planted-bugs
       storage smoke  [--seed S]                a little of the first three";

/// Seed unless told otherwise: fixed, so that a change is judged by what was changed.
const SEED: u64 = 1;

/// Runs what the command line asks for.
pub fn run(words: &[String]) -> ExitCode {
    let Some((command, options)) = words.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut seed = SEED;
    let mut amount = None;
    for pair in options.chunks(2) {
        let value = pair.get(1).and_then(|value| value.parse::<u64>().ok());
        match (pair[0].as_str(), value) {
            ("--seed", Some(value)) => seed = value,
            ("--states" | "--points" | "--every", Some(value)) => amount = Some(value),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let options = driver::options();
    let is_clean = match command.as_str() {
        "power" => report("power", seed, || power::run(options, amount.unwrap_or(20_000), seed)),
        "iofail" => report("iofail", seed, || iofail::run(options, amount.unwrap_or(2_000), seed)),
        "damage" => report("damage", seed, || damage::run(options, amount.unwrap_or(101), seed)),
        "canary" if cfg!(feature = "planted-bugs") => report("canary", seed, || canary::run(options, seed)),
        "smoke" => [
            report("power", seed, || power::run(options, 10_000, seed)),
            report("iofail", seed, || iofail::run(options, 1_000, seed)),
            report("damage", seed, || damage::run(options, 499, seed)),
        ]
        .iter()
        .all(|is_clean| *is_clean),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    ExitCode::from(u8::from(!is_clean))
}

fn report(name: &str, seed: u64, run: impl FnOnce() -> Found) -> bool {
    let start = Instant::now();
    let found = run();
    let seconds = start.elapsed().as_secs_f64();
    match &found {
        Ok(count) => println!("storage {name}: {count} held, seed {seed}, {seconds:.1} s"),
        Err(text) => println!("storage {name}: BROKEN, seed {seed}, {seconds:.1} s: {text}"),
    }
    found.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_of_each() {
        let options = driver::options();
        power::run(options, 400, 7).expect("power cuts lose nothing that was promised");
        iofail::run(options, 100, 7).expect("failing calls lose nothing that was promised");
        damage::run(options, 49_999, 7).expect("damage is seen");
    }

    #[test]
    #[cfg(feature = "planted-bugs")]
    fn planted_bugs_are_found() {
        assert_eq!(canary::run(driver::options(), 7), Ok(8));
    }
}
