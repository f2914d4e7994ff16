//! Eviction on the threads of the host: before commands that may take more memory, and in the background.

use larder_core::context::Env;
use larder_core::effects::Effects;
use larder_core::hub::Counters;
use larder_core::journal::Journal;
use larder_core::keyspace::ShardId;
use larder_core::keyspace::eviction::{Shards, patience_us};
use larder_core::keyspace::shard::Shard;
use larder_core::settings::{EvictionPolicy, Settings};

use super::driver::run_retries;
use super::process::now_us;
use super::{Shared, lock};

/// The shards, each behind its lock.
struct Locked<'s>(&'s Shared);

impl Shards for Locked<'_> {
    fn count(&self) -> usize {
        self.0.shard_count()
    }

    fn hold<R>(&mut self, id: ShardId, work: impl FnOnce(&mut Shard) -> R) -> R {
        work(&mut self.0.shard(id))
    }
}

impl Shared {
    /// Evicts keys until `maxmemory` is kept or the time is over that a command may spend on it. Answers false if the
    /// limit cannot be kept. No shard may be held; requests that must run again are in the effects.
    #[cold]
    pub fn make_room(&self, env: Env<'_>, effects: &mut Effects) -> bool {
        // Those who come meanwhile wait here, and mostly find the work done.
        let mut evictor = lock(&self.evictor);
        let (start_us, patience_us) = (now_us(), patience_us(env.settings.maxmemory_eviction_tenacity));
        evictor.make_room(&mut Locked(self), env, effects, || now_us().saturating_sub(start_us) >= patience_us)
    }

    /// One slice of eviction for what was taken without a command that makes room: a new limit, buffers of clients.
    /// Says whether more is due right away.
    pub fn evict_slice(&self, counters: &Counters, settings: &Settings, seed: u64) -> bool {
        let is_kept = settings.maxmemory_policy == EvictionPolicy::Noeviction;
        if is_kept || !self.signals.exceeds(settings.maxmemory_bytes) {
            return false;
        }
        let env = Env {
            now_us: now_us(),
            seed,
            settings,
            layout: &self.layout,
            signals: &self.signals,
            counters,
            journal: self.log.as_ref().map(|log| log as &dyn Journal),
            host: self,
        };
        let mut effects = Effects::default();
        let has_evicted = self.make_room(env, &mut effects);
        run_retries(self, env, &mut effects);
        self.carry_out(&mut effects);
        has_evicted && self.signals.exceeds(settings.maxmemory_bytes)
    }
}
