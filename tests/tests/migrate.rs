//! MIGRATE between Larder and redis-server, both ways, and WAITAOF with a log. Needs Debian's redis-server, and the
//! binary that `LARDER_BIN` names or `make build` makes.

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use larder_core::hash::Random;
use larder_tests::resp::{Connection, Reply};
use larder_tests::servers::Server;

/// Makes a value of each type, small and large.
const VALUES: &[&str] = &[
    "SET string hello",
    "SET number -12345",
    "RPUSH list a b c",
    "SADD integers 1 2 3",
    "SADD set x",
    "HSET hash f 1 g 2",
    "ZADD zset 1.5 a 2 b",
    "XADD stream 1-1 f v",
    "SETRANGE raw 100000 end",
];

/// Redis 7.0 takes version 10 of the payloads.
const FOR_REDIS_7_0: &[&str] = &["--rdb-version", "10"];

/// The keys of [`VALUES`].
fn names() -> Vec<&'static str> {
    VALUES.iter().map(|line| line.split(' ').nth(1).expect("a key")).collect()
}

fn connect(server: &Server) -> Connection {
    Connection::open(server.resp()).expect("the server accepts")
}

fn call(connection: &mut Connection, line: &str) -> Reply {
    let words: Vec<&str> = line.split(' ').map(|word| if word == "''" { "" } else { word }).collect();
    connection.call(&words).expect("the server answers")
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

fn flushes(local: i64) -> Reply {
    Reply::Array(vec![Reply::Integer(local), Reply::Integer(0)])
}

/// MIGRATE to a server, with what follows its port.
fn migrate(connection: &mut Connection, target: &Server, rest: &str) -> Reply {
    call(connection, &format!("MIGRATE 127.0.0.1 {} {rest}", target.resp().port()))
}

/// Payloads of all keys.
fn dump(connection: &mut Connection) -> Vec<Reply> {
    names().iter().map(|key| call(connection, &format!("DUMP {key}"))).collect()
}

/// Moves all values from one server to the other and compares what each calls them.
fn moves_all(source: &Server, target: &Server) {
    let (mut from, mut to) = (connect(source), connect(target));
    VALUES.iter().for_each(|line| drop(call(&mut from, line)));
    call(&mut from, "PEXPIRE string 100000");
    let keys = names().join(" ");
    let packed = dump(&mut from);
    assert_eq!(migrate(&mut from, target, &format!("'' 3 5000 COPY KEYS missing {keys}")), ok());
    assert!(dump(&mut from) == packed, "a copy changes nothing");
    assert_eq!(
        migrate(&mut from, target, "list 3 5000"),
        error("ERR Target instance replied with error: BUSYKEY Target key name already exists.")
    );
    assert_eq!(migrate(&mut from, target, &format!("'' 3 5000 REPLACE KEYS {keys} missing")), ok());
    assert_eq!(call(&mut from, "DBSIZE"), Reply::Integer(0));
    call(&mut to, "SELECT 3");
    assert_eq!(call(&mut to, "DBSIZE"), Reply::Integer(VALUES.len() as i64));
    match call(&mut to, "PTTL string") {
        Reply::Integer(rest_ms) => assert!((80_000..=100_000).contains(&rest_ms), "{rest_ms}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(call(&mut to, "PTTL list"), Reply::Integer(-1));
    // There and back again they are the same, byte for byte.
    assert_eq!(migrate(&mut to, source, &format!("'' 0 5000 KEYS {keys}")), ok());
    assert!(dump(&mut from) == packed);
    assert_eq!(call(&mut to, "DBSIZE"), Reply::Integer(0));
}

#[test]
fn values_move_to_redis_and_back() {
    moves_all(&Server::larder(FOR_REDIS_7_0), &Server::redis(&[]));
}

#[test]
fn values_move_between_our_own() {
    moves_all(&Server::larder(&[]), &Server::larder(&[]));
}

#[test]
fn many_keys_go_in_several_exchanges() {
    const KEYS: usize = 2000;
    let (source, target) = (Server::larder(FOR_REDIS_7_0), Server::redis(&[]));
    let mut from = connect(&source);
    let mut random = Random::new(5);
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key:{number}")).collect();
    for key in &keys {
        let value = "v".repeat((random.next_u64() % 3000) as usize);
        assert_eq!(from.call(&["SET", key, &value]).expect("an answer"), ok());
    }
    let mut to = connect(&target);
    call(&mut to, "SET key:1000 old");
    let refused = migrate(&mut from, &target, &format!("'' 0 5000 KEYS {}", keys.join(" ")));
    assert!(matches!(&refused, Reply::Error(text) if text.ends_with(b"BUSYKEY Target key name already exists.")));
    assert_eq!(call(&mut to, "DBSIZE"), Reply::Integer(KEYS as i64));
    assert_eq!(call(&mut to, "GET key:1000"), Reply::Bulk(b"old".to_vec()));
    assert_eq!(call(&mut from, "KEYS *"), Reply::Array(vec![Reply::Bulk(b"key:1000".to_vec())]));
}

#[test]
fn whoever_is_refused_keeps_the_keys() {
    let (source, target) = (Server::larder(FOR_REDIS_7_0), Server::redis(&["--requirepass", "secret"]));
    let mut from = connect(&source);
    call(&mut from, "SET k v");
    let refused = |text: &str| error(&format!("ERR Target instance replied with error: {text}"));
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(migrate(&mut from, &target, "k 0 1000"), refused("NOAUTH Authentication required."));
    assert_eq!(migrate(&mut from, &target, "k 0 1000 AUTH other"), refused(wrong));
    assert_eq!(migrate(&mut from, &target, "k 0 1000 AUTH2 nobody secret"), refused(wrong));
    let out_of_range = refused("ERR DB index is out of range");
    assert_eq!(migrate(&mut from, &target, "k 99 1000 AUTH secret"), out_of_range);
    assert_eq!(call(&mut from, "GET k"), Reply::Bulk(b"v".to_vec()));
    assert_eq!(migrate(&mut from, &target, "k 0 1000 AUTH2 default secret"), ok());
    assert_eq!(call(&mut from, "EXISTS k"), Reply::Integer(0));
    call(&mut from, "SET k2 v");
    assert_eq!(migrate(&mut from, &target, "k2 0 1000 AUTH secret"), ok());
    for unreachable in ["MIGRATE 127.0.0.1 1 k3 0 500", "MIGRATE 127.0.0.1 port k3 0 500"] {
        call(&mut from, "SET k3 v");
        assert_eq!(call(&mut from, unreachable), error("IOERR error or timeout writing to target instance"));
    }
    assert_eq!(call(&mut from, "EXISTS k3"), Reply::Integer(1));
}

#[test]
fn a_silent_target_holds_up_nobody_else_and_a_changed_key_stays() {
    let source = Server::larder(&[]);
    let (mut from, mut other) = (connect(&source), connect(&source));
    call(&mut from, "MSET k v same v");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("bound").port();
    let request = format!("MIGRATE 127.0.0.1 {port} k 0 300");
    let begun = Instant::now();
    from.send(&request.split(' ').collect::<Vec<_>>()).expect("sent");
    let (mut accepted, _) = silent.accept().expect("it connects");
    assert_eq!(call(&mut other, "SET elsewhere 1"), ok());
    assert_eq!(from.receive().expect("an answer"), error("IOERR error or timeout reading to target instance"));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let mut received = [0; 64];
    let length = accepted.read(&mut received).expect("what was sent");
    assert_eq!(&received[..length], b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n", "no key goes out before the login");

    let request = format!("MIGRATE 127.0.0.1 {port} '' 0 3000 KEYS k same");
    let words: Vec<&str> = request.split(' ').map(|word| if word == "''" { "" } else { word }).collect();
    from.send(&words).expect("sent");
    let (mut accepted, _) = silent.accept().expect("it connects");
    assert_eq!(call(&mut other, "APPEND k more"), Reply::Integer(5));
    assert_eq!(call(&mut other, "CLIENT UNBLOCK 1"), Reply::Integer(0), "it cannot be called off");
    std::io::Write::write_all(&mut accepted, b"+OK\r\n+OK\r\n+OK\r\n").expect("answered");
    let text =
        "ERR 1 of the keys changed while they were on their way: they stay here, the target has them as they were";
    assert_eq!(from.receive().expect("an answer"), error(text));
    assert_eq!(call(&mut other, "GET k"), Reply::Bulk(b"vmore".to_vec()));
    assert_eq!(call(&mut other, "EXISTS same"), Reply::Integer(0));
}

#[test]
fn waitaof_waits_for_the_device() {
    let folder = std::env::temp_dir().join(format!("larder-waitaof-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary directory is writable");
    let dir = folder.to_str().expect("a plain name").to_owned();
    let target = Server::redis(&[]);
    {
        // Without a policy that flushes by itself.
        let server = Server::larder(&["--store", "file", "--dir", &dir, "--appendfsync", "no", "--rdb-version", "10"]);
        let mut client = connect(&server);
        assert_eq!(call(&mut client, "WAITAOF 1 0 0"), flushes(1), "nothing was written");
        for round in 0..20 {
            call(&mut client, &format!("SET k{round} v"));
            if round % 2 == 0 {
                assert_eq!(call(&mut client, "WAITAOF 0 0 0"), flushes(0));
            }
            assert_eq!(call(&mut client, "WAITAOF 1 0 0"), flushes(1));
        }
        let begun = Instant::now();
        assert_eq!(call(&mut client, "WAITAOF 1 1 100"), flushes(1), "replicas never come");
        assert!(begun.elapsed() >= Duration::from_millis(100));
        call(&mut client, "SET last v");
        assert_eq!(call(&mut client, "WAITAOF 0 1 50"), flushes(0));
        call(&mut client, "MULTI");
        call(&mut client, "SET last w");
        call(&mut client, "WAITAOF 1 0 0");
        assert_eq!(call(&mut client, "EXEC"), Reply::Array(vec![ok(), flushes(0)]), "its record is to come");
        assert_eq!(migrate(&mut client, &target, "k1 0 1000"), ok());
    }
    let server = Server::larder(&["--store", "file", "--dir", &dir]);
    let mut client = connect(&server);
    assert_eq!(call(&mut client, "EXISTS k0 k1 k19 last"), Reply::Integer(3), "what moved away does not come back");
    assert_eq!(call(&mut client, "GET last"), Reply::Bulk(b"w".to_vec()));
    drop(server);
    // Nothing depends on the folder being gone.
    let _ignored = std::fs::remove_dir_all(&folder);
}
