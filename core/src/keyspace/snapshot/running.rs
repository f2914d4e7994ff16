//! What a snapshot that is being taken knows, and how it writes entries: whole, or piece by piece.

use std::fmt;

use super::Progress;
use crate::hash::KeyHasher;
use crate::keyspace::discard::LARGE_BYTES;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::object::{Element, Object};
use crate::keyspace::table::Table;
use crate::rdb::{Form, Pieces, write_before_elements, write_before_value, write_database, write_element, write_entry};

/// No entry is smaller in an RDB file, so a walk over entries that need not be written ends as well.
const LEAST_ENTRY_BYTES: usize = 4;

/// Entries on their way to the file.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    /// Database that the last entry belongs to.
    db: Option<u16>,
}

impl Stream {
    /// Goes on with entries of a database.
    fn select(&mut self, origin: u16) -> &mut Vec<u8> {
        if self.db != Some(origin) {
            write_database(origin, &mut self.bytes);
            self.db = Some(origin);
        }
        &mut self.bytes
    }
}

/// What one slice writes, and how much it may.
pub(super) struct Slice<'o> {
    stream: Stream,
    out: &'o mut Vec<u8>,
    full_bytes: usize,
    /// How many more entries may be looked at.
    looks: usize,
    hasher: KeyHasher,
    epoch: bool,
    /// A long string whose key is the last thing written. Nothing may follow in this slice.
    text: Option<Vec<u8>>,
}

impl<'o> Slice<'o> {
    pub(super) fn new(budget_bytes: usize, hasher: KeyHasher, epoch: bool, out: &'o mut Vec<u8>) -> Self {
        let stream = Stream { bytes: std::mem::take(out), db: None };
        let full_bytes = stream.bytes.len().saturating_add(budget_bytes);
        Self { stream, out, full_bytes, looks: budget_bytes / LEAST_ENTRY_BYTES, hasher, epoch, text: None }
    }

    fn looked_at(&mut self, entries: usize) {
        self.looks = self.looks.saturating_sub(entries);
    }

    /// The long string that the slice ends with.
    pub(super) fn take_text(&mut self) -> Option<Vec<u8>> {
        self.text.take()
    }

    fn has_room(&self) -> bool {
        self.text.is_none() && self.looks > 0 && self.stream.bytes.len() < self.full_bytes
    }
}

impl Drop for Slice<'_> {
    fn drop(&mut self) {
        *self.out = std::mem::take(&mut self.stream.bytes);
    }
}

/// How a value that is written piece by piece begins and ends.
struct Beginning {
    bytes: Vec<u8>,
    pieces: Pieces,
}

/// The value of which the file has a part.
enum Open {
    Nothing,
    /// Its walk goes on.
    Value {
        number: u32,
        pieces: Pieces,
        /// The database it is in, unless it was removed.
        db: Option<u16>,
    },
    /// What is left of it.
    Rest(Vec<u8>),
}

/// A snapshot that is being taken.
pub(in crate::keyspace) struct Running {
    form: Form,
    /// Entries that were written before they changed.
    waiting: Stream,
    /// As `waiting`, for long strings: database, what stands before the string, and the string.
    texts: Vec<(u16, Vec<u8>, Vec<u8>)>,
    /// For each database, the number it had when the snapshot began: SWAPDB exchanges them.
    origins: Vec<u16>,
    /// For each database, where the walk goes on; `None` when it is over.
    cursors: Vec<Option<u64>>,
    /// Databases that were emptied: their entries with the number of the database.
    emptied: Vec<(u16, Box<dyn Iterator<Item = Entry> + Send>)>,
    /// How values begin that are being walked over and have not been opened, by the numbers of their walks.
    begun: Vec<Option<Beginning>>,
    /// Entries that were removed while their values were being walked over, with the numbers of their databases.
    removed: Vec<(u16, Entry)>,
    open: Open,
    /// Nobody wants the bytes any more, but the walk must come to its end.
    is_discarded: bool,
    /// A value that is being walked over is nowhere.
    is_lost: bool,
}

impl fmt::Debug for Running {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Running").field("cursors", &self.cursors).finish_non_exhaustive()
    }
}

/// What happens to the keyspace while the snapshot is being taken.
impl Running {
    pub(super) fn new(form: Form, databases: u16) -> Self {
        Self {
            form,
            waiting: Stream::default(),
            texts: Vec::new(),
            origins: (0..databases).collect(),
            cursors: vec![Some(0); databases.into()],
            emptied: Vec::new(),
            begun: Vec::new(),
            removed: Vec::new(),
            open: Open::Nothing,
            is_discarded: false,
            is_lost: false,
        }
    }

