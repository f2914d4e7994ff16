//! What a payload brings that no command does.

use super::group::{ConsumerId, Group};

impl Group {
    /// Adds a consumer from a payload; `None` when there is one of this name.
    pub fn restore_consumer(&mut self, name: &[u8], seen_ms: u64, active_ms: Option<u64>) -> Option<ConsumerId> {
        let (id, is_new) = self.see_consumer(name, seen_ms);
        if !is_new {
            return None;
        }
        self.consumer_mut(id).active_ms = active_ms;
        Some(id)
    }
}
