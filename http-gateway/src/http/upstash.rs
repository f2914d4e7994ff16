//! Upstash's REST forms: a command in the path or in a JSON array, pipelines, transactions.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use larder_core::limits::COMMANDS_PER_HOLD;
use larder_core::resp::json::{Encoding, Kind, write_result, write_results};
use larder_core::resp::{Arguments, RequestBuf};
use larder_core::rest::{self, Format, needs_connection, write_error};
use larder_core::session::Session;

use super::Response;
use super::body::{self, JSON_BYTES};
use super::client::{Client, State, take_body};
use super::error;

/// Most commands of a pipeline or transaction: what the SDK puts into one.
const COMMANDS: usize = 1000;

/// Reply bytes after which the rest of a pipeline is refused, so that a thousand reads of large values stay bounded.
const PIPELINE_REPLY_BYTES: usize = 256 * 1024 * 1024;

const METHODS: &str = "GET, HEAD, POST, PUT";

const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");

/// Answers a request whose path is none of the server's own.
pub async fn answer(client: &Client, parts: &Parts, body: Incoming) -> Response {
    let mut response = match run(client, parts, body).await {
        Ok(response) | Err(response) => response,
    };
    let token = client.sync_token(&mut client.state());
    response.headers_mut().insert(SYNC_TOKEN, token);
    response
}

/// Either way an answer; errors are those that come before any command.
async fn run(client: &Client, parts: &Parts, body: Incoming) -> Result<Response, Response> {
    let bad_request = |text: &str| error::refuse(StatusCode::BAD_REQUEST, text);
    let header = |name: &str| parts.headers.get(name).map(HeaderValue::as_bytes);
    let format = Format::from_headers(header("upstash-response-format"), header("upstash-encoding"));
    let format = format.map_err(bad_request)?;
    let path = parts.uri.path();
    if !matches!(path, "/" | "/pipeline" | "/multi-exec") {
        from_path(client, parts, body).await?;
        return Ok(client.work(|state| command(client, state, format)).await);
    }
    if parts.method != Method::POST {
        return Err(error::method_not_allowed(if path == "/" { METHODS } else { "POST" }));
    }
    let text = body::read(&parts.headers, body, JSON_BYTES).await.map_err(error::bad_body)?;
    let malformed = |fault: rest::json::JsonError| bad_request(&format!("ERR malformed JSON: {fault}"));
    if path == "/" {
        {
            let request = &mut client.state().request;
            request.clear();
            rest::json::read_command(&text, request).map_err(malformed)?;
        }
        return Ok(client.work(|state| command(client, state, format)).await);
    }
    let commands = rest::json::read_commands(&text, COMMANDS).map_err(malformed)?;
    drop(text);
    if commands.is_empty() {
        return Err(bad_request("ERR empty pipeline request"));
    }
    match (path, format) {
        ("/pipeline", _) => Ok(pipeline(client, &commands, format).await),
        (_, Format::Json(encoding)) => transaction(client, &commands, encoding).await,
        (_, Format::Resp2) => Err(bad_request("ERR resp2 is not available for multi-exec")),
    }
}

/// Makes the request of a path, its query and its body.
async fn from_path(client: &Client, parts: &Parts, body: Incoming) -> Result<(), Response> {
    let body = match parts.method {
        Method::GET | Method::HEAD => Bytes::new(),
        Method::POST | Method::PUT => {
            let read = body::read(&parts.headers, body, client.value_bytes()).await;
            read.map_err(error::bad_body)?
        }
        _ => return Err(error::method_not_allowed(METHODS)),
    };
    let body = (!body.is_empty()).then_some(&*body);
    let request = &mut client.state().request;
    request.clear();
    rest::command_from_path(parts.uri.path(), parts.uri.query(), body, request)
        .map_err(|fault| error::refuse(StatusCode::BAD_REQUEST, &format!("ERR {fault}")))
}

/// Runs the request that was made. `None` while a pause holds it back.
fn command(client: &Client, state: &mut State, format: Format) -> Option<Response> {
    if let Some(text) = refusal(state.request.arguments()) {
        return Some(error::refuse(StatusCode::BAD_REQUEST, &text));
    }
    state.run(client, &mut client.session())?;
    let encoding = match format {
        Format::Json(encoding) => encoding,
        Format::Resp2 => {
            let kind = if state.out.starts_with(b"-") { Kind::Error } else { Kind::Result };
            return Some(resp2(kind, take_body(&mut state.out)));
        }
    };
    state.json.clear();
    Some(match write_result(&state.out, encoding, &mut state.json) {
        Ok(kind) => error::json(status(kind), take_body(&mut state.json)),
        Err(fault) => broken_reply(&fault.to_string()),
    })
}

