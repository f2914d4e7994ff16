//! A hash: few short fields as a listpack of fields and values in turn, all else as a hash table.

#[cfg(test)]
mod tests;

use super::limits::PackLimits;
use super::members::{Members, element_of};
use super::set::scale;
use crate::hash::KeyHasher;
use crate::keyspace::entry::NewValue;
use crate::structure::listpack::{Cursor, Item, Listpack};

/// Fields with values, and expiries of their own. All calls bring the same hasher.
#[derive(Clone, Debug)]
pub enum Hash {
    /// `listpack`: field, value, field, value. No field has an expiry.
    Packed(Listpack),
    /// `hashtable`.
    Table(Box<Members>),
}

/// A field, its value, and when it ends in Unix milliseconds.
pub type Field<'a> = (Item<'a>, Item<'a>, Option<u64>);

/// What becomes of the expiry of a field that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldExpiry {
    /// There is none.
    Never,
    /// It stays as it was.
    Keep,
    /// Unix time in milliseconds.
    At(u64),
}

/// Bytes that a listpack adds to a field and its value, at most.
const PAIR_OVERHEAD_BYTES: usize = 32;

impl Default for Hash {
    fn default() -> Self {
        Self::Packed(Listpack::new())
    }
}

impl Hash {
    /// Stores a value under a field, without expiry, and says whether the field is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: PackLimits, hasher: KeyHasher) -> bool {
        self.store(field, Item::from(value), FieldExpiry::Never, limits, hasher)
    }

    /// Stores a value under a field and says whether the field is new.
    pub fn store(
        &mut self,
        field: &[u8],
        value: Item<'_>,
        expiry: FieldExpiry,
        limits: PackLimits,
        hasher: KeyHasher,
    ) -> bool {
        if let Self::Packed(pack) = self {
            let longest = field.len().max(text_bytes(value));
            let has_deadline = matches!(expiry, FieldExpiry::At(_));
            let fits = longest <= limits.value_bytes && pack.fits(2 * longest + PAIR_OVERHEAD_BYTES);
            if fits && !has_deadline {
                let is_new = store_packed(pack, field, value);
                if pack.len() / 2 > limits.entries {
                    self.spread(hasher);
                }
                return is_new;
            }
        }
        let members = self.spread(hasher);
        let deadline_ms = match expiry {
            FieldExpiry::Never => None,
            FieldExpiry::At(deadline_ms) => Some(deadline_ms),
            FieldExpiry::Keep => match members.find(field, hasher) {
                None => None,
                Some(position) => {
                    members.update(position, |entry| entry.set_value(new_value(value)));
                    return false;
                }
            },
        };
        members.insert(field, new_value(value), deadline_ms, hasher)
    }

    /// Takes out a field and says whether it was there.
    pub fn remove(&mut self, field: &[u8], hasher: KeyHasher) -> bool {
        match self {
            Self::Packed(pack) => match find_packed(pack, field) {
                None => false,
                Some(cursor) => pack.remove_range(cursor, 2) > 0,
            },
            Self::Table(members) => members.remove(field, hasher).is_some(),
        }
    }

    /// Sets or clears the expiry of a field and says whether the field exists.
    pub fn set_deadline(&mut self, field: &[u8], deadline_ms: Option<u64>, hasher: KeyHasher) -> bool {
        if let Self::Packed(pack) = self {
            let is_there = find_packed(pack, field).is_some();
            if deadline_ms.is_none() || !is_there {
                return is_there;
            }
        }
        let members = self.spread(hasher);
        let position = members.find(field, hasher);
        if let Some(position) = position {
            members.update(position, |entry| entry.set_deadline(deadline_ms));
        }
        position.is_some()
    }

    /// Takes out fields whose time has come, looking at about `limit` of them, and says whether there may be more. A
    /// field lives through the millisecond of its deadline.
    pub fn remove_due(&mut self, now_ms: u64, limit: usize, hasher: KeyHasher) -> bool {
        match self {
            Self::Packed(_) => false,
            Self::Table(members) => members.remove_due(now_ms, limit, hasher, |_| {}),
        }
    }

    /// Takes the form that suits this many fields at once; names and values together have so many bytes.
    pub fn expect(&mut self, fields: usize, bytes: usize, limits: PackLimits, hasher: KeyHasher) {
        /// What an element takes beside its bytes.
        const FRAME_BYTES: usize = 2;
        match self {
            _ if fields > limits.entries => {
                self.spread(hasher);
            }
            Self::Packed(pack) if pack.is_empty() => pack.reserve(false, bytes + 2 * FRAME_BYTES * fields),
            _ => {}
        }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.len() / 2,
            Self::Table(members) => members.len(),
        }
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Packed(pack) => pack.is_empty(),
            Self::Table(members) => members.is_empty(),
        }
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, field: &[u8], hasher: KeyHasher) -> Option<Item<'_>> {
        match self {
            Self::Packed(pack) => pack.item(pack.next(find_packed(pack, field)?)),
            Self::Table(members) => Some(element_of(members.table().at(members.find(field, hasher)?))),
        }
    }

    /// Whether a field exists.
    pub fn contains(&self, field: &[u8], hasher: KeyHasher) -> bool {
        match self {
            Self::Packed(pack) => find_packed(pack, field).is_some(),
            Self::Table(members) => members.find(field, hasher).is_some(),
        }
    }

    /// When a field ends, Unix time in milliseconds; `None` if there is no such field.
    pub fn deadline_ms(&self, field: &[u8], hasher: KeyHasher) -> Option<Option<u64>> {
        match self {
            Self::Packed(pack) => find_packed(pack, field).map(|_| None),
            Self::Table(members) => Some(members.table().at(members.find(field, hasher)?).deadline_ms()),
        }
    }

    /// When the next field may end, Unix time in milliseconds: never later than the truth.
    #[inline]
    pub fn next_deadline(&self) -> Option<u64> {
        match self {
            Self::Packed(_) => None,
            Self::Table(members) => members.table().next_deadline(),
        }
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        let (pack, members) = match self {
            Self::Packed(pack) => (Some(packed_fields(pack)), None),
            Self::Table(members) => (None, Some(members.table().iter())),
        };
        let spread = members.into_iter().flatten();
        let spread = spread.map(|entry| (Item::Text(entry.key()), element_of(entry), entry.deadline_ms()));
        pack.into_iter().flatten().chain(spread)
    }

    /// A field with its value, chosen by a random number; each is about equally likely.
    pub fn random(&self, random: u64) -> Option<(Item<'_>, Item<'_>)> {
        match self {
            Self::Packed(pack) => {
                let cursor = pack.seek(2 * scale(random, self.len()))?;
                Some((pack.item(cursor)?, pack.item(pack.next(cursor))?))
            }
            Self::Table(members) => {
                members.table().random(random).map(|entry| (Item::Text(entry.key()), element_of(entry)))
            }
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Table(_) => "hashtable",
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.heap_bytes(),
            Self::Table(members) => size_of::<Members>() + members.heap_bytes(),
        }
    }

    /// The hash as a table, made one if it is none.
    fn spread(&mut self, hasher: KeyHasher) -> &mut Members {
        if let Self::Packed(pack) = self {
            let mut members = Members::default();
            let mut name = Vec::new();
            for (field, value, _) in packed_fields(pack) {
                name.clear();
                field.write(&mut name);
                members.insert(&name, new_value(value), None, hasher);
            }
            *self = Self::Table(Box::new(members));
        }
        match self {
            Self::Table(members) => members,
            Self::Packed(_) => unreachable!("it was made a table above"),
        }
    }
}

/// Where a field is.
#[inline]
fn find_packed(pack: &Listpack, field: &[u8]) -> Option<Cursor> {
    pack.find(pack.first(), field, 1)
}

fn store_packed(pack: &mut Listpack, field: &[u8], value: Item<'_>) -> bool {
    match find_packed(pack, field) {
        Some(cursor) => {
            pack.replace(pack.next(cursor), value);
            false
        }
        None => {
            pack.push_back(field);
            pack.push_back(value);
            true
        }
    }
}

fn packed_fields(pack: &Listpack) -> impl Iterator<Item = Field<'_>> {
    let mut items = pack.iter();
    std::iter::from_fn(move || Some((items.next()?, items.next()?, None)))
}

/// A value as a table stores it.
fn new_value(value: Item<'_>) -> NewValue<'_> {
    match value {
        Item::Integer(integer) => NewValue::Integer(integer),
        Item::Text(text) => NewValue::Bytes(text),
    }
}

/// The length of an item's text.
pub(crate) fn text_bytes(item: Item<'_>) -> usize {
    match item {
        Item::Text(text) => text.len(),
        Item::Integer(integer) => {
            let digits = integer.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
            digits + usize::from(integer < 0)
        }
    }
}
