//! The figures of the wasm build, which its own `bench.mjs` measures.

use std::path::PathBuf;

use serde_json::Value;

use crate::bench::generator::{bounded, run};

/// What `wasm/npm/bench.mjs` measures: objects with `name` and `ns`. None without that file.
pub fn measure() -> Result<Option<Vec<Value>>, String> {
    let script = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../wasm/npm/bench.mjs"));
    if !script.exists() {
        return Ok(None);
    }
    let mut command = bounded("node");
    command.arg(script);
    let figures = parse(&run(command)?);
    if figures.is_empty() {
        return Err("bench.mjs printed no {\"name\", \"ns\"} line".to_owned());
    }
    Ok(Some(figures))
}

/// The lines that are figures; the script may print others for people.
fn parse(output: &str) -> Vec<Value> {
    output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|figure| figure["name"].is_string() && figure["ns"].is_number())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_are_left_out() {
        let figures = parse("warming up\n{\"name\":\"get\",\"ns\":81.5}\n{\"name\":\"set\"}\n[1]\n");
        assert_eq!(figures.len(), 1);
        assert_eq!(figures[0]["ns"], 81.5);
    }
}
