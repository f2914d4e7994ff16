//! DUMP and RESTORE: values in the form that RDB files have, with a version and a checksum.

use std::sync::atomic::Ordering;

use crate::command::{Categories, Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::AccessClock;
use crate::keyspace::entry::Entry;
use crate::rdb::{Form, Kind, Limits, Loaded, Reader, VERSION_MAX, append_footer, read_value, validate, write_value};

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "dump",
        group: Group::Generic,
        arity: 2,
        flags: Flags::READONLY,
        categories: Categories::KEYSPACE,
        keys: &[KeySpec::one(KeyAccess::RO.union(KeyAccess::ACCESS), 1)],
        since: "2.6.0",
        summary: "Answers a value as bytes that RESTORE takes, here and elsewhere.",
        complexity: "O(N) for the size of the value",
        syntax: "key",
        tips: &["nondeterministic_output"],
        handler: dump,
        ..Command::ROW
    },
    Command {
        name: "restore",
        group: Group::Generic,
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
        keys: &[KeySpec::one(KeyAccess::OW.union(KeyAccess::UPDATE), 1)],
        since: "2.6.0",
        summary: "Creates a key from bytes that DUMP answered.",
        complexity: "O(N) for the size of the value; sorted sets take O(N*log(N))",
        syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        handler: restore,
        ..Command::ROW
    },
]);

const BUSY_KEY: CommandError = CommandError::fixed("BUSYKEY Target key name already exists.");
const WRONG_FOOTER: CommandError = CommandError::fixed("ERR DUMP payload version or checksum are wrong");
/// The version and the checksum.
const FOOTER_BYTES: usize = 10;
const BAD_DATA: CommandError = CommandError::fixed("ERR Bad data format");

fn dump(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.read(cx.arg(1));
    let Some(entry) = cx.keys.entry(slot) else {
        cx.reply.null();
        return Ok(());
    };
    cx.reply.bulk(&payload_of(entry, &Form::new(cx.env.settings)));
    Ok(())
}

/// A value as RESTORE takes it.
pub(super) fn payload_of(entry: &Entry, form: &Form) -> Vec<u8> {
    let kind = Kind::of(entry.value(), form.version);
    let mut payload = vec![kind as u8];
    write_value(entry.value(), kind, form, &mut payload);
    append_footer(&mut payload, form.version.max(kind.version_min()));
    payload
}

fn restore(cx: &mut Context) -> Result<(), CommandError> {
    let options = Options::parse(cx)?;
    let key = cx.arg(1);
    let exists = cx.keys.write(key).exists();
    if exists && !options.replaces {
        return Err(BUSY_KEY);
    }
    let ttl_ms =
        u64::try_from(cx.integer(2)?).map_err(|_| CommandError::fixed("ERR Invalid TTL value, must be >= 0"))?;
    let value = read_payload(cx.arg(3), cx)?;

    let now_ms = cx.env.now_ms();
    let base_ms = if options.is_absolute { 0 } else { now_ms };
    let deadline_ms = (ttl_ms > 0).then(|| base_ms.saturating_add(ttl_ms).min(i64::MAX as u64));
    if deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms) {
        let slot = cx.keys.locate(key);
        cx.keys.discard(slot);
    } else {
        let clock = options.access.clock(cx.env.access_clock());
        cx.keys.put_entry(cx.keys.db, value.into_entry(key, deadline_ms, clock));
    }
    cx.reply.ok();
    Ok(())
}

fn read_payload<'a>(payload: &'a [u8], cx: &Context) -> Result<Loaded<'a>, CommandError> {
    let body = match validate(payload, VERSION_MAX) {
        Ok(body) => body,
        Err(_) if cx.env.signals.dump_checksums_ignored.load(Ordering::Relaxed) => {
            payload.get(..payload.len().saturating_sub(FOOTER_BYTES)).unwrap_or_default()
        }
        Err(_) => return Err(WRONG_FOOTER),
    };
    let (kind, value) = body.split_first().ok_or(BAD_DATA)?;
    let kind = Kind::from_byte(*kind).ok_or(BAD_DATA)?;
    let unpacked_bytes_max = usize::try_from(cx.max_string_bytes()).unwrap_or(usize::MAX);
    let mut reader = Reader::new(value).with_unpacked_bytes_max(unpacked_bytes_max);
    let limits = Limits::new(cx.env.settings, cx.env.layout.hasher());
    read_value(kind, &mut reader, &limits).map_err(|_| BAD_DATA)
}

/// Options of RESTORE.
struct Options {
    replaces: bool,
    is_absolute: bool,
    access: Access,
}

/// What a payload's key is to have for an access clock.
#[derive(Clone, Copy)]
enum Access {
    /// As if it were new.
    Fresh,
    /// Seconds since the last access.
    Idle(u64),
    /// The counter of accesses.
    Frequency(u8),
}

impl Access {
    /// The clock under the policy in force; what the policy does not keep does not count.
    fn clock(self, clock: AccessClock) -> u32 {
        /// Seconds that fit the clock; beyond it a key counts as idle for half of them, which stays large for long.
        const IDLE_MAX: u64 = 0xff_ffff;
        match (self, clock) {
            (Self::Idle(idle), AccessClock::Seconds(now)) => {
                let idle = if idle > IDLE_MAX { IDLE_MAX / 2 } else { idle };
                now.wrapping_sub(idle as u32) & IDLE_MAX as u32
            }
            (Self::Frequency(counter), AccessClock::Frequency { minutes, .. }) => {
                u32::from(minutes) << 8 | u32::from(counter)
            }
            _ => clock.fresh(),
        }
    }
}

impl Options {
    fn parse(cx: &Context) -> Result<Self, CommandError> {
        let mut options = Self { replaces: false, is_absolute: false, access: Access::Fresh };
        let mut i = 4;
        while i < cx.args.len() {
            let option = cx.arg(i);
            let has_value = i + 1 < cx.args.len();
            if option.eq_ignore_ascii_case(b"REPLACE") {
                options.replaces = true;
            } else if option.eq_ignore_ascii_case(b"ABSTTL") {
                options.is_absolute = true;
            } else if option.eq_ignore_ascii_case(b"IDLETIME")
                && has_value
                && !matches!(options.access, Access::Frequency(_))
            {
                i += 1;
                let idle = u64::try_from(cx.integer(i)?);
                let idle = idle.map_err(|_| CommandError::fixed("ERR Invalid IDLETIME value, must be >= 0"))?;
                options.access = Access::Idle(idle);
            } else if option.eq_ignore_ascii_case(b"FREQ") && has_value && !matches!(options.access, Access::Idle(_)) {
                i += 1;
                let counter = u8::try_from(cx.integer(i)?);
                let counter =
                    counter.map_err(|_| CommandError::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255"))?;
                options.access = Access::Frequency(counter);
            } else {
                return Err(CommandError::SYNTAX);
            }
            i += 1;
        }
        Ok(options)
    }
}
