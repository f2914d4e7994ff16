//! Writing values.

use super::{Compression, Kind, stream, write_before_value};
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::object::{Element, Object};
use crate::keyspace::table::Table;
use crate::number::write_i64;
use crate::settings::Settings;
use crate::structure::chunked_list::Chunk;
use crate::structure::listpack::Item;
use crate::structure::rdb::length::{write_length, write_string_as};
use crate::structure::sorted_set::SortedSet as Tree;
use crate::structure::stream::NodeLimits;
use crate::value::{Hash, List, Members, Set, SortedSet, element_of};

/// The container kind of a list's listpack.
const PACKED_CONTAINER: u64 = 2;

/// The form that values are written in.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// 10 for Redis 7.0, 11 for 7.2.
    pub version: u16,
    /// Whether long strings are compressed.
    pub compression: Compression,
    /// The size of a stream's nodes.
    pub nodes: NodeLimits,
}

impl Form {
    /// The form that the settings ask for.
    pub fn new(settings: &Settings) -> Self {
        Self {
            version: settings.rdb_version,
            compression: if settings.rdbcompression { Compression::On } else { Compression::Off },
            nodes: settings.stream_limits(),
        }
    }
}

/// Appends a value as this kind, without the byte that names the kind.
pub fn write_value(value: Value<'_>, kind: Kind, form: &Form, out: &mut Vec<u8>) {
    let mut writer = Writer { out, compression: form.compression, digits: Vec::new() };
    match value {
        Value::Integer(integer) => writer.item(Item::Integer(integer)),
        Value::Bytes(bytes) => writer.text(bytes),
        Value::Object(Object::Raw(bytes)) => writer.text(bytes),
        Value::Object(Object::List(list)) => writer.list(list),
        Value::Object(Object::Set(set)) => writer.set(set, kind),
        Value::Object(Object::Hash(hash)) => writer.hash(hash),
        Value::Object(Object::SortedSet(set)) => writer.sorted_set(set),
        Value::Object(Object::Stream(stream)) => stream::write(stream, kind, form.nodes, &mut writer),
    }
}

/// How a value that is written piece by piece goes on behind its beginning.
#[derive(Debug)]
pub struct Pieces {
    kind: Kind,
    /// What the deadlines of a hash's fields are counted from.
    first_ms: u64,
    after: Vec<u8>,
}

impl Pieces {
    /// What stands behind the elements.
    pub fn after(&self) -> &[u8] {
        &self.after
    }
}

/// Appends what stands before the elements of a key with a large collection. Each of them is to follow
/// with [`write_element`], in the order of a walk, and then [`Pieces::after`].
pub fn write_before_elements(entry: &Entry, form: &Form, out: &mut Vec<u8>) -> Pieces {
    let kind = write_before_value(entry, form, out);
    let mut after = Vec::new();
    let object = if let Value::Object(object) = entry.value() { Some(object) } else { None };
    let members = object.and_then(Object::members);
    // No deadline is before this one, and looking for the first would take long.
    let first_ms = members.and_then(Table::next_deadline).unwrap_or(0);
    if kind == Kind::HashExpiring {
        out.extend_from_slice(&first_ms.to_le_bytes());
    }
    let elements = match object {
        Some(Object::List(List::Chunked(list))) => list.chunks().len(),
        Some(Object::SortedSet(set)) => set.len(),
        Some(Object::Stream(stream)) => {
            let mut writer = Writer { out: &mut after, compression: form.compression, digits: Vec::new() };
            stream::write_state(stream, kind, &mut writer);
            stream.log().nodes_len()
        }
        _ => members.map_or(0, Table::len),
    };
    write_length(out, elements as u64);
    Pieces { kind, first_ms, after }
}

