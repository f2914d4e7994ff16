//! The process around the keyspace, as INFO, CONFIG REWRITE and DEBUG SLEEP need it.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use larder_core::hub::ProcessInfo;
use larder_core::settings::Settings;

/// The memory allocator of the server (see main.rs).
pub const ALLOCATOR: &str = "mimalloc";

/// Unix time in microseconds.
#[inline]
pub fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

/// Unix time in milliseconds.
pub fn now_ms() -> u64 {
    now_us() / 1000
}

/// Facts about this process that do not change.
#[derive(Debug)]
pub struct ServerProcess {
    /// The configuration file it was started with.
    pub config_file: Option<PathBuf>,
    /// Threads that run commands.
    pub threads: usize,
    /// Told when SHUTDOWN wants the server to stop.
    pub stop: Arc<Notify>,
}

/// What does not change is read once: INFO asks while it holds every shard.
static OPERATING_SYSTEM: LazyLock<String> = LazyLock::new(operating_system);
static SYSTEM_BYTES: LazyLock<u64> = LazyLock::new(|| system_bytes().unwrap_or(0));
static EXECUTABLE: LazyLock<String> =
    LazyLock::new(|| std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default());

/// Clock ticks of `/proc/PID/stat` in a second, fixed by the kernel's interface on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Bytes of a memory page in `/proc/PID/statm` on the platforms we build for.
const PAGE_BYTES: u64 = 4096;

impl ServerProcess {
    /// What INFO tells of it.
    pub fn info(&self) -> ProcessInfo {
        let (user_seconds, system_seconds) = cpu_seconds().unwrap_or_default();
        ProcessInfo {
            pid: std::process::id(),
            os: OPERATING_SYSTEM.clone(),
            resident_bytes: resident_bytes().unwrap_or(0),
            system_bytes: *SYSTEM_BYTES,
            user_seconds,
            system_seconds,
            threads: self.threads,
            executable: EXECUTABLE.clone(),
            config_file: self.config_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
        }
    }

    /// Writes the settings into the configuration file it was started with (CONFIG REWRITE).
    pub fn rewrite_config(&self, settings: &Settings) -> Result<(), String> {
        let Some(path) = &self.config_file else {
            return Err("ERR The server is running without a config file".to_owned());
        };
        let rewrite = || -> std::io::Result<()> {
            let old = std::fs::read_to_string(path).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(String::new()),
                _ => Err(error),
            })?;
            // Written beside and renamed: a crash leaves the old file or the new one, never half of one.
            let fresh = path.with_extension(format!("tmp-{}", std::process::id()));
            std::fs::write(&fresh, "")?;
            // The file may hold a password: whoever could not read it before must not now.
            match std::fs::metadata(path) {
                Ok(before) => std::fs::set_permissions(&fresh, before.permissions())?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            std::fs::write(&fresh, settings.rewrite(&old))?;
            std::fs::File::open(&fresh)?.sync_all()?;
            std::fs::rename(&fresh, path)
        };
        rewrite().map_err(|error| format!("ERR Rewriting config file: {error}"))
    }
}

fn operating_system() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH)
}

fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

/// `MemTotal:  8127688 kB`.
fn system_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?;
    kilobytes.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn cpu_seconds() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program name may hold spaces; fields count from behind its closing parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
    Some((ticks(11)? / TICKS_PER_SECOND, ticks(12)? / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_rewritten_file_keeps_its_mode() {
        let folder = std::env::temp_dir().join(format!("larder-rewrite-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("larder.conf");
        std::fs::write(&path, "requirepass secret\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let process = ServerProcess { config_file: Some(path.clone()), threads: 1, stop: Arc::default() };
        let settings = Settings { requirepass: "other".to_owned(), ..Settings::default() };
        process.rewrite_config(&settings).unwrap();
        let (text, mode) =
            (std::fs::read_to_string(&path).unwrap(), std::fs::metadata(&path).unwrap().permissions().mode());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(text.contains("other"), "{text}");
        assert_eq!(mode & 0o777, 0o600);
    }
}
