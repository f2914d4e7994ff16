//! Eviction: which keys go when data and client buffers take more than `maxmemory`.
//!
//! As in Redis the choice is good rather than best: a few random keys are looked at for each that goes, and the best
//! of those seen so far wait in a pool. The shards are looked at in turn, one at a time.

#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;

use super::entry::Entry;
use super::journaling::Expired;
use super::shard::{Located, Shard};
use super::{AccessClock, Held, Keyspace, Layout, ShardId};
use crate::context::Env;
use crate::effects::Effects;
use crate::hash::Random;
use crate::retry::serve;
use crate::settings::{EvictionPolicy, Settings};

/// Candidates kept between evictions, as many as Redis keeps.
const POOL_CANDIDATES: usize = 16;

/// Turns between two looks at the clock, which costs about as much as a turn.
pub const TURNS_PER_LOOK: usize = 16;

/// A call whose time is over goes on while memory exceeds the limit by more than this share of it: within it others
/// may get on first.
const BEARABLE_SHARE: u64 = 256;

/// What shards and clients may together have taken without telling, as a share of the limit.
const UNTOLD_SHARE_LOG2: u32 = 8;

/// Most that one shard or client has taken without telling.
const UNTOLD_BYTES: u64 = 4096;

/// Buffers for keys longer than this are given back: a pool must not pin what it was to make free.
const KEPT_KEY_BYTES: usize = 1024;

/// By how much memory of one shard or client may change before the sum of all is told; never without a limit.
#[inline]
pub fn untold_bytes(settings: &Settings, layout: &Layout) -> usize {
    match settings.maxmemory_bytes {
        0 => usize::MAX,
        // There is a power of two of shards.
        limit => (limit >> (UNTOLD_SHARE_LOG2 + layout.shards().trailing_zeros())).min(UNTOLD_BYTES) as usize,
    }
}

/// How long one command evicts before it goes on, in microseconds: 500 at the default `maxmemory-eviction-tenacity` of
/// 10, fifteen percent more with each step above that, and no bound at 100.
pub fn patience_us(tenacity: u8) -> u64 {
    match tenacity {
        0..=10 => u64::from(tenacity) * 50,
        11..=99 => (10..tenacity).fold(500.0, |us, _| us * 1.15) as u64,
        _ => u64::MAX,
    }
}

/// Lends shards, one at a time.
pub trait Shards {
    /// How many there are.
    fn count(&self) -> usize;

    /// Holds one while the closure works on it.
    fn hold<R>(&mut self, id: ShardId, work: impl FnOnce(&mut Shard) -> R) -> R;
}

/// A key that may go.
#[derive(Debug, Default)]
struct Candidate {
    /// The higher, the better it goes.
    score: u64,
    shard: ShardId,
    db: u16,
    key: Vec<u8>,
}

/// Makes room in the shards of one keyspace.
#[derive(Debug)]
pub struct Evictor {
    /// Best candidates seen, ascending by score.
    pool: Vec<Candidate>,
    random: Random,
    next_shard: ShardId,
    /// What the pool and the ceiling are for.
    limit_bytes: u64,
    policy: EvictionPolicy,
    /// Lowest use since the limit was set, or the limit. A new limit below what is in use is approached in the time
    /// that each call has; what has once been reached is held, whatever time that takes.
    ceiling_bytes: u64,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Memory may have been freed.
    Worked,
    /// No key may go.
    NothingToEvict,
}

