//! What commands want done outside the shards they hold, as values that the host carries out after letting go.

use crate::session::ClientId;

/// Everything a batch of commands asks of its host.
#[derive(Debug, Default)]
pub struct Effects {
    /// Connections to close: CLIENT KILL.
    pub close: Vec<ClientId>,
    /// Prefixes of error replies, for INFO errorstats. Carried here because the hub is not held on the hot path.
    pub errors: Vec<String>,
    /// The pause of clients changed: those who wait should look again.
    pub pause_changed: bool,
    /// Settings changed: listeners and timers should look again.
    pub settings_changed: bool,
}

impl Effects {
    /// Whether there is nothing to carry out.
    pub fn is_empty(&self) -> bool {
        self.close.is_empty() && self.errors.is_empty() && !self.pause_changed && !self.settings_changed
    }
}
