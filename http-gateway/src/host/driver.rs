//! Runs the requests of one client: takes the holds a plan names, executes, lets go.

use std::sync::Arc;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder_core::command::{Command, CommandId, Flags};
use larder_core::connection::Connection;
use larder_core::context::Env;
use larder_core::effects::Effects;
use larder_core::error::CommandError;
use larder_core::execute::execute;
use larder_core::hash::Random;
use larder_core::hub::{Client, Counters};
use larder_core::journal::Journal;
use larder_core::keyspace::eviction::untold_bytes;
use larder_core::keyspace::shard::Shard;
use larder_core::keyspace::{Ahead, Held, KEYS_AHEAD, ShardId, ShardSet, is_far};
use larder_core::limits::{BATCH_MICROSECONDS, COMMANDS_PER_BATCH, COMMANDS_PER_HOLD, MAX_SHARDS, OUTPUT_BATCH_BYTES};
use larder_core::plan::{Plan, plan};
use larder_core::resp::Arguments;
use larder_core::resp::{Protocol, Reply, decode};
use larder_core::retry::{give_up, resume, retry};
use larder_core::session::Session;
use larder_core::settings::{AppendFsync, Settings};
use larder_core::store::Lsn;

use super::log::Log;
use super::mailbox::Mailbox;
use super::migrate;
use super::process::now_us;
use super::{Shared, held};

/// What a client's task does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Send the replies, then wait for more bytes.
    Read,
    /// Send the replies, then run again: a bound of one batch was reached.
    Again,
    /// Send the replies, then wait for the end of a pause and run again.
    Paused,
    /// Send the replies, then wait for the reply of a request that waits for data, and run again.
    Waiting,
    /// Send the replies, then close.
    Close,
}

/// Longest sleep at a time, a day: timers count only so far.
const LONGEST_SLEEP_MS: u64 = 24 * 60 * 60 * 1000;

/// One client on its thread.
pub struct Driver {
    /// The client and its buffers.
    pub connection: Connection,
    world: World,
    mailbox: Arc<Mailbox>,
}

/// Everything around a client that its commands need.
pub struct World {
    shared: Arc<Shared>,
    surroundings: Surroundings,
    /// Memory of the connection that the sum of all memory knows, if it has no [`Driver`] and so no place in the list
    /// of clients.
    told_bytes: u64,
}

/// The part of the world that belongs to one client's thread alone. It stands apart from the shared keyspace so that a
/// hold on that can outlive a command without counting references.
struct Surroundings {
    counters: Arc<Counters>,
    settings: Arc<Settings>,
    settings_epoch: u64,
    random: Random,
    effects: Effects,
    /// Commands of the running batch, for their share of its time.
    ran: Vec<CommandId>,
    /// The newest records that replies outside of a [`Driver`] depend on, and that their requests have made.
    depends_on: Lsn,
    wrote: Lsn,
}

/// A shard kept over consecutive commands that want the same one.
type Hold<'s> = Option<(ShardId, MutexGuard<'s, Shard>)>;

impl World {
    /// A world for one client of a thread with these counters.
    pub fn new(shared: Arc<Shared>, counters: Arc<Counters>, random: Random) -> Self {
        let settings = Arc::clone(&shared.hub().settings);
        let settings_epoch = shared.signals.settings_epoch.load(Ordering::Acquire);
        let effects = Effects::default();
        let surroundings = Surroundings {
            counters,
            settings,
            settings_epoch,
            random,
            effects,
            ran: Vec::new(),
            depends_on: 0,
            wrote: 0,
        };
        Self { shared, surroundings, told_bytes: 0 }
    }

    /// Settings in force.
    pub fn settings(&mut self) -> &Arc<Settings> {
        self.surroundings.refresh_settings(&self.shared);
        &self.surroundings.settings
    }

    /// What [`Shared::settle`] wants to know before the answers since the last call leave.
    pub fn gate(&mut self) -> (Lsn, Lsn, AppendFsync) {
        let Surroundings { depends_on, wrote, settings, .. } = &mut self.surroundings;
        (std::mem::take(depends_on), std::mem::take(wrote), settings.appendfsync)
    }

