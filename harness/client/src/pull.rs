//! The second half of a round: what others did comes here.

use deadzone_contract::wire::{FieldOp, PATH_SYNC, PulledChange, ServerField, ServerRecord, SyncPage};
use deadzone_contract::{Code, RecordId};

use crate::app::App;
use crate::call::{Ask, CallError};
use crate::policy::{
    Conflicts, CursorSaved, Numbers, PendingEdits, PendingOnResync, RemoteConflicts, Revocation,
};
use crate::rights::{self, NOT_SHARED};
use crate::shared::Stay;
use crate::store::{Meta, QueueRow, Result, RowStatus, Tx};
use crate::{overlay, scope, session, stamps};

/// Pulls until there is nothing new.
pub(crate) async fn pull_all(app: &App, stay: Stay) -> std::result::Result<(), CallError> {
    loop {
        let asked = app.read().await?.meta.clone();
        let path = format!(
            "{PATH_SYNC}?since={}&limit={}{}",
            asked.cursor,
            app.start.parameters.pull_max,
            scope::query(app)
        );
        match session::authorized::<SyncPage>(app, stay, &asked.device_id, &Ask::get(path)).await {
            Ok(page) => {
                if !apply(app, stay, &asked, &page).await? {
                    return Ok(());
                }
            }
            Err(CallError::Problem(problem, _)) if problem.code == Code::CursorExpired => {
                start_over(app, stay).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Keeps one page and its cursor, in one transaction. True while there is more.
async fn apply(app: &App, stay: Stay, asked: &Meta, page: &SyncPage) -> Result<bool> {
    let mut tx = app.begin_in(stay).await?;
    if !continues(asked, &tx) {
        return Ok(true);
    }
    if app.policy.cursor == CursorSaved::BeforePage {
        tx.meta.cursor = page.next;
        app.commit(tx).await?;
        tx = app.begin().await?;
    }
    if !take(app, &mut tx, &asked.device_id, &page.changes)? {
        app.commit(tx).await?;
        return Ok(true);
    }
    tx.meta.cursor = page.next;
    if !page.more {
        for missed in tx.missed_by(tx.meta.epoch)? {
            miss(app, &mut tx, &missed)?;
        }
        tx.prune_undo()?;
        let horizon_ms = app.start.parameters.tombstone_horizon;
        let copies = rights::forget_expired(&mut tx, page.server_time_ms.saturating_sub(horizon_ms))?;
        // Nothing that is in view there would be taken out of it.
        if tx.keeps_copies_alone(copies)? {
            app.doubt_rights();
        }
        tx.meta.last_sync_ms = Some(app.wall_ms());
    }
    app.commit(tx).await?;
    Ok(page.more)
}

/// Keeps what was told the device `asked_by`. False if it has another name by now, under which
/// everything has to be pulled anew.
pub(crate) fn take(app: &App, tx: &mut Tx<'_>, asked_by: &str, changes: &[PulledChange]) -> Result<bool> {
    for change in changes {
        match change {
            PulledChange::Record(server) => {
                keep(app, tx, server, asked_by, None)?;
                if app.policy.pending_edits == PendingEdits::Overwritten {
                    overwrite(tx, server)?;
                }
            }
            PulledChange::Removed { .. } if app.policy.revocation == Revocation::LeavesData => {}
            PulledChange::Removed { record } => {
                rights::forget(tx, app.dialect(), record, NOT_SHARED)?;
                app.doubt_rights();
            }
            PulledChange::Tombstone { record, version, .. } => tx.bury(record, *version)?,
        }
    }
    Ok(tx.meta.device_id == asked_by)
}

/// A full resync has not brought a record: it was deleted long ago, or its user may not see it
/// any more. Where work on it waits, the answer to that will tell.
fn miss(app: &App, tx: &mut Tx<'_>, record: &RecordId) -> Result<()> {
    // What is taken out may not be this user's to keep.
    tx.meta.shred = true;
    let place = tx.record(record)?.map(|row| (row.workspace, row.entity));
    let (workspace, entity) = place.unwrap_or_default();
    if !app.is_in_scope(&workspace, &entity) {
        return Ok(()); // it was not asked for, and goes when no work on it waits
    }
    let is_member = tx.meta.roles.as_ref().is_none_or(|roles| roles.contains_key(&workspace));
    if is_member { tx.mark_deleted(record) } else { rights::forget(tx, app.dialect(), record, NOT_SHARED) }
}

/// Whether the database is still where the request for a page left from: it may have been
/// replaced while the answer was on its way.
fn continues(asked: &Meta, tx: &Tx<'_>) -> bool {
    (&asked.device_id, asked.cursor, asked.epoch) == (&tx.meta.device_id, tx.meta.cursor, tx.meta.epoch)
}

/// Keeps what the server told the device `asked_by` of a record, with the answer to `answered` or
/// without any, unless something newer is known already: answers may overtake each other.
pub(crate) fn keep(
    app: &App,
    tx: &mut Tx<'_>,
    server: &ServerRecord,
    asked_by: &str,
    answered: Option<&QueueRow>,
) -> Result<()> {
    let known = tx.record(&server.record)?;
    let known_server = known.as_ref().and_then(|row| row.server.as_ref());
    if let Some(newer) = known_server.filter(|known| known.version > server.version) {
        // A tombstone tells no content: what it has overtaken may be newer than what is known.
        let is_buried = known.as_ref().is_some_and(|row| {
            row.deleted && row.asked_by.as_deref() == Some(asked_by) && newer.included < server.included
        });
        if is_buried {
            let server = ServerRecord { version: newer.version, deleted: true, ..server.clone() };
            return tx.put_server(known, server, asked_by);
        }
        return Ok(());
    }
    // Who sees conflicts where there are none does not let go of them either.
    if app.policy.conflicts == Conflicts::Needless
        && known_server.is_some_and(|known| known.version == server.version)
    {
        return Ok(());
    }
    stamps::observe(&mut tx.meta, server);
    if tx.meta.roles.as_ref().is_some_and(|roles| !roles.contains_key(&server.workspace)) {
        // A workspace that its user has just been let into.
        app.doubt_rights();
    }
    let mut server = server.clone();
    if app.policy.remote_conflicts == RemoteConflicts::Drop {
        let own = known_server.map(|known| known.conflicts.clone()).unwrap_or_default();
        server.conflicts.retain(|open| own.contains(open));
    }
    let foreign = server.included.is_some_and(|number| tx.meta.never_gave(number));
    if foreign && app.policy.numbers == Numbers::NeverReused {
        // A number that this database never gave: it was restored, or somebody has a copy of it.
        // What that number says of the work here is not known.
        server.included = None;
        if asked_by == tx.meta.device_id {
            tx.meta.take_new_identity(&*app.env.env.random);
        }
        // Nor whether this state has that work in it already. Other work looks the same laid over
        // what has it in it, but an increment would count twice: until the answers to all of them
        // have come, the total stays what it was. The last of them, or a pull, brings it.
        if let Some(known) = &known {
            overlay::keep_totals(known, &tx.queue_of(&server.record)?, answered, &mut server);
        }
    } else if let Some(known) = known.as_ref().filter(|_| tx.queued() > 0 && has_totals(&server)) {
        // What an earlier name of this device has sent may be in there or not.
        let mut rows = tx.queue_of(&server.record)?;
        rows.retain(|row| row.device != asked_by);
        overlay::keep_totals(known, &rows, answered, &mut server);
    }
    tx.put_server(known, server, asked_by)
}

fn has_totals(server: &ServerRecord) -> bool {
    server.fields.values().any(|field| matches!(field, ServerField::Counter { .. }))
}

/// The mistake of a cache that knows one value of each field: what the server has takes the
/// place of what was still to be sent.
fn overwrite(tx: &mut Tx<'_>, server: &ServerRecord) -> Result<()> {
    for row in tx.queue_of(&server.record)? {
        let mut anew = row.clone();
        for (name, op) in &mut anew.mutation.fields {
            match (op, server.fields.get(name)) {
                (FieldOp::Put { value }, Some(ServerField::Lww { value: theirs, .. }))
                | (FieldOp::Write { value, .. }, Some(ServerField::Version { value: theirs, .. })) => {
                    value.clone_from(theirs);
                }
                (FieldOp::Add { by }, Some(ServerField::Counter { .. })) => *by = 0,
                _ => {}
            }
        }
        if row.status == RowStatus::Waiting {
            tx.replace(&row, anew)?;
        }
    }
    Ok(())
}

/// The tombstones after the cursor are gone, so everything is pulled anew.
async fn start_over(app: &App, stay: Stay) -> Result<()> {
    let mut tx = app.begin_in(stay).await?;
    pull_anew(app, &mut tx)?;
    app.commit(tx).await
}

/// From now on everything is pulled anew; pending work stays.
pub(crate) fn pull_anew(app: &App, tx: &mut Tx<'_>) -> Result<()> {
    if app.policy.pending_on_resync == PendingOnResync::Dropped {
        drop_pending(tx)?;
    }
    rights::forget_hidden(tx)?;
    tx.meta.pull_anew();
    Ok(())
}

/// The mistake of a client for which the queue is a part of the cache.
pub(crate) fn drop_pending(tx: &mut Tx<'_>) -> Result<()> {
    for row in tx.queue()? {
        tx.dequeue(&row)?;
    }
    Ok(())
}
