//! Pages for people: links that lead somewhere, commands that exist, and COMPATIBILITY.md as the table has it.

use std::collections::BTreeSet;

use larder_tests::compatibility;

use crate::files::{below, root};

#[test]
fn compatibility_is_up_to_date() {
    let page = compatibility::page().expect("the facts are complete");
    let old = std::fs::read_to_string(compatibility::path()).expect("COMPATIBILITY.md is there");
    if let Some(difference) = compatibility::first_difference(&old, &page) {
        panic!("{difference}\nrun: cargo run -p larder-tests --bin compatibility > COMPATIBILITY.md");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for page in below("", ".md") {
        let folder = root().join(&page.path).parent().expect("a page lies in a folder").to_owned();
        for target in links(&page.text) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { root().join(&page.path) } else { folder.join(path) };
            let is_there = file.exists();
            let has_anchor = || {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                anchors(&text).contains(anchor)
            };
            if !is_there || !(anchor.is_empty() || has_anchor()) {
                broken.push(format!("{}: {target}", page.path));
            }
            count += 1;
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(count > 0, "the search finds no links any more");
}

/// Targets of the links within the repository.
fn links(text: &str) -> Vec<&str> {
    let ends = text.match_indices("](").map(|(at, mark)| &text[at + mark.len()..]);
    let targets =
        ends.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.split(' ').next().unwrap_or(""));
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The anchors GitHub gives to headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let lower = heading.to_lowercase();
        let kept = lower.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn make_targets_exist() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("there is a Makefile");
    let rules: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let mut named = BTreeSet::new();
    for page in below("", ".md") {
        named.extend(make_targets(&page.text).into_iter().map(|target| (page.path.clone(), target.to_owned())));
    }
    let missing: Vec<_> = named.iter().filter(|(_, target)| !rules.contains(target.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(named.len() > 1, "the search finds no targets any more");
}

/// `make x` between backticks or at the start of a line.
fn make_targets(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let code = line.split("`").skip(1).step_by(2).chain([line]);
        found.extend(code.filter_map(|code| code.strip_prefix("make ")?.split([' ', '`']).next()));
    }
    found.retain(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    found
}

#[test]
fn what_the_searches_find() {
    assert_eq!(links("[a](b.md#c) [d](https://e) ![f](g \"h\")"), ["b.md#c", "g"]);
    assert!(anchors("# A b\n## `C`, d-e!").is_superset(&["a-b".to_owned(), "c-d-e".to_owned()].into()));
    assert_eq!(
        make_targets("make run  # x\nsee `make test`, `make bench COMMANDS=1`; make it so"),
        ["run", "test", "bench"]
    );
}
