//! The results as a table for people and as JSON for later comparisons.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::bench::bars::{BARS, Bar, Figure, Verdict};
use crate::bench::options::Options;
use crate::bench::sample::{Comparison, Sample};
use crate::bench::stall::Waits;

/// Less server CPU time than this is marked: the kernel counts it in steps of 10 ms.
const TRUSTED_CPU_SECONDS: f64 = 2.0;

/// Everything a run found out.
#[derive(Debug, Default)]
pub struct Results {
    /// Machine and versions.
    pub machine: Value,
    /// `redis-benchmark` rows.
    pub commands: Vec<Comparison<Sample>>,
    /// Bytes per key.
    pub memory: Vec<Comparison<f64>>,
    /// What pings waited while a key grew.
    pub stalls: Vec<Comparison<Waits>>,
    /// Figures of the rows about the log and snapshots.
    pub persistence: Vec<(Figure, Comparison<f64>)>,
    /// `wrk` rows.
    pub rest: Vec<Comparison<Sample>>,
    /// What the wasm build's own benchmark printed.
    pub wasm: Vec<Value>,
    /// Rows that could not be measured, and why.
    pub failures: Vec<(&'static str, String)>,
}

impl Results {
    /// The table.
    pub fn text(&self, options: &Options) -> String {
        let mut text = String::new();
        self.write_text(options, &mut text).expect("writing to a string does not fail");
        text
    }

    /// The same figures, with every round, for programs.
    pub fn json(&self, options: &Options, unix_seconds: u64) -> Value {
        json!({
            "unix_seconds": unix_seconds,
            "machine": self.machine,
            "options": {
                "quick": options.quick,
                "self": options.against_itself,
                "rounds": options.rounds,
            },
            "commands": self.commands.iter().map(samples_json).collect::<Vec<_>>(),
            "memory": self.memory.iter().map(memory_json).collect::<Vec<_>>(),
            "stalls": self.stalls.iter().map(stall_json).collect::<Vec<_>>(),
            "persistence": self.persistence.iter().map(persistence_json).collect::<Vec<_>>(),
            "rest": self.rest.iter().map(samples_json).collect::<Vec<_>>(),
            "wasm": self.wasm,
            "bars": self.bars_json(options),
            "failures": self.failures.iter()
                .map(|(row, why)| json!({"row": row, "why": why}))
                .collect::<Vec<_>>(),
        })
    }

    /// Writes the JSON to `target/bench/<unix seconds>.json` and `latest.json`, and returns the first path.
    pub fn save(&self, options: &Options) -> Result<PathBuf, String> {
        let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let text = format!("{:#}\n", self.json(options, unix_seconds));
        let directory = directory();
        let path = directory.join(format!("{unix_seconds}.json"));
        fs::create_dir_all(&directory)
            .and_then(|()| fs::write(&path, &text))
            .and_then(|()| fs::write(directory.join("latest.json"), &text))
            .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        Ok(path)
    }

    /// Nothing where Larder was not measured.
    fn bars_json(&self, options: &Options) -> Vec<Value> {
        if options.against_itself {
            return Vec::new();
        }
        BARS.iter().map(|bar| bar_json(bar, bar.verdict(self))).collect()
    }

