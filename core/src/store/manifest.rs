//! The manifest: which snapshot a restart begins with, and from which segment on the log follows it.
//!
//! It is kept in two slots that are written in turn, so that a power cut while one is written leaves the other. Each is
//! a few lines of text, the last of which is the checksum of those before. The highest valid generation counts.

use std::fmt::Write;
use std::io;

use super::file::Options;
use super::plant::Bug;
use super::segment::parse_number;
use super::vfs::{Mode, Vfs};
use super::{Lsn, StoreError};

/// Version of the format of a folder; a newer one is refused.
pub const FORMAT: u32 = 1;

const SLOTS: [&str; 2] = ["MANIFEST-0", "MANIFEST-1"];

/// No generation, epoch, segment or record of ours has a number as high: with higher ones counting on would overflow.
pub const NUMBER_MAX: u64 = 1 << 62;

/// Longest manifest that is read.
const BYTES_MAX: u64 = 4096;

/// The file of the snapshot before segment `number`.
pub fn snapshot_name(number: u64) -> String {
    format!("snapshot-{number:010}.rdb")
}

/// The number of a snapshot's file.
pub fn snapshot_number(name: &str) -> Option<u64> {
    parse_number(name.strip_prefix("snapshot-")?.strip_suffix(".rdb")?)
}

/// What a restart needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// One more with each writing.
    pub generation: u64,
    /// One more with each process that opens the folder.
    pub epoch: u64,
    /// The snapshot, unless the log begins with nothing.
    pub snapshot: Option<SnapshotFile>,
    /// Number of the first segment behind the snapshot.
    pub first_segment: u64,
    /// The snapshot before this one, and the first segment behind it: kept for the day when this one is unreadable.
    pub previous: Option<(Option<SnapshotFile>, u64)>,
    /// The log was closed in order: nothing may be missing at its end. Holds the last record.
    pub closed_at: Option<Lsn>,
}

/// A snapshot in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// The file.
    pub name: String,
    /// The record whose state it holds.
    pub lsn: Lsn,
    /// Its length in bytes.
    pub len: u64,
    /// Its CRC32C.
    pub crc32c: u32,
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number < NUMBER_MAX)
}

impl SnapshotFile {
    fn text(&self) -> String {
        let Self { name, lsn, len, crc32c } = self;
        format!("{name} {lsn} {len} {crc32c:08x}")
    }

    fn parse(text: &str) -> Option<Self> {
        let [name, lsn, len, crc32c] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
        // A name of another form could lead out of the folder.
        snapshot_number(name)?;
        Some(Self {
            name: name.to_owned(),
            lsn: number(lsn)?,
            len: number(len)?,
            crc32c: u32::from_str_radix(crc32c, 16).ok()?,
        })
    }
}

/// What the slots of a folder hold.
#[derive(Debug, Default)]
pub struct Found {
    /// The newest manifest.
    pub newest: Option<Manifest>,
    /// Slots that hold something else: a write that a crash interrupted, or damage.
    pub damaged: usize,
}

impl Manifest {
    fn text(&self) -> String {
        let mut text = format!("larder-manifest {FORMAT}\n");
        let mut line = |name: &str, value: String| writeln!(text, "{name} {value}").expect("a String takes everything");
        line("generation", self.generation.to_string());
        line("epoch", self.epoch.to_string());
        if let Some(snapshot) = &self.snapshot {
            line("snapshot", snapshot.text());
        }
        line("first-segment", self.first_segment.to_string());
        if let Some((snapshot, first_segment)) = &self.previous {
            let snapshot = snapshot.as_ref().map_or_else(String::new, |snapshot| format!(" {}", snapshot.text()));
            line("previous", format!("{first_segment}{snapshot}"));
        }
        if let Some(lsn) = self.closed_at {
            line("closed-at", lsn.to_string());
        }
        let checksum = crc32c::crc32c(text.as_bytes());
        format!("{text}crc32c {checksum:08x}\n")
    }

