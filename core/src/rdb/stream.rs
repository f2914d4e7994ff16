//! Streams: their nodes as Redis keeps them, and the groups.
//!
//! A node is a listpack: how many entries live and how many are deleted, the names of the first entry's fields and a
//! zero; then each entry with flags, its distance from the node's ID, its fields, and how many items it took.

use super::write::Writer;
use super::{Corrupt, Kind, Reader};
use crate::structure::listpack::{Item, Items, Listpack};
use crate::structure::stream::{Entry, Group, Log, NodeLimits, Run, Stream, StreamId, Text, Words};

/// An entry that is deleted.
const DELETED: i64 = 1;
/// An entry whose fields have the names of the node's first entry.
const SAME_NAMES: i64 = 2;
/// Stands for a number of read entries that is not known.
const UNKNOWN_READ: u64 = u64::MAX;
/// Stands for a consumer that never got an entry.
const NEVER_ACTIVE: u64 = u64::MAX;
/// Bytes of an ID where it stands as bytes.
const ID_BYTES: u64 = 16;
/// How much larger than its listpack a node may become in memory. Entries repeat the names of their fields when they
/// do not fit one node of ours; beyond what real nodes need, that would let a small payload take all memory.
const EXPANSION_MAX: usize = 128;

/// Appends a stream.
pub(super) fn write(stream: &Stream, kind: Kind, limits: NodeLimits, out: &mut Writer<'_>) {
    let log = stream.log();
    let nodes = nodes_of(log.range(StreamId::MIN, StreamId::MAX), limits);
    out.length(nodes.len() as u64);
    for (first, node) in &nodes {
        write_node(*first, node, out);
    }
    write_state(stream, kind, out);
}

/// Appends a run of entries as a node.
pub(super) fn write_run(run: Run<'_>, out: &mut Writer<'_>) {
    // Its size has no limit of its own: runs have one.
    let limits = NodeLimits { entries_max: 0, bytes_max: 0 };
    nodes_of(run.entries(), limits).iter().for_each(|(first, node)| write_node(*first, node, out));
}

fn write_node(first: StreamId, node: &Listpack, out: &mut Writer<'_>) {
    out.text(&id_bytes(first));
    out.text(node.bytes());
}

/// Appends what follows the nodes.
pub(super) fn write_state(stream: &Stream, kind: Kind, out: &mut Writer<'_>) {
    let log = stream.log();
    out.length(log.len());
    write_id(out, log.last_id());
    write_id(out, log.first_id());
    write_id(out, log.max_deleted_id());
    out.length(log.entries_added());
    let groups = stream.groups();
    out.length(groups.len() as u64);
    for (name, group) in groups {
        out.text(name);
        write_group(group, kind, out);
    }
}

fn write_group(group: &Group, kind: Kind, out: &mut Writer<'_>) {
    write_id(out, group.last_id());
    out.length(group.entries_read().unwrap_or(UNKNOWN_READ));
    out.length(group.pending_len() as u64);
    for (id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX) {
        out.bytes(&id_bytes(id));
        out.bytes(&pending.delivered_ms.to_le_bytes());
        out.length(pending.deliveries);
    }
    out.length(group.consumers_len() as u64);
    for consumer in group.consumers() {
        out.text(consumer.name());
        out.bytes(&consumer.seen_ms.to_le_bytes());
        if kind == Kind::Stream3 {
            out.bytes(&consumer.active_ms.unwrap_or(NEVER_ACTIVE).to_le_bytes());
        }
        out.length(consumer.pending_len() as u64);
        for (id, _) in consumer.pending_range(StreamId::MIN, StreamId::MAX) {
            out.bytes(&id_bytes(id));
        }
    }
}

fn write_id(out: &mut Writer<'_>, id: StreamId) {
    out.length(id.ms);
    out.length(id.seq);
}

fn id_bytes(id: StreamId) -> [u8; ID_BYTES as usize] {
    (u128::from(id.ms) << u64::BITS | u128::from(id.seq)).to_be_bytes()
}

/// The entries in nodes, as Redis would have cut them.
fn nodes_of<'s>(entries: impl Iterator<Item = Entry<'s>>, limits: NodeLimits) -> Vec<(StreamId, Listpack)> {
    let mut nodes = Vec::new();
    let mut open: Option<NodeBuilder> = None;
    for entry in entries {
        let fields: Vec<(Item<'_>, Item<'_>)> =
            entry.fields.clone().map(|(name, value)| (item_of(name), item_of(value))).collect();
        if !open.as_ref().is_some_and(|node| node.takes(&fields, limits)) {
            nodes.extend(open.take().map(NodeBuilder::finish));
        }
        open.get_or_insert_with(|| NodeBuilder::new(entry.id, &fields)).push(entry.id, &fields);
    }
    nodes.extend(open.map(NodeBuilder::finish));
    nodes
}

