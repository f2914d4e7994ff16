//! The intset: a sorted set of integers in one buffer, byte for byte as Redis stores it.
//!
//! Layout: width (`u32` LE: 2, 4 or 8 bytes), length (`u32` LE), and the integers, ascending, little-endian. The width
//! grows with the widest member and never shrinks.

use super::listpack::Corrupt;

/// The bytes before the first integer.
const HEADER_BYTES: usize = 8;

/// The most members, so that the largest buffer stays at 1 GiB as for listpacks.
pub const MAX_MEMBERS: usize = ((1 << 30) - HEADER_BYTES) / 8;

/// A sorted set of integers in one buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intset(Vec<u8>);

impl Default for Intset {
    fn default() -> Self {
        Intset::new()
    }
}

impl Intset {
    /// A set without members.
    pub fn new() -> Self {
        Intset(vec![2, 0, 0, 0, 0, 0, 0, 0])
    }

    /// Takes over bytes from elsewhere after checking all of them.
    ///
    /// # Errors
    /// [`Corrupt`] when the bytes are not exactly one intset.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Corrupt> {
        validate(&bytes)?;
        Ok(Intset(bytes))
    }

    /// Adds a member; false when it was there. The caller keeps the set under [`MAX_MEMBERS`].
    pub fn add(&mut self, member: i64) -> bool {
        assert!(self.len() < MAX_MEMBERS, "a set becomes a hash table long before");
        let width = width_of(member);
        if width > self.width() {
            self.widen(width);
        }
        let Err(index) = self.search(member) else {
            return false;
        };
        let width = self.width();
        let (at, old_len) = (HEADER_BYTES + index * width, self.0.len());
        if old_len + width > self.0.capacity() {
            self.0.reserve_exact(width + old_len / 4);
        }
        self.0.resize(old_len + width, 0);
        self.0.copy_within(at..old_len, at + width);
        self.0[at..at + width].copy_from_slice(&member.to_le_bytes()[..width]);
        self.store_len();
        true
    }

    /// Removes a member; false when it was not there.
    pub fn remove(&mut self, member: i64) -> bool {
        let Ok(index) = self.search(member) else {
            return false;
        };
        let (width, old_len) = (self.width(), self.0.len());
        let at = HEADER_BYTES + index * width;
        self.0.copy_within(at + width..old_len, at);
        self.0.truncate(old_len - width);
        self.store_len();
        true
    }

    /// Whether `member` is in the set.
    pub fn contains(&self, member: i64) -> bool {
        self.search(member).is_ok()
    }

    /// The member at `index` in ascending order; a random index gives a random member.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The smallest member.
    pub fn first(&self) -> Option<i64> {
        self.get(0)
    }

    /// The largest member.
    pub fn last(&self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        (self.0.len() - HEADER_BYTES) / self.width()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.len() == HEADER_BYTES
    }

    /// The members in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + '_ {
        self.0[HEADER_BYTES..].chunks_exact(self.width()).map(read)
    }

    /// The serialized form.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The heap memory held, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// The bytes of one member.
    fn width(&self) -> usize {
        usize::from(self.0[0])
    }

    /// The member at an index that is in range.
    fn at(&self, index: usize) -> i64 {
        let width = self.width();
        read(&self.0[HEADER_BYTES + index * width..][..width])
    }

    /// Where `member` is, or where it would be.
    fn search(&self, member: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Growing sets are often filled in order.
        if high > 0 && member > self.at(high - 1) {
            return Err(high);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle).cmp(&member) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Rewrites every member with more bytes.
    fn widen(&mut self, width: usize) {
        let mut wide = Vec::with_capacity(HEADER_BYTES + (self.len() + 1) * width);
        wide.extend_from_slice(&[width as u8, 0, 0, 0]);
        wide.extend_from_slice(&self.0[4..HEADER_BYTES]);
        for member in self.iter() {
            wide.extend_from_slice(&member.to_le_bytes()[..width]);
        }
        self.0 = wide;
    }

    /// Stores the number of members in the header.
    fn store_len(&mut self) {
        let len = u32::try_from(self.len()).expect("a set stays under MAX_MEMBERS");
        self.0[4..HEADER_BYTES].copy_from_slice(&len.to_le_bytes());
    }
}

