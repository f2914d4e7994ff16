//! The members of a sorted set and their scores, under 32-bit numbers that are used again. Short members stand in their
//! slots: half a cache line has all there is about them.

/// Members per chunk. Chunks never move, so growth copies nothing but the list of chunks.
const CHUNK_MEMBERS: usize = 256;
/// Memory of a slot in bytes. The same on all platforms, so that accounting is.
const SLOT_BYTES: usize = 32;
/// Longer members have an allocation of their own.
const SHORT_BYTES: usize = 22;
/// Memory of the handle of a chunk in bytes.
const HANDLE_BYTES: usize = 24;
/// The first chunk grows by this many slots, so that a small set stays small.
const FIRST_STEP: usize = 16;
/// Free slots that a slab may have beside [`SPARE_SHARE`] for each member, before it is to be made smaller.
const SPARE_SLOTS: usize = CHUNK_MEMBERS;
/// So many that a set which is emptied moves few of its members.
const SPARE_SHARE: usize = 2;
/// No slot has this number.
const NONE: u32 = u32::MAX;

/// A member and its score, or the links of a free slot.
#[derive(Clone, Debug)]
struct Slot {
    member: Member,
    /// The bits of the score; of a free slot the numbers of the previous and the next free one.
    bits: u64,
}

#[derive(Clone, Debug)]
enum Member {
    /// The slot is free.
    None,
    Short(u8, [u8; SHORT_BYTES]),
    Long(Box<[u8]>),
}

impl Member {
    #[inline]
    fn new(member: &[u8]) -> Self {
        if member.len() > SHORT_BYTES {
            return Self::Long(member.into());
        }
        let mut bytes = [0; SHORT_BYTES];
        bytes[..member.len()].copy_from_slice(member);
        Self::Short(member.len() as u8, bytes)
    }

    const fn heap_bytes(&self) -> usize {
        match self {
            Self::Long(member) => member.len(),
            Self::None | Self::Short(..) => 0,
        }
    }
}

/// Members by number.
#[derive(Clone, Debug)]
pub(super) struct Slab {
    chunks: Vec<Vec<Slot>>,
    /// Slots, free ones included: numbers are below.
    end: usize,
    len: usize,
    /// Head of the list of free slots.
    free: u32,
    /// Slots that memory is held for.
    slots: usize,
    member_bytes: usize,
}

impl Default for Slab {
    fn default() -> Self {
        Self { chunks: Vec::new(), end: 0, len: 0, free: NONE, slots: 0, member_bytes: 0 }
    }
}

impl Slab {
    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> u32 {
        let slot = Slot { member: Member::new(member), bits: score.to_bits() };
        self.member_bytes += slot.member.heap_bytes();
        self.len += 1;
        if self.free == NONE {
            return self.push(slot);
        }
        let id = self.free;
        self.unlink(id);
        *self.slot_mut(id) = slot;
        id
    }

    /// Frees the slot of a member.
    pub(super) fn remove(&mut self, id: u32) {
        let next = self.free;
        let slot = self.slot_mut(id);
        let heap_bytes = slot.member.heap_bytes();
        *slot = Slot { member: Member::None, bits: links(next, NONE) };
        if next != NONE {
            let (after, _) = self.links_of(next);
            self.slot_mut(next).bits = links(after, id);
        }
        self.free = id;
        self.len -= 1;
        self.member_bytes -= heap_bytes;
    }

    /// Whether so many slots are free that the last ones should be given back: [`Slab::shrink`] does.
    pub(super) const fn is_sparse(&self) -> bool {
        self.end - self.len > SPARE_SHARE * self.len + SPARE_SLOTS
    }

    /// The number of the last slot if it is in use, and the free one to which [`Slab::shrink`] moves its member.
    pub(super) fn next_move(&self) -> Option<(u32, u32)> {
        let last = (self.end as u32).checked_sub(1)?;
        (!matches!(self.slot(last).member, Member::None) && self.free != NONE).then_some((last, self.free))
    }

