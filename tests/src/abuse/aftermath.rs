//! What must hold after every attack.

use std::time::{Duration, Instant};

use super::site::Site;
use super::{Fault, Outcome, Row, ensure};
use crate::resp::Reply;

/// A new client reads its PONG within this time. On an idle machine 100 ms are the goal; other work shares the cores
/// here.
const PONG_DEADLINE: Duration = Duration::from_millis(500);

/// Within this time all descriptors of the attack are closed.
const BASELINE_DEADLINE: Duration = Duration::from_secs(5);

/// How often the baseline is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The server before an attack.
pub struct Before {
    resident_bytes: u64,
    descriptors: usize,
}

impl Before {
    /// Looks at the server.
    pub fn look(site: &Site) -> Result<Self, Fault> {
        Ok(Self { resident_bytes: site.resident_bytes()?, descriptors: site.descriptors()? })
    }

    /// Fails unless the server came through; says by how many bytes its memory grew.
    pub fn compare(&self, site: &Site, row: &Row) -> Result<u64, Fault> {
        ensure(site.is_running(), || "the process is gone".to_owned())?;
        prompt_pong(site)?;
        let growth = site.resident_bytes()?.saturating_sub(self.resident_bytes);
        let bound = row.growth_mib * 1024 * 1024;
        ensure(growth <= bound, || format!("memory grew by {} KiB, more than {} MiB", growth / 1024, row.growth_mib))?;
        self.wait_for_baseline(site)?;
        ensure(!site.log_text().contains("panicked"), || "a panic is in the log".to_owned())?;
        Ok(growth)
    }

    fn wait_for_baseline(&self, site: &Site) -> Outcome {
        let start = Instant::now();
        loop {
            let descriptors = site.descriptors()?;
            if descriptors <= self.descriptors {
                return Ok(());
            }
            let left = || format!("{descriptors} descriptors are open, {} were before", self.descriptors);
            ensure(start.elapsed() < BASELINE_DEADLINE, left)?;
            std::thread::sleep(LOOK_INTERVAL);
        }
    }
}

/// A new client gets its answer at once.
fn prompt_pong(site: &Site) -> Outcome {
    let start = Instant::now();
    let reply = site.client()?.call(&["PING"])?;
    ensure(reply == Reply::Simple(b"PONG".to_vec()), || format!("PING: {reply:?}"))?;
    let took = start.elapsed();
    ensure(took <= PONG_DEADLINE, || format!("a new client waited {took:?} for its PONG"))
}
