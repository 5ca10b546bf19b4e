//! What a user decides about work that failed, waits or conflicts.

use std::collections::BTreeMap;

use deadzone_contract::wire::{FieldOp, MutationKind};
use deadzone_contract::{Change, Choice, FieldChange, RecordId, RecordState, Rule, Saved, Value};

use super::{Result, Work, enqueue, enqueue_at, invalid, look_up, look_up_to_change, undo, work};
use crate::answer;
use crate::app::App;
use crate::overlay;
use crate::policy::Discard;
use crate::show::THIS_DEVICE;
use crate::store::{Inverse, QueueRow, RecordRow, RowStatus, Tx, UndoRow};

pub(super) async fn discard(app: &App, id: RecordId) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    if id.0 == THIS_DEVICE && tx.meta.loss.take().is_some() {
        app.commit(tx).await?;
        return Ok(Saved::of(None));
    }
    if tx.record(&id)?.is_none() && tx.queue_of(&id)?.iter().any(|row| row.status == RowStatus::Failed) {
        return discard_words(app, tx, id).await;
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
    } else {
        // It may have been refused because its place is not shared any more.
        tx.meta.shred = true;
    }
    tx.discarded = Some(id.clone());
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

/// All that is left of a record are its user's own words in the tray.
async fn discard_words(app: &App, mut tx: Tx<'_>, id: RecordId) -> Result<Saved> {
    for row in tx.queue_of(&id)? {
        tx.dequeue(&row)?;
    }
    // They are of a record that is not its user's to keep, and SQLite leaves what it deletes in
    // free pages.
    tx.meta.shred = true;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

/// Takes the rows of a record out of the queue; a record that only they made goes too, and with
/// it whatever hangs under it.
fn discard_rows(tx: &mut Tx<'_>, record: &RecordRow, rows: &[QueueRow]) -> Result<()> {
    for row in rows {
        tx.meta.note_discarded(row);
        tx.dequeue(row)?;
    }
    tx.drop_undo(&record.record)?;
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

/// Failed work is sent once more: under a new number, because the server has answered the old
/// one, unless nobody knows whether that took effect.
pub(super) async fn retry(app: &App, id: RecordId) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let (record, rows) = look_up(&tx, &id)?;
    let failed: Vec<_> = rows.iter().filter(|row| row.status == RowStatus::Failed).collect();
    if failed.is_empty() {
        return invalid("nothing of this record has failed".to_owned());
    }
    if rows.iter().any(|row| record.is_gone_with(row)) {
        return create_anew(app, tx, &record, &rows).await;
    }
    let mut renamed = BTreeMap::new();
    for row in failed {
        let mut anew = row.clone();
        if !row.is_indefinite() {
            anew.take_number(&mut tx.meta);
            anew.seq = anew.number();
            anew.created_ms = app.wall_ms();
            renamed.insert(row.number(), anew.number());
        }
        // What was made upon work that has another number now still is.
        answer::rename_bases(&mut anew, &renamed);
        anew.status = RowStatus::Waiting;
        anew.refusals = 0;
        tx.replace(row, anew)?;
    }
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

/// The record is gone from the server for good. What this device still shows of it, with its
/// user's work on top, becomes a new record, and everything about the old one goes. Records that
/// were refused for the absence of the old one hang under the new one from now on.
async fn create_anew(app: &App, mut tx: Tx<'_>, old: &RecordRow, rows: &[QueueRow]) -> Result<Saved> {
    if rows.iter().any(|row| row.status == RowStatus::Sending) {
        return invalid("work on this record is on its way; try again when it has been answered".to_owned());
    }
    let over = overlay::overlay(old, rows);
    let dialect = app.dialect();
    let fields = work::copied(dialect, &old.entity, &over);
    let values = fields
        .keys()
        .filter_map(|kept| Some(format!("{}={}", dialect.shown(&old.entity, kept)?, over.fields.get(kept)?)));
    let what = format!("create {} {}", old.entity, values.collect::<Vec<_>>().join(" "));
    let RecordRow { entity, workspace, parent, .. } = old.clone();
    let id = RecordId(app.env.env.random.token("record id"));
    for row in rows {
        tx.dequeue(row)?;
    }
    move_children(&mut tx, &old.record, &id)?;
    tx.drop_undo(&old.record)?;
    tx.drop_record(&old.record)?;
    tx.insert_local(RecordRow::new(id.clone(), entity.clone(), workspace.clone(), parent.clone()))?;
    let kind = MutationKind::Create { entity, workspace, parent };
    // Where the old one stood: before whatever waits and hangs under it now.
    let place = rows.iter().map(|row| row.seq).min();
    let seq = enqueue_at(app, &mut tx, &id, Work::new(kind, fields, what), place)?;
    tx.put_undo(UndoRow::new(id.clone(), seq, Inverse::Delete))?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

/// Puts records that only this device has, because the server refused them or has not been asked yet,
/// under another parent.
fn move_children(tx: &mut Tx<'_>, from: &RecordId, to: &RecordId) -> Result<()> {
    for child in tx.children(from)? {
        let Some(record) = tx.record(&child)?.filter(|record| record.server.is_none()) else { continue };
        let rows = tx.queue_of(&child)?;
        // Nothing of it is on the server: it may become another mutation.
        let is_only_here = |row: &&QueueRow| row.is_create() && !row.is_indefinite();
        let Some(create) = rows.iter().find(is_only_here) else { continue };
        let mut anew = create.clone();
        if let MutationKind::Create { parent, .. } = &mut anew.mutation.kind {
            *parent = Some(to.clone());
        }
        tx.replace(create, anew)?;
        let mut moved = record.clone();
        moved.parent = Some(to.clone());
        tx.replace_record(record, moved)?;
    }
    Ok(())
}

pub(super) async fn resolve(app: &App, id: RecordId, field: &str, choice: Choice) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    let (record, rows) = look_up_to_change(app, &tx, &id)?;
    let over = overlay::overlay(&record, &rows);
    let (kept, rule) = app.dialect().field(&record.entity, field)?;
    let Some(open) = over.conflicts.iter().find(|open| open.field == kept) else {
        return invalid(format!("there is no open conflict on `{field}`"));
    };
    let closes = open.id.clone();
    let what = match &choice {
        Choice::KeepMine => format!("keep {field}={}", open.mine),
        Choice::UseTheirs => format!("leave {field} as it is"),
        Choice::Merge(value) => format!("set {field}={value}"),
    };
    let mut base = overlay::field_base(&record, &rows, kept);
    base.version = open.version;
    // What was written elsewhere, perhaps by somebody else.
    let borrowed = rule == Rule::Manual && choice == Choice::KeepMine;
    let op = match choice {
        Choice::KeepMine => FieldOp::Write { value: open.mine.clone(), base, closes: Some(closes) },
        Choice::Merge(value) => FieldOp::Write { value, base, closes: Some(closes) },
        Choice::UseTheirs => FieldOp::Close { conflict: closes },
    };
    let back = match &op {
        FieldOp::Write { value, .. } => vec![put(field, value)],
        _ => Vec::new(),
    };
    let inverse = undo::inverse(app.dialect(), &record.entity, &over, &back)?;
    let fields = BTreeMap::from([(kept.to_owned(), op)]);
    let mut work = Work::new(MutationKind::Update, fields, what);
    work.borrowed = borrowed;
    let seq = enqueue(app, &mut tx, &id, work)?;
    tx.put_undo(UndoRow::new(id.clone(), seq, inverse))?;
    app.commit(tx).await?;
    Ok(Saved::of(Some(id)))
}

fn put(field: &str, value: &Value) -> FieldChange {
    FieldChange { field: field.to_owned(), change: Change::Put(value.clone()) }
}
