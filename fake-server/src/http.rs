//! The surface: routes, forms, problem documents.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use deadzone_contract::Code;
use deadzone_contract::problem::PROBLEM_JSON;
use deadzone_contract::wire::{
    CURSOR_START, HEADER_QUEUE_AGE, PATH_HEALTH, PATH_HINTS, PATH_MEMBERS, PATH_METRICS, PATH_MUTATIONS,
    PATH_SYNC, PATH_TOKEN,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::auth::{self, Caller};
use crate::changes::Scope;
use crate::collect::Cutoffs;
use crate::failure::{self, Failure};
use crate::members::{self, Authority};
use crate::policy::Caching;
use crate::shape::Shape;
use crate::{App, collect, headers, hints, metrics, pull, push};

/// Larger requests are refused unread.
const BODY_LEN_MAX: usize = 4 * 1024 * 1024;

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route(PATH_TOKEN, post(token))
        .route(PATH_SYNC, get(sync))
        .route(PATH_MUTATIONS, post(mutations))
        .route(PATH_HINTS, get(hint))
        .route(PATH_MEMBERS, post(members))
        .route(PATH_HEALTH, get(health))
        .route(PATH_METRICS, get(metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .with_state(app)
}

type Body = Result<Bytes, BytesRejection>;

async fn token(State(app): State<Arc<App>>, body: Body) -> Result<Response, Failure> {
    let request = json(body)?;
    Ok(ok(&served(&app, auth::token(&app, request)).await?))
}

#[derive(Deserialize)]
struct SyncQuery {
    #[serde(default)]
    since: Option<u64>,
    #[serde(default)]
    limit: Option<u64>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    entities: Option<String>,
}

async fn sync(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<Query<SyncQuery>, QueryRejection>,
) -> Result<Response, Failure> {
    let pull = async {
        let caller = admit(&app, &headers).await?;
        let Query(query) = query.map_err(|error| Failure::malformed(error.body_text()))?;
        let scope = Scope::parse(query.scope.as_deref(), query.entities.as_deref())?;
        pull::pull(&app, &caller, query.since.unwrap_or(CURSOR_START), &scope, query.limit).await
    };
    let mut response = ok(&served(&app, pull).await?);
    if app.policy.caching == Caching::Unsaid {
        response.headers_mut().remove(header::CACHE_CONTROL);
    }
    Ok(response)
}

async fn mutations(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Result<Response, Failure> {
    let push = async {
        let caller = admit(&app, &headers).await?;
        push::push(&app, &caller, json(body)?).await
    };
    let pushed = served(&app, push).await?;
    let mut response = ok(&pushed.answer);
    retry_after(&mut response, pushed.retry_after_secs);
    Ok(response)
}

async fn members(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Result<Response, Failure> {
    let change = async {
        let by = match auth::is_operator(&headers, &app.operator_token) {
            true => Authority::Operator,
            false => Authority::User(admit(&app, &headers).await?),
        };
        members::change(&app, &by, &json(body)?).await
    };
    served(&app, change).await?;
    Ok(respond(StatusCode::NO_CONTENT, None, Bytes::new()))
}

#[derive(Deserialize)]
struct HintQuery {
    #[serde(default)]
    since: Option<u64>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    entities: Option<String>,
}

async fn hint(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<Query<HintQuery>, QueryRejection>,
) -> Result<Response, Failure> {
    let hint = async {
        admit(&app, &headers).await?;
        let Query(query) = query.map_err(|error| Failure::malformed(error.body_text()))?;
        let scope = Scope::parse(query.scope.as_deref(), query.entities.as_deref())?;
        hints::hint(&app, &headers, query.since.unwrap_or(CURSOR_START), &scope).await
    };
    let hint = served(&app, hint).await?;
    Ok(respond(StatusCode::OK, Some("text/event-stream"), hints::event(hint.as_ref()).into()))
}

async fn health() -> Response {
    respond(StatusCode::OK, Some("text/plain; charset=utf-8"), Bytes::from_static(b"ok\n"))
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    respond(StatusCode::OK, Some("text/plain; version=0.0.4"), metrics::render(&app).await.into())
}

async fn not_found() -> Failure {
    Failure::new(404, Code::Malformed, "there is nothing at this path")
}

async fn method_not_allowed() -> Failure {
    Failure::new(405, Code::Malformed, "this path does not take that method")
}

/// Answers with what comes out; where storage failed, the next request begins with a connection
/// of its own.
async fn served<T>(app: &App, answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let answer = answer.await;
    if let Err(Failure::Storage(error)) = &answer {
        app.doubt(error).await;
    }
    answer
}

/// Learns who asks and how long the device has waited, agrees with its app, and does the
/// housekeeping that is due.
async fn admit(app: &App, headers: &HeaderMap) -> Result<Caller, Failure> {
    let cutoffs = Cutoffs::now(app);
    let (caller, due) = {
        let db = app.read().await?;
        let mut caller = auth::identify(&db, headers, app.now_ms())?;
        if let (Some(device), Some(age_ms)) = (&caller.device, headers::number(headers, HEADER_QUEUE_AGE)?) {
            app.metrics.report(device, age_ms);
        }
        // An app that is too old is refused only now: it may have been waiting for long.
        caller.shape = Shape::agree(app, headers)?;
        (caller, collect::is_due(&db, &cutoffs)?)
    };
    if due {
        match keep_house(app, &cutoffs).await {
            // A disk that takes no writes may still be read; what is due stays due.
            Err(error) if failure::is_storage(&error) => app.doubt(&error).await,
            done => done?,
        }
    }
    Ok(caller)
}

async fn keep_house(app: &App, cutoffs: &Cutoffs) -> rusqlite::Result<()> {
    let mut transaction = app.begin().await?;
    collect::collect(&transaction, &app.policy, cutoffs)?;
    transaction.commit()
}

fn json<T: DeserializeOwned>(body: Body) -> Result<T, Failure> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Failure::new(413, Code::Malformed, format!("a request has at most {BODY_LEN_MAX} bytes"))
        }
        _ => Failure::malformed("the request's body did not arrive whole"),
    })?;
    serde_json::from_slice(&body).map_err(|error| Failure::malformed(error.to_string()))
}

fn ok(answer: &impl Serialize) -> Response {
    let body = serde_json::to_vec(answer).expect("answers are JSON");
    respond(StatusCode::OK, Some("application/json"), body.into())
}

fn respond(status: StatusCode, content_type: Option<&'static str>, body: Bytes) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    // Two users of one machine or one proxy must never see each other's answers.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let retry_after_secs = self.retry_after_secs();
        let problem = self.into_problem();
        let status = StatusCode::from_u16(problem.status).expect("problems carry statuses of HTTP");
        let body = serde_json::to_vec(&problem).expect("problems are JSON");
        let mut response = respond(status, Some(PROBLEM_JSON), body.into());
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        retry_after(&mut response, retry_after_secs);
        response
    }
}

/// Tells a client when to come again.
fn retry_after(response: &mut Response, secs: Option<u64>) {
    if let Some(secs) = secs {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
}
