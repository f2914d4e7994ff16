//! Values that have memory of their own.

use super::entry::Entry;
use super::table::Table;
use crate::hash::KeyHasher;
use crate::structure::chunked_list::Chunk;
use crate::structure::stream::{Run, Stream};
use crate::value::{Hash, List, Set, SortedSet};

/// What a walk comes to.
#[derive(Clone, Copy, Debug)]
pub enum Element<'a> {
    /// Some elements of a list.
    Chunk(&'a Chunk),
    /// A member of a set, or a field of a hash.
    Entry(&'a Entry),
    /// A member of a sorted set, and its score.
    Scored(&'a [u8], f64),
    /// Some entries of a stream.
    Run(Run<'a>),
}

/// A value too large or too lively to stand inside its entry's block. Large variants are boxed, so that small
/// collections stay small.
#[derive(Clone, Debug)]
pub enum Object {
    /// A string with spare capacity, made by commands that grow strings in place.
    Raw(Vec<u8>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A hash.
    Hash(Hash),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A stream.
    Stream(Box<Stream>),
}

impl Object {
    /// Heap bytes of the object, its box included. Constant time: every change asks for it twice.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Raw(bytes) => bytes.capacity(),
                Self::List(list) => list.heap_bytes(),
                Self::Set(set) => set.heap_bytes(),
                Self::Hash(hash) => hash.heap_bytes(),
                Self::SortedSet(set) => set.heap_bytes(),
                Self::Stream(stream) => size_of::<Stream>() + stream.heap_bytes(),
            }
    }

    /// The table of its fields or members, if it has one.
    pub fn members(&self) -> Option<&Table<Entry>> {
        match self {
            Self::Hash(Hash::Table(members)) | Self::Set(Set::Table(members)) => Some(members.table()),
            _ => None,
        }
    }

    /// The number of the walk over its elements, if there is one.
    pub fn walk_number(&self) -> Option<u32> {
        match self {
            Self::List(List::Chunked(list)) => list.walk_number(),
            Self::Set(Set::Table(members)) | Self::Hash(Hash::Table(members)) => members.walk_number(),
            Self::SortedSet(SortedSet::Tree(tree)) => tree.walk_number(),
            Self::Stream(stream) => stream.log().walk_number(),
            _ => None,
        }
    }

    /// Begins a walk over its elements as they are now, in slices between which they may change, and says whether it
    /// can be walked so. There is no walk over it.
    pub fn begin_walk(&mut self, number: u32) -> bool {
        match self {
            Self::List(List::Chunked(list)) => list.begin_walk(number),
            Self::Set(Set::Table(members)) | Self::Hash(Hash::Table(members)) => members.begin_walk(number),
            Self::SortedSet(SortedSet::Tree(tree)) => tree.begin_walk(number),
            Self::Stream(stream) => stream.log_mut().begin_walk(number),
            _ => return false,
        }
        true
    }

    /// Goes on with the walk, to about `limit` elements or until `each` says that it has had enough. Answers whether
    /// there is more to come.
    pub fn walk(&mut self, limit: usize, hasher: KeyHasher, each: &mut dyn FnMut(Element<'_>) -> bool) -> bool {
        match self {
            Self::List(List::Chunked(list)) => list.walk(&mut |chunk| each(Element::Chunk(chunk))),
            Self::Set(Set::Table(members)) | Self::Hash(Hash::Table(members)) => {
                members.walk(limit, hasher, &mut |entry| each(Element::Entry(entry)))
            }
            Self::SortedSet(SortedSet::Tree(tree)) => {
                tree.walk(limit, &mut |member, score| each(Element::Scored(member, score)))
            }
            Self::Stream(stream) => stream.log_mut().walk(&mut |run| each(Element::Run(run))),
            _ => false,
        }
    }

    /// The type name that TYPE answers.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Raw(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Hash(_) => "hash",
            Self::SortedSet(_) => "zset",
            Self::Stream(_) => "stream",
        }
    }

    /// The encoding name that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Raw(_) => "raw",
            Self::List(list) => list.encoding(),
            Self::Set(set) => set.encoding(),
            Self::Hash(hash) => hash.encoding(),
            Self::SortedSet(set) => set.encoding(),
            Self::Stream(_) => "stream",
        }
    }
}

/// A type that a key may hold, other than a string.
pub trait Stored: Default {
    /// Whether a key stays when its value becomes empty.
    const KEEPS_EMPTY: bool = false;

    /// The value, if the object is of this type.
    fn of(object: &Object) -> Option<&Self>;

    /// The value, to be changed, if the object is of this type.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;

    /// The value as an object.
    fn into_object(self) -> Object;

    /// Whether nothing is in it.
    fn is_empty(&self) -> bool;
}

macro_rules! stored {
    ($($type:ident),*) => {$(
        impl Stored for $type {
            fn of(object: &Object) -> Option<&Self> {
                if let Object::$type(value) = object { Some(value) } else { None }
            }

            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                if let Object::$type(value) = object { Some(value) } else { None }
            }

            fn into_object(self) -> Object {
                Object::$type(self)
            }

            fn is_empty(&self) -> bool {
                $type::is_empty(self)
            }
        }
    )*};
}

stored!(List, Set, Hash, SortedSet);

impl Stored for Stream {
    const KEEPS_EMPTY: bool = true;

    fn of(object: &Object) -> Option<&Self> {
        if let Object::Stream(stream) = object { Some(stream) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        if let Object::Stream(stream) = object { Some(stream) } else { None }
    }

    fn into_object(self) -> Object {
        Object::Stream(Box::new(self))
    }

    fn is_empty(&self) -> bool {
        self.log().is_empty()
    }
}
