//! Large values go to a thread of their own, whatever removes them; small ones do not.

use std::time::{Duration, Instant};

use super::*;

/// Members that make a set large.
const MEMBERS: usize = 20_000;

fn run(driver: &mut Driver, words: &[&str]) -> String {
    let mut request = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| request.push_str(&format!("${}\r\n{word}\r\n", word.len())));
    driver.connection.input.feed(request.as_bytes());
    run_all(driver);
    String::from_utf8(std::mem::take(&mut driver.connection.out)).expect("text")
}

fn fill(driver: &mut Driver, key: &str) {
    let members: Vec<String> = (0..MEMBERS).map(|number| format!("member:{number}")).collect();
    for chunk in members.chunks(1000) {
        let words: Vec<&str> = ["SADD", key].into_iter().chain(chunk.iter().map(String::as_str)).collect();
        assert_eq!(run(driver, &words), ":1000\r\n");
    }
}

fn wait_for_freed(shared: &Shared, keys: u64) {
    let begun = Instant::now();
    while shared.freer.counts() != (0, keys) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", shared.freer.counts());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn whatever_removes_a_large_value_frees_it_in_the_background() {
    let shared = shared(Settings::default());
    let mut driver = driver(&shared);
    let removals: [(&[&str], &str); 6] = [
        (&["DEL", "s"], ":1\r\n"),
        (&["UNLINK", "s"], ":1\r\n"),
        (&["SET", "s", "v"], "+OK\r\n"),
        (&["PEXPIREAT", "s", "1"], ":1\r\n"),
        (&["SINTERSTORE", "s", "s", "none"], ":0\r\n"),
        (&["RENAME", "other", "s"], "+OK\r\n"),
    ];
    let mut freed = 0;
    for (words, reply) in removals {
        run(&mut driver, &["DEL", "s"]);
        run(&mut driver, &["SET", "other", "v"]);
        fill(&mut driver, "s");
        assert_eq!(run(&mut driver, words), reply, "{words:?}");
        freed += 1;
        wait_for_freed(&shared, freed);
    }
    run(&mut driver, &["SADD", "small", "a", "b"]);
    run(&mut driver, &["DEL", "small"]);
    wait_for_freed(&shared, freed);
    let info = run(&mut driver, &["INFO", "memory"]);
    assert!(info.contains("lazyfree_pending_objects:0\r\nlazyfreed_objects:6\r\n"), "{info}");
}

#[test]
fn emptied_databases_are_freed_in_the_background() {
    const KEYS: usize = 50_000;
    let shared = shared(Settings::default());
    let mut driver = driver(&shared);
    for number in 0..KEYS {
        run(&mut driver, &["SET", &format!("key:{number}"), "v"]);
    }
    assert_eq!(run(&mut driver, &["FLUSHALL"]), "+OK\r\n");
    assert_eq!(run(&mut driver, &["DBSIZE"]), ":0\r\n");
    wait_for_freed(&shared, KEYS as u64);
}

#[test]
fn expiry_in_the_background_hands_over_too() {
    let shared = shared(Settings::default());
    let mut driver = driver(&shared);
    fill(&mut driver, "s");
    assert_eq!(run(&mut driver, &["PEXPIRE", "s", "5"]), ":1\r\n");
    std::thread::sleep(Duration::from_millis(20));
    for id in 0..shared.shard_count() {
        shared.tick(id);
    }
    wait_for_freed(&shared, 1);
}
