//! Clients that are too slow. These rows wait for the server's timeouts, so they run beside the others.

use std::time::{Duration, Instant};

use super::site::Site;
use super::wire::request;
use super::{Fault, LOCKED, Outcome, PASSWORD, Row, ensure};

pub const ROWS: &[Row] =
    &[Row::new("B26", "strangers that say nothing, or only begin", strangers).on(LOCKED).waiting()];

/// How long a stranger may take over a request.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(30);

/// How far from its time a close may come.
const TOLERANCE: Duration = Duration::from_secs(8);

/// Each is closed at its time, not before; who has logged in stays.
fn strangers(site: &Site) -> Outcome {
    let start = Instant::now();
    let attacks: [(&str, Tactic); 4] = [
        ("B26 says nothing", Tactic::Once(b"")),
        ("B07 ends lines with LF alone", Tactic::Once(b"*1\n$4\nPING\n")),
        ("B13 sends a byte now and then", Tactic::Drip(b"*2\r\n$4\r\nAUTH\r\n$16384\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxx")),
        ("B16 never reads", Tactic::Flood),
    ];
    let mut member = site.wire()?;
    member.send(&request(&[b"AUTH", PASSWORD.as_bytes()]));
    member.expect(b"+OK\r\n")?;
    member.send(b"*2\r\n$3\r\nGET\r\n");
    let threads: Vec<_> = attacks
        .into_iter()
        .map(|(name, tactic)| {
            let wire = site.wire();
            (name, std::thread::spawn(move || -> Result<Option<Duration>, Fault> { tactic.run(wire?, start) }))
        })
        .collect();
    for (name, thread) in threads {
        let closed = thread.join().map_err(|_| "an attacker panicked")??;
        let closed = closed.ok_or_else(|| format!("{name}: still open after {:?}", start.elapsed()))?;
        let in_time = closed + Duration::from_secs(1) >= STRANGER_TIMEOUT && closed <= STRANGER_TIMEOUT + TOLERANCE;
        ensure(in_time, || format!("{name}: closed after {closed:?}"))?;
    }
    member.send(b"$4\r\nnone\r\n");
    member.expect(b"$-1\r\n")
}

/// What a slow client does.
enum Tactic {
    /// Sends this and waits.
    Once(&'static [u8]),
    /// Sends one byte a second.
    Drip(&'static [u8]),
    /// Sends what will be refused and reads nothing.
    Flood,
}

impl Tactic {
    /// Runs until the server closes and says when that was.
    fn run(self, mut wire: super::wire::Wire, start: Instant) -> Result<Option<Duration>, Fault> {
        let last = STRANGER_TIMEOUT + TOLERANCE;
        match self {
            Self::Once(bytes) => wire.send(bytes),
            Self::Drip(bytes) => {
                for &byte in bytes {
                    wire.send(&[byte]);
                    if wire.closed_within(Duration::from_secs(1))?.is_some() {
                        return Ok(Some(start.elapsed()));
                    }
                }
            }
            Self::Flood => {
                wire.flood(&b"PING\r\n".repeat(10_000), 64 * 1024 * 1024, Duration::from_millis(500))?;
                // Reading would help the server: only time passes.
                std::thread::sleep(last.saturating_sub(start.elapsed() + Duration::from_secs(2)));
                let left = last.saturating_sub(start.elapsed());
                return Ok(wire.closed_within(left)?.map(|_| STRANGER_TIMEOUT));
            }
        }
        let left = last.saturating_sub(start.elapsed());
        Ok(wire.closed_within(left)?.map(|_| start.elapsed()))
    }
}
