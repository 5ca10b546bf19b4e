//! `GET /sync`: hands out what changed, in commit order.

use deadzone_contract::Code;
use deadzone_contract::wire::{SCHEMA_VERSION, SyncPage};
use rusqlite::{Connection, params};

use crate::App;
use crate::auth::Caller;
use crate::cursor::History;
use crate::failure::Failure;
use crate::policy::PageBoundary;
use crate::records::{Record, record_columns};

/// Reads one page for a caller. Each record stands once in the history, at its latest change,
/// and arrives in its present state: a device that goes on from page to page while others write
/// gets everything at least once, and the newest last.
pub(crate) async fn pull(
    app: &App,
    caller: &Caller,
    since: u64,
    limit: Option<u64>,
) -> Result<SyncPage, Failure> {
    let limit = limit.unwrap_or(u64::MAX).clamp(1, app.parameters.pull_max) as usize;
    app.env.disk.latency().await;
    let db = app.read().await?;
    let history = History::read(&db)?;
    let Some(after) = history.resume(since) else {
        let detail = "the cursor is older than the tombstones that are kept; pull everything anew";
        return Err(Failure::new(410, Code::CursorExpired, detail));
    };
    // One more than the page holds tells whether there is more.
    let mut found = changed(&db, caller, after, limit.saturating_add(1))?;
    let probed = if found.len() > limit { found.pop() } else { None };
    let next = match (&probed, found.last(), app.policy.page_boundary) {
        // What lies between the last change and the head is not this caller's.
        (None, _, _) | (_, None, _) => history.head,
        (Some(_), Some(last), PageBoundary::Exact) => last.commit_seq,
        (Some(probed), _, PageBoundary::SkipsProbedRow) => probed.commit_seq,
    };
    let changes = found.into_iter().map(|record| record.into_change(&db, caller));
    Ok(SyncPage {
        changes: changes.collect::<rusqlite::Result<_>>()?,
        next: history.cursor(next),
        more: probed.is_some(),
        server_time_ms: app.now_ms(),
        schema_version: SCHEMA_VERSION,
    })
}

/// The records that changed after a commit and that the caller may see now.
fn changed(db: &Connection, caller: &Caller, after: u64, limit: usize) -> rusqlite::Result<Vec<Record>> {
    // The cross join keeps SQLite from starting at the grants: it walks the history in order and
    // stops at the limit.
    db.prepare_cached(concat!(
        "SELECT ",
        record_columns!(),
        " FROM records r
          CROSS JOIN grants g ON g.user = ?1 AND g.workspace = r.workspace
          LEFT JOIN touches t ON t.record = r.key AND t.device = ?2
          WHERE r.commit_seq > ?3 AND r.purged = 0
          ORDER BY r.commit_seq LIMIT ?4"
    ))?
    .query_map(params![caller.user, caller.device, after, limit], Record::read)?
    .collect()
}
