//! The server's end of the wire: between the network and the server stand the faults that need
//! to know a request from an answer.

use std::sync::Arc;

use bytes::Bytes;
use deadzone_contract::seam::HttpService;
use deadzone_contract::wire::{
    MutationResult, Outcome, PATH_HINTS, PATH_MUTATIONS, PATH_SYNC, PATH_TOKEN, PushAnswer,
};
use deadzone_net::http::Disconnect;
use deadzone_script::Class;
use deadzone_trace::{Event, Exchange};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response, Uri};
use tower::{Service, ServiceExt, service_fn};

use crate::caught::caught;
use crate::env::Incarnation;
use crate::nemesis::{AnswerFate, Fate, Nemesis, RequestFate};

/// Names an exchange between the two ends of the wire. The server does not see it.
pub(crate) const EXCHANGE: &str = "deadzone-exchange";
/// Marks an answer that somebody else than the server wrote. The client does not see it.
pub(crate) const REPLACED: &str = "deadzone-replaced";

/// What hands requests to the server.
pub(crate) struct Front {
    pub(crate) incarnation: Incarnation,
    pub(crate) server: HttpService,
    pub(crate) nemesis: Arc<Nemesis>,
}

/// A request as the front knows it.
struct Call {
    /// None for the harness's own questions, which no fault may touch.
    exchange: Option<Exchange>,
    class: Class,
    method: Method,
    uri: Uri,
}

impl Front {
    /// What every connection asks.
    pub(crate) fn into_service(
        self,
    ) -> impl Service<Request<Bytes>, Response = Response<Bytes>, Error = Disconnect, Future: Send>
    + Clone
    + Send
    + 'static {
        let front = Arc::new(self);
        service_fn(move |request: Request<Bytes>| Arc::clone(&front).take(request))
    }

    async fn take(self: Arc<Front>, mut request: Request<Bytes>) -> Result<Response<Bytes>, Disconnect> {
        let name = request.headers_mut().remove(EXCHANGE);
        let name = name.and_then(|name| name.to_str().ok().map(str::to_owned));
        let class = class(request.uri().path());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let call = Call { exchange: name.map(Exchange), class, method, uri };
        let Some(exchange) = &call.exchange else { return self.serve(&call, request, 1).await };
        if let Some(kept) = self.nemesis.cached(exchange, &call.method, &call.uri) {
            return Ok(kept);
        }
        match self.nemesis.request_fate(exchange, call.device(), call.class) {
            None => {
                let answer = self.serve(&call, request, 1).await?;
                self.send(&call, exchange, answer).await
            }
            Some(RequestFate::Lost(fate)) => {
                self.nemesis.strike(&fate.label, format!("{} never reached the server", call.words()));
                vanish(&fate).await
            }
            Some(RequestFate::Page(fate, status)) => {
                self.nemesis.strike(&fate.label, format!("a proxy answered {} with {status}", call.words()));
                Ok(page(status))
            }
            Some(RequestFate::Late(fate, by)) => self.execute_late(call, request, fate, by).await,
            Some(RequestFate::Twice(fate)) => self.deliver_twice(call, request, fate).await,
        }
    }

    /// Hands a request to the server.
    async fn serve(
        &self,
        call: &Call,
        request: Request<Bytes>,
        copy: u32,
    ) -> Result<Response<Bytes>, Disconnect> {
        self.incarnation.yields("request").await;
        if let Some(exchange) = &call.exchange {
            self.incarnation.record(Event::Arrived { exchange: exchange.clone(), copy });
        }
        let answer = match caught(self.server.clone().oneshot(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(never)) => match never {},
            Err(panic) => {
                self.incarnation.record(panic);
                return Err(Disconnect::Reset);
            }
        };
        if let Some(exchange) = &call.exchange {
            self.incarnation.record(Event::Answered {
                exchange: exchange.clone(),
                copy,
                status: answer.status().as_u16(),
                headers: text_headers(answer.headers()),
                body: text(answer.body()),
            });
        }
        if call.class == Class::Push && took_effect(call.class, &answer) {
            self.nemesis.wrote(&self.incarnation.machine.name);
        }
        self.incarnation.yields("answer").await;
        Ok(answer)
    }

    /// Lets an answer go, as far as its fate allows.
    async fn send(
        &self,
        call: &Call,
        exchange: &Exchange,
        answer: Response<Bytes>,
    ) -> Result<Response<Bytes>, Disconnect> {
        self.nemesis.pass_cache(exchange, &call.method, &call.uri, &answer);
        // An answer without effect is not what such a fault lies in wait for.
        if !took_effect(call.class, &answer) {
            return Ok(answer);
        }
        match self.nemesis.answer_fate(exchange, call.device(), call.class) {
            None => Ok(answer),
            Some(AnswerFate::Lost(fate)) => {
                let what = format!("the answer to {} was lost after the server committed it", call.words());
                self.nemesis.strike(&fate.label, what);
                vanish(&fate).await
            }
            Some(AnswerFate::Late(fate, by)) => {
                let what = format!("the answer to {} comes {} s late", call.words(), by.as_secs_f64());
                self.nemesis.strike(&fate.label, what);
                tokio::time::sleep(by).await;
                Ok(answer)
            }
        }
    }

    async fn execute_late(
        self: Arc<Front>,
        call: Call,
        request: Request<Bytes>,
        fate: Fate,
        by: std::time::Duration,
    ) -> Result<Response<Bytes>, Disconnect> {
        let this = Arc::clone(&self);
        let label = fate.label.clone();
        self.nemesis.late_begun();
        self.incarnation.spawn(async move {
            let _done = LateDone(Arc::clone(&this.nemesis));
            tokio::time::sleep(by).await;
            if let Ok(answer) = this.serve(&call, request, 1).await
                && took_effect(call.class, &answer)
            {
                let what = format!("{} was executed {} s late", call.words(), by.as_secs_f64());
                this.nemesis.strike(&label, what);
            }
        });
        vanish(&fate).await
    }

    async fn deliver_twice(
        self: Arc<Front>,
        call: Call,
        request: Request<Bytes>,
        fate: Fate,
    ) -> Result<Response<Bytes>, Disconnect> {
        let answer = self.serve(&call, request.clone(), 1).await?;
        if took_effect(call.class, &answer) {
            let this = Arc::clone(&self);
            let pause_ms = fate.draws.key("pause").between(0, 2_000);
            self.nemesis.late_begun();
            self.incarnation.spawn(async move {
                let _done = LateDone(Arc::clone(&this.nemesis));
                tokio::time::sleep(crate::clock::ms(pause_ms)).await;
                if this.serve(&call, request, 2).await.is_ok() {
                    this.nemesis.strike(&fate.label, format!("{} was delivered twice", call.words()));
                }
            });
        }
        Ok(answer)
    }
}

