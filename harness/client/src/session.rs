//! Tokens: sign-in, and one refresh when an access token is not valid any more.

use std::time::Duration;

use deadzone_contract::wire::{PATH_TOKEN, TokenAnswer, TokenRequest};
use deadzone_contract::{Code, Refusal};
use futures_util::future::{self, Either};

use crate::app::App;
use crate::call::{Ask, CallError, Sender, call};
use crate::policy::{Expiry, QueueAge};
use crate::shared::Stay;
use crate::{leave, rights};

/// The names of the secrets.
pub(crate) const ACCESS: &str = "access";
pub(crate) const REFRESH: &str = "refresh";
/// Whom the tokens speak for.
pub(crate) const USER: &str = "user";

/// Signs in with a password.
pub(crate) async fn sign_in(app: &App, user: String, password: String) -> Result<(), Refusal> {
    let stay = app.stay();
    let others = app.shared().user.clone().filter(|present| *present != user);
    if let Some(present) = others {
        let waits = app.read().await.map_err(Refusal::from)?.has_work()?;
        let code = if waits { Code::WorkPending } else { Code::Invalid };
        return Err(Refusal::new(code, format!("{present} is signed in here and has to sign out first")));
    }
    let patience = Duration::from_millis(app.start.parameters.request_timeout);
    fresh(app, stay, TokenRequest::Password { user, password }, patience).await
}

/// The present user shows that it is really them, with their password.
pub(crate) async fn prove(
    app: &App,
    stay: Stay,
    password: String,
    patience: Duration,
) -> Result<(), Refusal> {
    let user = app.shared().user.clone().unwrap_or_default();
    fresh(app, stay, TokenRequest::Password { user, password }, patience).await
}

async fn fresh(app: &App, stay: Stay, request: TokenRequest, patience: Duration) -> Result<(), Refusal> {
    let clock = &app.env.env.clock;
    let until = clock.elapsed() + patience;
    let Either::Left((_tokens, _)) = future::select(Box::pin(app.tokens.lock()), clock.sleep(patience)).await
    else {
        return Err(refusal(CallError::Network("somebody else is signing in".to_owned())));
    };
    let left = until.saturating_sub(clock.elapsed()).max(Duration::from_millis(1));
    fetch(app, stay, &Ask::post(PATH_TOKEN, &request).within(left)).await.map_err(refusal)?;
    let mut shared = app.shared();
    if !shared.is_current(stay) {
        return Err(refusal(CallError::SignedOut));
    }
    shared.signed_out = false;
    shared.last_error = None;
    shared.impatient = true;
    Ok(())
}

/// What a user is told who has to sign in for something.
fn refusal(error: CallError) -> Refusal {
    match error {
        CallError::Problem(problem, _) => Refusal::new(problem.code, problem.detail),
        CallError::Storage(error) => Refusal::new(Code::Storage, error),
        CallError::SignedOut => Refusal::new(Code::SignedOut, "signed out meanwhile"),
        error @ CallError::Held(_) => Refusal::new(Code::Unavailable, error.to_string()),
        error => Refusal::new(Code::Offline, format!("signing in needs the server: {error}")),
    }
}

/// Sends a request with an access token, in the name of `device`; where the token is not valid
/// any more, refreshes it once.
pub(crate) async fn authorized<T>(app: &App, stay: Stay, device: &str, ask: &Ask<T>) -> Result<T, CallError> {
    let speaking = || async {
        let mut sender = sender(app, stay).await?;
        device.clone_into(&mut sender.device_id);
        sender.access_token = app.env.secrets.get(ACCESS);
        Ok::<_, CallError>(sender)
    };
    let sender = speaking().await?;
    if sender.access_token.is_some() {
        match call(app, &sender, ask).await {
            Err(CallError::Problem(problem, _)) if problem.code == Code::Unauthenticated => {
                if app.policy.expiry == Expiry::SignsOut {
                    return Err(leave::expire(app).await);
                }
            }
            other => return other,
        }
    }
    refresh(app, stay, sender.access_token.as_deref()).await?;
    // That took its time, by which the queue has aged.
    call(app, &speaking().await?, ask).await
}

/// Sends a request with the access token that there is, and does not try again.
pub(crate) async fn once<T>(app: &App, stay: Stay, ask: &Ask<T>) -> Result<T, CallError> {
    let mut sender = sender(app, stay).await?;
    sender.access_token = app.env.secrets.get(ACCESS);
    call(app, &sender, ask).await
}

/// Gets new tokens, and hears with them what its user may do.
pub(crate) async fn renew(app: &App, stay: Stay) -> Result<(), CallError> {
    let stale = app.env.secrets.get(ACCESS);
    refresh(app, stay, stale.as_deref()).await
}

async fn refresh(app: &App, stay: Stay, stale: Option<&str>) -> Result<(), CallError> {
    let _tokens = app.tokens.lock().await;
    if app.env.secrets.get(ACCESS).as_deref() != stale {
        return Ok(()); // somebody else got a new one meanwhile
    }
    let Some(refresh_token) = app.env.secrets.get(REFRESH) else { return Err(CallError::SignedOut) };
    fetch(app, stay, &Ask::post(PATH_TOKEN, &TokenRequest::Refresh { refresh_token })).await
}

async fn fetch(app: &App, stay: Stay, ask: &Ask<TokenAnswer>) -> Result<(), CallError> {
    let answer = call(app, &sender(app, stay).await?, ask).await?;
    {
        // Who signs out meanwhile does not come back by an answer that was on its way.
        let mut shared = app.shared();
        if !shared.is_current(stay) {
            return Err(CallError::SignedOut);
        }
        app.env.secrets.set(REFRESH, Some(answer.refresh_token.clone()));
        app.env.secrets.set(USER, Some(answer.user.clone()));
        app.env.secrets.set(ACCESS, Some(answer.access_token.clone()));
        shared.user = Some(answer.user.clone());
    }
    if rights::keep(app, stay, &answer).await.is_err() {
        app.doubt_rights(); // the tokens are kept, and good
    }
    Ok(())
}

async fn sender(app: &App, stay: Stay) -> Result<Sender, CallError> {
    let tx = app.read().await?;
    let oldest_ms = tx.oldest_ms()?;
    Ok(Sender {
        stay,
        device_id: tx.meta.device_id.clone(),
        queue_age_ms: match app.policy.queue_age {
            QueueAge::Reported => oldest_ms.map_or(0, |ms| app.wall_ms().saturating_sub(ms)),
            QueueAge::NotReported => 0,
        },
        access_token: None,
    })
}