    /// Runs one request that did not come over RESP. Answers false, having done nothing, while a pause holds it back.
    pub fn call(&mut self, session: &mut Session, args: Arguments<'_>, out: &mut Vec<u8>) -> bool {
        self.surroundings.refresh_settings(&self.shared);
        let has_limit = self.surroundings.settings.maxmemory_bytes > 0;
        if has_limit {
            let request_bytes: usize = args.iter().map(<[u8]>::len).sum();
            self.tell_bytes((size_of::<Client>() + request_bytes + out.capacity()) as u64);
        }
        let Self { shared, surroundings, .. } = self;
        let mut hold = None;
        let start_us = now_us();
        let ran = surroundings.run_one(shared, &mut hold, session, args, out, start_us);
        drop(hold);
        surroundings.depends_on = surroundings.depends_on.max(session.depends_on);
        surroundings.wrote = surroundings.wrote.max(session.wrote);
        surroundings.finish_batch(shared, start_us);
        if has_limit {
            self.tell_bytes((size_of::<Client>() + out.capacity()) as u64);
        }
        ran
    }

    /// Lets the sum of all memory know how much the connection takes.
    fn tell_bytes(&mut self, bytes: u64) {
        let before = std::mem::replace(&mut self.told_bytes, bytes);
        if bytes != before {
            // Wraps where memory has become less.
            self.shared.signals.memory_bytes.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.tell_bytes(0);
    }
}

impl Surroundings {
    fn refresh_settings(&mut self, shared: &Shared) {
        let epoch = shared.signals.settings_epoch.load(Ordering::Acquire);
        if epoch != self.settings_epoch {
            self.settings = Arc::clone(&shared.hub().settings);
            self.settings_epoch = epoch;
        }
    }

    /// Runs one request under the holds it needs. Answers false while a pause holds it back.
    fn run_one<'s>(
        &mut self,
        shared: &'s Shared,
        hold: &mut Hold<'s>,
        session: &mut Session,
        args: Arguments<'_>,
        out: &mut Vec<u8>,
        now_us: u64,
    ) -> bool {
        let env = Env {
            now_us,
            seed: self.random.next_u64(),
            settings: &self.settings,
            layout: &shared.layout,
            signals: &shared.signals,
            counters: &self.counters,
            journal: shared.log.as_ref().map(|log| log as &dyn Journal),
            host: shared,
        };
        let mut plan = plan(session, args, &env);
        if shared.signals.holds_back(plan.writes, env.now_ms()) {
            return false;
        }
        if plan.needs_room {
            *hold = None;
            if !shared.make_room(env, &mut self.effects) {
                plan = plan.refused_for_memory(session);
            }
        }
        self.ran.extend(plan.command);
        let effects = &mut self.effects;
        match (plan.shards, plan.hub) {
            (ShardSet::None, false) => execute(session, Held::None, None, plan, args, env, out, effects),
            (ShardSet::One(id), false) => {
                let shard = hold_shard(shared, hold, id);
                let may_be_slow = args.len() > FEW_WORDS || plan.command.is_some_and(may_be_slow);
                let mark = out.len();
                execute(session, Held::One(id, shard), None, plan, args, env, out, effects);
                if may_be_slow || out.len() > mark + SHORT_REPLY_BYTES {
                    *hold = None;
                }
            }
            _ => {
                *hold = None;
                execute_widely(shared, session, plan, args, env, out, effects);
            }
        }
        if !self.effects.retries.is_empty() {
            *hold = None;
            run_retries(shared, env, &mut self.effects);
        }
        true
    }

    /// Books the batch's time on its commands and carries out their effects. Nothing may be held.
    fn finish_batch(&mut self, shared: &Shared, start_us: u64) {
        if let Some(count) = u64::try_from(self.ran.len()).ok().filter(|&count| count > 0) {
            let spent_us = now_us().saturating_sub(start_us);
            // Evenly: a clock reading for each command would cost more than most commands do.
            for (i, id) in self.ran.iter().enumerate() {
                let share = spent_us / count + u64::from((i as u64) < spent_us % count);
                self.counters.command(id.index()).microseconds.add(share);
            }
            self.ran.clear();
        }
        shared.carry_out(&mut self.effects);
    }
}

impl Driver {
    /// A driver for a client that has connected.
    pub fn new(session: Session, world: World) -> Self {
        let mailbox = world.shared.open_mailbox(session.id);
        Self { connection: Connection::new(session), world, mailbox }
    }

