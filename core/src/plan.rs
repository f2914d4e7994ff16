//! Routing: what a request needs before it may run.

use std::sync::atomic::Ordering;

use crate::command::keys::for_each_key;
use crate::command::{CommandId, Flags, Scope, registry};
use crate::context::Env;
use crate::error::CommandError;
use crate::keyspace::{Layout, PlannedKey, ShardSet};
use crate::limits::{TRANSACTION_BYTES, UNKNOWN_COMMAND_ECHO_BYTES};
use crate::resp::Arguments;
use crate::session::Session;

/// What to do with a request.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Run it.
    Run,
    /// Put it into the session's transaction.
    Queue,
    /// Answer this error.
    Refuse(CommandError),
    /// Answer this error and end the session's transaction and watches: an EXEC that cannot run.
    Abort(CommandError),
}

/// What a request needs: the host takes these holds in this order, shards ascending after the hub, then executes.
#[derive(Debug)]
pub struct Plan {
    /// The command; `None` if there is no such command.
    pub command: Option<CommandId>,
    /// What to do.
    pub action: Action,
    /// Shards to hold.
    pub shards: ShardSet,
    /// Whether to hold the hub.
    pub hub: bool,
    /// Whether it may change data: CLIENT PAUSE WRITE holds it back.
    pub writes: bool,
    /// The hash taken of the first key.
    pub first_key: Option<PlannedKey>,
    /// Whether `maxmemory` is exceeded and the command may take more: the host makes room before it takes the holds,
    /// and goes by [`Plan::refused_for_memory`] where it cannot.
    pub needs_room: bool,
}

impl Plan {
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn running(command: CommandId) -> Self {
        let writes = command.row().flags.contains(Flags::WRITE);
        Self {
            command: Some(command),
            action: Action::Run,
            shards: ShardSet::None,
            hub: false,
            writes,
            first_key: None,
            needs_room: false,
        }
    }

    /// The plan of a request for which there is no room.
    pub fn refused_for_memory(self, session: &Session) -> Self {
        match self.command {
            Some(id) if is_exec(id) => Self::aborting(id, &CommandError::OUT_OF_MEMORY, session),
            command => Self::refused(command, CommandError::OUT_OF_MEMORY),
        }
    }

    #[inline(never)]
    fn aborting(command: CommandId, error: &CommandError, session: &Session) -> Self {
        let why = error.text().strip_prefix(b"ERR ").unwrap_or(error.text());
        let error = CommandError::new([b"EXECABORT Transaction discarded because of: ", why].concat());
        let shards = session.watched.values().fold(ShardSet::None, |shards, watch| shards.with(watch.shard));
        Self { action: Action::Abort(error), shards, ..Self::running(command) }
    }

    #[inline(never)]
    fn refused(command: Option<CommandId>, error: CommandError) -> Self {
        let action = Action::Refuse(error);
        Self { command, action, shards: ShardSet::None, hub: false, writes: false, first_key: None, needs_room: false }
    }
}

/// Plans a request of at least one word.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn plan(session: &Session, args: Arguments<'_>, env: &Env<'_>) -> Plan {
    let id = match find(args) {
        Ok(id) => id,
        Err((Some(id), error)) if is_exec(id) => {
            return Plan::aborting(id, &error, session);
        }
        Err((command, error)) => return Plan::refused(command, error),
    };
    let row = id.row();
    if let Some(error) = forbidden(session, id, env) {
        return Plan::refused(Some(id), error);
    }
    let mut plan = Plan::running(id);
    plan.needs_room = env.signals.exceeds(env.settings.maxmemory_bytes) && grows_memory(session, id);
    match &session.transaction {
        Some(transaction) if !row.flags.contains(Flags::IMMEDIATE) => {
            plan.action = if transaction.queued_bytes > TRANSACTION_BYTES {
                Action::Refuse(CommandError::fixed("ERR transaction exceeds the size of the query buffer"))
            } else {
                Action::Queue
            };
        }
        _ => needs(&mut plan, session, args, env.layout),
    }
    plan
}

/// Adds what running the command needs.
#[cfg_attr(hot_paths, optimize(speed))]
fn needs(plan: &mut Plan, session: &Session, args: Arguments<'_>, layout: &Layout) {
    let Some(id) = plan.command else { return };
    match id.row().scope {
        Scope::AllShardsIf(needs_all) if needs_all(args) => plan.shards = ShardSet::All,
        Scope::Keys | Scope::AllShardsIf(_) => {
            let mut shards = plan.shards;
            let mut first_key = plan.first_key;
            for_each_key(id.row(), args, |position, _| {
                let key = args.get(position);
                let hash = layout.hash(key);
                first_key.get_or_insert_with(|| PlannedKey::new(key, hash));
                shards = shards.with(layout.shard_of(hash));
            });
            (plan.shards, plan.first_key) = (shards, first_key);
        }
        Scope::AllShards => plan.shards = ShardSet::All,
        Scope::Hub => plan.hub = true,
        Scope::Everything => (plan.shards, plan.hub) = (ShardSet::All, true),
        Scope::Transaction => {
            for watch in session.watched.values() {
                plan.shards = plan.shards.with(watch.shard);
            }
            for (command, request) in session.transaction.iter().flat_map(|transaction| &transaction.queue) {
                let mut queued = Plan::running(*command);
                // A queued UNWATCH finds nothing to do: EXEC has ended all watches by then.
                if matches!(command.row().scope, Scope::Transaction) {
                    continue;
                }
                needs(&mut queued, session, request.arguments(), layout);
                plan.shards = plan.shards.union(queued.shards);
                plan.hub |= queued.hub;
                plan.writes |= queued.writes;
            }
        }
    }
}

