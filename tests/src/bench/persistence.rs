//! What the log and snapshots cost, and how soon a server is back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::bench::bars::Figure;
use crate::bench::load::Loader;
use crate::bench::measure::{self, alternate};
use crate::bench::options::Options;
use crate::bench::process;
use crate::bench::report::Results;
use crate::bench::rows::{CommandRow, Load, PersistenceRow};
use crate::bench::sample::{Comparison, Sample};
use crate::bench::stall;
use crate::servers::Server;

/// Longest time for a server to end, load or take a snapshot.
const DEADLINE: Duration = Duration::from_secs(180);

/// Pause between two looks at a server that loads or takes a snapshot.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Keys that are written one after the other while a snapshot is taken.
const RUN_OF_WRITES: u64 = 1_000;

/// Keys between two such runs, so that the writes reach all parts of the data.
const STRIDE: u64 = 7_919;

/// The field of INFO that counts flushes of the log.
const FLUSHES: &str = "log_flushes";

/// Measures a row and adds its figures.
pub fn measure(row: &PersistenceRow, options: &Options, results: &mut Results) {
    let measured = match row {
        PersistenceRow::Log(command) => log(command, options),
        PersistenceRow::LogCost(command) => log_cost(command, options),
        PersistenceRow::Always(command, flush_us) => always(command, *flush_us, options),
        PersistenceRow::Restart(name, load) => restart(name, load, options),
        PersistenceRow::Snapshot(name, load) => snapshot(name, load, options),
    };
    match measured {
        Ok(figures) => results.persistence.extend(figures),
        Err(why) => results.failures.push((row.name(), why)),
    }
}

type Measured = Result<Vec<(Figure, Comparison<f64>)>, String>;

/// One figure of rounds that gave several.
fn figure<T>(comparison: &Comparison<T>, figure: Figure, of: impl Fn(&T) -> f64) -> (Figure, Comparison<f64>) {
    let rounds = comparison.rounds.iter().map(|(subject, reference)| (of(subject), of(reference))).collect();
    (figure, Comparison { row: comparison.row, rounds })
}

fn log(row: &CommandRow, options: &Options) -> Measured {
    let subject = || with_log(options.against_itself, "everysec", |server| measure::command(row, server, options));
    let reference = || with_log(true, "everysec", |server| measure::command(row, server, options));
    let compared = alternate(row.name, options, subject, reference)?;
    Ok(vec![
        figure(&compared, Figure::CpuRatio, |sample: &Sample| sample.cpu_us),
        figure(&compared, Figure::OperationsRatio, |sample| sample.per_second),
    ])
}

fn log_cost(row: &CommandRow, options: &Options) -> Measured {
    let is_redis = options.against_itself;
    let subject = || with_log(is_redis, "everysec", |server| measure::command(row, server, options));
    let reference = || {
        let server = if is_redis { Server::redis(&[]) } else { Server::larder(&[]) };
        measure::command(row, &server, options)
    };
    let compared = alternate(row.name, options, subject, reference)?;
    Ok(vec![figure(&compared, Figure::LogThroughput, |sample: &Sample| sample.per_second)])
}

fn always(row: &CommandRow, flush_us: u32, options: &Options) -> Measured {
    let disk = if flush_us > 0 { Some(SlowDisk::new(flush_us)?) } else { None };
    let subject = || {
        with_disk(options.against_itself, "always", disk.as_ref(), |server| {
            let before = flushes(server, options)?;
            let sample = measure::command(row, server, options)?;
            Ok((sample, options.scaled(row.operations) as f64 / (flushes(server, options)? - before)))
        })
    };
    let reference =
        || with_disk(true, "always", disk.as_ref(), |server| Ok((measure::command(row, server, options)?, f64::NAN)));
    let compared = alternate(row.name, options, subject, reference)?;
    Ok(vec![
        figure(&compared, Figure::OperationsRatio, |(sample, _): &(Sample, f64)| sample.per_second),
        figure(&compared, Figure::OperationsPerFlush, |(_, per_flush)| *per_flush),
    ])
}

/// Flushes so far; redis-server does not count them.
fn flushes(server: &Server, options: &Options) -> Result<f64, String> {
    if options.against_itself {
        return Ok(0.0);
    }
    let mut client = Loader::connect(server.resp())?;
    info(&mut client, FLUSHES).and_then(|text| text.parse().map_err(|_| format!("{FLUSHES} is {text}")))
}

