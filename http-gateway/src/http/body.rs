//! Bodies of requests, in bounded memory and bounded time.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::header::{CONTENT_ENCODING, HeaderMap};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

/// Largest JSON body, as with Upstash. One path form carries one value, which has its own limit: proto-max-bulk-len.
pub const JSON_BYTES: u64 = 10 * 1024 * 1024;

/// How long a body may pause before it is given up.
const PAUSE: Duration = Duration::from_secs(30);

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Longer than the limit.
    TooLarge,
    /// Compressed. Nothing here inflates: ten kilobytes may become ten gigabytes.
    Encoded,
    /// It paused for too long.
    Slow,
    /// It ended early, or its chunks are malformed.
    Broken,
}

/// Reads a whole body. Memory follows the bytes that arrive, not the length that was declared.
pub async fn read(headers: &HeaderMap, mut body: Body, limit: u64) -> Result<Bytes, BodyError> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(BodyError::Encoded);
    }
    if body.size_hint().lower() > limit {
        return Err(BodyError::TooLarge);
    }
    let mut first = Bytes::new();
    let mut gathered = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(PAUSE, body.frame()).await.map_err(|_| BodyError::Slow)?;
        let Some(frame) = frame else { break };
        // Trailers mean nothing to us.
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if (first.len() + gathered.len() + data.len()) as u64 > limit {
            return Err(BodyError::TooLarge);
        }
        if first.is_empty() && gathered.is_empty() {
            // A body of one piece, as most are, is not copied.
            first = data;
            continue;
        }
        gathered.extend_from_slice(&std::mem::take(&mut first));
        gathered.extend_from_slice(&data);
    }
    Ok(if gathered.is_empty() { first } else { gathered.freeze() })
}
