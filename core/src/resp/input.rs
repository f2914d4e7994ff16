//! The receive buffer of one connection.

/// First allocation, made when the first bytes are about to arrive. One read of this size holds
/// some hundreds of pipelined commands.
const INITIAL_BYTES: usize = 16 * 1024;

/// A buffer larger than this is given back as soon as what is left in it fits the first
/// allocation, so one large request does not pin its memory to the connection.
const KEPT_BYTES: usize = 64 * 1024;

/// Bytes received and not yet consumed, in one contiguous piece.
///
/// The storage is always initialised, so a host can read from a socket straight into
/// [`space`](Self::space). It grows with what was received, never by what a peer declares.
#[derive(Debug, Default)]
pub struct Input {
    /// Initialised storage; its length is the capacity.
    storage: Vec<u8>,
    /// First byte not yet consumed.
    start: usize,
    /// One past the last byte received.
    end: usize,
}

impl Input {
    /// An empty buffer that owns no memory yet.
    pub const fn new() -> Self {
        Self { storage: Vec::new(), start: 0, end: 0 }
    }

    /// Room for at least `min` bytes behind what was received. Fill a prefix of it, then
    /// [`commit`](Self::commit) that many bytes. The old content of the room is unspecified.
    pub fn space(&mut self, min: usize) -> &mut [u8] {
        let min = min.max(1);
        if self.storage.len() - self.end < min {
            self.make_room(min);
        }
        &mut self.storage[self.end..]
    }

    /// Takes over the first `count` bytes of the last [`space`](Self::space).
    ///
    /// # Panics
    /// When `count` exceeds that space: the host has miscounted.
    pub fn commit(&mut self, count: usize) {
        assert!(count <= self.storage.len() - self.end, "committed more than space() gave");
        self.end += count;
    }

    /// Appends a copy of `bytes`, for hosts that receive chunks they do not own.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn feed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.space(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.commit(bytes.len());
    }

    /// Drops the first `count` pending bytes.
    ///
    /// # Panics
    /// When fewer bytes are pending: the host has miscounted.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "consumed more than was pending");
        self.start += count;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.storage.len() > KEPT_BYTES && self.len() <= INITIAL_BYTES {
            self.shrink();
        }
    }

    /// Gives all memory back when nothing is pending: for connections that went idle.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }

    /// The bytes received and not yet consumed.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn pending(&self) -> &[u8] {
        &self.storage[self.start..self.end]
    }

    /// How many bytes are pending.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes of memory held, for the accounting of clients.
    pub fn allocated_bytes(&self) -> usize {
        self.storage.capacity()
    }

    /// Bytes that fit behind what has arrived without moving or growing.
    pub fn free_bytes(&self) -> usize {
        self.storage.len() - self.end
    }

    /// Moves pending bytes to the front, or into larger storage.
    #[inline(never)]
    fn make_room(&mut self, min: usize) {
        let pending = self.len();
        // A move costs no more than what was consumed before it, so moves stay cheap on average.
        if self.start >= pending && self.storage.len() - pending >= min {
            self.storage.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = pending;
            return;
        }
        // Doubling what was received keeps copies linear in the bytes received.
        let size = (pending.saturating_mul(2)).max(pending.saturating_add(min)).max(INITIAL_BYTES);
        self.relocate(size);
    }

    fn shrink(&mut self) {
        if self.is_empty() {
            self.storage = Vec::new();
        } else {
            self.relocate(INITIAL_BYTES);
        }
    }

    /// Fresh zeroed storage, not a resize: untouched pages of it then cost no memory.
    #[inline(never)]
    fn relocate(&mut self, size: usize) {
        let pending = self.len();
        let mut storage = vec![0; size];
        storage[..pending].copy_from_slice(self.pending());
        self.storage = storage;
        self.start = 0;
        self.end = pending;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn allocates_lazily_and_releases() {
        let mut input = Input::new();
        assert_eq!(input.allocated_bytes(), 0);
        input.feed(b"");
        assert_eq!(input.allocated_bytes(), 0);
        assert_eq!(input.space(1).len(), INITIAL_BYTES);
        input.feed(b"abc");
        input.release();
        assert_eq!(input.pending(), b"abc");
        input.consume(3);
        assert_eq!(input.allocated_bytes(), INITIAL_BYTES);
        input.release();
        assert_eq!(input.allocated_bytes(), 0);
    }

    #[test]
    fn reads_go_straight_into_the_space() {
        let mut input = Input::new();
        input.space(4)[..4].copy_from_slice(b"PING");
        input.commit(2);
        assert_eq!(input.pending(), b"PI");
        input.consume(1);
        assert_eq!((input.pending(), input.len()), (&b"I"[..], 1));
    }

    #[test]
    fn moves_to_the_front_instead_of_growing() {
        let mut input = Input::new();
        input.feed(&[b'x'; INITIAL_BYTES]);
        input.consume(INITIAL_BYTES - 10);
        assert!(input.space(100).len() >= 100);
        assert_eq!(input.allocated_bytes(), INITIAL_BYTES);
        assert_eq!(input.pending(), &[b'x'; 10]);
    }

    #[test]
    fn never_moves_more_than_was_consumed() {
        let mut input = Input::new();
        input.feed(&[b'x'; INITIAL_BYTES]);
        input.consume(10);
        input.space(5);
        // Moving 16 KiB to win ten bytes, again and again, would be quadratic.
        assert!(input.allocated_bytes() > INITIAL_BYTES);
    }

    #[test]
    fn memory_follows_received_bytes_and_is_given_back() {
        let mut input = Input::new();
        let chunk = [7; 4096];
        for _ in 0..1024 {
            input.feed(&chunk);
            assert!(input.allocated_bytes() <= (2 * input.len()).max(INITIAL_BYTES));
        }
        input.feed(b"next");
        input.consume(1024 * chunk.len());
        assert_eq!(input.pending(), b"next");
        assert_eq!(input.allocated_bytes(), INITIAL_BYTES);
        input.feed(&[1; 2 * KEPT_BYTES]);
        input.consume(input.len());
        assert_eq!(input.allocated_bytes(), 0);
    }

    #[test]
    #[should_panic(expected = "committed more")]
    fn commit_is_checked() {
        let mut input = Input::new();
        let room = input.space(1).len();
        input.commit(room + 1);
    }

    #[test]
    #[should_panic(expected = "consumed more")]
    fn consume_is_checked() {
        Input::new().consume(1);
    }

    proptest! {
        #[test]
        fn behaves_like_a_queue(steps in prop::collection::vec((0usize..40_000, 0usize..50_000), 1..60)) {
            let mut input = Input::new();
            let mut model = VecDeque::new();
            let mut next = 0u8;
            for (received, consumed) in steps {
                let chunk: Vec<u8> = (0..received).map(|_| { next = next.wrapping_add(1); next }).collect();
                input.feed(&chunk);
                model.extend(&chunk);
                let consumed = consumed.min(model.len());
                input.consume(consumed);
                model.drain(..consumed);
                prop_assert_eq!(input.pending(), model.make_contiguous() as &[u8]);
                prop_assert!(!input.space(1).is_empty());
            }
        }
    }
}
