//! One request, and what its answer means.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use deadzone_contract::Code;
use deadzone_contract::problem::{PROBLEM_JSON, Problem};
use deadzone_contract::wire::{
    HEADER_CLIENT_VERSION, HEADER_DEVICE_ID, HEADER_QUEUE_AGE, HEADER_SCHEMA_VERSION, Hint,
};
use futures_util::future::{self, Either};
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use crate::app::App;
use crate::hints;
use crate::policy::ForeignAnswer;
use crate::shared::Stay;

/// Why a request brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// No answer. It may have taken effect.
    #[error("{0}")]
    Network(String),
    /// An answer that this protocol's server did not write. It may have taken effect.
    #[error("an answer that is not of this service (status {status})")]
    Foreign { status: u16, retry_after: Option<Duration> },
    /// The server's own refusal of the whole request.
    #[error("{}: {}", .0.code, .0.detail)]
    Problem(Problem, Option<Duration>),
    /// This protocol's server spoke, but not to the point.
    #[error("{0}")]
    Unusable(&'static str),
    /// The server took only what a limit allows.
    #[error("the server takes no more for now; the rest follows by itself")]
    Deferred(Option<Duration>),
    /// Nothing was sent: the server has asked to be left alone.
    #[error("the server asked to wait another {} s", .0.as_secs_f64().ceil())]
    Held(Duration),
    /// Nothing but a sign-in helps.
    #[error("the session has ended; sign in again, nothing is lost")]
    SignedOut,
    /// The local database failed.
    #[error("{0}")]
    Storage(String),
}

impl From<crate::store::StoreError> for CallError {
    fn from(error: crate::store::StoreError) -> CallError {
        match error {
            crate::store::StoreError::Left => CallError::SignedOut,
            error => CallError::Storage(error.to_string()),
        }
    }
}

impl CallError {
    /// How long whoever answered asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            CallError::Problem(_, after)
            | CallError::Foreign { retry_after: after, .. }
            | CallError::Deferred(after) => *after,
            _ => None,
        }
    }

    /// Whether the server does not serve this version of the app any more.
    pub(crate) fn is_too_old(&self) -> bool {
        matches!(self, CallError::Problem(problem, _) if problem.code == Code::ClientTooOld)
    }

    /// Whether there is no way to the server.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, CallError::Network(_) | CallError::Foreign { .. })
    }
}

/// What every request tells of its sender.
pub(crate) struct Sender {
    pub(crate) stay: Stay,
    pub(crate) device_id: String,
    pub(crate) queue_age_ms: u64,
    pub(crate) access_token: Option<String>,
}

/// A request, and how its answer is read.
pub(crate) struct Ask<T> {
    method: Method,
    path: String,
    body: Bytes,
    /// None: `request_timeout`.
    patience: Option<Duration>,
    /// None: it is not of this protocol.
    read: fn(&Response<Bytes>) -> Option<T>,
}

impl<T: DeserializeOwned> Ask<T> {
    pub(crate) fn get(path: String) -> Ask<T> {
        Ask { method: Method::GET, path, body: Bytes::new(), patience: None, read: json }
    }

    pub(crate) fn post(path: &str, body: &impl Serialize) -> Ask<T> {
        Ask { method: Method::POST, path: path.to_owned(), body: written(body), patience: None, read: json }
    }
}

impl Ask<()> {
    /// The answer has nothing in it.
    pub(crate) fn post_for_nothing(path: &str, body: &impl Serialize) -> Ask<()> {
        let read = |answer: &Response<Bytes>| (answer.status() == StatusCode::NO_CONTENT).then_some(());
        Ask { method: Method::POST, path: path.to_owned(), body: written(body), patience: None, read }
    }
}

impl<T> Ask<T> {
    /// Waits for the answer no longer than this.
    pub(crate) fn within(self, patience: Duration) -> Ask<T> {
        Ask { patience: Some(patience), ..self }
    }
}

fn written(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).expect("messages are plain data").into()
}

impl Ask<Vec<Hint>> {
    /// The answer is a stream of events, and complete when it comes.
    pub(crate) fn listen(path: String) -> Ask<Vec<Hint>> {
        Ask { method: Method::GET, path, body: Bytes::new(), patience: None, read: events }
    }
}

fn json<T: DeserializeOwned>(answer: &Response<Bytes>) -> Option<T> {
    let body = (answer.status() == StatusCode::OK).then(|| serde_json::from_slice(answer.body()));
    body?.ok()
}

fn events(answer: &Response<Bytes>) -> Option<Vec<Hint>> {
    let kind = answer.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let is_stream = answer.status() == StatusCode::OK && kind.starts_with("text/event-stream");
    hints::told(std::str::from_utf8(answer.body()).ok().filter(|_| is_stream)?)
}

/// Sends a request and reads its answer. Nothing is sent before the time has passed that the
/// server asked for.
pub(crate) async fn call<T>(app: &App, sender: &Sender, ask: &Ask<T>) -> Result<T, CallError> {
    app.may_send()?;
    let mut left = pin!(app.left.notified());
    left.as_mut().enable();
    if !app.shared().is_current(sender.stay) {
        return Err(CallError::SignedOut);
    }
    let mut request = Request::builder()
        .method(ask.method.clone())
        .uri(&ask.path)
        .header(HEADER_DEVICE_ID, &sender.device_id)
        .header(HEADER_SCHEMA_VERSION, app.dialect().schema)
        .header(HEADER_CLIENT_VERSION, app.start.app_version)
        .header(HEADER_QUEUE_AGE, sender.queue_age_ms);
    if !ask.body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    if let Some(token) = &sender.access_token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(ask.body.clone()).expect("paths and ids are of plain characters");
    let limit = ask.patience.unwrap_or(Duration::from_millis(app.start.parameters.request_timeout));
    let answer = app.env.transport.clone().oneshot(request);
    let answered = future::select(answer, app.env.env.clock.sleep(limit));
    // Whoever signs out throws away what has not left yet, also out of the transport's hands.
    match future::select(left, answered).await {
        Either::Left(_) => Err(CallError::SignedOut),
        Either::Right((Either::Left((Ok(answer), _)), _)) => read(app, ask, &answer),
        Either::Right((Either::Left((Err(error), _)), _)) => Err(CallError::Network(error.to_string())),
        Either::Right((Either::Right(_), _)) => {
            Err(CallError::Network(format!("no answer within {} s", limit.as_secs())))
        }
    }
}

fn read<T>(app: &App, ask: &Ask<T>, answer: &Response<Bytes>) -> Result<T, CallError> {
    let after = retry_after(answer.headers());
    if let Some(read) = (ask.read)(answer) {
        app.hold(after);
        return Ok(read);
    }
    let is_problem = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    if is_problem && let Ok(problem) = serde_json::from_slice::<Problem>(answer.body()) {
        app.hold(after);
        if problem.code == Code::SignInAgain {
            return Err(CallError::SignedOut);
        }
        return Err(CallError::Problem(problem, after));
    }
    // A captive portal, a proxy, a cache: whoever wrote this, it was not our server.
    let status = answer.status().as_u16();
    if app.policy.foreign_answer == ForeignAnswer::Panic {
        panic!("an answer that cannot be: status {status}");
    }
    Err(CallError::Foreign { status, retry_after: after })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