    /// Gives the last slot back, after moving its member.
    pub(super) fn shrink(&mut self) {
        if let Some((_, to)) = self.next_move() {
            self.unlink(to);
            *self.slot_mut(to) = self.pop();
        } else {
            self.unlink(self.end as u32 - 1);
            self.pop();
        }
    }

    /// Reads the slot of a number, so that its memory is near.
    pub(super) fn read_slot(&self, id: u32) -> u64 {
        self.slot(id).bits
    }

    pub(super) fn set_score(&mut self, id: u32, score: f64) {
        self.slot_mut(id).bits = score.to_bits();
    }

    #[inline]
    pub(super) fn member(&self, id: u32) -> &[u8] {
        match &self.slot(id).member {
            Member::Short(len, bytes) => &bytes[..usize::from(*len)],
            Member::Long(member) => member,
            Member::None => unreachable!("the number is in use"),
        }
    }

    #[inline]
    pub(super) fn score(&self, id: u32) -> f64 {
        f64::from_bits(self.slot(id).bits)
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Numbers of slots are below, those of free ones as well.
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.chunks.capacity() * HANDLE_BYTES + self.slots * SLOT_BYTES + self.member_bytes
    }

    fn push(&mut self, slot: Slot) -> u32 {
        const { assert!(size_of::<Slot>() <= SLOT_BYTES) }
        if self.end == self.chunks.len() * CHUNK_MEMBERS {
            if self.chunks.len() == self.chunks.capacity() {
                self.chunks.reserve_exact(1 + self.chunks.len() / 4);
            }
            self.chunks.push(Vec::new());
        }
        let id = self.end as u32;
        let chunk = &mut self.chunks[self.end / CHUNK_MEMBERS];
        if chunk.len() == chunk.capacity() {
            let held = chunk.capacity();
            let first = self.end < CHUNK_MEMBERS;
            let step = if first { FIRST_STEP.max(held) } else { CHUNK_MEMBERS };
            chunk.reserve_exact(step.min(CHUNK_MEMBERS - chunk.len()));
            self.slots += chunk.capacity() - held;
        }
        chunk.push(slot);
        self.end += 1;
        id
    }

    fn pop(&mut self) -> Slot {
        let last = self.chunks.last_mut().expect("a slot exists, so a chunk does");
        let slot = last.pop().expect("the last chunk is not empty");
        self.end -= 1;
        if last.is_empty() {
            self.slots -= last.capacity();
            self.chunks.pop();
            if self.chunks.capacity() > 4 * self.chunks.len() {
                self.chunks.shrink_to(2 * self.chunks.len());
            }
        }
        slot
    }

    /// Takes a free slot out of the list.
    fn unlink(&mut self, id: u32) {
        let (next, previous) = self.links_of(id);
        if next != NONE {
            let (after, _) = self.links_of(next);
            self.slot_mut(next).bits = links(after, previous);
        }
        if previous == NONE {
            self.free = next;
        } else {
            let (_, before) = self.links_of(previous);
            self.slot_mut(previous).bits = links(next, before);
        }
    }

    /// The next and the previous free slot of a free one.
    fn links_of(&self, id: u32) -> (u32, u32) {
        let bits = self.slot(id).bits;
        (bits as u32, (bits >> 32) as u32)
    }

    #[inline]
    fn slot(&self, id: u32) -> &Slot {
        &self.chunks[id as usize / CHUNK_MEMBERS][id as usize % CHUNK_MEMBERS]
    }

    fn slot_mut(&mut self, id: u32) -> &mut Slot {
        &mut self.chunks[id as usize / CHUNK_MEMBERS][id as usize % CHUNK_MEMBERS]
    }
}

fn links(next: u32, previous: u32) -> u64 {
    u64::from(previous) << 32 | u64::from(next)
}
