//! A set: integers as an intset, few short members as a listpack, all else as a hash table.

#[cfg(test)]
mod tests;

use super::limits::SetLimits;
use super::members::Members;
use crate::hash::{KeyHasher, Random};
use crate::keyspace::entry::Entry;
use crate::number::parse_i64;
use crate::structure::intset::{self, Intset};
use crate::structure::listpack::{Item, Listpack};

/// A set of strings.
#[derive(Clone, Debug)]
pub enum Set {
    /// `intset`.
    Integers(Intset),
    /// `listpack`.
    Packed(Listpack),
    /// `hashtable`.
    Table(Box<Members>),
}

impl Default for Set {
    fn default() -> Self {
        Self::Integers(Intset::new())
    }
}

impl Set {
    /// An empty set that stays a hash table, for lookups during one command.
    pub fn table() -> Self {
        Self::Table(Box::default())
    }

    /// An empty set in the encoding that suits a part of another set.
    pub fn for_part_of(whole: &Self) -> Self {
        match whole {
            Self::Integers(_) => Self::default(),
            Self::Packed(_) | Self::Table(_) => Self::Packed(Listpack::new()),
        }
    }

    /// Chooses the encoding before `count` members are added, the first of them known, so that many members need no
    /// conversion on the way.
    #[inline]
    pub fn expect_members(&mut self, first: &[u8], count: usize, limits: SetLimits, hasher: KeyHasher) {
        match self {
            Self::Table(_) => {}
            Self::Packed(_) if count <= limits.pack.entries => {}
            Self::Integers(set) if set.is_empty() => {
                if count > limits.intset_entries || parse_i64(first).is_none() {
                    let packs = count <= limits.pack.entries;
                    *self = if packs { Self::Packed(Listpack::new()) } else { Self::table() };
                }
            }
            Self::Integers(_) if count <= limits.intset_entries => {}
            _ => {
                self.make_table(hasher);
            }
        }
    }

    /// Adds a member and says whether it is new.
    #[inline]
    pub fn add(&mut self, member: &[u8], limits: SetLimits, hasher: KeyHasher) -> bool {
        match self {
            Self::Table(members) => members.add(member, hasher),
            Self::Packed(pack) => {
                if pack.find(pack.first(), member, 0).is_some() {
                    return false;
                }
                let item = Item::from(member);
                if pack.len() < limits.pack.entries
                    && member.len() <= limits.pack.value_bytes
                    && pack.fits(item.entry_bytes())
                {
                    pack.push_back(item);
                    return true;
                }
                self.make_table(hasher).add(member, hasher)
            }
            Self::Integers(set) => match parse_i64(member) {
                Some(integer) => {
                    let is_new = set.add(integer);
                    if is_new && set.len() > limits.intset_entries.min(intset::MAX_MEMBERS - 1) {
                        self.make_table(hasher);
                    }
                    is_new
                }
                None => self.add_text_to_integers(member, limits, hasher),
            },
        }
    }

    /// Adds an element of another set and says whether it is new.
    pub fn add_item(&mut self, item: Item<'_>, limits: SetLimits, hasher: KeyHasher) -> bool {
        with_text(item, |text| self.add(text, limits, hasher))
    }

    /// Takes out a member and says whether it was there.
    pub fn remove(&mut self, member: &[u8], hasher: KeyHasher) -> bool {
        match self {
            Self::Integers(set) => parse_i64(member).is_some_and(|integer| set.remove(integer)),
            Self::Packed(pack) => {
                let found = pack.find(pack.first(), member, 0);
                found.inspect(|at| pack.remove(*at)).is_some()
            }
            Self::Table(members) => members.remove(member, hasher).is_some(),
        }
    }

