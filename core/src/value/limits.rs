//! The sizes up to which collections stay in their compact encodings, from the settings.

use crate::settings::Settings;
use crate::structure::chunked_list::ChunkLimit;
use crate::structure::stream::NodeLimits;

/// Up to which size a collection stays a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackLimits {
    /// Most members, or fields.
    pub entries: usize,
    /// Longest member, field or value in bytes.
    pub value_bytes: usize,
}

/// Up to which size a set stays in each of its compact encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Most members of an intset.
    pub intset_entries: usize,
    /// As a listpack.
    pub pack: PackLimits,
}

impl SetLimits {
    /// No conversion at all.
    pub const NONE: Self =
        Self { intset_entries: usize::MAX, pack: PackLimits { entries: usize::MAX, value_bytes: usize::MAX } };
}

fn size(setting: u64) -> usize {
    usize::try_from(setting).unwrap_or(usize::MAX)
}

impl Settings {
    /// `hash-max-listpack-*`.
    pub fn hash_limits(&self) -> PackLimits {
        let (entries, value_bytes) = (self.hash_max_listpack_entries, self.hash_max_listpack_value_bytes);
        PackLimits { entries: size(entries), value_bytes: size(value_bytes) }
    }

    /// `set-max-*`.
    pub fn set_limits(&self) -> SetLimits {
        let (entries, value_bytes) = (self.set_max_listpack_entries, self.set_max_listpack_value_bytes);
        SetLimits {
            intset_entries: size(self.set_max_intset_entries),
            pack: PackLimits { entries: size(entries), value_bytes: size(value_bytes) },
        }
    }

    /// `zset-max-listpack-*`.
    pub fn sorted_set_limits(&self) -> PackLimits {
        let (entries, value_bytes) = (self.zset_max_listpack_entries, self.zset_max_listpack_value_bytes);
        PackLimits { entries: size(entries), value_bytes: size(value_bytes) }
    }

    /// `list-max-listpack-size`.
    pub fn list_limit(&self) -> ChunkLimit {
        ChunkLimit::from_setting(self.list_max_listpack_size.into()).at_most(self.list_node_bytes_max)
    }

    /// `stream-node-max-*`.
    pub fn stream_limits(&self) -> NodeLimits {
        NodeLimits {
            entries_max: u32::try_from(self.stream_node_max_entries).unwrap_or(u32::MAX),
            bytes_max: size(self.stream_node_max_bytes),
        }
    }
}
