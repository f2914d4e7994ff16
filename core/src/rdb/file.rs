//! Whole RDB files: databases, keys with their expiries, and what stands around them.

use std::io::{self, Read};

use super::window::Window;
use super::{Corrupt, Form, Kind, Limits, Loaded, Reader, read_if_any, write_value};
use crate::keyspace::entry::Entry;
use crate::structure::rdb::crc64;
use crate::structure::rdb::length::{write_length, write_string};

/// Marks in place of a type.
mod mark {
    pub const SLOT_INFO: u8 = 244;
    pub const FUNCTION: u8 = 245;
    pub const FUNCTION_OLD: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    pub const IDLE: u8 = 248;
    pub const FREQUENCY: u8 = 249;
    pub const AUX: u8 = 250;
    pub const RESIZE: u8 = 251;
    pub const EXPIRY_MS: u8 = 252;
    pub const EXPIRY_SECONDS: u8 = 253;
    pub const DATABASE: u8 = 254;
    pub const END: u8 = 255;
}

/// Bytes of `REDIS0011`.
const MAGIC_BYTES: usize = 9;

/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 8;

/// Appends what an RDB file begins with.
pub fn write_header(version: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("REDIS{version:04}").as_bytes());
    for (name, value) in [("redis-ver", crate::REDIS_VERSION), ("larder-ver", crate::VERSION), ("redis-bits", "64")] {
        out.push(mark::AUX);
        write_string(out, name.as_bytes());
        write_string(out, value.as_bytes());
    }
}

/// Appends the number of the database that the following keys belong to.
pub fn write_database(db: u16, out: &mut Vec<u8>) {
    out.push(mark::DATABASE);
    write_length(out, db.into());
}

/// Appends how many keys of the database follow, and how many of them have an expiry, so that whoever reads can make
/// room for them.
pub fn write_sizes(keys: usize, deadlines: usize, out: &mut Vec<u8>) {
    out.push(mark::RESIZE);
    write_length(out, keys as u64);
    write_length(out, deadlines as u64);
}

/// Appends a key with its expiry and value.
pub fn write_entry(entry: &Entry, form: &Form, out: &mut Vec<u8>) {
    let kind = write_before_value(entry, form, out);
    write_value(entry.value(), kind, form, out);
}

/// Appends what stands before the value of a key, and says how that is to be written.
pub fn write_before_value(entry: &Entry, form: &Form, out: &mut Vec<u8>) -> Kind {
    if let Some(deadline_ms) = entry.deadline_ms() {
        out.push(mark::EXPIRY_MS);
        out.extend_from_slice(&deadline_ms.to_le_bytes());
    }
    let kind = Kind::of(entry.value(), form.version);
    out.push(kind as u8);
    write_string(out, entry.key());
    kind
}

/// Appends the end; the checksum of everything before it, this mark included, follows.
pub fn write_end(out: &mut Vec<u8>) {
    out.push(mark::END);
}

/// Why a file cannot be read.
#[derive(Debug)]
pub enum FileError {
    /// The bytes are no RDB file, or a damaged one; the number says about where.
    Corrupt(u64, &'static str),
    /// It was written by a newer version.
    TooNew(u32),
    /// Reading failed.
    Io(io::Error),
}

impl std::fmt::Display for FileError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Corrupt(at, what) => write!(out, "damaged near byte {at}: {what}"),
            Self::TooNew(version) => write!(out, "RDB version {version} is newer than what is known here"),
            Self::Io(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for FileError {}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What stands between the keys of a file.
enum Step<'a> {
    Key { key: std::borrow::Cow<'a, [u8]>, value: Option<Loaded<'a>> },
    Expiry(u64),
    Database(u16),
    Sizes { keys: u64 },
    Nothing,
    End,
}

/// What a file says, piece by piece.
#[derive(Debug)]
pub enum Part {
    /// About so many keys of a database follow. Nothing holds the file to it.
    Sizes {
        /// The database.
        db: u16,
        /// Its keys.
        keys: u64,
    },
    /// A key with its value and expiry.
    Entry {
        /// The database.
        db: u16,
        /// All of it.
        entry: Entry,
    },
}

/// An RDB file that is being read from its beginning to its end.
pub struct FileReader<'f> {
    window: Window<'f>,
    limits: Limits,
    accepts_unchecked: bool,
    version: u32,
    /// The checksum of what is read, except for the last `unsummed` bytes.
    sum: u64,
    unsummed: usize,
    /// Where the latest step begins.
    step_at: u64,
    db: u16,
    deadline_ms: Option<u64>,
    is_over: bool,
}

