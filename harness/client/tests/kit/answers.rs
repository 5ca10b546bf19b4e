//! Answers, of the contract and of others.

use bytes::Bytes;
use deadzone_contract::Code;
use deadzone_contract::problem::{PROBLEM_JSON, Problem};
use deadzone_contract::wire::Hint;
use http::Response;
use serde::Serialize;

/// An answer of the contract.
pub(crate) fn json(body: &impl Serialize) -> Response<Bytes> {
    Response::new(Bytes::from(serde_json::to_vec(body).unwrap()))
}

/// A refusal of a whole request.
pub(crate) fn problem(status: u16, code: Code) -> Response<Bytes> {
    let body = serde_json::to_vec(&Problem { status, code, detail: "no".into() }).unwrap();
    let answer = Response::builder().status(status).header(http::header::CONTENT_TYPE, PROBLEM_JSON);
    answer.body(Bytes::from(body)).unwrap()
}

/// A stream of hints.
pub(crate) fn hints(hints: &[Hint]) -> Response<Bytes> {
    let event = |hint| format!("event: hint\ndata: {}\n\n", serde_json::to_string(hint).unwrap());
    let body: String = hints.iter().map(event).collect();
    let answer = Response::builder().header(http::header::CONTENT_TYPE, "text/event-stream");
    answer.body(Bytes::from(body)).unwrap()
}

/// A value in a query.
pub(super) fn asked<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// An answer that asks to wait, in seconds.
pub(crate) fn and_wait(mut answer: Response<Bytes>, seconds: u64) -> Response<Bytes> {
    answer.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    answer
}

/// What somebody answers who is not the server.
pub(crate) fn page(status: u16) -> Response<Bytes> {
    let answer = Response::builder().status(status).header(http::header::CONTENT_TYPE, "text/html");
    answer.body(Bytes::from_static(b"<html>Welcome to our hotel</html>")).unwrap()
}
