//! What others leave for a client while its task is elsewhere.

use std::sync::Mutex;

use larder_core::effects::Delivery;
use tokio::sync::Notify;

use super::lock;

/// The reply to a request that waited for data, brought by whoever served it.
#[derive(Debug, Default)]
pub struct Mailbox {
    delivery: Mutex<Option<Delivery>>,
    wake: Notify,
}

impl Mailbox {
    /// Leaves a reply and wakes the client.
    pub fn deliver(&self, delivery: Delivery) {
        *lock(&self.delivery) = Some(delivery);
        self.wake.notify_one();
    }

    /// Wakes the client to look at its record.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The reply that was left.
    pub fn take(&self) -> Option<Delivery> {
        lock(&self.delivery).take()
    }

    /// Waits until there is something to look at. A wake-up before the call counts.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }
}
