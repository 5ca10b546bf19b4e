//! `POST /members`: who may do what in a workspace.

use deadzone_contract::Code;
use deadzone_contract::wire::{MemberChange, Role};
use rusqlite::{Connection, params};

use crate::App;
use crate::auth::{self, Caller};
use crate::cursor::next_commit;
use crate::failure::Failure;
use crate::records;
use crate::stored::role_name;

/// A workspace is half of a key; longer names are refused.
const WORKSPACE_LEN_MAX: usize = 128;

/// On whose authority members are changed.
pub(crate) enum Authority {
    /// Of nobody who is a user.
    Operator,
    /// Of a user, who has to be an admin of the workspace with a fresh sign-in.
    User(Caller),
}

/// Carries out a change of members. One that changes nothing is none: the answer to the first
/// attempt may have been lost.
pub(crate) async fn change(app: &App, by: &Authority, change: &MemberChange) -> Result<(), Failure> {
    let MemberChange { workspace, user, role } = change;
    // A scope is a list of names with commas in between.
    if !(1..=WORKSPACE_LEN_MAX).contains(&workspace.len()) || workspace.contains(',') {
        let detail = format!("a workspace's name has 1 to {WORKSPACE_LEN_MAX} bytes and no comma");
        return Err(Failure::malformed(detail));
    }
    let mut transaction = app.begin().await?;
    if let Authority::User(caller) = by {
        check_admin(app, &transaction, caller, workspace)?;
    }
    if !auth::is_user(&transaction, user)? {
        return Err(Failure::malformed(format!("there is no user `{user}`")));
    }
    set_role(&transaction, workspace, user, *role)?;
    Ok(transaction.commit()?)
}

fn check_admin(app: &App, db: &Connection, caller: &Caller, workspace: &str) -> Result<(), Failure> {
    if records::role(db, &caller.user, workspace)? != Some(Role::Admin) {
        return Err(Failure::new(403, Code::Forbidden, "only an admin of a workspace changes its members"));
    }
    if !caller.is_fresh(app.now_ms(), &app.parameters) {
        let detail = "changing members needs the password again; sign in and repeat it";
        return Err(Failure::new(403, Code::StepUpRequired, detail));
    }
    Ok(())
}

/// Sets what a user may do in a workspace; no role takes the user out.
pub(crate) fn set_role(
    db: &Connection,
    workspace: &str,
    user: &str,
    role: Option<Role>,
) -> rusqlite::Result<()> {
    let before = records::role(db, user, workspace)?;
    if before == role {
        return Ok(());
    }
    match role {
        None => {
            db.prepare_cached("DELETE FROM grants WHERE user = ?1 AND workspace = ?2")?
                .execute(params![user, workspace])?;
        }
        Some(role) => {
            db.prepare_cached(
                "INSERT INTO grants (user, workspace, role) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET role = excluded.role",
            )?
            .execute(params![user, workspace, role_name(role)])?;
        }
    }
    if before.is_none() {
        deliver_again(db, workspace)?;
    }
    Ok(())
}

/// Gives every record of a workspace a new place in the commit order. A device of the new member
/// may stand behind their old places, and would never be told of them.
fn deliver_again(db: &Connection, workspace: &str) -> rusqlite::Result<()> {
    let keys = db
        .prepare_cached("SELECT key FROM records WHERE workspace = ?1 AND purged = 0 ORDER BY commit_seq")?
        .query_map([workspace], |row| row.get::<_, i64>(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for key in keys {
        db.prepare_cached("UPDATE records SET commit_seq = ?2 WHERE key = ?1")?
            .execute(params![key, next_commit(db)?])?;
    }
    Ok(())
}
