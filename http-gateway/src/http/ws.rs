//! The WebSocket at `/v1/ws`: a connection like any other, listed and limited as such.
//!
//! Binary messages carry RESP, split anywhere, both ways. A text message is one command as a JSON array, answered by
//! one text message with the object that REST answers.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Extension;
use axum::extract::State as Extract;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use larder_core::resp::json::{Encoding, write_result};
use larder_core::resp::{Arguments, RequestBuf};
use larder_core::rest::write_error;
use tokio::task::JoinHandle;

use super::client::Client;
use super::error;
use super::guard::Access;
use super::json;
use crate::host::driver::{Driver, Turn, World};
use crate::host::process::now_ms;
use crate::host::{Peer, connection_random};
use crate::resp::is_loopback;

/// Largest message a client may send. Longer pipelines and values come in several.
const MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// Replies go out in messages of this size at most.
const REPLY_BYTES: usize = 1024 * 1024;

/// Largest reply to a text message, which cannot be split: as large as a JSON request.
const TEXT_REPLY_BYTES: usize = 10 * 1024 * 1024;

/// What may wait for a slow reader: one message, and room for its framing and a pong.
const WRITE_BUFFER_BYTES: usize = TEXT_REPLY_BYTES + 64 * 1024;

/// Read buffer of an idle socket; the library's 128 KiB would be most of what a connection costs.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// Bytes of messages after which no more are taken from a client whose request waits.
const EARLY_BYTES: usize = 1 << 20;

/// What a client may ask for by name, and many must hear back.
const SUBPROTOCOL: &str = "resp";

/// How long the close frame may take.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// Why a conversation ends.
enum End {
    /// The client is gone, or said good-bye.
    Gone,
    /// We close, with a code and the reason (RFC 6455, section 7.4).
    Close(u16, &'static str),
}

/// Turns a request into a WebSocket. A stranger may log in with AUTH.
pub async fn upgrade(
    Extract(client): Extract<Arc<Client>>,
    Extension(access): Extension<Access>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]),
        Err(rejection) => {
            let text = format!("ERR a WebSocket is here: {}", rejection.body_text());
            return error::refuse(rejection.status(), &text);
        }
    };
    let shared = &client.front.shared;
    let most = client.state().world.settings().maxclients as usize;
    if shared.hub().clients.len() >= most {
        return error::refuse(StatusCode::SERVICE_UNAVAILABLE, "ERR max number of clients reached");
    }
    let peer = Peer {
        address: client.peer.to_string(),
        local_address: client.local.to_string(),
        descriptor: client.descriptor,
        is_local: is_loopback(client.peer),
    };
    let mut session = shared.open_session(peer, now_ms());
    session.authenticated = access != Access::Stranger;
    let random = connection_random(session.id, client.front.seed);
    let world = World::new(Arc::clone(shared), Arc::clone(&client.counters), random);
    let driver = Driver::new(session, world);
    upgrade
        .max_message_size(MESSAGE_BYTES)
        .max_frame_size(MESSAGE_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES)
        .on_upgrade(async move |socket| {
            // CLIENT KILL, `timeout` and the shutdown end this task; the conversation then says good-bye.
            let life = tokio::spawn(std::future::pending::<()>());
            let end = life.abort_handle();
            driver.shared().register_task(driver.connection.session.id, life.abort_handle());
            converse(socket, driver, life).await;
            end.abort();
        })
}

/// Talks until either side ends it, or `life` ends.
async fn converse(socket: WebSocket, mut driver: Driver, life: JoinHandle<()>) {
    let mut wire = Wire { socket, early: VecDeque::new(), early_bytes: 0 };
    let end = tokio::select! {
        end = listen(&mut wire, &mut driver) => end,
        _ = life => End::Close(close_code::POLICY, "closed by the server"),
    };
    // Off the list before the client hears of it.
    drop(driver);
    if let End::Close(code, reason) = end {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        // If it does not arrive, the client is gone already, or reads too slowly.
        let _ = tokio::time::timeout(GOOD_BYE, wire.socket.send(Message::Close(Some(frame)))).await;
    }
}

/// A socket, and what came over it while a request waited.
struct Wire {
    socket: WebSocket,
    early: VecDeque<Message>,
    early_bytes: usize,
}

