//! Creating, editing and deleting records.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::{AddId, Base, FieldOp, MutationKind, ServerField, ServerRecord};
use deadzone_contract::{Change, Code, FieldChange, RecordId, Refusal, Rule, Saved, Value, rules};

use super::{Result, Work, enqueue, invalid, look_up, look_up_to_change, step_up, undo, words};
use crate::app::App;
use crate::dialect::Dialect;
use crate::overlay::{self, Overlaid};
use crate::policy::{Counters, Saving, SetsSent, StepUp};
use crate::store::{Inverse, QueueRow, RecordRow, Tx, UndoRow};
use crate::{rights, stamps};

/// Whatever is deleted with it, so its delete needs proof of who asks for it.
pub(super) const PROJECT: &str = "project";

pub(super) async fn create(
    app: &App,
    entity: String,
    workspace: String,
    parent: Option<RecordId>,
    changes: Vec<FieldChange>,
) -> Result<Saved> {
    let Some(declared) = rules::entity(&entity) else {
        return invalid(format!("there is no entity `{entity}`"));
    };
    if declared.parent.is_some() != parent.is_some() {
        return invalid(format!("a {entity} hangs under {}", declared.parent.unwrap_or("nothing")));
    }
    let mut tx = app.begin_action().await?;
    rights::may_write(app, &tx, &workspace)?;
    if !app.is_in_scope(&workspace, &entity) {
        return invalid(format!("this device does not keep a {entity} of `{workspace}`"));
    }
    if let Some(parent) = &parent {
        look_up(&tx, parent)?;
    }
    let id = RecordId(app.env.env.random.token("record id"));
    let record = RecordRow::new(id.clone(), entity.clone(), workspace.clone(), parent.clone());
    let fields = field_ops(app, &record, &[], &Overlaid::default(), &changes)?;
    let what = format!("create {entity} {}", words(&changes));
    tx.insert_local(record)?;
    tx = record_first(app, tx, &id, &fields).await?;
    let kind = MutationKind::Create { entity, workspace, parent };
    let seq = enqueue(app, &mut tx, &id, Work::new(kind, fields, what))?;
    tx.put_undo(UndoRow::new(id.clone(), seq, Inverse::Delete))?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

pub(super) async fn edit(app: &App, id: RecordId, changes: Vec<FieldChange>) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let (record, rows) = look_up_to_change(app, &tx, &id)?;
    let over = overlay::overlay(&record, &rows);
    let fields = field_ops(app, &record, &rows, &over, &changes)?;
    let inverse = undo::inverse(app.dialect(), &record.entity, &over, &changes)?;
    let what = format!("set {}", words(&changes));
    tx = record_first(app, tx, &id, &fields).await?;
    let seq = enqueue(app, &mut tx, &id, Work::new(MutationKind::Update, fields, what))?;
    tx.put_undo(UndoRow::new(id.clone(), seq, inverse))?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

pub(super) async fn delete(app: &App, id: RecordId, password: Option<String>) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let (record, rows) = look_up_to_change(app, &tx, &id)?;
    let is_queued = app.policy.step_up == StepUp::Queued && app.shared().is_offline();
    if record.entity == PROJECT && !is_queued {
        drop(tx);
        return step_up::delete_project(app, id, password).await;
    }
    let base = tx.meta.after_discarded(&id, overlay::record_base(&record, &rows));
    let work = Work::new(MutationKind::Delete { base }, BTreeMap::new(), "delete".to_owned());
    let seq = enqueue(app, &mut tx, &id, work)?;
    let deleted_ms = stamps::server_ms(&tx.meta, app.wall_ms());
    tx.put_undo(UndoRow::new(id.clone(), seq, Inverse::Restore { deleted_ms, copy: None }))?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

/// The mistake of a client that keeps its own work in the cache as well: the record changes in a
/// transaction of its own, before the queue hears of it.
async fn record_first<'a>(
    app: &'a App,
    mut tx: Tx<'a>,
    id: &RecordId,
    fields: &BTreeMap<String, FieldOp>,
) -> Result<Tx<'a>> {
    if app.policy.saving == Saving::OneTransaction {
        return Ok(tx);
    }
    if let Some(record) = tx.record(id)? {
        let mut server = record.server.clone().unwrap_or_else(|| ServerRecord {
            record: record.record.clone(),
            entity: record.entity.clone(),
            workspace: record.workspace.clone(),
            parent: record.parent.clone(),
            version: 0,
            fields: BTreeMap::new(),
            conflicts: Vec::new(),
            included: None,
            deleted: false,
        });
        for (name, op) in fields {
            if let FieldOp::Put { value } | FieldOp::Write { value, .. } = op {
                let (value, version) = (value.clone(), 0);
                server.fields.insert(name.clone(), ServerField::Version { value, version });
            }
        }
        tx.put_server(Some(record), server, "")?;
    }
    app.commit(tx).await?;
    Ok(app.begin_action().await?)
}

