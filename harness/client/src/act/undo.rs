//! Taking back: what was done last to a record on this device, done the other way round.

use std::collections::BTreeMap;

use deadzone_contract::rules::{self, Deletes};
use deadzone_contract::wire::MutationKind;
use deadzone_contract::{Change, Code, FieldChange, RecordId, Refusal, Rule, Saved, Value};

use super::work::{PROJECT, field_ops};
use super::{Result, Work, enqueue, invalid, look_up_to_change, words};
use crate::app::App;
use crate::dialect::Dialect;
use crate::overlay::{self, Overlaid};
use crate::rights;
use crate::store::{Copy, Inverse, RecordRow, Tx};

/// What takes back an edit of what is in view. What it does not change is left out, and so is
/// what has its value for ever.
///
/// # Errors
/// A field that this app does not know.
pub(super) fn inverse(
    dialect: Dialect,
    entity: &str,
    over: &Overlaid,
    changes: &[FieldChange],
) -> Result<Inverse> {
    let (mut back, mut blank) = (Vec::new(), Vec::new());
    let has = |kept: &str, member: &str| match over.fields.get(kept) {
        Some(Value::Set(members)) => members.contains(member),
        _ => false,
    };
    for FieldChange { field, change } in changes {
        let (kept, rule) = dialect.field(entity, field)?;
        let inverse = match change {
            Change::Put(_) if rule == Rule::Immutable => continue,
            Change::Put(_) => match over.fields.get(kept) {
                Some(before) => Change::Put(before.clone()),
                None => {
                    blank.push(field.clone());
                    continue;
                }
            },
            Change::Add(by) => Change::Add(by.saturating_neg()),
            Change::Insert(member) if has(kept, member) => continue,
            Change::Remove(member) if !has(kept, member) => continue,
            Change::Insert(member) => Change::Remove(member.clone()),
            Change::Remove(member) => Change::Insert(member.clone()),
        };
        back.push(FieldChange { field: field.clone(), change: inverse });
    }
    // The last one first.
    back.reverse();
    Ok(Inverse::Edit { changes: back, blank })
}

/// Takes back this device's last change of a record.
pub(super) async fn undo(app: &App, id: RecordId) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let Some(last) = tx.undo_of(&id)? else {
        return invalid("there is no change of this record on this device to take back".to_owned());
    };
    let undid = match last.inverse {
        Inverse::Delete => {
            delete(app, &mut tx, &id)?;
            Vec::new()
        }
        Inverse::Restore { copy, .. } => {
            restore(app, &mut tx, &id, copy)?;
            Vec::new()
        }
        Inverse::Edit { changes, blank } => {
            edit(app, &mut tx, &id, &changes, &blank)?;
            changes
        }
    };
    tx.drop_undo(&id)?;
    app.commit(tx).await?;
    Ok(Saved { record: Some(id), undid })
}

fn delete(app: &App, tx: &mut Tx<'_>, id: &RecordId) -> Result<()> {
    let (record, rows) = look_up_to_change(app, tx, id)?;
    if record.entity == PROJECT {
        return Err(Refusal::new(Code::StepUpRequired, "deleting a project needs your password: delete it"));
    }
    let base = tx.meta.after_discarded(id, overlay::record_base(&record, &rows));
    let kind = MutationKind::Delete { base };
    enqueue(app, tx, id, Work::new(kind, BTreeMap::new(), "undo: delete".to_owned()))?;
    Ok(())
}

/// An edit of nothing brings back what was deleted, for an edit wins.
fn restore(app: &App, tx: &mut Tx<'_>, id: &RecordId, copy: Option<Copy>) -> Result<()> {
    let (known, record) = match (tx.record(id)?, copy) {
        (Some(record), _) => (true, record),
        (None, Some(copy)) => (false, RecordRow::deleted(copy, tx.meta.epoch)),
        (None, None) => return invalid("nothing is left of this record here".to_owned()),
    };
    rights::may_write(app, tx, &record.workspace)?;
    if rules::entity(&record.entity).is_some_and(|declared| declared.deletes == Deletes::DeleteWins) {
        return invalid(format!("a {} that was deleted cannot come back", record.entity));
    }
    if !known {
        tx.insert_local(record)?;
    }
    let what = "undo: bring back".to_owned();
    enqueue(app, tx, id, Work::new(MutationKind::Update, BTreeMap::new(), what))?;
    Ok(())
}

fn edit(app: &App, tx: &mut Tx<'_>, id: &RecordId, changes: &[FieldChange], blank: &[String]) -> Result<()> {
    let (record, rows) = look_up_to_change(app, tx, id)?;
    let over = overlay::overlay(&record, &rows);
    if let Some(field) = blank.first() {
        return invalid(format!("`{field}` had no value before, and none cannot be put back"));
    }
    if changes.is_empty() {
        return invalid("the last change of this record has changed nothing that can be put back".to_owned());
    }
    for open in &over.conflicts {
        let field = app.dialect().shown(&record.entity, &open.field);
        if let Some(change) = changes.iter().find(|change| Some(change.field.as_str()) == field) {
            return invalid(format!("`{}` is in conflict; decide that first", change.field));
        }
    }
    let fields = field_ops(app, &record, &rows, &over, changes)?;
    let mut work = Work::new(MutationKind::Update, fields, format!("undo: set {}", words(changes)));
    // What stood there before may have been anybody's.
    work.borrowed = changes.iter().any(|c| matches!(c.change, Change::Put(_) | Change::Insert(_)));
    enqueue(app, tx, id, work)?;
    Ok(())
}