fn restart(name: &'static str, load: &Load, options: &Options) -> Measured {
    let subject = || seconds_to_restart(options.against_itself, load, options);
    let compared = alternate(name, options, subject, || seconds_to_restart(true, load, options))?;
    Ok(vec![figure(&compared, Figure::RestartRatio, |seconds: &f64| *seconds)])
}

/// From the start of a process to its first PONG, with a snapshot to load.
fn seconds_to_restart(is_redis: bool, load: &Load, options: &Options) -> Result<f64, String> {
    let folder = Folder::new()?;
    let keys = options.scaled(load.count);
    let server = start(is_redis, &folder, "no");
    let mut client = Loader::connect(server.resp())?;
    client.run(load, keys)?;
    take_snapshot(&mut client)?;
    // Redis would load its log, which has no snapshot yet, rather than the snapshot.
    if is_redis {
        let _ = std::fs::remove_dir_all(folder.0.join("appendonlydir"));
    }
    terminate(server)?;
    let begin = Instant::now();
    let server = if is_redis { Server::redis(&["--dir", folder.path()]) } else { start(false, &folder, "no") };
    let mut client = Loader::connect(server.resp())?;
    // Redis answers with an error while it loads.
    wait_until("the data is not loaded", || Ok(client.call(&["PING"]).is_ok()))?;
    let seconds = begin.elapsed().as_secs_f64();
    client.expect_keys(keys)?;
    Ok(seconds)
}

/// What a snapshot does to others.
#[derive(Clone, Copy)]
struct SnapshotCost {
    longest_wait_ms: f64,
    p999_ms: f64,
    /// Resident memory at its highest over what it was before. Pages that redis-server's child has copied are in it as
    /// far as they are the parent's own.
    memory_growth: f64,
    seconds: f64,
}

fn snapshot(name: &'static str, load: &Load, options: &Options) -> Measured {
    let options = &Options { rounds: 1, ..options.clone() };
    let subject = || snapshot_cost(options.against_itself, load, options);
    let compared = alternate(name, options, subject, || snapshot_cost(true, load, options))?;
    Ok(vec![
        figure(&compared, Figure::LongestWaitMs, |cost: &SnapshotCost| cost.longest_wait_ms),
        figure(&compared, Figure::WaitMs, |cost| cost.p999_ms),
        figure(&compared, Figure::MemoryGrowth, |cost| cost.memory_growth),
        figure(&compared, Figure::SnapshotSeconds, |cost| cost.seconds),
    ])
}

/// Pings and overwrites a server while it takes a snapshot.
fn snapshot_cost(is_redis: bool, load: &Load, options: &Options) -> Result<SnapshotCost, String> {
    let folder = Folder::new()?;
    let keys = options.scaled(load.count);
    let server = start(is_redis, &folder, "everysec");
    let mut client = Loader::connect(server.resp())?;
    client.run(load, keys)?;
    let before = process::resident_bytes(server.pid())?;
    let done = AtomicBool::new(false);
    let (waits, highest, seconds) = std::thread::scope(|scope| {
        let pinging = scope.spawn(|| stall::ping(server.resp(), &done));
        let writing = scope.spawn(|| overwrite(&server, load, keys, &done));
        let begin = Instant::now();
        let mut highest = before;
        let taken = client.call(&["BGSAVE"]).and_then(|_| {
            wait_until("the snapshot does not end", || {
                highest = highest.max(process::resident_bytes(server.pid())?);
                Ok(info(&mut client, "rdb_bgsave_in_progress")? == "0")
            })
        });
        let seconds = begin.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        let waits = pinging.join().map_err(|_| "the pinging thread panicked".to_owned())?;
        let written = writing.join().map_err(|_| "the writing thread panicked".to_owned())?;
        taken.and(written).and_then(|()| Ok((waits?, highest, seconds)))
    })?;
    if info(&mut client, "rdb_last_bgsave_status")? != "ok" {
        return Err("the snapshot failed".to_owned());
    }
    let waits = stall::summary(waits, 0.0).ok_or("no ping was answered")?;
    let memory_growth = (highest as f64 - before as f64) / before as f64;
    Ok(SnapshotCost { longest_wait_ms: waits.max_ms, p999_ms: waits.p999_ms, memory_growth, seconds })
}

