//! `GET /sync`: hands out what changed, in commit order.

use deadzone_contract::Code;
use deadzone_contract::wire::{PulledChange, SCHEMA_VERSION, SyncPage};

use crate::App;
use crate::auth::Caller;
use crate::changes::{self, Change, Filter, Scope};
use crate::cursor::History;
use crate::failure::Failure;
use crate::policy::{Delta, PageBoundary};
use crate::sight::Eyes;

/// Reads one page for a caller. Each record stands once in the history, at its latest change,
/// and arrives in its present state: a device that goes on from page to page while others write
/// gets everything at least once, and the newest last.
pub(crate) async fn pull(
    app: &App,
    caller: &Caller,
    since: u64,
    scope: &Scope,
    limit: Option<u64>,
) -> Result<SyncPage, Failure> {
    app.limits.pull(&app.parameters, app.now_ms(), &caller.user)?;
    let limit = limit.unwrap_or(u64::MAX).clamp(1, app.parameters.pull_max) as usize;
    app.env.disk.latency().await;
    let db = app.read().await?;
    let eyes = app.eyes(&db, caller);
    let history = History::read(&db)?;
    let behind = resume(&history, since)?;
    let filter = match app.policy.delta {
        Delta::OfTheCallersWorkspaces => Filter::Rights,
        Delta::OfAllWorkspaces => Filter::AnyWorkspace,
    };
    // One more than the page holds tells whether there is more.
    let mut found = changes::behind(&eyes, scope, filter, behind, limit.saturating_add(1))?;
    let probed = if found.len() > limit { found.pop() } else { None };
    let next = match (&probed, found.last(), app.policy.page_boundary) {
        // What lies between the last change and the head is not this caller's.
        (None, _, _) | (_, None, _) => history.head,
        (Some(_), Some(last), PageBoundary::Exact) => last.commit_seq(),
        (Some(probed), _, PageBoundary::SkipsProbedRow) => probed.commit_seq(),
    };
    Ok(SyncPage {
        changes: told(found, &eyes)?,
        next: history.cursor(next),
        more: probed.is_some(),
        server_time_ms: app.now_ms(),
        schema_version: SCHEMA_VERSION,
    })
}

/// The commit behind which a device goes on that stands at `since`.
///
/// # Errors
/// It has missed what is not known any more.
pub(crate) fn resume(history: &History, since: u64) -> Result<u64, Failure> {
    history.resume(since).ok_or_else(|| {
        let detail = "the cursor is older than the tombstones that are kept; pull everything anew";
        Failure::new(410, Code::CursorExpired, detail)
    })
}

/// What a caller is told of changes, in the shape that the caller's app understands.
pub(crate) fn told(found: Vec<Change>, eyes: &Eyes<'_>) -> rusqlite::Result<Vec<PulledChange>> {
    found.into_iter().map(|change| Ok(eyes.caller.shape.outward(change.into_pulled(eyes)?))).collect()
}
