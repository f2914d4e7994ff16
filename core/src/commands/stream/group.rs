//! XGROUP.

use super::{INVALID_ID, edit_group, edit_or_create, id, is, no_group, stream};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::Slot;
use crate::structure::stream::{Group, Stream, StreamId};

const NO_KEY: CommandError = CommandError::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
     option to create an empty stream automatically.",
);

/// The most words of XGROUP CREATE.
const CREATE_WORDS_MAX: usize = 8;

/// What follows the ID of CREATE and SETID.
#[derive(Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

pub(super) fn create(cx: &mut Context) -> Result<(), CommandError> {
    let options = options(cx, true)?;
    let slot = cx.keys.write(cx.arg(2));
    let stream = stream(cx.keys, slot)?;
    if stream.is_none() && !options.makes_stream {
        return Err(NO_KEY);
    }
    if cx.args.len() > CREATE_WORDS_MAX {
        return Err(CommandError::wrong_words("XGROUP", cx.arg(1)));
    }
    let last_id = match cx.arg(4) {
        b"$" => stream.map_or(StreamId::MIN, |stream| stream.log().last_id()),
        word => id(word)?,
    };
    let name = cx.arg(3);
    let mut is_new = false;
    let mut create = |stream: &mut Stream| {
        is_new = stream.create_group(name, Group::new(last_id, options.entries_read));
        is_new
    };
    if !cx.keys.edit_unwatched(slot, &mut create)? {
        edit_or_create(cx.keys, slot, &mut create)?;
    }
    if !is_new {
        return Err(CommandError::fixed("BUSYGROUP Consumer Group name already exists"));
    }
    cx.reply.ok();
    Ok(())
}

pub(super) fn set_id(cx: &mut Context) -> Result<(), CommandError> {
    let options = options(cx, false)?;
    let slot = existing_group(cx)?;
    if !matches!(cx.args.len(), 5 | 7) {
        return Err(CommandError::wrong_words("XGROUP", cx.arg(1)));
    }
    let (name, word) = (cx.arg(3), cx.arg(4));
    let last_id = match word {
        b"$" => None,
        word => Some(StreamId::parse_or_edge(word, 0).map_err(|_| INVALID_ID)?),
    };
    edit_group(cx.keys, slot, name, &mut |log, group| {
        group.set_last_id(last_id.unwrap_or(log.last_id()), options.entries_read);
        true
    })?;
    cx.reply.ok();
    Ok(())
}

pub(super) fn destroy(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.write(cx.arg(2));
    let name = cx.arg(3);
    // A change, so that those who wait for the group hear of it.
    let mut destroyed = false;
    let exists = cx.keys.edit_unwatched(slot, &mut |stream: &mut Stream| {
        destroyed = stream.destroy_group(name);
        destroyed
    })?;
    if !exists {
        return Err(NO_KEY);
    }
    cx.reply.integer(destroyed.into());
    Ok(())
}

pub(super) fn create_consumer(cx: &mut Context) -> Result<(), CommandError> {
    let slot = existing_group(cx)?;
    let (name, consumer, now_ms) = (cx.arg(3), cx.arg(4), cx.keys.now_ms());
    let mut is_new = false;
    edit_group(cx.keys, slot, name, &mut |_, group| {
        // One that is there is not seen for that.
        is_new = group.find_consumer(consumer).is_none() && group.see_consumer(consumer, now_ms).1;
        is_new
    })?;
    cx.reply.integer(is_new.into());
    Ok(())
}

pub(super) fn delete_consumer(cx: &mut Context) -> Result<(), CommandError> {
    let slot = existing_group(cx)?;
    let (name, consumer) = (cx.arg(3), cx.arg(4));
    let mut pending = None;
    edit_group(cx.keys, slot, name, &mut |_, group| {
        pending = group.remove_consumer(consumer);
        pending.is_some()
    })?;
    cx.reply.integer(pending.unwrap_or_default() as i64);
    Ok(())
}

/// The slot of a stream that has the group which the request names.
fn existing_group<'c>(cx: &mut Context<'c, '_>) -> Result<Slot<'c>, CommandError> {
    let (key, name) = (cx.arg(2), cx.arg(3));
    let slot = cx.keys.write(key);
    let stream = stream(cx.keys, slot)?.ok_or(NO_KEY)?;
    stream.group(name).map(|_| slot).ok_or_else(|| no_group(key, name))
}

fn options(cx: &Context, is_create: bool) -> Result<Options, CommandError> {
    let mut options = Options::default();
    let mut at = 5;
    while let Some(word) = cx.args.try_get(at) {
        if is_create && is(word, "MKSTREAM") {
            options.makes_stream = true;
            at += 1;
        } else if is(word, "ENTRIESREAD") && at + 1 < cx.args.len() {
            options.entries_read = match cx.integer(at + 1)? {
                -1 => None,
                count => Some(
                    u64::try_from(count)
                        .map_err(|_| CommandError::fixed("ERR value for ENTRIESREAD must be positive or -1"))?,
                ),
            };
            at += 2;
        } else {
            return Err(CommandError::wrong_words("XGROUP", cx.arg(1)));
        }
    }
    Ok(options)
}
