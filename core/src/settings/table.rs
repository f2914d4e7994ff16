//! The one table of parameters. CONFIG, the configuration file and the command line all come from these rows.

use crate::limits::MAX_DATABASES;

use super::choices::{Access, AclPubsubDefault, AppendFsync, EvictionPolicy, LogFormat, LogLevel, SanitizeDumpPayload};
use super::events::KeyspaceEvents;
use super::kind::{FileMode, INT_MAX, Kind, Value};
use super::lists::{Addresses, BytesOrPercent, OutputLimits, Percentiles, SavePoints};

/// When a parameter may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time.
    Always,
    /// Only at start; CONFIG SET is refused as Redis does.
    Immutable,
    /// Only at start, though Redis changes it at run time: CONFIG SET accepts the present value alone.
    Restart,
    /// At run time only where `enable-protected-configs` allows.
    Protected,
}

/// One row of the table.
pub struct Parameter {
    /// The name, in lower case.
    pub name: &'static str,
    /// Older names of the same parameter.
    pub aliases: &'static [&'static str],
    /// What it accepts.
    pub kind: Kind,
    /// When it may change.
    pub change: Change,
    /// The present value as CONFIG GET answers it.
    pub text: fn(&Settings) -> String,
    /// The field behind it, to be changed. All rows share the code that reads a value of a kind.
    field: fn(&mut Settings) -> &mut dyn Value,
    /// The value part of each line CONFIG REWRITE writes.
    #[cfg(feature = "config-file")]
    pub(super) lines: fn(&Settings) -> Vec<String>,
}

impl Parameter {
    /// The row with this name or alias, in any case.
    pub fn find(name: &[u8]) -> Option<&'static Parameter> {
        PARAMETERS.iter().find(|row| row.names().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
    }

    /// Assigns a value, or says why not and changes nothing.
    pub fn assign(&self, settings: &mut Settings, text: &str) -> Result<(), String> {
        (self.field)(settings).assign(text, self.kind)
    }