    /// Waits for the reply of the request that waits for data, and puts it among the replies. May be dropped and
    /// called again.
    pub async fn wait_for_data(&mut self) {
        while let Some(parked) = self.connection.session.parked.clone() {
            if let Some(delivery) = self.mailbox.take() {
                let session = &mut self.connection.session;
                resume(session);
                session.depends_on = session.depends_on.max(delivery.depends_on);
                session.wrote = session.wrote.max(delivery.depends_on);
                if !parked.is_silent() {
                    self.connection.out.extend_from_slice(&delivery.reply);
                }
                return;
            }
            let is_over = parked.wait.deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_us() / 1000);
            let is_unwanted = self.connection.session.record.unblock.load(Ordering::Relaxed) != 0;
            let shared = &self.world.shared;
            if (is_over || is_unwanted || shared.is_flushed(&parked.wait)) && shared.unpark(&parked) {
                let flushed = shared.log.as_ref().map(Log::flushed);
                give_up(&mut self.connection.session, flushed, &mut self.connection.out);
                return;
            }
            // Once it has been served, the reply comes without fail.
            let deadline_ms = parked.wait.deadline_ms.filter(|_| !is_over);
            let changed = async {
                tokio::select! {
                    () = self.mailbox.changed() => {}
                    () = shared.flushed(&parked.wait) => {}
                }
            };
            match deadline_ms.map(|deadline_ms| deadline_ms.saturating_sub(now_us() / 1000).max(1)) {
                None => changed.await,
                Some(rest_ms) => {
                    let rest = Duration::from_millis(rest_ms.min(LONGEST_SLEEP_MS));
                    // Either way it looks again.
                    let _ = tokio::time::timeout(rest, changed).await;
                }
            }
        }
    }

    /// The settings in force.
    pub fn settings(&mut self) -> &Arc<Settings> {
        self.world.settings()
    }

    /// Waits until the replies may leave. Those that the log could not be made to keep become errors.
    #[inline]
    pub async fn settle(&mut self) {
        let (depends_on, wrote) = (self.connection.session.depends_on, self.connection.session.wrote);
        let policy = self.world.surroundings.settings.appendfsync;
        if !self.world.shared.is_settled(depends_on, policy) {
            self.settle_slowly(depends_on, wrote, policy).await;
        }
    }

    async fn settle_slowly(&mut self, depends_on: Lsn, wrote: Lsn, policy: AppendFsync) {
        if !self.world.shared.settle(depends_on, wrote, policy).await {
            let protocol = self.connection.session.protocol;
            let replies = replace_replies(&self.connection.out, protocol);
            self.connection.out = replies;
            // The client has heard of the failure: what it does next does not depend on what may be lost.
            (self.connection.session.depends_on, self.connection.session.wrote) = (0, 0);
        }
    }

    /// Counts bytes that went over the wire, all waiting replies if any.
    pub fn count_bytes(&self, received: usize, sent: usize) {
        if sent > 0 {
            self.connection.session.record.output_bytes.store(0, Ordering::Relaxed);
        }
        self.world.surroundings.counters.received_bytes.add(received as u64);
        self.world.surroundings.counters.sent_bytes.add(sent as u64);
    }

    /// The shared keyspace.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.world.shared
    }

    /// Runs the whole requests received so far, up to the bounds of one batch.
    pub fn run(&mut self) -> Turn {
        let start_us = now_us();
        let Self { connection, world: World { shared, surroundings, .. }, .. } = self;
        // Part of a request shows that the client is there, too.
        connection.session.record.active_ms.store(start_us / 1000, Ordering::Relaxed);
        let has_received = tell_buffers(connection, shared, &surroundings.settings);
        let turn = run_batch(connection, shared, surroundings, start_us);
        if let Some(migration) = surroundings.effects.migration.take() {
            migrate::start(shared, &surroundings.counters, surroundings.random.next_u64(), migration);
        }
        surroundings.finish_batch(shared, start_us);
        if tell_buffers(connection, shared, &surroundings.settings) || has_received {
            // Buffers take memory without a command that would make room.
            shared.evict_slice(&surroundings.counters, &surroundings.settings, surroundings.random.next_u64());
        }
        turn
    }
}

/// Lets others see how full the buffers are: CLIENT LIST, and the sum of all memory. Says whether that has grown.
fn tell_buffers(connection: &Connection, shared: &Shared, settings: &Settings) -> bool {
    let record = &connection.session.record;
    record.query_bytes.store(connection.input.len() as u64, Ordering::Relaxed);
    record.query_free_bytes.store(connection.input.free_bytes() as u64, Ordering::Relaxed);
    record.output_bytes.store(connection.out.len() as u64, Ordering::Relaxed);
    settings.maxmemory_bytes > 0 && {
        let untold = untold_bytes(settings, &shared.layout) as u64;
        record.tell_bytes(&shared.signals.memory_bytes, Client::bytes(record), untold)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.world.shared.close_session(&mut self.connection.session);
    }
}

