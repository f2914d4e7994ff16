//! Deleting entries with regard to the groups that still refer to them.

use super::id::StreamId;
use super::trim::{Trim, TrimTo};
use super::{Group, Stream};

/// What groups that refer to an entry mean for its deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// KEEPREF: nothing; pending entries may outlive what they refer to.
    #[default]
    Keep,
    /// DELREF: the entry is taken off the pending entries of all groups too.
    Delete,
    /// ACKED: an entry stays until every group has read and acknowledged it.
    Acknowledged,
}

/// What became of an entry to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone.
    Deleted,
    /// There is none of this ID.
    Missing,
    /// A group has still to read or acknowledge it.
    Referenced,
}

impl Stream {
    /// Deletes an entry.
    pub fn delete(&mut self, id: StreamId, references: References) -> Deletion {
        if self.log.get(id).is_none() {
            return Deletion::Missing;
        }
        match references {
            References::Acknowledged if self.is_referenced(id) => return Deletion::Referenced,
            References::Delete => self.forget(id),
            References::Keep | References::Acknowledged => {}
        }
        self.log.delete(id);
        Deletion::Deleted
    }

    /// Trims, and returns how many entries were removed. With [`References::Acknowledged`], those that are referred to
    /// stay and later ones go instead.
    pub fn trim(&mut self, trim: &Trim, references: References) -> u64 {
        match references {
            References::Keep => self.log.trim(trim),
            References::Acknowledged => self.trim_acknowledged(trim),
            References::Delete => {
                let Stream { log, groups, groups_bytes } = self;
                log.trim_telling(trim, Some(&mut |id| acknowledge_all(groups, groups_bytes, id)))
            }
        }
    }

    fn trim_acknowledged(&mut self, trim: &Trim) -> u64 {
        let mut removed = 0;
        let mut next = Some(StreamId::MIN);
        while let Some(id) = next.and_then(|start| self.log.range(start, StreamId::MAX).next()).map(|entry| entry.id) {
            let is_done = match trim.to {
                TrimTo::MaxLen(len) => self.log.len() <= len,
                TrimTo::MinId(min) => id >= min,
            };
            if is_done || trim.limit > 0 && removed == trim.limit {
                break;
            }
            removed += u64::from(self.delete(id, References::Acknowledged) == Deletion::Deleted);
            next = id.next();
        }
        removed
    }

    /// Whether a group has still to read an entry, or a consumer to acknowledge it.
    fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.iter().any(|(_, group)| id > group.last_id() || group.pending(id).is_some())
    }

    /// Takes an entry off the pending entries of all groups.
    fn forget(&mut self, id: StreamId) {
        acknowledge_all(&mut self.groups, &mut self.groups_bytes, id);
    }
}

fn acknowledge_all(groups: &mut [(Box<[u8]>, Box<Group>)], bytes: &mut usize, id: StreamId) {
    for (_, group) in groups {
        let before = group.heap_bytes();
        group.acknowledge(id);
        *bytes = *bytes - before + group.heap_bytes();
    }
}