impl Evictor {
    /// An evictor that makes its choices by a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            pool: Vec::new(),
            random: Random::new(seed),
            next_shard: 0,
            limit_bytes: 0,
            policy: EvictionPolicy::Noeviction,
            ceiling_bytes: u64::MAX,
        }
    }

    /// Evicts keys until `maxmemory` is kept, or until `is_late` says that the caller's time is over and little is
    /// missing. Answers false if the limit cannot be kept: commands that may take more memory are refused then.
    /// No shard may be held. Requests that must run again are in the effects.
    pub fn make_room(
        &mut self,
        shards: &mut impl Shards,
        env: Env<'_>,
        effects: &mut Effects,
        mut is_late: impl FnMut() -> bool,
    ) -> bool {
        // While clients are to see no changes, none are made.
        if env.signals.pause_until_ms.load(Ordering::Relaxed) > env.now_ms() {
            return true;
        }
        self.adapt(env.settings);
        let limit = self.limit_bytes;
        let bearable = self.ceiling_bytes.max(limit).saturating_add(limit / BEARABLE_SHARE);
        for turn in 1usize.. {
            if !env.signals.exceeds(limit) {
                break;
            }
            if turn.is_multiple_of(TURNS_PER_LOOK) && is_late() && !env.signals.exceeds(bearable) {
                break;
            }
            if self.take_turn(shards, env, effects) == Turn::NothingToEvict {
                sum_exactly(shards, env);
                return !env.signals.exceeds(limit);
            }
        }
        let used = env.signals.memory_bytes.load(Ordering::Relaxed);
        self.ceiling_bytes = self.ceiling_bytes.min(used.max(limit));
        true
    }

    /// Starts anew when other settings have come in force.
    fn adapt(&mut self, settings: &Settings) {
        let (limit_bytes, policy) = (settings.maxmemory_bytes, settings.maxmemory_policy);
        if (self.limit_bytes, self.policy) != (limit_bytes, policy) {
            (self.limit_bytes, self.policy) = (limit_bytes, policy);
            self.ceiling_bytes = u64::MAX;
            self.pool.clear();
        }
    }

    /// Looks at some keys and evicts the best candidate.
    fn take_turn(&mut self, shards: &mut impl Shards, env: Env<'_>, effects: &mut Effects) -> Turn {
        let goes_by_chance = matches!(self.policy, EvictionPolicy::AllkeysRandom | EvictionPolicy::VolatileRandom);
        let samples = match self.policy {
            EvictionPolicy::Noeviction => return Turn::NothingToEvict,
            _ if goes_by_chance => 1,
            _ => env.settings.maxmemory_samples.max(1) as usize,
        };
        let has_seen_some = self.look_around(shards, samples, &env);
        while let Some(mut candidate) = self.pool.pop() {
            let id = candidate.shard;
            let evicted = shards.hold(id, |shard| evict(shard, &candidate, self.policy, env, effects));
            // Large values are freed here, where nobody waits for the shard.
            let is_evicted = evicted.is_some();
            drop(evicted);
            if candidate.key.capacity() > KEPT_KEY_BYTES {
                candidate.key = Vec::new();
            }
            if is_evicted {
                return Turn::Worked;
            }
        }
        if has_seen_some { Turn::Worked } else { Turn::NothingToEvict }
    }

    /// Puts random keys of the next shards into the pool. Says whether there were any that may go.
    fn look_around(&mut self, shards: &mut impl Shards, samples: usize, env: &Env<'_>) -> bool {
        let (count, clock) = (shards.count(), env.access_clock());
        let mut seen = 0;
        // One shard has enough keys, unless there are few in all.
        for _ in 0..count {
            let id = self.next_shard % count;
            self.next_shard = id + 1;
            seen += shards.hold(id, |shard| self.sample(id, shard, samples - seen, clock));
            if seen >= samples {
                break;
            }
        }
        seen > 0
    }

    /// Puts about so many random keys of a shard into the pool and says how many.
    fn sample(&mut self, id: ShardId, shard: &Shard, samples: usize, clock: AccessClock) -> usize {
        let is_volatile = is_volatile(self.policy);
        let Some(db) = self.draw_database(shard, is_volatile) else { return 0 };
        let table = shard.database(db);
        if table.len() <= samples {
            let mut seen = 0;
            for entry in table.iter().filter(|entry| !is_volatile || entry.deadline_ms().is_some()) {
                self.consider(id, db, entry, clock);
                seen += 1;
            }
            return seen;
        }
        for _ in 0..samples {
            let r = self.random.next_u64();
            let drawn = if is_volatile { table.random_with_deadline(r) } else { table.random(r) };
            if let Some(entry) = drawn {
                self.consider(id, db, entry, clock);
            }
        }
        samples
    }

    /// A database of a shard, each as likely as it has keys that may go; `None` if there are none.
    fn draw_database(&mut self, shard: &Shard, is_volatile: bool) -> Option<u16> {
        let keys = |db: u16| {
            let table = shard.database(db);
            if is_volatile { table.deadlines() } else { table.len() }
        };
        let total: usize = (0..shard.databases()).map(keys).sum();
        let mut place = self.random.next_u64() as usize % total.max(1);
        (0..shard.databases()).find(|&db| {
            let here = keys(db);
            let is_here = place < here;
            place = place.saturating_sub(here);
            is_here
        })
    }

    /// Puts a key into the pool if it is a better candidate than one there.
    fn consider(&mut self, shard: ShardId, db: u16, entry: &Entry, clock: AccessClock) {
        let score = score(entry, self.policy, clock);
        let mut place = self.pool.partition_point(|candidate| candidate.score < score);
        let is_full = self.pool.len() >= POOL_CANDIDATES;
        if is_full && place == 0 || self.pool.iter().any(|known| known.is(shard, db, entry.key())) {
            return;
        }
        let mut candidate = if is_full {
            place -= 1;
            self.pool.remove(0)
        } else {
            Candidate::default()
        };
        candidate.key.clear();
        candidate.key.extend_from_slice(entry.key());
        self.pool.insert(place, Candidate { score, shard, db, key: candidate.key });
    }
}