    /// The name, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// Largest value of counts that Redis keeps in a signed 64-bit integer.
const LONG_MAX: i64 = i64::MAX;
/// Smallest limit of a query buffer or bulk: one mebibyte, as in Redis.
const MIN_BULK_BYTES: u64 = 1 << 20;

/// A count from zero that fits a signed 32-bit integer.
const COUNT: Kind = Kind::Integer { min: 0, max: INT_MAX };
/// A count from zero that fits a signed 64-bit integer.
const LONG_COUNT: Kind = Kind::Integer { min: 0, max: LONG_MAX };
/// A port; zero turns the listener off.
const PORT: Kind = Kind::Integer { min: 0, max: 65_535 };
/// A size without a bound of its own.
const SIZE: Kind = Kind::Bytes { min: 0, max: LONG_MAX as u64 };

/// Keeps each row's own code to a place in the settings.
#[inline(never)]
fn text_of(value: &dyn Value) -> String {
    value.text()
}

macro_rules! parameters {
    ($($(#[$doc:meta])+ $field:ident: $type:ty = $default:expr,
       $name:literal $(alias $alias:literal)?, $kind:expr, $change:ident;)+) => {
        /// Every setting, typed. Names carry units; each field is one row of [`PARAMETERS`].
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings {
            $($(#[$doc])+ pub $field: $type,)+
            /// Most bytes of a list node, besides `list-max-listpack-size`. No row: DEBUG
            /// QUICKLIST-PACKED-THRESHOLD sets it, for tests of items that stand by themselves.
            pub list_node_bytes_max: usize,
        }

        impl Default for Settings {
            /// Redis 7.2's defaults, except a loopback `bind` and no save points while nothing persists.
            fn default() -> Self {
                Settings { $($field: $default,)+ list_node_bytes_max: usize::MAX }
            }
        }

        /// All parameters, in the order of CONFIG GET.
        pub static PARAMETERS: &[Parameter] = &[$(Parameter {
            name: $name,
            aliases: &[$($alias)?],
            kind: $kind,
            change: Change::$change,
            text: |settings| text_of(&settings.$field),
            field: |settings| &mut settings.$field,
            #[cfg(feature = "config-file")]
            lines: |settings| settings.$field.lines($kind),
        },)+];
    };
}

parameters! {
    /// Addresses of the RESP listener.
    bind: Addresses = Addresses(vec!["127.0.0.1".to_owned(), "-::1".to_owned()]),
        "bind", Kind::Addresses, Restart;
    /// Port of the RESP listener; 0 turns it off.
    port: u16 = 6379, "port", PORT, Restart;
    /// Addresses of the HTTP listener; none means those of `bind`.
    http_bind: Addresses = Addresses::default(), "http-bind", Kind::Addresses, Restart;
    /// Port of the HTTP listener; 0 turns it off.
    http_port: u16 = 7379, "http-port", PORT, Restart;
    /// Path of the Unix socket; empty turns it off.
    unixsocket: String = String::new(), "unixsocket", Kind::Text, Immutable;
    /// Mode of the Unix socket.
    unixsocketperm: FileMode = FileMode(0), "unixsocketperm", Kind::Octal, Immutable;
    /// Whether a server without a password refuses clients from elsewhere.
    protected_mode: bool = true, "protected-mode", Kind::Bool, Always;
    /// Connections the operating system may queue before they are accepted.
    tcp_backlog: u32 = 511, "tcp-backlog", COUNT, Immutable;
    /// Seconds between TCP keep-alive probes; 0 turns them off.
    tcp_keepalive_seconds: u32 = 300, "tcp-keepalive", COUNT, Always;
    /// Seconds after which an idle client is closed; 0 means never.
    timeout_seconds: u32 = 0, "timeout", COUNT, Always;
    /// Most clients at a time.
    maxclients: u32 = 10_000, "maxclients", Kind::Integer { min: 1, max: u32::MAX as i64 }, Always;
    /// Most bytes one client may have sent that are not yet run.
    client_query_buffer_limit_bytes: u64 = 1 << 30, "client-query-buffer-limit",
        Kind::Bytes { min: MIN_BULK_BYTES, max: LONG_MAX as u64 }, Always;
    /// Most bytes of replies that may wait for a client, by class.
    client_output_buffer_limit: OutputLimits = OutputLimits::default(), "client-output-buffer-limit",
        Kind::OutputLimits, Always;
    /// Most bytes in one bulk string.
    proto_max_bulk_len_bytes: u64 = 512 << 20, "proto-max-bulk-len",
        Kind::Bytes { min: MIN_BULK_BYTES, max: LONG_MAX as u64 }, Always;
    /// Most memory of all clients together; 0 means no limit.
    maxmemory_clients: BytesOrPercent = BytesOrPercent::Bytes(0), "maxmemory-clients",
        Kind::BytesOrPercent, Always;
    /// Most keys remembered for client-side caching; 0 means no limit.
    tracking_table_max_keys: u64 = 1_000_000, "tracking-table-max-keys", LONG_COUNT, Always;

    /// Password of the default user; empty means none.
    requirepass: String = String::new(), "requirepass", Kind::Text, Always;
    /// Who may use DEBUG.
    enable_debug_command: Access = Access::No, "enable-debug-command",
        Kind::Enum(Access::WORDS), Immutable;
    /// Who may change protected parameters at run time.
    enable_protected_configs: Access = Access::No, "enable-protected-configs",
        Kind::Enum(Access::WORDS), Immutable;
    /// Channels of a new user.
    acl_pubsub_default: AclPubsubDefault = AclPubsubDefault::Resetchannels, "acl-pubsub-default",
        Kind::Enum(AclPubsubDefault::WORDS), Always;
    /// Most entries of ACL LOG.
    acllog_max_len: u64 = 128, "acllog-max-len", LONG_COUNT, Always;

    /// Least serious message that is logged.
    loglevel: LogLevel = LogLevel::Notice, "loglevel", Kind::Enum(LogLevel::WORDS), Always;
    /// File of the log; empty means standard error.
    logfile: String = String::new(), "logfile", Kind::Text, Immutable;
    /// Form of log lines.
    log_format: LogFormat = LogFormat::Text, "log-format", Kind::Enum(LogFormat::WORDS), Restart;
    /// Seconds a stopping server waits for its clients.
    shutdown_timeout_seconds: u32 = 10, "shutdown-timeout", COUNT, Always;

    /// Number of databases.
    databases: u32 = 16, "databases", Kind::Integer { min: 1, max: MAX_DATABASES as i64 }, Immutable;
    /// Background rounds per second.
    hz: u32 = 10, "hz", Kind::Clamped { min: 1, max: 500 }, Always;
    /// Whether rounds become more frequent with many clients.
    dynamic_hz: bool = true, "dynamic-hz", Kind::Bool, Always;
    /// Effort to find expired keys, 1 to 10.
    active_expire_effort: u8 = 1, "active-expire-effort", Kind::Integer { min: 1, max: 10 }, Always;
    /// Classes of keyspace events that are published.
    notify_keyspace_events: KeyspaceEvents = KeyspaceEvents::default(), "notify-keyspace-events",
        Kind::KeyspaceEvents, Always;

    /// Most bytes of data; 0 means no limit.
    maxmemory_bytes: u64 = 0, "maxmemory", Kind::Bytes { min: 0, max: u64::MAX }, Always;
    /// Which keys make room.
    maxmemory_policy: EvictionPolicy = EvictionPolicy::Noeviction, "maxmemory-policy",
        Kind::Enum(EvictionPolicy::WORDS), Always;
    /// Keys compared for one eviction.
    maxmemory_samples: u32 = 5, "maxmemory-samples",
        Kind::Integer { min: 1, max: INT_MAX }, Always;
    /// How long a command may wait for eviction: 0 short, 100 without bound.
    maxmemory_eviction_tenacity: u8 = 10, "maxmemory-eviction-tenacity",
        Kind::Integer { min: 0, max: 100 }, Always;
    /// How slowly the LFU counter grows.
    lfu_log_factor: u32 = 10, "lfu-log-factor", COUNT, Always;
    /// Minutes after which the LFU counter falls by one; 0 means never.
    lfu_decay_time_minutes: u32 = 1, "lfu-decay-time", COUNT, Always;
    /// Whether evicted values are freed later.
    lazyfree_lazy_eviction: bool = false, "lazyfree-lazy-eviction", Kind::Bool, Always;
    /// Whether expired values are freed later.
    lazyfree_lazy_expire: bool = false, "lazyfree-lazy-expire", Kind::Bool, Always;
    /// Whether values that a command replaces are freed later.
    lazyfree_lazy_server_del: bool = false, "lazyfree-lazy-server-del", Kind::Bool, Always;
    /// Whether DEL behaves as UNLINK.
    lazyfree_lazy_user_del: bool = false, "lazyfree-lazy-user-del", Kind::Bool, Always;
    /// Whether FLUSHALL and FLUSHDB are asynchronous unless told otherwise.
    lazyfree_lazy_user_flush: bool = false, "lazyfree-lazy-user-flush", Kind::Bool, Always;

    /// Most fields of a hash kept as listpack.
    hash_max_listpack_entries: u64 = 512, "hash-max-listpack-entries" alias "hash-max-ziplist-entries",
        LONG_COUNT, Always;
    /// Longest field or value of a hash kept as listpack.
    hash_max_listpack_value_bytes: u64 = 64, "hash-max-listpack-value" alias "hash-max-ziplist-value",
        SIZE, Always;
    /// Size of a list node: entries when positive, −1 to −5 for 4 to 64 KiB.
    list_max_listpack_size: i32 = -2, "list-max-listpack-size" alias "list-max-ziplist-size",
        Kind::Integer { min: i32::MIN as i64, max: INT_MAX }, Always;
    /// Nodes at each end of a list that stay uncompressed; 0 means all.
    list_compress_depth: u32 = 0, "list-compress-depth", COUNT, Always;
    /// Most members of a set kept as intset.
    set_max_intset_entries: u64 = 512, "set-max-intset-entries", LONG_COUNT, Always;
    /// Most members of a set kept as listpack.
    set_max_listpack_entries: u64 = 128, "set-max-listpack-entries", LONG_COUNT, Always;
    /// Longest member of a set kept as listpack.
    set_max_listpack_value_bytes: u64 = 64, "set-max-listpack-value", SIZE, Always;
    /// Most members of a sorted set kept as listpack.
    zset_max_listpack_entries: u64 = 128, "zset-max-listpack-entries" alias "zset-max-ziplist-entries",
        LONG_COUNT, Always;
    /// Longest member of a sorted set kept as listpack.
    zset_max_listpack_value_bytes: u64 = 64, "zset-max-listpack-value" alias "zset-max-ziplist-value",
        SIZE, Always;
    /// Most bytes of a stream node; 0 means no limit.
    stream_node_max_bytes: u64 = 4096, "stream-node-max-bytes", SIZE, Always;
    /// Most entries of a stream node; 0 means no limit.
    stream_node_max_entries: u64 = 100, "stream-node-max-entries", LONG_COUNT, Always;
    /// Most bytes of a sparse HyperLogLog.
    hll_sparse_max_bytes: u64 = 3000, "hll-sparse-max-bytes", SIZE, Always;

    /// Milliseconds after which a running script answers others with BUSY; 0 means never.
    busy_reply_threshold_ms: u64 = 5000, "busy-reply-threshold" alias "lua-time-limit", LONG_COUNT, Always;
    /// Microseconds from which a command enters the slow log; −1 turns it off.
    slowlog_log_slower_than_us: i64 = 10_000, "slowlog-log-slower-than",
        Kind::Integer { min: -1, max: LONG_MAX }, Always;
    /// Most entries of the slow log.
    slowlog_max_len: u64 = 128, "slowlog-max-len", LONG_COUNT, Always;
    /// Milliseconds from which an event enters the latency monitor; 0 turns it off.
    latency_monitor_threshold_ms: u64 = 0, "latency-monitor-threshold", LONG_COUNT, Always;
    /// Whether latency is kept per command.
    latency_tracking: bool = true, "latency-tracking", Kind::Bool, Always;
    /// Percentiles of command latency in INFO.
    latency_tracking_info_percentiles: Percentiles = Percentiles(vec![50.0, 99.0, 99.9]),
        "latency-tracking-info-percentiles", Kind::Percentiles, Always;

    /// Where data lives: `memory`, `file` or an address.
    store: String = "memory".to_owned(), "store", Kind::Text, Restart;
    /// Directory of data files.
    dir: String = ".".to_owned(), "dir", Kind::Text, Protected;
    /// File name of a snapshot.
    dbfilename: String = "dump.rdb".to_owned(), "dbfilename", Kind::FileName, Protected;
    /// When snapshots are taken by themselves.
    save: SavePoints = SavePoints::default(), "save", Kind::SavePoints, Always;
    /// Whether writes are logged.
    appendonly: bool = false, "appendonly", Kind::Bool, Always;
    /// When the log is flushed to stable storage.
    appendfsync: AppendFsync = AppendFsync::Everysec, "appendfsync",
        Kind::Enum(AppendFsync::WORDS), Always;
    /// Whether flushes pause while the log is rewritten.
    no_appendfsync_on_rewrite: bool = false, "no-appendfsync-on-rewrite", Kind::Bool, Always;
    /// Growth in percent that starts a rewrite of the log; 0 means never.
    auto_aof_rewrite_percentage: u32 = 100, "auto-aof-rewrite-percentage", COUNT, Always;
    /// Smallest log that is rewritten by itself.
    auto_aof_rewrite_min_size_bytes: u64 = 64 << 20, "auto-aof-rewrite-min-size", SIZE, Always;
    /// Whether a rewritten log begins with a snapshot.
    aof_use_rdb_preamble: bool = true, "aof-use-rdb-preamble", Kind::Bool, Always;
    /// Whether a log with a torn tail is loaded.
    aof_load_truncated: bool = true, "aof-load-truncated", Kind::Bool, Always;
    /// Whether snapshots compress long strings.
    rdbcompression: bool = true, "rdbcompression", Kind::Bool, Always;
    /// Version of RDB that values are written in: 11 for Redis 7.2 and later, 10 for Redis 7.0 as well.
    rdb_version: u16 = 11, "rdb-version", Kind::Integer { min: 10, max: 11 }, Always;
    /// Whether snapshots end with a checksum.
    rdbchecksum: bool = true, "rdbchecksum", Kind::Bool, Immutable;
    /// Whether writes are refused after a failed snapshot.
    stop_writes_on_bgsave_error: bool = true, "stop-writes-on-bgsave-error", Kind::Bool, Always;
    /// For whom RESTORE checks a payload in depth.
    sanitize_dump_payload: SanitizeDumpPayload = SanitizeDumpPayload::No, "sanitize-dump-payload",
        Kind::Enum(SanitizeDumpPayload::WORDS), Always;

    /// Replicas that must be connected for a write; 0 means none.
    min_replicas_to_write: u32 = 0, "min-replicas-to-write" alias "min-slaves-to-write", COUNT, Always;
    /// Lag in seconds up to which a replica counts.
    min_replicas_max_lag_seconds: u32 = 10, "min-replicas-max-lag" alias "min-slaves-max-lag", COUNT, Always;
    /// Password towards a primary.
    masterauth: String = String::new(), "masterauth", Kind::Text, Always;
    /// Bytes of replication backlog.
    repl_backlog_size_bytes: u64 = 1 << 20, "repl-backlog-size",
        Kind::Bytes { min: 1, max: LONG_MAX as u64 }, Always;
    /// Seconds between pings to replicas.
    repl_ping_replica_period_seconds: u32 = 10, "repl-ping-replica-period" alias "repl-ping-slave-period",
        Kind::Integer { min: 1, max: INT_MAX }, Always;
    /// Whether a replica without its primary answers reads.
    replica_serve_stale_data: bool = true, "replica-serve-stale-data" alias "slave-serve-stale-data",
        Kind::Bool, Always;
    /// Whether a replica refuses writes.
    replica_read_only: bool = true, "replica-read-only" alias "slave-read-only", Kind::Bool, Always;
    /// Rank in a failover; 0 means never promoted.
    replica_priority: u32 = 100, "replica-priority" alias "slave-priority", COUNT, Always;
}
