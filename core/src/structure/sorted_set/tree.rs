//! A B+ tree of entries in an order that its user keeps, with counts, so that every place is known by its rank.

/// Entries in a leaf at most: 1.5 KiB, which moves faster than a cache miss takes.
const LEAF_MAX: usize = 128;
/// Children of a branch at most.
const BRANCH_MAX: usize = 32;
/// Leaves grow by this many entries.
const LEAF_STEP: usize = 16;
/// Memory of an entry in bytes.
const ENTRY_BYTES: usize = 12;
/// Memory of a child in bytes. The same on all platforms, so that accounting is.
const CHILD_BYTES: usize = 48;

/// A score and the number of its member; the score in two halves, which saves four bytes of padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    high: u32,
    low: u32,
    pub(super) id: u32,
}

impl Entry {
    pub(super) fn new(score: f64, id: u32) -> Self {
        let bits = score.to_bits();
        Self { high: (bits >> 32) as u32, low: bits as u32, id }
    }

    pub(super) fn score(self) -> f64 {
        f64::from_bits(u64::from(self.high) << 32 | u64::from(self.low))
    }

    /// Whether this comes before another entry, which `is_before` knows for equal scores.
    #[inline]
    fn is_before(self, other: Self, is_before: &dyn Fn(u32) -> bool) -> bool {
        let (score, bound) = (self.score(), other.score());
        score < bound || score == bound && is_before(self.id)
    }
}

/// Where something is, or would be, in the order.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// The entry with so many before it.
    Rank(usize),
    /// This entry. Whether another number's member comes before its own is asked only for equal scores.
    Of(Entry, &'a dyn Fn(u32) -> bool),
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Entry>),
    Branch(Vec<Child>),
}

#[derive(Clone, Debug)]
struct Child {
    node: Node,
    /// The first entry below.
    first: Entry,
    /// Number of entries below.
    count: u32,
}

/// The tree. All leaves are equally deep.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Node,
    bytes: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: Node::Leaf(Vec::new()), bytes: 0 }
    }
}

impl Tree {
    /// Adds an entry where it belongs; see [`Place::Of`].
    pub(super) fn insert(&mut self, entry: Entry, is_before: &dyn Fn(u32) -> bool) {
        const { assert!(size_of::<Entry>() == ENTRY_BYTES && size_of::<Child>() <= CHILD_BYTES) }
        if let Some(upper) = self.root.insert(entry, is_before, &mut self.bytes) {
            let lower = std::mem::replace(&mut self.root, Node::Branch(Vec::new()));
            let mut children = Vec::new();
            reserve_children(&mut children, &mut self.bytes);
            children.extend([Child::new(lower), Child::new(upper)]);
            self.root = Node::Branch(children);
        }
    }

    /// Removes `count` entries of one leaf from a place on.
    pub(super) fn remove(&mut self, place: Place<'_>, count: usize) {
        self.root.remove(place, count, &mut self.bytes);
        while let Node::Branch(children) = &mut self.root
            && children.len() <= 1
        {
            self.bytes -= children.capacity() * CHILD_BYTES;
            self.root = children.pop().map_or_else(|| Node::Leaf(Vec::new()), |child| child.node);
        }
    }

    /// Gives the entry at a place another number; it stays where it is.
    pub(super) fn renumber(&mut self, place: Place<'_>, id: u32) {
        let (mut node, mut place) = (&mut self.root, place);
        loop {
            match node {
                Node::Leaf(entries) => {
                    let at = place.in_leaf(entries);
                    return entries[at].id = id;
                }
                Node::Branch(children) => {
                    let (at, inside) = place.in_branch(children);
                    let child = &mut children[at];
                    if inside.is(child.first) {
                        child.first.id = id;
                    }
                    (node, place) = (&mut child.node, inside);
                }
            }
        }
    }

    /// Number of entries before the first for which `is_before` is false.
    #[inline]
    pub(super) fn rank_where(&self, is_before: impl Fn(Entry) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(entries) => return rank + partition(entries, |entry| is_before(*entry)),
                Node::Branch(children) => {
                    let place = partition(children, |child| is_before(child.first)).saturating_sub(1);
                    rank += children[..place].iter().map(|child| child.count as usize).sum::<usize>();
                    node = &children[place].node;
                }
            }
        }
    }

    /// The leaf that holds a rank below the number of entries, and the place of that rank in it.
    pub(super) fn leaf_at(&self, mut rank: usize) -> (&[Entry], usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(entries) => return (entries, rank),
                Node::Branch(children) => {
                    let (place, inside) = descend(children, rank);
                    rank = inside;
                    node = &children[place].node;
                }
            }
        }
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.bytes
    }
}

