//! The whole state of the small client, and what happens to it. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::seam::Screen;
use deadzone_contract::view::View;
use deadzone_contract::wire::{
    Base, FieldOp, Mutation, MutationKind, Outcome, PulledChange, PushAnswer, ServerField, ServerRecord,
    SyncPage, add_id,
};
use deadzone_contract::{
    Action, Badge, Change, Code, ConflictView, FieldChange, RecordId, RecordState, RecordView, Refusal, Rule,
    Stamp, Status, TrayItem, Value, WayOut, rules,
};
use serde::{Deserialize, Serialize};

/// How far a piece of work has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Waiting,
    Sending,
    Retrying,
    Refused(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Work {
    mutation: Mutation,
    phase: Phase,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Doc {
    entity: String,
    workspace: String,
    parent: Option<RecordId>,
    server: Option<ServerRecord>,
    /// An attempt has begun to send something of it.
    tried: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) device: String,
    pub(crate) cursor: u64,
    pub(crate) last_sync_ms: Option<u64>,
    numbers: u64,
    docs: BTreeMap<RecordId, Doc>,
    works: Vec<Work>,
    #[serde(skip)]
    pub(crate) error: Option<String>,
    offline: bool,
    #[serde(skip)]
    shown: BTreeMap<RecordId, RecordView>,
    #[serde(skip)]
    shown_rest: Option<(Vec<TrayItem>, Status)>,
}

impl State {
    pub(crate) fn online(&self) -> bool {
        !self.offline
    }

    pub(crate) fn set_online(&mut self, online: bool) {
        self.offline = !online;
    }

    /// What was on its way when the app ended waits again.
    pub(crate) fn begin_again(&mut self) {
        for work in self.works.iter_mut().filter(|work| work.phase == Phase::Sending) {
            work.phase = Phase::Waiting;
        }
    }

    pub(crate) fn give_back(&mut self) {
        for work in self.works.iter_mut().filter(|work| work.phase == Phase::Sending) {
            work.phase = Phase::Retrying;
        }
    }

    pub(crate) fn take(&mut self, most: usize) -> Vec<Mutation> {
        let ready = self.works.iter_mut().filter(|work| !matches!(work.phase, Phase::Refused(_)));
        let mut batch = Vec::new();
        for work in ready.take(most) {
            work.phase = Phase::Sending;
            batch.push(work.mutation.clone());
        }
        for mutation in &batch {
            if let Some(doc) = self.docs.get_mut(&mutation.record) {
                doc.tried = true;
            }
        }
        batch
    }

    pub(crate) fn answered(&mut self, answer: PushAnswer) {
        for result in answer.results {
            if let Some(server) = result.state {
                self.keep(server);
            }
            let Some(at) = self.works.iter().position(|work| work.mutation.number == result.number) else {
                continue;
            };
            match result.outcome {
                Outcome::Done { .. } => drop(self.works.remove(at)),
                Outcome::Deferred => {} // it goes with the next round
                Outcome::Rejected { code, detail } => {
                    self.works[at].phase = Phase::Refused(format!("{code}: {detail}"));
                }
            }
        }
    }

    pub(crate) fn pulled(&mut self, page: SyncPage) {
        for change in page.changes {
            match change {
                PulledChange::Record(server) => self.keep(server),
                PulledChange::Removed { record } | PulledChange::Tombstone { record, .. } => {
                    drop(self.docs.remove(&record));
                }
            }
        }
        self.cursor = page.next;
    }

    fn keep(&mut self, server: ServerRecord) {
        if server.deleted {
            return drop(self.docs.remove(&server.record));
        }
        let doc = self.docs.entry(server.record.clone()).or_default();
        if doc.server.as_ref().is_some_and(|known| known.version > server.version) {
            return;
        }
        doc.entity.clone_from(&server.entity);
        doc.workspace.clone_from(&server.workspace);
        doc.parent.clone_from(&server.parent);
        doc.server = Some(server);
    }

    pub(crate) fn act(&mut self, action: Action, wall_ms: u64, id: String) -> Result<RecordId, Refusal> {
        let (record, kind, changes) = match action {
            Action::Create { entity, workspace, parent, changes } => {
                let doc = Doc {
                    entity: entity.clone(),
                    workspace: workspace.clone(),
                    parent: parent.clone(),
                    ..Doc::default()
                };
                self.docs.insert(RecordId(id.clone()), doc);
                (RecordId(id), MutationKind::Create { entity, workspace, parent }, changes)
            }
            Action::Edit { record, changes } => (record, MutationKind::Update, changes),
            Action::Retry { record } => {
                for work in self.works.iter_mut().filter(|work| work.mutation.record == record) {
                    work.phase = Phase::Waiting;
                }
                return Ok(record);
            }
            _ => return Err(Refusal::new(Code::Invalid, "this client cannot do that")),
        };
        let Some(doc) = self.docs.get(&record) else {
            return Err(Refusal::new(Code::UnknownRecord, "no such record on this device"));
        };
        let mut fields = BTreeMap::new();
        for FieldChange { field, change } in changes {
            let op = self.op(&record, doc, &field, change, fields.remove(&field))?;
            fields.insert(field, op);
        }
        self.numbers += 1;
        let stamp = Stamp { ms: wall_ms, n: 0, device: self.device.clone() };
        let mutation = Mutation { number: Some(self.numbers), record: record.clone(), kind, stamp, fields };
        self.works.push(Work { mutation, phase: Phase::Waiting });
        Ok(record)
    }

    fn op(
        &self,
        record: &RecordId,
        doc: &Doc,
        field: &str,
        change: Change,
        earlier: Option<FieldOp>,
    ) -> Result<FieldOp, Refusal> {
        let (mut add, mut remove) = match earlier {
            Some(FieldOp::Tags { add, remove }) => (add, remove),
            _ => Default::default(),
        };
        Ok(match (rules::rule(&doc.entity, field), change) {
            (Some(Rule::Lww), Change::Put(value)) => FieldOp::Put { value },
            (Some(Rule::Counter), Change::Add(by)) => FieldOp::Add { by },
            (Some(Rule::Version), Change::Put(value)) => {
                let version = match doc.server.as_ref().and_then(|server| server.fields.get(field)) {
                    Some(ServerField::Version { version, .. }) => *version,
                    _ => 0,
                };
                let own = self.overlaid(record, doc).filter(|mutation| mutation.fields.contains_key(field));
                let base = Base { version, after: own.filter_map(|mutation| mutation.number).max() };
                FieldOp::Write { value, base, closes: None }
            }
            (Some(Rule::Set), Change::Insert(member)) => {
                add.insert(member);
                FieldOp::Tags { add, remove }
            }
            (Some(Rule::Set), Change::Remove(member)) => {
                add.remove(&member);
                let held = self.members(record, doc, field).remove(&member).unwrap_or_default();
                remove.insert(member, held);
                FieldOp::Tags { add, remove }
            }
            _ => return Err(Refusal::new(Code::Invalid, format!("`{field}` cannot change like that"))),
        })
    }

    /// The work that the server's state of a record does not have in it yet.
    fn overlaid(&self, record: &RecordId, doc: &Doc) -> impl Iterator<Item = &Mutation> {
        let included = doc.server.as_ref().and_then(|server| server.included);
        let shown = doc.server.is_none();
        let works = self.works.iter().filter(move |work| shown || !matches!(work.phase, Phase::Refused(_)));
        works.map(|work| &work.mutation).filter(move |m| m.record == *record && m.number > included)
    }

    fn members(&self, record: &RecordId, doc: &Doc, field: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut members = match doc.server.as_ref().and_then(|server| server.fields.get(field)) {
            Some(ServerField::Set { members }) => members.clone(),
            _ => BTreeMap::new(),
        };
        for mutation in self.overlaid(record, doc) {
            let Some(FieldOp::Tags { add, remove }) = mutation.fields.get(field) else { continue };
            for (member, ids) in remove {
                members.entry(member.clone()).or_default().retain(|id| !ids.contains(id));
            }
            for member in add {
                let id = add_id(&self.device, mutation.number.unwrap_or_default(), member);
                members.entry(member.clone()).or_default().insert(id);
            }
        }
        members.retain(|_, ids| !ids.is_empty());
        members
    }

    fn record_view(&self, record: &RecordId, doc: &Doc) -> RecordView {
        let mut fields = BTreeMap::new();
        let server = doc.server.as_ref();
        for (name, field) in server.iter().flat_map(|server| &server.fields) {
            let value = match field {
                ServerField::Lww { value, .. }
                | ServerField::Version { value, .. }
                | ServerField::Fixed { value } => value.clone(),
                ServerField::Counter { total } => Value::Int(*total),
                ServerField::Set { .. } => Value::Set(self.members(record, doc, name).into_keys().collect()),
            };
            fields.insert(name.clone(), value);
        }
        for (name, op) in self.overlaid(record, doc).flat_map(|mutation| &mutation.fields) {
            let value = match (op, fields.get(name)) {
                (FieldOp::Put { value } | FieldOp::Write { value, .. }, _) => value.clone(),
                (FieldOp::Add { by }, Some(Value::Int(total))) => Value::Int(total + by),
                (FieldOp::Add { by }, _) => Value::Int(*by),
                (FieldOp::Tags { .. }, _) => {
                    Value::Set(self.members(record, doc, name).into_keys().collect())
                }
                (FieldOp::Close { .. }, _) => continue,
            };
            fields.insert(name.clone(), value);
        }
        let conflicts = server.map(|server| server.conflicts.as_slice()).unwrap_or_default();
        RecordView {
            record: record.clone(),
            entity: doc.entity.clone(),
            workspace: doc.workspace.clone(),
            parent: doc.parent.clone(),
            fields,
            state: self.badge(record, doc, !conflicts.is_empty()),
            conflicts: conflicts
                .iter()
                .map(|open| ConflictView {
                    field: open.field.clone(),
                    mine: open.mine.clone(),
                    theirs: open.theirs.clone(),
                })
                .collect(),
        }
    }

    fn badge(&self, record: &RecordId, doc: &Doc, conflict: bool) -> RecordState {
        let mut works =
            self.works.iter().filter(|work| work.mutation.record == *record).map(|work| &work.phase);
        let all: Vec<&Phase> = works.by_ref().collect();
        if all.iter().any(|phase| matches!(phase, Phase::Refused(_))) {
            RecordState::Failed
        } else if conflict {
            RecordState::Conflict
        } else if all.iter().any(|phase| **phase == Phase::Waiting) {
            if doc.server.is_none() && !doc.tried { RecordState::Saved } else { RecordState::Modified }
        } else if all.iter().any(|phase| **phase == Phase::Sending) {
            RecordState::Syncing
        } else if all.is_empty() {
            RecordState::Synced
        } else {
            RecordState::Retrying
        }
    }

    pub(crate) fn view(&self) -> View {
        let records: Vec<RecordView> = self.docs.iter().map(|(id, doc)| self.record_view(id, doc)).collect();
        let refused = self.works.iter().filter_map(|work| match &work.phase {
            Phase::Refused(reason) => Some(TrayItem {
                record: work.mutation.record.clone(),
                state: RecordState::Failed,
                what: "a change".to_owned(),
                reason: reason.clone(),
                ways_out: vec![WayOut::Retry],
            }),
            _ => None,
        });
        let open = records.iter().filter(|view| view.state == RecordState::Conflict).map(|view| TrayItem {
            record: view.record.clone(),
            state: RecordState::Conflict,
            what: "a change".to_owned(),
            reason: "conflict: decide it on another device".to_owned(),
            ways_out: vec![WayOut::KeepMine, WayOut::UseTheirs],
        });
        let tray: Vec<TrayItem> = refused.chain(open).collect();
        let queued = self.works.iter().filter(|work| !matches!(work.phase, Phase::Refused(_))).count() as u64;
        let badge = match (tray.is_empty(), self.offline || self.error.is_some(), queued) {
            (false, ..) => Badge::Error,
            (_, true, _) => Badge::Offline,
            (_, _, 0) => Badge::Synced,
            _ => Badge::Syncing,
        };
        let status =
            Status { badge, queued, last_sync_ms: self.last_sync_ms, last_error: self.error.clone() };
        View { records, tray, status }
    }

    /// Tells the screen what is different since the last time.
    pub(crate) fn show(&mut self, screen: &dyn Screen) {
        let view = self.view();
        let now: BTreeMap<RecordId, RecordView> =
            view.records.iter().map(|record| (record.record.clone(), record.clone())).collect();
        for gone in self.shown.keys().filter(|id| !now.contains_key(*id)) {
            screen.gone(gone);
        }
        for record in now.values().filter(|record| self.shown.get(&record.record) != Some(record)) {
            screen.record(record);
        }
        self.shown = now;
        let rest = (view.tray, view.status);
        if self.shown_rest.as_ref() != Some(&rest) {
            screen.tray(&rest.0);
            screen.status(&rest.1);
            self.shown_rest = Some(rest);
        }
    }
}
