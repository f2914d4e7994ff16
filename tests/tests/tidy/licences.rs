//! Licences of what is built in or used to build.

use std::process::Command;

use serde_json::Value;

use crate::files::root;

/// What may be used: permissive, by their SPDX names.
const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Where the server runs. What is only for other platforms is never built; the engine for wasm32 has no dependencies
/// of its own.
const PLATFORMS: &[&str] = &["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"];

#[test]
fn every_dependency_has_an_allowed_licence() {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked"]).current_dir(root());
    PLATFORMS.iter().for_each(|platform| {
        command.args(["--filter-platform", platform]);
    });
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    assert!(packages.len() > 10, "the search finds no packages any more");
    let refused = packages.iter().filter(|package| !is_allowed(package["license"].as_str().unwrap_or("")));
    let refused: Vec<String> = refused.map(|it| format!("{}: {}", it["name"], it["license"])).collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Whether an SPDX expression lets one choose licences that are all allowed. `/` is an old spelling of OR.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words: Vec<&str> = spaced.split_whitespace().collect();
    words.reverse();
    any(&mut words) && words.is_empty()
}

/// `a AND b OR c`; the words stand in reverse. All parts are read even when the answer is known.
fn any(words: &mut Vec<&str>) -> bool {
    let mut allowed = all(words);
    while words.last() == Some(&"OR") {
        words.pop();
        allowed = all(words) || allowed;
    }
    allowed
}

fn all(words: &mut Vec<&str>) -> bool {
    let mut allowed = one(words);
    while words.last() == Some(&"AND") {
        words.pop();
        allowed = one(words) && allowed;
    }
    allowed
}

fn one(words: &mut Vec<&str>) -> bool {
    match words.pop() {
        Some("(") => any(words) && words.pop() == Some(")"),
        Some(licence) if words.last() == Some(&"WITH") => {
            words.pop();
            let exception = words.pop().unwrap_or_default();
            ALLOWED.contains(&format!("{licence} WITH {exception}").as_str())
        }
        Some(licence) => ALLOWED.contains(&licence),
        None => false,
    }
}

#[test]
fn expressions_are_understood() {
    for allowed in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT AND (GPL-3.0 OR MPL-2.0)", "MIT MIT", "MIT WITH x", "(MIT"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
