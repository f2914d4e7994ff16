//! Whole RDB files: databases, keys with their expiries, and what stands around them.

use std::io::{self, Read};

use super::window::Window;
use super::{Corrupt, Form, Kind, Limits, Loaded, Reader, read_value, write_value};
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

/// Appends a key with its expiry and value.
pub fn write_entry(entry: &Entry, form: &Form, out: &mut Vec<u8>) {
    if let Some(deadline_ms) = entry.deadline_ms() {
        out.push(mark::EXPIRY_MS);
        out.extend_from_slice(&deadline_ms.to_le_bytes());
    }
    let kind = Kind::of(entry.value(), form.version);
    out.push(kind as u8);
    write_string(out, entry.key());
    write_value(entry.value(), kind, form, out);
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
    Key { key: std::borrow::Cow<'a, [u8]>, value: Loaded<'a> },
    Expiry(u64),
    Database(u16),
    Nothing,
    End,
}

/// Reads a file and hands every entry to `take`, with its database. A checksum of zero stands for none in files of
/// others (`accepts_unchecked`); in our own it is damage.
pub fn read_file(
    file: &mut dyn Read,
    limits: &Limits,
    accepts_unchecked: bool,
    take: impl FnMut(u16, Entry) -> Result<(), &'static str>,
) -> Result<(), FileError> {
    let Behind { at, ahead } = read_leading_file(file, limits, accepts_unchecked, take)?;
    if ahead.is_empty() { Ok(()) } else { Err(FileError::Corrupt(at, "it does not end with its checksum")) }
}

/// What follows an RDB file inside another, such as the requests of an append-only file.
#[derive(Debug)]
pub struct Behind {
    /// Where it begins.
    pub at: u64,
    /// What has been read of it already; nothing only if there is nothing.
    pub ahead: Vec<u8>,
}

/// As [`read_file`] for a file that others may follow.
pub fn read_leading_file(
    file: &mut dyn Read,
    limits: &Limits,
    accepts_unchecked: bool,
    mut take: impl FnMut(u16, Entry) -> Result<(), &'static str>,
) -> Result<Behind, FileError> {
    let mut window = Window::new(file, Vec::new(), 0);
    window.fill(MAGIC_BYTES)?;
    let version =
        version_of(window.rest()).ok_or(FileError::Corrupt(0, "it does not begin with REDIS and a version"))?;
    if version > u32::from(super::VERSION_MAX) {
        return Err(FileError::TooNew(version));
    }
    let mut sum = crc64::update(0, &window.rest()[..MAGIC_BYTES]);
    window.advance(MAGIC_BYTES);
    let (mut db, mut deadline_ms) = (0, None);
    loop {
        let (used, step) = loop {
            let position = window.position();
            match read_step(window.rest(), limits) {
                Ok(found) => break found,
                Err(Corrupt) if window.is_over() => {
                    return Err(FileError::Corrupt(position, "what stands there cannot be read"));
                }
                // It may only be that not all of it is here.
                Err(Corrupt) => window.more()?,
            }
        };
        sum = crc64::update(sum, &window.rest()[..used]);
        let is_end = matches!(step, Step::End);
        match step {
            Step::Nothing | Step::End => {}
            Step::Database(number) => db = number,
            Step::Expiry(ms) => deadline_ms = Some(ms),
            Step::Key { key, value } => {
                let entry = value.into_entry(&key, deadline_ms.take(), 0);
                take(db, entry).map_err(|what| FileError::Corrupt(window.position(), what))?;
            }
        }
        window.advance(used);
        if is_end {
            break;
        }
    }
    // Files of old servers have no checksum; ours do, whatever a damaged version says.
    if version >= 5 || !accepts_unchecked {
        check_end(&mut window, sum, accepts_unchecked)?;
    }
    window.fill(1)?;
    let (at, ahead) = window.into_rest();
    Ok(Behind { at, ahead })
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
            reader.read_length()?;
            reader.read_length()?;
            Step::Nothing
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
            let value = read_value(kind, &mut reader, limits)?;
            Step::Key { key, value }
        }
    };
    Ok((bytes.len() - reader.remaining(), step))
}

/// Checks the trailer against the checksum of everything before it.
fn check_end(window: &mut Window<'_>, sum: u64, accepts_unchecked: bool) -> Result<(), FileError> {
    window.fill(CHECKSUM_BYTES)?;
    let position = window.position();
    let checksum = *window
        .rest()
        .first_chunk::<CHECKSUM_BYTES>()
        .ok_or(FileError::Corrupt(position, "it does not end with a checksum"))?;
    window.advance(CHECKSUM_BYTES);
    match u64::from_le_bytes(checksum) {
        0 if accepts_unchecked => Ok(()),
        checksum if checksum == sum => Ok(()),
        _ => Err(FileError::Corrupt(position, "the checksum does not fit")),
    }
}
