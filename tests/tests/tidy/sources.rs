//! Absences in the source: what core never does, where `unsafe` and locks are, how large files get.

use std::collections::BTreeSet;

use larder_core::settings::PARAMETERS;
use larder_tests::compatibility::facts::{Effect, SETTINGS};

use crate::files::{File, below};

/// What core never names outside its tests, and what it would be for.
const FORBIDDEN_IN_CORE: &[(&str, &str)] = &[
    ("target_arch", "one behaviour everywhere"),
    ("target_family", "one behaviour everywhere"),
    ("target_feature", "one behaviour everywhere"),
    ("target_os", "one behaviour everywhere"),
    ("target_pointer_width", "one behaviour everywhere"),
    ("wasm_bindgen", "one behaviour everywhere"),
    ("cfg(unix", "one behaviour everywhere"),
    ("cfg(windows", "one behaviour everywhere"),
    ("not(unix", "one behaviour everywhere"),
    ("not(windows", "one behaviour everywhere"),
    ("Instant", "time comes in"),
    ("SystemTime", "time comes in"),
    ("RandomState", "randomness comes in"),
    ("std::fs", "files are the host's"),
    ("std::net", "sockets are the host's"),
    ("std::process", "the process is the host's"),
    ("std::thread", "threads are the host's"),
    ("thread_local!", "threads are the host's"),
    ("Mutex", "locks are the host's"),
    ("RwLock", "locks are the host's"),
    ("Condvar", "locks are the host's"),
    ("async fn", "core never awaits"),
    ("async move", "core never awaits"),
    ("async {", "core never awaits"),
    (".await", "core never awaits"),
];

/// Where `unsafe` may stand.
const UNSAFE: &[&str] =
    &["core/src/keyspace/entry.rs", "http-gateway/src/allocator.rs", "wasm/src/", "tests/src/bench/slow_flush.rs"];

/// Where locks may stand outside `http-gateway/src/host`, and why.
const LOCKS: &[(&str, &str)] = &[
    ("http-gateway/src/http/client.rs", "the session of one HTTP connection, which two requests of it could share"),
    ("http-gateway/src/logging.rs", "the log file, which the subscriber wants to share"),
    ("http-gateway/src/store/object/store.rs", "a store, which several threads use at once"),
];

/// Widest line in columns.
const COLUMNS: usize = 120;

/// Lines over [`COLUMNS`] that rustfmt leaves alone, to be brought down: the file and how many it may have.
const LONG_LINES: &[(&str, usize)] = &[
    ("core/src/bits.rs", 5),
    ("core/src/commands/scan.rs", 1),
    ("core/src/number.rs", 1),
    ("core/src/number/extended.rs", 1),
    ("core/tests/many_shards/every_command.rs", 1),
    ("tests/src/bench/rows.rs", 1),
    ("tests/src/differential/rules.rs", 1),
];

/// Longest file in lines.
const LINES: usize = 600;

/// Files over [`LINES`], and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// What a file says outside comments and tests. The parts of a test module in a file of its own are left out by name.
fn code(file: &File) -> Vec<(usize, &str)> {
    let is_test = file.path.ends_with("/tests.rs") || file.path.contains("/tests/");
    if is_test {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut lines = file.text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if line.trim() == "#[cfg(test)]" {
            // rustfmt closes an item where it began.
            let close = format!("{}}}", &line[..indent]);
            let is_block = lines.next().is_some_and(|(_, item)| item.trim_end().ends_with('{'));
            if is_block {
                lines.by_ref().find(|(_, line)| *line == close);
            }
            continue;
        }
        let code = line.split(" // ").next().unwrap_or(line);
        if !line.trim_start().starts_with("//") {
            found.push((at + 1, code));
        }
    }
    found
}

/// Whether a word stands in a line, not as a part of a longer one. A word that ends with `_` is a beginning.
fn names(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let ends = |word: &str| word.ends_with(|c: char| c.is_ascii_alphanumeric());
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word) && word.starts_with(is_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_word) && ends(word);
        !before && !after
    })
}

/// Places where one of the words stands in code.
fn places<'a>(files: &'a [File], word: &'a str) -> impl Iterator<Item = (&'a str, String)> {
    files.iter().flat_map(move |file| {
        let lines = code(file).into_iter().filter(|(_, line)| names(line, word));
        lines.map(|(number, line)| (file.path.as_str(), format!("{}:{number}: {}", file.path, line.trim())))
    })
}

#[test]
fn the_search_finds_code_and_nothing_else() {
    let text = "use std::fs;\n// std::fs\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n#[cfg(test)]\nmod more;\n\
                fn a() {} // std::fs\nlet std_fs = std::fs::read;\nMutexes\n";
    let files = [File { path: "core/src/a.rs".to_owned(), text: text.to_owned() }];
    let found = |word| places(&files, word).map(|(_, place)| place).collect::<Vec<_>>();
    assert_eq!(found("std::fs"), ["core/src/a.rs:1: use std::fs;", "core/src/a.rs:10: let std_fs = std::fs::read;"]);
    assert!(found("Mutex").is_empty());
    assert!(names("#[cfg(not(target_family = \"wasm\"))]", "target_") && !names("in_target_range", "target_"));
    assert!(names("x.await?", ".await") && !names("x.awaits", ".await"));
}

