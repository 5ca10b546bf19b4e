//! One request, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use deadzone_contract::Code;
use deadzone_contract::problem::{PROBLEM_JSON, Problem};
use deadzone_contract::wire::{
    HEADER_CLIENT_VERSION, HEADER_DEVICE_ID, HEADER_QUEUE_AGE, HEADER_SCHEMA_VERSION, SCHEMA_VERSION,
};
use futures_util::future::{self, Either};
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use crate::app::App;
use crate::policy::ForeignAnswer;

/// Why a request brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// No answer, or one that this protocol's server did not write. It may have taken effect.
    #[error("{0}")]
    Network(String),
    /// The server's own refusal of the whole request.
    #[error("{}: {}", .0.code, .0.detail)]
    Problem(Problem, Option<Duration>),
    /// This protocol's server spoke, but not to the point.
    #[error("{0}")]
    Unusable(&'static str),
    /// Nothing but a sign-in helps.
    #[error("the session has ended; sign in again, nothing is lost")]
    SignedOut,
    /// The local database failed.
    #[error("{0}")]
    Storage(String),
}

impl From<crate::store::StoreError> for CallError {
    fn from(error: crate::store::StoreError) -> CallError {
        CallError::Storage(error.to_string())
    }
}

impl CallError {
    /// How long the server asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            CallError::Problem(_, after) => *after,
            _ => None,
        }
    }
}

/// What every request tells of its sender.
pub(crate) struct Sender {
    pub(crate) device_id: String,
    pub(crate) queue_age_ms: u64,
    pub(crate) access_token: Option<String>,
}

/// Sends a request and reads its answer.
pub(crate) async fn call<T: DeserializeOwned>(
    app: &App,
    sender: &Sender,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<T, CallError> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HEADER_DEVICE_ID, &sender.device_id)
        .header(HEADER_SCHEMA_VERSION, SCHEMA_VERSION)
        .header(HEADER_CLIENT_VERSION, env!("CARGO_PKG_VERSION"))
        .header(HEADER_QUEUE_AGE, sender.queue_age_ms);
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    if let Some(token) = &sender.access_token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Bytes::from(body)).expect("paths and ids are of plain characters");
    let limit = Duration::from_millis(app.start.parameters.request_timeout);
    let answer = app.env.transport.clone().oneshot(request);
    match future::select(answer, app.env.env.clock.sleep(limit)).await {
        Either::Left((Ok(answer), _)) => read(app, answer),
        Either::Left((Err(error), _)) => Err(CallError::Network(error.to_string())),
        Either::Right(_) => Err(CallError::Network(format!("no answer within {} s", limit.as_secs()))),
    }
}

fn read<T: DeserializeOwned>(app: &App, answer: http::Response<Bytes>) -> Result<T, CallError> {
    let (head, body) = answer.into_parts();
    if head.status == StatusCode::OK
        && let Ok(read) = serde_json::from_slice(&body)
    {
        return Ok(read);
    }
    let is_problem = head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    if is_problem && let Ok(problem) = serde_json::from_slice::<Problem>(&body) {
        let seconds = head.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        if problem.code == Code::SignInAgain {
            return Err(CallError::SignedOut);
        }
        return Err(CallError::Problem(problem, seconds.map(Duration::from_secs)));
    }
    // A captive portal, a proxy, a cache: whoever wrote this, it was not our server.
    if app.policy.foreign_answer == ForeignAnswer::Panic {
        panic!("an answer that cannot be: status {}", head.status);
    }
    Err(CallError::Network(format!(
        "an answer that is not of this service (status {})",
        head.status.as_u16()
    )))
}
