//! Lives one after the other: start, load, end, restart, comparison, second restart.
//!
//! A folder sees [`LIVES_PER_FOLDER`] lives, so that a restart begins with what earlier restarts and snapshots left.
//! Each folder's choices come from a seed of its own, the run's plus the folder's number.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::crash::child::{Child, Home};
use crate::crash::ledger::{Findings, Ledger, Observed};
use crate::crash::observe::{observe, remove_expiring};
use crate::crash::options::{Options, ServerKind};
use crate::crash::report::Report;
use crate::crash::writer::write_until_end;
use crate::differential::random::Random;
use crate::resp::Reply;
use crate::servers::larder_binary;

/// Connections that write at the same time.
const WRITERS: usize = 8;

/// Lives before a folder is given up for a new one.
const LIVES_PER_FOLDER: u32 = 20;

/// Folders with failures after which a run stops.
const MAX_FAILED_FOLDERS: u32 = 5;

/// How long a life lasts after its first acknowledgement, in milliseconds.
const LIFE_MS: (i64, i64) = (5, 150);

/// Lives of a hundred that end by SIGTERM, in a snapshot, and with a kill during the next start.
const STOP_PERCENT: usize = 5;
const SNAPSHOT_PERCENT: usize = 30;
const START_KILL_PERCENT: usize = 10;

/// Lives of a hundred after which `larder check` reads a copy of the data.
const CHECK_PERCENT: usize = 25;

/// Longest time between a snapshot's beginning and the kill, in microseconds.
const SNAPSHOT_MICROSECONDS: usize = 20_000;

/// Longest time to the kill of a child that starts, while no start has been measured.
const FIRST_START: Duration = Duration::from_millis(50);

/// How long the first acknowledgement of a life may take.
const ACKNOWLEDGE_DEADLINE: Duration = Duration::from_secs(10);

/// How soon a child ends after SIGTERM.
const STOP_BOUND: Duration = Duration::from_secs(1);

/// Problems of one life that are printed, and lines of the child's log.
const PROBLEMS_SHOWN: usize = 10;
const LOG_LINES_SHOWN: usize = 10;

/// Runs all lives and prints what is wrong as it is found.
///
/// # Errors
/// The machine lets no child run.
pub fn run(options: &Options) -> Result<Report, String> {
    let mut report = Report::new(options.clone());
    let mut failed_folders = 0;
    for folder in 0.. {
        let lives = LIVES_PER_FOLDER.min(options.lives - report.lives);
        if lives == 0 || failed_folders == MAX_FAILED_FOLDERS {
            break;
        }
        let seed = options.seed.wrapping_add(folder);
        let home = Home::create(&format!("{}-{seed}", options.policy))
            .map_err(|error| format!("cannot make a folder: {error}"))?;
        let before = report.lives;
        match Folder::new(options, &home, seed, &mut report).live(lives) {
            Ok(()) => home.remove(),
            Err(problems) => {
                failed_folders += 1;
                report.lives = report.lives.max(before + 1);
                report.failed_lives += 1;
                let replay = options.replay(seed, report.lives - before);
                print_failure(&home, &problems, &replay);
            }
        }
    }
    Ok(report)
}

fn print_failure(home: &Home, problems: &[String], replay: &str) {
    println!("FAILED in {}", home.folder().display());
    problems.iter().take(PROBLEMS_SHOWN).for_each(|problem| println!("  {problem}"));
    if problems.len() > PROBLEMS_SHOWN {
        println!("  and {} more", problems.len() - PROBLEMS_SHOWN);
    }
    home.log_tail(LOG_LINES_SHOWN).lines().for_each(|line| println!("  log: {line}"));
    println!("  again: {replay}");
    // Beside what it is about, for those who find the folder later. Without it the folder says enough.
    let _ = std::fs::write(home.folder().join("problems.txt"), format!("{}\n{replay}\n", problems.join("\n")));
}

/// How a life ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    KillInSnapshot,
    Stop,
}

/// One folder and the children that live on it.
struct Folder<'a> {
    options: &'a Options,
    home: &'a Home,
    random: Random,
    report: &'a mut Report,
    ledgers: Vec<Ledger>,
}

impl<'a> Folder<'a> {
    fn new(options: &'a Options, home: &'a Home, seed: u64, report: &'a mut Report) -> Self {
        let ledgers = (0..WRITERS).map(Ledger::new).collect();
        Self { options, home, random: Random::new(seed), report, ledgers }
    }

