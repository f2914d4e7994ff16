//! Reading values.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Corrupt, Kind, Reader, stream};
use crate::hash::KeyHasher;
use crate::keyspace::encode_string;
use crate::keyspace::entry::{Entry, NewValue};
use crate::keyspace::object::{Object, Stored};
use crate::number::parse_f64;
use crate::settings::Settings;
use crate::structure::chunked_list::{Chunk, ChunkLimit, ChunkedList, End};
use crate::structure::intset::Intset;
use crate::structure::listpack::{Item, Listpack};
use crate::structure::rdb::ziplist::{read_ziplist, read_zipmap};
use crate::structure::sorted_set::Insertion;
use crate::structure::stream::NodeLimits;
use crate::value::{FieldExpiry, Hash, List, PackLimits, Set, SetLimits, SortedSet};

/// The container kinds of a list's chunks.
const PLAIN_CONTAINER: u64 = 1;
const PACKED_CONTAINER: u64 = 2;
/// Lengths of a score's text that are no lengths.
const NAN: u8 = 253;
const INFINITY: u8 = 254;
const MINUS_INFINITY: u8 = 255;

/// Up to which sizes values take their compact forms, and what hashes their members.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    list: ChunkLimit,
    set: SetLimits,
    pub(super) hash: PackLimits,
    sorted_set: PackLimits,
    nodes: NodeLimits,
    pub(super) hasher: KeyHasher,
}

impl Limits {
    /// Those of the settings.
    pub fn new(settings: &Settings, hasher: KeyHasher) -> Self {
        Self {
            list: settings.list_limit(),
            set: settings.set_limits(),
            hash: settings.hash_limits(),
            sorted_set: settings.sorted_set_limits(),
            nodes: settings.stream_limits(),
            hasher,
        }
    }
}

/// A value that was read.
#[derive(Debug)]
pub enum Loaded<'a> {
    /// A string.
    Text(Cow<'a, [u8]>),
    /// Anything else.
    Object(Object),
}

impl Loaded<'_> {
    /// The value under a key, with its expiry in Unix milliseconds and its access clock.
    pub fn into_entry(self, key: &[u8], deadline_ms: Option<u64>, clock: u32) -> Entry {
        match self {
            Self::Text(text) => Entry::new(key, encode_string(&text), deadline_ms, clock),
            Self::Object(object) => Entry::new(key, NewValue::Object(Box::new(object)), deadline_ms, clock),
        }
    }
}

/// Reads a value of a kind.
///
/// # Errors
/// [`Corrupt`] for bytes that are no such value, for members that come twice, and for empty collections.
pub fn read_value<'a>(kind: Kind, reader: &mut Reader<'a>, limits: &Limits) -> Result<Loaded<'a>, Corrupt> {
    read_if_any(kind, reader, limits)?.ok_or(Corrupt)
}

/// As [`read_value`], but answers nothing for an empty collection. Old bugs of Redis have left such keys in files.
pub fn read_if_any<'a>(kind: Kind, reader: &mut Reader<'a>, limits: &Limits) -> Result<Option<Loaded<'a>>, Corrupt> {
    match kind {
        Kind::String => reader.read_string().map(|text| Some(Loaded::Text(text))),
        Kind::List | Kind::ListZiplist | Kind::Quicklist | Kind::Quicklist2 => list(kind, reader, limits.list),
        Kind::Set | Kind::SetIntset | Kind::SetListpack => set(kind, reader, limits),
        Kind::Hash | Kind::HashZipmap | Kind::HashZiplist | Kind::HashListpack => hash(kind, reader, limits),
        Kind::HashExpiring => expiring_fields(reader, limits),
        Kind::HashExpiringListpack => expiring_listpack(reader, limits),
        Kind::SortedSetText | Kind::SortedSet => scored_members(kind, reader, limits),
        Kind::SortedSetZiplist | Kind::SortedSetListpack => packed_scores(kind, reader, limits),
        Kind::Stream1 | Kind::Stream2 | Kind::Stream3 => {
            stream::read(reader, kind, limits.nodes).map(|stream| Some(Loaded::Object(stream.into_object())))
        }
    }
}

fn filled<T: Stored>(value: T) -> Result<Option<Loaded<'static>>, Corrupt> {
    Ok((!value.is_empty()).then(|| Loaded::Object(value.into_object())))
}

fn read_listpack(reader: &mut Reader<'_>) -> Result<Listpack, Corrupt> {
    Ok(Listpack::from_bytes(reader.read_string()?.into_owned())?)
}

