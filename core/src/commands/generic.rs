//! Keys of any type: removing, counting, renaming, copying, moving.

use crate::command::{Categories, Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace;

const SUM_OF_SHARDS: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "del",
        group: Group::Generic,
        arity: -2,
        flags: Flags::WRITE,
        categories: Categories::KEYSPACE,
        keys: &[KeySpec::range(KeyAccess::RM.union(KeyAccess::DELETE), 1, -1, 1)],
        since: "1.0.0",
        summary: "Removes keys and answers how many there were.",
        complexity: "O(N) for N keys, plus the elements of their values",
        syntax: "key [key ...]",
        tips: SUM_OF_SHARDS,
        handler: del,
        ..Command::ROW
    },
    Command {
        name: "unlink",
        group: Group::Generic,
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        categories: Categories::KEYSPACE,
        keys: &[KeySpec::range(KeyAccess::RM.union(KeyAccess::DELETE), 1, -1, 1)],
        since: "4.0.0",
        summary: "Removes keys without waiting for their memory and answers how many there were.",
        complexity: "O(1) for each key; freeing takes the elements of the values",
        syntax: "key [key ...]",
        tips: SUM_OF_SHARDS,
        handler: del,
        ..Command::ROW
    },
    Command {
        name: "exists",
        group: Group::Generic,
        arity: -2,
        flags: Flags::READONLY.union(Flags::FAST),
        categories: Categories::KEYSPACE,
        keys: &[KeySpec::range(KeyAccess::RO, 1, -1, 1)],
        since: "1.0.0",
        summary: "Counts how many of the named keys exist, each mention for itself.",
        complexity: "O(N) for N keys",
        syntax: "key [key ...]",
        tips: SUM_OF_SHARDS,
        handler: exists,
        ..Command::ROW
    },
    Command {
        name: "touch",
        group: Group::Generic,
        arity: -2,
        flags: Flags::READONLY.union(Flags::FAST),
        categories: Categories::KEYSPACE,
        keys: &[KeySpec::range(KeyAccess::RO, 1, -1, 1)],
        since: "3.2.1",
        summary: "Marks keys as used just now and answers how many exist.",
        complexity: "O(N) for N keys",
        syntax: "key [key ...]",
        tips: SUM_OF_SHARDS,
        handler: touch,
        ..Command::ROW
    },
    Command {
        name: "type",
        group: Group::Generic,
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        categories: Categories::KEYSPACE,
        keys: &[KeySpec::one(KeyAccess::RO, 1)],
        since: "1.0.0",
        summary: "Names the type of the value under a key.",
        syntax: "key",
        handler: type_,
        ..Command::ROW
    },
    Command {
        name: "rename",
        group: Group::Generic,
        arity: 3,
        flags: Flags::WRITE,
        categories: Categories::KEYSPACE,
        keys: &[
            KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::DELETE), 1),
            KeySpec::one(KeyAccess::OW.union(KeyAccess::UPDATE), 2),
        ],
        since: "1.0.0",
        summary: "Gives a key another name, in place of any key of that name.",
        complexity: "O(1), plus the elements of a value that is overwritten",
        syntax: "key newkey",
        handler: rename,
        ..Command::ROW
    },
    Command {
        name: "renamenx",
        group: Group::Generic,
        arity: 3,
        flags: Flags::WRITE.union(Flags::FAST),
        categories: Categories::KEYSPACE,
        keys: &[
            KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::DELETE), 1),
            KeySpec::one(KeyAccess::OW.union(KeyAccess::INSERT), 2),
        ],
        since: "1.0.0",
        summary: "Gives a key another name unless that name is taken.",
        syntax: "key newkey",
        handler: renamenx,
        ..Command::ROW
    },
    Command {
        name: "copy",
        group: Group::Generic,
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        categories: Categories::KEYSPACE,
        keys: &[
            KeySpec::one(KeyAccess::RO.union(KeyAccess::ACCESS), 1),
            KeySpec::one(KeyAccess::OW.union(KeyAccess::UPDATE), 2),
        ],
        since: "6.2.0",
        summary: "Copies a value with its expiry to another key, perhaps in another database.",
        complexity: "O(N) for N elements of the value",
        syntax: "source destination [DB destination-db] [REPLACE]",
        handler: copy,
        ..Command::ROW
    },
    Command {
        name: "move",
        group: Group::Generic,
        arity: 3,
        flags: Flags::WRITE.union(Flags::FAST),
        categories: Categories::KEYSPACE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::UPDATE), 1)],
        since: "1.0.0",
        summary: "Moves a key to another database unless that has one of this name.",
        syntax: "key db",
        handler: move_,
        ..Command::ROW
    },
]);