/// What follows an RDB file inside another, such as the requests of an append-only file.
#[derive(Debug)]
pub struct Behind {
    /// Where it begins.
    pub at: u64,
    /// What has been read of it already; nothing only if there is nothing.
    pub ahead: Vec<u8>,
}

impl<'f> FileReader<'f> {
    /// Begins with a file. A checksum of zero stands for none in files of others (`accepts_unchecked`); in our own it
    /// is damage.
    pub fn new(file: &'f mut dyn Read, limits: &Limits, accepts_unchecked: bool) -> Result<Self, FileError> {
        let mut window = Window::new(file, Vec::new(), 0);
        window.fill(MAGIC_BYTES)?;
        let version =
            version_of(window.rest()).ok_or(FileError::Corrupt(0, "it does not begin with REDIS and a version"))?;
        if version > u32::from(super::VERSION_MAX) {
            return Err(FileError::TooNew(version));
        }
        window.advance(MAGIC_BYTES);
        Ok(Self {
            window,
            limits: *limits,
            accepts_unchecked,
            version,
            sum: 0,
            unsummed: MAGIC_BYTES,
            step_at: 0,
            db: 0,
            deadline_ms: None,
            is_over: false,
        })
    }

    /// The next part, or nothing at the end, once the checksum has been found to fit.
    pub fn next_part(&mut self) -> Result<Option<Part>, FileError> {
        while !self.is_over {
            self.step_at = self.window.position();
            let (used, step) = match read_step(self.window.rest(), &self.limits) {
                Ok(found) => found,
                Err(Corrupt) if self.window.is_over() => return Err(self.refuse("what stands there cannot be read")),
                Err(Corrupt) => {
                    // It may only be that not all of it is here.
                    self.sum_up();
                    self.window.more()?;
                    continue;
                }
            };
            let part = match step {
                Step::Nothing => None,
                Step::End => {
                    self.is_over = true;
                    None
                }
                Step::Database(number) => {
                    self.db = number;
                    None
                }
                Step::Expiry(ms) => {
                    self.deadline_ms = Some(ms);
                    None
                }
                Step::Sizes { keys } => Some(Part::Sizes { db: self.db, keys }),
                Step::Key { key, value } => {
                    let deadline_ms = self.deadline_ms.take();
                    value.map(|value| Part::Entry { db: self.db, entry: value.into_entry(&key, deadline_ms, 0) })
                }
            };
            self.window.advance(used);
            self.unsummed += used;
            if self.is_over {
                self.check_end()?;
            }
            if part.is_some() {
                return Ok(part);
            }
        }
        Ok(None)
    }

    /// What is wrong with the latest part, and where that stands.
    pub fn refuse(&self, what: &'static str) -> FileError {
        FileError::Corrupt(self.step_at, what)
    }

    /// Refuses a file that others follow. To be called at the end.
    pub fn require_end(&mut self) -> Result<(), FileError> {
        self.window.fill(1)?;
        self.step_at = self.window.position();
        if self.window.rest().is_empty() { Ok(()) } else { Err(self.refuse("it does not end with its checksum")) }
    }

    /// Ends the reading; others may follow the file.
    pub fn into_behind(mut self) -> Result<Behind, FileError> {
        self.window.fill(1)?;
        let (at, ahead) = self.window.into_rest();
        Ok(Behind { at, ahead })
    }

    /// Brings the checksum up to date. Many steps at once cost less than each by itself.
    fn sum_up(&mut self) {
        self.sum = crc64::update(self.sum, self.window.passed(self.unsummed));
        self.unsummed = 0;
    }

