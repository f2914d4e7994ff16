//! A B+ tree of rows by ID. It knows one kind of row only, for each kind would be compiled anew.

use super::id::StreamId;

/// Rows of a leaf, and children of a branch, at most.
const WIDTH_MAX: usize = 32;
/// A node with no more than this looks for a neighbour to become one with.
const NARROW_MAX: usize = WIDTH_MAX / 4;
/// Neighbours with no more than this together become one.
const MERGED_MAX: usize = WIDTH_MAX * 3 / 4;

/// What is kept under an ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: StreamId,
    /// A place in a list of the tree's user.
    pub(super) place: u32,
    /// What the tree's user likes to keep.
    pub(super) numbers: [u64; 2],
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Row>),
    Branch(Vec<Child>),
}

#[derive(Clone, Debug)]
struct Child {
    /// No row of the child is before this, and those of its predecessors all are.
    start: StreamId,
    node: Node,
}

/// The tree. All leaves are equally deep, and only that of an empty tree has no rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    root: Node,
    len: usize,
}

/// The rows of a range.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    tree: &'a Tree,
    run: &'a [Row],
    /// Where the next run begins.
    next: Option<StreamId>,
    last: StreamId,
    is_reverse: bool,
}

impl Tree {
    /// The memory of a row in bytes: half-full leaves are the worst case, and appending in order fills them.
    pub(super) const ROW_BYTES: usize = size_of::<Row>() * 2;

    /// Puts a row in, and returns the one of the same ID that was there.
    pub(super) fn insert(&mut self, row: Row) -> Option<Row> {
        let mut before = None;
        if let Some(upper) = self.root.insert(row, &mut before) {
            let lower = Child { start: StreamId::MIN, node: std::mem::take(&mut self.root) };
            self.root = Node::Branch(vec![lower, upper]);
        }
        self.len += usize::from(before.is_none());
        before
    }

    pub(super) fn remove(&mut self, id: StreamId) -> Option<Row> {
        let row = self.root.remove(id)?;
        self.len -= 1;
        while let Node::Branch(children) = &mut self.root
            && children.len() == 1
        {
            self.root = children.pop().map(|child| child.node).unwrap_or_default();
        }
        Some(row)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&Row> {
        self.at_or_after(id).filter(|row| row.id == id)
    }

    /// The numbers of a row, to be changed.
    pub(super) fn numbers_mut(&mut self, id: StreamId) -> Option<&mut [u64; 2]> {
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Branch(children) => {
                    let place = place_of(children, id);
                    node = &mut children[place].node;
                }
                Node::Leaf(rows) => {
                    let place = partition(rows, |row| row.id < id);
                    return rows.get_mut(place).filter(|row| row.id == id).map(|row| &mut row.numbers);
                }
            }
        }
    }

    pub(super) fn at_or_after(&self, id: StreamId) -> Option<&Row> {
        self.run(id, false).first()
    }

    pub(super) fn at_or_before(&self, id: StreamId) -> Option<&Row> {
        self.run(id, true).last()
    }

    /// The rows from `start` to `end`, both included; from the end if `is_reverse`.
    pub(super) fn rows(&self, start: StreamId, end: StreamId, is_reverse: bool) -> Rows<'_> {
        let (next, last) = if is_reverse { (end, start) } else { (start, end) };
        Rows { tree: self, run: &[], next: Some(next), last, is_reverse }
    }

    /// The rows from `id` on, or up to it if `is_reverse`, as far as they stand in one leaf; empty if there are none.
    fn run(&self, id: StreamId, is_reverse: bool) -> &[Row] {
        let (mut node, mut neighbour) = (&self.root, None);
        loop {
            match node {
                Node::Branch(children) => {
                    let place = place_of(children, id);
                    let beside = if is_reverse { place.checked_sub(1) } else { Some(place + 1) };
                    neighbour = beside.and_then(|beside| children.get(beside)).or(neighbour);
                    node = &children[place].node;
                }
                Node::Leaf(rows) => {
                    let place = partition(rows, |row| row.id < id || is_reverse && row.id == id);
                    let (before, after) = rows.split_at(place);
                    let run = if is_reverse { before } else { after };
                    match neighbour.take() {
                        Some(beside) if run.is_empty() => node = &beside.node,
                        _ => return run,
                    }
                }
            }
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.run.is_empty() {
            self.run = self.tree.run(self.next?, self.is_reverse);
        }
        let (row, rest) = if self.is_reverse { self.run.split_last()? } else { self.run.split_first()? };
        (self.run, self.next) = (rest, if self.is_reverse { row.id.previous() } else { row.id.next() });
        let is_beyond = if self.is_reverse { row.id < self.last } else { row.id > self.last };
        if is_beyond {
            (self.run, self.next) = (&[], None);
            return None;
        }
        Some(*row)
    }
}