/// Ends the wait for a late request, also when its task dies with the server.
struct LateDone(Arc<Nemesis>);

impl Drop for LateDone {
    fn drop(&mut self) {
        self.0.late_done();
    }
}

impl Call {
    /// Who asks.
    fn device(&self) -> &str {
        self.exchange.as_ref().and_then(|name| name.0.split('#').next()).unwrap_or_default()
    }

    fn words(&self) -> String {
        let what = match self.class {
            Class::Push => "push",
            Class::Pull => "pull",
            Class::SignIn => "sign-in",
            Class::Hint => "request for hints",
            Class::Any => "request",
        };
        format!("{}'s {what}", self.device())
    }
}

/// Headers as the trace has them.
pub(crate) fn text_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

/// Bytes as the trace has them. Nearly all are text, which is found out much faster than it is
/// repaired.
pub(crate) fn text(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), str::to_owned)
}

/// What kind of request goes to a path.
pub(crate) fn class(path: &str) -> Class {
    match path {
        PATH_MUTATIONS => Class::Push,
        PATH_SYNC => Class::Pull,
        PATH_TOKEN => Class::SignIn,
        PATH_HINTS => Class::Hint,
        _ => Class::Any,
    }
}

/// Whether an answer reports that something happened: for a push, that a mutation was done; for a
/// wait for hints, that there is one.
fn took_effect(class: Class, answer: &Response<Bytes>) -> bool {
    let done = match class {
        Class::Push => {
            let body: Option<PushAnswer> = serde_json::from_slice(answer.body()).ok();
            let done = |result: &MutationResult| matches!(result.outcome, Outcome::Done { .. });
            body.is_some_and(|body| body.results.iter().any(done))
        }
        Class::Hint => answer.body().starts_with(b"event:"),
        Class::Pull | Class::SignIn | Class::Any => true,
    };
    answer.status().is_success() && done
}

/// A message that gets lost: the connection breaks, or nothing happens until somebody loses
/// patience.
async fn vanish(fate: &Fate) -> Result<Response<Bytes>, Disconnect> {
    match fate.draws.key("how").below(4) {
        0 => Err(Disconnect::Reset),
        1 => Err(Disconnect::End),
        _ => std::future::pending().await,
    }
}

/// What a proxy says when it cannot reach the server.
fn page(status: u16) -> Response<Bytes> {
    let page = format!("<html><head><title>{status}</title></head><body>Try again later.</body></html>");
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/html")
        .header(REPLACED, "1")
        .body(Bytes::from(page))
        .expect("a checked script has a legal status")
}
