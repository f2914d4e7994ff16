//! Calls that fail: each call of a run in each way, then runs in which many do.

use larder_core::store::file::Options;
use larder_core::store::sim::{Cut, Fault, SimDisk};

use super::Found;
use super::driver::{Driver, End};
use crate::differential::random::Random;

/// Ways to fail.
const FAULTS: [Fault; 5] = [Fault::Error, Fault::NoSpace, Fault::Short, Fault::Interrupted, Fault::LostFlush];
/// Operations of the run whose calls fail one by one, in a full run.
const OPERATIONS: usize = 400;
/// Operations of a random run.
const RANDOM_OPERATIONS: usize = 150;
/// Calls of a random run that fail.
const RANDOM_FAULTS: usize = 8;

/// Tries so many places to fail. The error says which promise was broken, and by which seed.
pub fn run(options: Options, points: u64, seed: u64) -> Found {
    let operations = (points as usize / 20).clamp(10, OPERATIONS);
    let mut tried = 0;
    for call in 0.. {
        let mut was_met = false;
        for fault in FAULTS {
            let mut driver = Driver::new(SimDisk::new(), options, seed);
            driver.disk.fail_at(call, fault);
            finish(driver.run(operations), &mut driver).map_err(|text| format!("{fault:?} at call {call}: {text}"))?;
            was_met |= !driver.disk.has_faults();
            tried += 1;
        }
        if !was_met {
            // The run has fewer calls.
            break;
        }
    }
    let mut round = 0;
    while tried < points {
        random(options, seed, round)?;
        tried += RANDOM_FAULTS as u64;
        round += 1;
    }
    Ok(tried)
}

/// After a run everything that was promised is there: for another process, and after a power cut.
fn finish(result: Result<(), End>, driver: &mut Driver) -> Result<(), String> {
    let broken = |end: End| match end {
        End::Broken(text) => text,
        End::PowerCut => "the power fails although none was cut".to_owned(),
    };
    result.map_err(broken)?;
    let (appended, flushed) = (driver.appended(), driver.flushed());
    let copy = driver.disk.copy();
    let mut next = driver.successor(copy, driver.options());
    next.kill();
    next.open(appended).map_err(|end| format!("after a kill: {}", broken(end)))?;
    let claimed = next.flushed();
    next.forget();
    next.disk.cut_power(Cut::Nothing, 0);
    next.open(claimed).map_err(|end| format!("a power cut after a kill: {}", broken(end)))?;
    let copy = driver.disk.copy();
    let mut next = driver.successor(copy, driver.options());
    next.disk.cut_power(Cut::Nothing, 0);
    next.open(flushed).map_err(|end| format!("after a power cut: {}", broken(end)))?;
    Ok(())
}

fn random(options: Options, seed: u64, round: u64) -> Result<(), String> {
    let mut random = Random::of_round(seed, round);
    let mut driver = Driver::new(SimDisk::new(), options, random.bits());
    for _ in 0..RANDOM_FAULTS {
        driver.disk.fail_at(random.below(RANDOM_OPERATIONS * 4) as u64, *random.pick(&FAULTS));
    }
    finish(driver.run(RANDOM_OPERATIONS), &mut driver).map_err(|text| format!("round {round}: {text}"))
}
