//! A cache that an app of another version has left.
//!
//! An older one is said anew in the present dialect, in the transaction that takes the database
//! up, and then everything is pulled anew: it cannot have what it knew no name for. A newer one is
//! read as far as this app understands it, until the resync has brought what it should be; work
//! that it cannot express stands in the tray and waits for the newer app. Pending work is kept
//! either way.

use std::collections::BTreeMap;

use deadzone_contract::wire::{FieldOp, MutationKind};
use deadzone_contract::{Code, Value};

use crate::app::App;
use crate::dialect::Dialect;
use crate::policy::{OldSchema, PendingOnMigration};
use crate::pull;
use crate::store::{Copy, Inverse, QueueRow, Result, RowStatus, Tx, UndoRow};

/// Makes the database one of this app.
pub(crate) fn adopt(app: &App, tx: &mut Tx<'_>) -> Result<()> {
    let present = app.dialect();
    let Some(schema) = tx.meta.spoken.replace(present.schema).filter(|found| *found != present.schema) else {
        return Ok(());
    };
    if app.policy.old_schema == OldSchema::ReadAsNew {
        return Ok(());
    }
    if app.policy.pending_on_migration == PendingOnMigration::Dropped {
        pull::drop_pending(tx)?;
    }
    let found = Dialect { schema, ..present };
    records(tx, found, present)?;
    undos(tx, found, present)?;
    for row in tx.queue()? {
        work(tx, &row, found, present)?;
    }
    tx.meta.pull_anew();
    Ok(())
}

fn records(tx: &mut Tx<'_>, found: Dialect, present: Dialect) -> Result<()> {
    for id in tx.record_ids()? {
        let Some(before) = tx.record(&id)? else { continue };
        let mut after = before.clone();
        if let Some(server) = &mut after.server {
            found.translate(server, present);
            tx.replace_record(before, after)?;
        }
    }
    Ok(())
}

fn undos(tx: &mut Tx<'_>, found: Dialect, present: Dialect) -> Result<()> {
    for UndoRow { record, seq, inverse, .. } in tx.undos()? {
        if let Inverse::Restore { deleted_ms, copy: Some(Copy { mut server, asked_by }) } = inverse {
            found.translate(&mut server, present);
            let inverse = Inverse::Restore { deleted_ms, copy: Some(Copy { server, asked_by }) };
            tx.put_undo(UndoRow::new(record, seq, inverse))?;
        }
    }
    Ok(())
}

/// Renames the fields of pending work.
fn work(tx: &mut Tx<'_>, row: &QueueRow, found: Dialect, present: Dialect) -> Result<()> {
    let entity = match &row.mutation.kind {
        MutationKind::Create { entity, .. } => Some(entity.clone()),
        _ => tx.record(&row.mutation.record)?.map(|record| record.entity),
    };
    let mut fits = BTreeMap::new();
    let mut rest = BTreeMap::new();
    for (kept, op) in row.mutation.fields.clone() {
        match found.renamed(entity.as_deref(), &kept, present) {
            Some(renamed) => fits.insert(renamed, op),
            None => rest.insert(kept, op),
        };
    }
    if rest.is_empty() {
        let mut renamed = row.clone();
        renamed.mutation.fields = fits;
        return tx.replace(row, renamed);
    }
    if row.status == RowStatus::Failed {
        return Ok(());
    }
    let names = rest.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let reason = format!("{}: this version of the app does not know {names}", Code::ClientTooOld);
    if row.attempts > 0 {
        // It may have taken effect, and under its number it can be nothing else.
        return tx.mark(row, RowStatus::Failed, Some(&reason));
    }
    let mut waits = row.clone();
    waits.mutation.kind = MutationKind::Update;
    waits.what =
        format!("set {}", rest.iter().map(|(name, op)| words(name, op)).collect::<Vec<_>>().join(" "));
    waits.mutation.fields = rest;
    waits.take_number(&mut tx.meta);
    waits.seq = waits.number();
    waits.status = RowStatus::Failed;
    waits.reason = Some(reason);
    tx.enqueue(waits)?;
    if fits.is_empty() && matches!(row.mutation.kind, MutationKind::Update) {
        return tx.dequeue(row);
    }
    let mut goes = row.clone();
    goes.mutation.fields = fits;
    tx.replace(row, goes)
}

/// What is done to a field, for people.
fn words(name: &str, op: &FieldOp) -> String {
    match op {
        FieldOp::Put { value } | FieldOp::Write { value, .. } => format!("{name}={value}"),
        FieldOp::Close { .. } => format!("{name} as it is"),
        FieldOp::Add { by } => format!("{name}+={by}"),
        FieldOp::Tags { add, remove } => {
            let added = add.iter().map(|member| format!("{name}+={}", Value::text(member)));
            let removed = remove.keys().map(|member| format!("{name}-={}", Value::text(member)));
            added.chain(removed).collect::<Vec<_>>().join(" ")
        }
    }
}
