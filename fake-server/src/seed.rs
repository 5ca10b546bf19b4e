//! Brings users and grants into the database when a server starts.

use deadzone_contract::Model;
use deadzone_contract::seam::{Random, ServerStart};
use rusqlite::{OptionalExtension, params};

use crate::ledger::Ledger;
use crate::store::StartError;
use crate::{auth, members};

/// Takes up new passwords and, in a database that is new, the grants. Where nothing is new,
/// nothing is written. Returns when the database was new, in ms since the epoch.
pub(crate) fn seed(
    ledger: &Ledger<'_>,
    random: &dyn Random,
    start: &ServerStart,
    model: Model,
) -> Result<u64, StartError> {
    let db = ledger.db;
    for (user, password) in &start.passwords {
        if !auth::password_fits(db, user, password)? {
            auth::set_password(db, random, user, password)?;
        }
    }
    let first = db
        .prepare_cached("SELECT started_ms, model FROM server WHERE started_ms IS NOT NULL")?
        .query_row([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    if let Some((started_ms, found)) = first {
        return if found == model.to_string() {
            Ok(started_ms)
        } else {
            Err(StartError::Model { found, model })
        };
    }
    for (workspace, user, role) in &start.grants {
        if !auth::is_user(db, user)? {
            return Err(StartError::UnknownUser { user: user.clone(), workspace: workspace.clone() });
        }
        members::set_role(ledger, workspace, user, Some(*role))?;
    }
    db.prepare_cached("UPDATE server SET started_ms = ?1, model = ?2")?
        .execute(params![ledger.now_ms, model.to_string()])?;
    Ok(ledger.now_ms)
}
