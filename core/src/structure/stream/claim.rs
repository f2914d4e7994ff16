//! Claiming: pending entries change hands, one by one (XCLAIM) or the next idle ones (XAUTOCLAIM).

use super::group::{ConsumerId, Group, Pending};
use super::id::StreamId;
use super::log::Log;

/// XAUTOCLAIM looks at this many times its COUNT of pending entries.
const ATTEMPTS_PER_ENTRY: usize = 10;

/// How XCLAIM claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The new owner.
    pub consumer: ConsumerId,
    /// Only entries idle for as long change hands.
    pub min_idle_ms: u64,
    /// The delivery time to set: now unless IDLE or TIME say otherwise.
    pub delivered_ms: u64,
    /// RETRYCOUNT: the number of deliveries to set.
    pub deliveries: Option<u64>,
    /// JUSTID: without RETRYCOUNT, the number of deliveries stays.
    pub just_id: bool,
    /// FORCE: an entry that is not pending becomes so.
    pub force: bool,
}

/// What became of an entry to be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It has the new owner.
    Yes,
    /// It is not pending, or not idle for long enough.
    No,
    /// It was deleted from the log, and now from the pending entries.
    Gone,
}

/// How XAUTOCLAIM claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoClaim {
    /// The new owner.
    pub consumer: ConsumerId,
    /// Only entries idle for as long change hands.
    pub min_idle_ms: u64,
    /// The first ID to look at.
    pub start: StreamId,
    /// The most entries to claim, or to find gone.
    pub count: usize,
    /// JUSTID: the number of deliveries stays.
    pub just_id: bool,
}

/// What XAUTOCLAIM did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutoClaimed {
    /// The entries that have the new owner.
    pub claimed: Vec<StreamId>,
    /// The entries that were deleted from the log, and now from the pending entries.
    pub gone: Vec<StreamId>,
    /// Where to go on; 0-0 at the end.
    pub next: StreamId,
}

impl Group {
    /// Claims one entry.
    pub fn claim(&mut self, log: &Log, id: StreamId, claim: &Claim, now_ms: u64) -> Claimed {
        if log.get(id).is_none() {
            return if self.acknowledge(id) { Claimed::Gone } else { Claimed::No };
        }
        let before = match self.pending(id) {
            Some(pending) if now_ms.saturating_sub(pending.delivered_ms) < claim.min_idle_ms => return Claimed::No,
            Some(pending) => pending.deliveries,
            None if claim.force => 1,
            None => return Claimed::No,
        };
        let counted = before.saturating_add(u64::from(!claim.just_id));
        let deliveries = claim.deliveries.unwrap_or(counted);
        self.assign(id, Pending { consumer: claim.consumer, delivered_ms: claim.delivered_ms, deliveries });
        self.consumer_mut(claim.consumer).active_ms = Some(now_ms);
        Claimed::Yes
    }

    /// Claims the next entries that are idle for long enough.
    pub fn auto_claim(&mut self, log: &Log, claim: &AutoClaim, now_ms: u64) -> AutoClaimed {
        let mut result = AutoClaimed::default();
        let mut next = self.pending_from(claim.start);
        let single = Claim {
            consumer: claim.consumer,
            min_idle_ms: claim.min_idle_ms,
            delivered_ms: now_ms,
            deliveries: None,
            just_id: claim.just_id,
            force: false,
        };
        for _ in 0..claim.count.saturating_mul(ATTEMPTS_PER_ENTRY) {
            let Some(id) = next.filter(|_| result.claimed.len() + result.gone.len() < claim.count) else {
                break;
            };
            match self.claim(log, id, &single, now_ms) {
                Claimed::Yes => result.claimed.push(id),
                Claimed::Gone => result.gone.push(id),
                Claimed::No => (),
            }
            next = id.next().and_then(|after| self.pending_from(after));
        }
        result.next = next.unwrap_or_default();
        result
    }
}
