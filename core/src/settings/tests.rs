//! Behaviour checked against redis-server 7.0.15, as tables.

use super::*;

fn set(settings: &mut Settings, words: &[&str]) -> Result<(), String> {
    let pairs: Vec<Pair<'_>> =
        words.as_chunks::<2>().0.iter().map(|[name, value]| (name.as_bytes(), value.as_bytes())).collect();
    settings.set_all(&pairs, Origin::Runtime).map_err(|error| error.to_string())
}

fn get(settings: &Settings, name: &str) -> String {
    settings.get(name.as_bytes()).remove(0).1
}

#[test]
fn refusals_have_the_texts_of_redis() {
    let cases = [
        ("maxmemory", "abc", "argument must be a memory value"),
        ("maxmemory", "-1", "argument must be a memory value"),
        ("maxmemory", "1.5gb", "argument must be a memory value"),
        ("maxmemory", "1 gb", "argument must be a memory value"),
        ("maxmemory", "18446744073709551615gb", "argument must be a memory value"),
        ("timeout", "abc", "argument couldn't be parsed into an integer"),
        ("timeout", "", "argument couldn't be parsed into an integer"),
        ("timeout", " 1", "argument couldn't be parsed into an integer"),
        ("timeout", "01", "argument couldn't be parsed into an integer"),
        ("timeout", "+1", "argument couldn't be parsed into an integer"),
        ("timeout", "-0", "argument couldn't be parsed into an integer"),
        ("timeout", "99999999999999999999", "argument couldn't be parsed into an integer"),
        ("timeout", "-1", "argument must be between 0 and 2147483647 inclusive"),
        ("timeout", "2147483648", "argument must be between 0 and 2147483647 inclusive"),
        ("hz", "-1", "argument must be between 0 and 2147483647 inclusive"),
        ("maxclients", "0", "argument must be between 1 and 4294967295 inclusive"),
        ("slowlog-log-slower-than", "-2", "argument must be between -1 and 9223372036854775807 inclusive"),
        ("proto-max-bulk-len", "1", "argument must be between 1048576 and 9223372036854775807 inclusive"),
        ("list-max-ziplist-size", "99999999999", "argument must be between -2147483648 and 2147483647 inclusive"),
        ("zset-max-listpack-value", "-1", "argument must be a memory value"),
        ("port", "70000", "argument must be between 0 and 65535 inclusive"),
        ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
        ("appendfsync", "foo", "argument(s) must be one of the following: everysec, always, no"),
        ("loglevel", "x", "argument(s) must be one of the following: debug, verbose, notice, warning"),
        ("maxmemory-clients", "101%", "percentage argument must be less or equal to 100"),
        ("maxmemory-clients", "999999999999%", "percentage argument must be less or equal to 100"),
        ("maxmemory-clients", "-5%", "argument must be a memory or percent value"),
        ("maxmemory-clients", "%", "argument must be a memory or percent value"),
        ("maxmemory-clients", "abc", "argument must be a memory or percent value"),
        ("databases", "16", "can't set immutable config"),
        ("enable-debug-command", "yes", "can't set immutable config"),
        ("unixsocketperm", "x", "can't set immutable config"),
        ("dir", "/", "can't set protected config"),
        ("dbfilename", "x.rdb", "can't set protected config"),
        ("save", "a b", "Invalid save parameters"),
        ("save", "1", "Invalid save parameters"),
        ("save", "1 2 3", "Invalid save parameters"),
        ("save", "900 1  300 10", "Invalid save parameters"),
        ("save", "0 1", "Invalid save parameters"),
        ("save", "1 -1", "Invalid save parameters"),
        ("client-output-buffer-limit", "normal 0 0", "Wrong number of arguments in buffer limit configuration."),
        ("client-output-buffer-limit", "master 1 2 3", "Invalid client class specified in buffer limit configuration."),
        (
            "client-output-buffer-limit",
            "pubsub 1x 2 3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("notify-keyspace-events", "q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        (
            "latency-tracking-info-percentiles",
            "50 101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        ("latency-tracking-info-percentiles", "50 abc", "Invalid latency-tracking-info-percentiles parameters"),
    ];
    for (name, value, reason) in cases {
        let mut settings = Settings::default();
        let expected = format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(set(&mut settings, &[name, value]), Err(expected), "{name} {value}");
        assert_eq!(settings, Settings::default(), "{name} {value}");
    }
}

#[test]
fn names_are_checked_before_values_and_nothing_is_half_done() {
    let related =
        |name: &str, reason: &str| Err(format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}"));
    let unknown = |name: &str| Err(format!("Unknown option or number of arguments for CONFIG SET - '{name}'"));
    let cases: [(&[&str], Result<(), String>); 10] = [
        (&["foo", "1"], unknown("foo")),
        (&["a\r\nb", "1"], unknown("a  b")),
        (&["daemonize", "no"], unknown("daemonize")),
        (&["timeout", "1", "foo", "2"], unknown("foo")),
        (&["foo", "3", "databases", "3"], unknown("foo")),
        (&["timeout", "x", "databases", "3"], related("databases", "can't set immutable config")),
        (&["timeout", "1", "TIMEOUT", "2"], related("TIMEOUT", "duplicate parameter")),
        (&["timeout", "7", "maxmemory", "abc"], related("maxmemory", "argument must be a memory value")),
        (&["timeout", "7", "port", "6380"], related("port", "it changes with a restart only")),
        (
            &["timeout", "7", "appendonly", "no", "hz", "x"],
            related("hz", "argument couldn't be parsed into an integer"),
        ),
    ];
    for (words, expected) in cases {
        let mut settings = Settings::default();
        assert_eq!(set(&mut settings, words), expected, "{words:?}");
        assert_eq!(settings, Settings::default(), "{words:?}");
    }
    let mut settings = Settings::default();
    let both = ["hash-max-ziplist-entries", "1", "hash-max-listpack-entries", "2"];
    assert_eq!(set(&mut settings, &both), Ok(()));
    assert_eq!(settings.hash_max_listpack_entries, 2);
    assert_eq!(set(&mut settings, &["timeout", "9", "port", "6379"]), Ok(()));
    assert_eq!(settings.timeout_seconds, 9);
}

#[test]
fn values_read_back_in_the_form_of_redis() {
    let cases = [
        ("maxmemory", "1G", "1000000000"),
        ("maxmemory", "1gB", "1073741824"),
        ("maxmemory", "1kb", "1024"),
        ("maxmemory", "1k", "1000"),
        ("maxmemory", "7b", "7"),
        ("maxmemory-clients", "50%", "50%"),
        ("maxmemory-clients", "1kb", "1024"),
        ("maxmemory-policy", "ALLKEYS-LRU", "allkeys-lru"),
        ("appendonly", "YES", "yes"),
        ("hz", "0", "1"),
        ("hz", "501", "500"),
        ("save", "1 0 300 10", "1 0 300 10"),
        ("save", "", ""),
        ("client-output-buffer-limit", "", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
        (
            "client-output-buffer-limit",
            "REPLICA 1 2 3 normal 4kb 5 6",
            "normal 4096 5 6 slave 1 2 3 pubsub 33554432 8388608 60",
        ),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "AKg", "AK"),
        ("notify-keyspace-events", "AmKE", "AKEm"),
        ("notify-keyspace-events", "Kg", "gK"),
        ("notify-keyspace-events", "zz", "z"),
        ("notify-keyspace-events", "g$lshzxetd", "A"),
        ("notify-keyspace-events", "n", "n"),
        ("latency-tracking-info-percentiles", "50 99.90 1e1", "50 99.9 10"),
        ("latency-tracking-info-percentiles", "", ""),
        ("bind", "127.0.0.1  -::1", "127.0.0.1 -::1"),
        ("lua-time-limit", "7", "7"),
    ];
    for (name, value, expected) in cases {
        let mut settings = Settings::default();
        assert_eq!(set(&mut settings, &[name, value]), Ok(()), "{name} {value}");
        assert_eq!(get(&settings, name), expected, "{name} {value}");
    }
}

#[test]
fn config_get_answers_under_the_asked_name() {
    let settings = Settings::default();
    let names =
        |patterns: &[&[u8]]| -> Vec<String> { settings.get_many(patterns).into_iter().map(|(name, _)| name).collect() };
    assert_eq!(names(&[b"slave-priority"]), ["slave-priority"]);
    assert_eq!(names(&[b"TIMEOUT"]), ["TIMEOUT"]);
    assert_eq!(names(&[b"TIME*", b"timeout", b"hz", b"h?"]), ["timeout", "hz"]);
    assert_eq!(names(&[b"hash-max-*-entries"]), ["hash-max-listpack-entries", "hash-max-ziplist-entries"]);
    assert_eq!(names(&[b"nosuch", b"\xff", b"daemonize"]), [""; 0]);
}

/// The CONFIG sanity test of the Redis suite.
#[test]
fn every_value_can_be_set_to_itself() {
    let mut settings = Settings::default();
    for (name, value) in settings.get(b"*") {
        let row = Parameter::find(name.as_bytes()).expect("CONFIG GET lists rows");
        if matches!(row.change, Change::Immutable | Change::Protected) {
            continue;
        }
        assert_eq!(set(&mut settings, &[&name, &value]), Ok(()), "{name}");
        assert_eq!(get(&settings, &name), value, "{name}");
    }
    assert_eq!(settings, Settings::default());
}

#[test]
fn rows_are_well_formed() {
    let mut names: Vec<&str> = PARAMETERS.iter().flat_map(Parameter::names).collect();
    assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name stands twice");
    for row in PARAMETERS {
        // Both ends of every range fit the field, so a range error never hides a conversion error.
        let bounds = match row.kind {
            Kind::Integer { min, max } => [min.to_string(), max.to_string()],
            Kind::Clamped { min, max } => [min.to_string(), max.to_string()],
            Kind::Bytes { min, max } => [min.to_string(), max.to_string()],
            _ => continue,
        };
        for bound in bounds {
            let mut settings = Settings::default();
            assert_eq!(row.assign(&mut settings, &bound), Ok(()), "{}", row.name);
            assert_eq!((row.text)(&settings), bound, "{}", row.name);
        }
    }
}

#[test]
fn names_the_redis_suite_sets_exist() {
    let names = "hash-max-ziplist-entries hash-max-ziplist-value hash-max-listpack-value zset-max-ziplist-entries \
        zset-max-ziplist-value zset-max-listpack-entries list-max-ziplist-size list-compress-depth \
        set-max-intset-entries stream-node-max-entries stream-node-max-bytes latency-monitor-threshold \
        slowlog-log-slower-than slowlog-max-len notify-keyspace-events maxmemory maxmemory-policy maxmemory-clients \
        tracking-table-max-keys lua-time-limit busy-reply-threshold min-replicas-to-write min-slaves-to-write \
        client-query-buffer-limit proto-max-bulk-len sanitize-dump-payload repl-backlog-size save appendonly \
        appendfsync aof-use-rdb-preamble hll-sparse-max-bytes masterauth replica-serve-stale-data \
        repl-ping-replica-period";
    let missing: Vec<&str> =
        names.split_whitespace().filter(|name| Settings::default().get(name.as_bytes()).is_empty()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn start_sets_everything_and_the_last_value_wins() {
    let mut settings = Settings { save: SavePoints(vec![SavePoint { seconds: 1, changes: 1 }]), ..Settings::default() };
    let pairs: [Pair<'_>; 9] = [
        (b"databases", b"4"),
        (b"dir", b"/data"),
        (b"port", b"1"),
        (b"port", b"0"),
        (b"save", b"3600 1 300 100"),
        (b"SAVE", b"60 1000"),
        (b"daemonize", b"yes"),
        (b"cluster-enabled", b"no"),
        (b"unixsocketperm", b"770"),
    ];
    assert_eq!(settings.set_all(&pairs, Origin::Start), Ok(()));
    assert_eq!((settings.databases, settings.port, settings.dir.as_str()), (4, 0, "/data"));
    assert_eq!(get(&settings, "save"), "3600 1 300 100 60 1000");
    assert_eq!(get(&settings, "unixsocketperm"), "770");

    let pairs: [Pair<'_>; 3] = [(b"save", b"1 2"), (b"save", b""), (b"save", b"7 8")];
    assert_eq!(settings.set_all(&pairs, Origin::Start), Ok(()));
    assert_eq!(get(&settings, "save"), "7 8");
}

#[test]
fn start_refuses_what_it_cannot_promise() {
    let cases: [(Pair<'_>, Fault); 6] = [
        ((b"foo", b"1"), Fault::Unknown),
        ((b"rename-command", b"FLUSHALL "), Fault::Unsupported),
        ((b"cluster-enabled", b"yes"), Fault::Unsupported),
        ((b"tls-port", b"6380"), Fault::Unsupported),
        ((b"requirepass", b"\xff"), Fault::Refused("argument must be UTF-8 text".to_owned())),
        ((b"dbfilename", b"a/b"), Fault::Refused("dbfilename can't be a path, just a filename".to_owned())),
    ];
    for (pair, fault) in cases {
        let mut settings = Settings::default();
        let error = settings.set_all(&[(b"timeout", b"5"), pair], Origin::Start).expect_err("it is refused");
        assert_eq!((error.index, error.fault), (1, fault));
        assert_eq!(settings, Settings::default());
    }
}

#[test]
fn save_points_are_bounded() {
    let mut settings = Settings::default();
    let pairs = vec![(&b"save"[..], &b"1 1"[..]); MAX_SAVE_POINTS + 1];
    assert_eq!(settings.set_all(&pairs[1..], Origin::Start), Ok(()));
    assert_eq!(settings.set_all(&pairs, Origin::Start).expect_err("one too many").index, MAX_SAVE_POINTS);
}

#[test]
fn protected_parameters_follow_their_switch() {
    for (access, remote, local) in [(Access::No, false, false), (Access::Local, false, true), (Access::Yes, true, true)]
    {
        let mut settings = Settings { enable_protected_configs: access, ..Settings::default() };
        let pairs: [Pair<'_>; 1] = [(b"dbfilename", b"x.rdb")];
        assert_eq!(settings.set_all(&pairs, Origin::Runtime).is_ok(), remote, "{access:?}");
        assert_eq!(settings.set_all(&pairs, Origin::RuntimeLocal).is_ok(), local, "{access:?}");
    }
}

#[test]
fn changes_name_the_rows() {
    let before = Settings::default();
    let mut after = before.clone();
    assert_eq!(set(&mut after, &["timeout", "5", "hz", "10", "loglevel", "debug"]), Ok(()));
    let names: Vec<&str> = after.changes_since(&before).map(|row| row.name).collect();
    assert_eq!(names, ["timeout", "loglevel"]);
}
