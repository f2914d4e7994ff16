//! What a server process costs, as the kernel counts it.

use std::fs;
use std::time::Duration;

/// Length of a clock tick in `/proc`: the kernel's USER_HZ is 100 on every machine Larder runs on.
const TICK: Duration = Duration::from_millis(10);

/// `utime` counted from the field after the parenthesised command name.
const USER_TICKS_FIELD: usize = 11;

/// CPU time of a process so far, user and system, all threads, ended ones included.
pub fn cpu_time(pid: u32) -> Result<Duration, String> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    parse_cpu_time(&stat).ok_or_else(|| format!("{path} is not understood"))
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    parse_resident_bytes(&status).ok_or_else(|| format!("{path} is not understood"))
}

fn parse_cpu_time(stat: &str) -> Option<Duration> {
    // The command name may hold spaces and parentheses of its own.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(USER_TICKS_FIELD);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user.checked_add(system)?)
}

fn parse_resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_adds_user_and_system() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 25 77 88 20 0 1";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_millis(1750)));
        assert_eq!(parse_cpu_time("7 (a) S 1 2"), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        let status = "VmPeak:\t 9 kB\nVmRSS:\t    12 kB\n";
        assert_eq!(parse_resident_bytes(status), Some(12_288));
        assert_eq!(parse_resident_bytes("VmPeak:\t 9 kB\n"), None);
    }

    #[test]
    fn the_kernel_is_understood() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).unwrap() > 100_000);
        let before = cpu_time(pid).unwrap();
        let start = std::time::Instant::now();
        // The process's time only grows, and a busy loop makes it grow within a bounded time.
        while cpu_time(pid).unwrap() == before {
            assert!(start.elapsed() < Duration::from_secs(10));
        }
    }
}