impl Candidate {
    fn is(&self, shard: ShardId, db: u16, key: &[u8]) -> bool {
        self.shard == shard && self.db == db && self.key == key
    }
}

fn is_volatile(policy: EvictionPolicy) -> bool {
    use EvictionPolicy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileTtl};
    matches!(policy, VolatileLru | VolatileLfu | VolatileRandom | VolatileTtl)
}

/// How well a key may go: the longer it was not used, the less often it is used, the sooner it ends.
fn score(entry: &Entry, policy: EvictionPolicy, clock: AccessClock) -> u64 {
    match policy {
        EvictionPolicy::AllkeysLru | EvictionPolicy::VolatileLru => clock.idle_seconds(entry.clock()).into(),
        EvictionPolicy::AllkeysLfu | EvictionPolicy::VolatileLfu => (255 - clock.decayed(entry.clock())).into(),
        EvictionPolicy::VolatileTtl => u64::MAX - entry.deadline_ms().unwrap_or(u64::MAX),
        EvictionPolicy::AllkeysRandom | EvictionPolicy::VolatileRandom | EvictionPolicy::Noeviction => 0,
    }
}

/// Evicts a candidate, unless it is gone or has been used since it was chosen. The answer is as that of
/// [`Shard::evict`].
fn evict(
    shard: &mut Shard,
    candidate: &Candidate,
    policy: EvictionPolicy,
    env: Env<'_>,
    effects: &mut Effects,
) -> Option<Option<Entry>> {
    let Candidate { db, key, .. } = candidate;
    let located = shard.locate(*db, shard.hash(key), key, env.now_ms());
    let may_go = |entry: &Entry| {
        score(entry, policy, env.access_clock()) >= candidate.score
            && (!is_volatile(policy) || entry.deadline_ms().is_some())
    };
    let evicted = if shard.entry(*db, located).is_some_and(may_go) { shard.evict(*db, located) } else { None };
    if let Some(journal) = env.journal.filter(|_| shard.has_expired()) {
        shard.log_expired(journal, env.now_us);
        let last = shard.last_record();
        shard.logged(last);
    }
    if shard.waiting.has_ready() {
        let held = Held::One(candidate.shard, shard);
        let mut keys = Keyspace::new(held, env.layout, *db, env.now_ms(), env.access_clock(), None);
        serve(&mut keys, env, effects);
    }
    shard.tell_bytes(&env.signals.memory_bytes, 0);
    evicted
}

/// Adds to the sum of all memory what the shards have not told yet.
fn sum_exactly(shards: &mut impl Shards, env: Env<'_>) {
    for id in 0..shards.count() {
        shards.hold(id, |shard| shard.tell_bytes(&env.signals.memory_bytes, 0));
    }
}

impl Shard {
    /// Removes a located key to make room. Answers its entry, unless a snapshot has taken that.
    fn evict(&mut self, db: u16, located: Located) -> Option<Option<Entry>> {
        let entry = self.take_changed(db, located)?;
        self.stats.evicted += 1;
        self.journaling.expired(db, || Expired::Key(entry.key().into()));
        Some(self.unless_walked(db, entry))
    }
}
