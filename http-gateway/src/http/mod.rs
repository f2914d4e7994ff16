//! HTTP: Upstash's REST forms, the resource API, the WebSocket.
//!
//! One task a connection, on a worker, as for RESP. A request passes [`admission`], then [`router`]; what words and
//! headers mean is decided in `larder_core::rest`.

mod admission;
mod body;
mod client;
mod counted;
mod error;
mod guard;
mod json;
mod keys;
mod router;
#[cfg(test)]
mod tests;
mod upstash;
mod ws;

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::Layer;

use crate::host::Shared;
use crate::host::workers::{Worker, Workers};
use admission::Admission;
use client::{Client, Front};
use counted::Counted;

/// How long the head of a request may take; between two requests, how long a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What hyper buffers of a connection. Room for a head over our limits, so that we can say so; when the head is larger
/// still, hyper answers 431 without a body.
const BUFFER_BYTES: usize = 32 * 1024;

/// Pause after a failed accept, so that running out of descriptors does not spin.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// What a client over `maxclients` reads.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
Content-Length: 46\r\nConnection: close\r\n\r\n{\"error\":\"ERR max number of clients reached\"}\n";

/// Accepts HTTP clients and hands them to the workers until the task is dropped.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, workers: Arc<Workers>, seed: u64) {
    let front = Arc::new(Front::new(shared, seed));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("accept failed: {error}");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        if let Err(error) = take(stream, peer, &front, workers.next()) {
            tracing::debug!(%peer, "dropped while it was set up: {error}");
        }
    }
}

fn take(stream: TcpStream, peer: SocketAddr, front: &Arc<Front>, worker: &Worker) -> std::io::Result<()> {
    let Some(place) = front.take_place() else {
        stream.try_write(TOO_MANY)?;
        return Ok(());
    };
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    let stream = stream.into_std()?;
    let descriptor = i64::from(stream.as_raw_fd());
    let counters = Arc::clone(&worker.counters);
    let front = Arc::clone(front);
    worker.spawn(async move {
        counters.connections.add(1);
        let client = Arc::new(Client::new(front, counters, place, peer, local, descriptor));
        match TcpStream::from_std(stream) {
            Ok(stream) => converse(stream, client).await,
            Err(error) => tracing::debug!(%peer, "dropped while it was set up: {error}"),
        }
    });
    Ok(())
}

async fn converse(stream: TcpStream, client: Arc<Client>) {
    let peer = client.peer;
    let stream = Counted::new(stream, Arc::clone(&client.counters));
    let routes = client.front.routes.clone().with_state(Arc::clone(&client));
    let service = Admission(client).layer(routes);
    let result = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades()
        .await;
    if let Err(error) = result {
        tracing::debug!(%peer, "connection ended: {error}");
    }
}
