//! The keyed hash of keys.

use siphasher::sip::SipHasher13;

/// Hashes client-chosen keys with SipHash-1-3 under a secret, so that nobody outside can build colliding keys.
///
/// The result is the same on every platform. Its low [`SHARD_BITS`] choose the shard, its high bits the place in the
/// shard's tables.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher {
    sip: SipHasher13,
}

/// Low bits of a hash that choose the shard; tables must not depend on them.
pub const SHARD_BITS: u32 = 8;

impl KeyHasher {
    /// A hasher under a secret of 128 bits.
    pub fn new(secret: [u64; 2]) -> Self {
        Self { sip: SipHasher13::new_with_keys(secret[0], secret[1]) }
    }

    /// The hash of a key.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.sip.hash(key)
    }
}

/// A small generator for choices that need no secrecy: SplitMix64.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
