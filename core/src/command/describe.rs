//! Rows of the command table as COMMAND and COMMAND DOCS show them.

use super::keys::{Begin, Find, KeyAccess, KeySpec, is_movable, legacy_range};
use super::syntax::{Argument, Kind, arguments};
use super::{Categories, Command, CommandId, Flags};
use crate::resp::{Arguments, Reply};

/// The flags that COMMAND INFO reports, in its order.
const FLAG_NAMES: [(Flags, &str); 18] = [
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (Flags::NO_ASYNC_LOADING, "no_async_loading"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::MOVABLEKEYS, "movablekeys"),
    (Flags::ALLOW_BUSY, "allow_busy"),
];

/// ACL categories with their names, in the order of ACL CAT.
pub const CATEGORY_NAMES: [(Categories, &str); 21] = [
    (Categories::KEYSPACE, "keyspace"),
    (Categories::READ, "read"),
    (Categories::WRITE, "write"),
    (Categories::SET, "set"),
    (Categories::SORTEDSET, "sortedset"),
    (Categories::LIST, "list"),
    (Categories::HASH, "hash"),
    (Categories::STRING, "string"),
    (Categories::BITMAP, "bitmap"),
    (Categories::HYPERLOGLOG, "hyperloglog"),
    (Categories::GEO, "geo"),
    (Categories::STREAM, "stream"),
    (Categories::PUBSUB, "pubsub"),
    (Categories::ADMIN, "admin"),
    (Categories::FAST, "fast"),
    (Categories::SLOW, "slow"),
    (Categories::BLOCKING, "blocking"),
    (Categories::DANGEROUS, "dangerous"),
    (Categories::CONNECTION, "connection"),
    (Categories::TRANSACTION, "transaction"),
    (Categories::SCRIPTING, "scripting"),
];

/// Key accesses in the order of COMMAND INFO.
const ACCESS_NAMES: [(KeyAccess, &str); 11] = [
    (KeyAccess::RO, "RO"),
    (KeyAccess::RW, "RW"),
    (KeyAccess::OW, "OW"),
    (KeyAccess::RM, "RM"),
    (KeyAccess::ACCESS, "access"),
    (KeyAccess::UPDATE, "update"),
    (KeyAccess::INSERT, "insert"),
    (KeyAccess::DELETE, "delete"),
    (KeyAccess::NOT_KEY, "not_key"),
    (KeyAccess::INCOMPLETE, "incomplete"),
    (KeyAccess::VARIABLE_FLAGS, "variable_flags"),
];

/// Writes the row of COMMAND INFO, subcommands included: ten elements.
pub fn info(reply: &mut Reply<'_>, id: CommandId) {
    let row = id.row();
    reply.array(10);
    reply.bulk(id.full_name().as_bytes());
    reply.integer(row.arity.into());
    let mut flags = row.flags;
    flags.set(Flags::MOVABLEKEYS, is_movable(row));
    names(reply, &FLAG_NAMES, |flag| flags.contains(flag), "");
    let (first, last, step) = legacy_range(row);
    [first, last, step].into_iter().for_each(|number| reply.integer(number));
    let categories = row.acl_categories();
    names(reply, &CATEGORY_NAMES, |category| categories.contains(category), "@");
    reply.set(row.tips.len());
    row.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(row.keys.len());
    row.keys.iter().for_each(|spec| key_spec(reply, spec));
    if row.subcommands.is_empty() {
        // Redis answers an empty set here and an array else.
        reply.set(0);
    } else {
        reply.array(row.subcommands.len());
        subcommands(id).for_each(|sub| info(reply, sub));
    }
}

/// Writes the map that COMMAND DOCS gives for one command, subcommands included. Without the feature `docs` only the
/// group is there.
pub fn docs(reply: &mut Reply<'_>, id: CommandId) {
    let row = id.row();
    // Every row's syntax is read by a test: an error here would be a broken build.
    let arguments = match cfg!(feature = "docs") {
        true => arguments(row).expect("rows have a syntax that parses"),
        false => Vec::new(),
    };
    let deprecated_fields = if row.deprecated.is_some() { 3 } else { 0 };
    let described_fields = if cfg!(feature = "docs") { 3 } else { 0 };
    reply.map(
        1 + described_fields
            + deprecated_fields
            + usize::from(!arguments.is_empty())
            + usize::from(!row.subcommands.is_empty()),
    );
    if described_fields > 0 {
        text(reply, "summary", row.summary);
        text(reply, "since", row.since);
    }
    text(reply, "group", row.group.name());
    if described_fields > 0 {
        text(reply, "complexity", row.complexity);
    }
    if let Some((since, instead)) = row.deprecated {
        reply.bulk(b"doc_flags");
        reply.set(1);
        reply.status("deprecated");
        text(reply, "deprecated_since", since);
        text(reply, "replaced_by", instead);
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        argument_list(reply, &arguments, &mut KeySpecs { next: 0, count: row.keys.len() });
    }
    if !row.subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(row.subcommands.len());
        for sub in subcommands(id) {
            reply.bulk(sub.full_name().as_bytes());
            docs(reply, sub);
        }
    }
}

