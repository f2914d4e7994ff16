//! Runs the stock load generators and reads what they print.

use std::net::SocketAddr;
use std::process::Command;

use crate::bench::rows::{CONNECTIONS, CommandRow, KEYSPACE, VALUE_BYTES};
use crate::bench::sample::Generated;

/// A load generator that takes longer hangs.
const DEADLINE_SECONDS: u64 = 300;

/// Drives a RESP listener with a row's load.
pub fn redis_benchmark(row: &CommandRow, server: SocketAddr, operations: u64) -> Result<Generated, String> {
    let mut command = bounded("redis-benchmark");
    command
        .args(["-h", &server.ip().to_string()])
        .args(["-p", &server.port().to_string()])
        .args(["-c", &CONNECTIONS.to_string()])
        .args(["-d", &VALUE_BYTES.to_string()])
        .args(["-r", &KEYSPACE.to_string()])
        .args(["-n", &operations.to_string()])
        .args(["-P", &row.pipeline.to_string()])
        .arg("--csv")
        .args(row.arguments);
    let output = run(command)?;
    parse_redis_benchmark(&output, operations).ok_or_else(|| format!("redis-benchmark printed {output:?}"))
}

/// Drives an HTTP listener with one GET for some seconds.
pub fn wrk(server: SocketAddr, path: &str, seconds: u64) -> Result<Generated, String> {
    let mut command = bounded("wrk");
    command
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s")])
        .arg("--latency")
        .arg(format!("http://{server}{path}"));
    let output = run(command)?;
    // wrk counts answers that are no answers as requests like any other.
    let failures = ["Non-2xx", "Socket errors"];
    if let Some(line) = output.lines().find(|line| failures.iter().any(|failure| line.contains(failure))) {
        return Err(format!("wrk: {}", line.trim()));
    }
    parse_wrk(&output).ok_or_else(|| format!("wrk printed {output:?}"))
}

/// Runs a program to its end and returns its output, or why it failed.
pub fn run(mut command: Command) -> Result<String, String> {
    let output = command.output().map_err(|e| format!("cannot start {:?}: {e}", command.get_program()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().last().unwrap_or_default();
    Err(format!("{command:?}: {}, {line}", output.status))
}

/// The program under coreutils' `timeout`.
pub fn bounded(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.arg(DEADLINE_SECONDS.to_string()).arg(program);
    command
}

fn parse_redis_benchmark(output: &str, operations: u64) -> Option<Generated> {
    let mut lines = output.lines();
    let header: Vec<_> = lines.next()?.split(',').collect();
    // A test that needs others first prints them first. A name may hold commas: count from the end.
    let values: Vec<_> = lines.next_back()?.rsplit(',').collect();
    let figure = |name: &str| {
        let column = header.iter().rev().position(|title| unquoted(title) == name)?;
        unquoted(values.get(column)?).parse::<f64>().ok()
    };
    Some(Generated {
        operations,
        per_second: figure("rps")?,
        p50_ms: figure("p50_latency_ms")?,
        p99_ms: figure("p99_latency_ms")?,
    })
}

fn unquoted(cell: &str) -> &str {
    cell.trim_matches('"')
}

fn parse_wrk(output: &str) -> Option<Generated> {
    let after = |label: &str| {
        let line = output.lines().find_map(|line| line.trim().strip_prefix(label))?;
        line.split_whitespace().next()
    };
    let requests = output.lines().find_map(|line| line.trim().split_once(" requests in "))?;
    Some(Generated {
        operations: requests.0.parse().ok().filter(|count| *count > 0)?,
        per_second: after("Requests/sec:")?.parse().ok()?,
        p50_ms: parse_duration_ms(after("50%")?)?,
        p99_ms: parse_duration_ms(after("99%")?)?,
    })
}

/// Reads wrk's durations, whose unit follows their size.
fn parse_duration_ms(text: &str) -> Option<f64> {
    // The longer suffixes come first: each ends in the shorter one.
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)];
    let (number, unit_ms) = units.iter().find_map(|(unit, unit_ms)| Some((text.strip_suffix(unit)?, unit_ms)))?;
    Some(number.parse::<f64>().ok()? * unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = r#""test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"LPUSH (needed to benchmark LRANGE)","1.00","9","9","9","9","9","9"
"MSET (a,b)","157728.70","4.877","0.392","4.607","8.215","13.327","23.727"
"#;

    const WRK: &str = "\
Running 5s test @ http://127.0.0.1:1/
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   635.91us    0.89ms  12.92ms   93.69%
    Req/Sec    56.20k     8.07k   62.00k    86.67%
  Latency Distribution
     50%  422.00us
     75%    0.92ms
     90%    1.60ms
     99%    1.20s
  22464657 requests in 5.00s, 17.76GB read
Requests/sec: 748868.53
Transfer/sec:    606.33MB
";

    #[test]
    fn csv_is_read_by_its_header_and_last_line() {
        let generated = parse_redis_benchmark(CSV, 5).unwrap();
        assert_eq!(generated, Generated { operations: 5, per_second: 157_728.70, p50_ms: 4.607, p99_ms: 13.327 });
        let header_only = CSV.lines().next().unwrap();
        assert_eq!(parse_redis_benchmark(header_only, 5), None);
    }

    #[test]
    fn wrk_is_read() {
        let generated = parse_wrk(WRK).unwrap();
        assert_eq!(generated.operations, 22_464_657);
        assert_eq!(generated.per_second, 748_868.53);
        assert!((generated.p50_ms - 0.422).abs() < 1e-9);
        assert_eq!(generated.p99_ms, 1200.0);
        assert_eq!(parse_wrk("  0 requests in 5.00s\n"), None);
    }

    #[test]
    fn a_failing_program_says_why() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo first >&2; echo why >&2; exit 3"]);
        let error = run(command).unwrap_err();
        assert!(error.contains("why"), "{error}");
    }
}
