//! Runs the rows and says how they ended.

use std::collections::HashMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::aftermath::Before;
use super::gaps::GAPS;
use super::site::Site;
use super::{Fault, Place, Row, rows};

/// How a row ended.
struct Verdict {
    row: &'static Row,
    result: Result<u64, Fault>,
    absent: Vec<String>,
    took: Duration,
}

/// Runs the rows whose number or words contain one of the filters, all without filters. Prints one line a row, the
/// known gaps, and `N passed, N failed`.
pub fn run(filters: &[String]) -> ExitCode {
    let start = Instant::now();
    let wanted = |row: &&Row| filters.is_empty() || filters.iter().any(|f| row.id.contains(f) || row.what.contains(f));
    let (waiting, others): (Vec<_>, Vec<_>) = rows().filter(wanted).partition(|row| row.place == Place::Beside);
    let waiting: Vec<_> = waiting.into_iter().map(|row| std::thread::spawn(move || alone(row))).collect();
    let mut sites = HashMap::new();
    let mut verdicts: Vec<Verdict> = others.into_iter().map(|row| judge(row, &mut sites)).collect();
    for thread in waiting {
        match thread.join() {
            Ok(verdict) => {
                report(&verdict);
                verdicts.push(verdict);
            }
            Err(_) => return ExitCode::FAILURE,
        }
    }
    print_gaps(&verdicts);
    let failed = verdicts.iter().filter(|verdict| verdict.result.is_err()).count();
    say(&format!("{} passed, {failed} failed ({:.1} s)", verdicts.len() - failed, start.elapsed().as_secs_f64()));
    if failed == 0 && !verdicts.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A row on a server of its own.
fn alone(row: &'static Row) -> Verdict {
    let start = Instant::now();
    let site = Site::start(row.server);
    attack(row, start, site.as_ref())
}

/// A row in its turn. A shared server that died is replaced.
fn judge(row: &'static Row, sites: &mut HashMap<&'static [&'static str], Site>) -> Verdict {
    if row.place == Place::Fresh {
        let verdict = alone(row);
        report(&verdict);
        return verdict;
    }
    let start = Instant::now();
    sites.retain(|_, site| site.is_running());
    let site = match sites.entry(row.server) {
        std::collections::hash_map::Entry::Occupied(site) => Ok(site.into_mut()),
        std::collections::hash_map::Entry::Vacant(place) => Site::start(row.server).map(|site| place.insert(site)),
    };
    let verdict = attack(row, start, site.as_deref());
    report(&verdict);
    verdict
}

fn attack<E: ToString>(row: &'static Row, start: Instant, site: Result<&Site, E>) -> Verdict {
    let (result, absent) = match site {
        Ok(site) => (caught(row, site), site.take_absent()),
        Err(error) => (Err(error.to_string().into()), Vec::new()),
    };
    Verdict { row, result, absent, took: start.elapsed() }
}

/// A row that panics has failed, and the others run on.
fn caught(row: &Row, site: &Site) -> Result<u64, Fault> {
    let attempt = || -> Result<u64, Fault> {
        let before = Before::look(site)?;
        let result = (row.attack)(site);
        // Also after a failure: a server that died says more than a connection that was reset.
        let growth = before.compare(site, row);
        match (result, growth) {
            (Ok(()), growth) => growth,
            (Err(fault), Ok(_)) => Err(fault),
            (Err(fault), Err(after)) => Err(format!("{fault}; then {after}").into()),
        }
    };
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| Err("the test panicked".into()))
}

fn report(verdict: &Verdict) {
    let Verdict { row, result, took, .. } = verdict;
    let (word, note) = match result {
        Ok(growth) => ("ok  ", format!("{} ms, {:+.1} MiB", took.as_millis(), *growth as f64 / 1_048_576.0)),
        Err(fault) => ("FAIL", fault.to_string()),
    };
    say(&format!("{word} {} {} ({note})", row.id, row.what));
}

fn print_gaps(verdicts: &[Verdict]) {
    for gap in GAPS {
        say(&format!("skip {} {}: {}", gap.row, gap.part, gap.reason));
    }
    for verdict in verdicts.iter().filter(|verdict| !verdict.absent.is_empty()) {
        say(&format!("skip {} {}: no such command yet", verdict.row.id, verdict.absent.join(", ")));
    }
}

/// A closed standard output must not look like a failed attack.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
