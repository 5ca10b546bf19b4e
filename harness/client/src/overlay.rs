//! What the user sees of a record: the server's word with the pending work on top.
//!
//! Computed anew each time. A pull replaces the bottom and a save adds to the top, so neither can
//! overwrite the other.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::{
    AddId, FieldOp, MutationKind, OpenConflict, ServerField, ServerRecord, add_id,
};
use deadzone_contract::{ConflictView, RecordState, RecordView, Stamp, Value};

use crate::dialect::Dialect;
use crate::store::{QueueRow, RecordRow, RowStatus};

/// The members of a set, each with the additions that hold it.
pub(crate) type Members = BTreeMap<String, BTreeSet<AddId>>;

/// A record with its pending work applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlaid {
    pub(crate) fields: BTreeMap<String, Value>,
    pub(crate) members: BTreeMap<String, Members>,
    /// Open conflicts that no pending work decides.
    pub(crate) conflicts: Vec<OpenConflict>,
    pub(crate) visible: bool,
    /// The fields that have their value for ever.
    fixed: BTreeSet<String>,
}

/// The rows of `record` that have to be laid over it: not those that the server's state has in it
/// already, and not those that the server refused. Only where it refused them because the record
/// is gone, they are part of the copy that is left here.
///
/// The state names the highest of this device's numbers that it includes. Where that is the
/// number of a row that is still here, its answer was lost, and with it those before it. Any
/// other number says nothing of these rows: it was answered long ago, or it is of somebody who
/// has a copy of this device's name.
fn laid_over<'r>(record: &RecordRow, rows: &'r [QueueRow]) -> impl Iterator<Item = &'r QueueRow> + Clone {
    let named = record.server.as_ref().and_then(|server| server.included);
    let asked_by = record.asked_by.clone();
    let here = |row: &QueueRow| Some(row.number()) == named && asked_by.as_deref() == Some(&row.device);
    let included = if rows.iter().any(here) { named } else { None };
    let known = record.server.is_some();
    rows.iter().filter(move |row| {
        let has = included.is_some_and(|n| row.number() <= n) && asked_by.as_deref() == Some(&row.device);
        let refused = row.status == RowStatus::Failed && !record.is_gone_with(row);
        !known || !has && !refused
    })
}

/// Leaves in what the server says now the totals to which there are increments that it may have in
/// it or not: what was known of them before, with what is `answered` now and leaves the queue.
pub(crate) fn keep_totals(
    record: &RecordRow,
    rows: &[QueueRow],
    answered: Option<&QueueRow>,
    server: &mut ServerRecord,
) {
    let is_answered = |row: &QueueRow| answered.is_some_and(|answered| answered.seq == row.seq);
    let added = |row: &QueueRow, name: &str| match row.mutation.fields.get(name) {
        Some(FieldOp::Add { by }) => Some(*by),
        _ => None,
    };
    let waiting = rows.iter().filter(|row| row.status != RowStatus::Failed && !is_answered(row));
    let open: BTreeSet<&String> = waiting
        .flat_map(|row| row.mutation.fields.iter())
        .filter_map(|(name, op)| matches!(op, FieldOp::Add { .. }).then_some(name))
        .collect();
    for name in open {
        let before = record.server.as_ref().and_then(|known| match known.fields.get(name) {
            Some(ServerField::Counter { total }) => Some(*total),
            _ => None,
        });
        let gone = laid_over(record, rows).filter(|row| is_answered(row)).find_map(|row| added(row, name));
        match before.into_iter().chain(gone).reduce(i64::saturating_add) {
            Some(total) => server.fields.insert(name.clone(), ServerField::Counter { total }),
            None => server.fields.remove(name),
        };
    }
}