    /// Takes out a member chosen by the random number `random`, after showing it. Nothing happens in an empty set.
    #[inline]
    pub fn pop(&mut self, random: u64, hasher: KeyHasher, show: impl FnOnce(Item<'_>)) {
        match self {
            Self::Integers(set) => {
                if let Some(integer) = set.get(scale(random, set.len())) {
                    show(Item::Integer(integer));
                    set.remove(integer);
                }
            }
            Self::Packed(pack) => {
                let place = scale(random, pack.len());
                if let Some(at) = pack.seek(place) {
                    show(pack.item(at).expect("an entry was found there"));
                    pack.remove(at);
                }
            }
            Self::Table(members) => {
                if let Some(entry) = members.take_random(random, hasher) {
                    show(Item::Text(entry.key()));
                }
            }
        }
    }

    /// Takes out `count` random members, fewer than there are, and shows each.
    pub fn pop_many(
        &mut self,
        count: usize,
        random: &mut Random,
        limits: SetLimits,
        hasher: KeyHasher,
        mut show: impl FnMut(Item<'_>),
    ) {
        /// When a hash table keeps fewer than this part of what is taken out, it is cheaper to build it anew.
        const KEPT_PART: usize = 5;
        let kept = self.len().saturating_sub(count);
        let is_table = matches!(self, Self::Table(_));
        let is_walked = matches!(self, Self::Table(members) if members.walk_number().is_some());
        if is_walked || is_table && kept > count / KEPT_PART {
            (0..count).for_each(|_| self.pop(random.next_u64(), hasher, &mut show));
            return;
        }
        // A part of a compact encoding stays as it is, whatever the limits are now.
        let limits = if is_table { limits } else { SetLimits::NONE };
        let mut rest = Self::for_part_of(self);
        let mut choice = Choice::new(count, self.len());
        self.iter().for_each(|item| {
            if choice.takes(random) {
                show(item);
            } else {
                rest.push_new(item, limits, hasher);
            }
        });
        *self = rest;
    }

    /// Becomes an intset if that is what Redis makes of a result of integers only.
    pub fn prefer_integers(&mut self, limits: SetLimits) {
        if matches!(self, Self::Integers(_)) || self.len() > limits.intset_entries {
            return;
        }
        let mut integers = Intset::new();
        let is_whole = self.iter().all(|item| {
            let integer = integer_of(item);
            integer.into_iter().for_each(|integer| {
                integers.add(integer);
            });
            integer.is_some()
        });
        if is_whole {
            *self = Self::Integers(integers);
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(set) => set.len(),
            Self::Packed(pack) => pack.len(),
            Self::Table(members) => members.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Integers(set) => set.is_empty(),
            Self::Packed(pack) => pack.is_empty(),
            Self::Table(members) => members.is_empty(),
        }
    }

    /// Whether a member is there.
    #[inline]
    pub fn contains(&self, member: &[u8], hasher: KeyHasher) -> bool {
        match self {
            Self::Integers(set) => parse_i64(member).is_some_and(|integer| set.contains(integer)),
            Self::Packed(pack) => pack.find(pack.first(), member, 0).is_some(),
            Self::Table(members) => members.find(member, hasher).is_some(),
        }
    }

    /// Whether an element of another set is there.
    pub fn contains_item(&self, item: Item<'_>, hasher: KeyHasher) -> bool {
        match (self, item) {
            (Self::Integers(set), Item::Integer(integer)) => set.contains(integer),
            _ => with_text(item, |text| self.contains(text, hasher)),
        }
    }

    /// A member chosen by a random number: all are about equally likely.
    pub fn random(&self, random: u64) -> Option<Item<'_>> {
        match self {
            Self::Integers(set) => set.get(scale(random, set.len())).map(Item::Integer),
            Self::Packed(pack) => pack.get(scale(random, pack.len())),
            Self::Table(members) => members.table().random(random).map(name_of),
        }
    }

    /// All members: integers ascending, members of a listpack in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        let (integers, pack, members) = match self {
            Self::Integers(set) => (Some(set), None, None),
            Self::Packed(pack) => (None, Some(pack), None),
            Self::Table(members) => (None, None, Some(members)),
        };
        let integers = integers.into_iter().flat_map(Intset::iter).map(Item::Integer);
        let packed = pack.into_iter().flat_map(Listpack::iter);
        let members = members.into_iter().flat_map(|members| members.table().iter()).map(name_of);
        integers.chain(packed).chain(members)
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Integers(_) => "intset",
            Self::Packed(_) => "listpack",
            Self::Table(_) => "hashtable",
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Integers(set) => set.heap_bytes(),
            Self::Packed(pack) => pack.heap_bytes(),
            Self::Table(members) => size_of::<Members>() + members.heap_bytes(),
        }
    }

    /// Adds a member that is no integer to an intset, which becomes a listpack or a hash table.
    fn add_text_to_integers(&mut self, member: &[u8], limits: SetLimits, hasher: KeyHasher) -> bool {
        let Self::Integers(set) = self else { unreachable!("the encoding was matched before") };
        let digits = |integer: Option<i64>| integer.map_or(0, |it| itoa::Buffer::new().format(it).len());
        let longest = digits(set.first()).max(digits(set.last())).max(member.len());
        if set.len() >= limits.pack.entries || longest > limits.pack.value_bytes {
            return self.make_table(hasher).add(member, hasher);
        }
        let mut pack = Listpack::new();
        set.iter().for_each(|integer| pack.push_back(integer));
        if !pack.fits(Item::Text(member).entry_bytes()) {
            return self.make_table(hasher).add(member, hasher);
        }
        pack.push_back(Item::Text(member));
        *self = Self::Packed(pack);
        true
    }

    /// Adds a member that is known to be new: no look for it in a listpack.
    fn push_new(&mut self, item: Item<'_>, limits: SetLimits, hasher: KeyHasher) {
        if let Self::Packed(pack) = self
            && let Item::Text(text) = item
            && pack.len() < limits.pack.entries
            && text.len() <= limits.pack.value_bytes
            && pack.fits(item.entry_bytes())
        {
            pack.push_back(Item::from(text));
        } else {
            self.add_item(item, limits, hasher);
        }
    }

    /// Becomes a hash table.
    fn make_table(&mut self, hasher: KeyHasher) -> &mut Members {
        if !matches!(self, Self::Table(_)) {
            let mut members = Members::default();
            self.iter().for_each(|item| {
                with_text(item, |text| members.add(text, hasher));
            });
            *self = Self::Table(Box::new(members));
        }
        let Self::Table(members) = self else { unreachable!("it was made a table above") };
        members
    }
}