/// MOVE and COPY onto the key itself.
const SAME_OBJECT: CommandError = CommandError::fixed("ERR source and destination objects are the same");

/// DEL and UNLINK alike: large values are always freed in the background.
fn del(cx: &mut Context) -> Result<(), CommandError> {
    let mut removed = 0;
    for key in cx.args.iter().skip(1) {
        let slot = cx.keys.locate(key);
        removed += i64::from(cx.keys.discard(slot));
    }
    cx.reply.integer(removed);
    Ok(())
}

fn exists(cx: &mut Context) -> Result<(), CommandError> {
    let found = cx.args.iter().skip(1).filter(|key| cx.keys.inspect(key).exists()).count();
    cx.reply.integer(found as i64);
    Ok(())
}

fn touch(cx: &mut Context) -> Result<(), CommandError> {
    let found = cx.args.iter().skip(1).filter(|key| cx.keys.read(key).exists()).count();
    cx.reply.integer(found as i64);
    Ok(())
}

fn type_(cx: &mut Context) -> Result<(), CommandError> {
    let slot = cx.keys.inspect(cx.arg(1));
    cx.reply.status(cx.keys.entry(slot).map_or("none", keyspace::type_name));
    Ok(())
}

fn rename(cx: &mut Context) -> Result<(), CommandError> {
    let (from, to) = (cx.arg(1), cx.arg(2));
    require(cx, from)?;
    if from != to {
        relocate(cx, from, cx.keys.db, to);
    }
    cx.reply.ok();
    Ok(())
}

fn renamenx(cx: &mut Context) -> Result<(), CommandError> {
    let (from, to) = (cx.arg(1), cx.arg(2));
    require(cx, from)?;
    let free = from != to && !cx.keys.locate(to).exists();
    if free {
        relocate(cx, from, cx.keys.db, to);
    }
    cx.reply.integer(free.into());
    Ok(())
}

fn require(cx: &mut Context, key: &[u8]) -> Result<(), CommandError> {
    let slot = cx.keys.locate(key);
    cx.keys.touch(slot);
    if slot.exists() { Ok(()) } else { Err(CommandError::NO_SUCH_KEY) }
}

/// Takes an entry from one key of the selected database and puts it under another, whatever stood there. Looks the
/// key up anew, since looking at the target may have moved it.
fn relocate(cx: &mut Context, from: &[u8], db: u16, to: &[u8]) {
    let slot = cx.keys.locate(from);
    let entry = cx.keys.remove(slot).expect("the caller has found the key at this instant");
    let entry = if from == to { entry } else { entry.renamed(to) };
    cx.keys.put_entry(db, entry);
}

fn copy(cx: &mut Context) -> Result<(), CommandError> {
    let (from, to, source_db) = (cx.arg(1), cx.arg(2), cx.keys.db);
    let CopyOptions { db, overwrite } = CopyOptions::parse(cx)?;
    if db == source_db && from == to {
        return Err(SAME_OBJECT);
    }
    let exists = cx.keys.read(from).exists();
    let copied = exists && (!cx.keys.locate_in(db, to).exists() || overwrite);
    if copied {
        let slot = cx.keys.locate(from);
        let source = cx.keys.entry(slot).expect("the key was found at this instant");
        let mut entry = source.clone().renamed(to);
        entry.set_clock(cx.env.access_clock().fresh());
        cx.keys.put_entry(db, entry);
    }
    cx.reply.integer(copied.into());
    Ok(())
}

/// Options of COPY.
struct CopyOptions {
    db: u16,
    overwrite: bool,
}

impl CopyOptions {
    fn parse(cx: &Context) -> Result<Self, CommandError> {
        let mut options = Self { db: cx.keys.db, overwrite: false };
        let mut i = 3;
        while i < cx.args.len() {
            let option = cx.arg(i);
            if option.eq_ignore_ascii_case(b"REPLACE") {
                options.overwrite = true;
                i += 1;
            } else if option.eq_ignore_ascii_case(b"DB") && i + 1 < cx.args.len() {
                options.db = cx.database(i + 1)?;
                i += 2;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn move_(cx: &mut Context) -> Result<(), CommandError> {
    let (key, db) = (cx.arg(1), cx.database(2)?);
    if db == cx.keys.db {
        return Err(SAME_OBJECT);
    }
    let slot = cx.keys.locate(key);
    cx.keys.touch(slot);
    let moved = slot.exists() && !cx.keys.locate_in(db, key).exists();
    if moved {
        relocate(cx, key, db, key);
    }
    cx.reply.integer(moved.into());
    Ok(())
}
