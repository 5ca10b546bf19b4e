//! A user's action: the record changes and the queue grows in one transaction. When it commits,
//! the action is saved, with or without a network.

use std::collections::BTreeMap;

use deadzone_contract::wire::{FieldOp, Mutation, MutationKind, ServerField, ServerRecord};
use deadzone_contract::{
    Action, Change, Choice, Code, FieldChange, RecordId, RecordState, Refusal, Rule, Saved, Value, rules,
};

use crate::app::App;
use crate::overlay::{self, Overlaid};
use crate::policy::{Counters, Discard, Saving};
use crate::show::THIS_DEVICE;
use crate::stamps;
use crate::store::{QueueRow, RecordRow, RowStatus, Tx};

type Result<T> = std::result::Result<T, Refusal>;

fn invalid<T>(detail: String) -> Result<T> {
    Err(Refusal::new(Code::Invalid, detail))
}

/// Does what the user asks for.
pub(crate) async fn act(app: &App, action: Action) -> Result<Saved> {
    match action {
        Action::SignIn { user, password } => {
            crate::session::sign_in(app, &user, &password).await?;
            Ok(Saved::of(None))
        }
        Action::Create { entity, workspace, parent, changes } => {
            create(app, entity, workspace, parent, changes).await
        }
        Action::Edit { record, changes } => edit(app, record, changes).await,
        Action::Delete { record, .. } => delete(app, record).await,
        Action::Discard { record } => discard(app, record).await,
        Action::Retry { record } => retry(app, record).await,
        Action::Resolve { record, field, choice } => resolve(app, record, &field, choice).await,
        Action::SignOut { .. } | Action::Undo { .. } | Action::Repair | Action::SetRole { .. } => {
            invalid("this app cannot do that".to_owned())
        }
    }
}

