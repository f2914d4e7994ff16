//! Power cuts: after every call of a reference run in every variant, then at random, also while recovering.

use larder_core::store::file::Options;
use larder_core::store::sim::{Cut, Fault, SimDisk};

use super::Found;
use super::driver::{Driver, End};
use crate::differential::random::Random;

/// Operations of the reference run in a full run; a smaller one has fewer, so that random runs get their share.
const REFERENCE_OPERATIONS: usize = 2000;
/// Operations of a random run between two power cuts.
const RANDOM_OPERATIONS: usize = 120;
/// Power cuts of a random run.
const CUTS: usize = 6;

/// Tries so many states. The error says which promise was broken, and by which seed.
pub fn run(options: Options, states: u64, seed: u64) -> Found {
    // Half the states come from the reference run: about two calls for an operation, eight variants for each.
    let operations = (states as usize / 2 / 20).min(REFERENCE_OPERATIONS);
    let mut tried = exhaustive(options, operations, seed)?;
    let mut round = 0;
    while tried < states {
        tried += random(options, seed, round)?;
        round += 1;
    }
    Ok(tried)
}

/// Cuts the power before every call of one run.
fn exhaustive(options: Options, operations: usize, seed: u64) -> Found {
    let mut tried = 0;
    for call in 0.. {
        let mut driver = Driver::new(SimDisk::new(), options, seed);
        driver.disk.fail_at(call, Fault::PowerCut);
        match driver.run(operations) {
            Ok(()) => return Ok(tried),
            Err(End::PowerCut) => {}
            Err(End::Broken(text)) => return Err(format!("before any power cut: {text}")),
        }
        for cut in Cut::ALL {
            let copy = driver.disk.copy();
            copy.cut_power(cut, seed ^ call);
            recover(&driver, copy, options).map_err(|text| format!("{cut:?} before call {call}: {text}"))?;
            tried += 1;
        }
    }
    Ok(tried)
}

/// Starts on a copy of a disk, twice: the second start finds what the first one did.
fn recover(driver: &Driver, disk: SimDisk, options: Options) -> Result<(), String> {
    let mut next = driver.successor(disk, options);
    let broken = |end: End| match end {
        End::Broken(text) => text,
        End::PowerCut => "the power fails although none was cut".to_owned(),
    };
    next.open(driver.flushed()).map_err(broken)?;
    let found = next.appended();
    next.forget();
    next.disk.cut_power(Cut::Nothing, 0);
    next.open(found).map_err(|end| format!("the second start: {}", broken(end)))?;
    if next.appended() == found { Ok(()) } else { Err("the second start finds more than the first".to_owned()) }
}

/// A run with several power cuts, some of them while recovering from the one before.
fn random(options: Options, seed: u64, round: u64) -> Found {
    let mut random = Random::of_round(seed, round);
    let mut driver = Driver::new(SimDisk::new(), options, random.bits());
    let mut tried = 0;
    for _ in 0..CUTS {
        let calls = driver.disk.calls();
        // Now and then the next cut comes while the start is still at work.
        let distance = if random.percent(40) { random.below(25) } else { random.below(RANDOM_OPERATIONS * 3) };
        driver.disk.fail_at(calls + distance as u64, Fault::PowerCut);
        match driver.run(RANDOM_OPERATIONS) {
            Ok(()) | Err(End::PowerCut) => {}
            Err(End::Broken(text)) => return Err(format!("round {round}: {text}")),
        }
        let (cut, cut_seed) = (*random.pick(&Cut::ALL), random.bits());
        let copy = driver.disk.copy();
        copy.cut_power(cut, cut_seed);
        recover(&driver, copy, options).map_err(|text| format!("round {round}, {cut:?}: {text}"))?;
        tried += 1;
        let flushed = driver.flushed();
        driver.forget();
        driver.disk.cut_power(cut, cut_seed);
        driver.require(flushed);
    }
    Ok(tried)
}
