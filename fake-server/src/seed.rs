//! Brings users and grants into the database when a server starts.

use deadzone_contract::seam::{Random, ServerStart};
use rusqlite::Connection;

use crate::auth;
use crate::members;
use crate::store::StartError;

/// Takes up new passwords and, in a database that is new, the grants. Where nothing is new,
/// nothing is written. Returns when the database was new, in ms since the epoch.
pub(crate) fn seed(
    db: &Connection,
    random: &dyn Random,
    start: &ServerStart,
    now_ms: u64,
) -> Result<u64, StartError> {
    for (user, password) in &start.passwords {
        if !auth::password_fits(db, user, password)? {
            auth::set_password(db, random, user, password)?;
        }
    }
    let started_ms = db.prepare_cached("SELECT started_ms FROM server")?.query_row([], |row| row.get(0))?;
    if let Some(started_ms) = started_ms {
        return Ok(started_ms);
    }
    for (workspace, user, role) in &start.grants {
        if !auth::is_user(db, user)? {
            return Err(StartError::UnknownUser { user: user.clone(), workspace: workspace.clone() });
        }
        members::set_role(db, now_ms, workspace, user, Some(*role))?;
    }
    db.prepare_cached("UPDATE server SET started_ms = ?1")?.execute([now_ms])?;
    Ok(now_ms)
}
