//! The object that ties the others together, as text that a person can read.

use larder_core::store::{Lsn, StoreError};

/// Name of the manifest.
pub const NAME: &str = "manifest";

/// What it begins with; a version follows.
const TITLE: &str = "larder objects ";

/// Newest version of the format that this code knows.
const VERSION: u32 = 1;

/// A snapshot in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotObject {
    /// Its name.
    pub name: String,
    /// The record that it covers.
    pub lsn: Lsn,
    /// Its bytes.
    pub len: u64,
    /// CRC32C of them.
    pub crc32c: u32,
}

/// What a start begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// The snapshot.
    pub snapshot: Option<SnapshotObject>,
    /// The first object of the log that may hold something behind it.
    pub first: u64,
}

/// Whose a place is, and what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Counts those who opened the place.
    pub epoch: u64,
    /// The number that tells writers apart.
    pub writer: u64,
    /// Counts manifests.
    pub generation: u64,
    /// The log is known to reach up to this object at least: if it ends before, something has been lost.
    pub end: u64,
    /// What a start begins with.
    pub now: Generation,
    /// What it began with before, which is kept until the next snapshot.
    pub previous: Option<Generation>,
}

/// Name of a snapshot.
pub fn snapshot_name(epoch: u64, count: u64) -> String {
    format!("snapshots/{epoch:010}-{count:010}.rdb")
}

/// Epoch of the writer of a snapshot, by its name.
pub fn snapshot_epoch(name: &str) -> Option<u64> {
    let (epoch, count) = name.strip_prefix("snapshots/")?.strip_suffix(".rdb")?.split_once('-')?;
    let is_number = |text: &str| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(epoch) && is_number(count)).then(|| epoch.parse().ok())?
}

impl Manifest {
    /// Whether two manifests are of one writer.
    pub fn has_same_writer(&self, other: &Self) -> bool {
        (self.epoch, self.writer) == (other.epoch, other.writer)
    }

    /// Its bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut text = format!(
            "{TITLE}{VERSION}\nepoch {}\nwriter {:016x}\ngeneration {}\nend {}\nnow {}\nprevious {}\n",
            self.epoch,
            self.writer,
            self.generation,
            self.end,
            self.now.text(),
            self.previous.as_ref().map_or_else(|| "-".to_owned(), Generation::text),
        );
        let sum = crc32c::crc32c(text.as_bytes());
        text.push_str(&format!("crc32c {sum:08x}\n"));
        text.into_bytes()
    }

    /// Reads it.
    pub fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt(format!("{NAME}: it is damaged"));
        let text = std::str::from_utf8(bytes).map_err(|_| corrupt())?;
        let version = text.strip_prefix(TITLE).and_then(|rest| rest.split('\n').next());
        if version.and_then(|version| version.parse::<u32>().ok()).is_some_and(|version| version > VERSION) {
            return Err(StoreError::TooNew(format!("{NAME} was written by a newer version")));
        }
        Self::parse(text).ok_or_else(corrupt)
    }

    fn parse(text: &str) -> Option<Self> {
        let (body, sum) = text.strip_suffix('\n')?.rsplit_once('\n')?;
        let sum = u32::from_str_radix(sum.strip_prefix("crc32c ")?, 16).ok()?;
        if crc32c::crc32c(text.get(..body.len() + 1)?.as_bytes()) != sum {
            return None;
        }
        let mut lines = body.split('\n');
        (lines.next()? == format!("{TITLE}{VERSION}")).then_some(())?;
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        Some(Self {
            epoch: field("epoch")?.parse().ok()?,
            writer: u64::from_str_radix(field("writer")?, 16).ok()?,
            generation: field("generation")?.parse().ok()?,
            end: field("end")?.parse().ok()?,
            now: Generation::parse(field("now")?)?,
            previous: match field("previous")? {
                "-" => None,
                text => Some(Generation::parse(text)?),
            },
        })
    }
}

impl Generation {
    /// `FIRST -` or `FIRST NAME LSN LENGTH CRC32C`.
    fn text(&self) -> String {
        match &self.snapshot {
            None => format!("{} -", self.first),
            Some(it) => format!("{} {} {} {} {:08x}", self.first, it.name, it.lsn, it.len, it.crc32c),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let first = words.first()?.parse().ok()?;
        let snapshot = match words[1..] {
            ["-"] => None,
            [name, lsn, len, crc32c] => {
                snapshot_epoch(name)?;
                Some(SnapshotObject {
                    name: name.to_owned(),
                    lsn: lsn.parse().ok()?,
                    len: len.parse().ok()?,
                    crc32c: u32::from_str_radix(crc32c, 16).ok()?,
                })
            }
            _ => return None,
        };
        Some(Self { snapshot, first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Manifest {
        let snapshot = SnapshotObject { name: snapshot_name(3, 1), lsn: 70, len: 1234, crc32c: 0xabc };
        let now = Generation { snapshot: Some(snapshot), first: 40 };
        let previous = Some(Generation { snapshot: None, first: 0 });
        Manifest { epoch: 3, writer: u64::MAX, generation: 12, end: 57, now, previous }
    }

    #[test]
    fn a_manifest_comes_back() {
        for manifest in [sample(), Manifest::default()] {
            assert_eq!(Manifest::read(&manifest.write()), Ok(manifest));
        }
        let text = String::from_utf8(sample().write()).expect("it is text");
        assert!(text.contains("\nnow 40 snapshots/0000000003-0000000001.rdb 70 1234 00000abc\n"), "{text}");
    }

    #[test]
    fn every_flip_and_every_cut_is_seen() {
        let bytes = sample().write();
        for cut in 0..bytes.len() {
            assert!(Manifest::read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // A checksum in capitals is the same.
            assert!(Manifest::read(&flipped).map_or(true, |read| read == sample()), "bit {bit}");
        }
        let newer = String::from_utf8(bytes).expect("it is text").replace("objects 1", "objects 2");
        assert!(matches!(Manifest::read(newer.as_bytes()), Err(StoreError::TooNew(_))));
    }
}
