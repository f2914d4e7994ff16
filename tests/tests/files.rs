//! Whole data sets go from Larder to redis-server and back in Redis's files: RDB, append-only files in parts, with and
//! without RDB at their head. Needs Debian's redis-server, and the binary that `LARDER_BIN` names or `make build`
//! makes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use larder_core::hash::Random;
use larder_tests::resp::{Connection, Reply};
use larder_tests::servers::{Server, larder_binary};

/// Databases that get keys.
const DATABASES: [u16; 3] = [0, 3, 15];
/// Far in the future, and in a form that every server keeps: Unix milliseconds.
const DEADLINE_MS: u64 = 4_000_000_000_123;
/// How long redis-server may take to rewrite its file.
const REWRITE_DEADLINE: Duration = Duration::from_secs(10);

/// What a server holds: for each key its type, its expiry and its content.
type State = BTreeMap<(u16, Vec<u8>), (String, i64, String)>;

/// A folder that is removed again.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("larder-files-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self(path)
    }

    /// The path of something in it.
    fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a plain name").to_owned()
    }

    fn make(&self, name: &str) -> String {
        let path = self.join(name);
        fs::create_dir_all(&path).expect("the folder is ours");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on the folder being gone.
        let _ignored = fs::remove_dir_all(&self.0);
    }
}

fn connect(server: &Server) -> Connection {
    Connection::open(server.resp()).expect("the server accepts")
}

fn call(connection: &mut Connection, line: &str) -> Reply {
    let words: Vec<&str> = line.split(' ').collect();
    let reply = connection.call(&words).expect("the server answers");
    assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
    reply
}

fn number(reply: &Reply) -> i64 {
    match reply {
        Reply::Integer(number) => *number,
        other => panic!("{other:?} is no number"),
    }
}

/// Keys of all types in all encodings, in several databases, a third of them with an expiry.
fn fill(connection: &mut Connection) {
    let mut random = Random::new(7);
    let mut draw = |below: u64| random.next_u64() % below;
    for db in DATABASES {
        call(connection, &format!("SELECT {db}"));
        for (round, count) in [3, 40, 300].into_iter().enumerate() {
            let text = "compress me ".replace(' ', "_").repeat(1 + draw(20) as usize);
            call(connection, &format!("SET string:{round} {text}"));
            call(connection, &format!("SET number:{round} {}", draw(1 << 40) as i64 - (1 << 39)));
            for place in 0..count {
                let value = draw(1 << 16);
                call(connection, &format!("RPUSH list:{round} {value} v{value}"));
                call(connection, &format!("SADD intset:{round} {value}"));
                call(connection, &format!("SADD set:{round} member:{value}"));
                call(connection, &format!("HSET hash:{round} field:{place} {value}"));
                call(connection, &format!("ZADD zset:{round} {} member:{place}", value as f64 / 8.0 - 1000.0));
                call(connection, &format!("XADD stream:{round} {}-{place} name {value} other x", 1 + place / 3));
                call(connection, &format!("PFADD log:{round} {value}"));
                call(connection, &format!("SETBIT bits:{round} {} 1", value % 4000));
            }
            call(connection, &format!("ZADD zset:{round} inf top -inf bottom"));
            call(connection, &format!("XGROUP CREATE stream:{round} group 0"));
            call(connection, &format!("XREADGROUP GROUP group alice COUNT 2 STREAMS stream:{round} >"));
            call(connection, &format!("XDEL stream:{round} 1-1"));
            for kind in ["string", "list", "hash", "stream"] {
                call(connection, &format!("PEXPIREAT {kind}:{round} {}", DEADLINE_MS + round as u64));
            }
        }
        call(connection, "SET gone 1 PX 1");
        call(connection, "SET kept 1 PX 100000");
        call(connection, "PERSIST kept");
    }
    // What has expired must not come back.
    std::thread::sleep(Duration::from_millis(5));
}

fn state(connection: &mut Connection) -> State {
    let mut state = State::new();
    for db in 0..16 {
        call(connection, &format!("SELECT {db}"));
        let Reply::Array(keys) = call(connection, "KEYS *") else { panic!("KEYS answers a list") };
        for key in keys {
            let Reply::Bulk(key) = key else { panic!("a key is a string") };
            let name = String::from_utf8(key.clone()).expect("the test's keys are text");
            let Reply::Simple(kind) = call(connection, &format!("TYPE {name}")) else { panic!("TYPE answers a word") };
            let kind = String::from_utf8(kind).expect("text");
            let content = match kind.as_str() {
                "string" => format!("{:?}", call(connection, &format!("GET {name}"))),
                "list" => format!("{:?}", call(connection, &format!("LRANGE {name} 0 -1"))),
                "set" => sorted(call(connection, &format!("SMEMBERS {name}")), 1),
                "hash" => sorted(call(connection, &format!("HGETALL {name}")), 2),
                "zset" => format!("{:?}", call(connection, &format!("ZRANGE {name} 0 -1 WITHSCORES"))),
                _ => ["XRANGE {} - +", "XPENDING {} group", "XPENDING {} group - + 10", "XINFO GROUPS {}"]
                    .map(|line| without_idle_time(call(connection, &line.replace("{}", &name))))
                    .join("\n"),
            };
            let deadline_ms = number(&call(connection, &format!("PEXPIRETIME {name}")));
            state.insert((db, key), (kind, deadline_ms, content));
        }
    }
    state
}

