//! Values that have memory of their own.

use super::entry::Entry;
use super::table::Table;
use crate::structure::stream::Stream;
use crate::value::{Hash, List, Set, SortedSet};

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
