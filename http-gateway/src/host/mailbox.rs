//! What others leave for a client while its task is elsewhere.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The reply to a request that waited for data, brought by whoever served it.
#[derive(Debug, Default)]
pub struct Mailbox {
    reply: Mutex<Option<Vec<u8>>>,
    wake: Notify,
}

impl Mailbox {
    /// Leaves a reply, which may be empty, and wakes the client.
    pub fn deliver(&self, reply: Vec<u8>) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
        self.wake.notify_one();
    }

    /// Wakes the client to look at its record.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The reply that was left.
    pub fn take(&self) -> Option<Vec<u8>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until there is something to look at. A wake-up before the call counts.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }
}
