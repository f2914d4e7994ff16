//! A snapshot of one shard at an instant, taken in slices while commands go on.
//!
//! Each entry carries a bit, and so does the shard. A snapshot begins by turning the shard's bit: entries whose bit
//! differs have not been written yet. The walk writes them and turns their bits. Whatever would change or remove such
//! an entry writes it first. New entries get the shard's bit and never concern the snapshot. When the walk is over all
//! bits are equal again.

use std::fmt;

use super::entry::Entry;
use super::shard::Shard;
use super::table::{Position, Table};
use crate::rdb::{Form, write_database, write_entry};

/// A snapshot that is being taken.
pub(super) struct Running {
    form: Form,
    /// What is to be picked up by the next slice.
    out: Vec<u8>,
    /// Database that the last entry of `out` belongs to.
    out_db: Option<u16>,
    /// For each database, the number it had when the snapshot began: SWAPDB exchanges them.
    origins: Vec<u16>,
    /// For each database, where the walk goes on; `None` when it is over.
    cursors: Vec<Option<u64>>,
    /// Databases that were emptied: their entries with the number of the database.
    emptied: Vec<(u16, Box<dyn Iterator<Item = Entry> + Send>)>,
    /// Nobody wants the bytes any more, but the walk must come to its end.
    is_discarded: bool,
}

impl fmt::Debug for Running {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Running").field("cursors", &self.cursors).finish_non_exhaustive()
    }
}

impl Running {
    /// Writes an entry of a database, numbered as now.
    pub(super) fn write(&mut self, db: u16, entry: &Entry) {
        self.write_of(self.origins[usize::from(db)], entry);
    }

    /// Writes an entry of a database, numbered as it was.
    fn write_of(&mut self, origin: u16, entry: &Entry) {
        if self.is_discarded {
            return;
        }
        if self.out_db != Some(origin) {
            write_database(origin, &mut self.out);
            self.out_db = Some(origin);
        }
        write_entry(entry, &self.form, &mut self.out);
    }

    /// Two databases change places.
    pub(super) fn swap(&mut self, one: u16, other: u16) {
        self.origins.swap(one.into(), other.into());
        self.cursors.swap(one.into(), other.into());
    }

    /// Takes over the entries of a database that is emptied.
    pub(super) fn take_emptied(&mut self, db: u16, table: &mut Table<Entry>) {
        if self.cursors[usize::from(db)].is_some() {
            self.emptied.push((self.origins[usize::from(db)], Box::new(table.take_all())));
        }
    }
}

impl Shard {
    /// Begins a snapshot of the present state. There is none running.
    pub fn begin_snapshot(&mut self, form: Form) {
        debug_assert!(self.snapshot.is_none(), "one at a time");
        let databases = self.databases();
        self.epoch = !self.epoch;
        self.snapshot = Some(Box::new(Running {
            form,
            out: Vec::new(),
            out_db: None,
            origins: (0..databases).collect(),
            cursors: vec![Some(0); databases.into()],
            emptied: Vec::new(),
            is_discarded: false,
        }));
    }

    /// Whether a snapshot is being taken.
    pub fn has_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Goes on with the snapshot until about `budget_bytes` more are written, and appends what there is to `out`.
    /// Answers whether there is more to do.
    pub fn snapshot_slice(&mut self, budget_bytes: usize, out: &mut Vec<u8>) -> bool {
        let Self { snapshot, databases, hasher, epoch, .. } = self;
        let Some(running) = snapshot else { return false };
        let (mut looked_at, full) = (0, running.out.len().saturating_add(budget_bytes));
        let is_full = |running: &Running, looked_at: usize| {
            running.out.len() >= full || looked_at >= budget_bytes / LEAST_ENTRY_BYTES
        };
        while let Some((origin, mut entries)) = running.emptied.pop() {
            while !is_full(running, looked_at) {
                let Some(entry) = entries.next() else { break };
                looked_at += 1;
                // What has the shard's bit was written, or came after the beginning.
                if entry.epoch() != *epoch {
                    running.write_of(origin, &entry);
                }
            }
            if is_full(running, looked_at) {
                running.emptied.push((origin, entries));
                break;
            }
        }
        for (db, table) in (0..).zip(databases) {
            while let Some(from) = running.cursors[usize::from(db)]
                && !is_full(running, looked_at)
            {
                let next = table.scan_mut(
                    from,
                    |key| hasher.hash(key),
                    |entry| {
                        looked_at += 1;
                        if entry.epoch() != *epoch {
                            running.write(db, entry);
                            entry.set_epoch(*epoch);
                        }
                    },
                );
                running.cursors[usize::from(db)] = next;
            }
        }
        out.append(&mut running.out);
        running.out_db = None;
        let is_over = running.emptied.is_empty() && running.cursors.iter().all(Option::is_none);
        if is_over {
            *snapshot = None;
        }
        !is_over
    }

    /// Nobody wants the snapshot any more. The walk has to be finished all the same before the next one begins.
    pub fn discard_snapshot(&mut self) {
        if let Some(running) = &mut self.snapshot {
            running.is_discarded = true;
            running.out = Vec::new();
        }
    }

    /// Writes an entry before it is changed or removed, unless it has been or is newer than the snapshot.
    #[inline]
    pub(super) fn write_before_change(&mut self, db: u16, position: Position) {
        if self.snapshot.is_some() {
            self.write_now(db, position);
        }
    }

