//! Bitmaps: strings seen as bits.

mod bitfield;

use super::string::{grow, read_text};
use crate::bits::{self, Operation, Unit};
use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Slot;
use crate::keyspace::entry::NewValue;
use crate::keyspace::object::Object;
use crate::number;

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);
const CHANGE: KeyAccess = KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::UPDATE);
const READ_KEY: &[KeySpec] = &[KeySpec::one(READ, 1)];
const GROWING_WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM);

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "bitcount",
        group: Group::Bitmap,
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.6.0",
        summary: "Counts the bits set in a string or a part of it.",
        complexity: "O(N) for N bytes",
        syntax: "key [start end [BYTE|BIT]]",
        handler: bitcount,
        ..Command::ROW
    },
    Command {
        name: "bitfield",
        group: Group::Bitmap,
        arity: -2,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(CHANGE.union(KeyAccess::VARIABLE_FLAGS), 1)],
        since: "3.2.0",
        summary: "Reads, writes and counts integers of any width inside a string.",
        complexity: "O(1) for each operation",
        syntax: "key [GET encoding offset|[OVERFLOW WRAP|SAT|FAIL] \
                 <SET encoding offset value|INCRBY encoding offset increment> [GET encoding offset|\
                 [OVERFLOW WRAP|SAT|FAIL] <SET encoding offset value|INCRBY encoding offset increment> ...]]",
        handler: bitfield::bitfield,
        ..Command::ROW
    },
    Command {
        name: "bitfield_ro",
        group: Group::Bitmap,
        arity: -2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: READ_KEY,
        since: "6.0.0",
        summary: "Reads integers of any width inside a string.",
        complexity: "O(1) for each operation",
        syntax: "key [GET encoding offset [GET encoding offset ...]]",
        handler: bitfield::bitfield_ro,
        ..Command::ROW
    },
    Command {
        name: "bitop",
        group: Group::Bitmap,
        arity: -4,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::OW.union(KeyAccess::UPDATE), 2), KeySpec::range(READ, 3, -1, 1)],
        since: "2.6.0",
        summary: "Combines strings bit by bit and stores the result.",
        complexity: "O(N) for N bytes of all sources",
        syntax: "<AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE> destkey key [key ...]",
        handler: bitop,
        ..Command::ROW
    },
    Command {
        name: "bitpos",
        group: Group::Bitmap,
        arity: -3,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "2.8.7",
        summary: "Finds the first bit with a value in a string or a part of it.",
        complexity: "O(N) for N bytes",
        syntax: "key bit [start [end [BYTE|BIT]]]",
        handler: bitpos,
        ..Command::ROW
    },
    Command {
        name: "getbit",
        group: Group::Bitmap,
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: READ_KEY,
        since: "2.2.0",
        summary: "Returns one bit of a string, 0 beyond its end.",
        syntax: "key offset",
        handler: getbit,
        ..Command::ROW
    },
    Command {
        name: "setbit",
        group: Group::Bitmap,
        arity: 4,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(CHANGE, 1)],
        since: "2.2.0",
        summary: "Sets or clears one bit of a string, which grows as far as needed, and returns the bit before.",
        syntax: "key offset value",
        handler: setbit,
        ..Command::ROW
    },
]);

const BITS_PER_BYTE: u64 = 8;

const BIT_OFFSET: CommandError = CommandError::fixed("ERR bit offset is not an integer or out of range");

/// Checks that a bit offset lies within the longest string a client may make.
fn check_bit_offset(cx: &Context, offset: Option<i64>) -> Result<u64, CommandError> {
    offset
        .and_then(|offset| u64::try_from(offset).ok())
        .filter(|offset| offset / BITS_PER_BYTE < cx.max_string_bytes())
        .ok_or(BIT_OFFSET)
}

fn setbit(cx: &mut Context) -> Result<(), CommandError> {
    let offset = check_bit_offset(cx, number::parse_i64(cx.arg(2)))?;
    let bit = match cx.arg(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(CommandError::fixed("ERR bit is not an integer or out of range")),
    };
    let slot = cx.keys.write(cx.arg(1));
    let byte = usize::try_from(offset / BITS_PER_BYTE).map_err(|_| BIT_OFFSET)?;
    let mask = 0x80 >> (offset % BITS_PER_BYTE);
    require_padding(cx, slot, byte + 1)?;
    let was_set = cx.keys.edit_string_if(slot, |bytes| {
        let has_grown = grow(bytes, byte + 1);
        let was_set = bytes[byte] & mask != 0;
        if was_set != bit {
            bytes[byte] ^= mask;
        }
        (was_set, has_grown || was_set != bit)
    })?;
    cx.reply.integer(was_set.into());
    Ok(())
}

/// Refuses to lengthen a string to `end` bytes where `maxmemory` has no room for it.
fn require_padding(cx: &Context, slot: Slot<'_>, end: usize) -> Result<(), CommandError> {
    // Nearly always there is room for all of it, and the old length does not matter.
    if cx.require_memory(end).is_ok() {
        return Ok(());
    }
    let len = read_text(cx.keys.entry(slot), |text| text.map_or(0, <[u8]>::len))?;
    cx.require_memory(end.saturating_sub(len))
}

