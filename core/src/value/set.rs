//! A set: integers as an intset, few short members as a listpack, all else as a hash table.

use super::members::Members;
use crate::structure::intset::Intset;
use crate::structure::listpack::Listpack;

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
        self.len() == 0
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
}
