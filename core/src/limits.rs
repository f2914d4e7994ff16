//! Named bounds. Each says why it stands where it does.

/// Most shards a server may have: a plan names them in one machine word.
pub const MAX_SHARDS: usize = 64;

/// Most databases CONFIG may ask for.
pub const MAX_DATABASES: u32 = 1024;

/// Largest unconsumed input of one connection before it is closed, as `client-query-buffer-limit` starts.
pub const QUERY_BUFFER_BYTES: usize = 1 << 30;

/// Most bytes the queued commands of one transaction may take: what a client could send in one buffer anyway.
pub const TRANSACTION_BYTES: usize = QUERY_BUFFER_BYTES;

/// Most bytes that the watched keys of one client may take: half a million short names, where a handful is usual.
pub const WATCHED_BYTES: usize = 64 << 20;

/// Longest string there may be, whatever `proto-max-bulk-len` says: no request could carry a longer one.
pub const STRING_BYTES: u64 = 1 << 32;

/// Most pipelined commands run under one hold of a shard, so that others get their turn.
pub const COMMANDS_PER_HOLD: usize = 64;

/// Most pipelined commands run before the client's replies are sent and others on its thread get their turn.
pub const COMMANDS_PER_BATCH: usize = 4096;

/// Time after which a batch stops for the same reason, in microseconds: some thousand usual commands.
pub const BATCH_MICROSECONDS: u64 = 5_000;

/// Reply bytes after which a batch stops and is written out, so that pipelined large reads stay bounded.
pub const OUTPUT_BATCH_BYTES: usize = 1 << 20;

/// Zero bytes that one command may add to a string before it is asked whether `maxmemory` has room for them. Below it
/// the look before every command is close enough.
pub const UNCHECKED_PADDING_BYTES: usize = 64 << 10;

/// Expired keys one tick removes from one shard before it yields the shard.
pub const EXPIRED_PER_TICK: usize = 256;

/// Keys that a snapshot may announce, for which room is made before they come; it takes some twelve megabytes. Room for
/// more is made as they come.
pub const EXPECTED_KEYS_MAX: u64 = 1 << 26;

/// Most distinct error prefixes INFO errorstats keeps, as Redis does.
pub const ERROR_PREFIXES: usize = 128;

/// Arguments echoed in an unknown-command error, in bytes of all of them together.
pub const UNKNOWN_COMMAND_ECHO_BYTES: usize = 128;

/// Reply bytes after which a random draw with repetitions (SRANDMEMBER and its kin, whose count may be any number) is
/// refused: Redis would go on until its memory is full.
pub const DRAWN_REPLY_BYTES: usize = 1 << 30;
