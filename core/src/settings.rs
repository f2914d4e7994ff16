//! Settings: typed values behind one table of parameters.
//!
//! CONFIG GET, SET and REWRITE, the configuration file and the command line are all derived from [`PARAMETERS`].
//! Nothing here reads a file or knows whether a directory exists: the host checks what only it can know.

mod choices;
mod events;
mod inert;
mod kind;
mod line;
mod lists;
#[cfg(feature = "config-file")]
mod rewrite;
mod table;

use std::fmt;

use crate::glob;

pub use choices::{Access, AclPubsubDefault, AppendFsync, EvictionPolicy, LogFormat, LogLevel, SanitizeDumpPayload};
pub use events::KeyspaceEvents;
pub use inert::Inert;
pub(crate) use kind::bytes as parse_bytes;
pub use kind::{FileMode, Kind};
pub use line::{quote, split_words};
pub use lists::{
    Addresses, BytesOrPercent, MAX_ADDRESSES, MAX_PERCENTILES, MAX_SAVE_POINTS, OutputLimit, OutputLimits, Percentiles,
    SavePoint, SavePoints,
};
pub use table::{Change, PARAMETERS, Parameter, Settings};

/// Who sets a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file and the command line: everything may be set, the last value wins, and `save` lines
    /// add up from the first one on. Harmless directives of Redis without a row are accepted.
    Start,
    /// CONFIG SET by a client elsewhere.
    Runtime,
    /// CONFIG SET by a client on this machine, who may use what is enabled as `local`.
    RuntimeLocal,
}

/// Why CONFIG SET, or a directive, was refused.
///
/// `Display` is the text Redis sends after `ERR `, without line breaks. A start-up message uses the fields instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// Position of the refused pair.
    pub index: usize,
    /// The name as it was given.
    pub name: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a pair of name and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such parameter.
    Unknown,
    /// Redis has this directive and Larder cannot do what it asks for; at start only.
    Unsupported,
    /// The reason in Redis's words.
    Refused(String),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A line break would end the error reply early.
        let name = self.name.replace(['\r', '\n'], " ");
        match &self.fault {
            Fault::Unknown => {
                write!(out, "Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Fault::Unsupported => refused(out, &name, "not supported by this version of Larder"),
            Fault::Refused(reason) => refused(out, &name, reason),
        }
    }
}

fn refused(out: &mut fmt::Formatter<'_>, name: &str, reason: &str) -> fmt::Result {
    write!(out, "CONFIG SET failed (possibly related to argument '{name}') - {reason}")
}

impl std::error::Error for SettingsError {}

/// A name with its value, both still as bytes.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

impl Settings {
    /// The parameters whose names match a glob `pattern`, as CONFIG GET answers them.
    ///
    /// A name without wildcards is answered as it was asked, letter case included; aliases match like names.
    pub fn get(&self, pattern: &[u8]) -> Vec<(String, String)> {
        self.get_many(&[pattern])
    }

    /// As [`Settings::get`] for several patterns, with each name once.
    pub fn get_many(&self, patterns: &[&[u8]]) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for pattern in patterns {
            for (name, row) in matching(pattern) {
                if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                    found.push((name, (row.text)(self)));
                }
            }
        }
        found
    }

    /// Sets all pairs or, on the first error, none of them.
    pub fn set_all(&mut self, pairs: &[Pair<'_>], origin: Origin) -> Result<(), SettingsError> {
        if origin != Origin::Start {
            self.check_names(pairs, origin)?;
        }
        let mut changed = self.clone();
        let mut saves = 0;
        for (index, pair) in pairs.iter().enumerate() {
            changed.set_one(*pair, origin, &mut saves).map_err(|fault| error(index, pair.0, fault))?;
        }
        *self = changed;
        Ok(())
    }

    /// The rows whose values differ between two states, so that a host can act on a change.
    pub fn changes_since<'a>(&'a self, before: &'a Settings) -> impl Iterator<Item = &'static Parameter> + 'a {
        PARAMETERS.iter().filter(|row| (row.text)(self) != (row.text)(before))
    }

    /// Redis looks at every name before it looks at any value.
    fn check_names(&self, pairs: &[Pair<'_>], origin: Origin) -> Result<(), SettingsError> {
        for (index, (name, _)) in pairs.iter().enumerate() {
            let refuse = |fault| Err(error(index, name, fault));
            let Some(row) = Parameter::find(name) else {
                return refuse(Fault::Unknown);
            };
            if let Some(reason) = self.forbidden(row, origin) {
                return refuse(Fault::Refused(reason.to_owned()));
            }
            if pairs[..index].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
                return refuse(Fault::Refused("duplicate parameter".to_owned()));
            }
        }
        Ok(())
    }

    /// Why a parameter may not be set at run time, whatever the value.
    fn forbidden(&self, row: &Parameter, origin: Origin) -> Option<&'static str> {
        let access = self.enable_protected_configs;
        let trusted = access.allows_remote() || (origin == Origin::RuntimeLocal && access.allows_local());
        match row.change {
            Change::Immutable => Some("can't set immutable config"),
            Change::Protected if !trusted => Some("can't set protected config"),
            _ => None,
        }
    }

    /// Sets one pair; `saves` counts the `save` pairs seen so far.
    fn set_one(&mut self, pair: Pair<'_>, origin: Origin, saves: &mut usize) -> Result<(), Fault> {
        let (name, value) = pair;
        let Some(row) = Parameter::find(name) else {
            return accept_inert(name, value, origin);
        };
        let refuse = |reason: &str| Err(Fault::Refused(reason.to_owned()));
        let Ok(text) = std::str::from_utf8(value) else {
            return refuse("argument must be UTF-8 text");
        };
        if origin == Origin::Start && row.kind == Kind::SavePoints {
            *saves += 1;
            if *saves > 1 {
                return self.save.append(text).map_err(Fault::Refused);
            }
        }
        let before = (row.text)(self);
        row.assign(self, text).map_err(Fault::Refused)?;
        if origin != Origin::Start && row.change == Change::Restart && (row.text)(self) != before {
            return refuse("it changes with a restart only");
        }
        Ok(())
    }
}

