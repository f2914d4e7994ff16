//! One HTTP connection: what its requests share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::http::header::HeaderValue;
use bytes::Bytes;
use larder_core::hub::Counters;
use larder_core::resp::{Arguments, RequestBuf};
use larder_core::rest;
use larder_core::session::Session;

use super::guard::{self, Access, Refusal, Visit};
use super::router;
use crate::host::driver::World;
use crate::host::process::{now_ms, now_us};
use crate::host::{Shared, connection_random};
use crate::resp::is_loopback;

/// Bodies up to this size are copied out of a connection's buffer, which then serves the next request; larger ones
/// are given away with their buffer.
const COPIED_BYTES: usize = 16 * 1024;

/// What all HTTP connections of a listener share.
pub struct Front {
    /// The keyspace.
    pub shared: Arc<Shared>,
    /// Where random numbers of connections start.
    pub seed: u64,
    /// The routes, without the connection that is their state.
    pub routes: Router<Arc<Client>>,
    connections: Arc<AtomicUsize>,
    accepted: AtomicU64,
    /// Requests that may have written: what the sync token counts.
    writes: AtomicU64,
    /// Tells the sync tokens of this run from those of others.
    epoch: u64,
}

/// A place among the open connections, given back when dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Front {
    /// A front without connections.
    pub fn new(shared: Arc<Shared>, seed: u64) -> Self {
        Self {
            shared,
            seed,
            routes: router::routes(),
            connections: Arc::default(),
            accepted: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            epoch: now_us(),
        }
    }

    /// A place for another connection; `None` when there are `maxclients`.
    pub fn take_place(&self) -> Option<Place> {
        let most = self.shared.hub().settings.maxclients as usize;
        let place = Place(Arc::clone(&self.connections));
        (self.connections.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

/// One HTTP connection.
pub struct Client {
    /// What it shares with others.
    pub front: Arc<Front>,
    /// Counters of its worker.
    pub counters: Arc<Counters>,
    /// The other end.
    pub peer: SocketAddr,
    /// This end.
    pub local: SocketAddr,
    /// File descriptor.
    pub descriptor: i64,
    state: Mutex<State>,
    _place: Place,
}

/// Buffers that requests of one connection use in turn. HTTP/1 has one request at a time: the lock is never contended.
pub struct State {
    /// Runs commands.
    pub world: World,
    /// The request that is being made or run.
    pub request: RequestBuf,
    /// Its reply.
    pub out: Vec<u8>,
    /// Its reply in JSON.
    pub json: Vec<u8>,
    /// A session that every read of the resource API may share: reads leave nothing behind.
    reader: Session,
    sync_token: (u64, HeaderValue),
}

impl State {
    /// Replaces the request.
    pub fn ask(&mut self, words: &[&[u8]]) {
        self.request.clear();
        words.iter().for_each(|word| self.request.push(word));
    }

    /// Runs the request, which must be one that only reads, and appends its reply to `out`. `None`, with nothing done,
    /// while a pause holds it back.
    pub fn look(&mut self) -> Option<()> {
        self.world.call(&mut self.reader, self.request.arguments(), &mut self.out).then_some(())
    }

    /// Runs the request; its reply alone is in `out` then. `None`, with nothing done, while a pause holds it back.
    pub fn run(&mut self, client: &Client, session: &mut Session) -> Option<()> {
        self.out.clear();
        let args = self.request.arguments();
        if !self.world.call(session, args, &mut self.out) {
            return None;
        }
        client.note(args);
        Some(())
    }

    /// Runs a request from elsewhere; its reply alone is in `out` then. `None`, with nothing done, while a pause holds
    /// it back.
    pub fn run_other(&mut self, client: &Client, session: &mut Session, args: Arguments<'_>) -> Option<()> {
        self.out.clear();
        if !self.world.call(session, args, &mut self.out) {
            return None;
        }
        client.note(args);
        Some(())
    }
}

impl Client {
    /// A connection that was accepted.
    pub fn new(
        front: Arc<Front>,
        counters: Arc<Counters>,
        place: Place,
        peer: SocketAddr,
        local: SocketAddr,
        descriptor: i64,
    ) -> Self {
        // Not the number of a client: those are for connections that CLIENT LIST shows.
        let number = front.accepted.fetch_add(1, Ordering::Relaxed) | 1 << 63;
        let random = connection_random(number, front.seed);
        let state = State {
            world: World::new(Arc::clone(&front.shared), Arc::clone(&counters), random),
            request: RequestBuf::new(),
            out: Vec::new(),
            json: Vec::new(),
            reader: Session::new(0, true),
            sync_token: (u64::MAX, HeaderValue::from_static("")),
        };
        Self { front, counters, peer, local, descriptor, state: Mutex::new(state), _place: place }
    }

    /// The buffers. Never held over an await.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic ends the process, so poisoning cannot be seen.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session for one request.
    pub fn session(&self) -> Session {
        let mut session = Session::new(0, true);
        session.local = is_loopback(self.peer);
        session
    }

    /// Works on the buffers, again after each pause of the clients that the work runs into.
    pub async fn work<R>(&self, mut work: impl FnMut(&mut State) -> Option<R>) -> R {
        loop {
            let done = work(&mut self.state());
            if let Some(result) = done {
                return result;
            }
            self.front.shared.wait_for_pause(now_ms()).await;
        }
    }

    /// Waits until what ran here so far is as safe as the policy promises. Answers false if a change may be lost.
    pub async fn settle(&self) -> bool {
        let (depends_on, wrote, policy) = self.state().world.gate();
        let shared = &self.front.shared;
        shared.is_settled(depends_on, policy) || shared.settle(depends_on, wrote, policy).await
    }

    /// Whether a request may come in; `query_token` says whether its token may be in the URL.
    pub fn admit<B>(&self, request: &Request<B>, query_token: bool) -> Result<Access, Refusal> {
        let token = if query_token { rest::query_value(request.uri().query(), "_token") } else { None };
        let visit = Visit {
            headers: request.headers(),
            version: request.version(),
            authority: request.uri().authority().map(|authority| authority.as_str()),
            query_token: token.as_deref(),
            is_local: is_loopback(self.peer),
            server: self.local.ip(),
        };
        guard::admit(&visit, self.state().world.settings())
    }

    /// Largest value a client may send.
    pub fn value_bytes(&self) -> u64 {
        self.state().world.settings().proto_max_bulk_len_bytes
    }

    /// Counts a command that ran, if it may have written.
    fn note(&self, args: Arguments<'_>) {
        if !rest::only_reads(args) {
            self.front.writes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Names how far writes have come. A single server never answers older than that; the token moves with every
    /// request of this listener that may have written.
    pub fn sync_token(&self, state: &mut State) -> HeaderValue {
        let writes = self.front.writes.load(Ordering::Relaxed);
        if state.sync_token.0 != writes {
            let text = format!("{:x}-{writes:x}", self.front.epoch);
            let value = HeaderValue::from_maybe_shared(Bytes::from(text)).expect("hexadecimal digits and a dash");
            state.sync_token = (writes, value);
        }
        state.sync_token.1.clone()
    }
}

/// Takes what a buffer holds as a body and leaves it empty.
pub fn take_body(buffer: &mut Vec<u8>) -> Bytes {
    if buffer.len() > COPIED_BYTES {
        return Bytes::from(std::mem::take(buffer));
    }
    let body = Bytes::copy_from_slice(buffer);
    buffer.clear();
    body
}
