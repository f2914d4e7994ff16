//! Looking at a folder without changing it, and saving what can be read of a damaged one into another.

use std::io::Read;
use std::sync::Arc;

use super::file::{Options, write_mark};
use super::manifest::{Found, Manifest, SnapshotFile, snapshot_name, snapshot_number, write_all};
use super::recover::{Changes, Scan, copy_records, look};
use super::segment::{self, Header, name_of, number_of};
use super::snapshot::open_snapshot;
use super::vfs::{Mode, Vfs};
use super::{Lsn, StoreError};

/// Bytes of a snapshot that are copied at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// Files that are ours beside segments and snapshots.
const KNOWN: [&str; 3] = ["MANIFEST-0", "MANIFEST-1", "LOCK"];

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The record that the snapshot covers, and the bytes of the snapshot.
    pub snapshot: Option<(Lsn, u64)>,
    /// Files of the log.
    pub segments: usize,
    /// Changes behind the snapshot.
    pub changes: u64,
    /// The last record.
    pub last: Lsn,
    /// The log was closed in order.
    pub is_closed: bool,
    /// A write at the end that a crash interrupted: the next start cuts it off. Where, and how many bytes.
    pub torn: Option<(String, u64)>,
    /// Why a server would refuse to start, and where.
    pub damage: Option<String>,
    /// Files that are not of a store.
    pub unknown: Vec<String>,
}

/// Reads everything a start would read. The error says that reading failed, not that something is damaged.
pub fn check<V: Vfs + 'static>(vfs: V) -> Result<Report, StoreError> {
    let vfs = Arc::new(vfs);
    let _lock = lock(&*vfs)?;
    let mut report = Report { unknown: unknown(&vfs.list()?), ..Report::default() };
    let Found { newest, damaged } = Manifest::load(&*vfs)?;
    let Some(manifest) = newest else {
        let names = vfs.list()?;
        let has_data = names.iter().any(|name| snapshot_number(name).is_some()) || super::recover::has_records(&*vfs)?;
        report.damage = (damaged > 0 || has_data).then(|| "no slot of the manifest is whole".to_owned());
        return Ok(report);
    };
    report.is_closed = manifest.closed_at.is_some();
    if let Some(snapshot) = &manifest.snapshot {
        report.snapshot = Some((snapshot.lsn, snapshot.len));
        match open_snapshot(&vfs, snapshot) {
            Ok(_) => {}
            Err(StoreError::Corrupt(text)) => report.damage = Some(text),
            Err(error) => return Err(error),
        }
    }
    let (scan, damage) = look(&*vfs, &manifest, &Options::default())?;
    (report.segments, report.last) = (scan.parts.len(), scan.last);
    match damage {
        Some(damage) => report.damage = report.damage.or(Some(damage.to_string())),
        None => {
            let place = scan.hole.map(|hole| format!("{} at byte {}: {}", name_of(hole.segment), hole.at, hole.what));
            report.torn = place.map(|place| (place, scan.truncated_bytes));
        }
    }
    let covered = manifest.snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn);
    for change in Changes::new(vfs, &scan, covered, Options::default()) {
        change?;
        report.changes += 1;
    }
    Ok(report)
}

/// What was saved from a damaged folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The record that the saved snapshot covers; none if it could not be read, or there was none.
    pub snapshot: Option<Lsn>,
    /// The last record saved: everything before it is complete.
    pub last: Lsn,
    /// What could not be read.
    pub lost: Vec<String>,
}

/// Copies what can be read, without a gap, into an empty folder. The damaged one is not changed.
pub fn salvage<V: Vfs + 'static, W: Vfs>(vfs: V, target: &W) -> Result<Saved, StoreError> {
    let vfs = Arc::new(vfs);
    let _lock = lock(&*vfs)?;
    let _target_lock = lock(target)?;
    if target.list()?.iter().any(|name| name != "LOCK") {
        return Err(StoreError::Io("the folder to save to is not empty".to_owned()));
    }
    let mut lost = Vec::new();
    let mut best: Option<(Manifest, Scan)> = None;
    for manifest in generations(&*vfs, &mut lost)? {
        if let Some(snapshot) = &manifest.snapshot {
            match open_snapshot(&vfs, snapshot) {
                Ok(_) => {}
                Err(StoreError::Corrupt(text)) => {
                    lost.push(text);
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        let (scan, damage) = look(&*vfs, &manifest, &Options::default())?;
        lost.extend(damage.map(|damage| damage.to_string()));
        if best.as_ref().is_none_or(|(_, best)| scan.last > best.last) {
            best = Some((manifest, scan));
        }
    }
    let (source, scan) = best.ok_or_else(|| StoreError::Corrupt(lost.join("; ")))?;
    let snapshot = match &source.snapshot {
        None => None,
        Some(snapshot) => Some(copy_snapshot(&vfs, snapshot, target)?),
    };
    let covered = snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn);
    let options = Options::default();
    let file = segment::create(target, Header { epoch: 1, number: 1, salt: options.salt }, &options)?;
    let end = copy_records(&vfs, &scan, covered, options, (target, &file))?;
    target.sync(&file)?;
    write_mark(target, &file, end, scan.last, &options)?;
    target.sync(&file)?;
    target.close(file)?;
    let manifest = Manifest { generation: 1, epoch: 1, snapshot, first_segment: 1, ..Manifest::default() };
    manifest.save(target, &options)?;
    lost.dedup();
    Ok(Saved { snapshot: manifest.snapshot.map(|snapshot| snapshot.lsn), last: scan.last, lost })
}

fn lock(vfs: &impl Vfs) -> Result<Box<dyn Send + Sync>, StoreError> {
    vfs.lock().map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => StoreError::InUse("another process has it open".to_owned()),
        _ => error.into(),
    })
}

fn unknown(names: &[String]) -> Vec<String> {
    let is_ours =
        |name: &String| KNOWN.contains(&name.as_str()) || number_of(name).is_some() || snapshot_number(name).is_some();
    names.iter().filter(|name| !is_ours(name)).cloned().collect()
}

/// What a restart could begin with, the newest first: what the manifest names, and a log from its first record on.
fn generations(vfs: &impl Vfs, lost: &mut Vec<String>) -> Result<Vec<Manifest>, StoreError> {
    let mut found = Vec::new();
    match Manifest::load(vfs)?.newest {
        Some(newest) => {
            if let Some((snapshot, first_segment)) = newest.previous.clone() {
                found.push(Manifest { snapshot, first_segment, closed_at: None, ..Manifest::default() });
            }
            found.insert(0, newest);
        }
        None => lost.push("no slot of the manifest is whole".to_owned()),
    }
    let first = vfs.list()?.iter().filter_map(|name| number_of(name)).min();
    found.extend(first.map(|first_segment| Manifest { first_segment, ..Manifest::default() }));
    Ok(found)
}

fn copy_snapshot<V: Vfs + 'static, W: Vfs>(
    vfs: &Arc<V>,
    snapshot: &SnapshotFile,
    target: &W,
) -> Result<SnapshotFile, StoreError> {
    let mut reader = open_snapshot(vfs, snapshot)?;
    let copy = SnapshotFile { name: snapshot_name(1), ..snapshot.clone() };
    let file = target.open(&copy.name, Mode::Create)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut end = 0;
    loop {
        let read = reader.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        write_all(target, &file, end, &chunk[..read])?;
        end += read as u64;
    }
    target.sync(&file)?;
    target.close(file)?;
    Ok(copy)
}
