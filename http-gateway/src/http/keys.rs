//! The resource API: `/v1/keys/{key}` is the value under a key, as bytes.
//!
//! Values carry no type, so all are `application/octet-stream`. The entity tag is the value's DIGEST; a change under
//! If-Match is one command that compares the digest itself (RFC 9110, section 13).

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use larder_core::rest::{self, Answer, ENTITY_TAG_BYTES, EntityTag, Range};

use super::body;
use super::client::{Client, State};
use super::error;
use super::router::KEYS;

/// Most entity tags of one If-Match that are tried: each is a command of its own.
const MATCH_TAGS: usize = 16;

/// Values up to this size are copied out of the reply; larger ones are sent from where they lie.
const COPIED_BYTES: usize = 16 * 1024;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What a change is conditional on.
enum Condition<'a> {
    /// Nothing.
    None,
    /// The key exists: `If-Match: *`.
    Exists,
    /// The key does not exist: `If-None-Match: *`.
    Absent,
    /// The value has one of these digests.
    Digests(Vec<&'a [u8]>),
}

/// What became of a change.
enum Change {
    /// It was made where nothing was.
    Created,
    /// It was made to something that was there.
    Done,
    /// There was nothing to change.
    Missing,
    /// Its condition does not hold.
    Refused,
    /// The command answered an error.
    Failed(Response),
}

/// GET and HEAD.
pub async fn get(Extract(client): Extract<Arc<Client>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match key(&parts) {
        Ok(key) => client.work(|state| read(state, &parts.headers, &key)).await,
        Err(refused) => refused,
    }
}

/// PUT: 201 where nothing was, 204 in place of another string.
pub async fn put(Extract(client): Extract<Arc<Client>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    store(&client, &parts, body).await.unwrap_or_else(|refused| refused)
}

/// DELETE: 204 if there was something, of whatever type, 404 else.
pub async fn delete(Extract(client): Extract<Arc<Client>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    drop_value(&client, &parts).await.unwrap_or_else(|refused| refused)
}

/// All other methods.
pub async fn wrong_method() -> Response {
    error::method_not_allowed("GET, HEAD, PUT, DELETE")
}

/// The key in a path: decoded once, from the path as it came. The router's own decoding wants UTF-8.
#[expect(clippy::result_large_err, reason = "it is the answer, and moved once")]
fn key(parts: &Parts) -> Result<Cow<'_, [u8]>, Response> {
    let encoded = parts.uri.path().strip_prefix(KEYS).unwrap_or_default();
    rest::percent_decode(encoded.as_bytes()).map_err(|fault| bad_request(&format!("ERR {fault}")))
}

/// The value and its time to live are read by two commands; a change between them yields one that was
/// true a moment ago or is true a moment later.
fn read(state: &mut State, headers: &HeaderMap, key: &[u8]) -> Option<Response> {
    state.out.clear();
    state.ask(&[b"GET", key]);
    state.look()?;
    let end = state.out.len();
    let length = match Answer::read(&state.out) {
        Some(Answer::Bulk(value)) => value.len(),
        Some(Answer::Null) => return Some(missing()),
        other => return Some(unexpected(other)),
    };
    state.ask(&[b"PTTL", key]);
    state.look()?;
    let ttl_ms = match Answer::read(&state.out[end..]) {
        Some(Answer::Integer(ttl_ms)) => u64::try_from(ttl_ms).ok(),
        _ => None,
    };
    let start = end - 2 - length;
    let tag = rest::entity_tag(&state.out[start..end - 2]);
    let conditional = [IF_MATCH, IF_NONE_MATCH, RANGE].iter().any(|name| headers.contains_key(name));
    let whole = (StatusCode::OK, 0, length);
    let (status, first, last) = if conditional { select(headers, &tag, length) } else { whole };
    if status == StatusCode::PRECONDITION_FAILED {
        return Some(precondition_failed());
    }
    let mut response = error::bare(status, slice(&mut state.out, start + first, start + last));
    let head = response.headers_mut();
    head.insert(ETAG, HeaderValue::from_bytes(&tag).expect("hexadecimal digits in quotes"));
    let freshness = match ttl_ms {
        None => HeaderValue::from_static("no-cache"),
        some => HeaderValue::try_from(rest::freshness(some)).expect("a word and digits"),
    };
    head.insert(CACHE_CONTROL, freshness);
    if status == StatusCode::NOT_MODIFIED {
        // Left out, it would be filled in with 0, and caches would believe it (RFC 9110, section 8.6).
        head.insert(CONTENT_LENGTH, HeaderValue::from(length));
        return Some(response);
    }
    head.insert(CONTENT_TYPE, OCTETS);
    head.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let content_range = match status {
        StatusCode::PARTIAL_CONTENT => format!("bytes {first}-{}/{length}", last - 1),
        StatusCode::RANGE_NOT_SATISFIABLE => format!("bytes */{length}"),
        _ => return Some(response),
    };
    head.insert(CONTENT_RANGE, HeaderValue::try_from(content_range).expect("digits and ASCII punctuation"));
    Some(response)
}

