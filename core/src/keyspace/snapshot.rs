//! A snapshot of one shard at an instant, taken in slices while commands go on.
//!
//! Each entry carries a bit, and so does the shard. A snapshot begins by turning the shard's bit: entries whose bit
//! differs have not been written yet. The walk writes them and turns their bits. Whatever would change or remove such
//! an entry writes it first. New entries get the shard's bit and never concern the snapshot. When the walk is over all
//! bits are equal again.
//!
//! A large collection is written piece by piece. Its beginning is noted before its first change, or when the walk comes
//! to it; from then on the collection itself keeps what changes for its own walk, and its bit turns at the end of that.
//! While the file has a part of it, nothing else of the shard can be written to the file.

mod running;
#[cfg(test)]
mod tests;

use super::discard::discard_to;
use super::entry::Entry;
use super::shard::Shard;
use super::table::Position;
use crate::rdb::Form;
use crate::snapshots::DuringSnapshot;
pub(super) use running::Running;
use running::Slice;

/// How far a snapshot of a shard is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to write.
    More,
    /// The last bytes end within a value, whose next ones must follow.
    WithinValue,
    /// There is more to write, first of all this string: [`write_string_as`] takes long for it, so nothing should be
    /// held meanwhile.
    ///
    /// [`write_string_as`]: crate::structure::rdb::length::write_string_as
    LongText(Vec<u8>),
    /// All is written, or was discarded.
    Over {
        /// No value was lost on the way. One that was would be a fault of ours, and the file must not be used.
        is_whole: bool,
    },
}

impl Shard {
    /// Begins a snapshot of the present state. There is none running.
    pub fn begin_snapshot(&mut self, form: Form) {
        debug_assert!(self.snapshot.get().is_none(), "one at a time");
        self.epoch = !self.epoch;
        self.snapshot = DuringSnapshot::begin(Running::new(form, self.databases()));
    }

    /// Goes on with the snapshot until about `budget_bytes` more are written, and appends what there is to `out`.
    pub fn snapshot_slice(&mut self, budget_bytes: usize, out: &mut Vec<u8>) -> Progress {
        let Self { snapshot, databases, hasher, epoch, discarded, .. } = self;
        let Some(running) = snapshot.get_mut() else { return Progress::Over { is_whole: true } };
        let mut slice = Slice::new(budget_bytes, *hasher, *epoch, out);
        running.go_on(databases, &mut slice);
        running.write_waiting(&mut slice);
        running.write_removed(&mut slice, |entry| discard_to(discarded, entry));
        running.write_emptied(&mut slice);
        running.write_tables(databases, &mut slice);
        let progress = slice.take_text().map_or_else(|| running.progress(), Progress::LongText);
        if matches!(progress, Progress::Over { .. }) {
            *snapshot = DuringSnapshot::NOTHING;
        }
        progress
    }

    /// Nobody wants the snapshot any more. The walk has to be finished all the same before the next one begins.
    pub fn discard_snapshot(&mut self) {
        if let Some(running) = self.snapshot.get_mut() {
            running.discard();
        }
    }

    /// Writes an entry before it is changed or removed, unless it has been or is newer than the snapshot.
    #[inline]
    pub(super) fn write_before_change(&mut self, db: u16, position: Position) {
        if self.snapshot.get().is_some() {
            self.write_now(db, position);
        }
    }

    #[inline(never)]
    fn write_now(&mut self, db: u16, position: Position) {
        let Self { snapshot, databases, epoch, .. } = self;
        let entry = databases[usize::from(db)].at_mut(position);
        if let Some(running) = snapshot.get_mut().filter(|_| entry.epoch() != *epoch)
            && !running.begin(entry)
        {
            running.write(db, entry);
            entry.set_epoch(*epoch);
        }
    }

    /// As [`Shard::write_before_change`] for an entry that somebody else will have: all of it, however large.
    #[inline]
    pub(super) fn write_before_move(&mut self, db: u16, position: Position) {
        if self.snapshot.get().is_some() {
            self.write_all_now(db, position);
        }
    }

    #[inline(never)]
    fn write_all_now(&mut self, db: u16, position: Position) {
        let Self { snapshot, databases, hasher, epoch, .. } = self;
        let entry = databases[usize::from(db)].at_mut(position);
        if let Some(running) = snapshot.get_mut().filter(|_| entry.epoch() != *epoch) {
            running.write_all(db, entry, *hasher);
            entry.set_epoch(*epoch);
        }
    }

    /// Gives a removed entry that nobody wants to the snapshot, if that has not written all of it.
    #[inline]
    pub(super) fn unless_walked(&mut self, db: u16, entry: Entry) -> Option<Entry> {
        match self.snapshot.get_mut() {
            Some(running) => running.unless_walked(db, entry),
            None => Some(entry),
        }
    }
}
