//! Bytes with room at both ends, so that a change near an end moves only what lies between.

/// Buffers grow by this part of their length: doubling would waste most where listpacks matter, in many small keys.
const GROWTH: usize = 4;

/// What a buffer that will hardly grow may keep: this part of its length.
const SPARE_PART: usize = 16;

/// Sizes are multiples of this, as the allocator's are.
const GRAIN_BYTES: usize = 16;

/// Unused bytes that a buffer may keep beside three times its length.
const KEEP_BYTES: usize = 64;

/// Bytes with room before and behind them. It takes no more than a vector.
#[derive(Clone)]
pub(super) struct Buffer {
    room: Box<[u8]>,
    start: u32,
    len: u32,
}

impl Buffer {
    /// Takes bytes over.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let len = narrow(bytes.len());
        Self { room: bytes.into_boxed_slice(), start: 0, len }
    }

    /// Gives the bytes away.
    pub(super) fn into_vec(self) -> Vec<u8> {
        let (start, len) = (self.start as usize, self.len as usize);
        let mut bytes = self.room.into_vec();
        bytes.copy_within(start..start + len, 0);
        bytes.truncate(len);
        bytes
    }

    /// The bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        let start = self.start as usize;
        &self.room[start..start + self.len as usize]
    }

    /// The bytes, to be changed in place.
    #[inline]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let start = self.start as usize;
        &mut self.room[start..start + self.len as usize]
    }

    /// How many bytes there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// The memory held, in bytes.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.room.len()
    }

    /// Makes the gap of `old` bytes at `at` one of `new` bytes, whose contents are left to the caller.
    #[inline]
    pub(super) fn resize_gap(&mut self, at: usize, old: usize, new: usize) {
        if new > old { self.widen(at, old, new - old) } else { self.narrow(at, old, old - new) }
    }

    /// Makes room for so many bytes more on one side, and not for growing any further: whoever knows what comes spares
    /// the allocator the sizes in between.
    pub(super) fn reserve(&mut self, in_front: bool, more: usize) {
        let room = (self.len() + more).next_multiple_of(GRAIN_BYTES);
        if room > self.room.len() {
            self.move_to(room, if in_front { room - self.len() } else { 0 });
        }
    }

    /// Gives spare memory back, if it is worth the copying.
    pub(super) fn shrink(&mut self) {
        if self.room.len() > self.len() + self.len() / SPARE_PART {
            self.move_to(self.len(), 0);
        }
    }

    /// Closes a gap by `less` bytes, from the side where less has to move.
    fn narrow(&mut self, at: usize, old: usize, less: usize) {
        let (start, len) = (self.start as usize, self.len());
        let behind = len - at - old;
        if at < behind {
            self.room.copy_within(start..start + at, start + less);
            self.start += narrow(less);
        } else {
            self.room.copy_within(start + at + old..start + len, start + at + old - less);
        }
        self.len -= narrow(less);
        if self.room.len() > 4 * self.len() + KEEP_BYTES {
            let room = roomy(self.len());
            self.move_to(room, (room - self.len()) / 2);
        }
    }

    /// Opens a gap by `more` bytes, towards the side where less has to move if there is room.
    fn widen(&mut self, at: usize, old: usize, more: usize) {
        let (start, len) = (self.start as usize, self.len());
        let behind = len - at - old;
        let to_front = at < behind;
        if to_front && start >= more {
            self.room.copy_within(start..start + at, start - more);
            self.start -= narrow(more);
            self.len += narrow(more);
            return;
        }
        if to_front || self.room.len() - start - len < more {
            self.make_room(to_front, more);
        }
        let start = self.start as usize;
        if to_front {
            self.room.copy_within(start..start + at, start - more);
            self.start -= narrow(more);
        } else {
            self.room.copy_within(start + at + old..start + len, start + at + old + more);
        }
        self.len += narrow(more);
    }

    /// Makes room for `more` bytes on one side, with some to spare.
    #[cold]
    fn make_room(&mut self, in_front: bool, more: usize) {
        let new_len = self.len() + more;
        let spare = self.room.len().saturating_sub(new_len);
        // What is free on the other side will do, unless it would be used up soon again.
        if self.room.len() >= new_len && spare >= new_len / (2 * GROWTH) {
            let side = spare / 2;
            let (from, len) = (self.start as usize, self.len());
            let to = if in_front { side + more } else { side };
            self.room.copy_within(from..from + len, to);
            self.start = narrow(to);
            return;
        }
        let room = roomy(new_len);
        if in_front {
            self.move_to(room, room - self.len());
        } else if self.start == 0 {
            let mut bytes = std::mem::take(&mut self.room).into_vec();
            bytes.reserve_exact(room - bytes.len());
            bytes.resize(room, 0);
            self.room = bytes.into_boxed_slice();
        } else {
            self.move_to(room, 0);
        }
    }

    /// Moves the bytes to a place in new memory.
    fn move_to(&mut self, room: usize, start: usize) {
        let mut moved = vec![0; room].into_boxed_slice();
        moved[start..start + self.len()].copy_from_slice(self.bytes());
        (self.room, self.start) = (moved, narrow(start));
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.bytes().fmt(f)
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Buffer {}

/// A size with room to grow.
fn roomy(len: usize) -> usize {
    (len + len / GROWTH).next_multiple_of(GRAIN_BYTES)
}

/// A size as a buffer keeps it.
#[inline]
fn narrow(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a listpack stays under MAX_BYTES")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn gaps_open_and_close_as_in_a_vector(
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, 0usize..60, 0u8..4), 0..60),
        ) {
            let mut model = b"header".to_vec();
            let mut buffer = Buffer::new(model.clone());
            for (number, (at, old, new, place)) in changes.into_iter().enumerate() {
                let at = match place {
                    0 => 0,
                    1 => model.len(),
                    _ => at.index(model.len() + 1),
                };
                let old = old.min(model.len() - at);
                model.splice(at..at + old, std::iter::repeat_n(number as u8, new));
                buffer.resize_gap(at, old, new);
                buffer.bytes_mut()[at..at + new].fill(number as u8);
                prop_assert_eq!(buffer.bytes(), &model[..]);
                prop_assert!(buffer.heap_bytes() <= 5 * model.len() + KEEP_BYTES + 60);
            }
            buffer.shrink();
            prop_assert_eq!(buffer.bytes(), &model[..]);
            prop_assert!(buffer.heap_bytes() <= model.len() + model.len() / SPARE_PART);
            prop_assert_eq!(buffer.into_vec(), model);
        }
    }

    #[test]
    fn pushing_in_front_moves_little() {
        let mut buffer = Buffer::new(vec![1; 8]);
        let mut moves = 0;
        for _ in 0..4000 {
            let before = buffer.room.as_ptr();
            buffer.resize_gap(2, 0, 1);
            moves += usize::from(buffer.room.as_ptr() != before);
        }
        assert!(moves < 60, "{moves}");
    }
}