/// XPENDING tells how long ago an entry was delivered.
fn without_idle_time(reply: Reply) -> String {
    match reply {
        Reply::Array(rows) => rows
            .into_iter()
            .map(|row| match row {
                Reply::Array(mut row) if row.len() == 4 && matches!(row[2], Reply::Integer(_)) => {
                    row.remove(2);
                    format!("{row:?}")
                }
                other => format!("{other:?}"),
            })
            .collect::<Vec<_>>()
            .join("\n"),
        other => format!("{other:?}"),
    }
}

/// Sets and hashes have no order.
fn sorted(reply: Reply, group: usize) -> String {
    let Reply::Array(parts) = reply else { panic!("{reply:?} is no list") };
    let mut parts: Vec<String> = parts.chunks(group).map(|part| format!("{part:?}")).collect();
    parts.sort();
    parts.join("\n")
}

fn assert_same(found: &State, expected: &State, way: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{way}: other keys");
    for (key, (kind, deadline_ms, content)) in expected {
        let found = &found[key];
        assert_eq!((&found.0, &found.1), (kind, deadline_ms), "{way}: {key:?}");
        let differs = found.2.lines().zip(content.lines()).find(|(found, expected)| found != expected);
        assert!(found.2 == *content, "{way}: {kind} {key:?} differs at {differs:?}");
    }
}

