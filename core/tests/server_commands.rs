//! CLIENT, INFO and COMMAND through the engine, where a text case cannot look closely enough.

use larder_core::command::{describe::CATEGORY_NAMES, registry};
use larder_core::engine::Engine;
use larder_core::session::ClientId;

const NOW_MS: u64 = 1_700_000_000_000;

/// Sends inline commands and answers the reply bytes as text.
fn send(engine: &mut Engine, client: ClientId, commands: &str) -> String {
    let mut out = Vec::new();
    let input = commands.replace('\n', "\r\n") + "\r\n";
    engine.exec(client, input.as_bytes(), NOW_MS, &mut out);
    String::from_utf8(out).expect("replies of these tests are text")
}

fn engine() -> (Engine, ClientId) {
    let mut engine = Engine::new(1, NOW_MS);
    let client = engine.open(NOW_MS);
    (engine, client)
}

#[test]
fn client_reply_modes_as_redis_mixes_them() {
    for (commands, replies) in [
        ("CLIENT REPLY SKIP\nPING\nPING", "+PONG\r\n"),
        ("CLIENT REPLY SKIP\nCLIENT REPLY SKIP\nPING\nPING", "+PONG\r\n"),
        ("CLIENT REPLY SKIP\nCLIENT REPLY OFF\nPING\nPING\nCLIENT REPLY ON\nPING", "+OK\r\n+PONG\r\n"),
        ("CLIENT REPLY OFF\nCLIENT REPLY SKIP\nPING\nCLIENT REPLY ON\nPING", "+OK\r\n+PONG\r\n"),
        ("CLIENT REPLY SKIP\nCLIENT REPLY ON\nPING", "+OK\r\n+PONG\r\n"),
        ("CLIENT REPLY SKIP\nNOSUCH\nPING", "+PONG\r\n"),
        ("CLIENT REPLY SKIP\nCLIENT REPLY FOO\nPING", "+PONG\r\n"),
    ] {
        let (mut engine, client) = engine();
        assert_eq!(send(&mut engine, client, commands), replies, "{commands}");
    }
}

#[test]
fn client_info_counts_its_own_request() {
    let (mut engine, client) = engine();
    let mut out = Vec::new();
    engine.exec(client, b"*2\r\n$6\r\nclient\r\n$4\r\nlist\r\n", NOW_MS + 5000, &mut out);
    let line = String::from_utf8(out).expect("a line of text");
    assert!(line.contains(" age=5 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=26 "), "{line}");
    assert!(line.contains(" argv-mem=10 multi-mem=0 "), "{line}");
    assert!(line.ends_with(" cmd=client|list user=default redir=-1 resp=2 lib-name= lib-ver=\n\r\n"), "{line}");
}

#[test]
fn client_filters_are_joined_by_and() {
    let (mut engine, one) = engine();
    let two = engine.open(NOW_MS - 60_000);
    send(&mut engine, two, "CLIENT SETNAME two\nSELECT 3");
    let listed = |engine: &mut Engine, filter: &str| send(engine, one, filter).matches("id=").count();
    assert_eq!(listed(&mut engine, "CLIENT LIST"), 2);
    assert_eq!(listed(&mut engine, "CLIENT LIST SKIPME yes"), 1);
    assert_eq!(listed(&mut engine, "CLIENT LIST NAME two DB 3 MAXAGE 60"), 1);
    assert_eq!(listed(&mut engine, "CLIENT LIST NAME two DB 2"), 0);
    assert_eq!(listed(&mut engine, "CLIENT LIST MAXAGE 61"), 0);
    assert_eq!(listed(&mut engine, &format!("CLIENT LIST ID {two} {one} {two} NAME two")), 2);
    assert_eq!(send(&mut engine, one, "CLIENT KILL NAME two DB 2"), ":0\r\n");
    assert_eq!(send(&mut engine, one, "CLIENT KILL NAME two DB 3"), ":1\r\n");
    assert!(!engine.is_open(two) && engine.is_open(one));
    assert_eq!(send(&mut engine, one, "CLIENT KILL engine:1"), "+OK\r\n");
    assert!(!engine.is_open(one));
}

#[test]
fn a_pause_only_grows_while_it_lasts() {
    let (mut engine, client) = engine();
    send(&mut engine, client, "CLIENT PAUSE 1000 WRITE\nCLIENT PAUSE 500 WRITE");
    let mut out = Vec::new();
    engine.exec(client, b"SET k v\r\n", NOW_MS + 999, &mut out);
    assert!(out.is_empty());
    engine.exec(client, b"", NOW_MS + 1000, &mut out);
    assert_eq!(out, b"+OK\r\n");
}

#[test]
fn info_shows_each_asked_section_once_and_in_order() {
    let (mut engine, client) = engine();
    let headings = |engine: &mut Engine, command: &str| -> Vec<String> {
        let text = send(engine, client, command);
        text.lines().filter_map(|line| line.strip_prefix("# ").map(str::to_owned)).collect()
    };
    assert_eq!(headings(&mut engine, "INFO keyspace SERVER keyspace nosuch"), ["Server", "Keyspace"]);
    let default = headings(&mut engine, "INFO");
    assert_eq!(default, headings(&mut engine, "INFO default"));
    assert!(default.contains(&"Modules".to_owned()) && !default.contains(&"Commandstats".to_owned()));
    let all = headings(&mut engine, "INFO all");
    assert!(!all.contains(&"Modules".to_owned()) && all.contains(&"Commandstats".to_owned()));
    let mut everything = headings(&mut engine, "INFO everything");
    assert_eq!(headings(&mut engine, "INFO default commandstats all"), everything);
    everything.retain(|heading| heading != "Modules");
    assert_eq!(all, everything);
}