    pub(super) fn discard(&mut self) {
        self.is_discarded = true;
        self.waiting = Stream::default();
        self.texts = Vec::new();
        if matches!(self.open, Open::Rest(_)) {
            self.open = Open::Nothing;
        }
    }

    /// Begins to walk over the value of an entry that will change, if that is large. Answers whether it is being walked
    /// over.
    pub(super) fn begin(&mut self, entry: &mut Entry) -> bool {
        let number = self.begun.len() as u32;
        let Some(object) = entry.object_mut() else { return false };
        if object.walk_number().is_some() {
            return true;
        }
        if self.is_discarded || object.heap_bytes() < LARGE_BYTES || !object.begin_walk(number) {
            return false;
        }
        let mut bytes = Vec::new();
        let pieces = write_before_elements(entry, &self.form, &mut bytes);
        self.begun.push(Some(Beginning { bytes, pieces }));
        true
    }

    /// Writes an entry of a database, numbered as now.
    pub(super) fn write(&mut self, db: u16, entry: &Entry) {
        let origin = self.origins[usize::from(db)];
        match long_text(entry) {
            _ if self.is_discarded => {}
            None => write_entry(entry, &self.form, self.waiting.select(origin)),
            Some(text) => {
                let mut before = Vec::new();
                write_before_value(entry, &self.form, &mut before);
                self.texts.push((origin, before, text.to_vec()));
            }
        }
    }

    /// Writes an entry into the slice.
    fn write_here(&self, origin: u16, entry: &Entry, slice: &mut Slice<'_>) {
        match long_text(entry) {
            _ if self.is_discarded => {}
            None => write_entry(entry, &self.form, slice.stream.select(origin)),
            Some(text) => {
                write_before_value(entry, &self.form, slice.stream.select(origin));
                slice.text = Some(text.to_vec());
            }
        }
    }

    /// As [`Running::write`], with what is left of it if it is being walked over.
    pub(super) fn write_all(&mut self, db: u16, entry: &mut Entry, hasher: KeyHasher) {
        let Some(object) = entry.object_mut() else { return self.write(db, entry) };
        let Some(number) = object.walk_number() else { return self.write(db, entry) };
        let mut bytes = Vec::new();
        if let Some(Beginning { bytes: beginning, pieces }) = self.beginning_of(number) {
            bytes = beginning;
            self.write_rest(object, &pieces, hasher, &mut bytes);
            let origin = self.origins[usize::from(db)];
            if !self.is_discarded {
                self.waiting.select(origin).append(&mut bytes);
            }
        } else if let Open::Value { pieces, .. } = std::mem::replace(&mut self.open, Open::Nothing) {
            self.write_rest(object, &pieces, hasher, &mut bytes);
            if !self.is_discarded {
                self.open = Open::Rest(bytes);
            }
        }
    }

    fn write_rest(&self, object: &mut Object, pieces: &Pieces, hasher: KeyHasher, out: &mut Vec<u8>) {
        object.walk(usize::MAX, hasher, &mut |element| {
            if !self.is_discarded {
                write_element(element, pieces, &self.form, out);
            }
            true
        });
        out.extend_from_slice(pieces.after());
    }

    /// Takes a removed entry if it is being walked over.
    pub(super) fn unless_walked(&mut self, db: u16, entry: Entry) -> Option<Entry> {
        let Some(number) = walk_number(&entry) else { return Some(entry) };
        if let Open::Value { number: open, db, .. } = &mut self.open
            && *open == number
        {
            *db = None;
        }
        self.removed.push((self.origins[usize::from(db)], entry));
        None
    }

    /// As a change and [`Running::unless_walked`] in one, for an entry that expires.
    pub(in crate::keyspace) fn expire(&mut self, db: u16, mut entry: Entry) -> Option<Entry> {
        if self.begin(&mut entry) {
            return self.unless_walked(db, entry);
        }
        self.write(db, &entry);
        Some(entry)
    }

    /// Two databases change places.
    pub(in crate::keyspace) fn swap(&mut self, one: u16, other: u16) {
        self.origins.swap(one.into(), other.into());
        self.cursors.swap(one.into(), other.into());
        if let Open::Value { db: Some(db), .. } = &mut self.open {
            *db = match *db {
                db if db == one => other,
                db if db == other => one,
                db => db,
            };
        }
    }

