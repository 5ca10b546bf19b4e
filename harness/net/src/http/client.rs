//! The client side.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Method, Request, Response, Uri};

use super::failure::Failure;
use super::head::{self, Head};
use super::pool::{Connection, Pool};
use super::reading::{read_body, read_head};
use super::{BODY_BYTES_MAX, Error, Stage};
use crate::{Host, HostId, Stream, yields};

/// A client of the server that listens on `port` of `server`, acting for `host`.
pub fn client(host: Host, server: HostId, port: u16) -> Client {
    let name = format!("host{}:{port}", server.index());
    let authority = HeaderValue::try_from(name).expect("letters and digits make a header");
    Client { shared: Arc::new(Shared { host, server, port, authority, pool: Arc::default() }) }
}

/// A `tower` service that sends requests and brings whole answers; made by [`client`].
///
/// It keeps connections for reuse as HTTP clients do: for 90 s, the latest first. A request
/// that finds its kept connection closed before a byte of it was sent goes out on another. No
/// request is repeated after that. There is no timeout but that of the sockets. Dropping the
/// future of a request closes its connection. Clones share the connections.
///
/// The URI of a request may be a path alone; where it names a host, that becomes the `Host`
/// header and changes nothing about where the request goes. `Content-Length` is set where it
/// is missing or wrong.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    host: Host,
    server: HostId,
    port: u16,
    authority: HeaderValue,
    pool: Arc<Pool>,
}

impl Client {
    /// Sends a request and brings the whole answer.
    ///
    /// # Errors
    /// [`Error`] says how far the request got, and what happened then.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        self.shared.exchange(request).await
    }
}

impl tower::Service<Request<Bytes>> for Client {
    type Response = Response<Bytes>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.exchange(request).await })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { host, server, port, .. } = &*self.shared;
        write!(f, "Client({host:?} to {server:?}:{port})")
    }
}

impl Shared {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let request = self.to_origin_form(request);
        let message = head::write_request(&request);
        let connection = self.connection().await?;
        let answer = ask(connection.stream(), message, request.method()).await;
        let is_usable = answer.as_ref().is_ok_and(|answer| answer.leaves_open);
        if is_usable && !head::closes(request.headers()) {
            self.pool.keep(connection);
        } else {
            connection.close();
        }
        answer.map(|answer| answer.response).map_err(|failure| Error::new(Stage::Exchange, failure))
    }

    /// A connection that nothing has been sent on, or nothing but whole exchanges.
    async fn connection(&self) -> Result<Connection, Error> {
        // Each round uses up one kept connection, or is the last.
        loop {
            let kept = self.pool.take();
            let is_kept = kept.is_some();
            let connection = match kept {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            if is_kept {
                // Its end may have come in this very instant, and be found one turn later.
                yields(1).await;
            }
            if !is_kept || connection.is_quiet(Waker::noop()) {
                return Ok(connection);
            }
            connection.close();
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let failed = |error: io::Error| Error::new(Stage::Connect, error.into());
        let stream = self.host.connect(self.server, self.port).await.map_err(failed)?;
        Ok(self.pool.connection(&self.host, stream))
    }

    /// The form in which requests go to a server: a path, and the host in a header.
    fn to_origin_form(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        let uri = std::mem::take(request.uri_mut()).into_parts();
        let named = uri.authority.and_then(|name| HeaderValue::try_from(name.as_str()).ok());
        request.headers_mut().entry(HOST).or_insert_with(|| named.unwrap_or_else(|| self.authority.clone()));
        *request.uri_mut() = uri.path_and_query.map_or_else(|| Uri::from_static("/"), Uri::from);
        request
    }
}

struct Answer {
    response: Response<Bytes>,
    /// Whether another request may follow on the connection.
    leaves_open: bool,
}

/// Sends `message`, a request with `method`, and reads its answer.
async fn ask(stream: &Stream, message: Bytes, method: &Method) -> Result<Answer, Failure> {
    let mut reading = pin!(read_answer(stream, method));
    let mut unsent = message;
    poll_fn(|cx| {
        // Reading comes first: an answer may come before all of its request is sent.
        if let Poll::Ready(answer) = reading.as_mut().poll(cx) {
            return Poll::Ready(answer.map(|mut answer| {
                answer.leaves_open &= unsent.is_empty();
                answer
            }));
        }
        match stream.poll_send_all(cx, &mut unsent) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            _ => Poll::Pending,
        }
    })
    .await
}

async fn read_answer(stream: &Stream, method: &Method) -> Result<Answer, Failure> {
    let mut buffer = Bytes::new();
    let head = read_head(stream, &mut buffer, |buffer| head::parse_answer(buffer, method)).await?;
    let Head { message, body_bytes, keeps_open } = head.ok_or_else(Failure::ended)?;
    let bytes = usize::try_from(body_bytes).unwrap_or(usize::MAX);
    if bytes > BODY_BYTES_MAX {
        return Err(Failure::body_too_long());
    }
    let body = read_body(stream, &mut buffer, bytes).await?;
    Ok(Answer { response: message.map(|()| body), leaves_open: keeps_open && buffer.is_empty() })
}