impl Node {
    /// Inserts, and returns the upper half when the node had to be split.
    fn insert(&mut self, entry: Entry, is_before: &dyn Fn(u32) -> bool, bytes: &mut usize) -> Option<Self> {
        match self {
            Self::Leaf(entries) => {
                let place = partition(entries, |other| other.is_before(entry, is_before));
                if entries.len() < LEAF_MAX {
                    insert_entry(entries, place, entry, bytes);
                    return None;
                }
                // A set filled in ascending order keeps full leaves.
                let middle = if place == LEAF_MAX { LEAF_MAX } else { LEAF_MAX / 2 };
                *bytes -= entries.capacity() * ENTRY_BYTES;
                let mut upper = entries.split_off(middle);
                upper.shrink_to_fit();
                entries.shrink_to_fit();
                *bytes += (entries.capacity() + upper.capacity()) * ENTRY_BYTES;
                if place <= middle && middle < LEAF_MAX {
                    insert_entry(entries, place, entry, bytes);
                } else {
                    insert_entry(&mut upper, place - middle, entry, bytes);
                }
                Some(Self::Leaf(upper))
            }
            Self::Branch(children) => {
                let place = child_of(children, entry, is_before);
                let child = &mut children[place];
                let upper = child.node.insert(entry, is_before, bytes);
                child.count += 1;
                child.first = child.node.first();
                let upper = Child::new(upper?);
                child.count -= upper.count;
                if children.len() < BRANCH_MAX {
                    reserve_children(children, bytes);
                    children.insert(place + 1, upper);
                    return None;
                }
                let middle = if place + 1 == BRANCH_MAX { BRANCH_MAX } else { BRANCH_MAX / 2 };
                let mut above = Vec::new();
                reserve_children(&mut above, bytes);
                above.extend(children.drain(middle..));
                if place < middle && middle < BRANCH_MAX {
                    children.insert(place + 1, upper);
                } else {
                    above.insert(place + 1 - middle, upper);
                }
                Some(Self::Branch(above))
            }
        }
    }

    /// Removes `count` entries of one leaf.
    fn remove(&mut self, place: Place<'_>, count: usize, bytes: &mut usize) {
        match self {
            Self::Leaf(entries) => {
                let place = place.in_leaf(entries);
                entries.drain(place..place + count);
                if entries.capacity() > entries.len() + 2 * LEAF_STEP || entries.is_empty() {
                    *bytes -= entries.capacity() * ENTRY_BYTES;
                    entries.shrink_to_fit();
                    *bytes += entries.capacity() * ENTRY_BYTES;
                }
            }
            Self::Branch(children) => {
                let (place, inside) = place.in_branch(children);
                let child = &mut children[place];
                child.node.remove(inside, count, bytes);
                child.count -= count as u32;
                if child.count == 0 {
                    children.remove(place).node.give_back(bytes);
                    return;
                }
                child.first = child.node.first();
                merge_near(children, place, bytes);
            }
        }
    }

    /// The first entry; nodes below the root are never empty.
    fn first(&self) -> Entry {
        match self {
            Self::Leaf(entries) => entries[0],
            Self::Branch(children) => children[0].first,
        }
    }

    fn count(&self) -> u32 {
        match self {
            Self::Leaf(entries) => entries.len() as u32,
            Self::Branch(children) => children.iter().map(|child| child.count).sum(),
        }
    }

