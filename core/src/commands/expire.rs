//! When keys end: setting, asking for and taking back their expiry.

use bitflags::bitflags;

use crate::command::{Categories, Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::resp::Arguments;

const CHANGES: Flags = Flags::WRITE.union(Flags::FAST);
const ASKS: Flags = Flags::READONLY.union(Flags::FAST);
const CHANGED_KEY: &[KeySpec] = &[KeySpec::one(KeyAccess::RW.union(KeyAccess::UPDATE), 1)];
const ASKED_KEY: &[KeySpec] = &[KeySpec::one(KeyAccess::RO.union(KeyAccess::ACCESS), 1)];
const CHANGES_WITH_TIME: &[&str] = &["nondeterministic_output"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "expire",
        arity: -3,
        flags: CHANGES,
        keys: CHANGED_KEY,
        summary: "Lets a key end after some seconds.",
        syntax: "key seconds [NX|XX|GT|LT]",
        handler: expire,
        ..ROW
    },
    Command {
        name: "pexpire",
        arity: -3,
        flags: CHANGES,
        keys: CHANGED_KEY,
        since: "2.6.0",
        summary: "Lets a key end after some milliseconds.",
        syntax: "key milliseconds [NX|XX|GT|LT]",
        handler: pexpire,
        ..ROW
    },
    Command {
        name: "expireat",
        arity: -3,
        flags: CHANGES,
        keys: CHANGED_KEY,
        since: "1.2.0",
        summary: "Lets a key end at a Unix time in seconds.",
        syntax: "key unix-time-seconds [NX|XX|GT|LT]",
        handler: expireat,
        ..ROW
    },
    Command {
        name: "pexpireat",
        arity: -3,
        flags: CHANGES,
        keys: CHANGED_KEY,
        since: "2.6.0",
        summary: "Lets a key end at a Unix time in milliseconds.",
        syntax: "key unix-time-milliseconds [NX|XX|GT|LT]",
        handler: pexpireat,
        ..ROW
    },
    Command {
        name: "ttl",
        arity: 2,
        flags: ASKS,
        keys: ASKED_KEY,
        summary: "Answers how many seconds a key has left: -1 without expiry, -2 without key.",
        syntax: "key",
        tips: CHANGES_WITH_TIME,
        handler: ttl,
        ..ROW
    },
    Command {
        name: "pttl",
        arity: 2,
        flags: ASKS,
        keys: ASKED_KEY,
        since: "2.6.0",
        summary: "Answers how many milliseconds a key has left: -1 without expiry, -2 without key.",
        syntax: "key",
        tips: CHANGES_WITH_TIME,
        handler: pttl,
        ..ROW
    },
    Command {
        name: "expiretime",
        arity: 2,
        flags: ASKS,
        keys: ASKED_KEY,
        since: "7.0.0",
        summary: "Answers the Unix time in seconds at which a key ends: -1 without expiry, -2 without key.",
        syntax: "key",
        handler: expiretime,
        ..ROW
    },
    Command {
        name: "pexpiretime",
        arity: 2,
        flags: ASKS,
        keys: ASKED_KEY,
        since: "7.0.0",
        summary: "Answers the Unix time in milliseconds at which a key ends: -1 without expiry, -2 without key.",
        syntax: "key",
        handler: pexpiretime,
        ..ROW
    },
    Command {
        name: "persist",
        arity: 2,
        flags: CHANGES,
        keys: CHANGED_KEY,
        since: "2.2.0",
        summary: "Takes the expiry off a key.",
        syntax: "key",
        handler: persist,
        ..ROW
    },
]);

/// What all rows of the family share.
const ROW: Command = Command { group: Group::Generic, categories: Categories::KEYSPACE, ..Command::ROW };

/// Milliseconds of a unit that clients count in.
const MILLISECOND: u64 = 1;
const SECOND: u64 = 1000;

bitflags! {
    /// What a new expiry must be, compared with the one there is.
    #[derive(Clone, Copy, PartialEq)]
    struct Conditions: u8 {
        /// There is none.
        const NX = 1 << 0;
        /// There is one.
        const XX = 1 << 1;
        /// It is later. No expiry counts as later than any.
        const GT = 1 << 2;
        /// It is earlier.
        const LT = 1 << 3;
    }
}

