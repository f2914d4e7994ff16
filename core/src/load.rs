//! Bringing a keyspace back: the changes behind a snapshot are carried out again, each at the instant it first ran at.

mod snapshot;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::sync::Arc;

use crate::context::Env;
use crate::effects::Effects;
use crate::execute::execute;
use crate::hub::{Counters, Host, Hub, ProcessInfo, Signals};
use crate::keyspace::shard::Shard;
use crate::keyspace::{Held, Layout, ShardId, ShardSet};
use crate::plan::{Action, plan};
use crate::resp::{Parser, RequestLimits, Step};
use crate::session::Session;
use crate::settings::{Access, Settings};
use crate::store::record::Change;
use crate::store::{Lsn, StoreError};

pub use snapshot::{Batch, SnapshotReader, place};

/// What a store held when it was opened: see [`crate::store::Opened::snapshot`].
pub type SnapshotFile = Option<(Lsn, Box<dyn Read + Send>)>;

/// The changes behind it: see [`crate::store::Opened::changes`].
pub type Changes = Box<dyn Iterator<Item = Result<(Lsn, Vec<u8>), StoreError>> + Send>;

/// Brings back what a store held, in empty shards of a layout. A host with threads does the same with
/// [`SnapshotReader`] in one, [`Batch::place`] in another, and [`replay`] afterwards.
pub fn load(
    snapshot: SnapshotFile,
    changes: Changes,
    layout: &Layout,
    settings: &Settings,
) -> Result<Vec<Shard>, StoreError> {
    let mut shards = layout.build();
    if let Some((_, mut file)) = snapshot {
        let mut reader = SnapshotReader::new(&mut *file, layout, settings)?;
        while let Some(batch) = reader.next_batch()? {
            batch.place(&mut shards);
        }
    }
    replay(changes, &mut shards, layout, settings)?;
    Ok(shards)
}

/// Carries out the changes behind a snapshot.
pub fn replay(changes: Changes, shards: &mut [Shard], layout: &Layout, settings: &Settings) -> Result<(), StoreError> {
    let mut loader = Loader::new(*layout, settings);
    for change in changes {
        let (lsn, payload) = change?;
        let corrupt = |why: &str| StoreError::Corrupt(format!("record {lsn} of the log: {why}"));
        let change = Change::read(&payload).ok_or_else(|| corrupt("it is no change"))?;
        loader.apply(shards, &change).map_err(|why| corrupt(&why))?;
    }
    Ok(())
}

/// Carries out changes on shards that nobody else uses yet.
#[derive(Debug)]
pub struct Loader {
    layout: Layout,
    settings: Arc<Settings>,
    hub: Hub,
    signals: Arc<Signals>,
    counters: Arc<Counters>,
    session: Session,
    parser: Parser,
    replies: Vec<u8>,
    effects: Effects,
}

/// Commands that run while loading have no process to ask.
#[derive(Debug)]
struct Nobody;

impl Host for Nobody {
    fn process(&self) -> ProcessInfo {
        ProcessInfo::default()
    }

    fn rewrite_config(&self, _: &Settings) -> Result<(), String> {
        Err("ERR not while loading".to_owned())
    }

    fn shutdown(&self) -> Result<(), String> {
        Err("ERR not while loading".to_owned())
    }

    fn sleep(&self, _: std::time::Duration) {}
}

impl Loader {
    /// A loader for shards of this layout. Neither memory nor DEBUG is limited while loading: what ran once runs again.
    pub fn new(layout: Layout, settings: &Settings) -> Self {
        let settings = Arc::new(Settings { maxmemory_bytes: 0, enable_debug_command: Access::Yes, ..settings.clone() });
        let hub = Hub::new(Arc::clone(&settings), 0, 0);
        Self {
            layout,
            signals: Arc::clone(&hub.signals),
            hub,
            settings,
            counters: Arc::default(),
            session: Session::new(0, true),
            parser: Parser::new(),
            replies: Vec::new(),
            effects: Effects::default(),
        }
    }

    /// Carries out a change. The error says what in it is no request of ours: the log is of another version.
    pub fn apply(&mut self, shards: &mut [Shard], change: &Change<'_>) -> Result<(), String> {
        let limits = RequestLimits::new(u64::MAX, u64::MAX);
        self.session.db = change.db;
        let mut rest = change.requests;
        while !rest.is_empty() {
            let consumed = match self.parser.parse(rest, &limits) {
                Ok(Step::Request { consumed }) => consumed,
                Ok(Step::Ignored { consumed }) => {
                    rest = &rest[consumed..];
                    continue;
                }
                Ok(Step::Incomplete) => return Err("a request in the log is not whole".to_owned()),
                Err(error) => return Err(format!("a request in the log is malformed: {error}")),
            };
            self.run(shards, rest, change.now_us)?;
            rest = &rest[consumed..];
        }
        Ok(())
    }

    fn run(&mut self, shards: &mut [Shard], bytes: &[u8], now_us: u64) -> Result<(), String> {
        let env = Env {
            now_us,
            // Nothing that the log holds makes a random choice.
            seed: 0,
            settings: &self.settings,
            layout: &self.layout,
            signals: &self.signals,
            counters: &self.counters,
            journal: None,
            host: &Nobody,
        };
        let args = self.parser.arguments(bytes);
        let plan = plan(&self.session, args, &env);
        if let Action::Refuse(error) | Action::Abort(error) = &plan.action {
            return Err(format!("a request in the log is refused: {error}"));
        }
        let held = hold(shards, plan.shards);
        self.replies.clear();
        let hub = plan.hub.then_some(&mut self.hub);
        execute(&mut self.session, held, hub, plan, args, env, &mut self.replies, &mut self.effects);
        self.effects = Effects::default();
        Ok(())
    }
}

/// The shards of a set, borrowed.
fn hold(shards: &mut [Shard], set: ShardSet) -> Held<'_> {
    match set {
        ShardSet::None => Held::None,
        ShardSet::One(id) => Held::One(id, &mut shards[id]),
        set => {
            let wanted = |(id, _): &(ShardId, &mut Shard)| set.contains(*id);
            Held::Many(shards.iter_mut().enumerate().filter(wanted).collect())
        }
    }
}
