//! Which clients CLIENT LIST and CLIENT KILL mean.

use std::sync::atomic::Ordering;

use crate::context::Context;
use crate::error::CommandError;
use crate::hub::Client;
use crate::number;
use crate::session::ClientId;

/// Conditions that a client must meet, all of them.
#[derive(Debug, Default)]
pub(super) struct Filter<'a> {
    /// Only these, in this order.
    pub ids: Option<Vec<ClientId>>,
    /// The caller is left out.
    pub skip_me: bool,
    kind: Option<Kind>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    library_name: Option<&'a [u8]>,
    library_version: Option<&'a [u8]>,
    db: Option<u64>,
    min_age_seconds: Option<u64>,
    min_idle_seconds: Option<u64>,
}

/// Whose filter it is: they differ in ID and in whether the caller is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// CLIENT LIST: several numbers, any integer.
    List,
    /// CLIENT KILL: one number that could be a client's.
    Kill,
}

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Normal,
    Replica,
    Master,
    Pubsub,
}

const OPTIONS: [&str; 12] =
    ["ID", "TYPE", "USER", "ADDR", "LADDR", "SKIPME", "MAXAGE", "IDLE", "NAME", "LIB-NAME", "LIB-VER", "DB"];

impl<'a> Filter<'a> {
    /// The connection from one address, the caller's own too.
    pub fn from_address(address: &'a [u8]) -> Self {
        Self { address: Some(address), ..Self::default() }
    }

    /// Reads the options from word 2 on.
    pub fn parse(cx: &Context<'a, '_>, verb: Verb) -> Result<Self, CommandError> {
        let mut filter = Self { skip_me: verb == Verb::Kill, ..Self::default() };
        let mut i = 2;
        while i < cx.args.len() {
            let option = option(cx.arg(i)).ok_or(CommandError::SYNTAX)?;
            let value = cx.args.try_get(i + 1).ok_or(CommandError::SYNTAX)?;
            i += 2;
            match option {
                "ID" if verb == Verb::Kill => filter.ids = Some(vec![id_to_kill(value)?]),
                "ID" => {
                    let ids = filter.ids.get_or_insert_default();
                    ids.extend(id_to_list(value)?);
                    while let Some(word) = cx.args.try_get(i).filter(|word| self::option(word).is_none()) {
                        ids.extend(id_to_list(word)?);
                        i += 1;
                    }
                }
                "TYPE" => filter.kind = Some(Kind::parse(value)?),
                "USER" => check_user(value)?,
                "ADDR" => filter.address = Some(value),
                "LADDR" => filter.local_address = Some(value),
                "SKIPME" => filter.skip_me = yes_or_no(value)?,
                "MAXAGE" => filter.min_age_seconds = Some(positive(value, "maxage")?),
                "IDLE" => filter.min_idle_seconds = Some(positive(value, "idle")?),
                "NAME" => filter.name = Some(value),
                "LIB-NAME" => filter.library_name = Some(value),
                "LIB-VER" => filter.library_version = Some(value),
                _ => filter.db = Some(cx.database(i - 1)?.into()),
            }
        }
        Ok(filter)
    }

    /// Whether a client meets all conditions but those on its number.
    pub fn matches(&self, client: &Client, now_ms: u64) -> bool {
        let is = |wanted: Option<&[u8]>, text: &[u8]| wanted.is_none_or(|wanted| wanted == text);
        let lasts = |min_seconds: Option<u64>, since_ms: u64| {
            min_seconds.is_none_or(|seconds| now_ms.saturating_sub(since_ms) / 1000 >= seconds)
        };
        let active_ms = client.record.active_ms.load(Ordering::Relaxed).max(client.created_ms);
        // Neither replicas nor subscribers exist yet: all clients are normal ones.
        self.kind.is_none_or(|kind| kind == Kind::Normal)
            && is(self.address, client.address.as_bytes())
            && is(self.local_address, client.local_address.as_bytes())
            && is(self.name, &client.name)
            && is(self.library_name, &client.library_name)
            && is(self.library_version, &client.library_version)
            && self.db.is_none_or(|db| db == client.record.db.load(Ordering::Relaxed))
            && lasts(self.min_age_seconds, client.created_ms)
            && lasts(self.min_idle_seconds, active_ms)
    }
}

impl Kind {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"slave" | b"replica" => Ok(Self::Replica),
            b"master" => Ok(Self::Master),
            b"pubsub" => Ok(Self::Pubsub),
            _ => Err(quoting("Unknown client type", word)),
        }
    }
}

fn option(word: &[u8]) -> Option<&'static str> {
    OPTIONS.into_iter().find(|option| word.eq_ignore_ascii_case(option.as_bytes()))
}

fn id_to_kill(word: &[u8]) -> Result<ClientId, CommandError> {
    let id = number::parse_i64(word).and_then(|id| u64::try_from(id).ok()).filter(|&id| id > 0);
    id.ok_or(CommandError::fixed("ERR client-id should be greater than 0"))
}

/// No client has a number below one, but asking for it is no mistake.
fn id_to_list(word: &[u8]) -> Result<Option<ClientId>, CommandError> {
    let id = number::parse_i64(word).ok_or(CommandError::fixed("ERR Invalid client ID"))?;
    Ok(u64::try_from(id).ok())
}

/// There is one user until ACLs exist, and every client is that user.
fn check_user(name: &[u8]) -> Result<(), CommandError> {
    if name == b"default" { Ok(()) } else { Err(quoting("No such user", name)) }
}

fn yes_or_no(word: &[u8]) -> Result<bool, CommandError> {
    match word.eq_ignore_ascii_case(b"YES") {
        false if !word.eq_ignore_ascii_case(b"NO") => Err(CommandError::SYNTAX),
        yes => Ok(yes),
    }
}

fn positive(word: &[u8], name: &str) -> Result<u64, CommandError> {
    let number = number::parse_i64(word)
        .ok_or_else(|| CommandError::new(format!("ERR {name} is not an integer or out of range")))?;
    let positive = u64::try_from(number).ok().filter(|&number| number > 0);
    positive.ok_or_else(|| CommandError::new(format!("ERR {name} should be greater than 0")))
}

fn quoting(text: &str, word: &[u8]) -> CommandError {
    CommandError::quoting(&format!("ERR {text} '"), word, "'")
}
