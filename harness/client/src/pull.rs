//! The second half of a round: what others did comes here.

use deadzone_contract::Code;
use deadzone_contract::wire::{CURSOR_START, PATH_SYNC, PulledChange, ServerRecord, SyncPage};
use http::Method;

use crate::app::App;
use crate::call::CallError;
use crate::policy::RemoteConflicts;
use crate::store::{Result, Tx};
use crate::{session, stamps};

/// Pulls until there is nothing new.
pub(crate) async fn pull_all(app: &App) -> std::result::Result<(), CallError> {
    loop {
        let cursor = app.begin().await?.meta_number("cursor")?;
        let path = format!("{PATH_SYNC}?since={cursor}&limit={}", app.start.parameters.pull_max);
        match session::authorized::<SyncPage>(app, Method::GET, &path, Vec::new()).await {
            Ok(page) => {
                if !apply(app, &page).await? {
                    return Ok(());
                }
            }
            Err(CallError::Problem(problem, _)) if problem.code == Code::CursorExpired => {
                start_over(app).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Keeps one page and its cursor, in one transaction. True while there is more.
async fn apply(app: &App, page: &SyncPage) -> Result<bool> {
    let mut tx = app.begin().await?;
    for change in &page.changes {
        match change {
            PulledChange::Record(server) => keep(app, &mut tx, server)?,
            PulledChange::Tombstone { record, .. } => tx.mark_deleted(record)?,
        }
    }
    tx.set_meta_number("cursor", page.next as i64)?;
    if !page.more {
        let epoch = tx.meta_number("epoch")?;
        for missed in tx.missed_by(epoch)? {
            tx.mark_deleted(&missed)?;
        }
        let now = app.wall_ms();
        tx.set_meta_number("last_sync_ms", now as i64)?;
        app.shared().last_sync_ms = Some(now);
    }
    app.commit(tx).await?;
    Ok(page.more)
}

/// Keeps what the server says of a record, unless something newer is known already: answers may
/// overtake each other.
pub(crate) fn keep(app: &App, tx: &mut Tx<'_>, server: &ServerRecord) -> Result<()> {
    let known = tx.record(&server.record)?.and_then(|row| row.server);
    if known.as_ref().is_some_and(|known| known.version > server.version) {
        return Ok(());
    }
    stamps::observe(tx, server)?;
    let mut server = server.clone();
    if app.policy.remote_conflicts == RemoteConflicts::Drop {
        let own = known.map(|known| known.conflicts).unwrap_or_default();
        server.conflicts.retain(|open| own.contains(open));
    }
    let epoch = tx.meta_number("epoch")?;
    tx.put_server(&server, epoch)
}

/// The tombstones after the cursor are gone, so everything is pulled anew. What is not brought
/// by the end of it does not exist any more; pending work stays.
async fn start_over(app: &App) -> Result<()> {
    let tx = app.begin().await?;
    tx.set_meta_number("epoch", tx.meta_number("epoch")? + 1)?;
    tx.set_meta_number("cursor", CURSOR_START as i64)?;
    app.commit(tx).await
}
