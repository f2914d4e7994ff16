//! DUMP, RESTORE and the DEBUG tools over all types, through the engine.

use larder_core::engine::Engine;
use larder_core::session::ClientId;
use larder_core::settings::{Access, Settings};

const NOW_MS: u64 = 1_700_000_000_000;

/// A server with DEBUG, and one client.
struct Server {
    engine: Engine,
    client: ClientId,
}

impl Server {
    fn new() -> Self {
        let settings = Settings { enable_debug_command: Access::Yes, ..Settings::default() };
        let mut engine = Engine::with_settings(settings, 7, NOW_MS);
        let client = engine.open(NOW_MS);
        Self { engine, client }
    }

    fn call(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        let mut out = Vec::new();
        self.engine.exec(self.client, &request, NOW_MS, &mut out);
        out
    }

    /// Words without spaces in them; the reply as text.
    fn say(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        String::from_utf8_lossy(&self.call(&words)).into_owned()
    }

    /// The payload of a key.
    fn dump(&mut self, key: &str) -> Vec<u8> {
        let reply = self.call(&[b"DUMP", key.as_bytes()]);
        let start = reply.iter().position(|byte| *byte == b'\n').expect("a bulk string") + 1;
        reply[start..reply.len() - 2].to_vec()
    }

    /// One key of every type and encoding, under its name.
    fn fill(&mut self) {
        for line in [
            "SET int 12345",
            "SET text hello",
            "APPEND raw grown",
            "RPUSH list a b 1 -5",
            "SADD intset 1 2 70000",
            "SADD set a b 1",
            "HSET hash f v n 12",
            "ZADD zset 1.5 a -2 b inf c",
            "XADD stream 5-1 name x n 1",
            "XADD stream 5-2 name y n 2",
            "XDEL stream 5-1",
            "XGROUP CREATE stream group 0",
            "XREADGROUP GROUP group alice STREAMS stream >",
            "PFADD hll a b c",
            "PEXPIREAT list 1800000000000",
        ] {
            let reply = self.say(line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
        for number in 0..700 {
            self.say(&format!("RPUSH biglist element:{number}:{}", "x".repeat(40)));
            self.say(&format!("SADD bigset member:{number}"));
            self.say(&format!("HSET bighash field:{number} {number}"));
            self.say(&format!("ZADD bigzset {number}.5 member:{number}"));
            self.say(&format!("XADD bigstream {number}-1 name {number}"));
        }
    }
}

const KEYS: [&str; 14] = [
    "int", "text", "raw", "list", "intset", "set", "hash", "zset", "stream", "hll", "biglist", "bigset", "bighash",
    "bigzset",
];

#[test]
fn reload_keeps_everything() {
    let mut server = Server::new();
    server.fill();
    let encodings = |server: &mut Server| KEYS.map(|key| server.say(&format!("OBJECT ENCODING {key}")));
    let (digest, before) = (server.say("DEBUG DIGEST"), encodings(&mut server));
    let pending = server.say("XPENDING stream group");
    assert_eq!(server.say("DEBUG RELOAD"), "+OK\r\n");
    assert_eq!(server.say("DEBUG DIGEST"), digest);
    let after = encodings(&mut server);
    // A string that grew in place is a string like any other.
    assert!(
        before
            .iter()
            .zip(&after)
            .zip(KEYS)
            .all(|((before, after), key)| before == after || key == "raw" || key == "hll")
    );
    assert_eq!(server.say("PEXPIRETIME list"), ":1800000000000\r\n");
    assert_eq!(server.say("XPENDING stream group"), pending);
    assert_eq!(server.say("DEBUG RELOAD MERGE NOFLUSH"), "+OK\r\n");
    assert_eq!(server.say("DEBUG RELOAD NOFLUSH"), "-ERR Error trying to load the RDB dump\r\n");
    let wrong = "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.\r\n";
    assert_eq!(server.say("DEBUG RELOAD x"), wrong);
}

#[test]
fn payloads_come_back_in_both_versions() {
    let mut server = Server::new();
    server.fill();
    for version in ["10", "11"] {
        server.say(&format!("CONFIG SET rdb-version {version}"));
        for key in KEYS.iter().chain(&["bigstream"]) {
            let payload = server.dump(key);
            assert_eq!(server.call(&[b"RESTORE", b"copy", b"0", &payload, b"REPLACE"]), b"+OK\r\n", "{key}");
            server.say(&format!("PERSIST {key}"));
            let digests = [*key, "copy"].map(|key| server.say(&format!("DEBUG DIGEST-VALUE {key}")));
            assert_eq!(digests[0], digests[1], "{key}, version {version}");
            // Hash tables have no order that would have to come back.
            let again = server.dump("copy");
            let is_table = matches!(*key, "bigset" | "bighash");
            assert!(again == payload || is_table && again.len() == payload.len(), "{key}, version {version}");
        }
    }
}

#[test]
fn fields_keep_their_expiry() {
    let mut server = Server::new();
    server.say("HSET h a 1 b 2 c 3");
    server.say("HPEXPIREAT h 1800000000000 FIELDS 1 a");
    server.say("HPEXPIREAT h 1900000000000 FIELDS 1 b");
    let payload = server.dump("h");
    assert_eq!(payload[0], 24);
    assert_eq!(server.call(&[b"RESTORE", b"i", b"0", &payload]), b"+OK\r\n");
    let expected = "*3\r\n:1800000000000\r\n:1900000000000\r\n:-1\r\n";
    assert_eq!(server.say("HPEXPIRETIME i FIELDS 3 a b c"), expected);
    assert_eq!(server.say("DEBUG RELOAD"), "+OK\r\n");
    assert_eq!(server.say("HPEXPIRETIME i FIELDS 3 a b c"), expected);
}

#[test]
fn digests_are_blind_to_encodings_and_see_everything_else() {
    let mut server = Server::new();
    for (small, large) in [
        ("SADD x 1 2 3", "CONFIG SET set-max-intset-entries 0 set-max-listpack-entries 0"),
        ("SADD x c b a", "CONFIG SET set-max-listpack-entries 0"),
        ("HSET x b 2 a 1", "CONFIG SET hash-max-listpack-entries 0"),
        ("ZADD x 2 b 1 a 0.5 c", "CONFIG SET zset-max-listpack-entries 0"),
        ("RPUSH x a 1 b", "CONFIG SET list-max-listpack-size 1"),
    ] {
        server.say("FLUSHALL");
        server.say(small);
        server.say(large);
        server.say(&small.replacen(" x ", " y ", 1));
        let defaults = "CONFIG SET set-max-intset-entries 512 set-max-listpack-entries 128 \
                        hash-max-listpack-entries 512 zset-max-listpack-entries 128 list-max-listpack-size -2";
        server.say(defaults);
        assert_ne!(server.say("OBJECT ENCODING x"), server.say("OBJECT ENCODING y"), "{small}");
        let digest = server.say("DEBUG DIGEST-VALUE x");
        assert_eq!(server.say("DEBUG DIGEST-VALUE y"), digest, "{small}");
        server.say("COPY x z");
        assert_eq!(server.say("DEBUG DIGEST-VALUE z"), digest, "{small}");
        let more = small.split(' ').next().expect("a command");
        server.say(&format!("{more} z {}", if more == "ZADD" || more == "HSET" { "5 new" } else { "new" }));
        assert_ne!(server.say("DEBUG DIGEST-VALUE z"), digest, "{small}");
    }
}

#[test]
fn populate_makes_strings_of_a_size() {
    let mut server = Server::new();
    server.say("SET key:1 mine");
    assert_eq!(server.say("DEBUG POPULATE 3"), "+OK\r\n");
    assert_eq!(
        server.say("MGET key:0 key:1 key:2 key:3"),
        "*4\r\n$7\r\nvalue:0\r\n$4\r\nmine\r\n$7\r\nvalue:2\r\n$-1\r\n"
    );
    server.say("DEBUG POPULATE 1 p 3");
    server.say("DEBUG POPULATE 1 q 9");
    assert_eq!(server.say("MGET p:0 q:0"), "*2\r\n$3\r\nval\r\n$9\r\nvalue:0\0\0\r\n");
    for (line, reply) in [
        ("DEBUG POPULATE x", "-ERR value is out of range, must be positive\r\n"),
        ("DEBUG POPULATE -1", "-ERR value is out of range, must be positive\r\n"),
        ("DEBUG POPULATE 1 k x", "-ERR value is not an integer or out of range\r\n"),
        ("DEBUG POPULATE 99999999999999", "-ERR OOM in dictTryExpand\r\n"),
        ("DEBUG LISTPACK key:1", "-ERR Not a listpack encoded object.\r\n"),
        ("DEBUG QUICKLIST nosuch", "-ERR no such key\r\n"),
        ("DEBUG HTSTATS 99", "-ERR Out of range database\r\n"),
        ("DEBUG ERROR text", "-text\r\n"),
    ] {
        assert_eq!(server.say(line), reply, "{line}");
    }
    let too_large = "-ERR argument must be a memory value bigger than 1 and smaller than 4gb\r\n";
    assert_eq!(server.say("DEBUG QUICKLIST-PACKED-THRESHOLD 5gb"), too_large);
    assert!(server.say("DEBUG HTSTATS 0").contains("number of elements: 5"));
}

#[test]
fn large_items_of_a_list_stand_by_themselves() {
    let mut server = Server::new();
    server.say("RPUSH before ab cd");
    for (size, nodes) in [("1b", " ql_nodes:3 "), ("13b", " ql_nodes:2 "), ("0", "encoding:listpack ")] {
        assert_eq!(server.say(&format!("DEBUG QUICKLIST-PACKED-THRESHOLD {size}")), "+OK\r\n");
        server.say("DEL list");
        server.say("RPUSH list a b longer-than-that");
        let line = server.say("DEBUG OBJECT list");
        assert!(line.contains(nodes), "{size}: {line}");
        assert_eq!(server.say("LRANGE list 0 -1"), "*3\r\n$1\r\na\r\n$1\r\nb\r\n$16\r\nlonger-than-that\r\n");
        assert_eq!(server.say("LRANGE before 0 -1"), "*2\r\n$2\r\nab\r\n$2\r\ncd\r\n");
    }
}

#[test]
fn checksums_of_payloads_count_unless_a_test_says_otherwise() {
    let mut server = Server::new();
    // The type, a text of two bytes, version 10, and a checksum that does not fit.
    let restore = |server: &mut Server, key: &[u8], payload: &[u8]| server.call(&[b"RESTORE", key, b"0", payload]);
    let wrong: &[u8] = b"\0\x02hi\x0a\0\0\0\0\0\0\0\0\0";
    let refused = "-ERR DUMP payload version or checksum are wrong\r\n";
    assert_eq!(restore(&mut server, b"k", wrong), refused.as_bytes());
    server.say("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
    assert_eq!(restore(&mut server, b"k", wrong), b"+OK\r\n");
    assert_eq!(server.say("GET k"), "$2\r\nhi\r\n");
    for short in [&b""[..], b"short", &wrong[4..]] {
        assert!(restore(&mut server, b"k2", short).starts_with(b"-ERR"), "{short:?}");
    }
    server.say("DEBUG SET-SKIP-CHECKSUM-VALIDATION 0");
    assert_eq!(restore(&mut server, b"k2", wrong), refused.as_bytes());
}

#[test]
fn object_tells_the_nodes_of_a_list() {
    let mut server = Server::new();
    server.fill();
    let line = server.say("DEBUG OBJECT biglist");
    assert!(
        line.contains("encoding:quicklist") && line.contains(" ql_nodes:") && line.contains(" ql_listpack_max:-2"),
        "{line}"
    );
    assert!(server.say("DEBUG OBJECT int").contains("encoding:int serializedlength:3 "));
    assert_eq!(server.say("DEBUG LISTPACK hash"), "+Listpack structure printed on stdout\r\n");
    assert_eq!(server.say("DEBUG QUICKLIST biglist 1"), "+Quicklist structure printed on stdout\r\n");
    assert!(server.say("DEBUG HTSTATS-KEY bigset").contains("number of elements: 700"));
    assert!(server.say("DEBUG HTSTATS-KEY text").starts_with("-ERR The value stored"));
}

#[test]
fn a_small_payload_cannot_take_much_memory() {
    let mut server = Server::new();
    // A node whose one long name every entry repeats.
    let mut pack = vec![0, 0, 0, 0, 0xff, 0xff];
    let integer = |pack: &mut Vec<u8>, value: u8| pack.extend_from_slice(&[value, 1]);
    let entries: u16 = 10_000;
    let back = |pack: &mut Vec<u8>, value: i16| {
        pack.push(0xf1);
        pack.extend_from_slice(&value.to_le_bytes());
        pack.push(3);
    };
    back(&mut pack, entries as i16);
    integer(&mut pack, 0);
    integer(&mut pack, 1);
    let name = vec![b'n'; 16_000];
    pack.push(0xf0);
    pack.extend_from_slice(&(name.len() as u32).to_le_bytes());
    pack.extend_from_slice(&name);
    let body = name.len() + 5;
    pack.extend_from_slice(&[(body >> 7) as u8, (body & 0x7f) as u8 | 0x80]);
    integer(&mut pack, 0);
    for number in 0..entries {
        integer(&mut pack, 2);
        back(&mut pack, number as i16);
        integer(&mut pack, 0);
        integer(&mut pack, 1);
        integer(&mut pack, 4);
    }
    pack.push(0xff);
    let size = (pack.len() as u32).to_le_bytes();
    pack[..4].copy_from_slice(&size);
    let mut payload = vec![19, 1, 16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    larder_core::structure::rdb::length::write_length(&mut payload, pack.len() as u64);
    payload.extend_from_slice(&pack);
    for number in [u64::from(entries), u64::from(entries), 1, 1, 1, 0, 0, u64::from(entries), 0] {
        larder_core::structure::rdb::length::write_length(&mut payload, number);
    }
    larder_core::rdb::append_footer(&mut payload, 10);
    let reply = server.call(&[b"RESTORE", b"k", b"0", &payload]);
    assert_eq!(String::from_utf8_lossy(&reply), "-ERR Bad data format\r\n");
}

/// What every reader and writer of its type makes of a value that damage has made. Whatever they answer, they answer.
fn use_thoroughly(server: &mut Server) {
    for line in [
        "DUMP k",
        "LRANGE k 0 -1",
        "LINSERT k BEFORE a b",
        "LPOS k 1",
        "LPOP k",
        "SMEMBERS k",
        "SRANDMEMBER k 5",
        "SADD k a 1 70000",
        "SPOP k",
        "HGETALL k",
        "HRANDFIELD k -5 WITHVALUES",
        "HSET k a 1 f 2",
        "HDEL k a",
        "ZRANGEBYSCORE k -inf inf WITHSCORES",
        "ZRANGEBYLEX k - +",
        "ZRANK k a",
        "ZADD k 1.5 a 3 d",
        "ZPOPMAX k",
        "XRANGE k - +",
        "XREVRANGE k + -",
        "XINFO STREAM k FULL",
        "XPENDING k group - + 10",
        "XREADGROUP GROUP group bob STREAMS k >",
        "XAUTOCLAIM k group bob 0 0",
        "XADD k * a b",
        "XDEL k 5-2",
        "XTRIM k MAXLEN 1",
        "PFCOUNT k",
        "PFADD k x",
        "DEBUG DIGEST-VALUE k",
        "MEMORY USAGE k",
        "DEBUG RELOAD",
    ] {
        assert!(!server.say(line).is_empty(), "{line}");
    }
}

#[test]
fn damaged_values_never_stop_the_server() {
    let mut samples = Server::new();
    samples.fill();
    let mut server = Server::new();
    for key in KEYS {
        let payload = samples.dump(key);
        let end = payload.len() - 10;
        if end > 400 {
            continue;
        }
        for at in 0..end {
            for flip in [0x01, 0x08, 0x80, 0xff] {
                let mut damaged = payload[..end].to_vec();
                damaged[at] ^= flip;
                larder_core::rdb::append_footer(&mut damaged, 11);
                if server.call(&[b"RESTORE", b"k", b"0", &damaged, b"REPLACE"]) == b"+OK\r\n" {
                    use_thoroughly(&mut server);
                    server.say("FLUSHALL");
                }
            }
        }
    }
}
