//! `larder import`: Redis's files into the folder of a server that is not running.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use larder_core::aof::{self, MANIFEST_BYTES, Part};
use larder_core::load::Loader;
use larder_core::rdb::{Behind, Form, Limits, read_leading_file};
use larder_core::settings::Settings;
use larder_core::store::Store;
use larder_core::store::record::Change;

use crate::offline::{self, Counted, Data, Progress, Written, now_ms, say};

/// The folder that Redis keeps its append-only files in by default.
const AOF_FOLDER: &str = "appendonlydir";

/// What an RDB file begins with.
const RDB_MAGIC: &[u8] = b"REDIS";

/// What to import, and where to.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// An RDB file, an append-only file, or a folder of append-only files.
    pub source: PathBuf,
    /// The server's folder.
    pub dir: PathBuf,
    /// Data that is there is given up.
    pub replaces: bool,
    /// The server's settings: values are kept as its encoding limits say.
    pub settings: Settings,
}

/// Imports. The error is the one line that says why it could not; nothing has changed then.
pub fn run(request: &Request) -> Result<(), String> {
    let folder = request.dir.display();
    let files = files(&request.source)?;
    let total = files.iter().map(|path| fs::metadata(path).map_or(0, |facts| facts.len())).sum();
    let store = offline::open(&request.dir)?;
    if (store.snapshot.is_some() || store.last > 0) && !request.replaces {
        return Err(format!("{folder} holds data already; --replace gives it up"));
    }
    // A log wants to be read to its end before anything else is done with it.
    for change in store.changes {
        change.map_err(|error| format!("cannot read the data in {folder}: {error}"))?;
    }

    let mut data = Data::new(request.settings.clone());
    let mut progress = Progress::new("importing", total);
    for (index, path) in files.iter().enumerate() {
        let is_last = index + 1 == files.len();
        read_file(path, is_last, &mut data, &mut progress).map_err(|why| format!("{}: {why}", path.display()))?;
    }
    let seconds = progress.seconds();
    drop(progress);
    let written =
        commit(&data, &*store.store, store.last).map_err(|error| format!("cannot write {folder}: {error}"))?;
    tell(&written, total, seconds, request.settings.databases);
    Ok(())
}

fn tell(written: &Written, bytes_read: u64, seconds: f64, databases: u32) {
    let Written { keys, expired, highest_database, .. } = *written;
    let rate = bytes_read as f64 / seconds.max(1e-3) / 1e6;
    say(&format!("imported {keys} keys; {expired} expired keys were left out; read in {seconds:.1} s, {rate:.0} MB/s"));
    if u32::from(highest_database) >= databases {
        let databases = highest_database + 1;
        say(&format!("there are keys in database {highest_database}: start the server with --databases {databases}"));
    }
}

/// Writes the data as the snapshot that a start begins with.
fn commit(data: &Data, store: &dyn Store, last: u64) -> Result<Written, String> {
    let mut snapshot = store.begin_snapshot().map_err(|error| error.to_string())?;
    let mut progress = Progress::new("writing", data.keys() as u64);
    let written = data
        .write_rdb(&Form::new(&data.settings), true, &mut snapshot as &mut dyn Write, &mut progress)
        .map_err(|error| error.to_string())?;
    snapshot.commit(last).map_err(|error| error.to_string())?;
    store.close().map_err(|error| error.to_string())?;
    Ok(written)
}

/// The files of a source in the order in which they are read.
fn files(source: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error: io::Error| format!("cannot read {}: {error}", source.display());
    if !fs::metadata(source).map_err(cannot)?.is_dir() {
        return Ok(vec![source.to_owned()]);
    }
    let below = source.join(AOF_FOLDER);
    let folder = if below.is_dir() { below.as_path() } else { source };
    let mut manifests = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "manifest") {
            manifests.push(path);
        }
    }
    let [manifest] = &manifests[..] else {
        return Err(format!("{} has {} manifests of append-only files, not one", folder.display(), manifests.len()));
    };
    let mut text = Vec::new();
    File::open(manifest).and_then(|file| file.take(MANIFEST_BYTES).read_to_end(&mut text)).map_err(cannot)?;
    let parts = aof::parts(&text).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let path_of = |part: Part| {
        let path = folder.join(&part.name);
        if path.is_file() {
            Ok(path)
        } else {
            Err(format!("{}: the manifest lists it, but it is missing", path.display()))
        }
    };
    parts.into_iter().map(path_of).collect()
}

/// Reads one file: RDB, append-only, or both in this order. Only the last may end in the middle of a command.
fn read_file(path: &Path, is_last: bool, data: &mut Data, progress: &mut Progress) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut file = Counted { inner: file, progress };
    let mut head = Vec::new();
    Read::take(&mut file, RDB_MAGIC.len() as u64).read_to_end(&mut head).map_err(|error| error.to_string())?;
    let (mut ahead, mut offset) = (head, 0);
    if ahead.starts_with(RDB_MAGIC) {
        let limits = Limits::new(&data.settings, data.layout.hasher());
        let mut whole = (&ahead[..]).chain(&mut file);
        let take = |db, entry| data.add(db, entry);
        let Behind { at, ahead: behind } =
            read_leading_file(&mut whole, &limits, true, take).map_err(|error| error.to_string())?;
        (ahead, offset) = (behind, at);
    }
    read_requests(&mut file, ahead, offset, is_last, data)
}

/// Carries out the requests of an append-only file.
fn read_requests(
    file: &mut dyn Read,
    ahead: Vec<u8>,
    offset: u64,
    is_last: bool,
    data: &mut Data,
) -> Result<(), String> {
    let mut loader = Loader::new(data.layout, &data.settings);
    let now_us = now_ms().saturating_mul(1000);
    let mut take = |change: &Change<'_>| loader.apply(&mut data.shards, change);
    let summary = aof::read_requests(file, ahead, offset, now_us, &mut take).map_err(|error| error.to_string())?;
    if summary.passed_over > 0 {
        say(&format!("{} commands that change no keys, such as FUNCTION, were passed over", summary.passed_over));
    }
    match summary.torn_at {
        None => Ok(()),
        Some(at) if !data.settings.aof_load_truncated => {
            Err(format!("it ends in the middle of a command at byte {at}, and aof-load-truncated is no"))
        }
        Some(at) if is_last => {
            let bytes = summary.torn_bytes;
            say(&format!(
                "the file ends in the middle of a command: the {bytes} bytes from byte {at} on were left out"
            ));
            Ok(())
        }
        Some(at) => Err(format!("it ends in the middle of a command at byte {at}, and other files follow")),
    }
}