    fn live(&mut self, lives: u32) -> Result<(), Vec<String>> {
        let mut child = self.start().map_err(|problem| vec![problem])?;
        for _ in 0..lives {
            self.report.lives += 1;
            self.load_and_end(child)?;
            if self.random.percent(START_KILL_PERCENT) {
                self.kill_in_start().map_err(|problem| vec![problem])?;
            }
            if self.options.server == ServerKind::Larder && self.random.percent(CHECK_PERCENT) {
                check_copy(self.home).map_err(|problem| vec![problem])?;
            }
            child = self.start().map_err(|problem| vec![problem])?;
            self.compare(&child)?;
            child = self.restart_at_rest(child).map_err(|problem| vec![problem])?;
        }
        // The folder goes: nothing of this child matters any more.
        drop(child);
        Ok(())
    }

    /// Starts a child and waits until it answers.
    fn start(&mut self) -> Result<Child, String> {
        let start = Instant::now();
        let mut child = Child::spawn(self.home, self.options).map_err(|error| format!("cannot start: {error}"))?;
        if let Err(problem) = child.wait_ready() {
            self.report.failed_restarts += 1;
            return Err(problem);
        }
        self.report.restarts.push(start.elapsed());
        Ok(child)
    }

    /// Starts a child and ends it somewhere on its way.
    fn kill_in_start(&mut self) -> Result<(), String> {
        let usual = if self.report.restarts.is_empty() { FIRST_START } else { self.report.restart_percentile(50) };
        let child = Child::spawn(self.home, self.options).map_err(|error| format!("cannot start: {error}"))?;
        let bound = usize::try_from(usual.as_micros() * 3 / 2).unwrap_or(usize::MAX).max(1);
        std::thread::sleep(Duration::from_micros(self.random.below(bound) as u64));
        self.report.start_kills += 1;
        child.kill()
    }

