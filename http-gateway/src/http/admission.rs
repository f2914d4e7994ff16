//! The guard as a layer around all routes; answers pass it too, and wait there for the log.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::future::Either;
use hyper::body::Incoming;
use tower::{Layer, Service};

use super::client::Client;
use super::error;
use super::guard::{self, Access, Refusal};
use super::router::{HEALTH, WEBSOCKET};

/// Longest request target: 414 above it. RFC 9110, section 4.1, wants 8,000 at least.
const TARGET_BYTES: usize = 8 * 1024;

/// Most bytes of names and values of headers: 431 above it. hyper takes 100 headers, and less than its buffer.
const HEADER_BYTES: usize = 16 * 1024;

/// Lets in what [`guard`] admits. Around the router rather than in it: a layer within would be boxed for every request.
#[derive(Clone)]
pub struct Admission(pub Arc<Client>);

impl<S> Layer<S> for Admission {
    type Service = Admitted<S>;

    fn layer(&self, inner: S) -> Admitted<S> {
        Admitted { client: Arc::clone(&self.0), inner }
    }
}

/// An answer that leaves once the log has reached what it depends on.
type Settling = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// A service behind the guard. Requests for a WebSocket carry their [`Access`] as an extension.
#[derive(Clone)]
pub struct Admitted<S> {
    client: Arc<Client>,
    inner: S,
}

impl<S> Service<Request<Incoming>> for Admitted<S>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Either<S::Future, Settling>, Ready<Result<Response, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        match admit(&self.client, &mut request) {
            Ok(()) if self.client.front.shared.log.is_none() => Either::Left(Either::Left(self.inner.call(request))),
            Ok(()) => {
                let (client, answer) = (Arc::clone(&self.client), self.inner.call(request));
                Either::Left(Either::Right(Box::pin(async move {
                    let answer = answer.await?;
                    Ok(if client.settle().await { answer } else { error::unwritten() })
                })))
            }
            Err(refused) => Either::Right(ready(Ok(refused))),
        }
    }
}

#[expect(clippy::result_large_err, reason = "it is the answer, and moved once")]
fn admit<B>(client: &Client, request: &mut Request<B>) -> Result<(), Response> {
    let path = request.uri().path();
    if path == HEALTH {
        return Ok(());
    }
    if target_bytes(request.uri()) > TARGET_BYTES {
        return Err(error::refuse(StatusCode::URI_TOO_LONG, "ERR the URL is longer than 8192 bytes"));
    }
    if header_bytes(request.headers()) > HEADER_BYTES {
        let text = "ERR the headers are longer than 16384 bytes";
        return Err(error::refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text));
    }
    let access = client.admit(request, !path.starts_with("/v1/")).map_err(error::refused)?;
    if path == WEBSOCKET {
        request.extensions_mut().insert(access);
        return Ok(());
    }
    if access == Access::Stranger {
        return Err(error::refused(Refusal::Token));
    }
    if request.method() == Method::POST && !guard::may_post(request.headers(), access) {
        return Err(error::refused(Refusal::ContentType));
    }
    Ok(())
}

fn target_bytes(uri: &Uri) -> usize {
    uri.path().len() + uri.query().map_or(0, |query| query.len() + 1)
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