/// Overwrites keys all over the data until `done`.
fn overwrite(server: &Server, load: &Load, keys: u64, done: &AtomicBool) -> Result<(), String> {
    let mut client = Loader::connect(server.resp())?;
    let mut first = 0;
    while !done.load(Ordering::Relaxed) {
        client.run_range(load, first..(first + RUN_OF_WRITES).min(keys))?;
        first = (first + RUN_OF_WRITES * STRIDE) % keys;
    }
    Ok(())
}

/// Runs something against a fresh server that keeps a log.
fn with_log<T>(is_redis: bool, policy: &str, run: impl FnOnce(&Server) -> Result<T, String>) -> Result<T, String> {
    with_disk(is_redis, policy, None, run)
}

/// Runs something against a fresh server that keeps a log on such a disk.
fn with_disk<T>(
    is_redis: bool,
    policy: &str,
    disk: Option<&SlowDisk>,
    run: impl FnOnce(&Server) -> Result<T, String>,
) -> Result<T, String> {
    let folder = Folder::new()?;
    let server = start_on(is_redis, &folder, policy, disk);
    let result = run(&server);
    // The server ends before its folder goes.
    drop(server);
    result
}

fn start(is_redis: bool, folder: &Folder, policy: &str) -> Server {
    start_on(is_redis, folder, policy, None)
}

/// A server with a log. It does not rewrite the log by itself: that would be another measurement.
fn start_on(is_redis: bool, folder: &Folder, policy: &str, disk: Option<&SlowDisk>) -> Server {
    let common = ["--dir", folder.path(), "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0"];
    let environment = disk.map_or_else(Vec::new, SlowDisk::environment);
    if is_redis {
        Server::redis_with(&[&["--appendonly", "yes"], &common[..]].concat(), &environment)
    } else {
        Server::larder_with(&[&["--store", "file"], &common[..]].concat(), &environment)
    }
}

/// Makes flushes take as long as on a slower disk: both servers find a library in front of the system's.
struct SlowDisk {
    library: PathBuf,
    flush_us: String,
    _folder: Folder,
}

impl SlowDisk {
    fn new(flush_us: u32) -> Result<Self, String> {
        let folder = Folder::new()?;
        let (source, library) = (folder.0.join("slow_flush.rs"), folder.0.join("slow_flush.so"));
        std::fs::write(&source, include_str!("slow_flush.rs")).map_err(|error| error.to_string())?;
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let built = Command::new(rustc)
            .args(["--edition", "2024", "--crate-type", "cdylib", "-O", "-o"])
            .args([&library, &source])
            .status();
        match built {
            Ok(status) if status.success() => Ok(Self { library, flush_us: flush_us.to_string(), _folder: folder }),
            _ => Err("rustc cannot build slow_flush.rs".to_owned()),
        }
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        let library = self.library.to_str().expect("the temporary folder's name is text");
        vec![("LD_PRELOAD", library), ("FLUSH_US", &self.flush_us)]
    }
}

fn take_snapshot(client: &mut Loader) -> Result<(), String> {
    client.call(&["BGSAVE"])?;
    wait_until("the snapshot does not end", || Ok(info(client, "rdb_bgsave_in_progress")? == "0"))?;
    match info(client, "rdb_last_bgsave_status")?.as_str() {
        "ok" => Ok(()),
        status => Err(format!("the snapshot ended with {status}")),
    }
}

/// Ends a server by SIGTERM and waits for it.
fn terminate(mut server: Server) -> Result<(), String> {
    let sent = Command::new("kill").args(["-TERM", &server.pid().to_string()]).status();
    if !sent.is_ok_and(|status| status.success()) {
        return Err("cannot send SIGTERM".to_owned());
    }
    wait_until("the server does not end", || Ok(!server.is_running()))
}

fn wait_until(otherwise: &str, mut reached: impl FnMut() -> Result<bool, String>) -> Result<(), String> {
    let begin = Instant::now();
    while !reached()? {
        if begin.elapsed() > DEADLINE {
            return Err(format!("{otherwise} within {DEADLINE:?}"));
        }
        sleep(LOOK_PAUSE);
    }
    Ok(())
}

/// A field of INFO persistence.
fn info(client: &mut Loader, field: &str) -> Result<String, String> {
    let text = client.call(&["INFO", "persistence"])?;
    let value = text.lines().find_map(|line| line.trim_end().strip_prefix(field)?.strip_prefix(':'));
    value.map(str::to_owned).ok_or_else(|| format!("INFO has no field {field}"))
}

/// A folder for a server's data, taken away when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("larder-bench-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &str {
        Path::to_str(&self.0).expect("the temporary folder's name is text")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
