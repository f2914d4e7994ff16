//! RESP over TCP and Unix sockets.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::Instant;

use crate::host::driver::{Driver, Turn, World};
use crate::host::process::now_ms;
use crate::host::workers::{Worker, Workers};
use crate::host::{Peer, Shared, connection_random};

/// Least room offered to one read.
const READ_BYTES: usize = 4096;

/// Reply buffers larger than this are given back once they are sent.
const KEEP_OUTPUT_BYTES: usize = 64 * 1024;

/// How long a client that has yet to log in may leave a request unfinished, send none, or not take its replies. Those
/// who have logged in may idle as long as the `timeout` setting lets them.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes taken at once from a client that has yet to log in. A refusal is up to 35 times as long as the shortest
/// request it answers, so this keeps the replies that wait for a stranger below 64 KiB.
const STRANGER_READ_BYTES: usize = 1024;

/// Input that is taken from a client while a pause holds it back.
const PAUSED_INPUT_BYTES: usize = 1 << 20;

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
    let counters = Arc::clone(&worker.counters);
    let world = World::new(Arc::clone(shared), Arc::clone(&worker.counters), connection_random(id, seed));
    let driver = Driver::new(session, world);
    let task = worker.spawn(async move {
        // Here, since only the worker's own thread may count.
        counters.connections.add(1);
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
    let mut patience = Patience::default();
    loop {
        let room = driver.connection.input.space(READ_BYTES);
        let received = if driver.connection.session.authenticated {
            stream.read(room).await?
        } else {
            patience.wait(stream.read(&mut room[..STRANGER_READ_BYTES])).await?
        };
        if received == 0 {
            return Ok(());
        }
        driver.connection.input.commit(received);
        driver.count_bytes(received, 0);
        loop {
            let turn = driver.run();
            let is_stranger = !driver.connection.session.authenticated;
            // Bytes that finish no request win no time: one byte now and then must not hold a connection for ever.
            if !is_stranger || driver.connection.input.is_empty() {
                patience.renew();
            }
            driver.settle().await;
            let out = &mut driver.connection.out;
            if !out.is_empty() {
                if is_stranger {
                    patience.wait(stream.write_all(out)).await?;
                } else {
                    stream.write_all(out).await?;
                }
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
                Turn::Paused if wait_for_pause(&mut stream, &mut driver).await? => {}
                Turn::Paused => return Ok(()),
                Turn::Waiting if wait_for_data(&mut stream, &mut driver).await? => {}
                Turn::Waiting => return Ok(()),
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

/// How long a client that has yet to log in may still take. Others need no timer, nor a look at the clock.
#[derive(Default)]
struct Patience {
    /// When it ends; it begins with the first wait.
    until: Option<Instant>,
}

impl Patience {
    /// Begins anew with the next wait.
    fn renew(&mut self) {
        self.until = None;
    }

    /// Waits for a read or write of a stranger, at most until the patience ends.
    async fn wait<T>(&mut self, step: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + STRANGER_TIMEOUT);
        let late =
            |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "too slow for a client that has not logged in");
        tokio::time::timeout_at(until, step).await.map_err(late)?
    }
}

/// Waits for the reply of a request that waits for data, or answers false when the client leaves.
async fn wait_for_data<S: AsyncRead + Unpin>(stream: &mut S, driver: &mut Driver) -> std::io::Result<bool> {
    let mut early = [0; READ_BYTES];
    loop {
        let has_room = driver.connection.input.len() < PAUSED_INPUT_BYTES;
        let received = tokio::select! {
            () = driver.wait_for_data() => return Ok(true),
            received = stream.read(&mut early), if has_room => received?,
        };
        if received == 0 {
            return Ok(false);
        }
        driver.connection.input.feed(&early[..received]);
        driver.count_bytes(received, 0);
    }
}

/// Waits out a pause, or answers false when the client leaves, so that it does not keep its place until the end. Other
/// clients see this one as blocked meanwhile.
async fn wait_for_pause<S: AsyncRead + Unpin>(stream: &mut S, driver: &mut Driver) -> std::io::Result<bool> {
    let shared = Arc::clone(driver.shared());
    let record = Arc::clone(&driver.connection.session.record);
    let mut pause = pin!(shared.wait_for_pause(now_ms()));
    let most = if driver.connection.session.authenticated { PAUSED_INPUT_BYTES } else { STRANGER_READ_BYTES };
    record.blocked.store(true, Ordering::Relaxed);
    let stays = loop {
        let input = &mut driver.connection.input;
        let has_room = input.len() < most;
        let room = input.space(READ_BYTES);
        let length = room.len().min(most);
        let received = tokio::select! {
            () = &mut pause => break true,
            received = stream.read(&mut room[..length]), if has_room => received?,
        };
        if received == 0 {
            break false;
        }
        input.commit(received);
        driver.count_bytes(received, 0);
    };
    record.blocked.store(false, Ordering::Relaxed);
    Ok(stays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::process::ServerProcess;
    use larder_core::settings::Settings;

    #[test]
    fn a_client_that_leaves_during_a_pause_gives_back_its_place() {
        let process = ServerProcess { config_file: None, threads: 1, stop: Arc::default() };
        let shared = Arc::new(Shared::new(Settings::default(), 1, process, now_ms(), [1, 2, 3]).expect("a thread"));
        shared.signals.pause_until_ms.store(u64::MAX, Ordering::Relaxed);
        shared.signals.pause_all.store(true, Ordering::Relaxed);
        let address = "127.0.0.1:1".to_owned();
        let peer = Peer { local_address: address.clone(), address, descriptor: -1, is_local: true };
        let session = shared.open_session(peer, now_ms());
        let driver = Driver::new(session, World::new(Arc::clone(&shared), Arc::default(), connection_random(1, 2)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (mut client, server) = tokio::io::duplex(1024);
            client.write_all(b"PING\r\nPING\r\n").await.unwrap();
            let conversation = tokio::spawn(converse(server, driver));
            tokio::task::yield_now().await;
            assert_eq!(shared.hub().clients.len(), 1, "a pause alone ends nothing");
            drop(client);
            let ended = tokio::time::timeout(Duration::from_secs(10), conversation).await;
            ended.expect("it must not wait for the end of the pause").unwrap().unwrap();
        });
        assert!(shared.hub().clients.is_empty());
    }
}
