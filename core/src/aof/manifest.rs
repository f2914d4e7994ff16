//! The manifest of an append-only file in parts: `file NAME seq NUMBER type b|i|h`, a line each.

use std::fmt;

use crate::settings::split_words;

/// Largest manifest that is read: a server keeps a handful of lines.
pub const MANIFEST_BYTES: u64 = 1 << 20;

/// Longest line.
const LINE_BYTES: usize = 1024;

/// A file with a part of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its plain name.
    pub name: String,
    /// The state that everything else builds on. There is one at most, and it comes first.
    pub is_base: bool,
}

/// Why a manifest cannot be used: the line, counted from 1, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadManifest(pub usize, pub &'static str);

impl fmt::Display for BadManifest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {} of the manifest: {}", self.0, self.1)
    }
}

impl std::error::Error for BadManifest {}

/// One line.
struct Line {
    name: String,
    sequence: u64,
    kind: u8,
}

/// Reads a manifest and answers its files in the order in which they have to be read. Files of earlier times are left
/// out.
pub fn parts(text: &[u8]) -> Result<Vec<Part>, BadManifest> {
    let mut base = None;
    let mut increments: Vec<Part> = Vec::new();
    let mut newest = 0;
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let bad = |what| BadManifest(number, what);
        if line.first() == Some(&b'#') {
            continue;
        }
        let line = read_line(line).map_err(bad)?;
        match line.kind {
            b'b' if base.is_some() => return Err(bad("there is a second base")),
            b'b' => base = Some(Part { name: line.name, is_base: true }),
            b'i' if line.sequence <= newest => return Err(bad("the sequence does not rise")),
            b'i' => {
                newest = line.sequence;
                increments.push(Part { name: line.name, is_base: false });
            }
            b'h' => {}
            _ => return Err(bad("the type is none of b, i and h")),
        }
    }
    let all: Vec<Part> = base.into_iter().chain(increments).collect();
    if all.is_empty() { Err(BadManifest(1, "it lists no file")) } else { Ok(all) }
}

fn read_line(line: &[u8]) -> Result<Line, &'static str> {
    if line.len() > LINE_BYTES {
        return Err("it is too long");
    }
    let words = split_words(line).ok_or("the quotes do not fit")?;
    if words.len() < 6 || words.len() % 2 != 0 {
        return Err("it does not name a file, its sequence and its type");
    }
    let (mut name, mut sequence, mut kind) = (None, None, None);
    for pair in words.chunks_exact(2) {
        let [key, value] = pair else { continue };
        match key.to_ascii_lowercase().as_slice() {
            b"file" => name = String::from_utf8(value.clone()).ok(),
            b"seq" => sequence = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
            b"type" => kind = value.first().copied().filter(|_| value.len() == 1),
            // Newer servers may say more.
            _ => {}
        }
    }
    let name = name.ok_or("the file's name cannot be read")?;
    if name.is_empty() || name.contains(['/', '\\', '\0']) || name == ".." || name == "." {
        return Err("the file's name leads elsewhere");
    }
    let sequence = sequence.filter(|sequence| *sequence > 0).ok_or("the sequence cannot be read")?;
    Ok(Line { name, sequence, kind: kind.ok_or("the type cannot be read")? })
}
