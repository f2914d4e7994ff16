//! HTTP: Upstash's REST forms, the resource API, the WebSocket.
//!
//! One task a connection, on a worker, as for RESP. A request passes [`guard`], then the router below; what words and
//! headers mean is decided in `larder_core::rest`.

mod body;
mod client;
mod error;
mod guard;
mod keys;
#[cfg(test)]
mod tests;
mod upstash;
mod ws;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::host::Shared;
use crate::host::workers::{Worker, Workers};
use client::{Client, Front};
use guard::{Access, Refusal};

/// What every route answers.
type Response = hyper::Response<Full<Bytes>>;

/// How long the head of a request may take; between two requests, how long a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest head of a request, and what hyper buffers of a connection: 431 above it. hyper takes 100 headers.
const HEAD_BYTES: usize = 16 * 1024;

/// Longest request target: 414 above it. RFC 9110, section 4.1, wants 8,000 at least.
const TARGET_BYTES: usize = 8 * 1024;

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
    let service = service_fn(move |request| {
        let client = Arc::clone(&client);
        async move { Ok::<_, Infallible>(route(&client, request).await) }
    });
    let result = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = result {
        tracing::debug!(%peer, "connection ended: {error}");
    }
}

/// Answers one request.
async fn route(client: &Arc<Client>, request: Request<Incoming>) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path == "/healthz" {
        return healthz(&parts.method);
    }
    if target_bytes(&parts.uri) > TARGET_BYTES {
        return error::refuse(StatusCode::URI_TOO_LONG, "ERR the URL is longer than 8192 bytes");
    }
    let is_resource = path.starts_with("/v1/");
    let access = match client.admit(&parts, !is_resource) {
        Ok(access) => access,
        Err(refusal) => return error::refused(refusal),
    };
    if path == "/v1/ws" {
        return ws::upgrade(client, parts, access).await;
    }
    if access == Access::Stranger {
        return error::refused(Refusal::Token);
    }
    if parts.method == Method::POST && !guard::may_post(&parts.headers, access) {
        return error::refused(Refusal::ContentType);
    }
    if is_resource {
        return match path.strip_prefix("/v1/keys/") {
            Some(key) if !key.is_empty() && !key.contains('/') => keys::answer(client, &parts, key, body).await,
            _ => error::refuse(StatusCode::NOT_FOUND, "ERR there is nothing here; a key is at /v1/keys/{key}"),
        };
    }
    match (path, &parts.method) {
        ("/", &Method::GET | &Method::HEAD) => about(),
        _ => upstash::answer(client, &parts, body).await,
    }
}

fn target_bytes(uri: &Uri) -> usize {
    uri.path().len() + uri.query().map_or(0, |query| query.len() + 1)
}

fn healthz(method: &Method) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return error::method_not_allowed("GET, HEAD");
    }
    let mut response = Response::new(Full::new(Bytes::from_static(b"ok\n")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /`: what this is and where to go from here.
fn about() -> Response {
    let text = concat!(
        r#"{"name":"larder","version":""#,
        env!("CARGO_PKG_VERSION"),
        r#"","links":{"commands":"/{command}/{argument}","pipeline":"/pipeline","transaction":"/multi-exec","#,
        r#""keys":"/v1/keys/{key}","websocket":"/v1/ws","health":"/healthz"}}"#,
    );
    error::json(StatusCode::OK, Bytes::from_static(text.as_bytes()))
}
