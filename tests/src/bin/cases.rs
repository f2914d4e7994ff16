//! Runs the text cases of `tests/cases` on every target and says what passed.
//!
//! `cases [--target NAME]… [--filter TEXT] [--list]`; the exit code is 1 when anything failed.

use larder_tests::case_file::{self, Case};
use larder_tests::targets::run::{Outcome, run};
use larder_tests::targets::{Row, TARGETS, Target};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// Most failures that are printed per target; the counts are always complete.
const SHOWN_FAILURES: usize = 40;
/// Most fresh starts of one target: a server that cannot be emptied at all must not cost a start per case.
const RESTART_LIMIT: usize = 20;

#[derive(Default)]
struct Arguments {
    targets: Vec<String>,
    filter: String,
    list: bool,
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: BTreeMap<String, usize>,
    failures: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = match parse_arguments() {
        Ok(arguments) => arguments,
        Err(message) => return refuse(&message),
    };
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases = match case_file::read_directory(&directory) {
        Ok(cases) => cases,
        Err(message) => return refuse(&message),
    };
    cases.retain(|case| full_title(case).contains(&arguments.filter));
    let rows: Vec<Row> = TARGETS.iter().copied().filter(|row| is_chosen(row, &arguments.targets)).collect();
    if arguments.list {
        list(&cases);
        return ExitCode::SUCCESS;
    }
    if cases.is_empty() || rows.is_empty() {
        return refuse("no case or no target has been chosen");
    }
    report(&cases, &rows, &run_all(&cases, &rows))
}

fn parse_arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--target" => arguments.targets.push(value()?),
            "--filter" => arguments.filter = value()?,
            "--list" => arguments.list = true,
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    for name in &arguments.targets {
        if !TARGETS.iter().any(|row| case_file::names(name, row.name)) {
            let known: Vec<&str> = TARGETS.iter().map(|row| row.name).collect();
            return Err(format!("no target {name}; there are {}", known.join(" ")));
        }
    }
    Ok(arguments)
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("cases: {message}");
    ExitCode::from(2)
}

fn is_chosen(row: &Row, names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|name| case_file::names(name, row.name))
}

fn full_title(case: &Case) -> String {
    format!("{}: {}", case.family, case.title)
}

fn list(cases: &[Case]) {
    for case in cases {
        println!("{}", full_title(case));
        for (target, reason) in &case.exceptions {
            println!("    not on {target}: {reason}");
        }
    }
    println!("{} cases", cases.len());
}

/// Every target has its own thread: most of their time is waiting for clocks.
fn run_all(cases: &[Case], rows: &[Row]) -> Vec<Tally> {
    std::thread::scope(|scope| {
        let running: Vec<_> = rows.iter().map(|row| scope.spawn(move || run_target(cases, row))).collect();
        running
            .into_iter()
            .map(|thread| {
                thread.join().unwrap_or_else(|_| Tally {
                    failed: 1,
                    failures: vec!["the target panicked".into()],
                    ..Tally::default()
                })
            })
            .collect()
    })
}

fn run_target(cases: &[Case], row: &Row) -> Tally {
    let mut tally = Tally::default();
    let mut target = match (row.start)() {
        Ok(target) => target,
        Err(reason) => {
            tally.fail(format!("cannot start: {reason}"));
            return tally;
        }
    };
    let mut restarts = 0;
    for case in cases {
        let mut outcome = run_caught(case, row, &mut *target);
        // A failed case may leave a password, a pause or a panic behind: go on with a fresh start.
        let spoilt = matches!(outcome, Outcome::NotReady(_) | Outcome::Panicked);
        if spoilt
            && restarts < RESTART_LIMIT
            && let Ok(fresh) = (row.start)()
        {
            restarts += 1;
            target = fresh;
            if outcome != Outcome::Panicked {
                outcome = run_caught(case, row, &mut *target);
            }
        }
        tally.count(case, outcome);
    }
    tally
}

/// A panic of the engine in this process is a failure of one case, not of all.
fn run_caught(case: &Case, row: &Row, target: &mut dyn Target) -> Outcome {
    let running = std::panic::AssertUnwindSafe(|| run(case, row.name, target));
    std::panic::catch_unwind(running).unwrap_or(Outcome::Panicked)
}

impl Tally {
    fn count(&mut self, case: &Case, outcome: Outcome) {
        let (line, message) = match outcome {
            Outcome::Passed => {
                self.passed += 1;
                return;
            }
            Outcome::Skipped(reason) => {
                *self.skipped.entry(reason).or_default() += 1;
                return;
            }
            Outcome::Failed(line, message) => (line, message),
            Outcome::Panicked => (case.line, "the target panicked".to_owned()),
            Outcome::NotReady(message) => (case.line, format!("cannot start the case: {message}")),
        };
        let (family, title) = (&case.family, &case.title);
        self.fail(format!("tests/cases/{family}.txt:{line}: {title}\n  {message}"));
    }

    fn fail(&mut self, failure: String) {
        self.failed += 1;
        self.failures.push(failure);
    }
}

fn report(cases: &[Case], rows: &[Row], tallies: &[Tally]) -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for (row, tally) in rows.iter().zip(tallies) {
        for failure in tally.failures.iter().take(SHOWN_FAILURES) {
            println!("FAILED {} {failure}", row.name);
        }
        passed += tally.passed;
        failed += tally.failed;
    }
    for (row, tally) in rows.iter().zip(tallies) {
        let skipped: usize = tally.skipped.values().sum();
        println!("{:12} {} passed, {} failed, {skipped} skipped", row.name, tally.passed, tally.failed);
        for (reason, count) in &tally.skipped {
            println!("             {count} skipped: {reason}");
        }
    }
    println!("{passed} passed, {failed} failed");
    println!("cases {}, targets {}, passed {passed}, failed {failed}", cases.len(), rows.len());
    ExitCode::from(u8::from(failed > 0))
}
