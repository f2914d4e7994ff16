//! Upstash's REST forms: a command in the path or in a JSON array, pipelines, transactions.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use larder_core::limits::COMMANDS_PER_HOLD;
use larder_core::resp::json::{Encoding, Kind, write_result, write_results};
use larder_core::resp::{Arguments, RequestBuf};
use larder_core::rest::{self, Format, needs_connection, write_error};
use larder_core::session::Session;

use super::body::{self, JSON_BYTES};
use super::client::{Client, State, take_body};
use super::error;
use super::json::{self, JsonError};

/// Most commands of a pipeline or transaction: what the SDK puts into one.
const COMMANDS: usize = 1000;

/// Reply bytes after which the rest of a pipeline is refused, so that a thousand reads of large values stay bounded.
const PIPELINE_REPLY_BYTES: usize = 256 * 1024 * 1024;

const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");

/// A command in the path: `/set/key/value`.
pub async fn path(Extract(client): Extract<Arc<Client>>, request: Request) -> Response {
    let answer = async {
        let (parts, body) = request.into_parts();
        let format = format(&parts.headers)?;
        from_path(&client, &parts, body).await?;
        Ok(client.work(|state| run(&client, state, format)).await)
    };
    signed(&client, answer.await)
}

/// `POST /`: a command as a JSON array.
pub async fn command(Extract(client): Extract<Arc<Client>>, request: Request) -> Response {
    let answer = async {
        let (parts, body) = request.into_parts();
        let format = format(&parts.headers)?;
        from_body(&client, &parts.headers, body).await?;
        Ok(client.work(|state| run(&client, state, format)).await)
    };
    signed(&client, answer.await)
}

/// `POST /pipeline`: an array of commands, each with a result of its own.
pub async fn pipeline(Extract(client): Extract<Arc<Client>>, request: Request) -> Response {
    let answer = async {
        let (parts, body) = request.into_parts();
        let format = format(&parts.headers)?;
        let commands = commands(&parts.headers, body).await?;
        Ok(run_each(&client, &commands, format).await)
    };
    signed(&client, answer.await)
}

/// `POST /multi-exec`: an array of commands that run as one.
pub async fn transaction(Extract(client): Extract<Arc<Client>>, request: Request) -> Response {
    let answer = async {
        let (parts, body) = request.into_parts();
        let Format::Json(encoding) = format(&parts.headers)? else {
            return Err(bad_request("ERR resp2 is not available for multi-exec"));
        };
        let commands = commands(&parts.headers, body).await?;
        run_as_one(&client, &commands, encoding).await
    };
    signed(&client, answer.await)
}

/// Any other method on `/`.
pub async fn wrong_method_for_command(Extract(client): Extract<Arc<Client>>) -> Response {
    signed(&client, Err(error::method_not_allowed("GET, HEAD, POST")))
}

/// Any other method where only POST is taken.
pub async fn wrong_method(Extract(client): Extract<Arc<Client>>) -> Response {
    signed(&client, Err(error::method_not_allowed("POST")))
}

/// Either way an answer, with the sync token; errors are those that come before any command.
fn signed(client: &Client, answer: Result<Response, Response>) -> Response {
    let mut response = answer.unwrap_or_else(|refused| refused);
    let token = client.sync_token(&mut client.state());
    response.headers_mut().insert(SYNC_TOKEN, token);
    response
}

fn bad_request(text: &str) -> Response {
    error::refuse(StatusCode::BAD_REQUEST, text)
}

#[expect(clippy::result_large_err, reason = "it is the answer, and moved once")]
fn format(headers: &HeaderMap) -> Result<Format, Response> {
    let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    Format::from_headers(header("upstash-response-format"), header("upstash-encoding")).map_err(bad_request)
}

/// Makes the request of a JSON array.
async fn from_body(client: &Client, headers: &HeaderMap, body: Body) -> Result<(), Response> {
    let text = body::read(headers, body, JSON_BYTES).await.map_err(error::bad_body)?;
    let request = &mut client.state().request;
    request.clear();
    json::read_command(&text, request).map_err(malformed)
}

async fn commands(headers: &HeaderMap, body: Body) -> Result<Vec<RequestBuf>, Response> {
    let text = body::read(headers, body, JSON_BYTES).await.map_err(error::bad_body)?;
    let commands = json::read_commands(&text, COMMANDS).map_err(malformed)?;
    if commands.is_empty() {
        return Err(bad_request("ERR empty pipeline request"));
    }
    Ok(commands)
}

fn malformed(fault: JsonError) -> Response {
    bad_request(&format!("ERR malformed JSON: {fault}"))
}

/// Makes the request of a path, its query and its body.
async fn from_path(client: &Client, parts: &Parts, body: Body) -> Result<(), Response> {
    let body = match parts.method {
        Method::GET | Method::HEAD => Bytes::new(),
        Method::POST | Method::PUT => {
            let read = body::read(&parts.headers, body, client.value_bytes()).await;
            read.map_err(error::bad_body)?
        }
        _ => return Err(error::method_not_allowed("GET, HEAD, POST, PUT")),
    };
    let body = (!body.is_empty()).then_some(&*body);
    let request = &mut client.state().request;
    request.clear();
    rest::command_from_path(parts.uri.path(), parts.uri.query(), body, request)
        .map_err(|fault| bad_request(&format!("ERR {fault}")))
}

/// Runs the request that was made. `None` while a pause holds it back.
fn run(client: &Client, state: &mut State, format: Format) -> Option<Response> {
    if let Some(text) = refusal(state.request.arguments()) {
        return Some(bad_request(&text));
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
async fn run_each(client: &Client, commands: &[RequestBuf], format: Format) -> Response {
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
async fn run_as_one(client: &Client, commands: &[RequestBuf], encoding: Encoding) -> Result<Response, Response> {
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
    response.headers_mut().insert(CONTENT_TYPE, octets);
    response
}

/// The engine wrote no proper reply: a bug of ours.
fn broken_reply(fault: &str) -> Response {
    tracing::error!("unreadable reply: {fault}");
    error::refuse(StatusCode::INTERNAL_SERVER_ERROR, "ERR unreadable reply")
}
