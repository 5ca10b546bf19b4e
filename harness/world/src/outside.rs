//! Requests of the harness itself: the auditor's and the operator's. They come from a machine that
//! no fault touches, and the trace keeps no sign of how they went over the wire.

use bytes::Bytes;
use deadzone_contract::wire::{MemberChange, PATH_MEMBERS, PATH_METRICS};
use deadzone_net::http::{Client, client};
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::request::Builder;
use http::{Method, Request, Response, StatusCode};
use tower::ServiceExt;

use crate::clock::ms;
use crate::fleet::{Fleet, PORT, SERVER};

/// How long the server may take for one answer.
const PATIENCE_MS: u64 = 60_000;
/// How often a request is repeated because a limit was reached.
const LIMITED_MAX: u32 = 100;

/// What the operator shows instead of an access token.
pub(crate) const OPERATOR_TOKEN: &str = "token-of-the-operator";

/// The way from that machine to the server.
pub(crate) struct Outside(Client);

impl Outside {
    pub(crate) fn new(fleet: &Fleet) -> Outside {
        Outside(client(fleet.net.host(fleet.auditor), fleet.host_id(SERVER), PORT))
    }

    /// Asks, and asks again as often as a limit says later.
    pub(crate) async fn call(&self, request: Builder, body: Bytes) -> Result<Response<Bytes>, String> {
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let request = request.map_err(|error| error.to_string())?;
        for _ in 0..LIMITED_MAX {
            let answer = tokio::time::timeout(ms(PATIENCE_MS), self.0.clone().oneshot(request.clone()));
            let answer =
                answer.await.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
            if answer.status() != StatusCode::TOO_MANY_REQUESTS {
                return Ok(answer);
            }
            let after = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
            tokio::time::sleep(ms(1_000 * after.unwrap_or(1_u64))).await;
        }
        Err("the server's limit is never over".to_owned())
    }
}

/// Has the operator change what a user may do in a workspace.
pub(crate) async fn change_member(fleet: &Fleet, change: &MemberChange) -> Result<(), String> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(PATH_MEMBERS)
        .header(AUTHORIZATION, format!("Bearer {OPERATOR_TOKEN}"));
    let body = serde_json::to_vec(change).map_err(|error| error.to_string())?;
    let answer = Outside::new(fleet).call(request, body.into()).await?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(format!("status {}: {}", answer.status().as_u16(), String::from_utf8_lossy(answer.body())))
}

/// Reads the server's metrics: the status and the text.
pub(crate) async fn scrape(fleet: &Fleet) -> Result<(u16, String), String> {
    let request = Request::builder().method(Method::GET).uri(PATH_METRICS);
    let answer = Outside::new(fleet).call(request, Bytes::new()).await?;
    Ok((answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned()))
}