    /// Takes over the entries of a database that is emptied.
    pub(in crate::keyspace) fn take_emptied(&mut self, db: u16, table: &mut Table<Entry>, hasher: KeyHasher) {
        let Some(from) = self.cursors[usize::from(db)] else { return };
        if let Open::Value { number, db: Some(open), .. } = self.open
            && open == db
        {
            visit_walked(table, from, number, hasher, &mut |entry| {
                self.write_all(db, entry, hasher);
                entry.set_epoch(!entry.epoch());
            });
        }
        self.emptied.push((self.origins[usize::from(db)], Box::new(table.take_all())));
    }
}

/// The parts of a slice, in their order.
impl Running {
    /// Goes on with the value that is open.
    pub(super) fn go_on(&mut self, databases: &mut [Table<Entry>], slice: &mut Slice<'_>) {
        match &mut self.open {
            // What was removed has its turn below.
            Open::Nothing | Open::Value { db: None, .. } => {}
            Open::Rest(bytes) => {
                slice.stream.bytes.append(bytes);
                self.open = Open::Nothing;
            }
            &mut Open::Value { number, db: Some(db), .. } => {
                let from = self.cursors[usize::from(db)].unwrap_or(0);
                let table = &mut databases[usize::from(db)];
                let (hasher, epoch) = (slice.hasher, slice.epoch);
                let is_there = visit_walked(table, from, number, hasher, &mut |entry| {
                    if entry.object_mut().is_none_or(|object| self.walk(object, slice)) {
                        entry.set_epoch(epoch);
                    }
                });
                if !is_there {
                    self.lost();
                }
            }
        }
    }

    /// Writes what was written before it changed.
    pub(super) fn write_waiting(&mut self, slice: &mut Slice<'_>) {
        if matches!(self.open, Open::Nothing) {
            slice.stream.bytes.append(&mut self.waiting.bytes);
            (slice.stream.db, self.waiting.db) = (None, None);
            if let Some((origin, before, text)) = self.texts.pop() {
                slice.stream.select(origin).extend_from_slice(&before);
                slice.text = Some(text);
            }
        }
    }

    /// Writes entries that were removed while they were being walked over.
    pub(super) fn write_removed(&mut self, slice: &mut Slice<'_>, mut done: impl FnMut(Entry)) {
        if let Open::Value { number, db: None, .. } = self.open {
            let Some(place) = self.removed.iter().position(|(_, entry)| walk_number(entry) == Some(number)) else {
                return self.lost();
            };
            let last = self.removed.len() - 1;
            self.removed.swap(place, last);
        }
        while !matches!(self.open, Open::Value { db: Some(_), .. })
            && slice.has_room()
            && let Some((origin, mut entry)) = self.removed.pop()
        {
            let is_open = matches!(self.open, Open::Value { .. });
            let object = entry.object_mut().expect("it is walked over");
            if !is_open {
                self.open(object, origin, None, slice);
            }
            if self.walk(object, slice) {
                done(entry);
            } else {
                return self.removed.push((origin, entry));
            }
        }
    }

    /// Writes entries of databases that were emptied.
    pub(super) fn write_emptied(&mut self, slice: &mut Slice<'_>) {
        while matches!(self.open, Open::Nothing)
            && slice.has_room()
            && let Some((origin, mut entries)) = self.emptied.pop()
        {
            while slice.has_room() {
                let Some(mut entry) = entries.next() else { break };
                slice.looked_at(1);
                // What has the shard's bit was written, or came after the beginning.
                if entry.epoch() == slice.epoch {
                    continue;
                }
                if self.begin(&mut entry) {
                    self.removed.push((origin, entry));
                } else {
                    self.write_here(origin, &entry, slice);
                }
            }
            if !slice.has_room() {
                self.emptied.push((origin, entries));
            }
        }
    }

    /// Walks over the entries that are where they were.
    pub(super) fn write_tables(&mut self, databases: &mut [Table<Entry>], slice: &mut Slice<'_>) {
        let (hasher, epoch) = (slice.hasher, slice.epoch);
        for (db, table) in (0..).zip(databases) {
            while let Some(from) = self.cursors[usize::from(db)]
                && matches!(self.open, Open::Nothing)
                && slice.has_room()
            {
                let mut is_done = true;
                let next = table.scan_mut(from, &|key| hasher.hash(key), &mut |entry| {
                    slice.looked_at(1);
                    if entry.epoch() == epoch {
                        return;
                    }
                    // Behind a long string, or a part of a value, nothing may stand.
                    let is_closed = slice.text.is_none() && matches!(self.open, Open::Nothing);
                    if is_closed && self.write_in_slice(db, entry, slice) {
                        entry.set_epoch(epoch);
                    } else {
                        is_done = false;
                    }
                });
                if is_done {
                    self.cursors[usize::from(db)] = next;
                }
            }
        }
    }

