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
        while let Some(place) = self.index.at_or_after(StreamId::MIN).map(|row| row.place as usize) {
            let node = &self.nodes[place];
            let (last, live) = (node.last(), u64::from(node.live()));
            if self.len <= trim.to.len_min() || trim.limit > 0 && removed + live > trim.limit {
                break;
            }
            let whole = match trim.to {
                TrimTo::MaxLen(len) => self.len - live >= len,
                TrimTo::MinId(id) => last < id,
            };
            if !whole {
                if !trim.approximate {
                    removed += self.trim_node(place, trim.to, &mut gone);
                }
                break;
            }
            if let Some(gone) = &mut gone {
                let mut slots = node.slots();
                while let Some(slot) = slots.next_live(StreamId::MIN) {
                    gone(slot.entry.id);
                }
            }
            self.remove_node(place);
            self.len -= live;
            removed += live;
        }
        if removed > 0 {
            self.find_first();
        }
        removed
    }

    /// Marks entries at the front of a node as deleted, but not all of them.
    fn trim_node(&mut self, place: usize, to: TrimTo, gone: &mut Option<&mut dyn FnMut(StreamId)>) -> u64 {
        let (excess, end) = match to {
            TrimTo::MaxLen(len) => (self.len.saturating_sub(len), None),
            TrimTo::MinId(min) => (u64::MAX, Some(min)),
        };
        self.keep(place);
        let node = &mut self.nodes[place];
        let mut headers = Vec::new();
        let mut slots = node.slots();
        while (headers.len() as u64) < excess
            && let Some(slot) = slots.next_live(StreamId::MIN).filter(|slot| end.is_none_or(|end| slot.entry.id < end))
        {
            headers.push(slot.at);
            if let Some(gone) = gone {
                gone(slot.entry.id);
            }
        }
        headers.iter().for_each(|at| node.mark_deleted(*at));
        let emptied = node.live() == 0;
        self.len -= headers.len() as u64;
        if emptied {
            self.remove_node(place);
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