async fn create(
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
    if let Some(parent) = &parent {
        look_up(&tx, parent)?;
    }
    let id = RecordId(app.env.env.random.token("record id"));
    let record = RecordRow::new(id.clone(), entity.clone(), workspace.clone(), parent.clone());
    let fields = field_ops(app, &record, &[], &changes)?;
    let what = format!("create {entity} {}", words(&changes));
    tx.insert_local(record)?;
    tx = record_first(app, tx, &id, &fields).await?;
    enqueue(app, &mut tx, &id, MutationKind::Create { entity, workspace, parent }, fields, what)?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

async fn edit(app: &App, id: RecordId, changes: Vec<FieldChange>) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let (record, rows) = look_up(&tx, &id)?;
    let fields = field_ops(app, &record, &rows, &changes)?;
    let what = format!("set {}", words(&changes));
    tx = record_first(app, tx, &id, &fields).await?;
    enqueue(app, &mut tx, &id, MutationKind::Update, fields, what)?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

async fn delete(app: &App, id: RecordId) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let (record, rows) = look_up(&tx, &id)?;
    let base = overlay::record_base(&record, &rows);
    enqueue(app, &mut tx, &id, MutationKind::Delete { base }, BTreeMap::new(), "delete".to_owned())?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

async fn discard(app: &App, id: RecordId) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    if id.0 == THIS_DEVICE && tx.meta.loss.take().is_some() {
        app.commit(tx).await?;
        return Ok(Saved::of(None));
    }
    let (record, rows) = look_up(&tx, &id)?;
    let discardable = matches!(record.state, Some(RecordState::Retrying | RecordState::Failed));
    if !discardable || rows.is_empty() || rows.iter().any(|row| row.status == RowStatus::Sending) {
        return invalid("only work that is retrying or failed can be discarded".to_owned());
    }
    if app.policy.discard == Discard::FromScreen {
        app.flash(&id, RecordState::Discarded);
        return Ok(Saved::of(Some(id)));
    }
    discard_rows(&mut tx, &record, &rows)?;
    if record.server.is_some() {
        tx.set_state(&id, Some(RecordState::Discarded))?;
    }
    tx.discarded = Some(id.clone());
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

/// Takes the rows of a record out of the queue; a record that only they made goes too, and with
/// it whatever hangs under it.
fn discard_rows(tx: &mut Tx<'_>, record: &RecordRow, rows: &[QueueRow]) -> Result<()> {
    for row in rows {
        tx.dequeue(row)?;
    }
    if record.server.is_none() {
        for child in tx.children(&record.record)? {
            if let Some(child) = tx.record(&child)? {
                let rows = tx.queue_of(&child.record)?;
                discard_rows(tx, &child, &rows)?;
            }
        }
        tx.drop_record(&record.record)?;
    }
    Ok(())
}

async fn retry(app: &App, id: RecordId) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let (_, rows) = look_up(&tx, &id)?;
    let failed: Vec<_> = rows.into_iter().filter(|row| row.status == RowStatus::Failed).collect();
    if failed.is_empty() {
        return invalid("nothing of this record has failed".to_owned());
    }
    for row in failed {
        // The server answered the old number, so the retry is new work and takes a new one.
        let mut anew = row.clone();
        anew.take_number(&mut tx.meta);
        anew.seq = anew.number();
        anew.status = RowStatus::Waiting;
        anew.refusals = 0;
        tx.replace(&row, anew)?;
    }
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

async fn resolve(app: &App, id: RecordId, field: &str, choice: Choice) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let (record, rows) = look_up(&tx, &id)?;
    let over = overlay::overlay(&record, &rows);
    let Some(open) = over.conflicts.iter().find(|open| open.field == field) else {
        return invalid(format!("there is no open conflict on `{field}`"));
    };
    let closes = open.id.clone();
    let what = match &choice {
        Choice::KeepMine => format!("keep {field}={}", open.mine),
        Choice::UseTheirs => format!("leave {field} as it is"),
        Choice::Merge(value) => format!("set {field}={value}"),
    };
    let mut base = overlay::field_base(&record, &rows, field);
    base.version = open.version;
    let op = match choice {
        Choice::KeepMine => FieldOp::Write { value: open.mine.clone(), base, closes: Some(closes) },
        Choice::Merge(value) => FieldOp::Write { value, base, closes: Some(closes) },
        Choice::UseTheirs => FieldOp::Close { conflict: closes },
    };
    let fields = BTreeMap::from([(field.to_owned(), op)]);
    enqueue(app, &mut tx, &id, MutationKind::Update, fields, what)?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

/// A record that the user has in view, with its rows of the queue.
fn look_up(tx: &Tx<'_>, id: &RecordId) -> Result<(RecordRow, Vec<QueueRow>)> {
    let found = tx.record(id)?.map(|record| tx.queue_of(id).map(|rows| (record, rows))).transpose()?;
    match found {
        Some((record, rows)) if overlay::overlay(&record, &rows).visible => Ok((record, rows)),
        _ => Err(Refusal::new(Code::UnknownRecord, format!("record {id} is not on this device"))),
    }
}

fn words(changes: &[FieldChange]) -> String {
    let words = changes.iter().map(|FieldChange { field, change }| match change {
        Change::Put(value) => format!("{field}={value}"),
        Change::Add(by) => format!("{field}+={by}"),
        Change::Insert(member) => format!("{field}+={}", Value::text(member)),
        Change::Remove(member) => format!("{field}-={}", Value::text(member)),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn enqueue(
    app: &App,
    tx: &mut Tx<'_>,
    record: &RecordId,
    kind: MutationKind,
    fields: BTreeMap<String, FieldOp>,
    what: String,
) -> Result<()> {
    let wall_ms = app.wall_ms();
    let device = tx.meta.device_id.clone();
    let stamp = stamps::next(&mut tx.meta, app.policy.stamps, wall_ms, &device);
    let number = Some(tx.meta.take_number());
    tx.enqueue(Mutation { number, record: record.clone(), kind, stamp, fields }, what, wall_ms)?;
    Ok(())
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

/// What the changes come to on the wire.
fn field_ops(
    app: &App,
    record: &RecordRow,
    rows: &[QueueRow],
    changes: &[FieldChange],
) -> Result<BTreeMap<String, FieldOp>> {
    let over = overlay::overlay(record, rows);
    let mut ops = BTreeMap::new();
    for FieldChange { field, change } in changes {
        let Some(rule) = rules::rule(&record.entity, field) else {
            return invalid(format!("a {} has no field `{field}`", record.entity));
        };
        let op = match (rule, change) {
            (Rule::Lww, Change::Put(value)) => FieldOp::Put { value: value.clone() },
            (Rule::Version, Change::Put(value)) => FieldOp::Write {
                value: value.clone(),
                base: overlay::field_base(record, rows, field),
                closes: None,
            },
            (Rule::Counter, Change::Add(by)) => increment(app, &over, field, *by, ops.remove(field)),
            (Rule::Set, Change::Insert(member)) => tags(&over, field, member, true, ops.remove(field)),
            (Rule::Set, Change::Remove(member)) => tags(&over, field, member, false, ops.remove(field)),
            _ => return invalid(format!("`{field}` follows the rule `{rule}`, which has no such change")),
        };
        ops.insert(field.clone(), op);
    }
    Ok(ops)
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

fn tags(over: &Overlaid, field: &str, member: &str, insert: bool, earlier: Option<FieldOp>) -> FieldOp {
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
    FieldOp::Tags { add, remove }
}
