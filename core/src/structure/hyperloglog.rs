//! The HyperLogLog: an estimate of how many distinct elements were added, in Redis's string form, byte for byte.
//!
//! Layout: `HYLL`, the encoding, three unused bytes, the cached cardinality (`u64` LE, its top bit says that it is
//! stale), and 16384 registers: packed in six bits each (dense), or as runs (sparse).

mod dense;
mod estimate;
mod murmur;
mod sparse;
#[cfg(test)]
mod tests;

use sparse::{Hint, Raised};

/// The registers of every HyperLogLog.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// The bytes before the registers.
pub const HEADER_BYTES: usize = 16;

/// The size of a dense HyperLogLog, in bytes.
pub const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * dense::REGISTER_BITS / 8;

/// Redis's default for `hll-sparse-max-bytes`, header included.
pub const SPARSE_MAX_BYTES_DEFAULT: usize = 3000;

/// The bits of an element's hash that choose its register; the rest give the register's value.
const INDEX_BITS: u32 = 14;

/// The bits of an element's hash whose trailing zeros are counted.
const COUNTED_BITS: u32 = u64::BITS - INDEX_BITS;

const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const CACHE_AT: usize = 8;
/// The byte whose top bit marks the cached cardinality as stale.
const STALE_AT: usize = 15;
const STALE_BIT: u8 = 1 << 7;

/// All registers, one per byte: where several HyperLogLogs are merged.
pub type Registers = [u8; REGISTERS];

/// How the registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Six bits for each register.
    Dense,
    /// Runs of equal registers.
    Sparse,
}

impl Encoding {
    /// The name that PFDEBUG ENCODING gives.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        }
    }
}

/// Why a string cannot be used as a HyperLogLog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidHll {
    /// The header is not one: any other string.
    NotHll,
    /// The header is right, but the registers do not decode.
    Corrupt,
}

/// An estimate, and whether the cache in the string was refreshed, which changed its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The estimated number of distinct elements.
    pub cardinality: u64,
    /// Whether the string was changed.
    pub cache_written: bool,
}

/// A HyperLogLog without elements, sparse.
pub fn new() -> Vec<u8> {
    let mut hll = Vec::with_capacity(HEADER_BYTES + sparse::EMPTY.len());
    hll.extend_from_slice(MAGIC);
    hll.resize(HEADER_BYTES, 0);
    hll[ENCODING_AT] = 1;
    hll.extend_from_slice(&sparse::EMPTY);
    hll
}

/// Adds an element; true when a register grew. A sparse string that would exceed `sparse_max_bytes` becomes dense.
///
/// # Errors
/// [`InvalidHll`] when the string is no HyperLogLog; it is unchanged then.
pub fn add(hll: &mut Vec<u8>, element: &[u8], sparse_max_bytes: usize) -> Result<bool, InvalidHll> {
    let (index, value) = register_of(element);
    let changed = raise(hll, index, value, sparse_max_bytes, &mut Hint::default())?;
    if changed {
        mark_stale(hll)?;
    }
    Ok(changed)
}

/// Marks the cached cardinality as stale, as PFADD does even when it only creates the key.
///
/// # Errors
/// [`InvalidHll::NotHll`] when the header is wrong.
pub fn mark_stale(hll: &mut [u8]) -> Result<(), InvalidHll> {
    encoding(hll)?;
    hll[STALE_AT] |= STALE_BIT;
    Ok(())
}

/// The cardinality: the cached one, or a new estimate which is then cached.
///
/// # Errors
/// [`InvalidHll`] when the string is no HyperLogLog. Registers are not looked at while the cache is valid.
pub fn count(hll: &mut [u8]) -> Result<Counted, InvalidHll> {
    if let Some(cardinality) = cached(hll)? {
        return Ok(Counted { cardinality, cache_written: false });
    }
    let cardinality = estimate::cardinality(&histogram(hll)?);
    hll[CACHE_AT..HEADER_BYTES].copy_from_slice(&cardinality.to_le_bytes());
    Ok(Counted { cardinality, cache_written: true })
}

/// The cached cardinality unless it is stale.
///
/// # Errors
/// [`InvalidHll::NotHll`] when the header is wrong.
pub fn cached(hll: &[u8]) -> Result<Option<u64>, InvalidHll> {
    encoding(hll)?;
    let (header, _) = hll.split_first_chunk::<HEADER_BYTES>().ok_or(InvalidHll::NotHll)?;
    let [.., a, b, c, d, e, f, g, h] = *header;
    Ok((h & STALE_BIT == 0).then(|| u64::from_le_bytes([a, b, c, d, e, f, g, h])))
}

/// The estimate for registers that were merged.
pub fn count_registers(registers: &Registers) -> u64 {
    let mut histogram = estimate::Histogram::default();
    for value in registers {
        histogram.add(*value, 1);
    }
    estimate::cardinality(&histogram)
}

/// Raises `registers` to those of `hll` where they are larger.
///
/// # Errors
/// [`InvalidHll`] when the string is no HyperLogLog; registers may be raised in part.
pub fn merge_into(registers: &mut Registers, hll: &[u8]) -> Result<Encoding, InvalidHll> {
    let encoding = encoding(hll)?;
    let mut raise = |index: usize, value: u8| {
        if let Some(register) = registers.get_mut(index) {
            *register = value.max(*register);
        }
    };
    match encoding {
        Encoding::Dense => {
            dense::values(&hll[HEADER_BYTES..]).enumerate().for_each(|(index, value)| raise(index, value))
        }
        Encoding::Sparse => sparse::for_each_value(&hll[HEADER_BYTES..], |first, run, value| {
            (first..first + run).for_each(|index| raise(index, value));
        })?,
    }
    Ok(encoding)
}