fn list(kind: Kind, reader: &mut Reader<'_>, limit: ChunkLimit) -> Result<Option<Loaded<'static>>, Corrupt> {
    if kind == Kind::List {
        let mut list = List::default();
        for _ in 0..reader.read_length()? {
            list.push(End::Back, &reader.read_string()?, limit);
        }
        return filled(list);
    }
    let mut list = ChunkedList::new(limit);
    let chunks = if kind == Kind::ListZiplist { 1 } else { reader.read_length()? };
    for _ in 0..chunks {
        list.push_chunk(chunk(kind, reader)?);
    }
    // One node is a listpack in Redis too; several stay a chain until the list shrinks.
    let packed = (list.chunks().len() == 1).then(|| list.to_listpack(&limit)).flatten();
    filled(packed.map_or_else(|| List::Chunked(Box::new(list)), List::Packed))
}

fn chunk(kind: Kind, reader: &mut Reader<'_>) -> Result<Chunk, Corrupt> {
    if kind != Kind::Quicklist2 {
        return read_ziplist(&reader.read_string()?).map(Chunk::Packed);
    }
    match reader.read_length()? {
        PACKED_CONTAINER => {
            let pack = read_listpack(reader)?;
            if pack.is_empty() { Err(Corrupt) } else { Ok(Chunk::Packed(pack)) }
        }
        PLAIN_CONTAINER => {
            let text = reader.read_string()?;
            if text.is_empty() { Err(Corrupt) } else { Ok(Chunk::Plain(text.into_owned().into())) }
        }
        _ => Err(Corrupt),
    }
}

fn set(kind: Kind, reader: &mut Reader<'_>, limits: &Limits) -> Result<Option<Loaded<'static>>, Corrupt> {
    let mut set = Set::default();
    let mut add = |member: &[u8]| {
        let is_new = set.add(member, limits.set, limits.hasher);
        if is_new { Ok(()) } else { Err(Corrupt) }
    };
    match kind {
        Kind::SetIntset => {
            let integers = Intset::from_bytes(reader.read_string()?.into_owned())?;
            if integers.len() <= limits.set.intset_entries {
                return filled(Set::Integers(integers));
            }
            integers.iter().try_for_each(|member| add(itoa::Buffer::new().format(member).as_bytes()))?;
        }
        Kind::SetListpack => {
            let pack = read_listpack(reader)?;
            require_unique(pack.iter())?;
            if pack.len() <= limits.set.pack.entries {
                return filled(Set::Packed(pack));
            }
            pack.iter().try_for_each(|member| add(&member.to_vec()))?;
        }
        _ => {
            for _ in 0..reader.read_length()? {
                add(&reader.read_string()?)?;
            }
        }
    }
    filled(set)
}

fn hash(kind: Kind, reader: &mut Reader<'_>, limits: &Limits) -> Result<Option<Loaded<'static>>, Corrupt> {
    let mut hash = Hash::default();
    if kind == Kind::Hash {
        let fields = reader.read_length()?;
        hash.expect(usize::try_from(fields).unwrap_or(usize::MAX), 0, limits.hash, limits.hasher);
        for _ in 0..fields {
            let (field, value) = (reader.read_string()?, reader.read_string()?);
            store(&mut hash, &field, Item::from(&*value), FieldExpiry::Never, limits)?;
        }
        return filled(hash);
    }
    let pack = match kind {
        Kind::HashListpack => read_listpack(reader)?,
        Kind::HashZiplist => read_ziplist(&reader.read_string()?)?,
        _ => read_zipmap(&reader.read_string()?)?,
    };
    if !pack.len().is_multiple_of(2) {
        return Err(Corrupt);
    }
    require_unique(pack.iter().step_by(2))?;
    // A zipmap knows no longest value, and Redis holds only that form to the limit.
    let is_long = |item: Item<'_>| matches!(item, Item::Text(text) if text.len() > limits.hash.value_bytes);
    if pack.len() / 2 <= limits.hash.entries && !(kind == Kind::HashZipmap && pack.iter().any(is_long)) {
        return filled(Hash::Packed(pack));
    }
    let mut items = pack.iter();
    while let (Some(field), Some(value)) = (items.next(), items.next()) {
        store(&mut hash, &field.to_vec(), value, FieldExpiry::Never, limits)?;
    }
    filled(hash)
}

fn store(hash: &mut Hash, field: &[u8], value: Item<'_>, expiry: FieldExpiry, limits: &Limits) -> Result<(), Corrupt> {
    if hash.store(field, value, expiry, limits.hash, limits.hasher) { Ok(()) } else { Err(Corrupt) }
}

fn expiring_fields(reader: &mut Reader<'_>, limits: &Limits) -> Result<Option<Loaded<'static>>, Corrupt> {
    let first_ms = reader.read_u64()?;
    let mut hash = Hash::default();
    for _ in 0..reader.read_length()? {
        let expiry = match reader.read_length()? {
            0 => FieldExpiry::Never,
            distance => expiry_at(first_ms.checked_add(distance - 1).ok_or(Corrupt)?)?,
        };
        let (field, value) = (reader.read_string()?, reader.read_string()?);
        store(&mut hash, &field, Item::from(&*value), expiry, limits)?;
    }
    filled(hash)
}

/// Field, value and deadline in turn, 0 for none. The first deadline, which stands before, is among them.
fn expiring_listpack(reader: &mut Reader<'_>, limits: &Limits) -> Result<Option<Loaded<'static>>, Corrupt> {
    reader.read_u64()?;
    let pack = read_listpack(reader)?;
    let mut hash = Hash::default();
    let mut items = pack.iter();
    while let Some(field) = items.next() {
        let value = items.next().ok_or(Corrupt)?;
        let expiry = match items.next() {
            Some(Item::Integer(0)) => FieldExpiry::Never,
            Some(Item::Integer(deadline_ms)) => expiry_at(u64::try_from(deadline_ms).map_err(|_| Corrupt)?)?,
            _ => return Err(Corrupt),
        };
        store(&mut hash, &field.to_vec(), value, expiry, limits)?;
    }
    filled(hash)
}

fn expiry_at(deadline_ms: u64) -> Result<FieldExpiry, Corrupt> {
    if deadline_ms <= i64::MAX as u64 { Ok(FieldExpiry::At(deadline_ms)) } else { Err(Corrupt) }
}

fn scored_members(kind: Kind, reader: &mut Reader<'_>, limits: &Limits) -> Result<Option<Loaded<'static>>, Corrupt> {
    let mut set = SortedSet::default();
    for _ in 0..reader.read_length()? {
        let member = reader.read_string()?;
        let score = if kind == Kind::SortedSet { reader.read_f64()? } else { text_score(reader)? };
        insert(&mut set, &member, score, limits)?;
    }
    filled(set)
}

fn insert(set: &mut SortedSet, member: &[u8], score: f64, limits: &Limits) -> Result<(), Corrupt> {
    if score.is_nan() {
        return Err(Corrupt);
    }
    match set.insert(member, score, limits.sorted_set, limits.hasher) {
        Insertion::Inserted => Ok(()),
        _ => Err(Corrupt),
    }
}

fn text_score(reader: &mut Reader<'_>) -> Result<f64, Corrupt> {
    match reader.read_u8()? {
        NAN => Err(Corrupt),
        INFINITY => Ok(f64::INFINITY),
        MINUS_INFINITY => Ok(f64::NEG_INFINITY),
        length => parse_f64(reader.read_bytes(length.into())?).ok_or(Corrupt),
    }
}

fn packed_scores(kind: Kind, reader: &mut Reader<'_>, limits: &Limits) -> Result<Option<Loaded<'static>>, Corrupt> {
    let pack = match kind {
        Kind::SortedSetListpack => read_listpack(reader)?,
        _ => read_ziplist(&reader.read_string()?)?,
    };
    require_unique(pack.iter().step_by(2))?;
    let mut pairs = Vec::new();
    let mut items = pack.iter();
    while let Some(member) = items.next() {
        let score = match items.next().ok_or(Corrupt)? {
            Item::Integer(score) => score as f64,
            Item::Text(score) => parse_f64(score).filter(|score| !score.is_nan()).ok_or(Corrupt)?,
        };
        pairs.push((member, score));
    }
    let in_order = pairs.is_sorted_by(|(member, score), (next_member, next_score)| {
        score < next_score || score == next_score && member.to_vec() <= next_member.to_vec()
    });
    if in_order && pairs.len() <= limits.sorted_set.entries {
        return filled(SortedSet::Packed(pack));
    }
    let mut set = SortedSet::default();
    for (member, score) in pairs {
        insert(&mut set, &member.to_vec(), score, limits)?;
    }
    filled(set)
}

/// Refuses texts that come twice: a lookup would only find the first.
fn require_unique<'a>(mut items: impl Iterator<Item = Item<'a>>) -> Result<(), Corrupt> {
    let mut seen = BTreeSet::new();
    let is_new = |item: Item<'a>| {
        let text = if let Item::Text(text) = item { Cow::Borrowed(text) } else { Cow::Owned(item.to_vec()) };
        seen.insert(text)
    };
    if items.all(is_new) { Ok(()) } else { Err(Corrupt) }
}
