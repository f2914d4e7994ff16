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

/// What the members of a round's sorted sets have for scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    /// Any.
    Any,
    /// All the same. Ranges by name mean something only then: Redis finds the ends of others by the towers of its skip
    /// list, which are random.
    Equal,
    /// Places on Earth. What other scores mean as places, C does not define.
    Places,
}

impl Scores {
    /// Whether a command keeps the scores so, and means something where they are so.
    pub fn fit(self, row: &Command) -> bool {
        let makes_others = matches!(row.name, "zinterstore" | "zunionstore");
        let is_by_name = row.name.contains("lex");
        match self {
            Self::Any => row.group != Group::Geo && !is_by_name,
            Self::Equal => row.group != Group::Geo && !makes_others,
            Self::Places => !makes_others && !is_by_name && !matches!(row.name, "zadd" | "zincrby"),
        }
    }
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