/// Lays `rows` over what the server said.
pub(crate) fn overlay(record: &RecordRow, rows: &[QueueRow]) -> Overlaid {
    let server = record.server.as_ref();
    let mut over = Overlaid::default();
    let mut stamps: BTreeMap<String, Stamp> = BTreeMap::new();
    for (name, field) in server.iter().flat_map(|s| &s.fields) {
        match field {
            ServerField::Lww { value, stamp } => {
                over.fields.insert(name.clone(), value.clone());
                stamps.insert(name.clone(), stamp.clone());
            }
            ServerField::Version { value, .. } => {
                over.fields.insert(name.clone(), value.clone());
            }
            ServerField::Fixed { value } => {
                over.fields.insert(name.clone(), value.clone());
                over.fixed.insert(name.clone());
            }
            ServerField::Counter { total } => {
                over.fields.insert(name.clone(), Value::Int(*total));
            }
            ServerField::Set { members } => {
                over.members.insert(name.clone(), members.clone());
            }
        }
    }
    over.conflicts = server.map(|s| s.conflicts.clone()).unwrap_or_default();
    over.visible = server.is_some() && !record.deleted;
    for row in laid_over(record, rows) {
        over.visible = !matches!(row.mutation.kind, MutationKind::Delete { .. });
        for (name, op) in &row.mutation.fields {
            over.apply(name, op, row, &mut stamps);
        }
    }
    for (name, members) in &over.members {
        let set = members.keys().cloned().collect();
        over.fields.insert(name.clone(), Value::Set(set));
    }
    // A failed delete or edit of something that is gone keeps its full local copy in view.
    if rows.iter().any(|row| row.status == RowStatus::Failed) {
        over.visible = true;
    }
    over
}

impl Overlaid {
    fn apply(&mut self, name: &str, op: &FieldOp, row: &QueueRow, stamps: &mut BTreeMap<String, Stamp>) {
        match op {
            FieldOp::Put { .. } if self.fixed.contains(name) => {}
            FieldOp::Put { value } => {
                if stamps.get(name).is_none_or(|stamp| row.mutation.stamp > *stamp) {
                    self.fields.insert(name.to_owned(), value.clone());
                    stamps.insert(name.to_owned(), row.mutation.stamp.clone());
                }
            }
            FieldOp::Write { value, closes, .. } => {
                self.fields.insert(name.to_owned(), value.clone());
                self.conflicts.retain(|open| Some(&open.id) != closes.as_ref());
            }
            FieldOp::Close { conflict } => self.conflicts.retain(|open| open.id != *conflict),
            FieldOp::Add { by } => {
                let total = match self.fields.get(name) {
                    Some(Value::Int(total)) => *total,
                    _ => 0,
                };
                self.fields.insert(name.to_owned(), Value::Int(total.saturating_add(*by)));
            }
            FieldOp::Tags { add, remove } => {
                let members = self.members.entry(name.to_owned()).or_default();
                for (member, ids) in remove {
                    if let Some(held) = members.get_mut(member) {
                        held.retain(|id| !ids.contains(id));
                        if held.is_empty() {
                            members.remove(member);
                        }
                    }
                }
                for member in add {
                    let id = add_id(&row.device, row.number(), member);
                    members.entry(member.clone()).or_default().insert(id);
                }
            }
        }
    }
}

/// What the server says that stands in a field.
pub(crate) fn value_of(server: &ServerRecord, field: &str) -> Option<Value> {
    match server.fields.get(field)? {
        ServerField::Lww { value, .. }
        | ServerField::Version { value, .. }
        | ServerField::Fixed { value } => Some(value.clone()),
        ServerField::Counter { total } => Some(Value::Int(*total)),
        ServerField::Set { members } => Some(Value::Set(members.keys().cloned().collect())),
    }
}

/// What a server would say of a record that had everything in it that is shown; for a client that
/// believes so.
pub(crate) fn as_if_known(record: &RecordRow, rows: &[QueueRow]) -> ServerRecord {
    let over = overlay(record, rows);
    let field = |(name, value): (&String, &Value)| {
        let field = match (over.members.get(name), value) {
            (Some(members), _) => ServerField::Set { members: members.clone() },
            (None, Value::Int(total)) => ServerField::Counter { total: *total },
            (None, value) => ServerField::Version { value: value.clone(), version: 0 },
        };
        (name.clone(), field)
    };
    ServerRecord {
        record: record.record.clone(),
        entity: record.entity.clone(),
        workspace: record.workspace.clone(),
        parent: record.parent.clone(),
        version: record.server.as_ref().map_or(0, |server| server.version),
        fields: over.fields.iter().map(field).collect(),
        conflicts: over.conflicts.clone(),
        included: None,
        deleted: !over.visible,
    }
}

