//! The server side.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use tokio::time::timeout;
use tower::Service;

use super::BODY_BYTES_MAX;
use super::failure::{Failure, Malformed};
use super::head::{self, Head};
use super::reading::{HeadFailure, read_body, read_head};
use crate::{Host, Listener, Stream};

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
/// must be finished belongs in a task of its own ([`Host::spawn`]).
///
/// Connections that send no request for 30 s are closed in order. What never reaches the
/// service: a request that breaks off, one that is not HTTP (answered with 400, or 431 where
/// its head is longer than [`HEAD_BYTES_MAX`](super::HEAD_BYTES_MAX)), one with a transfer
/// coding (501), one whose body is longer than [`BODY_BYTES_MAX`] (413). All these end their
/// connection. `Content-Length` of an answer is set where it is missing or wrong.
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

async fn serve_connection<S>(stream: Stream, mut service: S)
where
    S: Service<Request<Bytes>, Response = Response<Bytes>, Error: Into<Disconnect>>,
{
    let mut buffer = Bytes::new();
    // However it ends, the client sees it; there is nobody here to tell.
    while let Ok(true) = serve_request(&stream, &mut buffer, &mut service).await {}
}

/// Answers one request. Whether another may follow.
async fn serve_request<S>(stream: &Stream, buffer: &mut Bytes, service: &mut S) -> Result<bool, Failure>
where
    S: Service<Request<Bytes>, Response = Response<Bytes>, Error: Into<Disconnect>>,
{
    let head = read_head(stream, buffer, head::parse_request);
    let Head { message, body_bytes, keeps_open } = match timeout(HEADER_READ_TIMEOUT, head).await {
        Err(_) | Ok(Ok(None)) => return Ok(false),
        Ok(Ok(Some(head))) => head,
        Ok(Err(HeadFailure::Malformed(malformed))) => return refuse(stream, status_for(malformed)).await,
        Ok(Err(HeadFailure::Broken(failure))) => return Err(failure),
    };
    let bytes = usize::try_from(body_bytes).unwrap_or(usize::MAX);
    if bytes > BODY_BYTES_MAX {
        return refuse(stream, StatusCode::PAYLOAD_TOO_LARGE).await;
    }
    let body = read_body(stream, buffer, bytes).await?;
    let method = message.method().clone();
    let answering = pin!(answer(service, message.map(|()| body)));
    let answer = match unless_it_ends(stream, buffer, answering).await? {
        Ok(answer) => supported(answer),
        Err(Disconnect::Reset) => {
            stream.resetter().reset();
            return Ok(false);
        }
        Err(Disconnect::End) => return Ok(false),
    };
    let keeps_open = keeps_open && !head::closes(answer.headers());
    let mut unsent = head::write_answer(&answer, &method, !keeps_open);
    let sending = pin!(poll_fn(|cx| stream.poll_send_all(cx, &mut unsent)));
    unless_it_ends(stream, buffer, sending).await??;
    Ok(keeps_open)
}

async fn answer<S>(service: &mut S, request: Request<Bytes>) -> Result<Response<Bytes>, Disconnect>
where
    S: Service<Request<Bytes>, Response = Response<Bytes>, Error: Into<Disconnect>>,
{
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
    service.call(request).await.map_err(Into::into)
}

/// Polls `future` as long as the client is there: until its direction of the connection ends, or
/// the connection breaks. What a client sends before it has its answer waits in `buffer`.
async fn unless_it_ends<T>(
    stream: &Stream,
    buffer: &mut Bytes,
    mut future: Pin<&mut impl Future<Output = T>>,
) -> Result<T, Failure> {
    poll_fn(|cx| {
        if buffer.is_empty() {
            match stream.poll_receive(cx) {
                Poll::Ready(Ok(Some(data))) => *buffer = data,
                Poll::Ready(Ok(None)) => return Poll::Ready(Err(Failure::ended())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => {}
            }
        }
        future.as_mut().poll(cx).map(Ok)
    })
    .await
}

/// Answers in the service's place, and ends the connection.
async fn refuse(stream: &Stream, status: StatusCode) -> Result<bool, Failure> {
    let mut answer = Response::default();
    *answer.status_mut() = status;
    let mut unsent = head::write_answer(&answer, &Method::GET, true);
    poll_fn(|cx| stream.poll_send_all(cx, &mut unsent)).await?;
    Ok(false)
}

const fn status_for(malformed: Malformed) -> StatusCode {
    match malformed {
        Malformed::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Malformed::Coding => StatusCode::NOT_IMPLEMENTED,
        Malformed::Syntax(_) | Malformed::Target | Malformed::Length | Malformed::NoLength => {
            StatusCode::BAD_REQUEST
        }
    }
}

/// An answer that is the last word: an interim one would leave the client waiting for another.
fn supported(answer: Response<Bytes>) -> Response<Bytes> {
    if !answer.status().is_informational() {
        return answer;
    }
    let mut failed = Response::default();
    *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    failed
}
