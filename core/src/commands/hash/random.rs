//! Fields chosen at random: HRANDFIELD.

use std::collections::BTreeSet;

use crate::context::Context;
use crate::error::CommandError;
use crate::hash::Random;
use crate::limits::DRAWN_REPLY_BYTES;
use crate::resp::{Protocol, Reply};
use crate::structure::listpack::Item;
use crate::value::{Choice, Field, Hash, scale};

/// While fewer than one field in this many is wanted, fields are drawn; otherwise all are walked over.
const WALK_FROM_ONE_IN: usize = 3;

/// Bytes of the reply that the shortest field takes.
const FIELD_BYTES: usize = 6;

/// What a count answers that no reply could serve.
const TOO_MANY: CommandError = CommandError::fixed("ERR value is out of range");

pub(super) fn hrandfield(cx: &mut Context) -> Result<(), CommandError> {
    if cx.args.len() == 2 {
        return one(cx);
    }
    let count = cx.integer(2)?;
    if count == i64::MIN {
        return Err(CommandError::fixed(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let with_values = match cx.args.try_get(3) {
        None => false,
        Some(word) if cx.args.len() == 4 && word.eq_ignore_ascii_case(b"WITHVALUES") => true,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    if with_values && count.unsigned_abs() > (i64::MAX / 2) as u64 {
        return Err(TOO_MANY);
    }
    let slot = cx.keys.read(cx.arg(1));
    let Some(hash) = cx.keys.get::<Hash>(slot)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 && wanted > DRAWN_REPLY_BYTES / FIELD_BYTES {
        return Err(TOO_MANY);
    }
    let chosen = if count < 0 { wanted } else { wanted.min(hash.len()) };
    let nested = with_values && cx.reply.protocol() == Protocol::Resp3;
    cx.reply.array(if with_values && !nested { 2 * chosen } else { chosen });
    let form = Form { with_values, nested };
    if count < 0 {
        repeat(&mut cx.reply, form, hash, chosen, &mut cx.random)?;
    } else if chosen < hash.len() / WALK_FROM_ONE_IN {
        draw(&mut cx.reply, form, hash, chosen, &mut cx.random);
    } else {
        walk(&mut cx.reply, form, hash, chosen, &mut cx.random);
    }
    Ok(())
}

fn one(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let random = cx.random.next_u64();
    match cx.keys.get::<Hash>(slot)?.and_then(|hash| hash.random(random)) {
        Some((field, _)) => cx.reply.element(field),
        None => cx.reply.null(),
    }
    Ok(())
}

/// How a field is written.
#[derive(Clone, Copy)]
struct Form {
    with_values: bool,
    nested: bool,
}

impl Form {
    fn write(self, reply: &mut Reply<'_>, (field, value): (Item<'_>, Item<'_>)) {
        if self.nested {
            reply.array(2);
        }
        reply.element(field);
        if self.with_values {
            reply.element(value);
        }
    }
}

/// Draws fields, the same one perhaps again.
fn repeat(
    reply: &mut Reply<'_>,
    form: Form,
    hash: &Hash,
    count: usize,
    random: &mut Random,
) -> Result<(), CommandError> {
    let start = reply.position();
    // A field of a listpack is found by walking to it.
    let packed: Vec<Field<'_>> = if let Hash::Packed(_) = hash { hash.iter().collect() } else { Vec::new() };
    for _ in 0..count {
        let draw = random.next_u64();
        let drawn = packed.get(scale(draw, packed.len())).map(|(field, value, _)| (*field, *value));
        form.write(reply, drawn.or_else(|| hash.random(draw)).expect("a stored hash is not empty"));
        if reply.position() - start > DRAWN_REPLY_BYTES {
            return Err(TOO_MANY);
        }
    }
    Ok(())
}

/// Draws distinct fields, few of many: most draws bring a new one.
fn draw(reply: &mut Reply<'_>, form: Form, hash: &Hash, count: usize, random: &mut Random) {
    let mut drawn = BTreeSet::new();
    while drawn.len() < count {
        let (field, value) = hash.random(random.next_u64()).expect("a stored hash is not empty");
        if drawn.insert(field.to_vec()) {
            form.write(reply, (field, value));
        }
    }
}

/// Walks over all fields and takes each with the chance that leaves `count` in the end.
fn walk(reply: &mut Reply<'_>, form: Form, hash: &Hash, count: usize, random: &mut Random) {
    let mut choice = Choice::new(count, hash.len());
    for (field, value, _) in hash.iter() {
        if choice.takes(random) {
            form.write(reply, (field, value));
        }
    }
}
