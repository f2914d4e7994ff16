//! RESP over TCP and Unix sockets.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::host::driver::{Driver, Turn, World};
use crate::host::process::now_ms;
use crate::host::workers::{Worker, Workers};
use crate::host::{Peer, Shared, connection_random};

/// Least room offered to one read.
const READ_BYTES: usize = 4096;

/// Reply buffers larger than this are given back once they are sent.
const KEEP_OUTPUT_BYTES: usize = 64 * 1024;

/// Pause after a failed accept, so that running out of descriptors does not spin.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// What a peer outside the loopback reads when nobody has set a password.
const DENIED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password \
is set for the default user. In this mode connections are only accepted from the loopback interface. Set a password \
with requirepass, or turn protected-mode off if the network is trusted.\r\n";

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";

/// Accepts TCP clients and hands them to the workers until the task is dropped.
pub async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>, workers: Arc<Workers>, seed: u64) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("accept failed: {error}");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        if let Err(error) = take_tcp(stream, peer, &shared, workers.next(), seed) {
            tracing::debug!(%peer, "dropped while it was set up: {error}");
        }
    }
}

fn take_tcp(
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    worker: &Worker,
    seed: u64,
) -> std::io::Result<()> {
    if let Some(refusal) = refusal(shared, is_loopback(peer)) {
        worker.counters.rejected_connections.add(1);
        // The peer reads the reason if its buffer has room, which a fresh connection's has.
        stream.try_write(refusal)?;
        return Ok(());
    }
    stream.set_nodelay(true)?;
    let keepalive_seconds = shared.hub().settings.tcp_keepalive_seconds;
    if keepalive_seconds > 0 {
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(u64::from(keepalive_seconds)));
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    }
    let local = stream.local_addr()?;
    let stream = stream.into_std()?;
    let descriptor = i64::from(stream.as_raw_fd());
    let peer =
        Peer { address: peer.to_string(), local_address: local.to_string(), descriptor, is_local: is_loopback(peer) };
    start(shared, worker, seed, peer, move || TcpStream::from_std(stream));
    Ok(())
}

/// Accepts clients on a Unix socket and hands them to the workers until the task is dropped.
pub async fn serve_unix(listener: UnixListener, path: PathBuf, shared: Arc<Shared>, workers: Arc<Workers>, seed: u64) {
    loop {
        let stream = match listener.accept().await.and_then(|(stream, _)| stream.into_std()) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!("accept on {} failed: {error}", path.display());
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        let worker = workers.next();
        if let Some(refusal) = refusal(&shared, true) {
            use std::io::Write;
            worker.counters.rejected_connections.add(1);
            let _ = (&stream).write(refusal);
            continue;
        }
        let address = format!("{}:0", path.display());
        let descriptor = i64::from(stream.as_raw_fd());
        let peer = Peer { local_address: address.clone(), address, descriptor, is_local: true };
        start(&shared, worker, seed, peer, move || UnixStream::from_std(stream));
    }
}

/// Binds a Unix socket that is never reachable with wider permissions than `mode`: it is made in a private folder and
/// moved into place when its mode is right.
pub fn bind_unix(path: &Path, mode: u32) -> std::io::Result<std::os::unix::net::UnixListener> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let private = path.with_extension(format!("larder-{}", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&private)?;
    let bind = || {
        let made = private.join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&made)?;
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(mode))?;
        std::fs::rename(&made, path)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    let result = bind();
    let _ = std::fs::remove_dir_all(&private);
    result
}

/// Whether a peer is on this machine, an IPv4 address inside IPv6 included.
pub fn is_loopback(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

/// Why a new connection may not stay.
fn refusal(shared: &Shared, local: bool) -> Option<&'static [u8]> {
    let hub = shared.hub();
    if !local && hub.settings.protected_mode && hub.settings.requirepass.is_empty() {
        Some(DENIED)
    } else if hub.clients.len() >= hub.settings.maxclients as usize {
        Some(TOO_MANY)
    } else {
        None
    }
}

fn start<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    shared: &Arc<Shared>,
    worker: &Worker,
    seed: u64,
    peer: Peer,
    stream: impl FnOnce() -> std::io::Result<S> + Send + 'static,
) {
    let session = shared.open_session(peer, now_ms());
    let id = session.id;
    worker.counters.connections.add(1);
    let world = World::new(Arc::clone(shared), Arc::clone(&worker.counters), connection_random(id, seed));
    let driver = Driver::new(session, world);
    let task = worker.spawn(async move {
        let result = match stream() {
            Ok(stream) => converse(stream, driver).await,
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            tracing::debug!(client = id, "connection ended: {error}");
        }
    });
    shared.register_task(id, task);
}

/// Reads requests and writes replies until either side closes.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, mut driver: Driver) -> std::io::Result<()> {
    loop {
        let received = stream.read(driver.connection.input.space(READ_BYTES)).await?;
        if received == 0 {
            return Ok(());
        }
        driver.connection.input.commit(received);
        driver.count_bytes(received, 0);
        loop {
            let turn = driver.run();
            let out = &mut driver.connection.out;
            if !out.is_empty() {
                stream.write_all(out).await?;
                let sent = out.len();
                out.clear();
                if out.capacity() > KEEP_OUTPUT_BYTES {
                    *out = Vec::new();
                }
                driver.count_bytes(0, sent);
            }
            match turn {
                Turn::Read => break,
                Turn::Again => tokio::task::yield_now().await,
                Turn::Paused => wait_for_pause(&driver).await,
                Turn::Close => return stream.shutdown().await,
            }
        }
        let limit = driver.settings().client_query_buffer_limit_bytes;
        if driver.connection.input.len() as u64 > limit {
            tracing::warn!(client = driver.connection.session.id, "closed: query buffer over its limit");
            return Ok(());
        }
    }
}

/// Waits out a pause. Other clients see this one as blocked meanwhile.
async fn wait_for_pause(driver: &Driver) {
    let shared = Arc::clone(driver.shared());
    let record = Arc::clone(&driver.connection.session.record);
    record.blocked.store(true, std::sync::atomic::Ordering::Relaxed);
    shared.wait_for_pause(now_ms()).await;
    record.blocked.store(false, std::sync::atomic::Ordering::Relaxed);
}
