//! The members of a sorted set, each allocated once, and their scores, under dense 32-bit numbers.

/// Members per chunk. Chunks never move, so growth copies nothing but the list of chunks.
const CHUNK_MEMBERS: usize = 512;
/// Memory of a slot in bytes. The same on all platforms, so that accounting is.
const SLOT_BYTES: usize = 24;
/// Memory of the handle of a chunk in bytes.
const HANDLE_BYTES: usize = 24;
/// The first chunk grows by this many slots, so that a small set stays small.
const FIRST_STEP: usize = 16;

/// A member and its score.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) member: Box<[u8]>,
    pub(super) score: f64,
}

/// Slots numbered from 0 without gaps.
#[derive(Clone, Debug, Default)]
pub(super) struct Slab {
    chunks: Vec<Vec<Slot>>,
    len: usize,
    /// Slots that memory is held for.
    slots: usize,
    member_bytes: usize,
}

impl Slab {
    pub(super) fn push(&mut self, slot: Slot) -> u32 {
        const { assert!(size_of::<Slot>() <= SLOT_BYTES) }
        if self.len == self.chunks.len() * CHUNK_MEMBERS {
            if self.chunks.len() == self.chunks.capacity() {
                self.chunks.reserve_exact(1 + self.chunks.len() / 4);
            }
            self.chunks.push(Vec::new());
        }
        let id = self.len as u32;
        let chunk = &mut self.chunks[self.len / CHUNK_MEMBERS];
        if chunk.len() == chunk.capacity() {
            let held = chunk.capacity();
            let first = self.len < CHUNK_MEMBERS;
            let step = if first { FIRST_STEP.max(held) } else { CHUNK_MEMBERS };
            chunk.reserve_exact(step.min(CHUNK_MEMBERS - chunk.len()));
            self.slots += chunk.capacity() - held;
        }
        self.member_bytes += slot.member.len();
        chunk.push(slot);
        self.len += 1;
        id
    }

    /// Takes a slot out; the last slot takes its number.
    pub(super) fn swap_remove(&mut self, id: u32) -> Slot {
        let last = self.chunks.last_mut().expect("a slot exists, so a chunk does");
        let moved = last.pop().expect("the last chunk is not empty");
        let emptied = last.is_empty().then(|| last.capacity());
        self.len -= 1;
        let removed = if id as usize == self.len { moved } else { std::mem::replace(self.at_mut(id), moved) };
        self.member_bytes -= removed.member.len();
        if let Some(slots) = emptied {
            self.chunks.pop();
            self.slots -= slots;
            if self.chunks.capacity() > 4 * self.chunks.len() {
                self.chunks.shrink_to(2 * self.chunks.len());
            }
        }
        removed
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut Slot {
        &mut self.chunks[id as usize / CHUNK_MEMBERS][id as usize % CHUNK_MEMBERS]
    }

    #[inline]
    pub(super) fn at(&self, id: u32) -> &Slot {
        &self.chunks[id as usize / CHUNK_MEMBERS][id as usize % CHUNK_MEMBERS]
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.chunks.capacity() * HANDLE_BYTES + self.slots * SLOT_BYTES + self.member_bytes
    }
}