/// A directive without a row: fine at start if nothing depends on it.
#[cfg(feature = "config-file")]
fn accept_inert(name: &[u8], value: &[u8], origin: Origin) -> Result<(), Fault> {
    match Inert::find(name) {
        Some(inert) if origin == Origin::Start && inert.accepts(value) => Ok(()),
        Some(_) if origin == Origin::Start => Err(Fault::Unsupported),
        _ => Err(Fault::Unknown),
    }
}

/// Without configuration files nobody brings directives that only a file has.
#[cfg(not(feature = "config-file"))]
fn accept_inert(_: &[u8], _: &[u8], _: Origin) -> Result<(), Fault> {
    Err(Fault::Unknown)
}

fn error(index: usize, name: &[u8], fault: Fault) -> SettingsError {
    SettingsError { index, name: String::from_utf8_lossy(name).into_owned(), fault }
}

/// Names and rows that a pattern asks for.
fn matching(pattern: &[u8]) -> Vec<(String, &'static Parameter)> {
    if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
        let asked = String::from_utf8_lossy(pattern).into_owned();
        return Parameter::find(pattern).map(|row| (asked, row)).into_iter().collect();
    }
    let named = |row: &'static Parameter| row.names().map(move |name| (name, row));
    PARAMETERS
        .iter()
        .flat_map(named)
        .filter(|(name, _)| glob::matches(pattern, name.as_bytes(), true))
        .map(|(name, row)| (name.to_owned(), row))
        .collect()
}

/// One directive of a configuration file: a name and the value its words make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The first word.
    pub name: Vec<u8>,
    /// The other words, joined by a space.
    pub value: Vec<u8>,
    /// How many other words there are.
    pub word_count: usize,
}

impl Directive {
    /// Reads a line that holds a directive. `None` means unbalanced quotes or no word at all.
    pub fn parse(line: &[u8]) -> Option<Directive> {
        let mut words = split_words(line)?.into_iter();
        let name = words.next()?;
        Some(Directive::new(name, &words.collect::<Vec<_>>()))
    }

    /// Makes a directive of a name and its words. A list may stand in one quoted word.
    pub fn new(name: Vec<u8>, words: &[Vec<u8>]) -> Directive {
        let is_list = || Parameter::find(&name).is_some_and(|row| row.kind.takes_many_words());
        let value = match words {
            [list] if is_list() => split_words(list).unwrap_or_else(|| words.to_vec()).join(&b' '),
            _ => words.join(&b' '),
        };
        Directive { name, value, word_count: words.len() }
    }

    /// Whether the parameter takes this many words. An empty list needs none; directives without a row take any number
    /// from one on.
    pub fn word_count_fits(&self) -> bool {
        let takes_many = Parameter::find(&self.name).map(|row| row.kind.takes_many_words());
        match (takes_many, self.word_count) {
            (Some(takes_many), 0) => takes_many,
            (None, 0) => Inert::find(&self.name).is_none(),
            (Some(takes_many), count) => takes_many || count == 1,
            (None, _) => true,
        }
    }
}

/// Whether a line of a configuration file says nothing: blank, or its first character is `#`.
pub fn is_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.is_empty() || line.starts_with(b"#")
}

#[cfg(test)]
mod tests;
