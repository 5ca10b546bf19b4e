//! What its user may see and do, as far as this device knows.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::rules::{self, PRIVATE};
use deadzone_contract::wire::{Role, ServerRecord, TokenAnswer};
use deadzone_contract::{Code, RecordId, Refusal, Value};

use crate::app::App;
use crate::call::CallError;
use crate::dialect::Dialect;
use crate::overlay;
use crate::policy::Tokens;
use crate::session;
use crate::shared::Stay;
use crate::store::{QueueRow, Result, RowStatus, Tx};

/// Why work on a record that its user may not see any more stands in the tray.
pub(crate) const NOT_SHARED: &str = "forbidden: this record is not shared with you any more";

impl App {
    /// What its user may do seems to have changed: the next round asks.
    pub(crate) fn doubt_rights(&self) {
        self.shared().roles_stale = true;
    }
}

/// Keeps whose device this is, and what the server says that they may do.
pub(crate) async fn keep(app: &App, stay: Stay, answer: &TokenAnswer) -> Result<()> {
    let TokenAnswer { user, roles, .. } = answer;
    let mut tx = app.begin_in(stay).await?;
    tx.meta.user = Some(user.clone());
    if app.policy.tokens == Tokens::InDatabase {
        tx.meta.tokens = Some(format!("{} {}", answer.access_token, answer.refresh_token));
    }
    forget_deleted(&mut tx, app.dialect(), roles)?;
    if tx.meta.roles.as_ref() != Some(roles) {
        tx.meta.roles = Some(roles.clone());
    }
    app.commit(tx).await
}

/// Copies of deleted records are not for who is no member any more. No pull tells of those.
fn forget_deleted(tx: &mut Tx<'_>, dialect: Dialect, roles: &BTreeMap<String, Role>) -> Result<()> {
    forget_copies(tx, |_, _, copy| Ok(!roles.contains_key(&copy.workspace)))?;
    for deleted in tx.deleted_under_refused_work()? {
        if !roles.contains_key(&deleted.workspace) {
            forget(tx, dialect, &deleted.record, NOT_SHARED)?;
        }
    }
    Ok(())
}

/// Copies of deleted records that not every member may see go before everything is pulled anew: what
/// would have told that their user is not to see them any more may be forgotten with the tombstones.
pub(crate) fn forget_hidden(tx: &mut Tx<'_>) -> Result<()> {
    forget_copies(tx, |tx, _, copy| may_be_hidden(tx, copy))?;
    Ok(())
}

/// Copies of records that were deleted up to a moment, in ms of the server's clock, go: their
/// tombstones have been collected by then, so nothing could bring them back, and no pull would tell
/// that their user is not to see them any more. Returns the workspaces of those that stay.
pub(crate) fn forget_expired(tx: &mut Tx<'_>, until_ms: u64) -> Result<BTreeSet<String>> {
    forget_copies(tx, |_, deleted_ms, _| Ok(deleted_ms <= until_ms))
}

/// Some copies of deleted records go, and leave nothing on the disk: those of which `goes` says so by
/// the moment of the delete and by what the server had. Returns the workspaces of the others.
fn forget_copies(
    tx: &mut Tx<'_>,
    goes: impl Fn(&Tx<'_>, u64, &ServerRecord) -> Result<bool>,
) -> Result<BTreeSet<String>> {
    let mut left = BTreeSet::new();
    for (deleted_ms, copy) in tx.copies()? {
        if goes(tx, deleted_ms, &copy)? {
            tx.drop_undo(&copy.record)?;
            tx.meta.shred = true;
        } else {
            left.insert(copy.workspace);
        }
    }
    Ok(left)
}

/// Whether a record is private, or hangs under one that may be.
fn may_be_hidden(tx: &Tx<'_>, server: &ServerRecord) -> Result<bool> {
    let is_private = |server: &ServerRecord| {
        overlay::value_of(server, PRIVATE).is_some_and(|value| value == Value::Text("yes".to_owned()))
    };
    let above = rules::entity(&server.entity).and_then(|decl| rules::entity(decl.parent?));
    match &server.parent {
        Some(parent) if above.is_some_and(|decl| decl.field(PRIVATE).is_some()) => {
            let parent = tx.record(parent)?.and_then(|row| row.server);
            Ok(parent.is_none_or(|parent| is_private(&parent)))
        }
        _ => Ok(is_private(server)),
    }
}

/// Asks what its user may do, if that is in doubt. Syncing does not wait for the answer.
pub(crate) async fn ask(app: &App, stay: Stay) -> std::result::Result<(), CallError> {
    if !std::mem::take(&mut app.shared().roles_stale) {
        return Ok(());
    }
    match session::renew(app, stay).await {
        Err(CallError::SignedOut) => Err(CallError::SignedOut),
        Err(_) => {
            app.doubt_rights();
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Whether its user may write in a workspace. The server has the last word, but a device need
/// not promise what it knows to be refused.
pub(crate) fn may_write(app: &App, tx: &Tx<'_>, workspace: &str) -> std::result::Result<(), Refusal> {
    let Some(roles) = &tx.meta.roles else { return Ok(()) };
    let why = match roles.get(workspace) {
        Some(Role::Editor | Role::Admin) => return Ok(()),
        Some(Role::Viewer) => format!("a viewer of `{workspace}` cannot change anything there"),
        None => format!("you are not a member of `{workspace}`"),
    };
    // It may be allowed by now.
    app.doubt_rights();
    app.nudge(false);
    Err(Refusal::new(Code::Forbidden, format!("{why}; nothing of this was saved")))
}

/// Its user may not see a record any more: what the server gave of it goes, now, and its user's
/// own pending words stand in the tray. A record whose creation is among them stays in view with
/// those words: the server may have taken the creation, and others may have written there since.
pub(crate) fn forget(tx: &mut Tx<'_>, dialect: Dialect, record: &RecordId, reason: &str) -> Result<()> {
    let entity = tx.record(record)?.map(|row| row.entity).unwrap_or_default();
    for row in tx.queue_of(record)? {
        if row.borrowed && !row.mutation.fields.is_empty() {
            tx.replace(&row, without_words(&row, dialect, &entity))?;
        }
        if row.status != RowStatus::Failed {
            tx.mark(&row, RowStatus::Failed, Some(reason))?;
        }
    }
    tx.drop_undo(record)?;
    if tx.queue_of(record)?.iter().any(QueueRow::is_create) {
        tx.drop_server(record)?;
    } else {
        tx.drop_record(record)?;
    }
    // Also of what was dropped before, SQLite leaves the words in free pages.
    tx.meta.shred = true;
    Ok(())
}

/// A row whose words its user has only chosen, without them.
fn without_words(row: &QueueRow, dialect: Dialect, entity: &str) -> QueueRow {
    let mut bare = row.clone();
    let fields = std::mem::take(&mut bare.mutation.fields);
    let names = fields.keys().filter_map(|kept| dialect.shown(entity, kept));
    bare.what = format!("change {}", names.collect::<Vec<_>>().join(", "));
    bare
}
