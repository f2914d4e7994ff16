//! The sparse registers: runs of zeros in one or two bytes, runs of small values in one.

use super::{HEADER_BYTES, InvalidHll, REGISTERS};

/// The sparse form of registers that are all zero: one long run.
pub(super) const EMPTY: [u8; 2] = [0x7f, 0xff];

/// The longest run of zeros in one byte, and in two.
const SHORT_ZEROS_MAX: usize = 64;
/// The largest value a run can have; above it only the dense form will do.
const VALUE_MAX: u8 = 32;
/// The longest run of a value.
const VALUE_RUN_MAX: usize = 4;
/// The most bytes that take the place of one run: zeros in two, a value in one, zeros in two.
const REPLACEMENT_MAX: usize = 5;
/// How many runs are looked at for merging after a change, as in Redis, whose bytes we keep.
const MERGE_SCAN: usize = 5;

const LONG_ZEROS_TAG: u8 = 0b0100_0000;
const VALUE_TAG: u8 = 0b1000_0000;

/// What became of an attempt to raise a register.
pub(super) enum Raised {
    /// It was as high already.
    Unchanged,
    /// It grew.
    Grown,
    /// The sparse form cannot hold it, or not within the limit. Nothing was changed.
    DoesNotFit,
}

/// A run at whose start a search may begin, when registers are raised in ascending order.
#[derive(Clone, Copy)]
pub(super) struct Hint {
    at: usize,
    first: usize,
}

impl Default for Hint {
    fn default() -> Self {
        Hint { at: HEADER_BYTES, first: 0 }
    }
}

/// A run: `value` is 0 for zeros.
#[derive(Clone, Copy)]
struct Run {
    value: u8,
    len: usize,
    width: usize,
}

impl Run {
    fn decode(bytes: &[u8]) -> Result<Run, InvalidHll> {
        match bytes {
            [byte, ..] if byte & VALUE_TAG != 0 => {
                Ok(Run { value: (byte >> 2 & 31) + 1, len: usize::from(byte & 3) + 1, width: 1 })
            }
            [high, low, ..] if high & LONG_ZEROS_TAG != 0 => {
                Ok(Run { value: 0, len: (usize::from(high & 63) << 8 | usize::from(*low)) + 1, width: 2 })
            }
            [byte, ..] if byte & LONG_ZEROS_TAG == 0 => Ok(Run { value: 0, len: usize::from(byte & 63) + 1, width: 1 }),
            _ => Err(InvalidHll::Corrupt),
        }
    }
}

/// Calls `each` with the first register, the length and the value of every run.
pub(super) fn for_each_value(mut runs: &[u8], mut each: impl FnMut(usize, usize, u8)) -> Result<(), InvalidHll> {
    let mut first = 0;
    while !runs.is_empty() {
        let run = Run::decode(runs)?;
        if first + run.len > REGISTERS {
            return Err(InvalidHll::Corrupt);
        }
        each(first, run.len, run.value);
        first += run.len;
        runs = &runs[run.width..];
    }
    if first == REGISTERS { Ok(()) } else { Err(InvalidHll::Corrupt) }
}

/// Appends the runs as PFDEBUG DECODE shows them, whether or not they give all registers. A run that is cut short ends
/// with a zero byte.
pub(super) fn write_runs(out: &mut Vec<u8>, mut runs: &[u8]) {
    let mut separator = "";
    while let [first, ..] = runs {
        let run =
            Run::decode(runs).unwrap_or_else(|_| Run { value: 0, len: (usize::from(first & 63) << 8) + 1, width: 1 });
        let text = match run {
            Run { value: 0, len, .. } if first & LONG_ZEROS_TAG == 0 => format!("{separator}z:{len}"),
            Run { value: 0, len, .. } => format!("{separator}Z:{len}"),
            Run { value, len, .. } => format!("{separator}v:{value},{len}"),
        };
        out.extend_from_slice(text.as_bytes());
        separator = " ";
        runs = &runs[run.width..];
    }
}

/// Raises one register in place.
pub(super) fn raise(
    hll: &mut Vec<u8>,
    index: usize,
    value: u8,
    max_bytes: usize,
    hint: &mut Hint,
) -> Result<Raised, InvalidHll> {
    if value > VALUE_MAX {
        return Ok(Raised::DoesNotFit);
    }
    let place = Place::find(hll, index, *hint)?;
    if place.run.value >= value {
        return Ok(Raised::Unchanged);
    }
    let mut replacement = Replacement::default();
    replacement.push(place.run.value, index - place.first);
    replacement.push(value, 1);
    replacement.push(place.run.value, place.first + place.run.len - 1 - index);
    let new_len = hll.len() - place.run.width + replacement.len;
    if new_len > hll.len() && new_len > max_bytes {
        return Ok(Raised::DoesNotFit);
    }
    hll.splice(place.at..place.at + place.run.width, replacement.bytes[..replacement.len].iter().copied());
    merge_values(hll, place.previous.at);
    // Bytes before the previous run do not change, and it keeps its start even when it was merged.
    *hint = place.previous;
    Ok(Raised::Grown)
}

/// Where a register's run stands.
struct Place {
    at: usize,
    first: usize,
    run: Run,
    /// The run before it, or the same one when it is the first.
    previous: Hint,
}

impl Place {
    fn find(hll: &[u8], index: usize, hint: Hint) -> Result<Place, InvalidHll> {
        let place = Place::walk(hll, index, hint)?;
        let knows_previous = place.at != hint.at || hint.at == HEADER_BYTES;
        if knows_previous { Ok(place) } else { Place::walk(hll, index, Hint::default()) }
    }

    fn walk(hll: &[u8], index: usize, from: Hint) -> Result<Place, InvalidHll> {
        let (mut at, mut first, mut previous) = (from.at, from.first, from);
        loop {
            let run = Run::decode(hll.get(at..).unwrap_or_default())?;
            if index < first + run.len {
                return Ok(Place { at, first, run, previous });
            }
            previous = Hint { at, first };
            at += run.width;
            first += run.len;
        }
    }
}

/// The bytes that take the place of a run.
#[derive(Default)]
struct Replacement {
    bytes: [u8; REPLACEMENT_MAX],
    len: usize,
}

impl Replacement {
    fn push(&mut self, value: u8, len: usize) {
        match (value, len) {
            (_, 0) => (),
            (0, 1..=SHORT_ZEROS_MAX) => self.push_byte((len - 1) as u8),
            (0, _) => {
                self.push_byte(LONG_ZEROS_TAG | ((len - 1) >> 8) as u8);
                self.push_byte((len - 1) as u8);
            }
            (value, len) => self.push_byte(value_byte(value, len)),
        }
    }

    fn push_byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }
}

fn value_byte(value: u8, len: usize) -> u8 {
    VALUE_TAG | (value - 1) << 2 | (len - 1) as u8
}

/// Joins neighbouring runs of one value, from the run before the change on.
fn merge_values(hll: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGE_SCAN {
        let Ok(run) = Run::decode(hll.get(at..).unwrap_or_default()) else {
            return;
        };
        let next = Run::decode(hll.get(at + run.width..).unwrap_or_default());
        match next {
            Ok(next) if run.value > 0 && next.value == run.value && run.len + next.len <= VALUE_RUN_MAX => {
                hll[at] = value_byte(run.value, run.len + next.len);
                hll.remove(at + 1);
            }
            _ => at += run.width,
        }
    }
}
