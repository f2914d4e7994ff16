//! WebSocket: RESP in binary frames on `/v1/ws`, one socket per connection of the case.

use super::{Target, empty_keyspace, if_any, say_hello, start_larder};
use crate::case_file::Protocol;
use crate::resp::{REPLY_DEADLINE, Reply, decode, encode_command};
use crate::servers::Server;
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

/// Long enough for a command to reach a busy server before the next connection's command, and for its reply to come.
const SETTLE: Duration = Duration::from_millis(30);

struct WebSockets {
    /// Keeps the process alive as long as the target.
    _server: Option<Server>,
    address: SocketAddr,
    sockets: HashMap<u32, Socket>,
}

struct Socket {
    frames: WebSocket<TcpStream>,
    received: Vec<u8>,
}

/// Starts Larder with its HTTP listener.
///
/// # Errors
/// When its binary has not been built.
pub fn start() -> Result<Box<dyn Target>, String> {
    let server = start_larder()?;
    let address = server.http().ok_or("larder has no HTTP listener")?;
    Ok(Box::new(WebSockets { _server: Some(server), address, sockets: HashMap::new() }))
}

impl Target for WebSockets {
    fn protocol(&self) -> Protocol {
        Protocol::Resp3
    }

    fn send(&mut self, connection: u32, args: &[Vec<u8>]) -> io::Result<()> {
        let mut request = Vec::new();
        encode_command(args, &mut request);
        let frames = &mut self.socket(connection)?.frames;
        frames.send(Message::Binary(request.into())).map_err(transport)
    }

    fn receive(&mut self, connection: u32) -> io::Result<Reply> {
        let socket = self.socket(connection)?;
        loop {
            if let Some((reply, used)) = decode(&socket.received)? {
                socket.received.drain(..used);
                return Ok(reply);
            }
            match socket.frames.read().map_err(transport)? {
                Message::Binary(bytes) => socket.received.extend_from_slice(&bytes),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
                other => {
                    return Err(io::Error::other(format!("RESP came as {other:?}")));
                }
            }
        }
    }

    fn advance(&mut self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }

    fn settle(&mut self, connection: u32) -> io::Result<Option<Reply>> {
        self.socket(connection)?.frames.get_ref().set_read_timeout(Some(SETTLE))?;
        let reply = if_any(self.receive(connection));
        self.socket(connection)?.frames.get_ref().set_read_timeout(Some(REPLY_DEADLINE))?;
        reply
    }

    fn reset(&mut self) -> io::Result<()> {
        self.sockets.clear();
        empty_keyspace(self, 1)
    }
}

impl WebSockets {
    fn socket(&mut self, number: u32) -> io::Result<&mut Socket> {
        if !self.sockets.contains_key(&number) {
            let socket = Socket { frames: connect(self.address)?, received: Vec::new() };
            self.sockets.insert(number, socket);
            say_hello(self, number)?;
        }
        Ok(self.sockets.get_mut(&number).expect("a missing socket was just opened"))
    }
}

fn connect(address: SocketAddr) -> io::Result<WebSocket<TcpStream>> {
    let mut request = format!("ws://{address}/v1/ws").into_client_request().map_err(transport)?;
    let protocol = HeaderValue::from_static("resp");
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(REPLY_DEADLINE))?;
    tungstenite::client(request, stream)
        .map(|(frames, _)| frames)
        .map_err(|error| io::Error::other(format!("no WebSocket: {error}")))
}

fn transport(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::UnexpectedEof.into(),
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use tungstenite::handshake::server::{ErrorResponse, Request, Response};

    #[expect(clippy::result_large_err, reason = "tungstenite fixes the type")]
    fn with_protocol(_: &Request, mut answer: Response) -> Result<Response, ErrorResponse> {
        let protocol = HeaderValue::from_static("resp");
        answer.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        Ok(answer)
    }

    #[test]
    fn replies_may_span_frames() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("the target connects");
            let mut frames = tungstenite::accept_hdr(stream, with_protocol).expect("a handshake");
            let hello = frames.read().expect("HELLO 3").into_data();
            for part in [&b"%0\r\n+PO"[..], b"NG\r\n"] {
                let frame = Message::Binary(part.to_vec().into());
                frames.send(frame).expect("the target reads");
            }
            frames.read().expect("PING");
            frames.close(None).expect("the target reads");
            hello
        });
        let mut sockets = WebSockets { _server: None, address, sockets: HashMap::new() };
        let reply = sockets.call(1, &[b"PING".to_vec()]).expect("two frames");
        assert_eq!(reply, Reply::Simple(b"PONG".to_vec()));
        let end = sockets.receive(1).expect_err("the server closed");
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        let hello = server.join().expect("the server thread ends");
        assert_eq!(&hello[..], b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
    }
}
