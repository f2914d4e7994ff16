//! Replies that wait for a flush.
//!
//! To wake a task of another thread costs a system call. So a flush wakes one of those who wait on each thread, and
//! that one wakes the others there.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use larder_core::store::Lsn;

use super::super::lock;
use super::Log;

/// Those who wait, by the thread on which they began to.
#[derive(Default)]
pub struct Gates(Mutex<Vec<(ThreadId, Arc<Gate>)>>);

/// Those of one thread.
#[derive(Default)]
struct Gate(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    next_ticket: u64,
    entries: Vec<Entry>,
}

/// One who waits.
struct Entry {
    ticket: u64,
    lsn: Lsn,
    waker: Waker,
}

impl Gates {
    fn of_this_thread(&self) -> Arc<Gate> {
        let thread = thread::current().id();
        let mut gates = lock(&self.0);
        if let Some((_, gate)) = gates.iter().find(|(owner, _)| *owner == thread) {
            return Arc::clone(gate);
        }
        let gate = Arc::<Gate>::default();
        gates.push((thread, Arc::clone(&gate)));
        gate
    }

    /// Wakes one on each thread whose wait is over.
    pub fn open(&self, log: &Log) {
        for (_, gate) in lock(&self.0).iter() {
            let mut waiting = lock(&gate.0);
            let over = waiting.entries.iter().position(|entry| log.is_decided(entry.lsn));
            if let Some(entry) = over.map(|index| waiting.entries.remove(index)) {
                drop(waiting);
                entry.waker.wake();
            }
        }
    }
}

impl Waiting {
    /// Takes the one with a ticket off the list.
    fn leave(&mut self, ticket: Option<u64>) {
        if let Some(index) = ticket.and_then(|ticket| self.entries.iter().position(|entry| entry.ticket == ticket)) {
            self.entries.remove(index);
        }
    }

    /// Takes those off the list whose wait is over.
    fn take_decided(&mut self, log: &Log) -> Vec<Entry> {
        self.entries.extract_if(.., |entry| log.is_decided(entry.lsn)).collect()
    }
}

/// The wait for a record to survive a power cut. Answers false if it may not.
pub struct Flushed<'l> {
    log: &'l Log,
    gate: Arc<Gate>,
    lsn: Lsn,
    ticket: Option<u64>,
}

impl<'l> Flushed<'l> {
    /// Waits on this thread.
    pub fn new(log: &'l Log, lsn: Lsn) -> Self {
        Self { log, gate: log.gates.of_this_thread(), lsn, ticket: None }
    }

    /// Goes, and wakes the others on this thread whose wait is over as well: nobody else may do it.
    fn leave(&mut self) {
        let mut waiting = lock(&self.gate.0);
        waiting.leave(self.ticket.take());
        let decided = waiting.take_decided(self.log);
        drop(waiting);
        decided.into_iter().for_each(|entry| entry.waker.wake());
    }
}

impl Future for Flushed<'_> {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let this = self.get_mut();
        let mut waiting = lock(&this.gate.0);
        // Looked at under the lock: whoever brings the decision looks at the list afterwards.
        if this.log.is_decided(this.lsn) {
            drop(waiting);
            this.leave();
            return Poll::Ready(this.log.flushed() >= this.lsn);
        }
        let is_new = this.ticket.is_none();
        match waiting.entries.iter_mut().find(|entry| Some(entry.ticket) == this.ticket) {
            Some(entry) => entry.waker.clone_from(context.waker()),
            None => {
                let ticket = waiting.next_ticket;
                waiting.next_ticket += 1;
                waiting.entries.push(Entry { ticket, lsn: this.lsn, waker: context.waker().clone() });
                this.ticket = Some(ticket);
            }
        }
        drop(waiting);
        if is_new {
            this.log.ask_for_flush(this.lsn);
        }
        Poll::Pending
    }
}

impl Drop for Flushed<'_> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            // It may have been the one that was woken.
            self.leave();
        }
    }
}
