//! What is measured, as data. A new row needs a line here and nothing else.

/// Distinct keys a `redis-benchmark` row draws from (its `-r`).
pub const KEYSPACE: u64 = 100_000;

/// Parallel connections of every load.
pub const CONNECTIONS: u32 = 50;

/// Bytes of a value (redis-benchmark's `-d`, and the loader's `{value}`).
pub const VALUE_BYTES: usize = 32;

/// Keys or elements that are put in place before a measurement; see [`crate::bench::load`].
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How often the command is sent.
    pub count: u64,
    /// The command; `{index}` is twelve decimal digits counting from 0, `{value}` is [`VALUE_BYTES`] bytes, `{score}` a
    /// number in no order.
    pub command: &'static [&'static str],
}

/// One `redis-benchmark` measurement.
#[derive(Clone, Copy, Debug)]
pub struct CommandRow {
    /// What `--rows` selects and the report prints; the pipeline is part of it.
    pub name: &'static str,
    /// What distinguishes this run: `-t NAME`, or a command in redis-benchmark's own words. Comes last on its command line.
    pub arguments: &'static [&'static str],
    /// Requests a connection sends before it waits for the answers.
    pub pipeline: u32,
    /// Requests in a full run, enough for two seconds of server CPU time.
    pub operations: u64,
    /// Sent to the emptied server before each round.
    pub prepare: &'static [Load],
}

/// How many bytes of resident memory a key costs, or an element of a large key.
#[derive(Clone, Copy, Debug)]
pub struct MemoryRow {
    /// What `--rows` selects and the report prints.
    pub name: &'static str,
    /// What is loaded: every command makes a key or an element of its own.
    pub load: Load,
    /// Whether all of it goes to one key.
    pub one_key: bool,
}

/// How long others wait while one key grows large.
#[derive(Clone, Copy, Debug)]
pub struct StallRow {
    /// What `--rows` selects and the report prints.
    pub name: &'static str,
    /// What makes the key grow.
    pub load: Load,
}

/// What the log and snapshots cost.
#[derive(Clone, Copy, Debug)]
pub enum PersistenceRow {
    /// A server with a log, flushed every second, against redis-server with one.
    Log(CommandRow),
    /// A server with such a log against one that keeps nothing.
    LogCost(CommandRow),
    /// A server that flushes before it answers, against redis-server that does so too, on a disk whose flushes take
    /// at least so many microseconds.
    Always(CommandRow, u32),
    /// The start of a server with a snapshot to load.
    Restart(&'static str, Load),
    /// What others notice while a snapshot is taken.
    Snapshot(&'static str, Load),
}

impl PersistenceRow {
    /// What `--rows` selects and the report prints.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Log(command) | Self::LogCost(command) | Self::Always(command, _) => command.name,
            Self::Restart(name, _) | Self::Snapshot(name, _) => name,
        }
    }
}

/// One `wrk` measurement against `bare_axum`.
#[derive(Clone, Copy, Debug)]
pub struct RestRow {
    /// What `--rows` selects and the report prints.
    pub name: &'static str,
    /// The request path.
    pub path: &'static str,
    /// Sent to the server before the measurement.
    pub prepare: &'static [Load],
}

/// The row that includes what `wasm/npm/bench.mjs` prints.
pub const WASM_ROW: &str = "wasm";

const STRINGS: Load = Load { count: KEYSPACE, command: &["SET", "key:{index}", "{value}"] };

/// What a flush takes on the disk of shared/facts/durability.md. The machine that runs this may have a faster one.
const DISK_FLUSH_US: u32 = 6_800;

/// Elements of a key that grows while others wait.
const LARGE: u64 = 5_000_000;

/// Ten elements with each command.
const LIST: Load = Load {
    count: 200_000,
    command: &[
        "RPUSH", "mylist", "{value}", "{value}", "{value}", "{value}", "{value}", "{value}", "{value}", "{value}",
        "{value}", "{value}",
    ],
};

