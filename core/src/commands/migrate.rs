//! MIGRATE: keys go to another server. The handler packs them, the host sends them, and [`Migration::finish`] removes
//! those that the other server has, unless they have changed since.

use crate::command::keys::{Begin, Find};
use crate::command::{Categories, Command, Flags, Group, KeyAccess, KeySpec, Scope, rows};
use crate::context::{Context, Env};
use crate::effects::Effects;
use crate::error::CommandError;
use crate::journal;
use crate::keyspace::eviction::untold_bytes;
use crate::keyspace::waiting::{Until, Wait};
use crate::keyspace::{Held, Keyspace, ShardId, ShardSet};
use crate::number::parse_i64;
use crate::rdb::Form;
use crate::resp::{Arguments, RequestBuf};
use crate::retry::serve;
use crate::session::{ClientId, Session};
use crate::store::Lsn;

use super::dump::payload_of;

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([Command {
    name: "migrate",
    group: Group::Generic,
    arity: -6,
    flags: Flags::WRITE,
    categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
    scope: Scope::AllShardsIf(names_keys_twice),
    keys: &[
        KeySpec::one(MOVED, 3),
        KeySpec {
            access: MOVED.union(KeyAccess::INCOMPLETE),
            begin: Begin::Keyword("KEYS", -2),
            find: Find::Range { last: -1, step: 1, limit: 0 },
        },
    ],
    since: "2.6.0",
    summary: "Moves keys to another server, or copies them there.",
    complexity: "O(N) for the size of the values, twice: here and there",
    syntax: "host port <key|\"\"> destination-db timeout [COPY] [REPLACE] [AUTH password|AUTH2 username password] \
             [KEYS key [key ...]]",
    tips: &["nondeterministic_output"],
    handler: migrate,
    ..Command::ROW
}]);

const MOVED: KeyAccess = KeyAccess::RW.union(KeyAccess::ACCESS).union(KeyAccess::DELETE);

const CANNOT_WAIT: CommandError = CommandError::fixed("ERR MIGRATE would have to wait, which it cannot here");
const TWO_KINDS_OF_KEYS: CommandError =
    CommandError::fixed("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
const TOO_LARGE: CommandError = CommandError::fixed("ERR MIGRATE of more than a gigabyte; move fewer keys at a time");

/// Most bytes that one request may pack.
const MIGRATION_BYTES: usize = 1 << 30;

/// The timeout of requests that give none above 0, as in Redis.
const DEFAULT_TIMEOUT_MS: u64 = 1000;

/// Keys on their way to another server.
#[derive(Debug)]
pub struct Migration {
    /// Whose request it is; the client waits for the reply.
    pub client: ClientId,
    /// Name or address of the other server.
    pub host: String,
    /// Its port; `None` if the word is none.
    pub port: Option<u16>,
    /// What the connection has to begin with, beside the database: AUTH.
    pub login: Option<RequestBuf>,
    /// The database there.
    pub target_db: i64,
    /// Longest that connecting and each exchange may take.
    pub timeout_ms: u64,
    /// Keys there are overwritten.
    pub replaces: bool,
    /// The keys.
    pub keys: Vec<PackedKey>,
    /// Keys here stay.
    copies: bool,
    /// Where the keys come from.
    db: u16,
    shards: ShardSet,
}

/// A key on its way.
#[derive(Debug)]
pub struct PackedKey {
    /// Its name.
    pub key: Vec<u8>,
    /// The value, as RESTORE wants it.
    pub payload: Vec<u8>,
    /// Milliseconds it has left, 0 for ever.
    pub ttl_ms: u64,
    deadline_ms: Option<u64>,
    shard: ShardId,
    /// The version of the key under watch.
    version: u64,
}

/// How a migration ended here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Keys that the other server has, but that changed here meanwhile and stay.
    pub changed: usize,
    /// The record of the journal that the reply depends on.
    pub depends_on: Lsn,
}

/// The word KEYS may be a key, too. Then it is not known from behind where the keys begin.
fn names_keys_twice(args: Arguments<'_>) -> bool {
    args.iter().skip(1).filter(|word| word.eq_ignore_ascii_case(b"KEYS")).count() > 1
}

/// Options of MIGRATE.
struct Options {
    copies: bool,
    replaces: bool,
    login: Option<RequestBuf>,
    /// Where the keys stand, if not in their place.
    keys_from: Option<usize>,
}