/// What the changes of a record that shows `over` come to on the wire.
pub(super) fn field_ops(
    app: &App,
    record: &RecordRow,
    rows: &[QueueRow],
    over: &Overlaid,
    changes: &[FieldChange],
) -> Result<BTreeMap<String, FieldOp>> {
    let mut ops = BTreeMap::new();
    for FieldChange { field, change } in changes {
        let (kept, rule) = app.dialect().field(&record.entity, field)?;
        let op = match (rule, change) {
            (Rule::Immutable, Change::Put(_)) if over.fields.contains_key(kept) || ops.contains_key(kept) => {
                return Err(Refusal::new(
                    Code::Immutable,
                    format!("`{field}` keeps its first value for ever"),
                ));
            }
            (Rule::Lww | Rule::Immutable, Change::Put(value)) => FieldOp::Put { value: value.clone() },
            (Rule::Version | Rule::Manual | Rule::Custom, Change::Put(value)) => FieldOp::Write {
                value: value.clone(),
                base: overlay::field_base(record, rows, kept),
                closes: None,
            },
            (Rule::Counter, Change::Add(by)) => increment(app, over, kept, *by, ops.remove(kept)),
            (Rule::Set, Change::Insert(member)) => tags(app, over, kept, member, true, ops.remove(kept)),
            (Rule::Set, Change::Remove(member)) => tags(app, over, kept, member, false, ops.remove(kept)),
            _ => return invalid(format!("`{field}` follows the rule `{rule}`, which has no such change")),
        };
        ops.insert(kept.to_owned(), op);
    }
    Ok(ops)
}

/// What makes a new record the same as one that is shown.
pub(super) fn copied(dialect: Dialect, entity: &str, over: &Overlaid) -> BTreeMap<String, FieldOp> {
    let mut ops = BTreeMap::new();
    for (field, value) in &over.fields {
        let value = value.clone();
        let op = match (dialect.rule(entity, field), value) {
            (Some(Rule::Lww | Rule::Immutable), value) => FieldOp::Put { value },
            (Some(Rule::Version | Rule::Manual | Rule::Custom), value) => {
                FieldOp::Write { value, base: Base { version: 0, after: None }, closes: None }
            }
            (Some(Rule::Counter), Value::Int(by)) => FieldOp::Add { by },
            (Some(Rule::Set), Value::Set(add)) => FieldOp::Tags { add, remove: BTreeMap::new() },
            _ => continue,
        };
        ops.insert(field.clone(), op);
    }
    ops
}

fn increment(app: &App, over: &Overlaid, field: &str, by: i64, earlier: Option<FieldOp>) -> FieldOp {
    let by = match earlier {
        Some(FieldOp::Add { by: earlier }) => by.saturating_add(earlier),
        _ => by,
    };
    match (app.policy.counters, over.fields.get(field)) {
        (Counters::Increment, _) => FieldOp::Add { by },
        (Counters::Total, Some(Value::Int(seen))) => FieldOp::Put { value: Value::Int(seen + by) },
        (Counters::Total, _) => FieldOp::Put { value: Value::Int(by) },
    }
}

fn tags(
    app: &App,
    over: &Overlaid,
    field: &str,
    member: &str,
    insert: bool,
    earlier: Option<FieldOp>,
) -> FieldOp {
    let (mut add, mut remove) = match earlier {
        Some(FieldOp::Tags { add, remove }) => (add, remove),
        _ => Default::default(),
    };
    if insert {
        add.insert(member.to_owned());
    } else {
        add.remove(member);
        let held = over.members.get(field).and_then(|members| members.get(member));
        remove.insert(member.to_owned(), held.cloned().unwrap_or_default());
    }
    if app.policy.sets == SetsSent::Whole {
        return whole_set(over, field, add, remove);
    }
    FieldOp::Tags { add, remove }
}

/// The mistake of a client for which a set is a value: whatever is there goes, and what its user
/// sees comes in its place.
fn whole_set(
    over: &Overlaid,
    field: &str,
    add: BTreeSet<String>,
    remove: BTreeMap<String, BTreeSet<AddId>>,
) -> FieldOp {
    let seen = over.members.get(field).cloned().unwrap_or_default();
    let kept = seen.keys().filter(|member| !remove.contains_key(*member)).cloned();
    FieldOp::Tags {
        add: add.into_iter().chain(kept).collect(),
        remove: seen.into_iter().chain(remove).collect(),
    }
}