/// Checks that `bytes` are exactly one intset: width, length, and members strictly ascending.
///
/// # Errors
/// [`Corrupt`] when anything disagrees. A set without members passes: whether a key may be empty is the caller's rule.
pub fn validate(bytes: &[u8]) -> Result<(), Corrupt> {
    let (header, members) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(Corrupt)?;
    let [width @ 0..=8, 0, 0, 0, length @ ..] = *header else {
        return Err(Corrupt);
    };
    let (width, length) = (usize::from(width), u32::from_le_bytes(length) as usize);
    let whole = matches!(width, 2 | 4 | 8) && members.len().is_multiple_of(width);
    if !whole || members.len() / width != length || length > MAX_MEMBERS {
        return Err(Corrupt);
    }
    let ascending = members.chunks_exact(width).map(read).is_sorted_by(|a, b| a < b);
    if ascending { Ok(()) } else { Err(Corrupt) }
}

/// The bytes a member needs.
fn width_of(member: i64) -> usize {
    if i16::try_from(member).is_ok() {
        2
    } else if i32::try_from(member).is_ok() {
        4
    } else {
        8
    }
}

/// A member of 2, 4 or 8 bytes.
fn read(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("a width is 2, 4 or 8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn bytes_are_redis_s() {
        let mut set = Intset::new();
        assert!(set.add(3) && set.add(-1) && !set.add(3));
        assert_eq!(set.bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0xFF, 3, 0]);
        assert!(set.add(70_000));
        assert_eq!(set.bytes()[..12], [4, 0, 0, 0, 3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert!(set.remove(70_000) && !set.remove(70_000));
        assert_eq!(set.bytes()[0], 4, "the width never shrinks");
        set = Intset::new();
        for member in [5, -3, 40_000, 1 << 40] {
            assert!(set.add(member));
        }
        // From DUMP of redis-server 7.0.15.
        let dumped = "0800000004000000fdffffffffffffff0500000000000000409c0000000000000000000000010000";
        assert_eq!(set.bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>(), dumped);
    }

    #[test]
    fn corrupt_bytes_are_refused() {
        for bytes in [
            &[][..],
            &[2, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3],
            &[2, 0, 1, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 1, 0, 0, 0, 1],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0],
            &[2, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0xFF, 0xFF],
        ] {
            assert_eq!(validate(bytes), Err(Corrupt), "{bytes:?}");
        }
        assert_eq!(validate(Intset::new().bytes()), Ok(()));
    }

    fn member() -> impl Strategy<Value = i64> {
        prop_oneof![4 => -20i64..20, 1 => -40_000i64..40_000, 1 => any::<i64>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn behaves_like_a_sorted_set(changes in prop::collection::vec((any::<bool>(), member()), 0..120)) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for (add, value) in changes {
                if add {
                    prop_assert_eq!(set.add(value), model.insert(value));
                } else {
                    prop_assert_eq!(set.remove(value), model.remove(&value));
                }
                prop_assert_eq!(set.contains(value), model.contains(&value));
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert!(set.iter().rev().eq(model.iter().rev().copied()));
            prop_assert_eq!((set.first(), set.last()), (model.first().copied(), model.last().copied()));
            prop_assert_eq!(set.get(model.len()), None);
            prop_assert_eq!(Intset::from_bytes(set.bytes().to_vec()), Ok(set));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(
            width in prop_oneof![Just(2u8), Just(4), Just(8), any::<u8>()], length in 0u8..6,
            tail in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut bytes = vec![width, 0, 0, 0, length, 0, 0, 0];
            bytes.extend(tail);
            if let Ok(set) = Intset::from_bytes(bytes) {
                prop_assert_eq!(set.iter().count(), usize::from(length));
            }
        }
    }
}