impl Options {
    fn parse(cx: &Context) -> Result<Self, CommandError> {
        let mut options = Self { copies: false, replaces: false, login: None, keys_from: None };
        let words = cx.args.len();
        let mut i = 6;
        while i < words {
            let option = cx.arg(i);
            if option.eq_ignore_ascii_case(b"COPY") {
                options.copies = true;
            } else if option.eq_ignore_ascii_case(b"REPLACE") {
                options.replaces = true;
            } else if option.eq_ignore_ascii_case(b"AUTH") && i + 1 < words {
                options.login = Some([b"AUTH", cx.arg(i + 1)].into_iter().collect());
                i += 1;
            } else if option.eq_ignore_ascii_case(b"AUTH2") && i + 2 < words {
                options.login = Some([b"AUTH", cx.arg(i + 1), cx.arg(i + 2)].into_iter().collect());
                i += 2;
            } else if option.eq_ignore_ascii_case(b"KEYS") {
                if !cx.arg(3).is_empty() {
                    return Err(TWO_KINDS_OF_KEYS);
                }
                options.keys_from = Some(i + 1);
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
            i += 1;
        }
        Ok(options)
    }
}

fn migrate(cx: &mut Context) -> Result<(), CommandError> {
    let options = Options::parse(cx)?;
    let timeout_ms = u64::try_from(cx.integer(5)?).ok().filter(|&ms| ms > 0).unwrap_or(DEFAULT_TIMEOUT_MS);
    let target_db = cx.integer(4)?;
    let places = options.keys_from.map_or(3..4, |from| from..cx.args.len());
    let mut keys = pack(cx, places)?;
    if keys.is_empty() {
        cx.reply.status("NOKEY");
        return Ok(());
    }
    if !cx.wait_for(Wait { until: Until::Host, ..Wait::default() }) {
        return Err(CANNOT_WAIT);
    }
    let db = cx.keys.db;
    for key in &mut keys {
        key.version = cx.keys.shard(key.shard).watch(db, &key.key);
    }
    cx.effects.migration = Some(Box::new(Migration {
        client: cx.session.id,
        host: String::from_utf8_lossy(cx.arg(1)).into_owned(),
        port: parse_i64(cx.arg(2)).and_then(|port| u16::try_from(port).ok()),
        login: options.login,
        target_db,
        timeout_ms,
        replaces: options.replaces,
        shards: keys.iter().fold(ShardSet::None, |shards, key| shards.with(key.shard)),
        keys,
        copies: options.copies,
        db,
    }));
    Ok(())
}

/// Packs the keys at these places of the request, those that exist.
fn pack(cx: &mut Context, places: std::ops::Range<usize>) -> Result<Vec<PackedKey>, CommandError> {
    let form = Form::new(cx.env.settings);
    let mut keys = Vec::new();
    let mut bytes = 0;
    for place in places {
        let key = cx.arg(place);
        let slot = cx.keys.read(key);
        let Some(entry) = cx.keys.entry(slot) else { continue };
        let deadline_ms = entry.deadline_ms();
        let payload = payload_of(entry, &form);
        bytes += payload.len() + key.len() + size_of::<PackedKey>();
        if bytes > MIGRATION_BYTES {
            return Err(TOO_LARGE);
        }
        keys.push(PackedKey {
            key: key.to_vec(),
            payload,
            ttl_ms: deadline_ms.map_or(0, |deadline_ms| deadline_ms.saturating_sub(cx.env.now_ms()).max(1)),
            deadline_ms,
            shard: slot.shard(),
            version: 0,
        });
    }
    Ok(keys)
}

impl Migration {
    /// The shards that [`Migration::finish`] needs.
    pub fn shards(&self) -> ShardSet {
        self.shards
    }

    /// Ends a migration that nobody carries out: each key is handed to `unwatch`.
    pub fn end_watches(&self, mut unwatch: impl FnMut(ShardId, u16, &[u8])) {
        self.keys.iter().for_each(|key| unwatch(key.shard, self.db, &key.key));
    }

    /// Ends a migration while all its shards are held. `taken` says of each key whether the other server has it now.
    /// Those are removed here, unless they are to stay or have changed meanwhile.
    pub fn finish(&self, held: Held<'_>, taken: &[bool], env: Env<'_>, effects: &mut Effects) -> Finished {
        let mut keys = Keyspace::new(held, env.layout, self.db, env.now_ms(), env.access_clock(), None);
        // A key may be named twice, so all versions are looked at before the first key is removed.
        let is_same = |packed: &PackedKey| {
            let shard = keys.shard(packed.shard);
            let version = shard.watched_version(self.db, &packed.key);
            version == Some(packed.version)
        };
        let same: Vec<bool> = self.keys.iter().map(is_same).collect();
        self.end_watches(|shard, db, key| keys.shard(shard).unwatch(db, key));
        let mut changed = 0;
        let mut removed: Vec<&[u8]> = vec![b"DEL"];
        for ((packed, is_taken), is_same) in self.keys.iter().zip(taken).zip(same) {
            if !is_taken || self.copies {
                continue;
            }
            if is_same {
                let slot = keys.locate(&packed.key);
                if keys.discard(slot) {
                    removed.push(&packed.key);
                }
            } else if packed.deadline_ms.is_none_or(|deadline_ms| deadline_ms > env.now_ms()) {
                changed += 1;
            }
        }
        let request: RequestBuf = removed.into_iter().collect();
        let mut session = Session::new(0, true);
        journal::note(&mut keys, &mut session, self.db, request.arguments(), &env, effects);
        keys.tell_bytes(&env.signals.memory_bytes, untold_bytes(env.settings, env.layout));
        if keys.has_ready() {
            serve(&mut keys, env, effects);
        }
        keys.take_discarded(&mut effects.discarded);
        Finished { changed, depends_on: session.depends_on }
    }
}
