//! What the server has, as a fresh device of a user gets it: over the wire, by the contract.
//!
//! The harness never looks into a server. It signs in and pulls everything, from a machine that
//! no fault touches, and the trace keeps no sign of how.

use bytes::Bytes;
use deadzone_contract::wire::{
    HEADER_CLIENT_VERSION, HEADER_DEVICE_ID, HEADER_SCHEMA_VERSION, PATH_SYNC, PATH_TOKEN, PulledChange,
    SCHEMA_VERSION, ServerField, ServerRecord, SyncPage, TokenAnswer, TokenRequest,
};
use deadzone_contract::{ConflictView, RecordState, RecordView, Value};
use http::header::AUTHORIZATION;
use http::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;

use crate::fleet::Fleet;
use crate::outside::Outside;

/// No server needs as many pages; one that does goes round in circles.
const PAGES_MAX: u32 = 100_000;

/// Pulls everything that `user` may see.
pub(crate) async fn audit(fleet: &Fleet, user: &str, password: &str) -> Result<Vec<RecordView>, String> {
    let outside = Outside::new(fleet);
    let sign_in = TokenRequest::Password { user: user.to_owned(), password: password.to_owned() };
    let body = serde_json::to_vec(&sign_in).map_err(|error| error.to_string())?;
    let tokens: TokenAnswer = call(&outside, Method::POST, PATH_TOKEN, user, None, body).await?;
    let mut records = std::collections::BTreeMap::new();
    let mut since = 0;
    for _ in 0..PAGES_MAX {
        let path = format!("{PATH_SYNC}?since={since}&limit=1000000");
        let token = Some(tokens.access_token.as_str());
        let page: SyncPage = call(&outside, Method::GET, &path, user, token, Vec::new()).await?;
        for change in page.changes {
            match change {
                PulledChange::Record(record) => records.insert(record.record.clone(), view(record)),
                PulledChange::Tombstone { record, .. } | PulledChange::Removed { record } => {
                    records.remove(&record)
                }
            };
        }
        since = page.next;
        if !page.more {
            return Ok(records.into_values().collect());
        }
    }
    Err(format!("the pull did not end within {PAGES_MAX} pages"))
}

async fn call<T: DeserializeOwned>(
    outside: &Outside,
    method: Method,
    path: &str,
    user: &str,
    token: Option<&str>,
    body: Vec<u8>,
) -> Result<T, String> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HEADER_SCHEMA_VERSION, SCHEMA_VERSION)
        .header(HEADER_CLIENT_VERSION, SCHEMA_VERSION)
        .header(HEADER_DEVICE_ID, format!("auditor-{user}"));
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = outside.call(request, Bytes::from(body)).await?;
    if answer.status() != StatusCode::OK {
        let body = String::from_utf8_lossy(answer.body());
        return Err(format!("status {}: {body}", answer.status().as_u16()));
    }
    serde_json::from_slice(answer.body()).map_err(|error| format!("a body not of the contract: {error}"))
}

fn view(record: ServerRecord) -> RecordView {
    let fields = record.fields.into_iter().map(|(name, field)| {
        let value = match field {
            ServerField::Lww { value, .. }
            | ServerField::Version { value, .. }
            | ServerField::Fixed { value } => value,
            ServerField::Counter { total } => Value::Int(total),
            ServerField::Set { members } => Value::Set(members.into_keys().collect()),
        };
        (name, value)
    });
    let conflicts = record.conflicts.into_iter().map(|open| ConflictView {
        field: open.field,
        mine: open.mine,
        theirs: open.theirs,
    });
    let conflicts: Vec<ConflictView> = conflicts.collect();
    RecordView {
        fields: fields.collect(),
        state: if conflicts.is_empty() { RecordState::Synced } else { RecordState::Conflict },
        conflicts,
        record: record.record,
        entity: record.entity,
        workspace: record.workspace,
        parent: record.parent,
    }
}
