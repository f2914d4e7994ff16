//! Which path is answered where.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;

use super::client::Client;
use super::{error, keys, upstash, ws};

/// Where health is asked for, by whoever can connect.
pub const HEALTH: &str = "/healthz";

/// Where WebSockets open.
pub const WEBSOCKET: &str = "/v1/ws";

/// What the path of a value begins with; the rest is its key, which may hold slashes.
pub const KEYS: &str = "/v1/keys/";

/// All routes. What none of them takes is a command in the path.
pub fn routes() -> Router<Arc<Client>> {
    Router::new()
        .route("/", get(about).post(upstash::command).fallback(upstash::wrong_method_for_command))
        .route("/pipeline", post(upstash::pipeline).fallback(upstash::wrong_method))
        .route("/multi-exec", post(upstash::transaction).fallback(upstash::wrong_method))
        .route(HEALTH, get(health).fallback(async || error::method_not_allowed("GET, HEAD")))
        .route(
            &format!("{KEYS}{{*key}}"),
            get(keys::get).put(keys::put).delete(keys::delete).fallback(keys::wrong_method),
        )
        .route(WEBSOCKET, get(ws::upgrade).fallback(async || error::method_not_allowed("GET")))
        .route("/v1/", any(nothing))
        .route("/v1/{*path}", any(nothing))
        .fallback(upstash::path)
}

async fn health() -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, "ok\n").into_response()
}

/// `GET /`: what this is and where to go from here.
async fn about() -> Response {
    let text = concat!(
        r#"{"name":"larder","version":""#,
        env!("CARGO_PKG_VERSION"),
        r#"","links":{"commands":"/{command}/{argument}","pipeline":"/pipeline","transaction":"/multi-exec","#,
        r#""keys":"/v1/keys/{key}","websocket":"/v1/ws","health":"/healthz"}}"#,
    );
    error::json(StatusCode::OK, Bytes::from_static(text.as_bytes()))
}

async fn nothing() -> Response {
    error::refuse(StatusCode::NOT_FOUND, "ERR there is nothing here; a key is at /v1/keys/{key}")
}