/// The status of a read and the bytes of the value it answers, by the preconditions in the order of RFC 9110, section
/// 13.2.2.
fn select(headers: &HeaderMap, tag: &[u8; ENTITY_TAG_BYTES], length: usize) -> (StatusCode, usize, usize) {
    let nothing = |status| (status, 0, 0);
    if headers.contains_key(IF_MATCH) && !lists(headers, IF_MATCH, |listed| listed.is(tag) && !listed.weak) {
        return nothing(StatusCode::PRECONDITION_FAILED);
    }
    if lists(headers, IF_NONE_MATCH, |listed| listed.is(tag)) {
        return nothing(StatusCode::NOT_MODIFIED);
    }
    // If-Range with a date or another tag means: what I have is old, send all.
    let is_current = headers.get(IF_RANGE).is_none_or(|known| known.as_bytes() == tag);
    let range = headers.get(RANGE).filter(|_| is_current).map(|range| rest::range(range.as_bytes(), length));
    match range {
        Some(Range::Part(start, end)) => (StatusCode::PARTIAL_CONTENT, start, end),
        Some(Range::Unsatisfiable) => nothing(StatusCode::RANGE_NOT_SATISFIABLE),
        Some(Range::Whole) | None => (StatusCode::OK, 0, length),
    }
}

