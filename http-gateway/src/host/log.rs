//! The log of a running server: records gather under one lock, reach the store before the replies that depend on them
//! leave, and are flushed behind by a thread of its own.

mod gate;
mod pace;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use larder_core::hub::Signals;
use larder_core::journal::Journal;
use larder_core::settings::AppendFsync;
use larder_core::store::record::{seal, write_unsealed_change};
use larder_core::store::{Lsn, Store, StoreError};
use tokio::sync::watch;

use super::lock;
use gate::{Flushed, Gates};
use pace::Pace;

/// How long `everysec` leaves records unflushed at most, one flush aside.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// How long a write that a failed store has not got waits for it to heal before the client hears of the failure.
const HEAL_PATIENCE: Duration = Duration::from_secs(1);

/// Buffers larger than this are given back once they have been written.
const KEEP_BUFFER_BYTES: usize = 1 << 20;

/// The log of a running server.
pub struct Log {
    store: Box<dyn Store>,
    pending: Mutex<Pending>,
    /// Held by whoever hands records to the store; the spare buffer changes places with the pending one.
    writer: Mutex<Vec<u8>>,
    /// The newest record that survives the process.
    appended: AtomicU64,
    /// The newest record that survives a power cut.
    flushed: AtomicU64,
    /// Those who wait for that.
    gates: Gates,
    /// How often a fault has ended, told to those who wait for it.
    heals: watch::Sender<u64>,
    /// Why nothing can be written at present.
    fault: Mutex<Option<String>>,
    signals: Arc<Signals>,
    /// What the flusher shall do.
    wish: Mutex<Wish>,
    wished: Condvar,
    /// Flushes that were carried out, for INFO.
    pub flushes: AtomicU64,
}

/// Records that the store has not got yet.
struct Pending {
    /// Without checksums, which whoever writes them out brings.
    records: Vec<u8>,
    last: Lsn,
}

/// What the flusher is asked for.
#[derive(Clone, Copy, Default)]
struct Wish {
    /// Flush up to this record at once.
    up_to: Lsn,
    /// How many have asked since the last flush began.
    asking: usize,
    /// The flusher sleeps until so many ask; 0 while it is awake.
    wakes_at: usize,
    /// End.
    stop: bool,
}

impl Journal for Log {
    fn append(&self, now_us: u64, db: u16, requests: &mut dyn FnMut(&mut Vec<u8>)) -> Lsn {
        let mut pending = lock(&self.pending);
        pending.last += 1;
        let lsn = pending.last;
        write_unsealed_change(&mut pending.records, lsn, now_us, db, requests);
        lsn
    }

    fn flushed(&self) -> Lsn {
        Log::flushed(self)
    }
}

impl Log {
    /// The log of a store whose last record is `last`. [`Signals::write_fault`] is set while nothing can be
    /// written.
    pub fn new(store: Box<dyn Store>, last: Lsn, signals: Arc<Signals>) -> Self {
        Self {
            store,
            pending: Mutex::new(Pending { records: Vec::new(), last }),
            writer: Mutex::default(),
            appended: AtomicU64::new(last),
            flushed: AtomicU64::new(last),
            gates: Gates::default(),
            heals: watch::Sender::new(0),
            fault: Mutex::default(),
            signals,
            wish: Mutex::default(),
            wished: Condvar::new(),
            flushes: AtomicU64::new(0),
        }
    }

    /// The store behind it.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Number of the newest record. Exact while every shard is held.
    pub fn last(&self) -> Lsn {
        lock(&self.pending).last
    }

    /// The newest record that survives the process.
    pub fn appended(&self) -> Lsn {
        self.appended.load(Ordering::Acquire)
    }

    /// The newest record that survives a power cut.
    pub fn flushed(&self) -> Lsn {
        self.flushed.load(Ordering::Acquire)
    }

    /// Why nothing can be written at present.
    pub fn fault(&self) -> Option<String> {
        lock(&self.fault).clone()
    }

    /// Hands all records so far to the store, unless it has the one that is asked for. Answers false if it could not.
    pub fn write_out(&self, up_to: Lsn) -> bool {
        if self.appended() >= up_to {
            return true;
        }
        let mut spare = lock(&self.writer);
        if self.appended() >= up_to {
            return true;
        }
        if self.signals.write_fault.load(Ordering::Acquire) {
            return false;
        }
        let last = {
            let mut pending = lock(&self.pending);
            std::mem::swap(&mut pending.records, &mut *spare);
            pending.last
        };
        seal(&mut spare);
        let result = self.store.append(&spare, last);
        spare.clear();
        if spare.capacity() > KEEP_BUFFER_BYTES {
            *spare = Vec::new();
        }
        match result {
            Ok(()) => {
                self.appended.store(last, Ordering::Release);
                true
            }
            Err(error) => {
                self.fail(&error);
                false
            }
        }
    }

    /// Notes that the store has failed: writes are refused until it is healed.
    fn fail(&self, error: &StoreError) {
        tracing::error!("the log cannot be written: {error}");
        lock(&self.fault).get_or_insert_with(|| error.to_string());
        self.signals.write_fault.store(true, Ordering::Release);
        self.gates.open(self);
    }

    /// Waits until a record survives a power cut. Answers false if it may not.
    pub async fn wait_flushed(&self, lsn: Lsn) -> bool {
        Flushed::new(self, lsn).await
    }

