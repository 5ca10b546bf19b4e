//! When to sync, and how long to wait after a failure.
//!
//! A round starts at the start of the app, on reconnect, after an action, when somebody asks,
//! and every `sync_every`. After a failure the pause doubles, with full jitter.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future;

use crate::app::App;
use crate::call::CallError;
use crate::{pull, push};

/// Syncs for as long as the app runs.
pub(crate) async fn run(app: Arc<App>) {
    let clock = Arc::clone(&app.env.env.clock);
    let mut failures = 0;
    let mut not_before = Duration::ZERO;
    let mut next_pull = Duration::ZERO;
    loop {
        let (ready, waiters) = take_work(&app, clock.elapsed(), &mut not_before, next_pull);
        if !ready {
            let due = if app.shared().work { not_before } else { next_pull.max(not_before) };
            let pause = if may_sync(&app) { due.saturating_sub(clock.elapsed()) } else { IDLE };
            app.refresh_status().await;
            future::select(Box::pin(app.wake.notified()), clock.sleep(pause.max(TICK))).await;
            continue;
        }
        let result = if may_sync(&app) { round(&app).await } else { Err(closed(&app)) };
        next_pull = clock.elapsed() + Duration::from_millis(app.start.parameters.sync_every);
        match &result {
            Ok(()) => {
                failures = 0;
                not_before = Duration::ZERO;
            }
            Err(error) => {
                failures += 1;
                not_before = clock.elapsed() + pause_after(&app, failures, error);
            }
        }
        settle_round(&app, &result);
        app.refresh_status().await;
        for waiter in waiters {
            // A caller that stopped waiting is not an error.
            let _ = waiter.send(result.clone().map_err(|error| error.to_string()));
        }
    }
}

/// How long to sleep where only an event can make syncing possible again.
const IDLE: Duration = Duration::from_secs(24 * 3600);
/// Timers are of whole milliseconds.
const TICK: Duration = Duration::from_millis(1);

type Waiters = Vec<tokio::sync::oneshot::Sender<Result<(), String>>>;

fn may_sync(app: &App) -> bool {
    let shared = app.shared();
    shared.online && !shared.signed_out
}

fn closed(app: &App) -> CallError {
    if app.shared().signed_out {
        CallError::SignedOut
    } else {
        CallError::Network("there is no network".to_owned())
    }
}

/// Whether a round is due now, and who waits for it.
fn take_work(app: &App, now: Duration, not_before: &mut Duration, next_pull: Duration) -> (bool, Waiters) {
    let mut shared = app.shared();
    if std::mem::take(&mut shared.impatient) {
        *not_before = Duration::ZERO;
    }
    let asked = !shared.waiters.is_empty();
    let possible = shared.online && !shared.signed_out;
    let due = possible && now >= *not_before && (shared.work || now >= next_pull);
    if asked || due {
        shared.work = false;
        (true, std::mem::take(&mut shared.waiters))
    } else {
        (false, Vec::new())
    }
}

async fn round(app: &App) -> Result<(), CallError> {
    push::push_all(app).await?;
    pull::pull_all(app).await
}

fn settle_round(app: &App, result: &Result<(), CallError>) {
    let mut shared = app.shared();
    match result {
        Ok(()) => {
            shared.unreachable = false;
            shared.last_error = None;
        }
        Err(error) => {
            shared.work = true;
            shared.unreachable = matches!(error, CallError::Network(_));
            shared.signed_out |= *error == CallError::SignedOut;
            shared.last_error = Some(error.to_string());
        }
    }
}

/// `Retry-After` where the server gave one, else a random part of a doubling limit.
fn pause_after(app: &App, failures: u32, error: &CallError) -> Duration {
    if let CallError::Problem(_, Some(after)) = error {
        return *after;
    }
    let parameters = &app.start.parameters;
    let doubled = parameters.backoff_first.saturating_mul(1 << (failures - 1).min(30));
    let limit = doubled.min(parameters.backoff_max);
    Duration::from_millis(1 + app.env.env.random.number("backoff") % limit)
}
