//! Consumer groups: how far a group has read, its consumers, and the entries delivered but not acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::id::StreamId;
use super::log::Log;
use super::range::Entry;
use super::tree_bytes;

/// Names a consumer within its group; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumerId(u64);

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Whose it is.
    pub consumer: ConsumerId,
    /// When it was last delivered.
    pub delivered_ms: u64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// When it last tried to do something.
    pub seen_ms: u64,
    /// When it last got an entry.
    pub active_ms: Option<u64>,
    name: Arc<[u8]>,
    pub(super) pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries it has pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}

/// Whether entries that are read wait for an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// They become pending.
    Needed,
    /// NOACK: they do not.
    NotNeeded,
}

/// A pending entry that its consumer reads again.
#[derive(Clone, Debug)]
pub struct PendingRead<'a> {
    /// Its ID.
    pub id: StreamId,
    /// The entry unless it was deleted.
    pub entry: Option<Entry<'a>>,
}

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    last_id: StreamId,
    entries_read: Option<u64>,
    pub(super) pending: BTreeMap<StreamId, Pending>,
    pub(super) consumers: BTreeMap<ConsumerId, Consumer>,
    by_name: BTreeMap<Arc<[u8]>, ConsumerId>,
    next_consumer: u64,
    names_bytes: usize,
}