    /// Whether those who wait for a record need not wait any longer.
    fn is_decided(&self, lsn: Lsn) -> bool {
        self.flushed() >= lsn || self.signals.write_fault.load(Ordering::Acquire)
    }

    /// Asks the flusher for a record, for one more who waits.
    fn ask_for_flush(&self, lsn: Lsn) {
        let mut wish = lock(&self.wish);
        wish.up_to = wish.up_to.max(lsn);
        wish.asking += 1;
        if wish.wakes_at > 0 && wish.asking >= wish.wakes_at {
            wish.wakes_at = 0;
            drop(wish);
            self.wished.notify_one();
        }
    }

    /// Flushes as the policy wants until [`Log::stop_flushing`]; for a thread of its own.
    pub fn flush_loop(&self, policy: impl Fn() -> AppendFsync) {
        let mut last_round = Instant::now();
        let mut pace = Pace::default();
        loop {
            let rest = FLUSH_INTERVAL.saturating_sub(last_round.elapsed());
            let wish = self.gather(self.sleep(lock(&self.wish), 0, rest), &pace);
            let (is_wished, asking, stop) = (self.is_wished(&wish), wish.asking, wish.stop);
            drop(wish);
            if stop {
                return;
            }
            let is_round_over = last_round.elapsed() >= FLUSH_INTERVAL;
            if is_round_over {
                last_round = Instant::now();
            }
            if let Err(error) = self.store.maintain() {
                self.fail(&error);
            }
            if is_wished || is_round_over && policy() == AppendFsync::Everysec {
                lock(&self.wish).asking = 0;
                if is_wished {
                    self.store.expect_flushes();
                }
                let begun = Instant::now();
                self.flush_all();
                pace.took(begun.elapsed());
                let mut wish = lock(&self.wish);
                // Whoever asked meanwhile may have been served as well.
                let served = if self.is_wished(&wish) { 0 } else { std::mem::take(&mut wish.asking) };
                pace.expect(asking + served + wish.asking);
            }
        }
    }

    fn is_wished(&self, wish: &Wish) -> bool {
        !self.is_decided(wish.up_to)
    }

    /// Sleeps until so many ask for a flush, but not for longer than this.
    fn sleep<'w>(&self, mut wish: MutexGuard<'w, Wish>, asking: usize, rest: Duration) -> MutexGuard<'w, Wish> {
        wish.wakes_at = asking.max(1);
        let wanted = |wish: &mut Wish| !wish.stop && (wish.asking < asking || !self.is_wished(wish));
        let waited = self.wished.wait_timeout_while(wish, rest, wanted);
        let mut wish = waited.unwrap_or_else(PoisonError::into_inner).0;
        wish.wakes_at = 0;
        wish
    }

    /// Waits for those who were answered by the last flush to ask for the next one.
    fn gather<'w>(&self, mut wish: MutexGuard<'w, Wish>, pace: &Pace) -> MutexGuard<'w, Wish> {
        while self.is_wished(&wish)
            && !wish.stop
            && let Some((asking, rest)) = pace.wait(wish.asking)
        {
            wish = self.sleep(wish, asking, rest);
        }
        wish
    }

    /// Writes out and flushes what there is. For the flusher alone.
    fn flush_all(&self) {
        if !self.write_out(self.last()) || self.flushed() >= self.appended() {
            return;
        }
        match self.store.flush() {
            Ok(lsn) => {
                self.flushes.fetch_add(1, Ordering::Relaxed);
                self.flushed.fetch_max(lsn, Ordering::AcqRel);
                self.gates.open(self);
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Writes out and flushes everything, and notes that nothing is missing.
    pub fn close(&self) -> Result<(), StoreError> {
        if self.write_out(self.last()) {
            return self.store.close();
        }
        Err(StoreError::Io(self.fault().unwrap_or_default()))
    }

    /// Ends [`Log::flush_loop`].
    pub fn stop_flushing(&self) {
        lock(&self.wish).stop = true;
        self.wished.notify_one();
    }

    /// Notes that a snapshot covers everything up to a record that the store may not have got: it is healed.
    pub fn healed(&self, lsn: Lsn) {
        self.appended.fetch_max(lsn, Ordering::AcqRel);
        self.flushed.fetch_max(lsn, Ordering::AcqRel);
        *lock(&self.fault) = None;
        self.signals.write_fault.store(false, Ordering::Release);
        self.gates.open(self);
        self.heals.send_modify(|heals| *heals += 1);
    }

    /// The number that a snapshot of the present state covers, while every shard is held. What a failed store has not
    /// got is dropped: the snapshot will hold it.
    pub fn mark(&self) -> Lsn {
        let mut pending = lock(&self.pending);
        if self.signals.write_fault.load(Ordering::Acquire) {
            pending.records.clear();
        }
        pending.last
    }

    /// Waits for the end of a fault, but not for ever. Answers whether a record survives the process now.
    pub async fn wait_healed(&self, lsn: Lsn) -> bool {
        let mut heals = self.heals.subscribe();
        let healed = heals.wait_for(|_| !self.signals.write_fault.load(Ordering::Acquire));
        // Either way the log says how far it is.
        let _ = tokio::time::timeout(HEAL_PATIENCE, healed).await;
        !self.signals.write_fault.load(Ordering::Acquire) && self.write_out(lsn)
    }
}