fn run_batch(connection: &mut Connection, shared: &Shared, surroundings: &mut Surroundings, start_us: u64) -> Turn {
    let mut hold: Hold<'_> = None;
    let mut instant_us = start_us;
    let mut commands = 0;
    surroundings.refresh_settings(shared);
    read_ahead(connection, shared, &mut hold);
    loop {
        match connection.advance(&surroundings.settings) {
            Ok(true) => {}
            Ok(false) => return Turn::Read,
            Err(error) => {
                let protocol = connection.session.protocol;
                tracing::info!(client = connection.session.id, "closed: {error}");
                error.write(&mut Reply::new(&mut connection.out, protocol));
                return Turn::Close;
            }
        }
        let (session, args, out) = connection.parts();
        if !surroundings.run_one(shared, &mut hold, session, args, out, instant_us) {
            connection.postpone_request();
            return Turn::Paused;
        }
        if connection.session.closing {
            return Turn::Close;
        }
        if connection.session.parked.is_some() {
            return Turn::Waiting;
        }
        commands += 1;
        if commands % KEYS_AHEAD == 0 {
            read_ahead(connection, shared, &mut hold);
        }
        // A command that held more than one shard, or let go of its one, may have taken long or changed the settings.
        if hold.is_none() || commands % COMMANDS_PER_HOLD == 0 {
            hold = None;
            instant_us = now_us();
            surroundings.refresh_settings(shared);
        }
        let is_long = commands >= COMMANDS_PER_BATCH || instant_us.saturating_sub(start_us) >= BATCH_MICROSECONDS;
        if is_long || connection.out.len() >= OUTPUT_BATCH_BYTES {
            return Turn::Again;
        }
    }
}

/// Reads ahead for the requests that come next, under all their holds that nobody else has. The first of them will
/// want the hold that is kept.
fn read_ahead<'s>(connection: &Connection, shared: &'s Shared, hold: &mut Hold<'s>) {
    let mut requests = connection.keys_ahead();
    let (Some((first, _)), Some(_)) = (requests.next(), requests.next()) else { return };
    let (db, hash) = (connection.session.db, shared.layout.hash(first));
    let first = shared.layout.shard_of(hash);
    if !is_far(hold_shard(shared, hold, first).database(db), hash) {
        return;
    }
    let ahead = Ahead::new(&shared.layout, connection.keys_ahead());
    let mut held = [const { None }; MAX_SHARDS];
    held[first] = hold.take().map(|(_, shard)| shard);
    for id in ahead.shards() {
        if held[id].is_none() {
            held[id] = shared.try_shard(id);
        }
    }
    ahead.read(|id| held[id].as_ref().map(|shard| shard.database(db)));
    *hold = held[first].take().map(|shard| (first, shard));
}

/// As many errors as there are replies: their changes may be lost, and saying otherwise would be a lie.
fn replace_replies(replies: &[u8], protocol: Protocol) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = replies;
    while let Ok(Some((_, used))) = decode(rest) {
        Reply::new(&mut out, protocol).error_bytes(CommandError::WRITE_FAULT.text());
        rest = &rest[used..];
    }
    out
}

/// Whether the cost of a command grows with the data. What is constant for each element shows in the number of words
/// or the length of the reply.
#[inline]
fn may_be_slow(command: CommandId) -> bool {
    let row = command.row();
    !row.flags.contains(Flags::FAST) && !row.complexity.starts_with(Command::ROW.complexity)
}

/// Words of requests that are surely quick if their elements are.
const FEW_WORDS: usize = 32;

/// Length of replies of which the same is true.
const SHORT_REPLY_BYTES: usize = 4096;

/// Keeps the shard that is held already, or lets go and takes another.
#[inline]
fn hold_shard<'h, 's>(shared: &'s Shared, hold: &'h mut Hold<'s>, id: ShardId) -> &'h mut Shard {
    if !matches!(hold, Some((held, _)) if *held == id) {
        // Letting go first: no thread ever waits for a shard while it holds another out of order.
        *hold = None;
        *hold = Some((id, shared.shard(id)));
    }
    let (_, shard) = hold.as_mut().expect("just taken");
    shard
}

/// Serves waiting requests that need other shards than those held when their key changed.
#[cold]
pub(super) fn run_retries(shared: &Shared, env: Env<'_>, effects: &mut Effects) {
    while !effects.retries.is_empty() {
        // Those that come up meanwhile have their turn behind these.
        for next in std::mem::take(&mut effects.retries) {
            let mut guards = shared.shards(next.shards(&shared.layout));
            retry(held(&mut guards), &next, env, effects);
        }
    }
}

/// Runs a command that needs the hub or several shards.
fn execute_widely(
    shared: &Shared,
    session: &mut Session,
    plan: Plan,
    args: Arguments<'_>,
    env: Env<'_>,
    out: &mut Vec<u8>,
    effects: &mut Effects,
) {
    let mut hub = plan.hub.then(|| shared.hub());
    let mut guards = shared.shards(plan.shards);
    execute(session, held(&mut guards), hub.as_deref_mut(), plan, args, env, out, effects);
}