impl Default for Node {
    fn default() -> Self {
        Node::Leaf(Vec::new())
    }
}

impl Node {
    /// Puts a row in, and returns the upper half when the node had to be split.
    fn insert(&mut self, row: Row, before: &mut Option<Row>) -> Option<Child> {
        match self {
            Node::Leaf(rows) => {
                let place = partition(rows, |other| other.id < row.id);
                if let Some(known) = rows.get_mut(place).filter(|known| known.id == row.id) {
                    *before = Some(std::mem::replace(known, row));
                    return None;
                }
                let upper = insert_at(rows, place, row)?;
                Some(Child { start: upper[0].id, node: Node::Leaf(upper) })
            }
            Node::Branch(children) => {
                let place = place_of(children, row.id);
                let child = children[place].node.insert(row, before)?;
                let upper = insert_at(children, place + 1, child)?;
                Some(Child { start: upper[0].start, node: Node::Branch(upper) })
            }
        }
    }

    fn remove(&mut self, id: StreamId) -> Option<Row> {
        match self {
            Node::Leaf(rows) => {
                let place = partition(rows, |row| row.id < id);
                rows.get(place).filter(|row| row.id == id)?;
                Some(rows.remove(place))
            }
            Node::Branch(children) => {
                let place = place_of(children, id);
                let row = children[place].node.remove(id)?;
                merge_near(children, place);
                Some(row)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Node::Leaf(rows) => rows.len(),
            Node::Branch(children) => children.len(),
        }
    }
}

/// The child that has the ID if any has.
fn place_of(children: &[Child], id: StreamId) -> usize {
    partition(children, |child| child.start <= id).saturating_sub(1)
}

/// The first place whose item is not accepted; those before it all are. With branches, unlike the standard library's:
/// most searches go the way of the one before, and many to the end.
#[inline]
fn partition<Item>(items: &[Item], accepts: impl Fn(&Item) -> bool) -> usize {
    if items.last().is_some_and(&accepts) {
        return items.len();
    }
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

/// Inserts an item, and returns the upper half when the list had to be split. What only grows at its end leaves full
/// lists behind.
fn insert_at<Item>(items: &mut Vec<Item>, place: usize, item: Item) -> Option<Vec<Item>> {
    if items.len() < WIDTH_MAX {
        items.insert(place, item);
        return None;
    }
    let middle = if place == WIDTH_MAX { WIDTH_MAX } else { WIDTH_MAX / 2 };
    let mut upper = items.split_off(middle);
    let (half, place) = if place < middle { (items, place) } else { (&mut upper, place - middle) };
    half.insert(place, item);
    Some(upper)
}

/// Drops a child that became empty, or merges it with the previous or the next one if the two fit into one.
fn merge_near(children: &mut Vec<Child>, place: usize) {
    match children[place].node.len() {
        0 => {
            children.remove(place);
            return;
        }
        len if len > NARROW_MAX => return,
        _ => {}
    }
    for lower in [place.saturating_sub(1), place] {
        let Some([one, other]) = children.get_mut(lower..).and_then(<[Child]>::first_chunk_mut) else {
            continue;
        };
        if one.node.len() + other.node.len() > MERGED_MAX {
            continue;
        }
        match (&mut one.node, &mut other.node) {
            (Node::Leaf(one), Node::Leaf(other)) => one.append(other),
            (Node::Branch(one), Node::Branch(other)) => one.append(other),
            _ => unreachable!("all leaves are equally deep"),
        }
        children.remove(lower + 1);
        return;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn row(key: u16, number: u64) -> Row {
        // Both halves of the ID take part in the order.
        Row { id: StreamId { ms: u64::from(key >> 4), seq: u64::from(key & 15) }, place: 0, numbers: [number; 2] }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert {
            key: u16,
        },
        /// Behind the last, as streams grow.
        Append {
            count: u16,
        },
        Remove {
            key: u16,
        },
        /// From the front, as entries are acknowledged.
        Shift {
            count: u16,
        },
        Range {
            start: u16,
            end: u16,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = 0..4000u16;
        prop_oneof![
            4 => key.clone().prop_map(|key| Step::Insert { key }),
            2 => (1..300u16).prop_map(|count| Step::Append { count }),
            4 => key.clone().prop_map(|key| Step::Remove { key }),
            1 => (1..200u16).prop_map(|count| Step::Shift { count }),
            1 => (key.clone(), key).prop_map(|(start, end)| Step::Range { start, end }),
        ]
    }

    /// The height, if all leaves are equally deep, nothing is empty and the starts of children part them.
    fn height(node: &Node, from: StreamId, to: Option<StreamId>) -> usize {
        match node {
            Node::Leaf(rows) => {
                assert!(rows.len() <= WIDTH_MAX && rows.is_sorted_by_key(|row| row.id));
                assert!(rows.iter().all(|row| row.id >= from && to.is_none_or(|to| row.id < to)));
                0
            }
            Node::Branch(children) => {
                assert!(children.len() <= WIDTH_MAX && children.iter().all(|child| child.node.len() > 0));
                let heights = children.iter().enumerate().map(|(place, child)| {
                    let from = if place == 0 { from } else { child.start };
                    height(&child.node, from, children.get(place + 1).map(|next| next.start).or(to))
                });
                let heights: Vec<usize> = heights.collect();
                assert!(heights.iter().all(|height| *height == heights[0]));
                heights[0] + 1
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_tree_is_a_map(steps in vec(step(), 1..120)) {
            let (mut tree, mut model) = (Tree::default(), BTreeMap::new());
            for (number, step) in steps.into_iter().enumerate() {
                let put = |tree: &mut Tree, model: &mut BTreeMap<StreamId, Row>, key| {
                    let row = row(key, number as u64);
                    assert_eq!(tree.insert(row), model.insert(row.id, row));
                };
                match step {
                    Step::Insert { key } => put(&mut tree, &mut model, key),
                    Step::Append { count } => {
                        let last = model.last_key_value().map_or(0, |(id, _)| (id.ms << 4 | id.seq) as u16);
                        (0..count).for_each(|more| put(&mut tree, &mut model, last + more));
                    }
                    Step::Remove { key } => {
                        let id = row(key, 0).id;
                        prop_assert_eq!(tree.remove(id), model.remove(&id));
                    }
                    Step::Shift { count } => for _ in 0..count {
                        let first = model.pop_first().map(|(_, row)| row);
                        prop_assert_eq!(tree.at_or_after(StreamId::MIN).copied(), first);
                        prop_assert_eq!(first.and_then(|row| tree.remove(row.id)), first);
                    },
                    Step::Range { start, end } => {
                        let (start, end) = (row(start, 0).id, row(end, 0).id);
                        let expected: Vec<Row> =
                            model.values().filter(|row| row.id >= start && row.id <= end).copied().collect();
                        prop_assert!(tree.rows(start, end, false).eq(expected.iter().copied()));
                        prop_assert!(tree.rows(start, end, true).eq(expected.iter().rev().copied()));
                        prop_assert_eq!(tree.get(start), model.get(&start));
                        let before = model.range(..=start).next_back().map(|(_, row)| row);
                        prop_assert_eq!(tree.at_or_before(start), before);
                        prop_assert_eq!(tree.at_or_after(start), model.range(start..).next().map(|(_, row)| row));
                    }
                }
                prop_assert_eq!(tree.len(), model.len());
                height(&tree.root, StreamId::MIN, None);
            }
            prop_assert!(tree.rows(StreamId::MIN, StreamId::MAX, false).eq(model.into_values()));
        }
    }
}
