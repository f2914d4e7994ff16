//! Values as Redis serialises them: what stands in RDB files and in the payloads of DUMP and RESTORE.
//!
//! Written are the compact types of Redis 7.2, or those of 7.0 for servers of that age. Read are all types up to
//! version 11, and the hashes with expiring fields of version 12. Nothing a payload declares is believed: whatever is
//! read was checked entry by entry, and memory grows with bytes that were there.

mod file;
#[cfg(test)]
mod file_tests;
mod portable;
mod read;
mod stream;
#[cfg(test)]
mod tests;
pub(crate) mod window;
mod write;

pub use crate::structure::rdb::length::{Compression, Reader};
pub use crate::structure::rdb::{Corrupt, append_footer, validate};
pub use file::{
    Behind, FileError, FileReader, Part, read_file, read_leading_file, write_before_value, write_database, write_end,
    write_entry, write_header, write_sizes,
};
pub use portable::{Portable, without_field_expiries};
pub use read::{Limits, Loaded, read_if_any, read_value};
pub use write::{Form, Pieces, write_before_elements, write_element, write_value};

use crate::keyspace::entry::Value;
use crate::keyspace::object::Object;
use crate::value::{Hash, List, Set, SortedSet};

/// The newest version that is read. Versions above 11 only bring hashes whose fields expire.
pub const VERSION_MAX: u16 = 12;

/// The newest types of a value that version 10, that of Redis 7.0, knows are written for this version.
pub const VERSION_7_0: u16 = 10;

/// Declares the type byte of a value, and reads it back.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $code:literal,)+) => {
        /// How a value is serialised: the byte before it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])+ $name = $code,)+ }

        impl Kind {
            /// The kind of a type byte; `None` for modules' types, opcodes and what is not known.
            pub fn from_byte(byte: u8) -> Option<Self> {
                match byte {
                    $($code => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// A string.
    String = 0,
    /// A list, element by element.
    List = 1,
    /// A set, member by member.
    Set = 2,
    /// A sorted set with scores as text.
    SortedSetText = 3,
    /// A hash, field by field.
    Hash = 4,
    /// A sorted set with binary scores.
    SortedSet = 5,
    /// A hash as a zipmap.
    HashZipmap = 9,
    /// A list as a ziplist.
    ListZiplist = 10,
    /// A set as an intset.
    SetIntset = 11,
    /// A sorted set as a ziplist.
    SortedSetZiplist = 12,
    /// A hash as a ziplist.
    HashZiplist = 13,
    /// A list as a chain of ziplists.
    Quicklist = 14,
    /// A stream of Redis 5.
    Stream1 = 15,
    /// A hash as a listpack.
    HashListpack = 16,
    /// A sorted set as a listpack.
    SortedSetListpack = 17,
    /// A list as a chain of listpacks and plain elements.
    Quicklist2 = 18,
    /// A stream of Redis 7.0, with what it remembers of deleted entries.
    Stream2 = 19,
    /// A set as a listpack.
    SetListpack = 20,
    /// A stream of Redis 7.2, with the activity of consumers.
    Stream3 = 21,
    /// A hash whose fields may expire, field by field.
    HashExpiring = 24,
    /// A hash whose fields may expire, as a listpack.
    HashExpiringListpack = 25,
}

impl Kind {
    /// The kind that a value is written as in this version.
    pub fn of(value: Value<'_>, version: u16) -> Self {
        let is_old = version <= VERSION_7_0;
        let object = match value {
            Value::Integer(_) | Value::Bytes(_) => return Self::String,
            Value::Object(object) => object,
        };
        match object {
            Object::Raw(_) => Self::String,
            Object::List(List::Packed(_) | List::Chunked(_)) => Self::Quicklist2,
            Object::Set(Set::Integers(_)) => Self::SetIntset,
            Object::Set(Set::Packed(_)) if !is_old => Self::SetListpack,
            Object::Set(Set::Packed(_) | Set::Table(_)) => Self::Set,
            Object::Hash(Hash::Packed(_)) => Self::HashListpack,
            Object::Hash(Hash::Table(members)) if members.table().deadlines() > 0 => Self::HashExpiring,
            Object::Hash(Hash::Table(_)) => Self::Hash,
            Object::SortedSet(SortedSet::Packed(_)) => Self::SortedSetListpack,
            Object::SortedSet(SortedSet::Tree(_)) => Self::SortedSet,
            Object::Stream(_) if is_old => Self::Stream2,
            Object::Stream(_) => Self::Stream3,
        }
    }

    /// The least version whose readers know this kind.
    pub fn version_min(self) -> u16 {
        match self {
            Self::HashExpiring | Self::HashExpiringListpack => 12,
            Self::SetListpack | Self::Stream3 => 11,
            Self::HashListpack | Self::SortedSetListpack | Self::Quicklist2 | Self::Stream2 => 10,
            _ => 9,
        }
    }
}
