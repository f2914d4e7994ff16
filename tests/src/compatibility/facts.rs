//! What the command table cannot tell: what is still to come, what differs on purpose, which settings do nothing yet.

/// Commands of Redis 7.2 that are missing, and the work that brings them.
pub struct Later {
    /// Names or, with a `*` at the end, their beginnings; `@` stands before the name of a whole group.
    pub commands: &'static [&'static str],
    /// The work.
    pub work: &'static str,
}

/// The first fitting row counts.
pub const LATER: &[Later] = &[
    Later { commands: &["client|caching", "client|tracking"], work: "client-side caching" },
    Later { commands: &["@cluster", "restore-asking"], work: "cluster" },
    Later { commands: &["failover", "psync", "replconf", "replicaof", "slaveof", "sync", "wait"], work: "replication" },
    Later { commands: &["@sentinel"], work: "replication: Sentinel" },
    Later { commands: &["acl*"], work: "ACL" },
    Later { commands: &["latency*", "monitor", "slowlog*"], work: "observability" },
    Later { commands: &["module*"], work: "extensions: wasm modules, never Redis's native ones" },
    Later {
        commands: &["memory|doctor", "memory|purge"],
        work: "observability: they ask about an allocator, which only the host knows",
    },
    Later { commands: &["@pubsub"], work: "pub/sub" },
    Later { commands: &["@scripting"], work: "scripting" },
];

/// Commands that are there and do less than in Redis, with what they wait for.
pub const LIMITED: &[(&str, &str)] = &[
    ("auth", "the one user is `default`; others wait for ACL"),
    ("client|getredir", "always -1 until there is client-side caching"),
    ("client|no-evict", "kept and shown; clients are not evicted yet"),
    ("client|trackinginfo", "always off until there is client-side caching"),
    ("debug", "the subcommands that test suites use; see `DEBUG HELP`. `LOG` writes nothing"),
    ("function|delete", "waits for scripting: there is no library"),
    ("function|dump", "refused; waits for scripting"),
    ("function|flush", "waits for scripting: there is nothing to remove"),
    ("function|kill", "waits for scripting: nothing runs"),
    ("function|list", "waits for scripting: always empty"),
    ("function|load", "refused; waits for scripting"),
    ("function|restore", "refused; waits for scripting"),
    ("function|stats", "waits for scripting: always idle"),
    ("memory|malloc-stats", "names the allocator, which keeps no statistics"),
    ("role", "always a primary without replicas; waits for replication"),
    ("save", "refused, as `BGSAVE` and `BGREWRITEAOF` are, where data lives in memory only"),
    ("shutdown", "`SAVE` is refused where data lives in memory only"),
];

/// Options newer than Redis 7.2 of commands that it has: command, token, the version that brought it.
pub const NEWER_OPTIONS: &[(&str, &str, &str)] = &[
    ("bitop", "ANDOR", "8.2.0"),
    ("bitop", "DIFF", "8.2.0"),
    ("bitop", "DIFF1", "8.2.0"),
    ("bitop", "ONE", "8.2.0"),
    ("client|kill", "DB", "valkey 9.0.0"),
    ("client|kill", "IDLE", "valkey 9.0.0"),
    ("client|kill", "LIB-NAME", "valkey 9.0.0"),
    ("client|kill", "LIB-VER", "valkey 9.0.0"),
    ("client|kill", "MAXAGE", "7.4.0"),
    ("client|kill", "NAME", "valkey 9.0.0"),
    ("client|list", "ADDR", "valkey 8.1.0"),
    ("client|list", "DB", "valkey 9.0.0"),
    ("client|list", "IDLE", "valkey 9.0.0"),
    ("client|list", "LADDR", "valkey 8.1.0"),
    ("client|list", "LIB-NAME", "valkey 9.0.0"),
    ("client|list", "LIB-VER", "valkey 9.0.0"),
    ("client|list", "MAXAGE", "valkey 8.1.0"),
    ("client|list", "NAME", "valkey 9.0.0"),
    ("client|list", "SKIPME", "valkey 8.1.0"),
    ("client|list", "USER", "valkey 8.1.0"),
    ("hscan", "NOVALUES", "7.4.0"),
    ("set", "IFDEQ", "8.4.0"),
    ("set", "IFDNE", "8.4.0"),
    ("set", "IFEQ", "8.4.0"),
    ("set", "IFNE", "8.4.0"),
    ("zscan", "NOSCORES", "valkey 8.0.0"),
];

