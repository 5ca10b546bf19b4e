//! The client side.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::http::{BODY_BYTES_MAX, Error, Stage};
use crate::{Host, HostId};

/// How long an idle connection is used again.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// How many idle connections are kept.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// A client of the server that listens on `port` of `server`, acting for `host`.
pub fn client(host: Host, server: HostId, port: u16) -> Client {
    let name = format!("host{}:{port}", server.index());
    let authority = HeaderValue::try_from(name).expect("letters and digits make a header");
    let idle = Mutex::new(Vec::new());
    Client { shared: Arc::new(Shared { host, server, port, authority, idle }) }
}

/// A `tower` service that sends requests and brings whole answers; made by [`client`].
///
/// It keeps connections for reuse as HTTP clients do: for 90 s, the latest first. A request
/// that finds its kept connection closed before a byte of it was sent goes out on another. No
/// request is repeated after that. There is no timeout but that of the sockets. Dropping the
/// future of a request closes its connection. Clones share the connections.
///
/// The URI of a request may be a path alone; where it names a host, that becomes the `Host`
/// header and changes nothing about where the request goes.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    host: Host,
    server: HostId,
    port: u16,
    authority: HeaderValue,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

type Sender = SendRequest<Full<Bytes>>;

impl tower::Service<Request<Bytes>> for Client {
    type Response = Response<Bytes>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let shared = self.shared.clone();
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
        let mut request = self.to_origin_form(request).map(Full::new);
        // Each round uses up one kept connection, or is the last.
        loop {
            let kept = self.kept_connection();
            let is_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.connect().await?,
            };
            match sender.try_send_request(request).await {
                Ok(response) => return self.whole(response, sender).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(Error::new(Stage::Exchange, error.error())),
                },
            }
        }
    }

    /// Reads the body, then keeps the connection.
    async fn whole(
        &self,
        response: Response<hyper::body::Incoming>,
        sender: Sender,
    ) -> Result<Response<Bytes>, Error> {
        let (head, body) = response.into_parts();
        match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(body) => {
                self.keep(sender);
                Ok(Response::from_parts(head, body.to_bytes()))
            }
            Err(error) => Err(Error::new(Stage::Exchange, &*error)),
        }
    }

    async fn connect(&self) -> Result<Sender, Error> {
        let failed = |error: io::Error| Error::new(Stage::Connect, &error);
        let stream = self.host.connect(self.server, self.port).await.map_err(failed)?;
        let connection = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = connection.map_err(|error| Error::new(Stage::Connect, &error))?;
        self.host.spawn(connection);
        Ok(sender)
    }

    /// The kept connection that was used last and can be used now. One whose last request is
    /// still on its way, as when its answer came early, might never be ready; it is closed.
    fn kept_connection(&self) -> Option<Sender> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if kept.since.elapsed() <= IDLE_MAX && kept.sender.is_ready() {
                return Some(kept.sender);
            }
        }
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        idle.retain(|kept| !kept.sender.is_closed() && now.duration_since(kept.since) <= IDLE_MAX);
        if idle.len() < IDLE_CONNECTIONS_MAX && !sender.is_closed() {
            idle.push(Idle { sender, since: now });
        }
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