impl Conditions {
    fn parse(words: Arguments<'_>) -> Result<Self, CommandError> {
        let mut conditions = Self::empty();
        for word in words.iter() {
            let known = Self::all().iter_names().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
            let Some((_, condition)) = known else {
                return Err(CommandError::quoting("ERR Unsupported option ", word, ""));
            };
            conditions |= condition;
        }
        if conditions.contains(Self::NX) && conditions != Self::NX {
            return Err(CommandError::fixed("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if conditions.contains(Self::GT | Self::LT) {
            return Err(CommandError::fixed("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    /// Whether they allow `wanted_ms` in the place of `current_ms`.
    fn allow(self, wanted_ms: i64, current_ms: Option<u64>) -> bool {
        // The longest deadline is i64::MAX: the largest that a client can ask for.
        let current_ms = current_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let refused = self.contains(Self::NX) && current_ms.is_some()
            || self.contains(Self::XX) && current_ms.is_none()
            || self.contains(Self::GT) && current_ms.is_none_or(|current_ms| wanted_ms <= current_ms)
            || self.contains(Self::LT) && current_ms.is_some_and(|current_ms| wanted_ms >= current_ms);
        !refused
    }
}

fn expire(cx: &mut Context) -> Result<(), CommandError> {
    set_expiry(cx, SECOND, cx.env.now_ms())
}

fn pexpire(cx: &mut Context) -> Result<(), CommandError> {
    set_expiry(cx, MILLISECOND, cx.env.now_ms())
}

fn expireat(cx: &mut Context) -> Result<(), CommandError> {
    set_expiry(cx, SECOND, 0)
}

fn pexpireat(cx: &mut Context) -> Result<(), CommandError> {
    set_expiry(cx, MILLISECOND, 0)
}

/// Sets the expiry to word 2, counted in `unit_ms` from the Unix time `base_ms`.
fn set_expiry(cx: &mut Context, unit_ms: u64, base_ms: u64) -> Result<(), CommandError> {
    let conditions = Conditions::parse(cx.args.tail(3))?;
    let wanted_ms = cx
        .integer(2)?
        .checked_mul(unit_ms as i64)
        .and_then(|ms| ms.checked_add_unsigned(base_ms))
        .ok_or_else(|| CommandError::invalid_expire(cx.command.name))?;
    let slot = cx.keys.locate(cx.arg(1));
    cx.keys.touch(slot);
    let current_ms = cx.keys.entry(slot).map(|entry| entry.deadline_ms());
    let applies = current_ms.is_some_and(|current_ms| conditions.allow(wanted_ms, current_ms));
    if applies {
        match u64::try_from(wanted_ms) {
            Ok(deadline_ms) if deadline_ms > cx.env.now_ms() => cx.keys.set_deadline(slot, Some(deadline_ms)),
            _ => {
                cx.keys.discard(slot);
            }
        }
    }
    cx.reply.integer(applies.into());
    Ok(())
}

fn ttl(cx: &mut Context) -> Result<(), CommandError> {
    answer_deadline(cx, SECOND, cx.env.now_ms())
}

fn pttl(cx: &mut Context) -> Result<(), CommandError> {
    answer_deadline(cx, MILLISECOND, cx.env.now_ms())
}

fn expiretime(cx: &mut Context) -> Result<(), CommandError> {
    answer_deadline(cx, SECOND, 0)
}

fn pexpiretime(cx: &mut Context) -> Result<(), CommandError> {
    answer_deadline(cx, MILLISECOND, 0)
}

/// Answers the expiry, counted in `unit_ms` from the Unix time `base_ms` and rounded to the nearest.
fn answer_deadline(cx: &mut Context, unit_ms: u64, base_ms: u64) -> Result<(), CommandError> {
    let slot = cx.keys.inspect(cx.arg(1));
    cx.reply.integer(match cx.keys.entry(slot).map(|entry| entry.deadline_ms()) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline_ms)) => {
            let left = (deadline_ms.saturating_sub(base_ms) + unit_ms / 2) / unit_ms;
            i64::try_from(left).unwrap_or(i64::MAX)
        }
    });
    Ok(())
}

fn persist(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.locate(cx.arg(1));
    cx.keys.touch(slot);
    let had_deadline = cx.keys.entry(slot).is_some_and(|entry| entry.deadline_ms().is_some());
    if had_deadline {
        cx.keys.set_deadline(slot, None);
    }
    cx.reply.integer(had_deadline.into());
    Ok(())
}