    fn write_text(&self, options: &Options, text: &mut String) -> std::fmt::Result {
        for (name, value) in self.machine.as_object().into_iter().flatten() {
            let value = value.as_str().map_or(value.to_string(), str::to_owned);
            writeln!(text, "{name:16} {value}")?;
        }
        let (subject, reference) = if options.against_itself { ("redis", "redis") } else { ("larder", "redis") };
        if !self.commands.is_empty() {
            write_samples(text, "commands", (subject, reference), &self.commands)?;
        }
        if !self.memory.is_empty() {
            write_memory(text, (subject, reference), &self.memory)?;
        }
        if !self.stalls.is_empty() {
            write_stalls(text, (subject, reference), &self.stalls)?;
        }
        if !self.persistence.is_empty() {
            write_persistence(text, (subject, reference), &self.persistence)?;
        }
        if !self.rest.is_empty() {
            let subject = if options.against_itself { "bare" } else { "larder" };
            write_samples(text, "REST", (subject, "bare"), &self.rest)?;
        }
        if !self.wasm.is_empty() {
            writeln!(text, "\nwasm")?;
        }
        for figure in &self.wasm {
            let name = figure["name"].as_str().unwrap_or_default();
            writeln!(text, "{name:32} {:>10} ns", figure["ns"])?;
        }
        for (row, why) in &self.failures {
            writeln!(text, "\nFAILED {row}: {why}")?;
        }
        write_bars(text, self, options)
    }
}

fn write_samples(
    text: &mut String,
    title: &str,
    (subject, reference): (&str, &str),
    rows: &[Comparison<Sample>],
) -> std::fmt::Result {
    writeln!(text, "\n{title:18}{:^26} {:^26} {:^16} {:^16}", "server CPU us/op", "thousand op/s", "p50 ms", "p99 ms")?;
    write!(text, "{:18}", "")?;
    for _ in 0..2 {
        write!(text, "{subject:>8} {reference:>8} {:>8} ", "ratio")?;
    }
    for _ in 0..2 {
        write!(text, "{subject:>8} {reference:>7} ")?;
    }
    writeln!(text)?;
    let mut marked = false;
    for row in rows {
        let few = row.rounds.iter().any(|(a, b)| a.cpu_seconds.min(b.cpu_seconds) < TRUSTED_CPU_SECONDS);
        marked |= few;
        writeln!(
            text,
            "{:18}{:8.3} {:8.3} {:7.3}{} {:8.1} {:8.1} {:8.3} {:8.3} {:7.3} {:8.3} {:7.3}",
            row.row,
            row.subject(|s| s.cpu_us),
            row.reference(|s| s.cpu_us),
            row.ratio(|s| s.cpu_us),
            if few { '~' } else { ' ' },
            row.subject(|s| s.per_second) / 1e3,
            row.reference(|s| s.per_second) / 1e3,
            row.ratio(|s| s.per_second),
            row.subject(|s| s.p50_ms),
            row.reference(|s| s.p50_ms),
            row.subject(|s| s.p99_ms),
            row.reference(|s| s.p99_ms),
        )?;
    }
    if marked {
        writeln!(text, "~ less than {TRUSTED_CPU_SECONDS} s of server CPU time in a round: coarse")?;
    }
    Ok(())
}

fn write_memory(text: &mut String, (subject, reference): (&str, &str), rows: &[Comparison<f64>]) -> std::fmt::Result {
    writeln!(text, "\n{:18}{subject:>8} {reference:>8} {:>8}", "bytes per item", "ratio")?;
    for row in rows {
        let (a, b) = (row.subject(|v| *v), row.reference(|v| *v));
        writeln!(text, "{:18}{a:8.1} {b:8.1} {:8.3}", row.row, row.ratio(|v| *v))?;
    }
    Ok(())
}

fn write_stalls(text: &mut String, (subject, reference): (&str, &str), rows: &[Comparison<Waits>]) -> std::fmt::Result {
    writeln!(
        text,
        "\n{:18}{:^17} {:^17} {:^17} {:^17}",
        "pings while a", "p50 ms", "p99.9 ms", "max ms", "thousand writes/s"
    )?;
    write!(text, "{:18}", "key grows")?;
    for _ in 0..4 {
        write!(text, "{subject:>8} {reference:>8} ")?;
    }
    writeln!(text)?;
    for row in rows {
        write!(text, "{:18}", row.row)?;
        let figures: [fn(&Waits) -> f64; 4] = [|w| w.p50_ms, |w| w.p999_ms, |w| w.max_ms, |w| w.per_second / 1e3];
        for figure in figures {
            write!(text, "{:8.3} {:8.3} ", row.subject(figure), row.reference(figure))?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn write_persistence(
    text: &mut String,
    (subject, reference): (&str, &str),
    figures: &[(Figure, Comparison<f64>)],
) -> std::fmt::Result {
    writeln!(text, "\n{:18}{:32}{subject:>12} {reference:>12} {:>8}", "log and snapshots", "", "ratio")?;
    for (figure, row) in figures {
        let (a, b) = (row.subject(|v| *v), row.reference(|v| *v));
        writeln!(text, "{:18}{:32}{a:12.3} {b:12.3} {:8.3}", row.row, figure.label(), row.ratio(|v| *v))?;
    }
    Ok(())
}

fn write_bars(text: &mut String, results: &Results, options: &Options) -> std::fmt::Result {
    writeln!(text, "\nbars")?;
    if options.against_itself {
        return writeln!(text, "not applied: --self measures the noise, not Larder");
    }
    for bar in BARS {
        let (verdict, value) = verdict_words(bar.verdict(results));
        let value = value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        writeln!(
            text,
            "{verdict:13}{:18}{:32}{value:>8} {} {}",
            bar.name,
            bar.figure.label(),
            bar.figure.relation(),
            bar.bound
        )?;
    }
    if options.quick {
        writeln!(text, "a quick run shows that it works, not how fast")?;
    }
    Ok(())
}

fn verdict_words(verdict: Verdict) -> (&'static str, Option<f64>) {
    match verdict {
        Verdict::Ok(value) => ("ok", Some(value)),
        Verdict::Missed(value) => ("MISSED", Some(value)),
        Verdict::NotMeasured => ("not measured", None),
    }
}

fn bar_json(bar: &Bar, verdict: Verdict) -> Value {
    let (words, value) = verdict_words(verdict);
    json!({
        "row": bar.name,
        "figure": bar.figure.label(),
        "relation": bar.figure.relation(),
        "bound": bar.bound,
        "value": value,
        "verdict": words,
    })
}

fn samples_json(row: &Comparison<Sample>) -> Value {
    let rounds: Vec<_> =
        row.rounds.iter().map(|(a, b)| json!({"subject": sample_json(a), "reference": sample_json(b)})).collect();
    json!({
        "row": row.row,
        "cpu_us": side_json(row, |s| s.cpu_us),
        "per_second": side_json(row, |s| s.per_second),
        "p50_ms": side_json(row, |s| s.p50_ms),
        "p99_ms": side_json(row, |s| s.p99_ms),
        "rounds": rounds,
    })
}

fn memory_json(row: &Comparison<f64>) -> Value {
    let rounds: Vec<_> = row.rounds.iter().map(|(a, b)| json!({"subject": a, "reference": b})).collect();
    json!({"row": row.row, "bytes_per_key": side_json(row, |v| *v), "rounds": rounds})
}

fn persistence_json((figure, row): &(Figure, Comparison<f64>)) -> Value {
    let rounds: Vec<_> = row.rounds.iter().map(|(a, b)| json!({"subject": a, "reference": b})).collect();
    json!({"row": row.row, "figure": figure.label(), "values": side_json(row, |v| *v), "rounds": rounds})
}

fn stall_json(row: &Comparison<Waits>) -> Value {
    json!({
        "row": row.row,
        "p50_ms": side_json(row, |w| w.p50_ms),
        "p999_ms": side_json(row, |w| w.p999_ms),
        "max_ms": side_json(row, |w| w.max_ms),
        "per_second": side_json(row, |w| w.per_second),
    })
}

fn side_json<T>(row: &Comparison<T>, figure: impl Fn(&T) -> f64 + Copy) -> Value {
    json!({
        "subject": row.subject(figure),
        "reference": row.reference(figure),
        "ratio": row.ratio(figure),
    })
}

fn sample_json(sample: &Sample) -> Value {
    json!({
        "cpu_seconds": sample.cpu_seconds,
        "cpu_us": sample.cpu_us,
        "per_second": sample.per_second,
        "p50_ms": sample.p50_ms,
        "p99_ms": sample.p99_ms,
    })
}

/// `target/bench`, wherever cargo's target directory is.
fn directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from)
        .join("bench")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let sample = |cpu_us| Sample { cpu_us, cpu_seconds: 3.0, per_second: 1e6, p50_ms: 0.5, p99_ms: 1.0 };
        Results {
            commands: vec![Comparison { row: "get-p16", rounds: vec![(sample(1.2), sample(1.5))] }],
            failures: vec![("rest-v1-get", "no route".to_owned())],
            ..Results::default()
        }
    }

    fn options(against_itself: bool) -> Options {
        Options { quick: false, against_itself, rounds: 1, rows: Vec::new() }
    }

    #[test]
    fn the_table_tells_figures_failures_and_missed_bars() {
        let text = results().text(&options(false));
        assert!(text.contains("1.200    1.500   0.800"), "{text}");
        assert!(text.contains("FAILED rest-v1-get: no route"), "{text}");
        assert!(text.contains("MISSED       get-p16"), "{text}");
        assert!(text.contains("not measured set-p16"), "{text}");
        assert!(!text.contains('~'), "{text}");
        assert!(!results().text(&options(true)).contains("MISSED"));
    }

    #[test]
    fn few_ticks_are_marked() {
        let mut results = results();
        results.commands[0].rounds[0].1.cpu_seconds = 1.99;
        assert!(results.text(&options(false)).contains("0.800~"));
    }

    #[test]
    fn json_holds_medians_and_rounds() {
        let json = results().json(&options(false), 7);
        assert_eq!(json["unix_seconds"], 7);
        assert_eq!(json["commands"][0]["cpu_us"]["subject"], 1.2);
        assert_eq!(json["commands"][0]["rounds"][0]["reference"]["cpu_us"], 1.5);
        assert_eq!(json["failures"][0]["row"], "rest-v1-get");
        assert_eq!(json["bars"].as_array().map(Vec::len), Some(BARS.len()));
        assert_eq!(results().json(&options(true), 7)["bars"], json!([]));
    }
}
