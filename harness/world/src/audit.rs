//! What the server has, as a fresh device of a user gets it: over the wire, by the contract.
//!
//! The harness never looks into a server. It signs in and pulls everything, from a machine that
//! no fault touches, and the trace keeps no sign of how.

use std::collections::BTreeMap;

use bytes::Bytes;
use deadzone_contract::wire::{
    HEADER_CLIENT_VERSION, HEADER_DEVICE_ID, HEADER_SCHEMA_VERSION, PATH_SYNC, PATH_TOKEN, PulledChange,
    SCHEMA_VERSION, ServerField, ServerRecord, SyncPage, TokenAnswer, TokenRequest,
};
use deadzone_contract::{ConflictView, RecordId, RecordState, RecordView, Value};
use http::header::AUTHORIZATION;
use http::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::fleet::Fleet;
use crate::outside::Outside;

/// No server needs as many pages; one that does goes round in circles.
const PAGES_MAX: u32 = 100_000;

/// A limit can hold a pull up for longer than a token lives, but hardly as often.
const SIGN_INS_MAX: u32 = 30;

/// Pulls everything that `user` may see.
pub(crate) async fn audit(fleet: &Fleet, user: &str, password: &str) -> Result<Vec<RecordView>, String> {
    let outside = Outside::new(fleet);
    let mut pulled = Pulled::default();
    for _ in 0..SIGN_INS_MAX {
        let token = sign_in(&outside, user, password).await?;
        if pulled.go_on(&outside, user, &token).await? {
            return Ok(pulled.records.into_values().collect());
        }
    }
    Err(format!("{SIGN_INS_MAX} access tokens, one after the other, were not valid any more"))
}

async fn sign_in(outside: &Outside, user: &str, password: &str) -> Result<String, String> {
    let sign_in = TokenRequest::Password { user: user.to_owned(), password: password.to_owned() };
    let body = serde_json::to_vec(&sign_in).map_err(|error| error.to_string())?;
    let answer = ask(outside, Method::POST, PATH_TOKEN, user, None, body).await?;
    Ok(whole::<TokenAnswer>(&answer)?.access_token)
}

/// How far a pull has come.
#[derive(Default)]
struct Pulled {
    records: BTreeMap<RecordId, RecordView>,
    since: u64,
    pages: u32,
}

impl Pulled {
    /// Pulls on, to the end. False where the token is not valid any more before that.
    async fn go_on(&mut self, outside: &Outside, user: &str, token: &str) -> Result<bool, String> {
        while self.pages < PAGES_MAX {
            let path = format!("{PATH_SYNC}?since={}&limit=1000000", self.since);
            let answer = ask(outside, Method::GET, &path, user, Some(token), Vec::new()).await?;
            if answer.status() == StatusCode::UNAUTHORIZED {
                return Ok(false);
            }
            self.pages += 1;
            if answer.status() == StatusCode::GONE && self.since > 0 {
                // Between two pages the tombstones went that would have told the rest.
                self.records.clear();
                self.since = 0;
                continue;
            }
            let page: SyncPage = whole(&answer)?;
            for change in page.changes {
                match change {
                    PulledChange::Record(record) => {
                        self.records.insert(record.record.clone(), view(record));
                    }
                    PulledChange::Tombstone { record, .. } | PulledChange::Removed { record } => {
                        self.records.remove(&record);
                    }
                }
            }
            self.since = page.next;
            if !page.more {
                return Ok(true);
            }
        }
        Err(format!("the pull did not end within {PAGES_MAX} pages"))
    }
}

async fn ask(
    outside: &Outside,
    method: Method,
    path: &str,
    user: &str,
    token: Option<&str>,
    body: Vec<u8>,
) -> Result<Response<Bytes>, String> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HEADER_SCHEMA_VERSION, SCHEMA_VERSION)
        .header(HEADER_CLIENT_VERSION, SCHEMA_VERSION)
        .header(HEADER_DEVICE_ID, format!("auditor-{user}"));
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    outside.call(request, Bytes::from(body)).await
}

fn whole<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, String> {
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