/// What new work is made upon besides what the server has. On a record of which that knows nothing it
/// goes with the refused create, and is sent with it once more.
fn made_upon<'r>(record: &RecordRow, rows: &'r [QueueRow]) -> impl Iterator<Item = &'r QueueRow> + Clone {
    let is_new = record.server.is_none();
    laid_over(record, rows).filter(move |row| is_new || row.status != RowStatus::Failed)
}

/// The version that a new write of `field` has to name, and the pending write it is made upon.
pub(crate) fn field_base(
    record: &RecordRow,
    rows: &[QueueRow],
    field: &str,
) -> deadzone_contract::wire::Base {
    let server = record.server.as_ref();
    let version = match server.and_then(|s| s.fields.get(field)) {
        Some(ServerField::Version { version, .. }) => *version,
        _ => 0,
    };
    let writes = made_upon(record, rows)
        .filter(|row| matches!(row.mutation.fields.get(field), Some(FieldOp::Write { .. })));
    let pending = writes.last();
    match pending.and_then(|row| Some((row.number(), row.mutation.fields.get(field)?))) {
        // What a pull brought underneath a pending write, its user has not seen.
        Some((number, FieldOp::Write { base, .. })) => {
            deadzone_contract::wire::Base { version: base.version, after: Some(number) }
        }
        _ => deadzone_contract::wire::Base { version, after: None },
    }
}

/// The version that a delete has to name, and the pending work it is made upon.
pub(crate) fn record_base(record: &RecordRow, rows: &[QueueRow]) -> deadzone_contract::wire::Base {
    let server = record.server.as_ref();
    let after = made_upon(record, rows).map(QueueRow::number).max();
    deadzone_contract::wire::Base { version: server.map_or(0, |s| s.version), after }
}

