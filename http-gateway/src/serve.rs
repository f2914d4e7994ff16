//! `larder serve`: binds the listeners, starts the workers, waits for the signal to stop.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use larder_core::settings::{Addresses, Settings};
use larder_core::store::Opened;
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::cli::Start;
use crate::host::process::{ServerProcess, now_ms};
use crate::host::workers::Workers;
use crate::host::{Shared, maintenance, snapshot, system_seed};
use crate::{http, logging, resp, store};

/// Mode of the Unix socket where `unixsocketperm` says nothing: the owner only.
const DEFAULT_SOCKET_MODE: u32 = 0o700;

/// How long requests that are running may take to finish when the server stops.
const DRAIN: Duration = Duration::from_millis(50);

/// Every listener of a server.
struct Listeners {
    resp: Vec<TcpListener>,
    http: Vec<TcpListener>,
    unix: Option<(UnixListener, PathBuf)>,
}

/// Runs until SIGTERM or SIGINT. The error is the one line that says why the server could not start.
pub fn run(start: Start) -> Result<(), String> {
    let log = logging::start(&start.settings)?;
    start.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(serve(start, log))
}

async fn serve(start: Start, log: logging::LogControl) -> Result<(), String> {
    let Start { settings, config_file, .. } = start;
    let [secret_one, secret_two, run_seed, seed] =
        system_seed().map_err(|error| format!("cannot read /dev/urandom: {error}"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let listeners = Listeners::bind(&settings)?;
    let ready = listeners.ready_line()?;
    let socket_path = listeners.unix.as_ref().map(|(_, path)| path.clone());
    let port = settings.port;
    let stop = Arc::new(Notify::new());
    let process = ServerProcess { config_file, threads: cores, stop: Arc::clone(&stop) };
    let opened = open_store(&settings)?;
    let mut shared = Shared::new(settings, cores, process, now_ms(), [secret_one, secret_two, run_seed])
        .map_err(|error| format!("cannot start threads: {error}"))?;
    if let Some(opened) = opened {
        shared.load(opened).map_err(|error| format!("cannot load the data: {error}"))?;
    }
    let shared = Arc::new(shared);
    let flusher = start_flusher(&shared).map_err(|error| format!("cannot start threads: {error}"))?;
    let snapshots = snapshot::start(&shared).map_err(|error| format!("cannot start threads: {error}"))?;
    shared.hub().port = port;
    let workers = Workers::start(cores, &shared).map_err(|error| format!("cannot start threads: {error}"))?;
    let workers = Arc::new(workers);
    let mut tasks = tokio::task::JoinSet::new();
    for listener in listeners.resp {
        tasks.spawn(resp::serve_tcp(listener, Arc::clone(&shared), Arc::clone(&workers), seed));
    }
    for listener in listeners.http {
        tasks.spawn(http::serve(listener, Arc::clone(&shared), Arc::clone(&workers), seed));
    }
    if let Some((listener, path)) = listeners.unix {
        tasks.spawn(resp::serve_unix(listener, path, Arc::clone(&shared), Arc::clone(&workers), seed));
    }
    tasks.spawn(maintenance::run(Arc::clone(&shared), log));

    // Whoever started the server waits for this line; if nobody reads it, that is not our failure.
    let _ = writeln!(std::io::stdout(), "{ready}");
    tracing::info!("{ready}");
    let signal = stop_signal(&stop).await.map_err(|error| format!("cannot listen for signals: {error}"))?;
    tracing::info!("{signal}: stopping");
    tasks.shutdown().await;
    tokio::time::sleep(DRAIN).await;
    shared.abort_all();
    workers.stop();
    if let Some(log) = &shared.log {
        shared.desk.stop();
        drop(snapshots.join());
        log.stop_flushing();
        flusher.into_iter().for_each(|thread| drop(thread.join()));
        log.close().unwrap_or_else(|error| tracing::error!("the log could not be closed: {error}"));
    }
    if let Some(path) = socket_path {
        let _ = std::fs::remove_file(path);
    }
    tracing::info!("stopped");
    Ok(())
}

/// Opens the store that the settings name.
fn open_store(settings: &Settings) -> Result<Option<Opened>, String> {
    let folder = Path::new(&settings.dir);
    let place = if settings.store == "file" { &settings.dir } else { &settings.store };
    let opened =
        store::open(&settings.store, folder).map_err(|error| format!("cannot open the data in {place}: {error}"))?;
    if let Some(opened) = opened.as_ref().filter(|opened| opened.truncated_bytes > 0) {
        let (bytes, last) = (opened.truncated_bytes, opened.last);
        tracing::warn!("the log ended in the middle of a write: {bytes} bytes behind record {last} were cut off");
    }
    Ok(opened)
}

/// Starts the thread that flushes the log.
fn start_flusher(shared: &Arc<Shared>) -> std::io::Result<Option<JoinHandle<()>>> {
    if shared.log.is_none() {
        return Ok(None);
    }
    let shared = Arc::clone(shared);
    let flush = move || {
        if let Some(log) = &shared.log {
            log.flush_loop(|| shared.hub().settings.appendfsync);
        }
    };
    std::thread::Builder::new().name("larder-flush".to_owned()).spawn(flush).map(Some)
}

async fn stop_signal(stop: &Notify) -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        () = stop.notified() => "SHUTDOWN",
    })
}