/// Writes what a command does with a key as a set of words.
pub fn key_access(reply: &mut Reply<'_>, access: KeyAccess) {
    names(reply, &ACCESS_NAMES, |word| access.contains(word), "");
}

/// The subcommands of a container, in the order of its row.
pub fn subcommands(container: CommandId) -> impl Iterator<Item = CommandId> {
    let first = container.index() + 1;
    (first..first + container.row().subcommands.len()).filter_map(CommandId::from_index)
}

/// What a command does with a key in this request, where options decide it.
pub fn access_in(command: &Command, args: Arguments<'_>, access: KeyAccess) -> KeyAccess {
    if !access.contains(KeyAccess::VARIABLE_FLAGS) {
        return access;
    }
    match command.name {
        "set" if !args.iter().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"GET")) => KeyAccess::OW | KeyAccess::UPDATE,
        "bitfield" if bitfield_only_reads(args) => KeyAccess::RO | KeyAccess::ACCESS,
        _ => access - KeyAccess::VARIABLE_FLAGS,
    }
}

/// Whether a BITFIELD request has no operations but whole GETs. What cannot be read counts as writing.
fn bitfield_only_reads(args: Arguments<'_>) -> bool {
    let mut i = 2;
    while let Some(operation) = args.try_get(i) {
        let words = match operation {
            get if get.eq_ignore_ascii_case(b"GET") => 3,
            overflow if overflow.eq_ignore_ascii_case(b"OVERFLOW") => 2,
            _ => return false,
        };
        i += words;
        if i > args.len() {
            return false;
        }
    }
    true
}

/// A set of those words whose flag is set.
fn names<F: Copy>(reply: &mut Reply<'_>, table: &[(F, &str)], is_set: impl Fn(F) -> bool, prefix: &str) {
    let words = table.iter().filter(|(flag, _)| is_set(*flag));
    reply.set(words.clone().count());
    for (_, word) in words {
        reply.status(&format!("{prefix}{word}"));
    }
}

fn text(reply: &mut Reply<'_>, key: &str, value: &str) {
    reply.bulk(key.as_bytes());
    reply.bulk(value.as_bytes());
}

fn number(reply: &mut Reply<'_>, key: &str, value: i64) {
    reply.bulk(key.as_bytes());
    reply.integer(value);
}

fn key_spec(reply: &mut Reply<'_>, spec: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    key_access(reply, spec.access);
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => {
            search(reply, "index", 1);
            number(reply, "index", index.into());
        }
        Begin::Keyword(keyword, from) => {
            search(reply, "keyword", 2);
            text(reply, "keyword", keyword);
            number(reply, "startfrom", from.into());
        }
        Begin::Unknown | Begin::Hidden(_) => search(reply, "unknown", 0),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            search(reply, "range", 3);
            number(reply, "lastkey", last.into());
            number(reply, "keystep", step.into());
            number(reply, "limit", limit.into());
        }
        Find::Count { index, first, step } => {
            search(reply, "keynum", 3);
            number(reply, "keynumidx", index.into());
            number(reply, "firstkey", first.into());
            number(reply, "keystep", step.into());
        }
        Find::Unknown => search(reply, "unknown", 0),
    }
}

/// Begins one half of a key spec: its type, and a map of `fields` numbers that must follow.
fn search(reply: &mut Reply<'_>, kind: &str, fields: usize) {
    reply.map(2);
    text(reply, "type", kind);
    reply.bulk(b"spec");
    reply.map(fields);
}

/// Gives key arguments their key specs: one each in order, the last one to all that follow.
struct KeySpecs {
    next: usize,
    count: usize,
}

impl KeySpecs {
    fn next_index(&mut self) -> i64 {
        let index = self.next.min(self.count.saturating_sub(1));
        self.next += 1;
        index as i64
    }
}

fn argument_list(reply: &mut Reply<'_>, arguments: &[Argument], keys: &mut KeySpecs) {
    reply.array(arguments.len());
    arguments.iter().for_each(|argument| argument_map(reply, argument, keys));
}

fn argument_map(reply: &mut Reply<'_>, argument: &Argument, keys: &mut KeySpecs) {
    let flags =
        [(argument.optional, "optional"), (argument.multiple, "multiple"), (argument.multiple_token, "multiple_token")];
    let flags = flags.iter().filter(|(set, _)| *set);
    let children = argument.kind.children();
    let is_key = argument.kind == Kind::Key && keys.count > 0;
    let has_flags = flags.clone().count() > 0;
    let optional_fields = [is_key, argument.token.is_some(), has_flags, !children.is_empty()];
    reply.map(2 + optional_fields.iter().filter(|has| **has).count());
    text(reply, "name", &argument.name);
    text(reply, "type", argument.kind.name());
    if is_key {
        number(reply, "key_spec_index", keys.next_index());
    }
    if let Some(token) = &argument.token {
        text(reply, "token", token);
    }
    if has_flags {
        reply.bulk(b"flags");
        reply.set(flags.clone().count());
        flags.for_each(|(_, word)| reply.status(word));
    }
    if !children.is_empty() {
        reply.bulk(b"arguments");
        argument_list(reply, children, keys);
    }
}