/// redis-cli looks for the first place a name appears at.
#[test]
fn names_inside_other_names_come_first() {
    let (mut engine, client) = engine();
    let text = send(&mut engine, client, "INFO everything");
    for name in ["used_memory", "loading", "role", "maxmemory", "connected_clients", "total_commands_processed"] {
        let field = text.find(&format!("\n{name}:")).unwrap_or_else(|| panic!("no {name}")) + 1;
        assert_eq!(text.find(name), Some(field), "{name}");
    }
}

#[test]
fn statistics_of_one_pipeline_are_complete() {
    let (mut engine, client) = engine();
    let text =
        send(&mut engine, client, "SET k v\nGET k\nGET no\nCONFIG RESETSTAT\nINCR k\nGET k\nINFO stats\nINFO all");
    for line in [
        "errorstat_ERR:count=1",
        "total_error_replies:1",
        "keyspace_hits:1\r\nkeyspace_misses:0",
        "rdb_changes_since_last_save:1",
        "cmdstat_config|resetstat:calls=1,",
        "cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1",
        "cmdstat_get:calls=1,",
    ] {
        assert!(text.contains(&format!("\n{line}")), "{line} in {text}");
    }
    assert!(!text.contains("cmdstat_set:"), "{text}");
}

#[test]
fn the_average_ttl_comes_from_the_keys() {
    let (mut engine, client) = engine();
    let text = send(&mut engine, client, "SET a 1 PX 5000\nSET b 1 PX 5000\nSET c 1\nINFO keyspace");
    assert!(text.contains("\ndb0:keys=3,expires=2,avg_ttl=5000\r\n"), "{text}");
}

#[test]
fn settings_of_one_transaction_add_up() {
    let (mut engine, client) = engine();
    send(&mut engine, client, "MULTI\nCONFIG SET maxmemory-samples 7\nCONFIG SET lfu-decay-time 3\nEXEC");
    let text = send(&mut engine, client, "CONFIG GET maxmemory-samples lfu-decay-time");
    assert!(text.contains("$1\r\n7\r\n") && text.contains("$1\r\n3\r\n"), "{text}");
}

#[test]
fn every_row_can_be_described() {
    let (mut engine, client) = engine();
    for command in ["COMMAND", "COMMAND DOCS", "HELLO 3", "COMMAND", "COMMAND DOCS", "COMMAND LIST"] {
        let text = send(&mut engine, client, command);
        assert!(!text.starts_with('-'), "{command}: {text}");
    }
    for id in registry().iter() {
        let (row, name) = (id.row(), id.full_name());
        assert!(!row.summary.is_empty() && row.summary.ends_with('.'), "{name} has a sentence as its summary");
        let unnamed = CATEGORY_NAMES.iter().fold(row.acl_categories(), |rest, (category, _)| rest - *category);
        assert!(unnamed.is_empty(), "{name}");
        if !row.subcommands.is_empty() {
            assert!(registry().find_subcommand(id, b"help").is_some(), "{name} has a HELP");
        }
    }
}

#[test]
fn silent_commands_of_a_transaction_keep_the_shape_of_its_reply() {
    for (mode, after) in [("SKIP", ""), ("OFF", "")] {
        let (mut engine, client) = engine();
        let commands = format!("MULTI\nCLIENT REPLY {mode}\nECHO one\nEXEC");
        let reply = send(&mut engine, client, &commands);
        assert_eq!(reply, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$-1\r\n$3\r\none\r\n", "{mode}");
        assert_eq!(send(&mut engine, client, "PING"), after, "{mode} holds for what follows");
    }
}

#[test]
fn no_setting_makes_strings_longer_than_requests_can_be() {
    let (mut engine, client) = engine();
    assert_eq!(send(&mut engine, client, "CONFIG SET proto-max-bulk-len 9223372036854775807"), "+OK\r\n");
    for command in ["SETRANGE k 9223372036854775000 x", "SETRANGE k 4294967296 x", "SETBIT k 34359738368 1"] {
        let reply = send(&mut engine, client, command);
        assert!(reply.starts_with("-ERR "), "{command}: {reply}");
    }
    assert!(send(&mut engine, client, "BITFIELD k SET u8 9223372036854775800 1").starts_with("-ERR "));
    assert_eq!(send(&mut engine, client, "EXISTS k"), ":0\r\n");
}

#[test]
fn what_a_client_watches_is_bounded() {
    let (mut engine, client) = engine();
    let name = "k".repeat(60_000);
    let refused = (0..2000).find(|number| {
        let reply = send(&mut engine, client, &format!("WATCH {name}{number}"));
        reply != "+OK\r\n"
    });
    assert!((400..1200).contains(&refused.expect("there must be a bound")));
    assert_eq!(send(&mut engine, client, "UNWATCH\nWATCH k k k"), "+OK\r\n+OK\r\n");
    let listed = send(&mut engine, client, "CLIENT INFO");
    assert!(listed.contains(" multi=-1 "), "{listed}");
}

#[test]
fn queued_commands_are_charged_for_their_place_in_the_queue() {
    let (mut engine, client) = engine();
    let other = engine.open(NOW_MS);
    send(&mut engine, client, &format!("MULTI{}", "\nPING".repeat(1000)));
    let listed = send(&mut engine, other, "CLIENT LIST");
    let bytes = listed.split("multi-mem=").nth(1).and_then(|rest| rest.split(' ').next()).expect("the field");
    assert!(bytes.parse::<usize>().expect("a number") >= 1000 * 50, "{listed}");
}