impl Listeners {
    fn bind(settings: &Settings) -> Result<Self, String> {
        let http_addresses = if settings.http_bind.0.is_empty() { &settings.bind } else { &settings.http_bind };
        let backlog = settings.tcp_backlog;
        let resp = bind_all(&settings.bind, settings.port, backlog)?;
        let http = bind_all(http_addresses, settings.http_port, backlog)?;
        let unix = match settings.unixsocket.as_str() {
            "" => None,
            path => Some((bind_socket(path, settings.unixsocketperm.0)?, PathBuf::from(path))),
        };
        if resp.is_empty() && http.is_empty() && unix.is_none() {
            return Err("nothing to listen on: port, http-port and unixsocket are all off".to_owned());
        }
        Ok(Self { resp, http, unix })
    }

    /// `larder ready: resp=127.0.0.1:6379 http=127.0.0.1:7379 unix=/tmp/larder.sock`
    fn ready_line(&self) -> Result<String, String> {
        let mut line = "larder ready:".to_owned();
        for (name, listeners) in [("resp", &self.resp), ("http", &self.http)] {
            for listener in listeners {
                let address = listener.local_addr().map_err(|error| format!("cannot read an address: {error}"))?;
                line.push_str(&format!(" {name}={address}"));
            }
        }
        if let Some((_, path)) = &self.unix {
            line.push_str(&format!(" unix={}", path.display()));
        }
        Ok(line)
    }
}

/// Binds a port on every address; those with a leading `-` may fail.
fn bind_all(addresses: &Addresses, port: u16, backlog: u32) -> Result<Vec<TcpListener>, String> {
    if port == 0 {
        return Ok(Vec::new());
    }
    let mut listeners = Vec::new();
    for address in &addresses.0 {
        let (optional, host) = match address.strip_prefix('-') {
            Some(host) => (true, host),
            None => (false, address.as_str()),
        };
        match resolve(host).and_then(|ip| bind(SocketAddr::new(ip, port), backlog)) {
            Ok(listener) => listeners.push(listener),
            Err(error) if optional => tracing::debug!("not listening on {host}:{port}: {error}"),
            Err(error) => return Err(format!("cannot listen on {host}:{port}: {error}")),
        }
    }
    if listeners.is_empty() {
        return Err(format!("cannot listen on port {port}: no address could be bound"));
    }
    Ok(listeners)
}

fn resolve(host: &str) -> std::io::Result<IpAddr> {
    use std::net::ToSocketAddrs;
    match host {
        "*" => Ok(IpAddr::from([0, 0, 0, 0])),
        "::*" => Ok(IpAddr::from([0u16; 8])),
        _ => (host, 0)
            .to_socket_addrs()?
            .next()
            .map(|address| address.ip())
            .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address")),
    }
}

fn bind(address: SocketAddr, backlog: u32) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        let socket = TcpSocket::new_v6()?;
        // The IPv4 side has a listener of its own.
        socket2::SockRef::from(&socket).set_only_v6(true)?;
        socket
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog.max(1))
}

fn bind_socket(path: &str, mode: u32) -> Result<UnixListener, String> {
    let mode = if mode == 0 { DEFAULT_SOCKET_MODE } else { mode };
    resp::bind_unix(path.as_ref(), mode)
        .and_then(UnixListener::from_std)
        .map_err(|error| format!("cannot listen on {path}: {error}"))
}
