//! What commands want done outside the shards they hold, as values that the host carries out after letting go.

use crate::commands::migrate::Migration;
use crate::keyspace::discard::Discarded;
use crate::keyspace::waiting::Retry;
use crate::limits::ERROR_PREFIXES;
use crate::session::ClientId;
use crate::store::Lsn;

/// Everything a batch of commands asks of its host.
#[derive(Debug, Default)]
pub struct Effects {
    /// Connections to close: CLIENT KILL.
    pub close: Vec<ClientId>,
    /// Replies to clients whose requests waited; they wait no more.
    pub deliver: Vec<Delivery>,
    /// Waiting requests to be run again by [`crate::retry::retry`] under holds of their own, before the next command
    /// of the batch.
    pub retries: Vec<Retry>,
    /// Keys to be sent to another server: MIGRATE.
    pub migration: Option<Box<Migration>>,
    /// A snapshot is wanted: SAVE, BGSAVE.
    pub snapshot: Option<SnapshotWish>,
    /// Values that take long to free.
    pub discarded: Vec<Discarded>,
    /// Clients that shall look at [`crate::session::ClientRecord::unblock`].
    pub wake: Vec<ClientId>,
    /// Requests in RESP that do what the running command did, for the journal, where its own words would not: what was
    /// chosen at random, and the commands of a transaction.
    pub rewritten: Option<Vec<u8>>,
    /// Error replies, for INFO errorstats. Carried here because the hub is not held on the hot path.
    pub errors: ErrorCounts,
    /// The pause of clients changed: those who wait should look again.
    pub pause_changed: bool,
    /// Settings changed: listeners and timers should look again.
    pub settings_changed: bool,
}

impl Effects {
    /// Whether there is nothing to carry out.
    pub fn is_empty(&self) -> bool {
        self.close.is_empty()
            && self.deliver.is_empty()
            && self.retries.is_empty()
            && self.migration.is_none()
            && self.snapshot.is_none()
            && self.discarded.is_empty()
            && self.wake.is_empty()
            && self.errors.is_empty()
            && !self.pause_changed
            && !self.settings_changed
    }
}

/// A snapshot that a command wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotWish {
    /// The client whose request waits until it is there: it gets `+OK` or an error then.
    pub waiter: Option<ClientId>,
    /// One more is to follow if one is running: BGSAVE SCHEDULE.
    pub follows: bool,
}

/// The reply to a request that waited.
#[derive(Debug)]
pub struct Delivery {
    /// Whose request it was.
    pub client: ClientId,
    /// The reply; nothing if the client has turned replies off.
    pub reply: Vec<u8>,
    /// The record of the journal that it depends on.
    pub depends_on: Lsn,
}

/// Error replies by their first word: INFO errorstats. A batch may answer millions, so they are counted, not listed.
/// The words are few, so a sorted list serves.
#[derive(Debug, Default)]
pub struct ErrorCounts(Vec<(String, u64)>);

impl ErrorCounts {
    /// Counts one error. Words beyond [`ERROR_PREFIXES`] different ones are dropped.
    pub fn count(&mut self, prefix: &str) {
        self.add(prefix, 1);
    }

    /// Adds all counts of another.
    pub fn join(&mut self, other: &Self) {
        other.iter().for_each(|(prefix, count)| self.add(prefix, count));
    }

    /// Forgets all counts.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The words with their counts, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(prefix, count)| (prefix.as_str(), *count))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, prefix: &str, amount: u64) {
        match self.0.binary_search_by_key(&prefix, |(known, _)| known) {
            Ok(place) => self.0[place].1 = self.0[place].1.saturating_add(amount),
            Err(place) if self.0.len() < ERROR_PREFIXES => self.0.insert(place, (prefix.to_owned(), amount)),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_in_bounded_memory() {
        let (mut one, mut other) = (ErrorCounts::default(), ErrorCounts::default());
        for number in 0..1000 {
            one.count("ERR");
            other.count(&format!("WORD{number}"));
        }
        other.join(&one);
        assert_eq!(one.iter().collect::<Vec<_>>(), [("ERR", 1000)]);
        assert_eq!(other.iter().count(), ERROR_PREFIXES);
    }
}