impl Wire {
    async fn receive(&mut self) -> Option<Result<Message, axum::Error>> {
        match self.early.pop_front() {
            Some(message) => {
                self.early_bytes -= early_bytes(&message);
                Some(Ok(message))
            }
            None => self.socket.recv().await,
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.socket.send(message).await.map_err(|_| End::Gone)
    }

    /// Waits for something else, and keeps what comes meanwhile. A client that leaves ends the wait.
    async fn wait(&mut self, event: impl Future<Output = ()>) -> Result<(), End> {
        let mut event = pin!(event);
        loop {
            let received = tokio::select! {
                () = &mut event => return Ok(()),
                received = self.socket.recv(), if self.early_bytes < EARLY_BYTES => received,
            };
            let message = received.ok_or(End::Gone)?.map_err(|fault| why(&fault))?;
            self.early_bytes += early_bytes(&message);
            self.early.push_back(message);
        }
    }
}

/// What a message takes while it waits for its turn.
fn early_bytes(message: &Message) -> usize {
    let payload = match message {
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Text(text) => text.len(),
        Message::Close(_) => 0,
    };
    payload + size_of::<Message>()
}

async fn listen(wire: &mut Wire, driver: &mut Driver) -> End {
    loop {
        let received = wire.receive().await;
        if driver.connection.session.record.killed.load(Ordering::Relaxed) {
            // The end is on its way; what came after CLIENT KILL must not overtake it.
            std::future::pending::<()>().await;
        }
        let result = match received {
            None => Err(End::Gone),
            Some(Err(fault)) => Err(why(&fault)),
            Some(Ok(Message::Binary(bytes))) => binary(wire, driver, &bytes).await,
            Some(Ok(Message::Text(text))) => self::text(wire, driver, &text).await,
            // The library answers pings and the other side's closing.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => Ok(()),
        };
        if let Err(end) = result {
            return end;
        }
    }
}

/// The close code for a message that could not be received. The library's type of error is not ours to name, so its
/// text decides; a test holds the texts.
fn why(fault: &axum::Error) -> End {
    let text = fault.to_string();
    if text.contains("too long") || text.contains("too big") {
        End::Close(close_code::SIZE, "the message is longer than 2 MiB")
    } else if text.contains("UTF-8") {
        End::Close(close_code::INVALID, "text is UTF-8")
    } else if text.contains("protocol error") {
        End::Close(close_code::PROTOCOL, "the frame is malformed")
    } else {
        End::Gone
    }
}

/// Takes bytes of RESP and sends the replies.
async fn binary(wire: &mut Wire, driver: &mut Driver, bytes: &Bytes) -> Result<(), End> {
    driver.connection.input.feed(bytes);
    loop {
        let turn = driver.run();
        driver.settle().await;
        let replies = Bytes::from(std::mem::take(&mut driver.connection.out));
        note_sent(driver);
        for start in (0..replies.len()).step_by(REPLY_BYTES) {
            let message = replies.slice(start..replies.len().min(start + REPLY_BYTES));
            wire.send(Message::Binary(message)).await?;
        }
        if after(wire, driver, turn).await? {
            break;
        }
    }
    let limit = driver.settings().client_query_buffer_limit_bytes;
    if driver.connection.input.len() as u64 > limit {
        return Err(End::Close(close_code::SIZE, "query buffer over its limit"));
    }
    Ok(())
}

/// Runs one command in JSON and sends its reply.
async fn text(wire: &mut Wire, driver: &mut Driver, text: &str) -> Result<(), End> {
    let mut reply = Vec::new();
    let mut request = RequestBuf::new();
    match json::read_command(text.as_bytes(), &mut request) {
        Err(fault) => write_error(format!("ERR malformed JSON: {fault}").as_bytes(), &mut reply),
        Ok(()) if !driver.connection.input.is_empty() => {
            write_error(b"ERR a request in binary messages is not finished", &mut reply);
        }
        Ok(()) => {
            driver.connection.input.feed(&encode(request.arguments()));
            let mut closing = Ok(());
            loop {
                let turn = driver.run();
                driver.settle().await;
                match after(wire, driver, turn).await {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(end) => {
                        closing = Err(end);
                        break;
                    }
                }
            }
            let out = std::mem::take(&mut driver.connection.out);
            // CLIENT REPLY OFF leaves nothing to send.
            if !out.is_empty() && write_result(&out, Encoding::Plain, &mut reply).is_err() {
                write_error(b"ERR the reply is no single one; use binary messages", &mut reply);
            }
            if closing.is_err() {
                send_text(wire, driver, reply).await?;
                return closing;
            }
        }
    }
    send_text(wire, driver, reply).await
}

async fn send_text(wire: &mut Wire, driver: &Driver, mut reply: Vec<u8>) -> Result<(), End> {
    if reply.is_empty() {
        return Ok(());
    }
    if reply.len() > TEXT_REPLY_BYTES {
        reply.clear();
        write_error(b"ERR the reply is longer than 10 MiB; use binary messages", &mut reply);
    }
    note_sent(driver);
    let text = Utf8Bytes::try_from(reply).expect("JSON is written in UTF-8");
    wire.send(Message::Text(text)).await
}

/// Nothing waits to be sent any more. The bytes are counted where they pass, with their framing.
fn note_sent(driver: &Driver) {
    driver.connection.session.record.output_bytes.store(0, Ordering::Relaxed);
}

/// Does what the driver wants before it runs again. True when it wants more bytes first.
async fn after(wire: &mut Wire, driver: &mut Driver, turn: Turn) -> Result<bool, End> {
    match turn {
        Turn::Read => return Ok(true),
        Turn::Again => tokio::task::yield_now().await,
        Turn::Paused => {
            let shared = Arc::clone(driver.shared());
            let record = Arc::clone(&driver.connection.session.record);
            record.blocked.store(true, Ordering::Relaxed);
            let stays = wire.wait(shared.wait_for_pause(now_ms())).await;
            record.blocked.store(false, Ordering::Relaxed);
            stays?;
        }
        Turn::Waiting => wire.wait(driver.wait_for_data()).await?,
        Turn::Close if driver.connection.session.closing => return Err(End::Close(close_code::NORMAL, "")),
        Turn::Close => return Err(End::Close(close_code::INVALID, "the bytes are not RESP")),
    }
    Ok(false)
}

/// A request as a client would send it.
fn encode(args: Arguments<'_>) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for word in args.iter() {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
