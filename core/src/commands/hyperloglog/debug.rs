//! PFDEBUG and PFSELFTEST.

use super::{Encoding, encoding_of};
use crate::commands::string::read_text;
use crate::context::Context;
use crate::error::CommandError;
use crate::structure::hyperloglog::{self, InvalidHll, REGISTERS, SPARSE_MAX_BYTES_DEFAULT};

/// PFDEBUG GETREG, DECODE, ENCODING and TODENSE.
pub(super) fn pfdebug(cx: &mut Context) -> Result<(), CommandError> {
    let subcommand = cx.arg(1);
    let slot = cx.keys.write(cx.arg(2));
    let encoding = encoding_of(cx, slot)?.ok_or(CommandError::fixed("ERR The specified key does not exist"))?;
    if subcommand.eq_ignore_ascii_case(b"GETREG") {
        make_dense(cx, encoding)?;
        let registers = read_text(cx.keys.entry(slot), |hll| hyperloglog::registers(hll.unwrap_or_default()))??;
        cx.reply.array(REGISTERS);
        registers.iter().for_each(|value| cx.reply.integer((*value).into()));
    } else if subcommand.eq_ignore_ascii_case(b"DECODE") {
        if encoding != Encoding::Sparse {
            return Err(CommandError::fixed("ERR HLL encoding is not sparse"));
        }
        let mut runs = Vec::new();
        read_text(cx.keys.entry(slot), |hll| hyperloglog::write_runs(&mut runs, hll.unwrap_or_default()))??;
        cx.reply.bulk(&runs);
    } else if subcommand.eq_ignore_ascii_case(b"ENCODING") {
        cx.reply.status(encoding.name());
    } else if subcommand.eq_ignore_ascii_case(b"TODENSE") {
        let has_changed = make_dense(cx, encoding)?;
        cx.reply.integer(has_changed.into());
    } else {
        return Err(CommandError::quoting("ERR Unknown PFDEBUG subcommand '", subcommand, "'"));
    }
    Ok(())
}

/// Makes the HyperLogLog under the key dense and says whether it was not.
fn make_dense(cx: &mut Context, encoding: Encoding) -> Result<bool, CommandError> {
    if encoding == Encoding::Dense {
        return Ok(false);
    }
    let slot = cx.keys.locate(cx.arg(2));
    cx.keys.edit_string_if(slot, |hll| {
        let made = hyperloglog::make_dense(hll);
        (made, made.is_ok())
    })??;
    Ok(true)
}

/// Elements that the self-test adds: enough for sparse strings to become dense and registers to fill.
const SELF_TEST_ELEMENTS: u64 = 40_000;

/// How far an estimate may be off: six times the standard error of 1.04 / √16384.
const TOLERANCE: f64 = 0.05;

/// PFSELFTEST.
pub(super) fn pfselftest(cx: &mut Context) -> Result<(), CommandError> {
    let seed = cx.random.next_u64();
    match self_test(seed) {
        Ok(None) => cx.reply.ok(),
        Ok(Some(failure)) => return Err(CommandError::new(format!("TESTFAILED {failure}"))),
        Err(invalid) => return Err(invalid.into()),
    }
    Ok(())
}

/// Adds elements to a string that starts sparse and to one that is dense from the beginning; what went wrong, if
/// anything.
fn self_test(seed: u64) -> Result<Option<String>, InvalidHll> {
    let mut hll = hyperloglog::new();
    let mut dense = hyperloglog::new();
    hyperloglog::make_dense(&mut dense)?;
    for number in 1..=SELF_TEST_ELEMENTS {
        let element = (number ^ seed).to_le_bytes();
        let has_grown = hyperloglog::add(&mut hll, &element, SPARSE_MAX_BYTES_DEFAULT)?;
        if has_grown != hyperloglog::add(&mut dense, &element, SPARSE_MAX_BYTES_DEFAULT)? {
            return Ok(Some(format!("sparse and dense registers differ after {number} elements of seed {seed}")));
        }
        if number.is_power_of_two() || number == SELF_TEST_ELEMENTS {
            let estimate = hyperloglog::count(&mut hll)?.cardinality;
            if estimate != hyperloglog::count(&mut dense)?.cardinality {
                return Ok(Some(format!("sparse and dense estimates of {number} elements differ for seed {seed}")));
            }
            // A few elements may well share a register.
            let allowed = (number as f64 * TOLERANCE).max(3.0);
            if estimate.abs_diff(number) as f64 > allowed {
                return Ok(Some(format!("estimate of {number} elements is {estimate} for seed {seed}")));
            }
        }
    }
    Ok((hll != dense).then(|| format!("sparse and dense strings differ for seed {seed}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_self_test_passes() {
        for seed in 0..4 {
            assert_eq!(self_test(seed << 40), Ok(None));
        }
    }
}
