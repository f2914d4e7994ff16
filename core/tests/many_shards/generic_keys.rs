//! Generic keys over many shards.

use std::collections::BTreeSet;

use larder_core::resp::Value;
use larder_core::settings::EvictionPolicy;

use crate::harness::{START_MS, Server, words};

fn fill(server: &mut Server, names: std::ops::Range<usize>) {
    for name in names {
        assert_eq!(server.text(&format!("SET key:{name} {name}")), "OK");
    }
}

#[test]
fn scan_returns_every_key_that_stays_while_tables_grow_and_shrink() {
    let mut server = Server::new();
    fill(&mut server, 0..500);
    let (mut cursor, mut seen, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let (next, keys) = server.scan(&cursor, "COUNT 7");
        seen.extend(keys);
        // Tables split while the walk goes on, and merge in its second half.
        let passing = 500 + 400 * (calls % 40);
        if calls < 40 {
            fill(&mut server, passing..passing + 400);
        } else if calls < 80 {
            for name in passing..passing + 400 {
                assert_eq!(server.integer(&format!("DEL key:{name}")), 1);
            }
        }
        calls += 1;
        let number: u64 = next.parse().expect("a decimal cursor");
        assert!(number < 1 << 53, "{number}");
        if number == 0 {
            break;
        }
        assert!(calls < 20_000, "the walk must end");
        cursor = next;
    }
    assert!(calls > 80, "the walk must outlive the changes: {calls}");
    (0..500).for_each(|name| assert!(seen.contains(&format!("key:{name}")), "key:{name} was missed"));
}

