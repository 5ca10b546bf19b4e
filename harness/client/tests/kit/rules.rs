//! What the test server makes of a mutation: the rules of the contract, as short as they can be.

use std::collections::BTreeMap;

use deadzone_contract::rules::{self, Deletes, Rule};
use deadzone_contract::wire::{
    FieldOp, FieldResult, Mutation, MutationKind, OpenConflict, Outcome, ServerField, ServerRecord, add_id,
};
use deadzone_contract::{Code, Value};

/// A record with its last commit and the highest number of each device in it.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) commit: u64,
    pub(crate) record: ServerRecord,
    pub(crate) devices: BTreeMap<String, u64>,
    /// Who wrote what stands in a field that has versions.
    writers: BTreeMap<String, (String, u64)>,
    pub(crate) hidden: bool,
}

/// What a field of this server is called in a schema; none where that does not know it.
pub(crate) fn spoken(name: &str, schema: u32) -> Option<&str> {
    let fields = rules::ENTITIES.iter().flat_map(|entity| entity.fields);
    fields.into_iter().find(|field| field.name == name)?.name_in(schema)
}

/// What a field of a schema is called here.
pub(crate) fn understood(name: &str, schema: u32) -> String {
    let fields = rules::ENTITIES.iter().flat_map(|entity| entity.fields);
    let known = fields.into_iter().find(|field| field.name_in(schema) == Some(name));
    known.map_or_else(|| name.to_owned(), |field| field.name.to_owned())
}

pub(crate) fn rejected(code: Code) -> Outcome {
    Outcome::Rejected { code, detail: "no".into() }
}

impl Row {
    pub(crate) fn new(mutation: &Mutation) -> Option<Row> {
        let MutationKind::Create { entity, workspace, parent } = &mutation.kind else { return None };
        let record = ServerRecord {
            record: mutation.record.clone(),
            entity: entity.clone(),
            workspace: workspace.clone(),
            parent: parent.clone(),
            version: 0,
            fields: BTreeMap::new(),
            conflicts: Vec::new(),
            included: None,
            deleted: false,
        };
        Some(Row { commit: 0, record, devices: BTreeMap::new(), writers: BTreeMap::new(), hidden: false })
    }

    /// As a device gets to see it that speaks a schema.
    pub(crate) fn seen(&self, device: &str, schema: u32) -> ServerRecord {
        let mut seen = ServerRecord { included: self.devices.get(device).copied(), ..self.record.clone() };
        let fields = std::mem::take(&mut seen.fields).into_iter();
        seen.fields =
            fields.filter_map(|(name, field)| Some((spoken(&name, schema)?.to_owned(), field))).collect();
        seen.conflicts.retain_mut(|open| match spoken(&open.field, schema) {
            Some(name) => {
                open.field = name.to_owned();
                true
            }
            None => false,
        });
        seen
    }

    /// Whether an edit comes too late.
    pub(crate) fn is_gone(&self) -> bool {
        let deletes = rules::entity(&self.record.entity).map(|entity| entity.deletes);
        self.record.deleted && deletes == Some(Deletes::DeleteWins)
    }

    /// Carries out what is not refused, and counts the conflicts.
    pub(crate) fn apply(
        &mut self,
        device: &str,
        mutation: &Mutation,
    ) -> (BTreeMap<String, FieldResult>, u64) {
        let number = mutation.number.unwrap();
        self.record.version += 1;
        let highest = self.devices.entry(device.to_owned()).or_default();
        *highest = number.max(*highest);
        self.record.deleted = matches!(mutation.kind, MutationKind::Delete { .. });
        let mut results = BTreeMap::new();
        for (name, op) in &mutation.fields {
            results.insert(name.clone(), self.field(device, mutation, name, op));
        }
        let conflicts = results.values().filter(|r| matches!(r, FieldResult::Conflict { .. })).count();
        (results, conflicts as u64)
    }

    fn field(&mut self, device: &str, mutation: &Mutation, name: &str, op: &FieldOp) -> FieldResult {
        let rule = rules::rule(&self.record.entity, name);
        let before = self.record.fields.get(name).cloned();
        let number = mutation.number.unwrap();
        let after = match (op, before) {
            (FieldOp::Put { .. }, Some(ServerField::Fixed { .. })) => {
                return FieldResult::Rejected { code: Code::Immutable, detail: "no".into() };
            }
            (FieldOp::Put { value }, None) if rule == Some(Rule::Immutable) => {
                ServerField::Fixed { value: value.clone() }
            }
            (FieldOp::Put { .. }, Some(ServerField::Lww { stamp, .. })) if stamp >= mutation.stamp => {
                return FieldResult::Applied;
            }
            (FieldOp::Put { value }, _) => {
                ServerField::Lww { value: value.clone(), stamp: mutation.stamp.clone() }
            }
            (FieldOp::Add { by }, Some(ServerField::Counter { total })) => {
                ServerField::Counter { total: total + by }
            }
            (FieldOp::Add { by }, _) => ServerField::Counter { total: *by },
            (FieldOp::Tags { add, remove }, before) => {
                let mut members = match before {
                    Some(ServerField::Set { members }) => members,
                    _ => BTreeMap::new(),
                };
                for (member, ids) in remove {
                    if let Some(held) = members.get_mut(member) {
                        held.retain(|id| !ids.contains(id));
                    }
                }
                for member in add {
                    let held = members.entry(member.clone()).or_default();
                    held.insert(add_id(device, number, member));
                }
                members.retain(|_, held| !held.is_empty());
                ServerField::Set { members }
            }
            (FieldOp::Close { conflict }, _) => {
                self.record.conflicts.retain(|open| open.id != *conflict);
                return FieldResult::Applied;
            }
            (FieldOp::Write { value, base, closes }, before) => {
                self.record.conflicts.retain(|open| Some(&open.id) != closes.as_ref());
                let (theirs, version) = match before {
                    Some(ServerField::Version { value, version }) => (Some(value), version),
                    _ => (None, 0),
                };
                let mine = base.after.map(|after| (device.to_owned(), after));
                let fits = version == base.version
                    || mine.is_some() && self.writers.get(name) == mine.as_ref()
                    || theirs.as_ref() == Some(value);
                if !fits && rule != Some(Rule::Custom) {
                    let id = format!("{device}:{number}:{name}");
                    let open =
                        OpenConflict { id, field: name.to_owned(), mine: value.clone(), theirs, version };
                    self.record.conflicts.push(open.clone());
                    return FieldResult::Conflict { open };
                }
                self.writers.insert(name.to_owned(), (device.to_owned(), number));
                // The product's own merge: the lesser one in the order of the alphabet.
                let merged = theirs.filter(|theirs| !fits && theirs < value).unwrap_or(value.clone());
                ServerField::Version { value: merged, version: version + 1 }
            }
        };
        self.record.fields.insert(name.to_owned(), after);
        FieldResult::Applied
    }
}

pub(crate) fn value(fields: &BTreeMap<String, ServerField>, name: &str) -> Option<Value> {
    match fields.get(name)? {
        ServerField::Lww { value, .. }
        | ServerField::Version { value, .. }
        | ServerField::Fixed { value } => Some(value.clone()),
        ServerField::Counter { total } => Some(Value::Int(*total)),
        ServerField::Set { members } => Some(Value::Set(members.keys().cloned().collect())),
    }
}