/// Appends an element of a value whose beginning was written.
pub fn write_element(element: Element<'_>, pieces: &Pieces, form: &Form, out: &mut Vec<u8>) {
    let mut writer = Writer { out, compression: form.compression, digits: Vec::new() };
    match element {
        Element::Chunk(chunk) => writer.chunk(chunk),
        Element::Scored(member, score) => writer.scored(member, score),
        Element::Run(run) => stream::write_run(run, &mut writer),
        Element::Entry(member) if pieces.kind == Kind::Set => writer.text(key_of(member)),
        Element::Entry(field) if pieces.kind == Kind::HashExpiring => writer.expiring_field(field, pieces.first_ms),
        Element::Entry(field) => writer.field(field),
    }
}

/// Where a value goes.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    compression: Compression,
    /// The text of an integer, while it is needed.
    digits: Vec<u8>,
}

impl Writer<'_> {
    pub(super) fn length(&mut self, length: u64) {
        write_length(self.out, length);
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        write_string_as(self.out, text, self.compression);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Text(text) => self.text(text),
            Item::Integer(integer) => {
                self.digits.clear();
                write_i64(&mut self.digits, integer);
                write_string_as(self.out, &self.digits, self.compression);
            }
        }
    }

    fn list(&mut self, list: &List) {
        match list {
            List::Packed(pack) => {
                self.length(1);
                self.length(PACKED_CONTAINER);
                self.text(pack.bytes());
            }
            List::Chunked(list) => {
                let chunks = list.chunks();
                self.length(chunks.len() as u64);
                chunks.for_each(|chunk| self.chunk(chunk));
            }
        }
    }

    fn chunk(&mut self, chunk: &Chunk) {
        self.length(chunk.container().into());
        self.text(chunk.bytes());
    }

    fn set(&mut self, set: &Set, kind: Kind) {
        match set {
            Set::Integers(set) => self.text(set.bytes()),
            Set::Packed(pack) if kind == Kind::SetListpack => self.text(pack.bytes()),
            Set::Packed(pack) => {
                self.length(pack.len() as u64);
                pack.iter().for_each(|member| self.item(member));
            }
            Set::Table(members) => {
                self.length(members.len() as u64);
                members.table().iter().for_each(|member| self.text(key_of(member)));
            }
        }
    }

    fn hash(&mut self, hash: &Hash) {
        match hash {
            Hash::Packed(pack) => self.text(pack.bytes()),
            Hash::Table(members) if members.table().deadlines() > 0 => self.expiring_fields(members),
            Hash::Table(members) => {
                self.length(members.len() as u64);
                members.table().iter().for_each(|field| self.field(field));
            }
        }
    }

    fn field(&mut self, field: &Entry) {
        self.text(key_of(field));
        self.item(element_of(field));
    }

    /// The first deadline, then each field behind the milliseconds from there to its own and one more, 0 for none.
    fn expiring_fields(&mut self, members: &Members) {
        let deadlines = members.table().iter().filter_map(Entry::deadline_ms);
        let first_ms = deadlines.min().unwrap_or(0);
        self.bytes(&first_ms.to_le_bytes());
        self.length(members.len() as u64);
        members.table().iter().for_each(|field| self.expiring_field(field, first_ms));
    }

    fn expiring_field(&mut self, field: &Entry, first_ms: u64) {
        self.length(field.deadline_ms().map_or(0, |deadline_ms| deadline_ms - first_ms + 1));
        self.field(field);
    }

    fn sorted_set(&mut self, set: &SortedSet) {
        match set {
            SortedSet::Packed(pack) => self.text(pack.bytes()),
            SortedSet::Tree(tree) => self.scored_members(tree),
        }
    }

    /// The highest score first, as Redis writes them: its reader adds at the front.
    fn scored_members(&mut self, tree: &Tree) {
        self.length(tree.len() as u64);
        tree.iter().rev().for_each(|(member, score)| self.scored(member, score));
    }

    fn scored(&mut self, member: &[u8], score: f64) {
        self.text(member);
        self.bytes(&score.to_le_bytes());
    }
}

fn key_of(entry: &Entry) -> &[u8] {
    entry.key()
}
