//! A list: one listpack while it is small, a chain of them when it is not.

use crate::structure::chunked_list::ChunkedList;
use crate::structure::listpack::Listpack;

/// A list of strings.
#[derive(Clone, Debug)]
pub enum List {
    /// `listpack`.
    Packed(Listpack),
    /// `quicklist`.
    Chunked(Box<ChunkedList>),
}

impl Default for List {
    fn default() -> Self {
        Self::Packed(Listpack::new())
    }
}

impl List {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.len(),
            Self::Chunked(list) => list.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Chunked(_) => "quicklist",
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.heap_bytes(),
            Self::Chunked(list) => size_of::<ChunkedList>() + list.heap_bytes(),
        }
    }
}
