//! The types of values: which commands belong to each, and which of a round's keys hold it.

use larder_core::command::{Command, Group};

/// A type of values with the commands that work on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Strings and their bits.
    Strings,
    /// Lists.
    Lists,
    /// Sets.
    Sets,
    /// Hashes.
    Hashes,
    /// Sorted sets, also as indexes of places.
    SortedSets,
    /// Streams.
    Streams,
    /// HyperLogLogs.
    HyperLogLogs,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Strings, Self::Lists, Self::Sets, Self::Hashes, Self::SortedSets, Self::Streams, Self::HyperLogLogs];

    /// The family of a command; none for those that work on keys of any type.
    pub fn of(row: &Command) -> Option<Self> {
        match row.group {
            Group::String | Group::Bitmap => Some(Self::Strings),
            Group::List => Some(Self::Lists),
            Group::Set => Some(Self::Sets),
            Group::Hash => Some(Self::Hashes),
            Group::SortedSet | Group::Geo => Some(Self::SortedSets),
            Group::Stream => Some(Self::Streams),
            Group::HyperLogLog => Some(Self::HyperLogLogs),
            _ => None,
        }
    }

    /// The commands that make most keys of the type: a round about it has them.
    pub fn makers(self) -> &'static [&'static str] {
        match self {
            Self::Strings => &["set"],
            Self::Lists => &["rpush", "lpush"],
            Self::Sets => &["sadd"],
            Self::Hashes => &["hset"],
            Self::SortedSets => &["zadd", "geoadd"],
            Self::Streams => &["xadd", "xgroup|create", "xreadgroup"],
            Self::HyperLogLogs => &["pfadd"],
        }
    }
}