    /// Writes an entry, or as much of it as there is room for. Answers whether that was all.
    fn write_in_slice(&mut self, db: u16, entry: &mut Entry, slice: &mut Slice<'_>) -> bool {
        let origin = self.origins[usize::from(db)];
        if self.begin(entry) {
            let object = entry.object_mut().expect("it is walked over");
            self.open(object, origin, Some(db), slice);
            return self.walk(object, slice);
        }
        self.write_here(origin, entry, slice);
        true
    }

    /// Writes the beginning of a value.
    fn open(&mut self, object: &Object, origin: u16, db: Option<u16>, slice: &mut Slice<'_>) {
        let number = object.walk_number().expect("it is walked over");
        let Some(beginning) = self.beginning_of(number) else { return self.lost() };
        if !self.is_discarded {
            slice.stream.select(origin).extend_from_slice(&beginning.bytes);
        }
        self.open = Open::Value { number, pieces: beginning.pieces, db };
    }

    /// Goes on with a value that is open. Answers whether it came to its end.
    fn walk(&mut self, object: &mut Object, slice: &mut Slice<'_>) -> bool {
        let open = std::mem::replace(&mut self.open, Open::Nothing);
        let Open::Value { pieces, .. } = &open else { return true };
        let has_more = object.walk(slice.looks, slice.hasher, &mut |element| {
            // What has several elements is as much work as its bytes.
            slice.looked_at(match element {
                Element::Chunk(chunk) => chunk.bytes().len() / LEAST_ENTRY_BYTES,
                Element::Run(run) => run.len_bytes() / LEAST_ENTRY_BYTES,
                Element::Entry(_) | Element::Scored(..) => 1,
            });
            if !self.is_discarded {
                write_element(element, pieces, &self.form, &mut slice.stream.bytes);
            }
            slice.has_room()
        });
        if has_more {
            self.open = open;
        } else if !self.is_discarded {
            slice.stream.bytes.extend_from_slice(pieces.after());
        }
        !has_more
    }

    fn beginning_of(&mut self, number: u32) -> Option<Beginning> {
        self.begun.get_mut(number as usize)?.take()
    }

    fn lost(&mut self) {
        debug_assert!(false, "a value that is walked over must be found");
        self.is_lost = true;
        self.open = Open::Nothing;
        self.discard();
    }

    pub(super) fn progress(&self) -> Progress {
        match self.open {
            Open::Value { .. } | Open::Rest(_) => Progress::WithinValue,
            Open::Nothing
                if !self.texts.is_empty()
                    || !self.waiting.bytes.is_empty()
                    || !self.emptied.is_empty()
                    || !self.removed.is_empty() =>
            {
                Progress::More
            }
            Open::Nothing if self.cursors.iter().any(Option::is_some) => Progress::More,
            Open::Nothing => Progress::Over { is_whole: !self.is_lost && self.begun.iter().all(Option::is_none) },
        }
    }
}

/// The value of an entry, if it is a string that takes long to compress.
fn long_text(entry: &Entry) -> Option<&[u8]> {
    match entry.value() {
        Value::Bytes(text) if text.len() >= LARGE_BYTES => Some(text),
        Value::Object(Object::Raw(text)) if text.len() >= LARGE_BYTES => Some(text),
        _ => None,
    }
}

fn walk_number(entry: &Entry) -> Option<u32> {
    match entry.value() {
        Value::Object(object) => object.walk_number(),
        _ => None,
    }
}

/// Visits the entry of a table whose value is walked over with this number, at a place of the table's hash order or
/// behind it: the table may have grown. Answers whether it was there.
fn visit_walked(
    table: &mut Table<Entry>,
    from: u64,
    number: u32,
    hasher: KeyHasher,
    visit: &mut dyn FnMut(&mut Entry),
) -> bool {
    let (mut next, mut is_there) = (Some(from), false);
    while let Some(from) = next.filter(|_| !is_there) {
        next = table.scan_mut(from, &|key| hasher.hash(key), &mut |entry| {
            if !is_there && walk_number(entry) == Some(number) {
                is_there = true;
                visit(entry);
            }
        });
    }
    is_there
}
