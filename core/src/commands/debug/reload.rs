//! DEBUG RELOAD and POPULATE: the whole data once through the RDB codec, and much data out of nothing.

use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::entry::{Entry, NewValue};
use crate::keyspace::shard::Shard;
use crate::number::parse_i64;
use crate::rdb::{Corrupt, Form, Kind, Limits, Reader, read_value, write_value};

/// Most keys that DEBUG POPULATE makes: it holds all shards, and more would not fit this program's machines.
const POPULATE_MAX: u64 = 1 << 30;

const FROM_MEMORY_ONLY: CommandError =
    CommandError::fixed("ERR DEBUG RELOAD NOSAVE is not supported: no file is read here, the data goes through memory");
const LOAD_FAILED: CommandError = CommandError::fixed("ERR Error trying to load the RDB dump");

/// DEBUG RELOAD: every value is serialised as in an RDB file and read back. Expired keys go, expiries and access
/// clocks stay.
pub(super) fn reload(cx: &mut Context) -> Result<(), CommandError> {
    let (mut merges, mut flushes) = (false, true);
    for option in cx.args.iter().skip(2) {
        if option.eq_ignore_ascii_case(b"MERGE") {
            merges = true;
        } else if option.eq_ignore_ascii_case(b"NOFLUSH") {
            flushes = false;
        } else if option.eq_ignore_ascii_case(b"NOSAVE") {
            return Err(FROM_MEMORY_ONLY);
        } else {
            return Err(CommandError::fixed("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."));
        }
    }
    let has_keys = |shard: &mut Shard| (0..shard.databases()).any(|db| !shard.database(db).is_empty());
    if !flushes && !merges && cx.keys.shards().any(has_keys) {
        // What was saved a moment ago meets itself.
        return Err(LOAD_FAILED);
    }
    reload_all(cx)
}

/// DEBUG LOADAOF, and RELOAD whatever its options: there is one form of values, that of snapshots.
pub(super) fn reload_all(cx: &mut Context) -> Result<(), CommandError> {
    let now_ms = cx.env.now_ms();
    let form = Form::new(cx.env.settings);
    let limits = Limits::new(cx.env.settings, cx.env.layout.hasher());
    for shard in cx.keys.shards() {
        for db in 0..shard.databases() {
            let keys: Vec<Box<[u8]>> = shard.database(db).iter().map(|entry| entry.key().into()).collect();
            for key in keys {
                reload_key(shard, db, &key, now_ms, &form, &limits).map_err(|_| LOAD_FAILED)?;
            }
        }
    }
    cx.reply.ok();
    Ok(())
}

fn reload_key(
    shard: &mut Shard,
    db: u16,
    key: &[u8],
    now_ms: u64,
    form: &Form,
    limits: &Limits,
) -> Result<(), Corrupt> {
    let hash = shard.hash(key);
    let located = shard.locate(db, hash, key, now_ms);
    let Some(entry) = shard.entry(db, located) else { return Ok(()) };
    let kind = Kind::of(entry.value(), form.version);
    let mut bytes = Vec::new();
    write_value(entry.value(), kind, form, &mut bytes);
    let (deadline_ms, clock) = (entry.deadline_ms(), entry.clock());
    let value = read_value(kind, &mut Reader::new(&bytes), limits)?;
    shard.remove(db, located);
    shard.insert_entry(db, hash, value.into_entry(key, deadline_ms, clock));
    Ok(())
}

/// DEBUG POPULATE: strings `value:0`, `value:1` … under `prefix:0`, `prefix:1` …, cut or padded with zeros to a size.
pub(super) fn populate(cx: &mut Context) -> Result<(), CommandError> {
    let words = cx.args.len();
    if words > 5 {
        return Err(CommandError::wrong_words("DEBUG", cx.arg(1)));
    }
    let count = parse_i64(cx.arg(2)).and_then(|count| u64::try_from(count).ok());
    let count = count.ok_or(CommandError::fixed("ERR value is out of range, must be positive"))?;
    let prefix: &[u8] = if words > 3 { cx.arg(3) } else { b"key" };
    let size = if words > 4 { cx.integer(4)? } else { 0 };
    let size = u64::try_from(size).ok().filter(|size| *size <= cx.max_string_bytes());
    let size = size.ok_or_else(|| {
        let most = cx.max_string_bytes();
        CommandError::new(format!("ERR value is out of range, value must between 0 and {most}"))
    })?;
    if count > POPULATE_MAX {
        return Err(CommandError::fixed("ERR OOM in dictTryExpand"));
    }
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let mut digits = itoa::Buffer::new();
    for number in 0..count {
        let number = digits.format(number).as_bytes();
        key.clear();
        [prefix, b":", number].iter().for_each(|part| key.extend_from_slice(part));
        value.clear();
        [b"value:", number].iter().for_each(|part| value.extend_from_slice(part));
        if size > 0 {
            value.resize(size as usize, 0);
        }
        let slot = cx.keys.locate(&key);
        if !slot.exists() {
            cx.keys.put(slot, NewValue::Bytes(&value), None);
        }
    }
    cx.reply.ok();
    Ok(())
}

/// Bytes of a value in an RDB file.
pub(super) fn serialized_bytes(entry: &Entry, form: &Form) -> usize {
    let mut bytes = Vec::new();
    write_value(entry.value(), Kind::of(entry.value(), form.version), form, &mut bytes);
    bytes.len()
}