impl Group {
    /// A group that goes on after `last_id`. `entries_read` is how many entries were added up to there, if known.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Group { last_id, entries_read, ..Group::default() }
    }

    /// Sets how far the group has read.
    pub fn set_last_id(&mut self, last_id: StreamId, entries_read: Option<u64>) {
        (self.last_id, self.entries_read) = (last_id, entries_read);
    }

    /// Moves the last ID forward, as XCLAIM's LASTID does; never back.
    pub fn raise_last_id(&mut self, last_id: StreamId) {
        self.last_id = self.last_id.max(last_id);
    }

    /// The consumer of this name, which is created if need be, and whether it was. It counts as seen now.
    pub fn see_consumer(&mut self, name: &[u8], now_ms: u64) -> (ConsumerId, bool) {
        if let Some(id) = self.find_consumer(name) {
            self.consumer_mut(id).seen_ms = now_ms;
            return (id, false);
        }
        let id = ConsumerId(self.next_consumer);
        self.next_consumer += 1;
        let name: Arc<[u8]> = name.into();
        let consumer = Consumer { seen_ms: now_ms, active_ms: None, name: name.clone(), pending: BTreeSet::new() };
        self.names_bytes += name_bytes(&name);
        self.consumers.insert(id, consumer);
        self.by_name.insert(name, id);
        (id, true)
    }

    /// Removes a consumer and its pending entries, and returns how many those were; `None` when there is no such
    /// consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.by_name.remove(name)?;
        let consumer = self.consumers.remove(&id)?;
        self.names_bytes -= name_bytes(&consumer.name);
        consumer.pending.iter().for_each(|entry| {
            self.pending.remove(entry);
        });
        Some(consumer.pending.len())
    }

    /// Delivers up to `count` entries that no consumer of the group has had (XREADGROUP with `>`), and returns how
    /// many.
    pub fn read_new<'a>(
        &mut self,
        log: &'a Log,
        consumer: ConsumerId,
        count: usize,
        acknowledgement: Acknowledgement,
        now_ms: u64,
        mut each: impl FnMut(Entry<'a>),
    ) -> usize {
        let Some(start) = self.last_id.next() else {
            return 0;
        };
        let mut read = 0;
        for entry in log.range(start, StreamId::MAX).take(count) {
            self.advance(log, entry.id);
            if acknowledgement == Acknowledgement::Needed {
                self.assign(entry.id, Pending { consumer, delivered_ms: now_ms, deliveries: 1 });
            }
            each(entry);
            read += 1;
        }
        if read > 0 && acknowledgement == Acknowledgement::Needed {
            self.consumer_mut(consumer).active_ms = Some(now_ms);
        }
        read
    }

    /// Delivers up to `count` of a consumer's pending entries after `after` once more (XREADGROUP with an ID), and
    /// returns how many.
    pub fn read_pending<'a>(
        &mut self,
        log: &'a Log,
        consumer: ConsumerId,
        after: StreamId,
        count: usize,
        now_ms: u64,
        mut each: impl FnMut(PendingRead<'a>),
    ) -> usize {
        let Some(start) = after.next() else {
            return 0;
        };
        let ids = self.consumers.get(&consumer).into_iter().flat_map(|consumer| consumer.pending.range(start..));
        let mut read = 0;
        for id in ids.take(count) {
            let entry = log.get(*id);
            if let Some(pending) = self.pending.get_mut(id).filter(|_| entry.is_some()) {
                pending.delivered_ms = now_ms;
                pending.deliveries = pending.deliveries.saturating_add(1);
            }
            each(PendingRead { id: *id, entry });
            read += 1;
        }
        read
    }

    /// Takes an entry off the pending ones; false when it was not there.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else {
            return false;
        };
        self.consumer_mut(pending.consumer).pending.remove(&id);
        true
    }

    /// Adds a pending entry from a payload; false when it is pending already or the consumer is not of this group.
    pub fn restore_pending(&mut self, id: StreamId, pending: Pending) -> bool {
        let fits = self.consumers.contains_key(&pending.consumer) && !self.pending.contains_key(&id);
        if fits {
            self.assign(id, pending);
        }
        fits
    }

    /// The last ID the group has read.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// How many entries had been added up to the last ID, if known.
    pub fn entries_read(&self) -> Option<u64> {
        self.entries_read
    }

    /// How many entries the group has still to read; `None` when deletions hide it. Negative when ENTRIESREAD was set
    /// beyond what was added.
    pub fn lag(&self, log: &Log) -> Option<i64> {
        let read = match self.entries_read {
            _ if log.entries_added() == 0 => 0,
            Some(read) if !log.has_deleted_from(self.last_id) => read,
            _ => log.position(self.last_id)?,
        };
        Some(log.entries_added().wrapping_sub(read) as i64)
    }

    /// The consumer of this name.
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.by_name.get(name).copied()
    }

    /// A consumer; `None` after it was removed.
    pub fn consumer(&self, id: ConsumerId) -> Option<&Consumer> {
        self.consumers.get(&id)
    }

    /// The consumers in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.by_name.values().filter_map(|id| self.consumers.get(id))
    }

    /// How many consumers there are.
    pub fn consumers_len(&self) -> usize {
        self.consumers.len()
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entry of this ID.
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// The pending entries from `start` to `end`, both included, from either end.
    pub fn pending_range(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        // An empty range must not have its ends the wrong way round.
        let range = (start <= end).then(|| self.pending.range(start..=end));
        range.into_iter().flatten().map(|(id, pending)| (*id, pending))
    }

    /// The pending entries of one consumer from `start` to `end`, both included.
    pub fn consumer_pending_range(
        &self,
        consumer: ConsumerId,
        start: StreamId,
        end: StreamId,
    ) -> impl Iterator<Item = (StreamId, &Pending)> {
        let consumer = self.consumers.get(&consumer).filter(|_| start <= end);
        let ids = consumer.into_iter().flat_map(move |consumer| consumer.pending.range(start..=end));
        ids.filter_map(|id| self.pending.get(id).map(|pending| (*id, pending)))
    }

    /// The memory behind the group, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let pending = tree_bytes::<(StreamId, Pending)>() + tree_bytes::<StreamId>();
        let consumer = tree_bytes::<(ConsumerId, Consumer)>() + tree_bytes::<(Arc<[u8]>, ConsumerId)>();
        self.pending.len() * pending + self.consumers.len() * consumer + self.names_bytes
    }

    /// Makes an entry pending, whosever it was.
    pub(super) fn assign(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending);
        if let Some(before) = before.filter(|before| before.consumer != pending.consumer) {
            self.consumer_mut(before.consumer).pending.remove(&id);
        }
        self.consumer_mut(pending.consumer).pending.insert(id);
    }

    pub(super) fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers.get_mut(&id).expect("callers look consumers up, and removal takes their pending entries along")
    }

    /// Notes that the entry of this ID, which is after the last, was read.
    fn advance(&mut self, log: &Log, id: StreamId) {
        self.entries_read = match self.entries_read {
            Some(read) if !log.has_deleted_from(id) => read.checked_add(1),
            _ => log.position(id),
        };
        self.last_id = id;
    }
}

/// A name is held once, with the two counters of its `Arc`.
fn name_bytes(name: &[u8]) -> usize {
    name.len() + 2 * size_of::<usize>()
}
