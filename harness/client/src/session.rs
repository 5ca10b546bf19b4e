//! Tokens: sign-in, and one refresh when an access token is not valid any more.

use deadzone_contract::wire::{PATH_TOKEN, TokenAnswer, TokenRequest};
use deadzone_contract::{Code, Refusal};

use crate::app::App;
use crate::call::{Ask, CallError, Sender, call};
use crate::rights;

const ACCESS: &str = "access";
const REFRESH: &str = "refresh";

/// Signs in with a password.
pub(crate) async fn sign_in(app: &App, user: &str, password: &str) -> Result<(), Refusal> {
    let request = TokenRequest::Password { user: user.to_owned(), password: password.to_owned() };
    let _session = app.session.lock().await;
    match fetch(app, &request).await {
        Ok(()) => {
            let mut shared = app.shared();
            shared.signed_out = false;
            shared.last_error = None;
            shared.impatient = true;
            Ok(())
        }
        Err(CallError::Problem(problem, _)) => Err(Refusal::new(problem.code, problem.detail)),
        Err(CallError::Storage(error)) => Err(Refusal::new(Code::Storage, error)),
        Err(error @ CallError::Held(_)) => Err(Refusal::new(Code::Unavailable, error.to_string())),
        Err(error) => Err(Refusal::new(Code::Offline, format!("signing in needs the server: {error}"))),
    }
}

/// Sends a request with an access token, in the name of `device`; where the token is not valid
/// any more, refreshes it once.
pub(crate) async fn authorized<T>(app: &App, device: &str, ask: &Ask<T>) -> Result<T, CallError> {
    let mut sender = sender(app).await?;
    device.clone_into(&mut sender.device_id);
    sender.access_token = app.env.secrets.get(ACCESS);
    if sender.access_token.is_some() {
        match call(app, &sender, ask).await {
            Err(CallError::Problem(problem, _)) if problem.code == Code::Unauthenticated => {}
            other => return other,
        }
    }
    refresh(app, sender.access_token.as_deref()).await?;
    sender.access_token = app.env.secrets.get(ACCESS);
    call(app, &sender, ask).await
}

/// Gets new tokens, and hears with them what its user may do.
pub(crate) async fn renew(app: &App) -> Result<(), CallError> {
    let stale = app.env.secrets.get(ACCESS);
    refresh(app, stale.as_deref()).await
}

async fn refresh(app: &App, stale: Option<&str>) -> Result<(), CallError> {
    let _session = app.session.lock().await;
    if app.env.secrets.get(ACCESS).as_deref() != stale {
        return Ok(()); // somebody else got a new one meanwhile
    }
    let Some(refresh_token) = app.env.secrets.get(REFRESH) else { return Err(CallError::SignedOut) };
    fetch(app, &TokenRequest::Refresh { refresh_token }).await
}

async fn fetch(app: &App, request: &TokenRequest) -> Result<(), CallError> {
    let answer: TokenAnswer = call(app, &sender(app).await?, &Ask::post(PATH_TOKEN, request)).await?;
    app.env.secrets.set(REFRESH, Some(answer.refresh_token));
    app.env.secrets.set(ACCESS, Some(answer.access_token));
    if rights::keep_roles(app, &answer.roles).await.is_err() {
        app.doubt_rights(); // the tokens are kept, and good
    }
    Ok(())
}

async fn sender(app: &App) -> Result<Sender, CallError> {
    let tx = app.read().await?;
    let oldest_ms = tx.oldest_ms()?;
    Ok(Sender {
        device_id: tx.meta.device_id.clone(),
        queue_age_ms: oldest_ms.map_or(0, |ms| app.wall_ms().saturating_sub(ms)),
        access_token: None,
    })
}
