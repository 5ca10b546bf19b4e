//! Signing out: nothing of its user stays on the device.
//!
//! What is on the disk is not emptied but deleted, and a new database made. That takes several
//! steps, so a mark among the secrets says that it has begun, and whoever opens the database next
//! goes on with it: after a crash in between nobody is signed in and nothing is left either.

use deadzone_contract::{Code, Refusal, Saved};

use crate::app::App;
use crate::call::CallError;
use crate::policy::SignOut;
use crate::session::{ACCESS, REFRESH, USER};
use crate::store::{Durable, Opened, Result, Store, Tx};

/// The secret that says that somebody is signing out.
const LEAVING: &str = "leaving";

/// Signs out. Where work is pending, only if its user says `anyway`.
pub(crate) async fn sign_out(app: &App, anyway: bool) -> std::result::Result<Saved, Refusal> {
    if !anyway && app.read().await?.has_work()? {
        let detail = "there is work that the server does not have or that waits for a decision; \
                      sign out anyway to throw it away";
        return Err(Refusal::new(Code::WorkPending, detail));
    }
    if app.policy.sign_out == SignOut::LeavesData {
        return forget_tokens(app).await;
    }
    leave(app).await
}

/// Everything goes, whatever is pending.
async fn leave(app: &App) -> std::result::Result<Saved, Refusal> {
    {
        let mut shared = app.shared();
        app.env.secrets.set(LEAVING, Some("yes".to_owned()));
        for secret in [ACCESS, REFRESH, USER] {
            app.env.secrets.set(secret, None);
        }
        shared.leave(app.wall_ms());
    }
    app.left.notify_waiters();
    app.listen.notify_one();
    app.store.lock().await.close();
    match app.open_store().await.map(drop) {
        Ok(()) => Ok(Saved::of(None)),
        Err(error) => {
            app.wake.notify_one();
            let detail = format!("nobody is signed in any more, but the storage is not empty yet: {error}");
            Err(Refusal::new(Code::Storage, detail))
        }
    }
}

/// The mistake of a client that only forgets who was there.
async fn forget_tokens(app: &App) -> std::result::Result<Saved, Refusal> {
    {
        let mut shared = app.shared();
        [ACCESS, REFRESH, USER].iter().for_each(|secret| app.env.secrets.set(secret, None));
        shared.leave(app.wall_ms());
    }
    let mut tx = app.begin().await?;
    (tx.meta.user, tx.meta.roles) = (None, None);
    app.commit(tx).await?;
    Ok(Saved::of(None))
}

/// The mistake of a client for which a token that is not valid any more is the end.
pub(crate) async fn expire(app: &App) -> CallError {
    match leave(app).await {
        Ok(_) => CallError::SignedOut,
        Err(refusal) => CallError::Storage(refusal.detail),
    }
}

/// Deletes what is on the disk, if somebody is signing out.
pub(crate) fn finish(app: &App, store: &mut Store) -> Result<()> {
    if app.env.secrets.get(LEAVING).is_none() {
        return Ok(());
    }
    store.remove_all()?;
    app.env.secrets.set(LEAVING, None);
    Ok(())
}

/// A database of somebody else than who is signed in is a backup from before a sign-out. It is
/// not for these eyes.
pub(crate) fn evict_others(app: &App, store: &mut Store, opened: Opened, durable: Durable) -> Result<Opened> {
    let present = app.env.secrets.get(USER);
    if present.is_none() || store.user().is_none() || store.user() == present.as_deref() {
        return Ok(opened);
    }
    store.remove_all()?;
    store.open(durable)
}

/// Whose device this is, as far as anything here tells.
pub(crate) fn whose(app: &App, tx: &Tx<'_>, opened: Opened) -> Option<String> {
    let known = tx.meta.user.clone().or_else(|| app.env.secrets.get(USER));
    // A damaged database may not say whose it is any more: then it is not for anybody else.
    known.or_else(|| (opened == Opened::Repaired).then(|| app.start.user.clone()))
}