    /// Reads the text of a slot. `None` if it is damaged.
    pub fn parse(text: &[u8]) -> Option<Result<Self, StoreError>> {
        let text = std::str::from_utf8(text).ok()?;
        let (body, checksum) = text.strip_suffix('\n')?.rsplit_once("\ncrc32c ")?;
        let body = &text[..body.len() + 1];
        let is_plain =
            checksum.len() == 8 && checksum.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
        if !is_plain || u32::from_str_radix(checksum, 16).ok()? != crc32c::crc32c(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        let format: u32 = lines.next()?.strip_prefix("larder-manifest ")?.parse().ok()?;
        if format > FORMAT {
            let text = format!("it was written by a newer version (format {format}, this one knows {FORMAT})");
            return Some(Err(StoreError::TooNew(text)));
        }
        let mut manifest = Self::default();
        for line in lines {
            let (name, value) = line.split_once(' ')?;
            match name {
                "generation" => manifest.generation = number(value)?,
                "epoch" => manifest.epoch = number(value)?,
                "first-segment" => manifest.first_segment = number(value)?,
                "closed-at" => manifest.closed_at = Some(number(value)?),
                "snapshot" => manifest.snapshot = Some(SnapshotFile::parse(value)?),
                "previous" => {
                    let (first, snapshot) = value.split_once(' ').map_or((value, None), |(f, s)| (f, Some(s)));
                    let snapshot = match snapshot {
                        Some(text) => Some(SnapshotFile::parse(text)?),
                        None => None,
                    };
                    manifest.previous = Some((snapshot, number(first)?));
                }
                _ => return None,
            }
        }
        Some(Ok(manifest))
    }

    /// Looks into the slots of a folder.
    pub fn load(vfs: &impl Vfs) -> Result<Found, StoreError> {
        let mut found = Found::default();
        for slot in SLOTS {
            let text = match read_all(vfs, slot, BYTES_MAX) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            match Self::parse(&text) {
                None => found.damaged += 1,
                Some(manifest) => {
                    let manifest = manifest?;
                    if found.newest.as_ref().is_none_or(|newest| newest.generation < manifest.generation) {
                        found.newest = Some(manifest);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Writes the manifest over the older slot, and makes it survive a power cut.
    pub fn save(&self, vfs: &impl Vfs, options: &Options) -> io::Result<()> {
        let slot = SLOTS[usize::from(self.generation % 2 == 1)];
        match vfs.remove(slot) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = vfs.open(slot, Mode::Create)?;
        write_all(vfs, &file, 0, self.text().as_bytes())?;
        vfs.sync(&file)?;
        vfs.close(file)?;
        sync_folder(vfs, options)
    }
}

/// Makes creations and removals survive a power cut.
pub fn sync_folder(vfs: &impl Vfs, options: &Options) -> io::Result<()> {
    if options.has(Bug::NoFolderFlush) {
        return Ok(());
    }
    vfs.sync_folder()
}

/// Writes all of some bytes at an offset.
pub fn write_all<V: Vfs>(vfs: &V, file: &V::File, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match vfs.write(file, at, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => (at, bytes) = (at + written as u64, &bytes[written..]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills as much of a buffer as the file has from an offset on, and answers how much.
pub fn read_full<V: Vfs>(vfs: &V, file: &V::File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match vfs.read(file, at + filled as u64, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The whole content of a file of at most so many bytes.
pub fn read_all(vfs: &impl Vfs, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = vfs.open(name, Mode::Read)?;
    let len = vfs.len(&file)?;
    if len > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} is too long: {len} bytes")));
    }
    let mut content = vec![0; len as usize];
    let read = read_full(vfs, &file, 0, &mut content)?;
    content.truncate(read);
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Manifest {
        let snapshot = SnapshotFile { name: snapshot_name(3), lsn: 77, len: 1234, crc32c: 0xdead_beef };
        let previous = Some((Some(SnapshotFile { lsn: 7, ..snapshot.clone() }), 4));
        Manifest { generation: 3, epoch: 2, snapshot: Some(snapshot), first_segment: 5, previous, closed_at: Some(99) }
    }

    #[test]
    fn a_manifest_comes_back() {
        assert_eq!(Manifest::parse(sample().text().as_bytes()), Some(Ok(sample())));
        let plain = Manifest { snapshot: None, previous: Some((None, 1)), closed_at: None, ..sample() };
        assert_eq!(Manifest::parse(plain.text().as_bytes()), Some(Ok(plain)));
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let mut manifest = sample();
        manifest.snapshot.as_mut().expect("there is one").name = "../snapshot-0000000003.rdb".to_owned();
        assert_eq!(Manifest::parse(manifest.text().as_bytes()), None);
    }

    #[test]
    fn every_flip_and_cut_is_seen() {
        let text = sample().text().into_bytes();
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Manifest::parse(&flipped), None, "bit {bit}");
        }
        for cut in 0..text.len() {
            assert_eq!(Manifest::parse(&text[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let body = "larder-manifest 2\nsomething new\n";
        let text = format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()));
        assert!(matches!(Manifest::parse(text.as_bytes()), Some(Err(StoreError::TooNew(_)))));
    }
}