fn larder(arguments: &[&str]) -> Output {
    let output = Command::new(larder_binary()).args(arguments).output().expect("the binary is built");
    println!("larder {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs a tool that must succeed and answers what it said.
fn tool(arguments: &[&str]) -> String {
    let output = larder(arguments);
    assert!(output.status.success(), "larder {arguments:?}: {output:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// Starts Larder on a folder and answers what it holds.
fn larder_state(dir: &str) -> State {
    let server = Server::larder(&["--store", "file", "--dir", dir]);
    state(&mut connect(&server))
}

#[test]
fn redis_starts_on_what_larder_exports() {
    let folder = Folder::new("export");
    let data = folder.make("data");
    let expected = {
        let server = Server::larder(&["--store", "file", "--dir", &data]);
        let mut connection = connect(&server);
        fill(&mut connection);
        call(&mut connection, "SELECT 3");
        call(&mut connection, "HSET fields expiring 1 lasting 2");
        call(&mut connection, &format!("HPEXPIREAT fields {DEADLINE_MS} FIELDS 1 expiring"));
        state(&mut connection)
        // Dropped, it is killed: the log holds everything all the same.
    };
    assert!(expected.len() > 80 && !expected.contains_key(&(0, b"gone".to_vec())));

    let redis = folder.make("redis-rdb");
    let file = format!("{redis}/dump.rdb");
    let said = tool(&["export", "--dir", &data, "--rdb", &file, "--rdb-version", "10"]);
    assert!(said.contains(&format!("exported {} keys", expected.len())), "{said}");
    assert!(said.contains("1 hashes have fields that expire"), "{said}");
    let server = Server::redis(&["--dir", &redis]);
    assert_same(&state(&mut connect(&server)), &expected, "RDB");
    drop(server);

    let redis = folder.make("redis-aof");
    tool(&["export", "--dir", &data, "--aof", &format!("{redis}/appendonlydir"), "--rdb-version", "10"]);
    let server = Server::redis(&["--dir", &redis, "--appendonly", "yes"]);
    assert_same(&state(&mut connect(&server)), &expected, "append-only files");
    drop(server);

    // What was exported can be imported, and the data is as it was before.
    let back = folder.make("back");
    tool(&["import", &file, "--dir", &back]);
    assert_same(&larder_state(&back), &expected, "and back");
    assert_same(&larder_state(&data), &expected, "the exported folder itself");

    // Version 12 keeps the expiries of fields.
    let said = tool(&["export", "--dir", &data, "--rdb", &file, "--rdb-version", "12"]);
    assert!(!said.contains("fields that expire"), "{said}");
    tool(&["import", &file, "--dir", &back, "--replace"]);
    let server = Server::larder(&["--store", "file", "--dir", &back]);
    let mut connection = connect(&server);
    call(&mut connection, "SELECT 3");
    let kept = call(&mut connection, "HPEXPIRETIME fields FIELDS 2 expiring lasting");
    assert_eq!(kept, Reply::Array(vec![Reply::Integer(DEADLINE_MS as i64), Reply::Integer(-1)]));
}

#[test]
fn larder_takes_over_what_redis_saved() {
    let folder = Folder::new("import");
    let redis = folder.make("redis");
    let server = Server::redis(&["--dir", &redis]);
    let mut connection = connect(&server);
    fill(&mut connection);
    let expected = state(&mut connection);
    call(&mut connection, "SAVE");
    drop(server);
    let file = format!("{redis}/dump.rdb");

    let data = folder.make("data");
    let said = tool(&["import", &file, "--dir", &data]);
    assert!(said.contains(&format!("imported {} keys", expected.len())), "{said}");
    assert_same(&larder_state(&data), &expected, "RDB");

    // A second time only when asked for.
    let refused = larder(&["import", &file, "--dir", &data]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--replace"), "{refused:?}");
    tool(&["import", &file, "--dir", &data, "--replace"]);
    assert_same(&larder_state(&data), &expected, "RDB again");

    // A running server keeps its folder to itself.
    let server = Server::larder(&["--store", "file", "--dir", &data]);
    let refused = larder(&["import", &file, "--dir", &data, "--replace"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another process"), "{refused:?}");
    drop(server);

    // A damaged file changes nothing.
    let mut damaged = fs::read(&file).expect("it was saved");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let path = folder.join("damaged.rdb");
    fs::write(&path, &damaged).expect("the folder is ours");
    let refused = larder(&["import", &path, "--dir", &data, "--replace"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_same(&larder_state(&data), &expected, "after a damaged file");
}

#[test]
fn larder_takes_over_append_only_files() {
    let folder = Folder::new("aof");
    for preamble in ["yes", "no"] {
        let redis = folder.make(&format!("redis-{preamble}"));
        let server = Server::redis(&["--dir", &redis, "--appendonly", "yes", "--aof-use-rdb-preamble", preamble]);
        let mut connection = connect(&server);
        fill(&mut connection);
        call(&mut connection, "BGREWRITEAOF");
        wait_for_rewrite(&mut connection);
        // Behind the base comes an increment, with a transaction in it.
        for line in ["SELECT 3", "MULTI", "SET behind 1", "RPUSH list:0 last", "DEL set:1", "EXEC", "SELECT 0"] {
            call(&mut connection, line);
        }
        call(&mut connection, "SET short 1 PX 60000");
        call(&mut connection, "XREADGROUP GROUP group bob COUNT 2 STREAMS stream:1 >");
        call(&mut connection, "PERSIST short");
        // What redis-server itself reads back: how many entries a group has read is not in its file.
        call(&mut connection, "DEBUG LOADAOF");
        let expected = state(&mut connection);
        drop(server);

        let data = folder.make(&format!("data-{preamble}"));
        let said = tool(&["import", &redis, "--dir", &data]);
        assert!(!said.contains("middle of a command"), "{said}");
        assert_same(&larder_state(&data), &expected, preamble);

        // A write that a crash interrupted is cut off, with a message.
        let increment = newest_increment(&format!("{redis}/appendonlydir"));
        let mut file = fs::OpenOptions::new().append(true).open(&increment).expect("it is there");
        file.write_all(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n").expect("the folder is ours");
        let said = tool(&["import", &redis, "--dir", &data, "--replace"]);
        assert!(said.contains("middle of a command"), "{said}");
        assert_same(&larder_state(&data), &expected, "torn");
    }
}

#[test]
fn an_import_obeys_the_settings_of_the_server() {
    let folder = Folder::new("settings");
    let (data, file) = (folder.make("data"), folder.join("appendonly.aof"));
    let request = |line: &str| -> String {
        let words: Vec<String> = line.split(' ').map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        format!("*{}\r\n{}", words.len(), words.concat())
    };
    let torn = [request("HSET h a 1 b 2 c 3"), request("RPUSH l a b c"), "*2\r\n$4\r\nINC".to_owned()].concat();
    fs::write(&file, torn).expect("the folder is ours");
    let conf = folder.join("redis.conf");
    fs::write(&conf, "hash-max-listpack-entries 2\naof-load-truncated no\n").expect("the folder is ours");

    let refused = larder(&["import", &file, "--dir", &data, "--config", &conf]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("aof-load-truncated is no"), "{refused:?}");
    let options = ["--", "--aof-load-truncated", "yes", "--list-max-listpack-size", "2"];
    tool(&[&["import", &file, "--dir", &data, "--config", &conf], &options[..]].concat());
    let sizes = ["--hash-max-listpack-entries", "2", "--list-max-listpack-size", "2"];
    let server = Server::larder(&[&["--store", "file", "--dir", &data], &sizes[..]].concat());
    let mut connection = connect(&server);
    for (line, encoding) in [("OBJECT ENCODING h", "hashtable"), ("OBJECT ENCODING l", "quicklist")] {
        assert_eq!(call(&mut connection, line), Reply::Bulk(encoding.into()), "{line}");
    }
}

fn wait_for_rewrite(connection: &mut Connection) {
    let begun = Instant::now();
    loop {
        let Reply::Bulk(info) = call(connection, "INFO persistence") else { panic!("INFO answers text") };
        let info = String::from_utf8(info).expect("text");
        if info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0") {
            return;
        }
        assert!(begun.elapsed() < REWRITE_DEADLINE, "the rewrite does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn newest_increment(folder: &str) -> PathBuf {
    let entries = fs::read_dir(Path::new(folder)).expect("redis-server made it");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths.filter(|path| path.to_string_lossy().ends_with(".incr.aof")).max().expect("there is one")
}
