//! What the test server has, and what it makes of requests.

use std::collections::BTreeMap;

use bytes::Bytes;
use deadzone_contract::wire::{
    FieldResult, Hint, Mutation, MutationKind, MutationResult, Outcome, PulledChange, Role, SCHEMA_VERSION,
    SyncPage, TokenAnswer, TokenRequest,
};
use deadzone_contract::{Code, RecordId};
use http::{Request, Response};

use super::answers::{asked, hints, json, problem};
use super::rules::{Row, rejected, spoken};

/// The most that one page carries: two, so that pulls take several.
const PAGE: usize = 2;

#[derive(Clone)]
pub(crate) struct State {
    pub(super) commits: u64,
    pub(crate) records: BTreeMap<RecordId, Row>,
    /// What was carried out, by device and number: its content and its result.
    pub(super) answers: BTreeMap<(String, u64), (String, BTreeMap<String, FieldResult>)>,
    /// How many writes became conflicts.
    pub(crate) conflicts: u64,
    /// How often a number came back with other content.
    pub(crate) reused: u64,
    /// How often each number came.
    pub(crate) asked: BTreeMap<(String, u64), u64>,
    pub(crate) roles: BTreeMap<String, Role>,
    /// Whose rights were changed, and to what.
    pub(crate) members: Vec<(String, Option<Role>)>,
    /// How often tokens were asked for.
    pub(crate) tokens: u64,
    /// What an answer says in which something is deferred, in seconds.
    pub(crate) retry_after: u64,
}

impl Default for State {
    fn default() -> State {
        State {
            commits: 0,
            records: BTreeMap::new(),
            answers: BTreeMap::new(),
            conflicts: 0,
            reused: 0,
            asked: BTreeMap::new(),
            roles: BTreeMap::from([("home".to_owned(), Role::Editor)]),
            members: Vec::new(),
            tokens: 0,
            retry_after: 10,
        }
    }
}

impl State {
    pub(super) fn sign_in(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        self.tokens += 1;
        let user = match serde_json::from_slice(request.body()).unwrap() {
            TokenRequest::Password { password, .. } if password != "secret" => {
                return problem(401, Code::Unauthenticated);
            }
            TokenRequest::Password { user, .. } => user,
            TokenRequest::Refresh { refresh_token } => refresh_token.replace("refresh of ", ""),
        };
        json(&TokenAnswer {
            access_token: format!("access of {user}"),
            expires_in_ms: u64::MAX,
            refresh_token: format!("refresh of {user}"),
            user,
            roles: self.roles.clone(),
        })
    }

    /// The rows that changed after a commit, in order.
    fn changed(&self, query: &str) -> (u64, Vec<&Row>) {
        let since: u64 = asked(query, "since").unwrap().parse().unwrap();
        let asks = |list: &str, name: &str| {
            asked(query, list).is_none_or(|names| names.split(',').any(|asked| asked == name))
        };
        let in_scope =
            |row: &&Row| asks("scope", &row.record.workspace) && asks("entities", &row.record.entity);
        let mut changed: Vec<_> =
            self.records.values().filter(|row| row.commit > since).filter(in_scope).collect();
        changed.sort_by_key(|row| row.commit);
        (since, changed)
    }

    pub(super) fn hint(&self, device: &str, schema: u32, query: &str) -> Response<Bytes> {
        let (since, changed) = self.changed(query);
        if since == self.commits {
            return hints(&[]);
        }
        let changes = Some(changed.into_iter().map(|row| change(row, device, schema)).collect());
        hints(&[Hint { since, next: self.commits, changes, server_time_ms: 0 }])
    }