    /// Whether this node and the next are small enough for one, which then is three quarters full.
    fn fits(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Leaf(one), Self::Leaf(other)) => one.len() + other.len() <= LEAF_MAX * 3 / 4,
            (Self::Branch(one), Self::Branch(other)) => one.len() + other.len() <= BRANCH_MAX * 3 / 4,
            _ => false,
        }
    }

    /// Takes in all of the next node.
    fn append(&mut self, next: Self, bytes: &mut usize) {
        match (self, next) {
            (Self::Leaf(one), Self::Leaf(other)) => {
                let held = one.capacity() + other.capacity();
                one.reserve_exact(other.len());
                one.extend(other);
                *bytes = *bytes + one.capacity() * ENTRY_BYTES - held * ENTRY_BYTES;
            }
            (Self::Branch(one), Self::Branch(other)) => {
                *bytes -= other.capacity() * CHILD_BYTES;
                one.extend(other);
            }
            _ => unreachable!("neighbours are equally deep"),
        }
    }

    fn give_back(self, bytes: &mut usize) {
        *bytes -= match self {
            Self::Leaf(entries) => entries.capacity() * ENTRY_BYTES,
            Self::Branch(children) => children.capacity() * CHILD_BYTES,
        };
    }
}

impl Place<'_> {
    /// Where this is in a leaf that has it.
    fn in_leaf(self, entries: &[Entry]) -> usize {
        match self {
            Self::Rank(rank) => rank,
            Self::Of(entry, _) => {
                // Among equal scores the number tells, without a look at members.
                let start = partition(entries, |other| other.score() < entry.score());
                let found = entries[start..].iter().position(|other| other.id == entry.id);
                start + found.expect("the entry is in the tree")
            }
        }
    }

    /// The child that has this, and where it is there.
    fn in_branch(self, children: &[Child]) -> (usize, Self) {
        match self {
            Self::Rank(rank) => {
                let (place, inside) = descend(children, rank);
                (place, Self::Rank(inside))
            }
            Self::Of(entry, is_before) => (child_of(children, entry, is_before), self),
        }
    }

    fn is(self, entry: Entry) -> bool {
        match self {
            Self::Rank(rank) => rank == 0,
            Self::Of(other, _) => other.id == entry.id,
        }
    }
}

impl Child {
    fn new(node: Node) -> Self {
        Self { first: node.first(), count: node.count(), node }
    }
}

/// Merges the child at `place` with the next or the previous one where the two fit into one.
fn merge_near(children: &mut Vec<Child>, place: usize, bytes: &mut usize) {
    for lower in [Some(place), place.checked_sub(1)].into_iter().flatten() {
        if let Some([one, other]) = children.get(lower..lower + 2)
            && one.node.fits(&other.node)
        {
            let other = children.remove(lower + 1);
            children[lower].count += other.count;
            children[lower].node.append(other.node, bytes);
            return;
        }
    }
}

/// The child that has an entry, or is to have it: the last that begins with it or before it.
fn child_of(children: &[Child], entry: Entry, is_before: &dyn Fn(u32) -> bool) -> usize {
    let is_reached = |child: &Child| child.first.id == entry.id || child.first.is_before(entry, is_before);
    partition(children, is_reached).saturating_sub(1)
}

/// The child that holds a rank, and the rank within it. The end belongs to the last child.
#[inline]
fn descend(children: &[Child], mut rank: usize) -> (usize, usize) {
    let last = children.len() - 1;
    for (place, child) in children[..last].iter().enumerate() {
        if rank < child.count as usize {
            return (place, rank);
        }
        rank -= child.count as usize;
    }
    (last, rank)
}

/// The first place whose item is not accepted; those before it all are. With branches, which let the processor look
/// ahead at members while it waits for one: the standard library's way without them takes half as long again.
#[inline]
fn partition<T>(items: &[T], accepts: impl Fn(&T) -> bool) -> usize {
    let (mut low, mut high) = (0, items.len());
    while low < high {
        let middle = low.midpoint(high);
        if accepts(&items[middle]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn insert_entry(entries: &mut Vec<Entry>, rank: usize, entry: Entry, bytes: &mut usize) {
    if entries.len() == entries.capacity() {
        let held = entries.capacity();
        entries.reserve_exact(LEAF_STEP);
        *bytes += (entries.capacity() - held) * ENTRY_BYTES;
    }
    entries.insert(rank, entry);
}

/// Branches hold memory for all the children they may get, once and for all: there are few of them.
fn reserve_children(children: &mut Vec<Child>, bytes: &mut usize) {
    let held = children.capacity();
    children.reserve_exact(BRANCH_MAX - children.len());
    *bytes += (children.capacity() - held) * CHILD_BYTES;
}