fn getbit(cx: &mut Context) -> Result<(), CommandError> {
    let offset = check_bit_offset(cx, number::parse_i64(cx.arg(2)))?;
    let slot = cx.keys.read(cx.arg(1));
    let bit = read_text(cx.keys.entry(slot), |text| bits::get(text.unwrap_or_default(), offset))?;
    cx.reply.integer(bit.into());
    Ok(())
}

fn bitcount(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    if !slot.exists() {
        cx.reply.integer(0);
        return Ok(());
    }
    // Redis looks at the type before the range.
    read_text(cx.keys.entry(slot), |_| ())?;
    let (start, end, unit) = match cx.args.len() {
        2 => (0, -1, Unit::Byte),
        4 | 5 => {
            let (start, end) = (cx.integer(2)?, cx.integer(3)?);
            // An empty range of this kind is answered before the unit is looked at.
            let backwards = start < 0 && end < 0 && start > end;
            (start, end, if backwards { Unit::Byte } else { parse_unit(cx, 4)? })
        }
        _ => return Err(CommandError::SYNTAX),
    };
    let count = read_text(cx.keys.entry(slot), |text| {
        let bytes = text.unwrap_or_default();
        bits::count(bytes, bits::count_range(start, end, unit, bytes.len()))
    })?;
    cx.reply.integer(count as i64);
    Ok(())
}

/// BYTE or BIT at a word of the request, BYTE if there is no such word.
fn parse_unit(cx: &Context, index: usize) -> Result<Unit, CommandError> {
    match cx.args.try_get(index) {
        None => Ok(Unit::Byte),
        Some(word) if word.eq_ignore_ascii_case(b"BYTE") => Ok(Unit::Byte),
        Some(word) if word.eq_ignore_ascii_case(b"BIT") => Ok(Unit::Bit),
        Some(_) => Err(CommandError::SYNTAX),
    }
}

fn bitpos(cx: &mut Context) -> Result<(), CommandError> {
    let bit = match cx.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::fixed("ERR The bit argument must be 1 or 0.")),
    };
    let slot = cx.keys.read(cx.arg(1));
    if !slot.exists() {
        // Zeros without end.
        cx.reply.integer(if bit { -1 } else { 0 });
        return Ok(());
    }
    read_text(cx.keys.entry(slot), |_| ())?;
    if cx.args.len() > 6 {
        return Err(CommandError::SYNTAX);
    }
    let start = if cx.args.len() > 3 { cx.integer(3)? } else { 0 };
    let unit = parse_unit(cx, 5)?;
    let has_end = cx.args.len() > 4;
    let end = if has_end { cx.integer(4)? } else { -1 };
    let position = read_text(cx.keys.entry(slot), |text| {
        let bytes = text.unwrap_or_default();
        let range = bits::position_range(start, end, unit, bytes.len());
        let zeros_follow = !bit && !has_end && !range.is_empty();
        bits::position(bytes, bit, range.start, range.end).or(zeros_follow.then_some(range.end))
    })?;
    cx.reply.integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

fn bitop(cx: &mut Context) -> Result<(), CommandError> {
    let sources = cx.args.tail(3);
    let operation = parse_operation(cx.arg(1), sources.len())?;
    for key in sources.iter() {
        let slot = cx.keys.read(key);
        read_text(cx.keys.entry(slot), |_| ())?;
    }
    // Only now that expired keys are gone do all places last until the end.
    let slots: Vec<Slot> = sources.iter().map(|key| cx.keys.locate(key)).collect();
    let texts = slots.iter().map(|slot| cx.keys.string(*slot)).collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
    let result = bits::op(operation, &texts);
    let len = result.len();
    let destination = cx.keys.write(cx.arg(2));
    if result.is_empty() {
        cx.keys.discard(destination);
    } else {
        cx.keys.put(destination, NewValue::Object(Box::new(Object::Raw(result))), None);
    }
    cx.reply.integer(len as i64);
    Ok(())
}

fn parse_operation(word: &[u8], sources: usize) -> Result<Operation, CommandError> {
    const OPERATIONS: [(&str, Operation); 8] = [
        ("AND", Operation::And),
        ("OR", Operation::Or),
        ("XOR", Operation::Xor),
        ("NOT", Operation::Not),
        ("DIFF", Operation::Diff),
        ("DIFF1", Operation::Diff1),
        ("ANDOR", Operation::AndOr),
        ("ONE", Operation::One),
    ];
    let (name, operation) = OPERATIONS
        .into_iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
        .ok_or(CommandError::SYNTAX)?;
    match operation {
        Operation::Not if sources != 1 => {
            Err(CommandError::fixed("ERR BITOP NOT must be called with a single source key."))
        }
        Operation::Diff | Operation::Diff1 | Operation::AndOr if sources < 2 => {
            Err(CommandError::new(format!("ERR BITOP {name} must be called with at least two source keys.")))
        }
        _ => Ok(operation),
    }
}