    fn load_and_end(&mut self, child: Child) -> Result<(), Vec<String>> {
        let end = match self.random.below(100) {
            at if at < STOP_PERCENT => End::Stop,
            at if at < STOP_PERCENT + SNAPSHOT_PERCENT => End::KillInSnapshot,
            _ => End::Kill,
        };
        let life = Duration::from_millis(self.random.between(LIFE_MS.0, LIFE_MS.1).unsigned_abs());
        let in_snapshot = Duration::from_micros(self.random.below(SNAPSHOT_MICROSECONDS) as u64);
        let seeds: Vec<u64> = self.ledgers.iter().map(|_| self.random.bits()).collect();
        let any_acknowledged = AtomicBool::new(false);
        let ended = AtomicUsize::new(0);
        let socket = self.home.socket();
        let ledgers = &mut self.ledgers;
        let mut problems = Vec::new();
        let outcome = std::thread::scope(|scope| {
            let writers: Vec<_> = ledgers
                .iter_mut()
                .zip(seeds)
                .map(|(ledger, seed)| {
                    let (socket, any_acknowledged, ended) = (&socket, &any_acknowledged, &ended);
                    scope.spawn(move || {
                        let result = write_until_end(socket, ledger, &mut Random::new(seed), any_acknowledged);
                        ended.fetch_add(1, Ordering::Relaxed);
                        result
                    })
                })
                .collect();
            let start = Instant::now();
            while !any_acknowledged.load(Ordering::Relaxed)
                && ended.load(Ordering::Relaxed) < WRITERS
                && start.elapsed() < ACKNOWLEDGE_DEADLINE
            {
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(life);
            if ended.load(Ordering::Relaxed) > 0 {
                problems.push("a connection ended before the child".to_owned());
            }
            let outcome = end_child(child, end, in_snapshot);
            for writer in writers {
                match writer.join() {
                    Ok(Ok(())) => {}
                    Ok(Err(problem)) => problems.push(problem),
                    Err(_) => problems.push("a writer panicked".to_owned()),
                }
            }
            outcome
        });
        match end {
            End::Stop => self.report.stops += 1,
            End::Kill => self.report.load_kills += 1,
            End::KillInSnapshot => {
                self.report.load_kills += 1;
                self.report.snapshot_kills += 1;
            }
        }
        problems.extend(outcome.err());
        if !any_acknowledged.load(Ordering::Relaxed) {
            problems.push(format!("nothing was acknowledged within {ACKNOWLEDGE_DEADLINE:?}"));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Holds what the child has against the ledgers, and lets them go on from there.
    fn compare(&mut self, child: &Child) -> Result<(), Vec<String>> {
        let one = |problem| vec![problem];
        let mut client = child.connect().map_err(|error| one(format!("cannot connect: {error}")))?;
        let mut findings = Findings::default();
        let mut states: Vec<Observed> = Vec::new();
        for ledger in &self.ledgers {
            let state = observe(&mut client, ledger.writer).map_err(one)?;
            findings.add(ledger.judge(&state));
            states.push(state);
        }
        self.report.acknowledged += findings.acknowledged;
        self.report.lost += findings.lost;
        self.report.lossy_lives += u32::from(findings.lost > 0);
        self.report.phantoms += findings.phantoms;
        // Losses are what redis-server is here to show: its folder goes on.
        if self.options.server == ServerKind::Larder && !findings.problems.is_empty() {
            return Err(findings.problems);
        }
        for (ledger, state) in self.ledgers.iter_mut().zip(states) {
            remove_expiring(&mut client, ledger.writer).map_err(one)?;
            ledger.begin_life(state);
        }
        Ok(())
    }

    /// A child that nobody writes to has the same data after another end and start.
    fn restart_at_rest(&mut self, child: Child) -> Result<Child, String> {
        let before = digest(&child)?;
        match self.options.server {
            ServerKind::Larder => {
                self.report.rest_kills += 1;
                child.kill()?;
            }
            // It may lose what was acknowledged, so it may not be killed here.
            ServerKind::Redis => drop(child.terminate()?),
        }
        let child = self.start()?;
        let after = digest(&child)?;
        if before == after { Ok(child) } else { Err(format!("the digest was {before} and is {after}")) }
    }
}

fn end_child(child: Child, end: End, in_snapshot: Duration) -> Result<(), String> {
    match end {
        End::Kill => child.kill(),
        End::KillInSnapshot => {
            let mut client = child.connect().map_err(|error| format!("cannot connect: {error}"))?;
            match client.call(&["BGREWRITEAOF"]) {
                Ok(Reply::Simple(_)) => {}
                // Another snapshot is under way: as good.
                Ok(Reply::Error(text)) if text.starts_with(b"ERR Background") => {}
                Ok(Reply::Error(text)) => {
                    return Err(format!("BGREWRITEAOF was refused: {}", String::from_utf8_lossy(&text)));
                }
                other => return Err(format!("BGREWRITEAOF was answered {other:?}")),
            }
            std::thread::sleep(in_snapshot);
            child.kill()
        }
        End::Stop => match child.terminate()? {
            (status, _) if !status.success() => Err(format!("the child ended with {status} after SIGTERM")),
            (_, took) if took > STOP_BOUND => Err(format!("the child took {took:?} to end after SIGTERM")),
            _ => Ok(()),
        },
    }
}

/// `larder check` finds nothing wrong with what a kill left. A copy, so that the next start finds it as the kill did.
fn check_copy(home: &Home) -> Result<(), String> {
    let copy = home.folder().join("copy");
    let copied = std::fs::create_dir_all(&copy).and_then(|()| {
        for entry in std::fs::read_dir(home.data())? {
            let entry = entry?;
            std::fs::copy(entry.path(), copy.join(entry.file_name()))?;
        }
        Ok(())
    });
    copied.map_err(|error| format!("cannot copy the data: {error}"))?;
    let output = Command::new(larder_binary()).arg("check").arg(&copy).output();
    let output = output.map_err(|error| format!("cannot start larder check: {error}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(format!("larder check: {}, {}", output.status, String::from_utf8_lossy(&said).trim()));
    }
    std::fs::remove_dir_all(&copy).map_err(|error| format!("cannot remove the copy: {error}"))
}

fn digest(child: &Child) -> Result<String, String> {
    let mut client = child.connect().map_err(|error| format!("cannot connect: {error}"))?;
    match client.call(&["DEBUG", "DIGEST"]) {
        Ok(Reply::Simple(text) | Reply::Bulk(text)) => Ok(String::from_utf8_lossy(&text).into_owned()),
        other => Err(format!("DEBUG DIGEST was answered {other:?}")),
    }
}
