//! HyperLogLog: strings that estimate how many distinct elements were added to them.

mod debug;

use super::string::read_text;
use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Slot;
use crate::structure::hyperloglog::{self, Encoding, InvalidHll, REGISTERS};

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);
/// Counting and looking inside may change the bytes of the string.
const LOOK: KeyAccess = KeyAccess::RW.union(KeyAccess::ACCESS);
const GROWING_WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM);

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "pfadd",
        group: Group::HyperLogLog,
        arity: -2,
        flags: GROWING_WRITE.union(Flags::FAST),
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::INSERT), 1)],
        since: "2.8.9",
        summary: "Adds elements to a HyperLogLog, which is created if there is none.",
        complexity: "O(1) for each element",
        syntax: "key [element [element ...]]",
        handler: pfadd,
        ..Command::ROW
    },
    Command {
        name: "pfcount",
        group: Group::HyperLogLog,
        arity: -2,
        flags: Flags::READONLY,
        keys: &[KeySpec::range(LOOK, 1, -1, 1)],
        since: "2.8.9",
        summary: "Estimates how many distinct elements one HyperLogLog, or several together, have seen.",
        complexity: "O(1) for one key, O(N) for N keys",
        syntax: "key [key ...]",
        handler: pfcount,
        ..Command::ROW
    },
    Command {
        name: "pfdebug",
        group: Group::HyperLogLog,
        arity: 3,
        flags: GROWING_WRITE.union(Flags::ADMIN),
        keys: &[KeySpec::one(LOOK, 2)],
        since: "2.8.9",
        summary: "Shows the inside of a HyperLogLog: GETREG, DECODE, ENCODING, TODENSE.",
        syntax: "subcommand key",
        handler: debug::pfdebug,
        ..Command::ROW
    },
    Command {
        name: "pfmerge",
        group: Group::HyperLogLog,
        arity: -2,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(LOOK.union(KeyAccess::INSERT), 1), KeySpec::range(READ, 2, -1, 1)],
        since: "2.8.9",
        summary: "Merges HyperLogLogs into the first one.",
        complexity: "O(N) for N keys",
        syntax: "destkey [sourcekey [sourcekey ...]]",
        handler: pfmerge,
        ..Command::ROW
    },
    Command {
        name: "pfselftest",
        group: Group::HyperLogLog,
        arity: 1,
        flags: Flags::ADMIN,
        since: "2.8.9",
        summary: "Checks that HyperLogLogs estimate as well as they should.",
        handler: debug::pfselftest,
        ..Command::ROW
    },
]);

impl From<InvalidHll> for CommandError {
    fn from(invalid: InvalidHll) -> Self {
        match invalid {
            InvalidHll::NotHll => Self::fixed("WRONGTYPE Key is not a valid HyperLogLog string value."),
            InvalidHll::Corrupt => Self::fixed("INVALIDOBJ Corrupted HLL object detected"),
        }
    }
}

/// The encoding of the HyperLogLog under a key; `None` if there is no key.
fn encoding_of(cx: &Context, slot: Slot<'_>) -> Result<Option<Encoding>, CommandError> {
    let encoding = read_text(cx.keys.entry(slot), |text| text.map(hyperloglog::encoding))?;
    Ok(encoding.transpose()?)
}

fn pfadd(cx: &mut Context) -> Result<(), CommandError> {
    let elements = cx.args.tail(2);
    let sparse_max_bytes = sparse_max_bytes(cx);
    let slot = cx.keys.write(cx.arg(1));
    let is_new = encoding_of(cx, slot)?.is_none();
    let has_changed = cx.keys.edit_string_if(slot, |hll| {
        if is_new {
            *hll = hyperloglog::new();
        }
        let mut has_changed = is_new;
        let added = elements.iter().try_for_each(|element| {
            has_changed |= hyperloglog::add(hll, element, sparse_max_bytes)?;
            Ok(())
        });
        // A string that turns out to be damaged keeps what was added before.
        let result = added.and_then(|()| if is_new { hyperloglog::mark_stale(hll) } else { Ok(()) });
        (result.map(|()| has_changed), has_changed)
    })??;
    cx.reply.integer(has_changed.into());
    Ok(())
}

fn pfcount(cx: &mut Context) -> Result<(), CommandError> {
    let keys = cx.args.tail(1);
    if keys.len() > 1 {
        let mut registers = [0; REGISTERS];
        for key in keys.iter() {
            let slot = cx.keys.read(key);
            read_text(cx.keys.entry(slot), |text| {
                text.map(|hll| hyperloglog::merge_into(&mut registers, hll)).transpose()
            })??;
        }
        cx.reply.integer(hyperloglog::count_registers(&registers) as i64);
        return Ok(());
    }
    let slot = cx.keys.read(cx.arg(1));
    let cached = read_text(cx.keys.entry(slot), |text| text.map_or(Ok(Some(0)), hyperloglog::cached))??;
    let cardinality = match cached {
        Some(cardinality) => cardinality,
        None => cx.keys.edit_string_if(slot, |hll| {
            let counted = hyperloglog::count(hll);
            (counted.map(|counted| counted.cardinality), counted.is_ok_and(|counted| counted.cache_written))
        })??,
    };
    cx.reply.integer(cardinality as i64);
    Ok(())
}

fn pfmerge(cx: &mut Context) -> Result<(), CommandError> {
    let mut registers = [0; REGISTERS];
    let mut minimum = Encoding::Sparse;
    for key in cx.args.tail(1).iter() {
        let slot = cx.keys.read(key);
        let encoding = read_text(cx.keys.entry(slot), |text| {
            text.map(|hll| hyperloglog::merge_into(&mut registers, hll)).transpose()
        })??;
        if encoding == Some(Encoding::Dense) {
            minimum = Encoding::Dense;
        }
    }
    let sparse_max_bytes = sparse_max_bytes(cx);
    let slot = cx.keys.write(cx.arg(1));
    let is_new = !slot.exists();
    cx.keys.edit_string(slot, |hll| {
        if is_new {
            *hll = hyperloglog::new();
        }
        hyperloglog::write_merged(hll, &registers, minimum, sparse_max_bytes)
    })??;
    cx.reply.ok();
    Ok(())
}

/// The size above which sparse strings become dense.
fn sparse_max_bytes(cx: &Context) -> usize {
    usize::try_from(cx.env.settings.hll_sparse_max_bytes).unwrap_or(usize::MAX)
}