/// What differs on purpose: what, and why.
pub const ON_PURPOSE: &[(&str, &str)] = &[
    (
        "`HELLO` and `INFO` name the server `redis`, version 7.2.6",
        "clients choose features by it; `larder_version` in `INFO` tells the truth",
    ),
    (
        "The server listens on loopback only, and `save` is empty",
        "safe defaults; the log keeps every write, and a snapshot shortens it when it has grown",
    ),
    (
        "`SCAN` walks in hash order and its cursor is a position there",
        "a key that is there during the whole scan is returned, whatever the tables do; Redis's cursor is bit-reversed",
    ),
    (
        "`KEYS`, `SCAN` and `RANDOMKEY` answer in another order",
        "another table with another secret; Redis promises no order either",
    ),
    (
        "`MEMORY USAGE` and `MEMORY STATS` tell other numbers",
        "they are exact sums of our own layout; `SAMPLES` is read and unused",
    ),
    ("`OBJECT REFCOUNT` answers what Redis would, and nothing is shared", "clients ask for it"),
    (
        "`BITFIELD … #n` beyond 64 bits of offset is refused",
        "Redis wraps around and writes at a place that nobody named",
    ),
    ("Sizes with a unit beyond 64 bits are refused in settings", "Redis wraps around"),
    ("One request may measure 4 GiB at most, whatever the settings say", "arguments are kept as 32-bit positions"),
    (
        "Before login a client may buffer 64 KiB, in Redis 1 MiB",
        "four times the longest argument it may send is enough; ten thousand strangers stay bounded",
    ),
    (
        "`bind`, `port` and some others change with a restart only: CONFIG SET takes the present value alone",
        "a listener that moves under its clients is no use at the edge",
    ),
    (
        "A start with `loadmodule`, `rename-command`, `replicaof` or `user` is refused, and the line is named",
        "they would promise what is not there; `replicaof no one` is fine",
    ),
    (
        "Settings without a meaning here, such as `daemonize` and `io-threads`, may have any value in a file",
        "a warning at start names them",
    ),
    (
        "`DEBUG QUICKLIST-PACKED-THRESHOLD` bounds the nodes of lists made afterwards",
        "which elements stand by themselves follows from the size of a node",
    ),
    ("At most 1,024 databases", "each costs a table in every shard"),
    ("`commandstats` books a batch's time evenly on its commands", "the clock is read once a batch"),
    ("HELP texts, summaries and `LOLWUT` are our own words", "they belong to Redis; clients do not match them"),
];