/// Whether a header is `*` or lists a tag that fits.
fn lists(headers: &HeaderMap, name: HeaderName, fits: impl Fn(EntityTag<'_>) -> bool) -> bool {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    lines.any(|line| line.trim_ascii() == b"*" || rest::entity_tags(line).any(&fits))
}

/// The bytes of a range of the buffer, without a copy if they are many.
fn slice(buffer: &mut Vec<u8>, start: usize, end: usize) -> Bytes {
    if end - start > COPIED_BYTES {
        Bytes::from(std::mem::take(buffer)).slice(start..end)
    } else {
        Bytes::copy_from_slice(&buffer[start..end])
    }
}

async fn store(client: &Client, parts: &Parts, body: Body) -> Result<Response, Response> {
    let key = key(parts)?;
    let condition = condition(&parts.headers).map_err(bad_request)?;
    let ttl_seconds = ttl_seconds(parts).map_err(bad_request)?;
    let value = body::read(&parts.headers, body, client.value_bytes()).await.map_err(error::bad_body)?;
    let ttl = ttl_seconds.map(|seconds| seconds.to_string());
    let change = client.work(|state| set(client, state, &key, &value, ttl.as_deref(), &condition)).await;
    Ok(match change {
        Change::Created => tagged(StatusCode::CREATED, &value),
        Change::Done => tagged(StatusCode::NO_CONTENT, &value),
        Change::Missing | Change::Refused => precondition_failed(),
        Change::Failed(response) => response,
    })
}

/// Stores a value under its condition. Whether it replaces a string is found out just before; SET alone decides
/// whether it may.
fn set(
    client: &Client,
    state: &mut State,
    key: &[u8],
    value: &[u8],
    ttl: Option<&str>,
    condition: &Condition<'_>,
) -> Option<Change> {
    let mut session = client.session();
    state.ask(&[b"TYPE", key]);
    state.run(client, &mut session)?;
    let exists = match Answer::read(&state.out) {
        Some(Answer::Status(b"none")) => false,
        Some(Answer::Status(b"string")) => true,
        Some(Answer::Status(_)) => {
            let text = "WRONGTYPE the key holds no string; delete it first";
            return Some(Change::Failed(error::refuse(StatusCode::CONFLICT, text)));
        }
        other => return Some(Change::Failed(unexpected(other))),
    };
    let mut attempt = |option: &[&[u8]]| -> Option<Option<Change>> {
        state.ask(&[b"SET", key, value]);
        option.iter().for_each(|word| state.request.push(word));
        if let Some(ttl) = ttl {
            state.request.push(b"EX");
            state.request.push(ttl.as_bytes());
        }
        state.run(client, &mut session)?;
        Some(match Answer::read(&state.out) {
            Some(Answer::Status(_)) => Some(if exists { Change::Done } else { Change::Created }),
            Some(Answer::Null) => None,
            other => Some(Change::Failed(unexpected(other))),
        })
    };
    let change = match condition {
        Condition::None => attempt(&[])?,
        Condition::Exists => attempt(&[b"XX"])?,
        Condition::Absent => attempt(&[b"NX"])?,
        Condition::Digests(digests) => {
            let mut change = None;
            for digest in digests {
                change = attempt(&[b"IFDEQ", digest])?;
                if change.is_some() {
                    break;
                }
            }
            change
        }
    };
    Some(change.unwrap_or(Change::Refused))
}

async fn drop_value(client: &Client, parts: &Parts) -> Result<Response, Response> {
    let key = key(parts)?;
    let condition = condition(&parts.headers).map_err(bad_request)?;
    let change = client.work(|state| remove(client, state, &key, &condition)).await;
    Ok(match change {
        Change::Created | Change::Done => error::bare(StatusCode::NO_CONTENT, Bytes::new()),
        Change::Missing => missing(),
        Change::Refused => precondition_failed(),
        Change::Failed(response) => response,
    })
}

fn remove(client: &Client, state: &mut State, key: &[u8], condition: &Condition<'_>) -> Option<Change> {
    let mut session = client.session();
    let mut attempt = |words: &[&[u8]]| -> Option<Result<bool, Change>> {
        state.ask(words);
        state.run(client, &mut session)?;
        Some(match Answer::read(&state.out) {
            Some(Answer::Integer(removed)) => Ok(removed > 0),
            other => Err(Change::Failed(unexpected(other))),
        })
    };
    let (found, otherwise) = match condition {
        Condition::None => (attempt(&[b"DEL", key])?, Change::Missing),
        Condition::Exists => (attempt(&[b"DEL", key])?, Change::Refused),
        // What must not exist cannot be removed.
        Condition::Absent => (attempt(&[b"EXISTS", key])?.map(|_| false), Change::Refused),
        Condition::Digests(digests) => {
            let mut found = Ok(false);
            for digest in digests {
                found = attempt(&[b"DELEX", key, b"IFDEQ", digest])?;
                if !matches!(found, Ok(false)) {
                    break;
                }
            }
            (found, Change::Refused)
        }
    };
    Some(match found {
        Ok(true) => Change::Done,
        Ok(false) => otherwise,
        Err(failed) => failed,
    })
}

/// The precondition of a change. What cannot be checked in one step with the change is refused, not ignored.
fn condition(headers: &HeaderMap) -> Result<Condition<'_>, &'static str> {
    match (headers.contains_key(IF_MATCH), headers.contains_key(IF_NONE_MATCH)) {
        (false, false) => Ok(Condition::None),
        (true, true) => Err("ERR a change takes If-Match or If-None-Match, not both"),
        (false, true) if lists(headers, IF_NONE_MATCH, |_| false) => Ok(Condition::Absent),
        (false, true) => Err("ERR a change takes If-None-Match with * only"),
        (true, false) if lists(headers, IF_MATCH, |_| false) => Ok(Condition::Exists),
        (true, false) => {
            let lines = headers.get_all(IF_MATCH).iter();
            let tags = lines.flat_map(|line| rest::entity_tags(line.as_bytes()));
            let digests: Vec<&[u8]> = tags.filter_map(|tag| tag.digest()).take(MATCH_TAGS + 1).collect();
            if digests.len() > MATCH_TAGS {
                return Err("ERR If-Match lists more than 16 entity tags");
            }
            Ok(Condition::Digests(digests))
        }
    }
}

/// The time to live that a PUT asks for: `?ttl=seconds`, or max-age of its Cache-Control.
fn ttl_seconds(parts: &Parts) -> Result<Option<u64>, &'static str> {
    if let Some(text) = rest::query_value(parts.uri.query(), "ttl") {
        let seconds =
            str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).filter(|&seconds: &u64| seconds > 0);
        return match seconds {
            Some(seconds) => Ok(Some(seconds)),
            None => Err("ERR ttl is not a positive number of seconds"),
        };
    }
    let mut lines = parts.headers.get_all(CACHE_CONTROL).iter();
    Ok(lines.find_map(|line| rest::max_age_seconds(line.as_bytes())))
}

fn bad_request(text: &str) -> Response {
    error::refuse(StatusCode::BAD_REQUEST, text)
}

/// An answer without a body that names the value it stored.
fn tagged(status: StatusCode, value: &[u8]) -> Response {
    let mut response = error::bare(status, Bytes::new());
    let tag = HeaderValue::from_bytes(&rest::entity_tag(value)).expect("hexadecimal digits in quotes");
    response.headers_mut().insert(ETAG, tag);
    response
}

fn missing() -> Response {
    error::refuse(StatusCode::NOT_FOUND, "ERR no such key")
}

fn precondition_failed() -> Response {
    error::refuse(StatusCode::PRECONDITION_FAILED, "ERR the value is not the one the request is for")
}

/// The answer to an error reply, or to one that no command of ours gives.
fn unexpected(answer: Option<Answer<'_>>) -> Response {
    match answer {
        Some(Answer::Error(text)) => {
            let status = StatusCode::from_u16(rest::status_of_error(text));
            error::refuse_bytes(status.unwrap_or(StatusCode::BAD_REQUEST), text)
        }
        _ => error::refuse(StatusCode::INTERNAL_SERVER_ERROR, "ERR unexpected reply"),
    }
}