#[test]
fn scan_without_changes_returns_each_key_once_whatever_the_count() {
    let mut server = Server::new();
    fill(&mut server, 0..2000);
    for count in ["1", "10", "333", "5000", "9223372036854775807"] {
        let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
        loop {
            let (next, keys) = server.scan(&cursor, &format!("COUNT {count}"));
            seen.extend(keys);
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 2000, "COUNT {count}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 2000, "COUNT {count}");
    }
}

#[test]
fn any_number_is_a_harmless_cursor() {
    let mut server = Server::new();
    fill(&mut server, 0..100);
    for cursor in ["1", "1099511627775", "1099511627776", "8796093022207", "8796093022208", "18446744073709551615"] {
        server.scan(cursor, "COUNT 1000");
    }
    assert_eq!(server.scan("8796093022208", "COUNT 1000"), ("0".to_owned(), Vec::new()), "there is no ninth shard");
}

#[test]
fn expired_keys_never_show() {
    let mut server = Server::new();
    fill(&mut server, 0..50);
    for name in 0..40 {
        assert_eq!(server.integer(&format!("PEXPIRE key:{name} 10")), 1);
    }
    let digest = server.text("DEBUG DIGEST");
    server.now_ms += 11;
    assert_ne!(server.text("DEBUG DIGEST"), digest, "expired keys are no part of the data");
    assert_eq!(server.integer("DBSIZE"), 50, "nothing has removed them");
    assert!(server.text("DEBUG OBJECT key:0").starts_with("Value at:0x"), "DEBUG OBJECT shows them");
    assert_eq!(server.list("KEYS *").len(), 10);
    assert_eq!(server.integer("DBSIZE"), 50, "KEYS only reads");
    for _ in 0..20 {
        let key = server.text("RANDOMKEY");
        assert!(key[4..].parse::<u32>().expect("a number") >= 40, "{key}");
    }
    assert_eq!(server.scan("0", "COUNT 1000").1.len(), 10);
    assert_eq!(server.integer("DBSIZE"), 10, "SCAN removes what it meets");
    assert_eq!(server.text("DEBUG OBJECT key:0"), "ERR no such key");
}

#[test]
fn randomkey_ends_when_all_keys_have_expired() {
    let mut server = Server::new();
    fill(&mut server, 0..100);
    (0..100).for_each(|name| assert_eq!(server.integer(&format!("PEXPIRE key:{name} 1")), 1));
    server.now_ms += 2;
    assert!(server.is_null("RANDOMKEY"));
    assert_eq!(server.integer("DBSIZE"), 0);
}

#[test]
fn randomkey_reaches_every_key_of_every_shard() {
    let mut server = Server::new();
    fill(&mut server, 0..32);
    let seen: BTreeSet<String> = (0..2000).map(|_| server.text("RANDOMKEY")).collect();
    assert_eq!(seen.len(), 32);
}

#[test]
fn renaming_copying_and_moving_across_shards_keeps_values() {
    let mut server = Server::new();
    for from in 0..12 {
        for to in 0..12 {
            server.text("FLUSHALL");
            let (from, to) = (format!("from:{from}"), format!("to:{to}"));
            server.text(&format!("SET {from} value"));
            server.integer(&format!("PEXPIREAT {from} {}", START_MS + 5000));
            assert_eq!(server.integer(&format!("COPY {from} {to}")), 1);
            assert_eq!(server.integer(&format!("RENAMENX {from} {to}")), 0);
            assert_eq!(server.text(&format!("RENAME {from} {to}")), "OK");
            assert_eq!(server.integer(&format!("MOVE {to} 3")), 1);
            assert_eq!(server.integer("DBSIZE"), 0);
            server.text("SWAPDB 3 0");
            assert_eq!(server.text(&format!("GET {to}")), "value");
            assert_eq!(server.integer(&format!("PEXPIRETIME {to}")), START_MS as i64 + 5000);
            assert_eq!(server.integer(&format!("COPY {to} {from} DB 9")), 1);
            assert_eq!(server.integer("DBSIZE"), 1);
        }
    }
}

#[test]
fn a_target_that_expires_while_it_is_looked_at_does_not_disturb_the_source() {
    let mut server = Server::new();
    for name in 0..300 {
        server.text(&format!("SET a:{name} {name}"));
        server.text(&format!("SET b:{name} old"));
        server.integer(&format!("PEXPIRE b:{name} 10"));
    }
    server.now_ms += 20;
    for name in 0..300 {
        let command = if name % 2 == 0 { "RENAMENX" } else { "COPY" };
        assert_eq!(server.integer(&format!("{command} a:{name} b:{name}")), 1);
        assert_eq!(server.text(&format!("GET b:{name}")), name.to_string());
    }
}

#[test]
fn watch_sees_every_change_to_whole_keys() {
    let changes = [
        ("DEL k", true),
        ("UNLINK k", true),
        ("RENAME k other", true),
        ("RENAME source k", true),
        ("RENAMENX source k", false),
        ("COPY source k", false),
        ("COPY source k REPLACE", true),
        ("MOVE k 1", true),
        ("EXPIRE k 100", true),
        ("EXPIRE k -1", true),
        ("EXPIRE k 100 XX", false),
        ("PERSIST k", false),
        ("TOUCH k", false),
        ("FLUSHDB", true),
        ("FLUSHALL", true),
        ("SWAPDB 0 1", true),
        ("SWAPDB 0 0", false),
        ("SCAN 0 COUNT 100", false),
    ];
    for (change, seen) in changes {
        let mut server = Server::new();
        server.text("SET k v");
        server.text("SET source v");
        server.text("WATCH k");
        server.run(&words(change));
        server.text("MULTI");
        server.text("SET done 1");
        assert_eq!(server.is_null("EXEC"), seen, "{change}");
    }
}

#[test]
fn digests_depend_on_content_alone() {
    let (mut one, mut other) = (Server::new(), Server::new());
    fill(&mut one, 0..20);
    (0..20).rev().for_each(|name| fill(&mut other, name..name + 1));
    assert_eq!(one.text("DEBUG DIGEST"), other.text("DEBUG DIGEST"), "the order does not count");
    other.integer("EXPIRE key:3 100");
    assert_ne!(one.text("DEBUG DIGEST"), other.text("DEBUG DIGEST"), "that a key expires counts, as in Redis");
    other.integer("PERSIST key:3");
    other.integer("MOVE key:3 1");
    assert_ne!(one.text("DEBUG DIGEST"), other.text("DEBUG DIGEST"), "the database counts");
    other.text("SWAPDB 0 1");
    other.integer("MOVE key:3 1");
    other.text("SWAPDB 0 1");
    assert_eq!(one.text("DEBUG DIGEST"), other.text("DEBUG DIGEST"));
    other.text("RENAME key:3 key:33");
    assert_ne!(one.text("DEBUG DIGEST"), other.text("DEBUG DIGEST"), "the key counts");
    let digests = other.list("DEBUG DIGEST-VALUE key:33 key:4 missing");
    assert_eq!(digests[0], one.list("DEBUG DIGEST-VALUE key:3")[0], "the key does not count");
    assert_ne!(digests[0], digests[1], "the value counts");
    assert_eq!(digests[2], "0".repeat(40));
    one.text("FLUSHALL");
    assert_eq!(one.text("DEBUG DIGEST"), "0".repeat(40));
}

#[test]
fn idle_times_and_frequencies_follow_the_policy() {
    let mut server = Server::new();
    server.text("SET k v");
    server.now_ms += 42_000;
    assert_eq!(server.integer("OBJECT IDLETIME k"), 42);
    for asking in ["EXISTS k", "TTL k"] {
        server.integer(asking);
        assert_eq!(server.integer("OBJECT IDLETIME k"), 42, "{asking} only asks");
    }
    server.integer("TOUCH k");
    assert_eq!(server.integer("OBJECT IDLETIME k"), 0);
    assert!(server.text("OBJECT FREQ k").starts_with("ERR An LFU maxmemory policy is not selected"));

    server.settings.maxmemory_policy = EvictionPolicy::AllkeysLfu;
    // A new value alone would keep the clock, which is a time still.
    server.integer("DEL k");
    server.text("SET k v");
    assert_eq!(server.integer("OBJECT FREQ k"), 5);
    assert_eq!(server.integer("COPY k copy"), 1);
    assert_eq!(server.integer("OBJECT FREQ copy"), 5, "a copy starts anew");
    server.now_ms += 120_000;
    assert_eq!(server.integer("OBJECT FREQ k"), 4, "one is taken off each minute, after one access at the copy");
    assert!(server.text("OBJECT IDLETIME k").starts_with("ERR An LFU maxmemory policy is selected"));
}

#[test]
fn integers_count_as_shared_unless_each_needs_its_clock() {
    let mut server = Server::new();
    for (value, count) in [("0", 2_147_483_647), ("9999", 2_147_483_647), ("10000", 1), ("-1", 1), ("word", 1)] {
        server.text(&format!("SET k {value}"));
        assert_eq!(server.integer("OBJECT REFCOUNT k"), count, "{value}");
    }
    server.settings.maxmemory_bytes = 1 << 30;
    server.settings.maxmemory_policy = EvictionPolicy::AllkeysLru;
    server.text("SET k 0");
    assert_eq!(server.integer("OBJECT REFCOUNT k"), 1);
}

#[test]
fn debug_object_gives_an_address_that_stays_while_the_value_changes_in_place() {
    let mut server = Server::new();
    let address = |line: &str| line.split(' ').nth(1).map(str::to_owned);
    server.text("SET k 20000");
    let before = server.text("DEBUG OBJECT k");
    assert!(before.contains(" refcount:1 encoding:int serializedlength:3 lru:"), "{before}");
    server.text("SET k 20001");
    assert_eq!(address(&server.text("DEBUG OBJECT k")), address(&before));
    for (value, length) in [("-128", 2), ("-129", 3), ("32768", 5), ("2147483648", 11), ("word", 5)] {
        server.text(&format!("SET k {value}"));
        let line = server.text("DEBUG OBJECT k");
        assert!(line.contains(&format!("serializedlength:{length} ")), "{value}: {line}");
    }
}

#[test]
fn memory_figures_follow_the_data() {
    let mut server = Server::new();
    let total = |server: &mut Server| {
        let Value::Array(figures) = server.run(&["MEMORY", "STATS"]) else { panic!("not an array") };
        let place = figures.iter().position(|figure| text_is(figure, "total.allocated")).expect("the figure is there");
        match figures[place + 1] {
            Value::Integer(bytes) => bytes,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(total(&mut server), 0);
    server.run(&["SET", "k", &"x".repeat(10_000)]);
    let usage = server.integer("MEMORY USAGE k");
    assert!((10_000..10_100).contains(&usage), "{usage}");
    assert!(total(&mut server) >= usage);
    server.text("FLUSHALL");
    assert_eq!(total(&mut server), 0);
}

fn text_is(reply: &Value, expected: &str) -> bool {
    matches!(reply, Value::Bulk(bytes) if bytes == expected.as_bytes())
}

#[test]
fn debug_sleep_takes_any_number() {
    let mut server = Server::new();
    for seconds in ["0", "0.01", "-1", "abc", "inf", "-inf", "1e308", "nan"] {
        assert_eq!(server.text(&format!("DEBUG SLEEP {seconds}")), "OK", "{seconds}");
    }
}