/// Runs commands one after the other; others may run between them.
async fn pipeline(client: &Client, commands: &[RequestBuf], format: Format) -> Response {
    let mut session = client.session();
    let mut body = Vec::new();
    match format {
        Format::Json(_) => body.push(b'['),
        Format::Resp2 => body.extend_from_slice(format!("*{}\r\n", commands.len()).as_bytes()),
    }
    let mut done = 0;
    while done < commands.len() {
        client
            .work(|state| {
                let end = commands.len().min(done + COMMANDS_PER_HOLD);
                while done < end {
                    append(client, state, &mut session, &commands[done], format, &mut body)?;
                    done += 1;
                }
                Some(())
            })
            .await;
        if done < commands.len() {
            tokio::task::yield_now().await;
        }
    }
    match format {
        Format::Json(_) => {
            body.push(b']');
            error::json(StatusCode::OK, body.into())
        }
        Format::Resp2 => resp2(Kind::Result, body.into()),
    }
}

/// Runs one command of a pipeline and appends its reply to the body. `None` while a pause holds it back.
fn append(
    client: &Client,
    state: &mut State,
    session: &mut Session,
    command: &RequestBuf,
    format: Format,
    body: &mut Vec<u8>,
) -> Option<()> {
    let args = command.arguments();
    let refused = if body.len() > PIPELINE_REPLY_BYTES {
        Some("ERR the replies before this one fill the response; send fewer commands".to_owned())
    } else {
        refusal(args)
    };
    state.out.clear();
    match &refused {
        Some(text) => state.out.extend_from_slice(format!("-{text}\r\n").as_bytes()),
        None => state.run_other(client, session, args)?,
    }
    let Format::Json(encoding) = format else {
        body.extend_from_slice(&state.out);
        return Some(());
    };
    if body.last() != Some(&b'[') {
        body.push(b',');
    }
    if let Err(fault) = write_result(&state.out, encoding, body) {
        write_error(format!("ERR unreadable reply: {fault}").as_bytes(), body);
    }
    Some(())
}

/// Runs commands as one: through MULTI and EXEC on one session. One that cannot be queued throws all away.
async fn transaction(client: &Client, commands: &[RequestBuf], encoding: Encoding) -> Result<Response, Response> {
    let mut session = client.session();
    let begin = RequestBuf::from_iter([b"MULTI"]);
    let end = RequestBuf::from_iter([b"EXEC"]);
    let mut queued = 0;
    let abort = |text: &[u8]| {
        let text = [b"EXECABORT Transaction discarded because of: ", text].concat();
        error::refuse_bytes(StatusCode::BAD_REQUEST, &text)
    };
    client.work(|state| state.run_other(client, &mut session, begin.arguments())).await;
    while let Some(command) = commands.get(queued) {
        if let Some(text) = refusal(command.arguments()) {
            return Err(abort(text.as_bytes()));
        }
        let refused = client
            .work(|state| {
                state.run_other(client, &mut session, command.arguments())?;
                let error = state.out.strip_prefix(b"-").map(|line| line.trim_ascii_end().to_vec());
                Some(error)
            })
            .await;
        if let Some(text) = refused {
            return Err(abort(&text));
        }
        queued += 1;
    }
    let response = client
        .work(|state| {
            state.run_other(client, &mut session, end.arguments())?;
            state.json.clear();
            Some(match write_results(&state.out, encoding, &mut state.json) {
                Ok(kind) => error::json(status(kind), take_body(&mut state.json)),
                Err(fault) => broken_reply(&fault.to_string()),
            })
        })
        .await;
    Ok(response)
}

/// Why a command cannot run over REST.
fn refusal(args: Arguments<'_>) -> Option<String> {
    needs_connection(args).then(|| {
        let name = String::from_utf8_lossy(args.get(0)).to_lowercase();
        let name = if name == "client" {
            format!("client {}", String::from_utf8_lossy(args.get(1)).to_lowercase())
        } else {
            name
        };
        format!("ERR '{name}' needs a connection of its own: use RESP, or the WebSocket at /v1/ws")
    })
}

fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Result => StatusCode::OK,
        Kind::Error => StatusCode::BAD_REQUEST,
    }
}

fn resp2(kind: Kind, body: Bytes) -> Response {
    let mut response = error::json(status(kind), body);
    let octets = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, octets);
    response
}

/// The engine wrote no proper reply: a bug of ours.
fn broken_reply(fault: &str) -> Response {
    tracing::error!("unreadable reply: {fault}");
    error::refuse(StatusCode::INTERNAL_SERVER_ERROR, "ERR unreadable reply")
}
