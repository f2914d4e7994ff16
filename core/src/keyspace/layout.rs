//! Which shard a key belongs to, and which shards a command holds.

use super::shard::Shard;
use crate::hash::KeyHasher;
use crate::limits::MAX_SHARDS;

/// Number of a shard, below [`MAX_SHARDS`].
pub type ShardId = usize;

/// Which shards a plan needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardSet {
    /// No data at all.
    None,
    /// One shard.
    One(ShardId),
    /// Those whose bits are set.
    Many(u64),
    /// Every shard.
    All,
}

impl ShardSet {
    /// The set with one shard more.
    pub fn with(self, id: ShardId) -> Self {
        const { assert!(MAX_SHARDS <= u64::BITS as usize) };
        match self {
            Self::None => Self::One(id),
            Self::One(one) if one == id => self,
            Self::One(one) => Self::Many(1 << one | 1 << id),
            Self::Many(bits) => Self::Many(bits | 1 << id),
            Self::All => Self::All,
        }
    }

    /// Whether one shard is in the set.
    pub fn contains(self, id: ShardId) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == id,
            Self::Many(bits) => bits >> id & 1 == 1,
            Self::All => true,
        }
    }

    /// All shards of both sets.
    pub fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, set) | (set, Self::None) => set,
            (Self::All, _) | (_, Self::All) => Self::All,
            (set, Self::One(id)) | (Self::One(id), set) => set.with(id),
            (Self::Many(one), Self::Many(other)) => Self::Many(one | other),
        }
    }
}

/// The shards a command holds.
#[derive(Debug)]
pub enum Held<'a> {
    /// None.
    None,
    /// One of them.
    One(ShardId, &'a mut Shard),
    /// Several, ascending by number.
    Many(Vec<(ShardId, &'a mut Shard)>),
}

/// Where shard numbers come from: the same for every host of one keyspace.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    hasher: KeyHasher,
    shards: usize,
    databases: u32,
}

impl Layout {
    /// A layout of `shards` shards (a power of two up to [`MAX_SHARDS`]) under a secret hash key.
    pub fn new(shards: usize, databases: u32, secret: [u64; 2]) -> Self {
        assert!(shards.is_power_of_two() && shards <= MAX_SHARDS, "shards are a power of two up to MAX_SHARDS");
        Self { hasher: KeyHasher::new(secret), shards, databases }
    }

    /// Empty shards of this layout.
    pub fn build(&self) -> Vec<Shard> {
        (0..self.shards).map(|_| Shard::new(self.databases, self.hasher)).collect()
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// What hashes keys, members and fields.
    #[inline]
    pub fn hasher(&self) -> KeyHasher {
        self.hasher
    }

    /// The shard of a hash.
    #[inline]
    pub fn shard_of(&self, hash: u64) -> ShardId {
        hash as usize & (self.shards - 1)
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// How many databases there are.
    pub fn databases(&self) -> u32 {
        self.databases
    }
}