    #[inline(never)]
    fn write_now(&mut self, db: u16, position: Position) {
        let Self { snapshot, databases, epoch, .. } = self;
        let entry = databases[usize::from(db)].at_mut(position);
        if let Some(running) = snapshot.as_mut().filter(|_| entry.epoch() != *epoch) {
            running.write(db, entry);
            entry.set_epoch(*epoch);
        }
    }
}

/// No entry is smaller in an RDB file, so a walk over entries that need not be written ends as well.
const LEAST_ENTRY_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Random;
    use crate::keyspace::Layout;
    use crate::keyspace::entry::Value;
    use crate::load::Loader;
    use crate::rdb::{Kind, Limits, read_file, write_end, write_header, write_value};
    use crate::settings::Settings;
    use crate::store::record::Change;
    use std::collections::BTreeMap;

    const DATABASES: u32 = 4;
    const KEYS: u64 = 60;

    type State = BTreeMap<(u16, Vec<u8>), (Option<u64>, Vec<u8>)>;

    fn form() -> Form {
        Form::new(&Settings::default())
    }

    fn value_bytes(value: Value<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        write_value(value, Kind::of(value, 11), &form(), &mut out);
        out
    }

    fn state(shards: &[Shard]) -> State {
        let entries = |shard: &Shard, db: u16| -> Vec<_> {
            let row = |entry: &Entry| ((db, entry.key().to_vec()), (entry.deadline_ms(), value_bytes(entry.value())));
            shard.database(db).iter().map(row).collect()
        };
        shards.iter().flat_map(|shard| (0..DATABASES as u16).flat_map(|db| entries(shard, db))).collect()
    }

    fn command(random: &mut Random, now_ms: u64) -> String {
        let mut draw = |below: u64| random.next_u64() % below;
        let (key, other, db, number) = (draw(KEYS), draw(KEYS), draw(4), draw(1000));
        let deadline = now_ms + draw(400);
        match draw(40) {
            0 => "FLUSHDB".to_owned(),
            1 => format!("SWAPDB {db} {}", draw(4)),
            2..5 => format!("MOVE k{key} {db}"),
            5..8 => format!("RENAME k{key} k{other}"),
            8..10 => format!("COPY k{key} k{other} DB {db} REPLACE"),
            10..14 => format!("DEL k{key}"),
            14..18 => format!("PEXPIREAT k{key} {deadline}"),
            18..22 => format!("RPUSH k{key} a{number} b{number}"),
            22..24 => format!("LPOP k{key}"),
            24..27 => format!("HSET k{key} f{other} {number}"),
            27..30 => format!("SADD k{key} {number} m{other}"),
            30..33 => format!("APPEND k{key} {number}"),
            33 => format!("SET k{key} {number} KEEPTTL"),
            _ => format!("SET k{key} {number}"),
        }
    }

    #[test]
    fn a_snapshot_is_the_state_at_its_beginning() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let layout = Layout::new(2, DATABASES, [seed, 7]);
            let mut shards = layout.build();
            let mut loader = Loader::new(layout, &Settings::default());
            let mut now_ms = 1_000_000;
            let mut run = |shards: &mut [Shard], random: &mut Random, now_ms: u64| {
                let text = command(random, now_ms);
                let db = (random.next_u64() % u64::from(DATABASES)) as u16;
                let line = format!("{text}\r\n");
                let change = Change { now_us: now_ms * 1000, db, requests: line.as_bytes() };
                loader.apply(shards, &change).expect(&text);
            };
            for _ in 0..400 {
                run(&mut shards, &mut random, now_ms);
                now_ms += random.next_u64() % 3;
            }
            for _ in 0..3 {
                let expected = state(&shards);
                shards.iter_mut().for_each(|shard| shard.begin_snapshot(form()));
                let mut file = Vec::new();
                write_header(11, &mut file);
                let mut more = [true; 2];
                while more.contains(&true) {
                    for _ in 0..random.next_u64() % 12 {
                        run(&mut shards, &mut random, now_ms);
                        now_ms += random.next_u64() % 3;
                    }
                    let id = (random.next_u64() % 2) as usize;
                    shards[id].tick(now_ms);
                    more[id] = shards[id].snapshot_slice(60, &mut file);
                }
                write_end(&mut file);
                file.extend_from_slice(&crate::structure::rdb::crc64::update(0, &file).to_le_bytes());
                let mut found = State::new();
                let limits = Limits::new(&Settings::default(), layout.hasher());
                let mut keep = |db: u16, entry: Entry| {
                    let row = (entry.deadline_ms(), value_bytes(entry.value()));
                    match found.insert((db, entry.key().to_vec()), row) {
                        None => Ok(()),
                        Some(_) => Err("a key comes twice"),
                    }
                };
                read_file(&mut &file[..], &limits, false, &mut keep).expect("it is whole");
                assert_eq!(found, expected, "seed {seed}");
                for shard in &shards {
                    let stray = (0..DATABASES as u16).flat_map(|db| shard.database(db).iter());
                    assert!(stray.into_iter().all(|entry| entry.epoch() == shard.epoch), "seed {seed}");
                }
            }
        }
    }
}
