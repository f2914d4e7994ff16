//! What a payload brings that no command does.

use super::group::{ConsumerId, Group, Pending};
use super::id::StreamId;

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

    /// Adds a pending entry from a payload; false when it is pending already. Each must get its owner before the group
    /// is used.
    pub fn restore_pending(&mut self, id: StreamId, delivered_ms: u64, deliveries: u64) -> bool {
        let pending = Pending { consumer: ConsumerId::NONE, delivered_ms, deliveries };
        self.pending.insert(pending.row(id)).is_none()
    }

    /// Gives a pending entry of a payload to a consumer; false when there is none of this ID or it has an owner.
    pub fn restore_owner(&mut self, id: StreamId, consumer: ConsumerId) -> bool {
        let Some(pending) = self.pending(id).filter(|pending| pending.consumer == ConsumerId::NONE) else {
            return false;
        };
        self.pending.insert(Pending { consumer, ..pending }.row(id));
        self.consumer_mut(consumer).pending.insert(Pending { consumer, ..pending }.row(id));
        true
    }
}