#[test]
fn core_is_pure() {
    let files = below("core/src", ".rs");
    let mut found = Vec::new();
    for (word, reason) in FORBIDDEN_IN_CORE {
        // A store serves the threads of its host at once: appending, flushing, a snapshot.
        let may_lock = |path: &str| *word == "Mutex" && path.starts_with("core/src/store/");
        found.extend(
            places(&files, word)
                .filter(|(path, _)| !may_lock(path))
                .map(|(_, place)| format!("{place}    ({word}: {reason})")),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn unsafe_stands_in_few_files() {
    let mut files = below("core", ".rs");
    for folder in ["http-gateway", "wasm", "tests"] {
        files.extend(below(folder, ".rs"));
    }
    let is_allowed = |path: &str| UNSAFE.iter().any(|allowed| path.starts_with(allowed));
    let found: Vec<_> = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "#[unsafe("]
        .iter()
        .flat_map(|word| places(&files, word).filter(|(path, _)| !is_allowed(path)).map(|(_, place)| place))
        // This file names them.
        .filter(|place| !place.starts_with("tests/tests/tidy/"))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(places(&files, "unsafe {").next().is_some(), "the search finds nothing any more");
}

#[test]
fn only_the_host_locks() {
    let files = below("http-gateway/src", ".rs");
    let is_allowed =
        |path: &str| path.starts_with("http-gateway/src/host/") || LOCKS.iter().any(|(file, _)| path == *file);
    let found: Vec<_> = ["Mutex", "RwLock", "Condvar"]
        .iter()
        .flat_map(|word| places(&files, word).filter(|(path, _)| !is_allowed(path)).map(|(_, place)| place))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    for (file, _) in LOCKS {
        assert!(
            places(&files, "Mutex").any(|(path, _)| path == *file),
            "{file} locks no more: take it out of the list"
        );
    }
}

#[test]
fn lines_are_no_wider_than_the_page() {
    let mut found = Vec::new();
    for file in below("", ".rs") {
        let allowed = LONG_LINES.iter().find(|(path, _)| *path == file.path).map_or(0, |(_, count)| *count);
        // A string that rustfmt cannot break is better whole.
        let lines = file.text.lines().enumerate();
        let wide = lines.filter(|(_, line)| line.chars().count() > COLUMNS && !line.contains('"'));
        let wide: Vec<String> = wide.map(|(at, _)| format!("{}:{}", file.path, at + 1)).collect();
        if wide.len() > allowed {
            found.extend(wide);
        }
    }
    assert!(found.is_empty(), "wider than {COLUMNS} columns:\n{}", found.join("\n"));
}

#[test]
fn files_stay_small() {
    let files: Vec<File> = ["core/src", "http-gateway/src"].iter().flat_map(|folder| below(folder, ".rs")).collect();
    let is_long = |file: &&File| file.text.lines().count() > LINES;
    let is_known = |file: &File| LONG_FILES.iter().any(|(path, _)| *path == file.path);
    let found: Vec<&str> =
        files.iter().filter(is_long).filter(|file| !is_known(file)).map(|file| file.path.as_str()).collect();
    assert!(found.is_empty(), "over {LINES} lines: {found:?}");
    for (path, _) in LONG_FILES {
        let file = files.iter().find(|file| file.path == *path);
        assert!(file.as_ref().is_some_and(is_long), "{path} is not long any more: take it out of the list");
    }
}

/// COMPATIBILITY.md says which settings do nothing: the code must agree.
#[test]
fn settings_without_effect_are_listed() {
    let mut files = below("core/src", ".rs");
    files.retain(|file| !file.path.starts_with("core/src/settings"));
    files.extend(["http-gateway/src", "wasm/src"].iter().flat_map(|folder| below(folder, ".rs")));
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut fields = BTreeSet::new();
    for (_, line) in files.iter().flat_map(code) {
        let words = line.split('.').skip(1).map(|rest| rest.split(|c| !is_word(c)).next().unwrap_or(""));
        fields.extend(words.map(str::to_owned));
    }
    for row in PARAMETERS {
        let units = ["", "_bytes", "_ms", "_us", "_seconds", "_minutes"];
        let used = units.iter().any(|unit| fields.contains(&format!("{}{unit}", row.name.replace('-', "_"))));
        let effect = SETTINGS.iter().find(|(name, _)| *name == row.name).map(|(_, effect)| effect);
        match effect {
            None => assert!(used, "{}: no code asks for it, so facts.rs must say what it waits for", row.name),
            Some(Effect::None(_)) => assert!(!used, "{}: code asks for it now: correct facts.rs", row.name),
            Some(Effect::Part(_)) => {}
        }
    }
}