/// How far a setting has an effect.
pub enum Effect {
    /// CONFIG GET, SET and REWRITE know it; nothing else does. The text says what it waits for.
    None(&'static str),
    /// It does a part of what it does in Redis.
    Part(&'static str),
}

/// Settings without their whole effect. All others do what their name says.
pub const SETTINGS: &[(&str, Effect)] = &[
    ("acl-pubsub-default", Effect::None("ACL")),
    ("acllog-max-len", Effect::None("ACL")),
    ("active-expire-effort", Effect::None("expiry walks only what is due, so it needs no effort to choose")),
    ("aof-load-truncated", Effect::Part("`larder import` obeys it; our own log is cut where a crash ended it")),
    (
        "aof-use-rdb-preamble",
        Effect::None("the log is not an append-only file of Redis; `larder export --aof` writes one"),
    ),
    ("appendonly", Effect::Part("`store` decides: `file` keeps a log always, `memory` never, and says so at start")),
    ("busy-reply-threshold", Effect::None("scripting")),
    ("client-output-buffer-limit", Effect::None("pub/sub and replication: other replies are bounded as they are made")),
    ("dbfilename", Effect::None("snapshots have names of their own; `larder export --rdb FILE` writes an RDB file")),
    ("dir", Effect::Part("read at start: a server does not change its folder while it runs")),
    ("dynamic-hz", Effect::None("background work runs when it is due")),
    (
        "enable-protected-configs",
        Effect::Part("decides on `dir` and `dbfilename`, which CONFIG SET changes without effect"),
    ),
    ("hz", Effect::Part("shown in INFO; background work runs when it is due")),
    ("latency-monitor-threshold", Effect::None("observability")),
    ("latency-tracking", Effect::None("observability")),
    ("latency-tracking-info-percentiles", Effect::None("observability")),
    ("lazyfree-lazy-eviction", Effect::None("what takes long to free is freed by a thread of its own, always")),
    ("lazyfree-lazy-expire", Effect::None("what takes long to free is freed by a thread of its own, always")),
    ("lazyfree-lazy-server-del", Effect::None("what takes long to free is freed by a thread of its own, always")),
    ("lazyfree-lazy-user-del", Effect::None("what takes long to free is freed by a thread of its own, always")),
    ("lazyfree-lazy-user-flush", Effect::None("what takes long to free is freed by a thread of its own, always")),
    ("list-compress-depth", Effect::None("lists are packed; their nodes are not compressed besides")),
    ("masterauth", Effect::None("replication")),
    ("maxmemory-clients", Effect::None("eviction of clients")),
    ("min-replicas-max-lag", Effect::None("replication")),
    ("min-replicas-to-write", Effect::None("replication")),
    ("no-appendfsync-on-rewrite", Effect::None("flushes do not wait for snapshots, so none is left out")),
    ("notify-keyspace-events", Effect::None("pub/sub")),
    ("rdbchecksum", Effect::None("files always have a checksum")),
    ("repl-backlog-size", Effect::Part("shown in INFO; waits for replication")),
    ("repl-ping-replica-period", Effect::None("replication")),
    ("replica-priority", Effect::None("replication")),
    ("replica-read-only", Effect::None("replication")),
    ("replica-serve-stale-data", Effect::None("replication")),
    ("sanitize-dump-payload", Effect::None("every payload is checked in depth")),
    ("shutdown-timeout", Effect::None("replication: it is replicas that are waited for")),
    ("slowlog-log-slower-than", Effect::None("observability")),
    ("slowlog-max-len", Effect::None("observability")),
    (
        "stop-writes-on-bgsave-error",
        Effect::None("writes are refused while the log cannot be written, whatever became of a snapshot"),
    ),
    ("tracking-table-max-keys", Effect::None("client-side caching")),
];

/// The HTTP surface: request, and what answers it.
pub const HTTP: &[(&str, &str)] = &[
    (
        "`GET`, `POST` … `/CMD/arg/…?name=value`",
        "a command in the path, as Upstash: `{\"result\": …}` or `{\"error\": \"…\"}`; a POST body is the last argument",
    ),
    ("`POST /` with `[\"SET\",\"k\",\"v\"]`", "a command as a JSON array, as Upstash"),
    ("`POST /pipeline`", "an array of commands, each with a result of its own"),
    ("`POST /multi-exec`", "an array of commands that run as one transaction"),
    ("`Upstash-Encoding: base64`, `Upstash-Response-Format: resp2`", "strings in base64; replies as RESP2"),
    (
        "`GET`, `HEAD`, `PUT`, `DELETE /v1/keys/{key}`",
        "values as bytes: ETag, If-Match, If-None-Match, If-Range, ranges; the TTL is `Cache-Control: max-age`",
    ),
    ("`GET /v1/ws`", "a WebSocket: binary messages are RESP, text messages JSON arrays"),
    ("`GET /healthz`", "`ok`"),
];

/// What the HTTP surface lacks that Upstash has or the design promises.
pub const HTTP_LATER: &[(&str, &str)] = &[
    ("`SUBSCRIBE` and `MONITOR` as server-sent events", "pub/sub, observability"),
    (
        "Commands that need a connection (`MULTI`, `WATCH`, `SELECT`, `HELLO`, blocking ones …) over REST",
        "never: use `/multi-exec` or the WebSocket",
    ),
    ("`Upstash-Sync-Token` with an effect", "replication: the token is sent and may be sent back"),
];
