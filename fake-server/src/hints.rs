//! `GET /sync/hints`: tells a device that something changed, as soon as it did.
//!
//! A request is held until there is something to tell or its time is over, and its answer carries
//! at most one event; then the device asks again. Bodies stay whole, and every event is written
//! by somebody who has just looked whose it is.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::http::HeaderMap;
use deadzone_contract::seam::BoxFuture;
use deadzone_contract::wire::Hint;
use deadzone_contract::{Code, Parameters};
use tokio::sync::futures::Notified;

use crate::changes::{Filter, Scope};
use crate::cursor::History;
use crate::failure::Failure;
use crate::policy::Hints;
use crate::shape::Shape;
use crate::{App, auth, changes, pull};

/// More changes than this are better pulled, page by page.
const CHANGES_MAX: usize = 20;

/// Waits for something behind a cursor that the caller may see; none when the time is over.
pub(crate) async fn hint(
    app: &App,
    headers: &HeaderMap,
    since: u64,
    scope: &Scope,
) -> Result<Option<Hint>, Failure> {
    if app.parameters.hint_hold == 0 {
        return Err(Failure::new(404, Code::Malformed, "this server gives no hints"));
    }
    let mut hold = app.env.clock.sleep(Parameters::time(app.parameters.hint_hold));
    loop {
        // What is committed from here on wakes the wait below.
        let mut news = pin!(app.news.notified());
        news.as_mut().enable();
        if let Some(hint) = look(app, headers, since, scope).await? {
            return Ok(Some(hint));
        }
        if !is_first(news, &mut hold).await {
            return Ok(None);
        }
    }
}

/// The hint as server-sent events: one, or a comment in place of none.
pub(crate) fn event(hint: Option<&Hint>) -> String {
    match hint {
        Some(hint) => {
            let data = serde_json::to_string(hint).expect("hints are JSON");
            format!("event: hint\ndata: {data}\n\n")
        }
        None => ": nothing\n\n".to_owned(),
    }
}

/// Looks once. Who asks and what they may see is read in the transaction that the hint comes
/// from, and nothing is awaited between the two and the answer: a token may have expired and a
/// right may have been lost while the request was held.
async fn look(app: &App, headers: &HeaderMap, since: u64, scope: &Scope) -> Result<Option<Hint>, Failure> {
    app.env.disk.latency().await;
    let db = app.read().await?;
    let mut caller = auth::identify(&db, headers, app.now_ms())?;
    caller.shape = Shape::agree(app, headers)?;
    let history = History::read(&db)?;
    let behind = pull::resume(&history, since)?;
    let eyes = app.eyes(&db, &caller);
    let filter = match app.policy.hints {
        Hints::WhatTheCallerSees => Filter::Rights,
        Hints::Everything => Filter::None,
    };
    let found = changes::behind(&eyes, scope, filter, behind, CHANGES_MAX + 1)?;
    if found.is_empty() {
        return Ok(None);
    }
    let few = found.len() <= CHANGES_MAX;
    let told = few.then(|| pull::told(found, &eyes)).transpose()?;
    let next = history.cursor(history.head);
    Ok(Some(Hint { since, next, changes: told, server_time_ms: app.now_ms() }))
}

/// Whether news come before the hold ends.
async fn is_first(mut news: Pin<&mut Notified<'_>>, hold: &mut BoxFuture<'static, ()>) -> bool {
    poll_fn(|context| match news.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => hold.as_mut().poll(context).map(|()| false),
    })
    .await
}
