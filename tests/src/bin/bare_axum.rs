//! The yardstick of the REST benchmark rows: axum with one constant route, served the way Larder serves HTTP.
//!
//! One current-thread tokio runtime per core; the main thread accepts and hands connections out in turn. It does
//! nothing for a request that a server could leave out, so what Larder adds to it is Larder's own cost.
//!
//! `bare_axum --port PORT [--path PATH] [--body BODY] [--content-type TYPE]`, on loopback only.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::sync::mpsc;

/// Accepted connections a runtime may be behind before the acceptor waits for it.
const PENDING_CONNECTIONS: usize = 1024;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bare_axum: {message}");
            ExitCode::from(2)
        }
    }
}

/// The one route and where it listens.
struct Options {
    port: u16,
    path: String,
    body: String,
    content_type: String,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            port: 0,
            path: "/".to_owned(),
            body: "x".repeat(32),
            content_type: "application/octet-stream".to_owned(),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--port" => options.port = value.parse().map_err(|_| "--port is not a port")?,
                "--path" => options.path = value,
                "--body" => options.body = value,
                "--content-type" => options.content_type = value,
                _ => return Err(format!("unknown option {name}")),
            }
        }
        if options.port == 0 {
            return Err("--port PORT is required".to_owned());
        }
        Ok(options)
    }

    fn router(self) -> Router {
        // Leaked once per process: a constant route should not copy its body.
        let body: &'static str = self.body.leak();
        let content_type: &'static str = self.content_type.leak();
        Router::new().route(&self.path, get(move || async move { ([(CONTENT_TYPE, content_type)], body) }))
    }
}

fn serve(options: Options) -> Result<(), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
        .map_err(|e| format!("cannot listen on {}: {e}", options.port))?;
    let router = options.router();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let runtimes: Vec<_> = (0..cores).map(|_| start_runtime(router.clone())).collect();
    for (stream, runtime) in listener.incoming().zip(runtimes.iter().cycle()) {
        // A connection that failed before it was accepted is its client's matter.
        let Ok(stream) = stream else { continue };
        if runtime.blocking_send(stream).is_err() {
            return Err("a runtime ended".to_owned());
        }
    }
    Ok(())
}

fn start_runtime(router: Router) -> mpsc::Sender<TcpStream> {
    let (sender, mut accepted) = mpsc::channel::<TcpStream>(PENDING_CONNECTIONS);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the system has file descriptors left for a runtime");
        runtime.block_on(async move {
            while let Some(stream) = accepted.recv().await {
                tokio::spawn(serve_connection(stream, router.clone()));
            }
        });
    });
    sender
}

async fn serve_connection(stream: TcpStream, router: Router) {
    if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
        return;
    };
    // A client that goes away ends its connection with an error that nobody needs.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}