    pub(super) fn pull(&self, device: &str, schema: u32, query: &str) -> Response<Bytes> {
        let (since, mut changed) = self.changed(query);
        if since > self.commits {
            return problem(410, Code::CursorExpired);
        }
        let more = changed.len() > PAGE;
        changed.truncate(PAGE);
        let next = if more { changed.last().unwrap().commit } else { self.commits };
        let changes = changed.into_iter().map(|row| change(row, device, schema)).collect();
        json(&SyncPage { changes, next, more, server_time_ms: 0, schema_version: SCHEMA_VERSION })
    }

    pub(super) fn push(&mut self, device: &str, schema: u32, mutation: &Mutation) -> MutationResult {
        let number = mutation.number.unwrap();
        *self.asked.entry((device.to_owned(), number)).or_default() += 1;
        let outcome = match self.answers.get(&(device.to_owned(), number)) {
            Some((known, _)) if *known != content(mutation) => {
                self.reused += 1;
                rejected(Code::NumberReused)
            }
            Some((_, fields)) => Outcome::Done { fields: fields.clone() },
            None => match self.misfit(mutation) {
                Some(code) => rejected(code),
                None => Outcome::Done { fields: self.carry_out(device, mutation) },
            },
        };
        self.result(device, schema, mutation, outcome)
    }

    /// An outcome, with the state of its record as far as the device may see it.
    pub(super) fn result(
        &self,
        device: &str,
        schema: u32,
        mutation: &Mutation,
        outcome: Outcome,
    ) -> MutationResult {
        let row = self.records.get(&mutation.record);
        let deletes = matches!(mutation.kind, MutationKind::Delete { .. });
        let may_see = |row: &&Row| !(row.hidden || row.record.deleted && deletes);
        let state = row.filter(may_see).map(|row| row.seen(device, schema));
        let mut outcome = outcome;
        if let Outcome::Done { fields } = &mut outcome {
            let results = std::mem::take(fields).into_iter();
            *fields = results.filter_map(|(name, r)| Some((spoken(&name, schema)?.to_owned(), r))).collect();
        }
        MutationResult { number: mutation.number, record: mutation.record.clone(), outcome, state }
    }

    fn misfit(&self, mutation: &Mutation) -> Option<Code> {
        let there = |record: &RecordId| self.records.get(record).filter(|row| !row.hidden);
        match &mutation.kind {
            MutationKind::Create { parent: Some(parent), .. } if there(parent).is_none() => {
                Some(Code::UnknownRecord)
            }
            MutationKind::Create { .. } => None,
            _ => match there(&mutation.record) {
                None => Some(Code::UnknownRecord),
                Some(row) if row.is_gone() => Some(Code::Gone),
                Some(_) => None,
            },
        }
    }

    pub(super) fn carry_out(&mut self, device: &str, mutation: &Mutation) -> BTreeMap<String, FieldResult> {
        self.commits += 1;
        if let Some(row) = Row::new(mutation) {
            self.records.insert(mutation.record.clone(), row);
        }
        let row = self.records.get_mut(&mutation.record).unwrap();
        row.commit = self.commits;
        let (results, conflicts) = row.apply(device, mutation);
        self.conflicts += conflicts;
        let key = (device.to_owned(), mutation.number.unwrap());
        self.answers.insert(key, (content(mutation), results.clone()));
        results
    }

    /// From now on nobody may see a record.
    pub(crate) fn hide(&mut self, record: &RecordId) {
        self.commits += 1;
        let row = self.records.get_mut(record).unwrap();
        row.commit = self.commits;
        row.hidden = true;
    }
}

fn change(row: &Row, device: &str, schema: u32) -> PulledChange {
    let record = row.record.record.clone();
    if row.hidden {
        PulledChange::Removed { record }
    } else if row.record.deleted {
        let included = row.devices.get(device).copied();
        PulledChange::Tombstone { record, version: row.record.version, included }
    } else {
        PulledChange::Record(row.seen(device, schema))
    }
}

fn content(mutation: &Mutation) -> String {
    serde_json::to_string(&(&mutation.record, &mutation.kind, &mutation.fields)).unwrap()
}
