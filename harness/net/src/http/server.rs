//! The server side.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tower::{Service, ServiceExt};

use crate::http::BODY_BYTES_MAX;
use crate::{Host, Listener, Resetter, Stream};

/// How long a connection may wait for the head of a request, the first or the next.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How to end a connection instead of answering on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disconnect {
    /// By a reset.
    Reset,
    /// By an orderly end.
    End,
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Disconnect::Reset => "disconnected by a reset",
            Disconnect::End => "disconnected in order",
        })
    }
}

impl StdError for Disconnect {}

impl From<Infallible> for Disconnect {
    fn from(never: Infallible) -> Disconnect {
        match never {}
    }
}

/// Answers what arrives at `listener` with `service`, for ever; each connection is a task of
/// `host`.
///
/// The service is given whole requests. Where it fails, the connection is ended without an
/// answer, as its error says. A service that answers late, or never, stalls its connection
/// only. When a client goes away, the service's future for its request is dropped: work that
/// must be finished belongs in a task of its own ([`Host::spawn`]). Connections that send no request for 30 s are closed in order; a request whose body
/// breaks off, or is longer than [`BODY_BYTES_MAX`] (answered with 413), never reaches the
/// service.
pub async fn serve<S>(host: Host, mut listener: Listener, service: S)
where
    S: Service<Request<Bytes>, Response = Response<Bytes>, Error: Into<Disconnect>, Future: Send>
        + Clone
        + Send
        + 'static,
{
    loop {
        let stream = listener.accept().await;
        host.spawn(serve_connection(stream, service.clone()));
    }
}

async fn serve_connection<S>(stream: Stream, service: S)
where
    S: Service<Request<Bytes>, Response = Response<Bytes>, Error: Into<Disconnect>> + Clone,
{
    let resetter = &stream.resetter();
    let service = service_fn(move |request| answer(service.clone(), request, resetter));
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // However it ended, the client has seen it; there is nobody here to tell.
    let _ = connection.await;
}

async fn answer<S>(
    service: S,
    request: Request<Incoming>,
    resetter: &Resetter,
) -> Result<Response<Full<Bytes>>, BrokenOff>
where
    S: Service<Request<Bytes>, Response = Response<Bytes>, Error: Into<Disconnect>>,
{
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let mut refusal = Response::new(Full::default());
            *refusal.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(refusal);
        }
        Err(_) => return Err(BrokenOff),
    };
    match service.oneshot(Request::from_parts(head, body)).await {
        Ok(response) => Ok(response.map(Full::new)),
        Err(error) => {
            if error.into() == Disconnect::Reset {
                resetter.reset();
            }
            Err(BrokenOff)
        }
    }
}

/// Tells hyper to drop the connection.
#[derive(Debug)]
struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the exchange was broken off")
    }
}

impl StdError for BrokenOff {}
