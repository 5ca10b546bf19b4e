//! Who may see what.
//!
//! A member of a workspace sees everything in it but the private tasks of others.

use std::collections::BTreeSet;

use deadzone_contract::Model;
use deadzone_contract::wire::Role;
use rusqlite::{Connection, params};

use crate::auth::Caller;
use crate::policy::ServerPolicy;

/// Whose eyes a record is read for.
#[derive(Clone, Copy)]
pub(crate) struct Eyes<'a> {
    pub(crate) db: &'a Connection,
    pub(crate) caller: &'a Caller,
    /// Which rules hold; with them a field's value looks different.
    pub(crate) model: Model,
    pub(crate) policy: &'a ServerPolicy,
}

/// Whether a member of this role may write.
pub(crate) fn writes(role: Option<Role>) -> bool {
    matches!(role, Some(Role::Editor | Role::Admin))
}

/// The records of a workspace that a user with this role in it can see, in commit order.
pub(crate) fn seen(
    db: &Connection,
    user: &str,
    workspace: &str,
    role: Option<Role>,
) -> rusqlite::Result<Vec<i64>> {
    let Some(role) = role else { return Ok(Vec::new()) };
    db.prepare_cached(
        "SELECT r.key FROM records r
         LEFT JOIN private_tasks p ON p.task = coalesce(r.task, r.key)
         WHERE r.workspace = ?1 AND r.purged = 0 AND (p.task IS NULL OR ?2 OR p.assignee = ?3)
         ORDER BY r.commit_seq",
    )?
    .query_map(params![workspace, role == Role::Admin, user], |row| row.get(0))?
    .collect()
}

/// The users who can see a task of a workspace, and with it what hangs under it.
pub(crate) fn watchers(db: &Connection, workspace: &str, task: i64) -> rusqlite::Result<BTreeSet<String>> {
    db.prepare_cached(
        "SELECT g.user FROM grants g LEFT JOIN private_tasks p ON p.task = ?2
         WHERE g.workspace = ?1 AND (p.task IS NULL OR g.role = 'admin' OR p.assignee = g.user)",
    )?
    .query_map(params![workspace, task], |row| row.get(0))?
    .collect()
}

/// What hangs under a task, in commit order.
pub(crate) fn under(db: &Connection, task: i64) -> rusqlite::Result<Vec<i64>> {
    db.prepare_cached("SELECT key FROM records WHERE task = ?1 AND purged = 0 ORDER BY commit_seq")?
        .query_map([task], |row| row.get(0))?
        .collect()
}

/// Which of these records have a conflict that everybody who may write is asked about.
pub(crate) fn with_shared_conflicts(db: &Connection, records: Vec<i64>) -> rusqlite::Result<Vec<i64>> {
    let mut statement = db.prepare_cached("SELECT 1 FROM conflicts WHERE record = ?1 AND shared")?;
    let mut asked = Vec::new();
    for record in records {
        if statement.exists([record])? {
            asked.push(record);
        }
    }
    Ok(asked)
}
