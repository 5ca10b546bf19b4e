//! Brings users and grants into the database when a server starts.

use std::collections::BTreeMap;

use deadzone_contract::seam::Random;
use deadzone_contract::wire::Role;
use rusqlite::{Connection, OptionalExtension, params};

use crate::auth;
use crate::records::{next_commit, role_name};
use crate::store::StartError;

/// Adds what is new and changes what is different. What the database has besides stays. Where
/// nothing is new, nothing is written.
pub(crate) fn seed(
    db: &Connection,
    random: &dyn Random,
    passwords: &BTreeMap<String, String>,
    grants: &[(String, String, Role)],
) -> Result<(), StartError> {
    for (user, password) in passwords {
        if !auth::password_fits(db, user, password)? {
            auth::set_password(db, random, user, password)?;
        }
    }
    for (workspace, user, role) in grants {
        grant(db, workspace, user, *role)?;
    }
    Ok(())
}

fn grant(db: &Connection, workspace: &str, user: &str, role: Role) -> Result<(), StartError> {
    if !db.prepare_cached("SELECT 1 FROM users WHERE name = ?1")?.exists([user])? {
        return Err(StartError::UnknownUser { user: user.to_owned(), workspace: workspace.to_owned() });
    }
    let already = db
        .prepare_cached("SELECT role FROM grants WHERE user = ?1 AND workspace = ?2")?
        .query_row(params![user, workspace], |row| row.get::<_, String>(0))
        .optional()?;
    if already.as_deref() == Some(role_name(role)) {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO grants (user, workspace, role) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET role = excluded.role",
    )?
    .execute(params![user, workspace, role_name(role)])?;
    if already.is_none() {
        deliver_again(db, workspace)?;
    }
    Ok(())
}

/// Gives every record of a workspace a new place in the commit order. A device of the new member
/// may stand behind their old places, and would never be told of them.
fn deliver_again(db: &Connection, workspace: &str) -> rusqlite::Result<()> {
    let keys = db
        .prepare("SELECT key FROM records WHERE workspace = ?1 AND purged = 0 ORDER BY commit_seq")?
        .query_map([workspace], |row| row.get::<_, i64>(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for key in keys {
        db.prepare_cached("UPDATE records SET commit_seq = ?2 WHERE key = ?1")?
            .execute(params![key, next_commit(db)?])?;
    }
    Ok(())
}
