//! One current-thread runtime per core. Connections are spread over them in turn and stay where they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use larder_core::hub::Counters;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::Shared;

/// The runtimes of a server.
pub struct Workers {
    workers: Vec<Worker>,
    next: AtomicUsize,
}

/// One runtime on its thread.
pub struct Worker {
    handle: Handle,
    thread: JoinHandle<()>,
    stop: Arc<Notify>,
    /// What its connections count on.
    pub counters: Arc<Counters>,
}

impl Workers {
    /// Starts this many runtimes.
    pub fn start(count: usize, shared: &Shared) -> std::io::Result<Self> {
        let workers = (0..count).map(|i| Worker::start(i, shared)).collect::<std::io::Result<_>>()?;
        Ok(Self { workers, next: AtomicUsize::new(0) })
    }

    /// The worker whose turn it is.
    pub fn next(&self) -> &Worker {
        &self.workers[self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len()]
    }

    /// Ends all runtimes with their tasks.
    pub fn stop(&self) {
        self.workers.iter().for_each(|worker| worker.stop.notify_one());
        let deadline = std::time::Instant::now() + STOP_DEADLINE;
        // A thread that hangs in a command must not keep the process from ending.
        while self.workers.iter().any(|worker| !worker.thread.is_finished()) && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// How long the end of the process waits for the runtimes.
const STOP_DEADLINE: std::time::Duration = std::time::Duration::from_secs(5);

/// Asks the scheduler to let whoever runs finish its turn when this thread wakes. A worker then finds more requests
/// ready at once, and a request costs less: measured without pipelining on two busy cores, a fifth of the CPU time.
fn prefer_batches() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityOsValue, ThreadSchedulePolicy,
            set_thread_priority_and_policy, thread_native_id,
        };
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
        let usual = ThreadPriority::Os(ThreadPriorityOsValue::default());
        // Where it is forbidden the server works as well, only with smaller batches.
        if let Err(error) = set_thread_priority_and_policy(thread_native_id(), usual, policy) {
            tracing::debug!("no batch scheduling: {error}");
        }
    }
}

impl Worker {
    fn start(number: usize, shared: &Shared) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let counters = Arc::new(Counters::default());
        shared.hub().counters.push(Arc::clone(&counters));
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name(format!("larder-{number}")).spawn(move || {
            prefer_batches();
            runtime.block_on(stopped.notified());
        })?;
        Ok(Self { handle, thread, stop, counters })
    }

    /// Runs a connection's task on this worker from now on.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.handle.spawn(task).abort_handle()
    }
}
