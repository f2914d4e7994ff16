//! What a command is: one row of the command table.
//!
//! A row stands beside its handler in `commands/`. Arity checks, key extraction, ACL categories, COMMAND and its
//! subcommands, the differential driver's grammar and the compatibility page are all derived from it.

pub mod describe;
pub mod keys;
pub mod registry;
pub mod syntax;

use bitflags::bitflags;

use crate::context::Context;
use crate::error::CommandError;
use crate::resp::Arguments;

pub use keys::{KeyAccess, KeySpec};
pub use registry::{CommandId, registry};

/// Runs one command: writes exactly one reply, or answers an error, in which case anything written is dropped.
pub type Handler = fn(&mut Context<'_, '_>) -> Result<(), CommandError>;

/// One command, or one subcommand of a container such as CONFIG.
#[derive(Debug)]
pub struct Command {
    /// Lower case. A subcommand has its own word only: `get` of `config|get`.
    pub name: &'static str,
    /// Documentation group.
    pub group: Group,
    /// Words of a request, both words of a subcommand counted: exact if positive, at least this many if negative.
    pub arity: i16,
    /// Properties that COMMAND INFO reports, and a few of our own.
    pub flags: Flags,
    /// ACL categories beyond those that the flags imply.
    pub categories: Categories,
    /// Where the keys stand.
    pub keys: &'static [KeySpec],
    /// What beyond its keys the command needs to hold.
    pub scope: Scope,
    /// The version of Redis (or `valkey X`) that introduced it.
    pub since: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Cost in O notation.
    pub complexity: &'static str,
    /// Argument grammar: `key value [NX|XX] [EX seconds|KEEPTTL]`; see [`syntax`].
    pub syntax: &'static str,
    /// Hints for routing clients, as COMMAND INFO reports them.
    pub tips: &'static [&'static str],
    /// The version that deprecated it and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Runs it. Containers have [`container`].
    pub handler: Handler,
    /// Subcommands of a container.
    pub subcommands: &'static [Command],
}

impl Command {
    /// The row that others start from: `Command { name: "get", …, ..Command::ROW }`.
    pub const ROW: Self = Self {
        name: "",
        group: Group::Server,
        arity: 1,
        flags: Flags::empty(),
        categories: Categories::empty(),
        keys: &[],
        scope: Scope::Keys,
        since: "1.0.0",
        summary: "",
        complexity: "O(1)",
        syntax: "",
        tips: &[],
        deprecated: None,
        handler: container,
        subcommands: &[],
    };

    /// Whether a request of this many words fits the arity.
    pub fn accepts(&self, words: usize) -> bool {
        let required = usize::from(self.arity.unsigned_abs());
        if self.arity >= 0 { words == required } else { words >= required }
    }

    /// All ACL categories: the row's own and those that flags and group imply.
    pub fn acl_categories(&self) -> Categories {
        // A container does nothing itself.
        let of_group = if self.subcommands.is_empty() { self.group.category() } else { Categories::empty() };
        let mut all = self.categories | of_group;
        let implied = [
            (Flags::WRITE, Categories::WRITE),
            (Flags::READONLY, Categories::READ),
            (Flags::ADMIN, Categories::ADMIN.union(Categories::DANGEROUS)),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::BLOCKING, Categories::BLOCKING),
        ];
        for (flag, category) in implied {
            if self.flags.contains(flag) {
                all |= category;
            }
        }
        all | if self.flags.contains(Flags::FAST) { Categories::FAST } else { Categories::SLOW }
    }
}

/// The rows of a family. Without the feature `docs` they lose what only COMMAND DOCS tells; HELP still tells of
/// subcommands.
pub const fn rows<const N: usize>(mut rows: [Command; N]) -> [Command; N] {
    let mut index = 0;
    while index < N && cfg!(not(feature = "docs")) {
        rows[index].summary = "";
        rows[index].complexity = "";
        rows[index].syntax = "";
        rows[index].since = "";
        rows[index].deprecated = None;
        index += 1;
    }
    rows
}

/// The handler of container rows: reached only when the registry found no such subcommand.
pub fn container(cx: &mut Context<'_, '_>) -> Result<(), CommandError> {
    let name = cx.command.name.to_ascii_uppercase();
    Err(CommandError::quoting("ERR unknown subcommand '", cx.args.get(1), &format!("'. Try {name} HELP.")))
}

/// What a command needs to hold besides the shards of its keys.
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    /// Nothing: the shards of the keys its specs name, none if there are no specs.
    Keys,
    /// Every shard.
    AllShards,
    /// Every shard if the options of a request name keys that its specs do not, else as [`Scope::Keys`].
    AllShardsIf(fn(Arguments<'_>) -> bool),
    /// The hub: clients, settings, statistics.
    Hub,
    /// The hub and every shard.
    Everything,
    /// What the queued commands and watched keys of the session's transaction need.
    Transaction,
}

/// Documentation group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Strings.
    String,
    /// Bitmaps.
    Bitmap,
    /// Keys of any type.
    Generic,
    /// Hashes.
    Hash,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// HyperLogLog.
    HyperLogLog,
    /// Geospatial indexes.
    Geo,
    /// The connection itself.
    Connection,
    /// Transactions.
    Transactions,
    /// Scripts and functions.
    Scripting,
    /// The server.
    Server,
}

