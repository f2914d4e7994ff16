//! Damaged files: bits that flip and ends that are missing, in a log, a snapshot and the manifest.

use std::panic::{AssertUnwindSafe, catch_unwind};

use larder_core::store::file::{FileStore, Options};
use larder_core::store::record::{Change, FlushMark, Kind, MARK_BYTES, read_record, write_change};
use larder_core::store::sim::SimDisk;
use larder_core::store::{Lsn, StoreError};

use super::Found;
use super::driver::read;
use super::model::Model;

/// Bytes of the log, and of the snapshot.
const FILE_BYTES: usize = 64 << 10;

/// A disk with a snapshot and a log of this many bytes each, and what is on it.
struct Sample {
    disk: SimDisk,
    options: Options,
    /// The digest after each record.
    states: Vec<u64>,
    /// The newest flush mark.
    marked: Lsn,
}

/// Flips every `every`th bit of every file, from a place that the seed chooses on, and cuts each file as often. Answers
/// how many files were tried.
pub fn run(options: Options, every: u64, seed: u64) -> Found {
    let options = Options { segment_bytes: u64::MAX, ..options };
    let mut tried = 0;
    for is_closed in [false, true] {
        let sample = Sample::new(options, is_closed)?;
        for (name, content) in sample.disk.files() {
            for bit in positions(content.len() * 8, every, seed) {
                let mut flipped = content.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                sample.judge(&name, flipped, false).map_err(|text| format!("{name} bit {bit}: {text}"))?;
                tried += 1;
            }
            for len in positions(content.len(), every / 8, seed) {
                let cut = content[..len].to_vec();
                sample.judge(&name, cut, true).map_err(|text| format!("{name} cut at {len}: {text}"))?;
                tried += 1;
            }
        }
    }
    Ok(tried)
}

fn positions(count: usize, every: u64, seed: u64) -> impl Iterator<Item = usize> {
    let every = every.max(1) as usize;
    (seed as usize % every..count).step_by(every)
}

impl Sample {
    fn new(options: Options, is_closed: bool) -> Result<Self, String> {
        let failed = |error: StoreError| format!("without any damage: {error}");
        let disk = SimDisk::new();
        let store = FileStore::open(disk.vfs(), options).map_err(failed)?.store;
        let mut model = Model::default();
        let mut states = vec![model.digest()];
        let write = |lsn: Lsn, model: &mut Model, states: &mut Vec<u64>| {
            let request = format!("*3\r\n$6\r\nINCRBY\r\n$2\r\nk{}\r\n$1\r\n1\r\n", lsn % 9);
            let change = Change { now_us: lsn, db: 0, requests: request.as_bytes() };
            model.apply(&change).expect("it is a request of the model");
            states.push(model.digest());
            let mut record = Vec::new();
            write_change(&mut record, lsn, lsn, 0, |out| out.extend_from_slice(request.as_bytes()));
            store.append(&record, lsn).map(|()| record.len())
        };
        let mut lsn = 0;
        let mut bytes = 0;
        while bytes < 500 {
            lsn += 1;
            bytes += write(lsn, &mut model, &mut states).map_err(failed)?;
        }
        let mut snapshot = store.begin_snapshot().map_err(failed)?;
        let mut content = model.to_bytes();
        content.resize(FILE_BYTES, 0);
        snapshot.write_all(&content).map_err(|error| failed(error.into()))?;
        snapshot.commit(lsn).map_err(failed)?;
        bytes = 0;
        while bytes < FILE_BYTES {
            lsn += 1;
            bytes += write(lsn, &mut model, &mut states).map_err(failed)?;
            if lsn.is_multiple_of(50) {
                store.expect_flushes();
                store.flush().map_err(failed)?;
            }
        }
        store.expect_flushes();
        if is_closed {
            store.close().map_err(failed)?;
        }
        drop(store);
        // Without the disk's past, copies of it are small.
        let clean = SimDisk::new();
        let mut marked = 0;
        for (name, content) in disk.files() {
            if name.starts_with("log") {
                marked = marked.max(newest_mark(&content));
            }
            clean.put(&name, content);
        }
        Ok(Self { disk: clean, options, states, marked })
    }

    /// Whether a start on a damaged file tells the truth.
    fn judge(&self, name: &str, content: Vec<u8>, is_cut: bool) -> Result<(), String> {
        let disk = self.disk.copy();
        // A mark that was cut off says nothing any more.
        let promised = match is_cut && name.starts_with("log") {
            true => newest_mark(&content),
            false => self.marked,
        };
        disk.put(name, content);
        let start = || FileStore::open(disk.vfs(), self.options).and_then(read);
        let found = catch_unwind(AssertUnwindSafe(start)).map_err(|_| "a panic".to_owned())?;
        match found {
            Err(StoreError::Corrupt(text)) if text.starts_with("replay") => Err(text),
            Err(StoreError::Corrupt(_) | StoreError::TooNew(_)) => Ok(()),
            Err(error) => Err(format!("refused for a wrong reason: {error}")),
            Ok((_, model, last)) if self.states.get(last as usize) != Some(&model.digest()) => {
                Err(format!("silently wrong after record {last}"))
            }
            Ok((_, _, last)) if last < promised => Err(format!("silently cut at {last}, before the mark {promised}")),
            Ok(_) => Ok(()),
        }
    }
}

/// The newest flush mark of a segment.
fn newest_mark(content: &[u8]) -> Lsn {
    let marks = content.windows(MARK_BYTES).filter_map(|window| {
        let record = (window[16] == Kind::FlushMark as u8).then(|| read_record(window).ok())??;
        Some(FlushMark::read(record.payload)?.flushed)
    });
    marks.max().unwrap_or(0)
}