/// The command of a request, once its name and number of words are right.
#[cfg_attr(hot_paths, optimize(speed))]
fn find(args: Arguments<'_>) -> Result<CommandId, (Option<CommandId>, CommandError)> {
    let Some(id) = registry().find(args.get(0)) else {
        return Err((None, unknown_command(args)));
    };
    let mut id = id;
    if !id.row().subcommands.is_empty() && args.len() > 1 {
        match registry().find_subcommand(id, args.get(1)) {
            Some(sub) => id = sub,
            None => return Err((Some(id), unknown_subcommand(id, args.get(1)))),
        }
    }
    if !id.row().accepts(args.len()) {
        return Err((Some(id), CommandError::arity(id.full_name())));
    }
    Ok(id)
}

/// Why the session may not run a command now.
#[cfg_attr(hot_paths, optimize(speed))]
fn forbidden(session: &Session, id: CommandId, env: &Env<'_>) -> Option<CommandError> {
    let flags = id.row().flags;
    let debug = env.settings.enable_debug_command;
    let debug_allowed = if session.local { debug.allows_local() } else { debug.allows_remote() };
    if flags.contains(Flags::PROTECTED) && !debug_allowed {
        return Some(CommandError::fixed(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        ));
    }
    if !session.authenticated && !flags.contains(Flags::NO_AUTH) {
        return Some(CommandError::fixed("NOAUTH Authentication required."));
    }
    if env.signals.write_fault.load(Ordering::Relaxed) && flags.contains(Flags::WRITE) && !frees_memory(id) {
        return Some(CommandError::WRITE_FAULT);
    }
    if session.transaction.is_some() && flags.contains(Flags::NO_MULTI) {
        return Some(CommandError::fixed("ERR Command not allowed inside a transaction"));
    }
    None
}

/// Whether a command does nothing but free memory: those run even while the log cannot be written.
fn frees_memory(id: CommandId) -> bool {
    matches!(id.row().name, "del" | "unlink" | "flushdb" | "flushall")
}

/// Whether a command, or what it queues or runs, may take more memory.
#[cfg_attr(hot_paths, optimize(speed))]
fn grows_memory(session: &Session, id: CommandId) -> bool {
    let grows = |id: CommandId| id.row().flags.contains(Flags::DENYOOM);
    match &session.transaction {
        None => grows(id),
        Some(transaction) if is_exec(id) => transaction.queue.iter().any(|(queued, _)| grows(*queued)),
        Some(_) => !id.row().flags.contains(Flags::IMMEDIATE),
    }
}

fn is_exec(id: CommandId) -> bool {
    matches!(id.row().scope, Scope::Transaction) && id.row().name == "exec"
}

/// The part of a word that an error echoes: up to a bound, and up to a zero byte, which ends it in Redis.
fn echo(word: &[u8], bound: usize) -> &[u8] {
    &word[..memchr::memchr(0, word).unwrap_or(word.len()).min(bound)]
}

/// `ERR unknown command 'FOO', with args beginning with: 'a' 'b' `, arguments up to a bound.
#[inline(never)]
fn unknown_command(args: Arguments<'_>) -> CommandError {
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(echo(args.get(0), UNKNOWN_COMMAND_ECHO_BYTES));
    text.extend_from_slice(b"', with args beginning with: ");
    let start = text.len();
    for word in args.iter().skip(1) {
        let echoed = text.len() - start;
        if echoed >= UNKNOWN_COMMAND_ECHO_BYTES {
            break;
        }
        text.push(b'\'');
        text.extend_from_slice(echo(word, UNKNOWN_COMMAND_ECHO_BYTES - echoed));
        text.extend_from_slice(b"' ");
    }
    CommandError::new(text)
}

#[inline(never)]
fn unknown_subcommand(container: CommandId, word: &[u8]) -> CommandError {
    let try_help = format!("'. Try {} HELP.", container.row().name.to_ascii_uppercase());
    CommandError::quoting("ERR unknown subcommand '", echo(word, UNKNOWN_COMMAND_ECHO_BYTES), &try_help)
}