/// The record as it is shown.
pub(crate) fn view(dialect: Dialect, record: &RecordRow, over: Overlaid, state: RecordState) -> RecordView {
    let shown = |kept: &str| dialect.shown(&record.entity, kept).map(str::to_owned);
    let fields = over.fields.into_iter().filter_map(|(kept, value)| Some((shown(&kept)?, value)));
    let fields = fields.collect();
    let conflicts = over.conflicts.into_iter().filter_map(|open| {
        Some(ConflictView { field: shown(&open.field)?, mine: open.mine, theirs: open.theirs })
    });
    let conflicts = conflicts.collect();
    RecordView {
        record: record.record.clone(),
        entity: record.entity.clone(),
        workspace: record.workspace.clone(),
        parent: record.parent.clone(),
        fields,
        state,
        conflicts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deadzone_contract::RecordId;
    use deadzone_contract::wire::{Base, Mutation};

    const DEVICE: &str = "phone";

    fn stamp(ms: u64) -> Stamp {
        Stamp { ms, n: 0, device: DEVICE.to_owned() }
    }

    fn record(fields: &[(&str, ServerField)], included: Option<u64>) -> RecordRow {
        let id = RecordId("r".to_owned());
        let server = ServerRecord {
            record: id.clone(),
            entity: "task".to_owned(),
            workspace: "home".to_owned(),
            parent: None,
            version: 1,
            fields: fields.iter().map(|(name, field)| ((*name).to_owned(), field.clone())).collect(),
            conflicts: Vec::new(),
            included,
            deleted: false,
        };
        let mut row = RecordRow::new(id, "task".to_owned(), "home".to_owned(), None);
        row.server = Some(server);
        row.asked_by = Some(DEVICE.to_owned());
        row
    }

    fn row(number: u64, field: &str, op: FieldOp) -> QueueRow {
        let mutation = Mutation {
            number: Some(number),
            record: RecordId("r".to_owned()),
            kind: MutationKind::Update,
            stamp: stamp(number * 100),
            fields: BTreeMap::from([(field.to_owned(), op)]),
        };
        QueueRow::new(DEVICE, mutation, String::new(), 0)
    }

    fn shown(record: &RecordRow, rows: &[QueueRow], field: &str) -> Option<Value> {
        overlay(record, rows).fields.get(field).cloned()
    }

    #[test]
    fn an_increment_that_the_server_has_already_does_not_show_twice() {
        let rows = [row(1, "n", FieldOp::Add { by: 5 }), row(2, "n", FieldOp::Add { by: 2 })];
        let before = record(&[("n", ServerField::Counter { total: 10 })], None);
        assert_eq!(shown(&before, &rows, "n"), Some(Value::Int(17)));
        // The answer to the first one was lost, but a pull brought its effect.
        let after = record(&[("n", ServerField::Counter { total: 15 })], Some(1));
        assert_eq!(shown(&after, &rows, "n"), Some(Value::Int(17)));
    }

    #[test]
    fn a_pulled_write_shows_over_pending_work_only_if_its_stamp_is_higher() {
        let put = |words: &str| FieldOp::Put { value: Value::text(words) };
        let server = |ms| ServerField::Lww { value: Value::text("theirs"), stamp: stamp(ms) };
        let rows = [row(1, "title", put("mine"))];
        assert_eq!(shown(&record(&[("title", server(99))], None), &rows, "title"), Some(Value::text("mine")));
        assert_eq!(
            shown(&record(&[("title", server(101))], None), &rows, "title"),
            Some(Value::text("theirs"))
        );
    }

    #[test]
    fn what_the_server_has_for_ever_is_not_shown_otherwise() {
        let put = |words: &str| FieldOp::Put { value: Value::text(words) };
        let rows = [row(1, "created_at", put("mine"))];
        assert_eq!(shown(&record(&[], None), &rows, "created_at"), Some(Value::text("mine")));
        let fixed = ServerField::Fixed { value: Value::text("theirs") };
        assert_eq!(
            shown(&record(&[("created_at", fixed)], None), &rows, "created_at"),
            Some(Value::text("theirs"))
        );
    }

    #[test]
    fn a_tag_added_here_can_be_removed_before_the_server_knows_it() {
        let add = FieldOp::Tags { add: BTreeSet::from(["x".to_owned()]), remove: BTreeMap::new() };
        let held = BTreeSet::from([add_id(DEVICE, 1, "x")]);
        let remove = FieldOp::Tags { add: BTreeSet::new(), remove: BTreeMap::from([("x".to_owned(), held)]) };
        let rows = [row(1, "tags", add), row(2, "tags", remove)];
        let members = ServerField::Set { members: BTreeMap::new() };
        assert_eq!(shown(&record(&[("tags", members)], None), &rows[..1], "tags"), Some(set(&["x"])));
        let members = ServerField::Set { members: BTreeMap::new() };
        assert_eq!(shown(&record(&[("tags", members)], None), &rows, "tags"), Some(set(&[])));
    }

    fn set(members: &[&str]) -> Value {
        Value::Set(members.iter().map(|member| (*member).to_owned()).collect())
    }

    #[test]
    fn a_second_edit_is_made_upon_the_first_one_until_the_server_has_it() {
        let base = Base { version: 4, after: None };
        let write = FieldOp::Write { value: Value::text("open"), base, closes: None };
        let version = ServerField::Version { value: Value::text("done"), version: 4 };
        let rows = [row(7, "status", write)];
        let before = record(&[("status", version.clone())], None);
        assert_eq!(field_base(&before, &rows, "status"), Base { version: 4, after: Some(7) });
        let after = record(&[("status", version)], Some(7));
        assert_eq!(field_base(&after, &rows, "status"), Base { version: 4, after: None });
    }

    #[test]
    fn what_the_server_refused_is_not_shown_as_if_it_stood() {
        let mut refused = row(1, "n", FieldOp::Add { by: 5 });
        refused.status = RowStatus::Failed;
        let record = record(&[("n", ServerField::Counter { total: 10 })], None);
        assert_eq!(shown(&record, &[refused], "n"), Some(Value::Int(10)));
    }
}
