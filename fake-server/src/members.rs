//! `POST /members`: who may do what in a workspace.

use std::collections::BTreeSet;

use deadzone_contract::Code;
use deadzone_contract::wire::{MemberChange, Role};
use rusqlite::{Connection, params};

use crate::auth::{self, Caller};
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::stored::role_name;
use crate::{App, records, sight};

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
    let ledger = Ledger { db: &transaction, now_ms: app.now_ms(), policy: &app.policy };
    set_role(&ledger, workspace, user, *role)?;
    transaction.commit()?;
    app.news.notify_waiters();
    Ok(())
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

/// Sets what a user may do in a workspace; no role takes the user out. Whoever comes to see more
/// or less by it will be told.
pub(crate) fn set_role(
    ledger: &Ledger<'_>,
    workspace: &str,
    user: &str,
    role: Option<Role>,
) -> rusqlite::Result<()> {
    let db = ledger.db;
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
    let seen_before = sight::seen(db, user, workspace, before)?;
    let seen_after = sight::seen(db, user, workspace, role)?;
    let known: BTreeSet<i64> = seen_before.iter().copied().collect();
    let (kept, gained): (Vec<i64>, Vec<i64>) = seen_after.into_iter().partition(|key| known.contains(key));
    let still: BTreeSet<i64> = kept.iter().copied().collect();
    let lost: Vec<i64> = seen_before.into_iter().filter(|key| !still.contains(key)).collect();
    ledger.lose(user, &lost)?;
    ledger.gain(user, &gained)?;
    ledger.deliver_again(&gained)?;
    if sight::writes(before) != sight::writes(role) {
        ledger.deliver_again(&sight::with_shared_conflicts(db, kept)?)?;
    }
    Ok(())
}
