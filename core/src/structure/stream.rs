//! The stream: an append-only log of entries in ID order, and the consumer groups that read it.
//!
//! Entries stand in small nodes; an entry whose fields are those of its node's first entry does not repeat their names.
//! Time comes in as `now_ms`. A stream has no serialized form of its own: a payload is read entry by entry through
//! [`Log::append`], [`Log::set_state`] and [`Group::restore_pending`], which check what they are given.

mod claim;
mod group;
mod id;
mod log;
mod node;
mod range;
mod references;
mod restore;
mod text;
mod tree;
mod trim;
mod walk;

#[cfg(test)]
mod tests;

pub use claim::{AutoClaim, AutoClaimed, Claim, Claimed};
pub use group::{Acknowledgement, Consumer, ConsumerId, Delivery, Group, Pending, PendingRange};
pub use id::{InvalidId, NewId, StreamId};
pub use log::{AppendError, Log, NodeLimits, StateError, Words};
pub use range::{Entries, Entry, Fields};
pub use references::{Deletion, References};
pub use text::Text;
pub use trim::{Trim, TrimTo, default_limit};
pub use walk::Run;

/// A stream: its log and its groups by name.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    log: Log,
    /// In the order of their names. Looking one up halves the list; a new one moves three words for each behind it.
    groups: Vec<(Box<[u8]>, Box<Group>)>,
    groups_bytes: usize,
}

impl Stream {
    /// A stream without entries and groups.
    pub fn new() -> Self {
        Stream::default()
    }

    /// The entries, to change them.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Adds a group; false when the name is taken.
    pub fn create_group(&mut self, name: &[u8], group: Group) -> bool {
        let Err(place) = self.place_of(name) else {
            return false;
        };
        self.groups_bytes += group_bytes(name, &group);
        self.groups.insert(place, (name.into(), Box::new(group)));
        true
    }

    /// Removes a group with its consumers and pending entries; false when there is none of this name.
    pub fn destroy_group(&mut self, name: &[u8]) -> bool {
        let Ok(place) = self.place_of(name) else {
            return false;
        };
        let (_, group) = self.groups.remove(place);
        self.groups_bytes -= group_bytes(name, &group);
        true
    }

    /// Gives `action` the log and the group of this name, to change the group; `None` when there is no such group.
    pub fn with_group<Output>(
        &mut self,
        name: &[u8],
        action: impl FnOnce(&Log, &mut Group) -> Output,
    ) -> Option<Output> {
        let place = self.place_of(name).ok()?;
        let group = &mut *self.groups[place].1;
        self.groups_bytes -= group.heap_bytes();
        let output = action(&self.log, group);
        self.groups_bytes += group.heap_bytes();
        Some(output)
    }

    /// The entries.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The group of this name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.place_of(name).ok().map(|place| &*self.groups[place].1)
    }

    /// The groups in the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, &**group))
    }

    /// The memory behind the stream, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.log.heap_bytes() + self.groups_bytes
    }

    /// Where the name stands among the names, or would.
    fn place_of(&self, name: &[u8]) -> Result<usize, usize> {
        self.groups.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

fn group_bytes(name: &[u8], group: &Group) -> usize {
    // The list has up to twice the room it needs.
    2 * size_of::<(Box<[u8]>, Box<Group>)>() + size_of::<Group>() + name.len() + group.heap_bytes()
}
