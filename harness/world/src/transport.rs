//! The client's end of the wire: what a device sends and what it gets back, as the trace sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use deadzone_contract::Code;
use deadzone_contract::problem::Problem;
use deadzone_contract::seam::{Transport, TransportError};
use deadzone_contract::wire::PATH_TOKEN;
use deadzone_net::http::Client as HttpClient;
use deadzone_trace::{ErrorKind, Event, Exchange};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::time::Instant;
use tower::service_fn;

use crate::env::Incarnation;
use crate::front::{EXCHANGE, REPLACED, class, text, text_headers};
use crate::nemesis::Nemesis;
use crate::weight::Exchanged;

/// A device's way to the server.
pub(crate) struct Tap {
    pub(crate) incarnation: Incarnation,
    pub(crate) http: HttpClient,
    pub(crate) nemesis: Arc<Nemesis>,
    /// Counts the requests of the device over all its incarnations.
    pub(crate) sent: Arc<AtomicU64>,
    /// Whether the server's last answer to the device was that its app is too old.
    pub(crate) too_old: Arc<AtomicBool>,
    /// Whether the server has last told the device that its session is over, and has not given it
    /// tokens since.
    pub(crate) ended: Arc<AtomicBool>,
}

impl Tap {
    pub(crate) fn into_transport(self) -> Transport {
        let tap = Arc::new(self);
        Transport::new(service_fn(move |request: Request<Bytes>| {
            let tap = Arc::clone(&tap);
            async move { tap.exchange(request).await }
        }))
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.incarnation.yields("transport").await;
        let ordinal = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        let exchange = Exchange([&self.incarnation.machine.name, "#", &ordinal.to_string()].concat());
        self.incarnation.record(sent(&exchange, &request));
        let class = class(request.uri().path());
        let asks_for_tokens = request.uri().path() == PATH_TOKEN;
        let name = exchange.0.parse().expect("a device's name is a word");
        request.headers_mut().insert(EXCHANGE, name);
        let bytes = head_bytes(request.headers()) + request.body().len() as u64;
        let mut open = Open { tap: self, exchange, began: Instant::now(), bytes, ended: false };
        let answer = self.http.send(request).await;
        open.ended = true;
        let exchange = open.exchange.clone();
        let result = match answer {
            Ok(mut answer) => {
                let replaced = answer.headers_mut().remove(REPLACED).is_some();
                let replaced = replaced.then(|| text(answer.body()));
                let status = answer.status().as_u16();
                open.bytes += head_bytes(answer.headers()) + answer.body().len() as u64;
                let is_servers = replaced.is_none();
                if is_servers {
                    self.too_old.store(status == StatusCode::UPGRADE_REQUIRED.as_u16(), Ordering::Relaxed);
                    self.look_at_session(asks_for_tokens, &answer);
                }
                self.incarnation.record(Event::Delivered { exchange: exchange.clone(), status, replaced });
                let device = &self.incarnation.machine.name;
                if is_servers && self.nemesis.delivered(&exchange, device, class, answer.body()) {
                    // Its process has just died; nobody is left to go on.
                    return std::future::pending().await;
                }
                Ok(answer)
            }
            Err(error) => {
                let error = error.to_string();
                let kind = ErrorKind::Transport;
                self.incarnation.record(Event::Failed { exchange, kind, error: error.clone() });
                Err(TransportError(error))
            }
        };
        open.tell();
        self.incarnation.yields("transport").await;
        result
    }
}

impl Tap {
    /// Notes whether the server's own answer begins a session or ends one.
    fn look_at_session(&self, asked_for_tokens: bool, answer: &Response<Bytes>) {
        if asked_for_tokens && answer.status().is_success() {
            self.ended.store(false, Ordering::Relaxed);
        } else if answer.status() == StatusCode::UNAUTHORIZED {
            let problem = serde_json::from_slice::<Problem>(answer.body());
            if problem.is_ok_and(|problem| problem.code == Code::SignInAgain) {
                self.ended.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// A request that waits for its answer. A client that stops waiting drops it.
struct Open<'a> {
    tap: &'a Tap,
    exchange: Exchange,
    began: Instant,
    bytes: u64,
    ended: bool,
}

impl Open<'_> {
    /// Tells the nemesis that the exchange came to its end.
    fn tell(&self) {
        let exchange = Exchanged { took: self.began.elapsed(), bytes: self.bytes };
        self.tap.nemesis.exchange_ended(&self.tap.incarnation.machine.name, exchange);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let error = "the client stopped waiting".to_owned();
            let exchange = self.exchange.clone();
            self.tap.incarnation.record(Event::Failed { exchange, kind: ErrorKind::Abandoned, error });
            self.tell();
        }
    }
}

/// What headers take on the wire, about.
fn head_bytes(headers: &HeaderMap) -> u64 {
    // A colon, a space and the end of the line.
    headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + 4) as u64).sum()
}

fn sent(exchange: &Exchange, request: &Request<Bytes>) -> Event {
    Event::Sent {
        exchange: exchange.clone(),
        method: request.method().as_str().to_owned(),
        path: match (request.uri().authority(), request.uri().path_and_query()) {
            (None, Some(path)) => path.as_str().to_owned(),
            _ => request.uri().to_string(),
        },
        headers: text_headers(request.headers()),
        body: text(request.body()),
    }
}