/// Texts keep the largest integers as bytes; a listpack keeps all as integers.
fn item_of(text: Text<'_>) -> Item<'_> {
    match text {
        Text::Integer(integer) => Item::Integer(integer),
        Text::Bytes(bytes) => Item::from(bytes),
    }
}

/// Bytes of an item's text.
fn text_bytes(item: Item<'_>) -> usize {
    match item {
        Item::Integer(integer) => itoa::Buffer::new().format(integer).len(),
        Item::Text(text) => text.len(),
    }
}

/// A node being filled.
struct NodeBuilder {
    first: StreamId,
    pack: Listpack,
    entries: i64,
    names: usize,
}

impl NodeBuilder {
    fn new(first: StreamId, fields: &[(Item<'_>, Item<'_>)]) -> Self {
        let mut pack = Listpack::new();
        pack.push_back(0);
        pack.push_back(0);
        pack.push_back(fields.len() as i64);
        fields.iter().for_each(|(name, _)| pack.push_back(*name));
        pack.push_back(0);
        Self { first, pack, entries: 0, names: fields.len() }
    }

    /// Whether another entry still goes in here: Redis's rule.
    fn takes(&self, fields: &[(Item<'_>, Item<'_>)], limits: NodeLimits) -> bool {
        let texts: usize = fields.iter().map(|(name, value)| text_bytes(*name) + text_bytes(*value)).sum();
        let bytes = self.pack.bytes().len().saturating_add(texts);
        let bytes_max = if limits.bytes_max == 0 { usize::MAX } else { limits.bytes_max };
        let entries_max = if limits.entries_max == 0 { i64::MAX } else { limits.entries_max.into() };
        bytes < bytes_max.min(crate::structure::listpack::MAX_BYTES / 2) && self.entries < entries_max
    }

    fn push(&mut self, id: StreamId, fields: &[(Item<'_>, Item<'_>)]) {
        let same_names = self.has_names(fields);
        let pack = &mut self.pack;
        pack.push_back(if same_names { SAME_NAMES } else { 0 });
        pack.push_back(id.ms.wrapping_sub(self.first.ms) as i64);
        pack.push_back(id.seq.wrapping_sub(self.first.seq) as i64);
        let count = fields.len() as i64;
        if same_names {
            fields.iter().for_each(|(_, value)| pack.push_back(*value));
            pack.push_back(3 + count);
        } else {
            pack.push_back(count);
            for (name, value) in fields {
                pack.push_back(*name);
                pack.push_back(*value);
            }
            pack.push_back(4 + 2 * count);
        }
        self.entries += 1;
    }

    fn has_names(&self, fields: &[(Item<'_>, Item<'_>)]) -> bool {
        let names = self.pack.iter().skip(3).take(self.names);
        self.names == fields.len() && names.eq(fields.iter().map(|(name, _)| *name))
    }

    fn finish(mut self) -> (StreamId, Listpack) {
        self.pack.replace(self.pack.first(), self.entries);
        (self.first, self.pack)
    }
}

/// Reads a stream.
pub(super) fn read(reader: &mut Reader<'_>, kind: Kind, limits: NodeLimits) -> Result<Stream, Corrupt> {
    let mut stream = Stream::new();
    let log = stream.log_mut();
    let mut before = None;
    for _ in 0..reader.read_length()? {
        let key = reader.read_string()?;
        let first = id_of(&key)?;
        if before.is_some_and(|before| before >= first) {
            return Err(Corrupt);
        }
        let pack = Listpack::from_bytes(reader.read_string()?.into_owned())?;
        read_node(first, &pack, log, limits)?;
        before = Some(first);
    }
    let len = reader.read_length()?;
    let last_id = read_id(reader)?;
    let (max_deleted_id, entries_added) = match kind {
        Kind::Stream1 => (StreamId::MIN, len),
        _ => {
            // The first ID follows from the entries.
            read_id(reader)?;
            (read_id(reader)?, reader.read_length()?)
        }
    };
    if len != log.len() {
        return Err(Corrupt);
    }
    log.set_state(last_id, Some(entries_added), Some(max_deleted_id)).map_err(|_| Corrupt)?;
    for _ in 0..reader.read_length()? {
        let name = reader.read_string()?;
        let group = read_group(reader, kind, stream.log())?;
        if !stream.create_group(&name, group) {
            return Err(Corrupt);
        }
    }
    Ok(stream)
}

fn read_id(reader: &mut Reader<'_>) -> Result<StreamId, Corrupt> {
    Ok(StreamId::new(reader.read_length()?, reader.read_length()?))
}

fn id_of(bytes: &[u8]) -> Result<StreamId, Corrupt> {
    let bytes: [u8; ID_BYTES as usize] = bytes.try_into().map_err(|_| Corrupt)?;
    let both = u128::from_be_bytes(bytes);
    Ok(StreamId::new((both >> u64::BITS) as u64, both as u64))
}

/// Adds the live entries of a node.
fn read_node(first: StreamId, pack: &Listpack, log: &mut Log, limits: NodeLimits) -> Result<(), Corrupt> {
    let mut items = pack.iter();
    let (live, deleted) = (count(&mut items)?, count(&mut items)?);
    let names_len = count(&mut items)?;
    let names = items.clone();
    skip(&mut items, names_len)?;
    if integer(&mut items)? != 0 {
        return Err(Corrupt);
    }
    let bytes_max = log.heap_bytes().saturating_add(pack.bytes().len().saturating_mul(EXPANSION_MAX));
    let mut texts = Texts::default();
    let (mut live_seen, mut deleted_seen) = (0, 0);
    while items.clone().next().is_some() {
        let flags = integer(&mut items)?;
        if flags & !(DELETED | SAME_NAMES) != 0 {
            return Err(Corrupt);
        }
        let ms = first.ms.wrapping_add(integer(&mut items)? as u64);
        let seq = first.seq.wrapping_add(integer(&mut items)? as u64);
        texts.clear();
        let items_of_entry = if flags & SAME_NAMES != 0 {
            let mut names = names.clone();
            for _ in 0..names_len {
                texts.push(names.next().ok_or(Corrupt)?);
                texts.push(items.next().ok_or(Corrupt)?);
            }
            3 + names_len
        } else {
            let fields = count(&mut items)?;
            for _ in 0..fields.checked_mul(2).ok_or(Corrupt)? {
                texts.push(items.next().ok_or(Corrupt)?);
            }
            4 + 2 * fields
        };
        if integer(&mut items)? != items_of_entry {
            return Err(Corrupt);
        }
        if flags & DELETED != 0 {
            deleted_seen += 1;
            continue;
        }
        live_seen += 1;
        let words = Words { len: texts.ends.len(), word: &|place| texts.get(place) };
        log.append(StreamId::new(ms, seq), words, limits).map_err(|_| Corrupt)?;
        if log.heap_bytes() > bytes_max {
            return Err(Corrupt);
        }
    }
    // A node whose last entry goes is removed, so none is without one.
    let counted = (live_seen, deleted_seen) == (live, deleted) && live > 0;
    if counted { Ok(()) } else { Err(Corrupt) }
}

fn integer(items: &mut Items<'_>) -> Result<i64, Corrupt> {
    match items.next() {
        Some(Item::Integer(integer)) => Ok(integer),
        _ => Err(Corrupt),
    }
}

fn count(items: &mut Items<'_>) -> Result<i64, Corrupt> {
    integer(items).and_then(|count| if count >= 0 { Ok(count) } else { Err(Corrupt) })
}

/// Passes over items, as many as there must be.
fn skip(items: &mut Items<'_>, count: i64) -> Result<(), Corrupt> {
    (0..count).try_for_each(|_| items.next().map(|_| ()).ok_or(Corrupt))
}

/// Texts of one entry, in one buffer.
#[derive(Default)]
struct Texts {
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn clear(&mut self) {
        self.buffer.clear();
        self.ends.clear();
    }

    fn push(&mut self, item: Item<'_>) {
        item.write(&mut self.buffer);
        self.ends.push(self.buffer.len());
    }

    fn get(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.buffer[start..self.ends[place]]
    }
}

fn read_group(reader: &mut Reader<'_>, kind: Kind, log: &Log) -> Result<Group, Corrupt> {
    let last_id = read_id(reader)?;
    let entries_read = match kind {
        Kind::Stream1 => log.position(last_id),
        _ => Some(reader.read_length()?).filter(|read| *read != UNKNOWN_READ),
    };
    let mut group = Group::new(last_id, entries_read);
    let mut unowned: u64 = 0;
    for _ in 0..reader.read_length()? {
        let id = id_of(reader.read_bytes(ID_BYTES)?)?;
        let delivered_ms = read_time(reader)?;
        let deliveries = reader.read_length()?;
        if !group.restore_pending(id, delivered_ms, deliveries) {
            return Err(Corrupt);
        }
        unowned += 1;
    }
    for _ in 0..reader.read_length()? {
        let name = reader.read_string()?;
        let seen_ms = read_time(reader)?;
        let active_ms = match kind {
            Kind::Stream3 => match reader.read_u64()? {
                NEVER_ACTIVE => None,
                active_ms => Some(checked_time(active_ms)?),
            },
            _ => Some(seen_ms),
        };
        let consumer = group.restore_consumer(&name, seen_ms, active_ms).ok_or(Corrupt)?;
        for _ in 0..reader.read_length()? {
            let id = id_of(reader.read_bytes(ID_BYTES)?)?;
            if !group.restore_owner(id, consumer) {
                return Err(Corrupt);
            }
            unowned -= 1;
        }
    }
    if unowned == 0 { Ok(group) } else { Err(Corrupt) }
}

fn read_time(reader: &mut Reader<'_>) -> Result<u64, Corrupt> {
    checked_time(reader.read_u64()?)
}

/// Times are signed in Redis, and never negative.
fn checked_time(time_ms: u64) -> Result<u64, Corrupt> {
    if time_ms <= i64::MAX as u64 { Ok(time_ms) } else { Err(Corrupt) }
}