/// The registers of one HyperLogLog.
///
/// # Errors
/// [`InvalidHll`] when the string is no HyperLogLog.
pub fn registers(hll: &[u8]) -> Result<Box<Registers>, InvalidHll> {
    let mut registers = Box::new([0; REGISTERS]);
    merge_into(&mut registers, hll)?;
    Ok(registers)
}

/// Raises the registers of `hll` to merged ones, as PFMERGE writes its destination, and marks its cache as stale.
///
/// `minimum` is [`Encoding::Dense`] when one of the sources was dense: the destination then becomes dense first.
///
/// # Errors
/// [`InvalidHll`] when the destination is no HyperLogLog.
pub fn write_merged(
    hll: &mut Vec<u8>,
    registers: &Registers,
    minimum: Encoding,
    sparse_max_bytes: usize,
) -> Result<(), InvalidHll> {
    if minimum == Encoding::Dense && encoding(hll)? == Encoding::Sparse {
        make_dense(hll)?;
    }
    let mut hint = Hint::default();
    for (index, value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
        raise(hll, index, *value, sparse_max_bytes, &mut hint)?;
    }
    mark_stale(hll)
}

/// Makes a sparse HyperLogLog dense; the cached cardinality stays.
///
/// # Errors
/// [`InvalidHll`] when the string is no HyperLogLog; it is unchanged then.
pub fn make_dense(hll: &mut Vec<u8>) -> Result<(), InvalidHll> {
    if encoding(hll)? == Encoding::Dense {
        return Ok(());
    }
    let registers = registers(hll)?;
    let mut dense = Vec::with_capacity(DENSE_BYTES);
    dense.extend_from_slice(&hll[..HEADER_BYTES]);
    dense[ENCODING_AT] = 0;
    dense::append_packed(&mut dense, &registers);
    *hll = dense;
    Ok(())
}

/// Appends the runs of a sparse HyperLogLog in words, `Z:16384` or `z:5 v:2,1`; nothing of a dense one.
///
/// # Errors
/// [`InvalidHll::NotHll`] when the header is wrong.
pub fn write_runs(out: &mut Vec<u8>, hll: &[u8]) -> Result<(), InvalidHll> {
    if encoding(hll)? == Encoding::Sparse {
        sparse::write_runs(out, &hll[HEADER_BYTES..]);
    }
    Ok(())
}

/// The encoding, after a check of the header and of a dense string's size.
///
/// # Errors
/// [`InvalidHll::NotHll`] when the header is wrong.
pub fn encoding(hll: &[u8]) -> Result<Encoding, InvalidHll> {
    if hll.len() < HEADER_BYTES || !hll.starts_with(MAGIC) {
        return Err(InvalidHll::NotHll);
    }
    match hll[ENCODING_AT] {
        0 if hll.len() == DENSE_BYTES => Ok(Encoding::Dense),
        1 => Ok(Encoding::Sparse),
        _ => Err(InvalidHll::NotHll),
    }
}

/// Checks a string from elsewhere: header, size, and that sparse runs give exactly all registers.
///
/// # Errors
/// [`InvalidHll`] when anything disagrees. Nothing is allocated.
pub fn validate(hll: &[u8]) -> Result<(), InvalidHll> {
    match encoding(hll)? {
        Encoding::Dense => Ok(()),
        Encoding::Sparse => sparse::for_each_value(&hll[HEADER_BYTES..], |_, _, _| ()),
    }
}

/// The register an element belongs to, and the value it asks for: one more than the trailing zeros of the rest of its
/// hash.
fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur::hash(element);
    let counted = hash >> INDEX_BITS | 1 << COUNTED_BITS;
    ((hash as usize) & (REGISTERS - 1), counted.trailing_zeros() as u8 + 1)
}

/// Raises one register; true when it grew.
fn raise(
    hll: &mut Vec<u8>,
    index: usize,
    value: u8,
    sparse_max_bytes: usize,
    hint: &mut Hint,
) -> Result<bool, InvalidHll> {
    if encoding(hll)? == Encoding::Sparse {
        match sparse::raise(hll, index, value, sparse_max_bytes, hint)? {
            Raised::Unchanged => return Ok(false),
            Raised::Grown => return Ok(true),
            Raised::DoesNotFit => make_dense(hll)?,
        }
    }
    Ok(dense::raise(&mut hll[HEADER_BYTES..], index, value))
}

fn histogram(hll: &[u8]) -> Result<estimate::Histogram, InvalidHll> {
    let mut histogram = estimate::Histogram::default();
    match encoding(hll)? {
        Encoding::Dense => dense::values(&hll[HEADER_BYTES..]).for_each(|value| histogram.add(value, 1)),
        Encoding::Sparse => {
            sparse::for_each_value(&hll[HEADER_BYTES..], |_, run, value| histogram.add(value, run as u32))?;
        }
    }
    Ok(histogram)
}