const SHORT_LIST: Load = Load { count: 1_000, ..LIST };

const SET: Load = Load { count: 1_000_000, command: &["SADD", "myset", "element:{index}"] };

const SORTED_SET: Load = Load { count: 1_000_000, command: &["ZADD", "myzset", "{score}", "element:{index}"] };

const LARGE_HASH: Load = Load { count: LARGE, command: &["HSET", "myhash", "field:{index}", "{index}"] };

const SMALL_HASHES: Load = Load {
    count: 1_000_000,
    command: &[
        "HSET",
        "user:{index}",
        "name",
        "{value}",
        "age",
        "42",
        "city",
        "Lisbon",
        "score",
        "{score}",
        "seen",
        "{index}",
    ],
};

const ONE_STRING: Load = Load { count: 1, ..STRINGS };

/// The command rows, in the order they run.
pub const COMMANDS: &[CommandRow] = &[
    command("set-p1", &["-t", "set"], 1, 400_000, &[STRINGS]),
    command("set-p16", &["-t", "set"], 16, 4_000_000, &[STRINGS]),
    command("set-p64", &["-t", "set"], 64, 6_000_000, &[STRINGS]),
    command("get-p1", &["-t", "get"], 1, 400_000, &[STRINGS]),
    command("get-p16", &["-t", "get"], 16, 4_000_000, &[STRINGS]),
    command("get-p64", &["-t", "get"], 64, 6_000_000, &[STRINGS]),
    command("incr-p1", &["-t", "incr"], 1, 400_000, &[]),
    command("incr-p16", &["-t", "incr"], 16, 4_000_000, &[]),
    command("incr-p64", &["-t", "incr"], 64, 6_000_000, &[]),
    command("mset-p1", &["-t", "mset"], 1, 300_000, &[STRINGS]),
    command("mset-p16", &["-t", "mset"], 16, 800_000, &[STRINGS]),
    command("mset-p64", &["-t", "mset"], 64, 800_000, &[STRINGS]),
    command("lpush-p16", &["-t", "lpush"], 16, 2_000_000, &[]),
    command("rpush-p16", &["-t", "rpush"], 16, 2_000_000, &[]),
    command("lpop-p16", &["-t", "lpop"], 16, 2_000_000, &[LIST]),
    command("rpop-p16", &["-t", "rpop"], 16, 2_000_000, &[LIST]),
    command("sadd-p16", &["-t", "sadd"], 16, 2_000_000, &[]),
    command("hset-p16", &["-t", "hset"], 16, 2_000_000, &[]),
    command("spop-p16", &["-t", "spop"], 16, 1_000_000, &[SET]),
    command("zadd-p16", &["-t", "zadd"], 16, 1_000_000, &[]),
    command("zpopmin-p16", &["-t", "zpopmin"], 16, 1_000_000, &[SORTED_SET]),
    // What `-t lrange_100` and `-t lrange_600` send, without the LPUSH that they send before.
    command("lrange100-p16", &["LRANGE", "mylist", "0", "99"], 16, 400_000, &[SHORT_LIST]),
    command("lrange600-p16", &["LRANGE", "mylist", "0", "599"], 16, 100_000, &[SHORT_LIST]),
    command("xadd-p16", &["XADD", "mystream", "*", "myfield", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"], 16, 1_000_000, &[]),
];

/// The rows about types other than strings.
pub const TYPES: &[&str] = &[
    "lpush-p16",
    "rpush-p16",
    "lpop-p16",
    "rpop-p16",
    "sadd-p16",
    "hset-p16",
    "spop-p16",
    "zadd-p16",
    "zpopmin-p16",
    "lrange100-p16",
    "lrange600-p16",
    "xadd-p16",
];

/// The memory rows, in the order they run.
pub const MEMORY: &[MemoryRow] = &[
    MemoryRow { name: "memory-string", load: Load { count: 1_000_000, ..STRINGS }, one_key: false },
    MemoryRow { name: "memory-hash", load: SMALL_HASHES, one_key: false },
    MemoryRow { name: "memory-zset", load: SORTED_SET, one_key: true },
    MemoryRow { name: "memory-set", load: SET, one_key: true },
    MemoryRow {
        name: "memory-list",
        load: Load { count: 1_000_000, command: &["RPUSH", "mylist", "{value}"] },
        one_key: true,
    },
    MemoryRow {
        name: "memory-stream",
        load: Load { count: 1_000_000, command: &["XADD", "mystream", "*", "myfield", "{value}"] },
        one_key: true,
    },
];

/// The memory rows about types other than strings.
pub const MEMORY_TYPES: &[&str] = &["memory-hash", "memory-zset", "memory-set", "memory-list", "memory-stream"];

/// The stall rows, in the order they run.
pub const STALLS: &[StallRow] = &[
    StallRow { name: "stall-set", load: Load { count: LARGE, ..SET } },
    StallRow { name: "stall-hash", load: LARGE_HASH },
    StallRow { name: "stall-zset", load: Load { count: LARGE, ..SORTED_SET } },
    StallRow { name: "stall-list", load: Load { count: LARGE, command: &["RPUSH", "mylist", "{value}"] } },
];

/// The rows about the log and snapshots, in the order they run.
pub const PERSISTENCE: &[PersistenceRow] = &[
    PersistenceRow::Log(command("log-set-p16", &["-t", "set"], 16, 4_000_000, &[STRINGS])),
    PersistenceRow::LogCost(command("log-cost-set-p16", &["-t", "set"], 16, 4_000_000, &[STRINGS])),
    PersistenceRow::Always(command("always-set-p1", &["-t", "set"], 1, 40_000, &[STRINGS]), 0),
    PersistenceRow::Always(command("always-disk-p1", &["-t", "set"], 1, 20_000, &[STRINGS]), DISK_FLUSH_US),
    PersistenceRow::Restart("restart-string", Load { count: 1_000_000, ..STRINGS }),
    PersistenceRow::Snapshot("snapshot-string", Load { count: LARGE, ..STRINGS }),
    PersistenceRow::Snapshot("snapshot-hash", LARGE_HASH),
];

/// The REST rows, in the order they run.
pub const REST: &[RestRow] = &[
    RestRow { name: "rest-v1-get", path: "/v1/keys/key:000000000000", prepare: &[ONE_STRING] },
    RestRow { name: "rest-upstash-get", path: "/get/key:000000000000", prepare: &[ONE_STRING] },
];

/// Every row's name, in the order they run.
pub fn names() -> impl Iterator<Item = &'static str> {
    let commands = COMMANDS.iter().map(|row| row.name);
    let memory = MEMORY.iter().map(|row| row.name);
    let rest = REST.iter().map(|row| row.name);
    let stalls = STALLS.iter().map(|row| row.name);
    let persistence = PERSISTENCE.iter().map(PersistenceRow::name);
    commands.chain(memory).chain(stalls).chain(persistence).chain(rest).chain([WASM_ROW])
}

const fn command(
    name: &'static str,
    arguments: &'static [&'static str],
    pipeline: u32,
    operations: u64,
    prepare: &'static [Load],
) -> CommandRow {
    CommandRow { name, arguments, pipeline, operations, prepare }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct() {
        let mut seen = HashSet::new();
        assert!(names().all(|name| seen.insert(name)));
    }

    #[test]
    fn a_command_rows_name_ends_in_its_pipeline() {
        for row in COMMANDS {
            let suffix = format!("-p{}", row.pipeline);
            assert!(row.name.ends_with(&suffix), "{}", row.name);
        }
    }

    #[test]
    fn bars_name_rows_that_exist() {
        for bar in crate::bench::bars::BARS {
            for row in bar.rows() {
                assert!(names().any(|name| name == *row), "{row}");
            }
        }
    }
}
