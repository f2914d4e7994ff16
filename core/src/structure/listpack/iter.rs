//! Walks over the items, forwards and backwards.

use super::{Item, encoding};

/// The items of a listpack from some entry to the back.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    entries: &'a [u8],
}

impl<'a> Items<'a> {
    pub(super) fn new(entries: &'a [u8]) -> Self {
        Items { entries }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        let (item, size) = encoding::decode(self.entries)?;
        self.entries = &self.entries[size..];
        Some(item)
    }
}

/// The items of a listpack from some entry to the front.
#[derive(Clone, Debug)]
pub struct ItemsBack<'a> {
    entries: &'a [u8],
}

impl<'a> ItemsBack<'a> {
    pub(super) fn new(entries: &'a [u8]) -> Self {
        ItemsBack { entries }
    }
}

impl<'a> Iterator for ItemsBack<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        let size = encoding::last_entry_size(self.entries)?;
        let (rest, entry) = self.entries.split_at(self.entries.len() - size);
        self.entries = rest;
        Some(encoding::decode(entry)?.0)
    }
}
