//! `larder export`: the data of a server that is not running, as Redis's files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use larder_core::load;
use larder_core::rdb::Form;
use larder_core::settings::Settings;

use crate::offline::{self, Data, Progress, Written, say};

/// The files of an append-only folder, as Redis names them by default.
const AOF_BASE: &str = "appendonly.aof.1.base.rdb";
const AOF_INCREMENT: &str = "appendonly.aof.1.incr.aof";
const AOF_MANIFEST: &str = "appendonly.aof.manifest";

/// What to export, and where to.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The server's folder.
    pub dir: PathBuf,
    /// Where the data goes.
    pub target: Target,
    /// 10 for Redis 7.0, 11 for 7.2, 12 for 7.4, which knows expiries of fields.
    pub version: u16,
}

/// The form of an export.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// An RDB file.
    Rdb(PathBuf),
    /// The folder of an append-only file in parts: Redis's `appendonlydir`.
    Aof(PathBuf),
}

/// Exports. The error is the one line that says why it could not.
pub fn run(request: &Request) -> Result<(), String> {
    if !request.dir.is_dir() {
        return Err(format!("there is no folder {}", request.dir.display()));
    }
    let source = offline::open(&request.dir)?;
    if source.snapshot.is_none() && source.last == 0 {
        say(&format!("{} holds no data", request.dir.display()));
    }
    let mut data = Data::new(Settings::default());
    data.shards = load::load(source.snapshot, source.changes, &data.layout, &data.settings)
        .map_err(|error| format!("cannot load the data in {}: {error}", request.dir.display()))?;
    let written = match &request.target {
        Target::Rdb(file) => write_file(&data, file, request.version)?,
        Target::Aof(folder) => write_folder(&data, folder, request.version)?,
    };
    source.store.close().map_err(|error| format!("cannot close the data: {error}"))?;
    if written.without_field_expiries > 0 {
        say(&format!(
            "{} hashes have fields that expire, which RDB version {} cannot say: their fields stay for ever there",
            written.without_field_expiries, request.version
        ));
    }
    let Written { keys, bytes, expired, .. } = written;
    say(&format!("exported {keys} keys, {bytes} bytes; {expired} expired keys were left out"));
    Ok(())
}

/// Writes a file beside its place and renames it: whoever looks sees the old one or the whole new one.
fn write_file(data: &Data, path: &Path, version: u16) -> Result<Written, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".tmp-{}", std::process::id()));
    let fresh = PathBuf::from(name);
    let result = write_rdb(data, &fresh, version).and_then(|written| {
        fs::rename(&fresh, path)?;
        sync_folder(path)?;
        Ok(written)
    });
    if result.is_err() {
        // The error that is told is that of the write.
        let _ = fs::remove_file(&fresh);
    }
    result.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Writes a base with everything, an empty increment and, last, the manifest that makes them one.
fn write_folder(data: &Data, folder: &Path, version: u16) -> Result<Written, String> {
    let cannot = |error: io::Error| format!("cannot write {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(cannot)?;
    if fs::read_dir(folder).map_err(cannot)?.next().is_some() {
        return Err(format!("{} is not empty", folder.display()));
    }
    let written = write_rdb(data, &folder.join(AOF_BASE), version).map_err(cannot)?;
    let manifest = format!("file {AOF_BASE} seq 1 type b\nfile {AOF_INCREMENT} seq 1 type i\n");
    for (name, text) in [(AOF_INCREMENT, ""), (AOF_MANIFEST, &manifest)] {
        let path = folder.join(name);
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(cannot)?;
    }
    sync_folder(&folder.join(AOF_MANIFEST)).map_err(cannot)?;
    Ok(written)
}

fn write_rdb(data: &Data, path: &Path, version: u16) -> io::Result<Written> {
    let settings = Settings { rdb_version: version, ..data.settings.clone() };
    let mut file = BufWriter::new(File::create(path)?);
    let mut progress = Progress::new("exporting", data.keys() as u64);
    let written = data.write_rdb(&Form::new(&settings), false, &mut file, &mut progress)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(written)
}

/// Makes the name of a file survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
