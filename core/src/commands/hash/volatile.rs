//! Reading and storing fields together with their expiry: HGETEX, HGETDEL, HSETEX.

use super::fields::{FIELDS_NOT_POSITIVE, deadline_ms, fields};
use crate::commands::string::expiry::Clock;
use crate::context::Context;
use crate::error::CommandError;
use crate::number::parse_i64;
use crate::resp::Arguments;
use crate::structure::listpack::Item;
use crate::value::{FieldExpiry, Hash};

pub(super) fn hgetdel(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    cx.keys.get::<Hash>(slot)?;
    let fields = fields(cx, 2, FIELDS_NOT_POSITIVE)?;
    let hasher = cx.env.layout.hasher();
    cx.reply.array(fields.len());
    let done = cx.keys.edit::<Hash, _>(slot, |hash| {
        let mut has_changed = false;
        for field in fields.iter() {
            match hash.get(field, hasher) {
                None => cx.reply.null(),
                Some(value) => {
                    cx.reply.element(value);
                    has_changed |= hash.remove(field, hasher);
                }
            }
        }
        ((), has_changed)
    })?;
    if done.is_none() {
        fields.iter().for_each(|_| cx.reply.null());
    }
    Ok(())
}

pub(super) fn hgetex(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(1));
    cx.keys.get::<Hash>(slot)?;
    let (expiry, fields_at) = match Clock::named(cx.arg(2)) {
        Some(clock) => (FieldExpiry::At(deadline_ms(cx, clock, cx.arg(3))?), 4),
        None if cx.arg(2).eq_ignore_ascii_case(b"PERSIST") => (FieldExpiry::Never, 3),
        None => (FieldExpiry::Keep, 2),
    };
    let fields = fields(cx, fields_at, FIELDS_NOT_POSITIVE)?;
    let (now_ms, hasher) = (cx.env.now_ms(), cx.env.layout.hasher());
    cx.reply.array(fields.len());
    let done = cx.keys.edit::<Hash, _>(slot, |hash| {
        let mut has_changed = false;
        for field in fields.iter() {
            let Some(value) = hash.get(field, hasher) else {
                cx.reply.null();
                continue;
            };
            cx.reply.element(value);
            has_changed |= match expiry {
                FieldExpiry::Keep => false,
                FieldExpiry::At(deadline_ms) if deadline_ms <= now_ms => hash.remove(field, hasher),
                FieldExpiry::At(deadline_ms) => hash.set_deadline(field, Some(deadline_ms), hasher),
                FieldExpiry::Never => {
                    let had_deadline = hash.deadline_ms(field, hasher).flatten().is_some();
                    had_deadline && hash.set_deadline(field, None, hasher)
                }
            };
        }
        ((), has_changed)
    })?;
    if done.is_none() {
        fields.iter().for_each(|_| cx.reply.null());
    }
    Ok(())
}

/// Whether something must exist for fields to be stored.
#[derive(Clone, Copy, PartialEq)]
enum Existence {
    /// It may or may not.
    Any,
    /// It must not: NX, FNX.
    Missing,
    /// It must: XX, FXX.
    There,
}

impl Existence {
    fn allows(self, exists: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Missing => !exists,
            Self::There => exists,
        }
    }
}

/// The options of HSETEX, and its fields and values in turn.
struct Request<'a> {
    key: Existence,
    fields: Existence,
    expiry: FieldExpiry,
    pairs: Arguments<'a>,
}

impl<'a> Request<'a> {
    fn parse(cx: &Context<'a, '_>) -> Result<Self, CommandError> {
        const TWO_EXPIRIES: CommandError =
            CommandError::fixed("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
        let (mut key, mut fields, mut expiry) = (Existence::Any, Existence::Any, None);
        let mut at = 2;
        while let Some(word) = cx.args.try_get(at) {
            at += 1;
            if word.eq_ignore_ascii_case(b"FIELDS") {
                let expiry = expiry.unwrap_or(FieldExpiry::Never);
                return Ok(Self { key, fields, expiry, pairs: pairs(cx, at)? });
            } else if let Some(clock) = Clock::named(word) {
                if expiry.is_some() {
                    return Err(TWO_EXPIRIES);
                }
                let time = cx.args.try_get(at).ok_or(CommandError::fixed("ERR missing expire time"))?;
                expiry = Some(FieldExpiry::At(deadline_ms(cx, clock, time)?));
                at += 1;
            } else if word.eq_ignore_ascii_case(b"KEEPTTL") {
                if expiry.is_some() {
                    return Err(TWO_EXPIRIES);
                }
                expiry = Some(FieldExpiry::Keep);
            } else if word.eq_ignore_ascii_case(b"FXX") {
                set_condition(&mut fields, Existence::There, "FXX or FNX")?;
            } else if word.eq_ignore_ascii_case(b"FNX") {
                set_condition(&mut fields, Existence::Missing, "FXX or FNX")?;
            } else if word.eq_ignore_ascii_case(b"XX") {
                set_condition(&mut key, Existence::There, "XX or NX")?;
            } else if word.eq_ignore_ascii_case(b"NX") {
                set_condition(&mut key, Existence::Missing, "XX or NX")?;
            } else {
                return Err(CommandError::quoting("ERR unknown argument: ", word, ""));
            }
        }
        Err(CommandError::arity(cx.command.name))
    }
}

fn set_condition(condition: &mut Existence, wanted: Existence, names: &str) -> Result<(), CommandError> {
    if *condition != Existence::Any {
        return Err(CommandError::new(format!("ERR Only one of {names} arguments can be specified")));
    }
    *condition = wanted;
    Ok(())
}

/// The fields and values behind their number at word `at`, which must be all that is left.
fn pairs<'a>(cx: &Context<'a, '_>, at: usize) -> Result<Arguments<'a>, CommandError> {
    let arity = || CommandError::arity(cx.command.name);
    if at + 2 >= cx.args.len() {
        return Err(arity());
    }
    let number = parse_i64(cx.arg(at)).filter(|number| (1..=i64::from(i32::MAX)).contains(number));
    let number = number.ok_or(CommandError::fixed("ERR invalid number of fields"))?;
    let pairs = cx.args.tail(at + 1);
    if usize::try_from(number).ok().and_then(|number| number.checked_mul(2)) != Some(pairs.len()) {
        return Err(arity());
    }
    Ok(pairs)
}

pub(super) fn hsetex(cx: &mut Context) -> Result<(), CommandError> {
    let Request { key, fields, expiry, pairs } = Request::parse(cx)?;
    let (limits, hasher, now_ms) = (cx.env.settings.hash_limits(), cx.env.layout.hasher(), cx.env.now_ms());
    let slot = cx.keys.write(cx.arg(1));
    let is_over = matches!(expiry, FieldExpiry::At(deadline_ms) if deadline_ms <= now_ms);
    let key_exists = slot.exists();
    let is_done = cx.keys.edit_or_create::<Hash, _>(slot, |hash| {
        let names = || (0..pairs.len()).step_by(2).map(|place| pairs.get(place));
        let is_allowed = key.allows(key_exists)
            && (fields == Existence::Any || names().all(|field| fields.allows(hash.contains(field, hasher))));
        if !is_allowed {
            return (false, false);
        }
        if is_over {
            let removed = names().filter(|field| hash.remove(field, hasher)).count();
            return (true, removed > 0);
        }
        for place in (0..pairs.len()).step_by(2) {
            hash.store(pairs.get(place), Item::from(pairs.get(place + 1)), expiry, limits, hasher);
        }
        (true, true)
    })?;
    cx.reply.integer(is_done.into());
    Ok(())
}
