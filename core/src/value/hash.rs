//! A hash: few short fields as a listpack of fields and values in turn, all else as a hash table.

use super::members::Members;
use crate::structure::listpack::Listpack;

/// Fields with values, and expiries of their own.
#[derive(Clone, Debug)]
pub enum Hash {
    /// `listpack`: field, value, field, value. No field has an expiry.
    Packed(Listpack),
    /// `hashtable`.
    Table(Box<Members>),
}

impl Default for Hash {
    fn default() -> Self {
        Self::Packed(Listpack::new())
    }
}

impl Hash {
    /// How many fields there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.len() / 2,
            Self::Table(members) => members.len(),
        }
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
}