    /// Checks the trailer against the checksum of everything before it.
    fn check_end(&mut self) -> Result<(), FileError> {
        self.sum_up();
        // Files of old servers have no checksum; ours do, whatever a damaged version says.
        if self.version < 5 && self.accepts_unchecked {
            return Ok(());
        }
        self.window.fill(CHECKSUM_BYTES)?;
        self.step_at = self.window.position();
        let checksum = *self
            .window
            .rest()
            .first_chunk::<CHECKSUM_BYTES>()
            .ok_or_else(|| self.refuse("it does not end with a checksum"))?;
        self.window.advance(CHECKSUM_BYTES);
        match u64::from_le_bytes(checksum) {
            0 if self.accepts_unchecked => Ok(()),
            checksum if checksum == self.sum => Ok(()),
            _ => Err(self.refuse("the checksum does not fit")),
        }
    }
}

/// Reads a file and hands every entry to `take`, with its database. About checksums see [`FileReader::new`].
pub fn read_file(
    file: &mut dyn Read,
    limits: &Limits,
    accepts_unchecked: bool,
    take: impl FnMut(u16, Entry) -> Result<(), &'static str>,
) -> Result<(), FileError> {
    let mut reader = FileReader::new(file, limits, accepts_unchecked)?;
    hand_over(&mut reader, take)?;
    reader.require_end()
}

/// As [`read_file`] for a file that others may follow.
pub fn read_leading_file(
    file: &mut dyn Read,
    limits: &Limits,
    accepts_unchecked: bool,
    take: impl FnMut(u16, Entry) -> Result<(), &'static str>,
) -> Result<Behind, FileError> {
    let mut reader = FileReader::new(file, limits, accepts_unchecked)?;
    hand_over(&mut reader, take)?;
    reader.into_behind()
}

fn hand_over(
    reader: &mut FileReader<'_>,
    mut take: impl FnMut(u16, Entry) -> Result<(), &'static str>,
) -> Result<(), FileError> {
    while let Some(part) = reader.next_part()? {
        if let Part::Entry { db, entry } = part {
            take(db, entry).map_err(|what| reader.refuse(what))?;
        }
    }
    Ok(())
}

fn version_of(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.get(..MAGIC_BYTES)?.strip_prefix(b"REDIS")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn read_step<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(usize, Step<'a>), Corrupt> {
    let (&first, rest) = bytes.split_first().ok_or(Corrupt)?;
    let mut reader = Reader::new(rest);
    let step = match first {
        mark::END => Step::End,
        mark::DATABASE => Step::Database(u16::try_from(reader.read_length()?).map_err(|_| Corrupt)?),
        mark::EXPIRY_MS => Step::Expiry(reader.read_u64()?),
        mark::EXPIRY_SECONDS => Step::Expiry(u64::from(reader.read_u32()?) * 1000),
        mark::RESIZE => {
            let keys = reader.read_length()?;
            reader.read_length()?;
            Step::Sizes { keys }
        }
        mark::AUX => {
            reader.read_string()?;
            reader.read_string()?;
            Step::Nothing
        }
        mark::FREQUENCY => {
            reader.read_u8()?;
            Step::Nothing
        }
        mark::IDLE => {
            reader.read_length()?;
            Step::Nothing
        }
        mark::SLOT_INFO => {
            for _ in 0..3 {
                reader.read_length()?;
            }
            Step::Nothing
        }
        // Functions come with scripts: until then a library is passed over.
        mark::FUNCTION => {
            reader.read_string()?;
            Step::Nothing
        }
        mark::FUNCTION_OLD | mark::MODULE_AUX => return Err(Corrupt),
        kind => {
            let kind = Kind::from_byte(kind).ok_or(Corrupt)?;
            let key = reader.read_string()?;
            let value = read_if_any(kind, &mut reader, limits)?;
            Step::Key { key, value }
        }
    };
    Ok((bytes.len() - reader.remaining(), step))
}
