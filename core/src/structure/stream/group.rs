//! Consumer groups: how far a group has read, its consumers, and the entries delivered but not acknowledged.

use super::id::StreamId;
use super::log::Log;
use super::range::Entry;
use super::tree::{Row, Rows, Tree};

/// Names a consumer within its group, as long as it is there: its place in the list of consumers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumerId(u32);

impl ConsumerId {
    /// No consumer's.
    pub(super) const NONE: ConsumerId = ConsumerId(u32::MAX);
}

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
    name: Box<[u8]>,
    /// The rows of the group that are its own.
    pub(super) pending: Tree,
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

    /// Its pending entries from `start` to `end`, both included.
    pub fn pending_range(&self, start: StreamId, end: StreamId) -> PendingRange<'_> {
        PendingRange(self.pending.rows(start, end, false))
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

/// An entry that a consumer reads.
#[derive(Clone, Debug)]
pub struct Delivery<'a> {
    /// Its ID.
    pub id: StreamId,
    /// The entry unless it was deleted.
    pub entry: Option<Entry<'a>>,
}

/// Pending entries in the order of their IDs.
#[derive(Clone, Debug)]
pub struct PendingRange<'a>(Rows<'a>);

impl Iterator for PendingRange<'_> {
    type Item = (StreamId, Pending);

    fn next(&mut self) -> Option<(StreamId, Pending)> {
        self.0.next().map(|row| (row.id, Pending::of(&row)))
    }
}

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    last_id: StreamId,
    entries_read: Option<u64>,
    pub(super) pending: Tree,
    /// By number; the places of those that were removed are taken again.
    consumers: Vec<Option<Consumer>>,
    /// The numbers of the consumers in the order of their names.
    by_name: Vec<u32>,
    names_bytes: usize,
}

impl Pending {
    pub(super) fn of(row: &Row) -> Pending {
        Pending { consumer: ConsumerId(row.place), delivered_ms: row.numbers[0], deliveries: row.numbers[1] }
    }

    pub(super) fn row(&self, id: StreamId) -> Row {
        Row { id, place: self.consumer.0, numbers: [self.delivered_ms, self.deliveries] }
    }
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
        let place = match self.place_of(name) {
            Ok(place) => {
                let id = ConsumerId(self.by_name[place]);
                self.consumer_mut(id).seen_ms = now_ms;
                return (id, false);
            }
            Err(place) => place,
        };
        let number = if self.consumers.len() == self.by_name.len() {
            self.consumers.push(None);
            self.consumers.len() - 1
        } else {
            self.consumers.iter().position(Option::is_none).expect("a consumer was removed")
        };
        let consumer = Consumer { seen_ms: now_ms, active_ms: None, name: name.into(), pending: Tree::default() };
        self.consumers[number] = Some(consumer);
        self.names_bytes += name.len();
        let id = ConsumerId(u32::try_from(number).expect("memory holds fewer consumers"));
        self.by_name.insert(place, id.0);
        (id, true)
    }

    /// Removes a consumer and its pending entries, and returns how many those were; `None` when there is no such
    /// consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let place = self.place_of(name).ok()?;
        let number = self.by_name.remove(place);
        let consumer = self.consumers[number as usize].take()?;
        while self.consumers.pop_if(|consumer| consumer.is_none()).is_some() {}
        self.names_bytes -= name.len();
        for (id, _) in consumer.pending_range(StreamId::MIN, StreamId::MAX) {
            self.pending.remove(id);
        }
        Some(consumer.pending_len())
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
        each: &mut dyn FnMut(Delivery<'a>),
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
            each(Delivery { id: entry.id, entry: Some(entry) });
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
        each: &mut dyn FnMut(Delivery<'a>),
    ) -> usize {
        let Some(start) = after.next() else {
            return 0;
        };
        let Some(consumer) = self.consumers.get_mut(consumer.0 as usize).and_then(Option::as_mut) else {
            return 0;
        };
        let ids: Vec<StreamId> = consumer.pending_range(start, StreamId::MAX).take(count).map(|(id, _)| id).collect();
        for &id in &ids {
            let entry = log.get(id);
            if entry.is_some() {
                for tree in [&mut self.pending, &mut consumer.pending] {
                    let [delivered_ms, deliveries] = tree.numbers_mut(id).expect("both trees have the row");
                    (*delivered_ms, *deliveries) = (now_ms, deliveries.saturating_add(1));
                }
            }
            each(Delivery { id, entry });
        }
        ids.len()
    }

    /// Takes an entry off the pending ones; false when it was not there.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(row) = self.pending.remove(id) else {
            return false;
        };
        self.consumer_mut(ConsumerId(row.place)).pending.remove(id);
        true
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
        self.place_of(name).ok().map(|place| ConsumerId(self.by_name[place]))
    }

    /// A consumer, unless it was removed.
    pub fn consumer(&self, id: ConsumerId) -> Option<&Consumer> {
        self.consumers.get(id.0 as usize)?.as_ref()
    }

    /// The consumers in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.by_name.iter().filter_map(|number| self.consumer(ConsumerId(*number)))
    }

    /// How many consumers there are.
    pub fn consumers_len(&self) -> usize {
        self.by_name.len()
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entry of this ID.
    pub fn pending(&self, id: StreamId) -> Option<Pending> {
        self.pending.get(id).map(Pending::of)
    }

    /// The IDs of the first and the last pending entry.
    pub fn pending_ends(&self) -> Option<(StreamId, StreamId)> {
        Some((self.pending_from(StreamId::MIN)?, self.pending.at_or_before(StreamId::MAX)?.id))
    }

    /// The first ID of a pending entry from `start` on.
    pub(super) fn pending_from(&self, start: StreamId) -> Option<StreamId> {
        self.pending.at_or_after(start).map(|row| row.id)
    }

    /// The pending entries from `start` to `end`, both included.
    pub fn pending_range(&self, start: StreamId, end: StreamId) -> PendingRange<'_> {
        PendingRange(self.pending.rows(start, end, false))
    }

    /// The memory behind the group, in bytes.
    pub fn heap_bytes(&self) -> usize {
        // Lists have up to twice the room they need.
        let consumer = 2 * (size_of::<Option<Consumer>>() + size_of::<u32>());
        // A pending entry is in the tree of the group and in that of its consumer.
        self.pending.len() * 2 * Tree::ROW_BYTES + self.by_name.len() * consumer + self.names_bytes
    }

    /// Makes an entry pending, whosever it was.
    pub(super) fn assign(&mut self, id: StreamId, pending: Pending) {
        let row = pending.row(id);
        if let Some(before) = self.pending.insert(row).filter(|before| before.place != row.place) {
            self.consumer_mut(ConsumerId(before.place)).pending.remove(id);
        }
        self.consumer_mut(pending.consumer).pending.insert(row);
    }

    pub(super) fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        let consumer = self.consumers.get_mut(id.0 as usize).and_then(Option::as_mut);
        consumer.expect("callers look consumers up, and removal takes their pending entries along")
    }

    /// Notes that the entry of this ID, which is after the last, was read.
    fn advance(&mut self, log: &Log, id: StreamId) {
        self.entries_read = match self.entries_read {
            Some(read) if !log.has_deleted_from(id) => read.checked_add(1),
            _ => log.position(id),
        };
        self.last_id = id;
    }

    /// Where the name stands among the names, or would.
    fn place_of(&self, name: &[u8]) -> Result<usize, usize> {
        let name_of = |number: u32| self.consumer(ConsumerId(number)).map(Consumer::name);
        self.by_name.binary_search_by(|number| name_of(*number).cmp(&Some(name)))
    }
}
