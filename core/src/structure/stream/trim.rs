//! Trimming: taking entries off the front, exactly or a node at a time.

use super::id::StreamId;
use super::log::{Log, NodeLimits};

/// How far an approximate trim goes without LIMIT: this many full nodes.
const LIMIT_NODES: u64 = 100;
/// The same in entries when nodes have no limit.
const LIMIT_UNKNOWN: u64 = 10_000;
/// The most entries an approximate trim removes without LIMIT.
const LIMIT_MAX: u64 = 1_000_000;

/// What is left after trimming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// MAXLEN: this many of the newest entries.
    MaxLen(u64),
    /// MINID: the entries from this ID on.
    MinId(StreamId),
}

/// A trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What is left.
    pub to: TrimTo,
    /// `~`: only whole nodes go, so more may be left.
    pub approximate: bool,
    /// LIMIT: the most entries to remove; 0 for no limit. Only for approximate trims.
    pub limit: u64,
}

/// The limit of an approximate trim that names none, in entries.
pub fn default_limit(limits: NodeLimits) -> u64 {
    match u64::from(limits.entries_max) * LIMIT_NODES {
        0 => LIMIT_UNKNOWN,
        entries => entries.min(LIMIT_MAX),
    }
}

impl Log {
    /// Trims, and returns how many entries were removed.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        self.trim_telling(trim, None)
    }

    /// Trims, and tells the ID of each entry that is removed.
    pub(super) fn trim_telling(&mut self, trim: &Trim, mut gone: Option<&mut dyn FnMut(StreamId)>) -> u64 {
        let mut removed = 0;
        while let Some((first, node)) = self.nodes.first_key_value() {
            let (first, last, live) = (*first, node.last(), u64::from(node.live()));
            if self.len <= trim.to.len_min() || trim.limit > 0 && removed + live > trim.limit {
                break;
            }
            let whole = match trim.to {
                TrimTo::MaxLen(len) => self.len - live >= len,
                TrimTo::MinId(id) => last < id,
            };
            if !whole {
                if !trim.approximate {
                    removed += self.trim_node(first, trim.to, gone.as_mut());
                }
                break;
            }
            if let Some(gone) = &mut gone {
                let slots = node.slots(first).filter(|slot| !slot.deleted);
                slots.for_each(|slot| gone(slot.entry.id));
            }
            self.remove_node(first);
            self.len -= live;
            removed += live;
        }
        if removed > 0 {
            self.find_first();
        }
        removed
    }

    /// Marks entries at the front of a node as deleted, but not all of them.
    fn trim_node(&mut self, first: StreamId, to: TrimTo, mut gone: Option<&mut &mut dyn FnMut(StreamId)>) -> u64 {
        let Some(node) = self.nodes.get_mut(&first) else {
            return 0;
        };
        let excess = match to {
            TrimTo::MaxLen(len) => self.len.saturating_sub(len),
            TrimTo::MinId(_) => u64::MAX,
        };
        let goes = |id: StreamId| match to {
            TrimTo::MaxLen(_) => true,
            TrimTo::MinId(min) => id < min,
        };
        let slots = node.slots(first).take_while(|slot| goes(slot.entry.id)).filter(|slot| !slot.deleted);
        let mut headers = Vec::new();
        for slot in slots.take(usize::try_from(excess).unwrap_or(usize::MAX)) {
            headers.push(slot.at);
            if let Some(gone) = &mut gone {
                gone(slot.entry.id);
            }
        }
        headers.iter().for_each(|at| node.mark_deleted(*at));
        let emptied = node.live() == 0;
        self.len -= headers.len() as u64;
        if emptied {
            self.remove_node(first);
        }
        headers.len() as u64
    }
}

impl TrimTo {
    /// The length at which there is nothing more to do.
    fn len_min(self) -> u64 {
        match self {
            TrimTo::MaxLen(len) => len,
            TrimTo::MinId(_) => 0,
        }
    }
}