impl Group {
    /// Name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Bitmap => "bitmap",
            Self::Generic => "generic",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::HyperLogLog => "hyperloglog",
            Self::Geo => "geo",
            Self::Connection => "connection",
            Self::Transactions => "transactions",
            Self::Scripting => "scripting",
            Self::Server => "server",
        }
    }

    /// The ACL category every command of the group belongs to. Rows of the other groups name theirs one by one.
    fn category(self) -> Categories {
        match self {
            Self::String => Categories::STRING,
            Self::Bitmap => Categories::BITMAP,
            Self::Hash => Categories::HASH,
            Self::List => Categories::LIST,
            Self::Set => Categories::SET,
            Self::SortedSet => Categories::SORTEDSET,
            Self::Stream => Categories::STREAM,
            Self::HyperLogLog => Categories::HYPERLOGLOG,
            Self::Geo => Categories::GEO,
            Self::Transactions => Categories::TRANSACTION,
            Self::Generic | Self::Connection | Self::Scripting | Self::Server => Categories::empty(),
        }
    }
}

bitflags! {
    /// Properties of a command. COMMAND INFO reports them lower case in this order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// May change data.
        const WRITE = 1 << 0;
        /// Only reads data.
        const READONLY = 1 << 1;
        /// May use more memory: refused over maxmemory.
        const DENYOOM = 1 << 2;
        /// For administrators.
        const ADMIN = 1 << 3;
        /// Publish and subscribe.
        const PUBSUB = 1 << 4;
        /// Not callable from scripts.
        const NOSCRIPT = 1 << 5;
        /// May wait for data.
        const BLOCKING = 1 << 6;
        /// Allowed while data is loading.
        const LOADING = 1 << 7;
        /// Allowed on a stale replica.
        const STALE = 1 << 8;
        /// Not shown by MONITOR.
        const SKIP_MONITOR = 1 << 9;
        /// Not recorded by SLOWLOG.
        const SKIP_SLOWLOG = 1 << 10;
        /// Constant or logarithmic time.
        const FAST = 1 << 11;
        /// Allowed before authentication.
        const NO_AUTH = 1 << 12;
        /// Keys are optional.
        const NO_MANDATORY_KEYS = 1 << 13;
        /// Refused while data loads in the background.
        const NO_ASYNC_LOADING = 1 << 14;
        /// Not allowed inside a transaction.
        const NO_MULTI = 1 << 15;
        /// Allowed while a script is running for too long.
        const ALLOW_BUSY = 1 << 16;
        /// Key positions need the key specs.
        const MOVABLEKEYS = 1 << 17;
        /// Runs at once inside MULTI instead of being queued. Not reported.
        const IMMEDIATE = 1 << 24;
        /// Runs while CLIENT PAUSE holds all clients. Not reported.
        const NEVER_PAUSED = 1 << 25;
        /// Needs `enable-debug-command`. Not reported.
        const PROTECTED = 1 << 26;
    }
}

impl Flags {
    /// What COMMAND INFO reports.
    pub const REPORTED: Self = Self::from_bits_truncate((1 << 18) - 1);
}

bitflags! {
    /// ACL categories, in the order ACL CAT lists them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Categories: u32 {
        /// Keys of any type.
        const KEYSPACE = 1 << 0;
        /// Reads data.
        const READ = 1 << 1;
        /// Writes data.
        const WRITE = 1 << 2;
        /// Sets.
        const SET = 1 << 3;
        /// Sorted sets.
        const SORTEDSET = 1 << 4;
        /// Lists.
        const LIST = 1 << 5;
        /// Hashes.
        const HASH = 1 << 6;
        /// Strings.
        const STRING = 1 << 7;
        /// Bitmaps.
        const BITMAP = 1 << 8;
        /// HyperLogLog.
        const HYPERLOGLOG = 1 << 9;
        /// Geospatial.
        const GEO = 1 << 10;
        /// Streams.
        const STREAM = 1 << 11;
        /// Publish and subscribe.
        const PUBSUB = 1 << 12;
        /// Administration.
        const ADMIN = 1 << 13;
        /// Fast commands.
        const FAST = 1 << 14;
        /// All others.
        const SLOW = 1 << 15;
        /// May wait.
        const BLOCKING = 1 << 16;
        /// Harmful in the wrong hands.
        const DANGEROUS = 1 << 17;
        /// The connection.
        const CONNECTION = 1 << 18;
        /// Transactions.
        const TRANSACTION = 1 << 19;
        /// Scripts.
        const SCRIPTING = 1 << 20;
    }
}
