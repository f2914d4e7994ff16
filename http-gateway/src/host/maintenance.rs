//! Background work of the keyspace: active expiry, eviction, idle clients, memory high-water mark.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder_core::hash::Random;
use larder_core::hub::Counters;

use super::Shared;
use super::process::now_ms;
use crate::logging::LogControl;

/// How often background work looks around.
const INTERVAL: Duration = Duration::from_millis(100);

/// Idle clients are looked for once in this many rounds.
const IDLE_ROUNDS: u64 = 10;

/// Slices of one shard in one round: with [`larder_core::limits::EXPIRED_PER_TICK`] keys each, a flood of expiring
/// keys may cost a few milliseconds of a round and no more.
const SLICES_PER_ROUND: usize = 64;

/// Runs until the runtime ends.
pub async fn run(shared: Arc<Shared>, log: LogControl) {
    let counters = Arc::new(Counters::default());
    shared.hub().counters.push(Arc::clone(&counters));
    let mut random = Random::new(now_ms());
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for round in 0u64.. {
        interval.tick().await;
        if !shared.signals.active_expiry_stopped.load(Ordering::Relaxed) {
            expire(&shared).await;
        }
        if let Some(log) = &shared.log {
            // What expired by itself waits for nobody's reply.
            log.write_out(log.last());
        }
        shared.sum_memory();
        evict(&shared, &counters, &mut random).await;
        let mut hub = shared.hub();
        hub.sample(now_ms());
        log.set_level(hub.settings.loglevel);
        drop(hub);
        if round.is_multiple_of(IDLE_ROUNDS) {
            shared.close_idle(now_ms());
        }
    }
}

/// Evicts what no command sees to: a new limit is approached, and what clients' buffers take is made up for.
async fn evict(shared: &Shared, counters: &Counters, random: &mut Random) {
    let settings = Arc::clone(&shared.hub().settings);
    for _ in 0..SLICES_PER_ROUND {
        if !shared.evict_slice(counters, &settings, random.next_u64()) {
            break;
        }
        tokio::task::yield_now().await;
    }
}

async fn expire(shared: &Shared) {
    for id in 0..shared.shard_count() {
        for _ in 0..SLICES_PER_ROUND {
            let more = shared.tick(id);
            if !more {
                break;
            }
            // Others get the shard and the thread between slices.
            tokio::task::yield_now().await;
        }
    }
}
