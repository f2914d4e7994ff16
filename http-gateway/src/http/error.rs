//! Answers that refuse. All are JSON that says what was wrong, and never HTML: they quote what clients sent.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::Response;
use bytes::Bytes;
use larder_core::error::CommandError;
use larder_core::rest::write_error;

use super::body::BodyError;
use super::guard::Refusal;

/// The type of every JSON answer.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Room for the headers of an answer, so that none makes the map grow.
pub const USUAL_HEADERS: usize = 6;

/// An answer with nothing but a status and a body; headers are the caller's.
pub fn bare(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(USUAL_HEADERS);
    response
}

/// An answer that no cache keeps and no browser takes for anything but JSON.
pub fn json(status: StatusCode, body: Bytes) -> Response {
    let mut response = bare(status, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// `{"error":"…"}` with a status.
pub fn refuse(status: StatusCode, text: &str) -> Response {
    refuse_bytes(status, text.as_bytes())
}

/// `{"error":"…"}` with the text of an error reply.
pub fn refuse_bytes(status: StatusCode, text: &[u8]) -> Response {
    let mut body = Vec::with_capacity(text.len() + 16);
    write_error(text, &mut body);
    json(status, body.into())
}

/// 503 for a change that the log could not be made to keep.
pub fn unwritten() -> Response {
    refuse_bytes(StatusCode::SERVICE_UNAVAILABLE, CommandError::WRITE_FAULT.text())
}

/// 405 with the methods that there are.
pub fn method_not_allowed(allowed: &'static str) -> Response {
    let text = format!("ERR method not allowed; allowed here: {allowed}");
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, &text);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The answer to a request that the guard turned away.
pub fn refused(refusal: Refusal) -> Response {
    let mut response = refuse(refusal.status(), refusal.text());
    if refusal == Refusal::Token {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The answer to a body that was not taken.
pub fn bad_body(error: BodyError) -> Response {
    let (status, text) = match error {
        BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "ERR max request size exceeded"),
        BodyError::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "ERR Content-Encoding is not supported in requests"),
        BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "ERR the rest of the body did not arrive"),
        BodyError::Broken => (StatusCode::BAD_REQUEST, "ERR the body is not framed correctly"),
    };
    let mut response = refuse(status, text);
    // The rest of the body may still be on its way: the connection is no use for another request.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
