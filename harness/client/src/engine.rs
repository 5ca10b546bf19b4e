//! When to sync, and how long to wait after a failure.
//!
//! A round starts at the start of the app, on reconnect, after an action, when somebody asks,
//! when the device has slept, and every `sync_every`. After a failure the pause doubles, with
//! full jitter. While the database does not open, the loop tries to open it and does nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future;

use crate::app::App;
use crate::call::CallError;
use crate::pause::Pause;
use crate::policy::{ErrorText, Pulling};
use crate::shared::Stay;
use crate::store::StoreError;
use crate::{pull, push, rights};

/// Syncs for as long as the app runs.
pub(crate) async fn run(app: Arc<App>) {
    let clock = Arc::clone(&app.env.env.clock);
    let mut server = Pause::default();
    let mut storage = Pause::default();
    let mut sleep = Sleep::new(&app);
    let mut next_pull = Duration::ZERO;
    loop {
        if sleep.has_ended(&app) {
            app.shared().impatient = true;
            app.shared().work = true;
        }
        reopen(&app, &mut storage).await;
        let (ready, waiters) = take_work(&app, clock.elapsed(), &mut server, next_pull);
        if !ready {
            app.publish_status();
            let pause = until_due(&app, clock.elapsed(), &server, &storage, next_pull);
            future::select(Box::pin(app.wake.notified()), clock.sleep(pause.max(TICK))).await;
            continue;
        }
        let stay = app.stay();
        let result = if may_sync(&app) { round(&app, stay).await } else { Err(closed(&app)) };
        next_pull = clock.elapsed() + Duration::from_millis(app.start.parameters.sync_every);
        // Who has signed out meanwhile left nothing that it could be about.
        let is_over = app.stay() != stay;
        match &result {
            _ if is_over => server = Pause::default(),
            Ok(()) => server = Pause::default(),
            // Nothing was tried.
            Err(CallError::Held(_)) => {}
            Err(error) if error.is_too_old() => server.is_futile(&app),
            Err(error) => server.failed(&app, error.retry_after()),
        }
        if !is_over {
            settle_round(&app, &result);
        }
        app.publish_status();
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
/// A sleeping device's timers stand. So that it syncs soon after it wakes, and not at the end of
/// a pause that began before, no pause is longer than this.
const LOOK_UP: Duration = Duration::from_secs(60);
/// How far the wall clock has to be ahead of the timers to tell of a sleep.
const SLEPT: Duration = Duration::from_secs(10);

/// Notices that the device has slept: its wall clock went on while its timers stood.
struct Sleep {
    wall_ms: u64,
    elapsed: Duration,
}

impl Sleep {
    fn new(app: &App) -> Sleep {
        Sleep { wall_ms: app.wall_ms(), elapsed: app.env.env.clock.elapsed() }
    }

    fn has_ended(&mut self, app: &App) -> bool {
        let now = Sleep::new(app);
        let wall = Duration::from_millis(now.wall_ms.saturating_sub(self.wall_ms));
        let slept = wall > now.elapsed.saturating_sub(self.elapsed) + SLEPT;
        *self = now;
        slept
    }
}

/// Opens the database if it is closed and the pause after the last failure is over. Nothing is
/// under way then, so what was being sent waits again.
async fn reopen(app: &App, storage: &mut Pause) {
    if app.store.lock().await.is_open() || app.env.env.clock.elapsed() < storage.not_before {
        return;
    }
    match requeue(app).await {
        Ok(()) => *storage = Pause::default(),
        Err(_) => storage.failed(app, None), // its user sees it already
    }
}

async fn requeue(app: &App) -> Result<(), StoreError> {
    let mut tx = app.begin().await?;
    tx.requeue_sending()?;
    app.commit(tx).await
}

type Waiters = Vec<tokio::sync::oneshot::Sender<Result<(), String>>>;

fn may_sync(app: &App) -> bool {
    app.shared().may_sync()
}

fn closed(app: &App) -> CallError {
    if app.shared().signed_out {
        CallError::SignedOut
    } else {
        CallError::Network("there is no network".to_owned())
    }
}

fn until_due(app: &App, now: Duration, server: &Pause, storage: &Pause, next_pull: Duration) -> Duration {
    if now < storage.not_before {
        return storage.not_before - now;
    }
    let stale = app.until_stale();
    if !may_sync(app) {
        // Until it is shown as stale, its clock may jump.
        return stale.map_or(IDLE, |stale| stale.min(LOOK_UP));
    }
    let due = if app.shared().work { server.not_before } else { next_pull.max(server.not_before) };
    due.saturating_sub(now).max(app.held().unwrap_or_default()).min(LOOK_UP).min(stale.unwrap_or(IDLE))
}

/// Whether a round is due now, and who waits for it.
fn take_work(app: &App, now: Duration, server: &mut Pause, next_pull: Duration) -> (bool, Waiters) {
    let held = app.held().is_some();
    let mut shared = app.shared();
    if std::mem::take(&mut shared.impatient) {
        server.not_before = Duration::ZERO;
    }
    let asked = !shared.waiters.is_empty();
    let possible = shared.may_sync();
    let due = possible && !held && now >= server.not_before && (shared.work || now >= next_pull);
    if asked || due {
        shared.work = false;
        (true, std::mem::take(&mut shared.waiters))
    } else {
        (false, Vec::new())
    }
}

/// Sends, then pulls. On a full disk only what is saved is sent: what a pull brings would take
/// the room that the next answer needs.
async fn round(app: &App, stay: Stay) -> Result<(), CallError> {
    push::push_all(app, stay).await?;
    make_room(app).await?;
    if is_worth_a_pull(app) {
        pull::pull_all(app, stay).await?;
    }
    rights::ask(app, stay).await
}

/// Truth is what a pull says, so every round ends with one.
fn is_worth_a_pull(app: &App) -> bool {
    let mut shared = app.shared();
    let hinted = std::mem::take(&mut shared.hinted);
    app.policy.pulling == Pulling::EveryRound || hinted || shared.shown.last_sync_ms().is_none()
}

async fn make_room(app: &App) -> Result<(), StoreError> {
    let mut store = app.open_store().await?;
    if !store.is_draining() {
        return Ok(());
    }
    let made = store.ensure_reserve();
    drop(store);
    match &made {
        Ok(()) => app.shared().storage = None,
        Err(error) => app.storage_fails(error),
    }
    made
}

const TOO_OLD: &str = "client-too-old: upgrade the app; the server does not serve this version any more, \
                       and what waits is kept";

fn settle_round(app: &App, result: &Result<(), CallError>) {
    let mut shared = app.shared();
    match result {
        Ok(()) => {
            shared.unreachable = false;
            shared.too_old = false;
            shared.last_error = None;
            shared.pulled = true;
            app.listen.notify_one();
        }
        Err(CallError::Held(_)) => shared.work = true,
        Err(error) => {
            shared.work = true;
            shared.unreachable = error.is_unreachable();
            shared.signed_out |= *error == CallError::SignedOut;
            shared.too_old |= error.is_too_old();
            shared.last_error = Some(match app.policy.error_text {
                ErrorText::Generic => "something went wrong".to_owned(),
                ErrorText::Precise if shared.too_old => TOO_OLD.to_owned(),
                ErrorText::Precise => error.to_string(),
            });
        }
    }
}
