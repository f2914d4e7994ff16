//! BITFIELD and BITFIELD_RO: integers inside strings.

use super::{BITS_PER_BYTE, check_bit_offset, require_padding};
use crate::bits::{Field, Overflow};
use crate::commands::string::{grow, read_text};
use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::resp::Reply;

/// One step of a request.
struct Step {
    action: Action,
    field: Field,
    /// In bits.
    offset: u64,
}

enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

impl Step {
    /// Where the field ends, in whole bytes.
    fn end(&self) -> usize {
        let end_bits = self.offset + u64::from(self.field.width_bits());
        usize::try_from(end_bits.div_ceil(BITS_PER_BYTE)).expect("offsets lie within the longest string")
    }

    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }
}

pub(super) fn bitfield(cx: &mut Context) -> Result<(), CommandError> {
    let steps = parse(cx)?;
    let Some(len) = steps.iter().filter(|step| step.writes()).map(Step::end).max() else {
        return read(cx, &steps);
    };
    let slot = cx.keys.write(cx.arg(1));
    require_padding(cx, slot, len)?;
    let reply = &mut cx.reply;
    cx.keys.edit_string_if(slot, |bytes| {
        let has_grown = grow(bytes, len);
        reply.array(steps.len());
        let has_changed = steps.iter().fold(has_grown, |changed, step| write(reply, bytes, step) || changed);
        ((), has_changed)
    })
}

pub(super) fn bitfield_ro(cx: &mut Context) -> Result<(), CommandError> {
    let steps = parse(cx)?;
    if steps.iter().any(Step::writes) {
        return Err(CommandError::fixed("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(cx, &steps)
}

fn read(cx: &mut Context, steps: &[Step]) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let reply = &mut cx.reply;
    read_text(cx.keys.entry(slot), |text| {
        let bytes = text.unwrap_or_default();
        reply.array(steps.len());
        for step in steps {
            reply.integer(step.field.get(bytes, step.offset));
        }
    })
}

/// Runs one step, answers it and says whether it changed a field.
fn write(reply: &mut Reply, bytes: &mut [u8], step: &Step) -> bool {
    let Step { action, field, offset } = step;
    let old = field.get(bytes, *offset);
    let (new, replies_old) = match *action {
        Action::Get => {
            reply.integer(old);
            return false;
        }
        Action::Set(value, overflow) => (field.fit(value, 0, overflow), true),
        Action::Add(increment, overflow) => (field.fit(old, increment, overflow), false),
    };
    match new {
        None => {
            reply.null();
            false
        }
        Some(new) => {
            field.set(bytes, *offset, new);
            reply.integer(if replies_old { old } else { new });
            new != old
        }
    }
}

fn parse(cx: &Context) -> Result<Vec<Step>, CommandError> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::default();
    let mut i = 2;
    while let Some(word) = cx.args.try_get(i) {
        let operands = cx.args.len() - i - 1;
        if word.eq_ignore_ascii_case(b"OVERFLOW") && operands >= 1 {
            overflow = parse_overflow(cx.arg(i + 1))?;
            i += 2;
            continue;
        }
        let write: Option<fn(i64, Overflow) -> Action> = match word.len() {
            3 if word.eq_ignore_ascii_case(b"GET") && operands >= 2 => None,
            3 if word.eq_ignore_ascii_case(b"SET") && operands >= 3 => Some(Action::Set),
            6 if word.eq_ignore_ascii_case(b"INCRBY") && operands >= 3 => Some(Action::Add),
            _ => return Err(CommandError::SYNTAX),
        };
        let field = Field::parse(cx.arg(i + 1)).ok_or(CommandError::fixed(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))?;
        let offset = parse_offset(cx, cx.arg(i + 2), field)?;
        let action = match write {
            None => Action::Get,
            Some(write) => write(cx.integer(i + 3)?, overflow),
        };
        i += if write.is_some() { 4 } else { 3 };
        steps.push(Step { action, field, offset });
    }
    Ok(steps)
}

fn parse_overflow(word: &[u8]) -> Result<Overflow, CommandError> {
    if word.eq_ignore_ascii_case(b"WRAP") {
        Ok(Overflow::Wrap)
    } else if word.eq_ignore_ascii_case(b"SAT") {
        Ok(Overflow::Sat)
    } else if word.eq_ignore_ascii_case(b"FAIL") {
        Ok(Overflow::Fail)
    } else {
        Err(CommandError::fixed("ERR Invalid OVERFLOW type specified"))
    }
}

/// An offset in bits, or behind `#` in fields.
fn parse_offset(cx: &Context, text: &[u8], field: Field) -> Result<u64, CommandError> {
    let offset = match text {
        // Where this overflows Redis wraps around, and writes at a place that nobody named.
        [b'#', index @ ..] => {
            number::parse_i64(index).and_then(|index| index.checked_mul(i64::from(field.width_bits())))
        }
        _ => number::parse_i64(text),
    };
    check_bit_offset(cx, offset)
}