/// Draws a given number of elements from a walk over a known number: every choice is equally likely.
#[derive(Debug)]
pub struct Choice {
    wanted: usize,
    left: usize,
}

impl Choice {
    /// A choice of `wanted` among `all` elements.
    pub fn new(wanted: usize, all: usize) -> Self {
        Self { wanted, left: all }
    }

    /// Whether the next element of the walk is taken.
    pub fn takes(&mut self, random: &mut Random) -> bool {
        let takes = scale(random.next_u64(), self.left) < self.wanted;
        self.left = self.left.saturating_sub(1);
        self.wanted -= usize::from(takes);
        takes
    }
}

/// Calls with the text of an element.
pub fn with_text<R>(item: Item<'_>, run: impl FnOnce(&[u8]) -> R) -> R {
    match item {
        Item::Integer(integer) => run(itoa::Buffer::new().format(integer).as_bytes()),
        Item::Text(text) => run(text),
    }
}

/// An element as an integer, if it is the text of one.
fn integer_of(item: Item<'_>) -> Option<i64> {
    match item {
        Item::Integer(integer) => Some(integer),
        Item::Text(text) => parse_i64(text),
    }
}

fn name_of(entry: &Entry) -> Item<'_> {
    Item::Text(entry.key())
}

/// A number below `bound` in proportion to a random number; 0 if there is none below it.
pub fn scale(random: u64, bound: usize) -> usize {
    ((u128::from(random) * bound as u128) >> u64::BITS) as usize
}
