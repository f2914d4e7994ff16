//! A sorted set: few short members as a listpack of members and scores in turn, ascending; else an ordered tree with
//! an index.

use crate::structure::listpack::Listpack;
use crate::structure::sorted_set::SortedSet as Tree;

/// Members with scores, ordered by score, then by bytes.
#[derive(Clone, Debug)]
pub enum SortedSet {
    /// `listpack`: member, score, member, score, ascending.
    Packed(Listpack),
    /// `skiplist`, as Redis calls its ordered form; here a tree.
    Tree(Box<Tree>),
}

impl Default for SortedSet {
    fn default() -> Self {
        Self::Packed(Listpack::new())
    }
}

impl SortedSet {
    /// How many members there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.len() / 2,
            Self::Tree(tree) => tree.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Tree(_) => "skiplist",
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.heap_bytes(),
            Self::Tree(tree) => size_of::<Tree>() + tree.heap_bytes(),
        }
    }
}
