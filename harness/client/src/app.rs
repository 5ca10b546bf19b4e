//! The running app, and its database as it comes and goes.
//!
//! A database that fails is given up and opened anew by whoever needs it next: a user's action,
//! a round, or the sync loop, which does nothing else until it is open. Each opening publishes
//! everything from the database, so that what is shown is what is there.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use deadzone_contract::seam::{ClientEnv, ClientStart};
use deadzone_contract::{Code, Model, Refusal};
use futures_util::future;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard, Notify};

use crate::call::CallError;
use crate::dialect::Dialect;
use crate::policy::{ClientPolicy, Numbers, RetryAfter};
use crate::shared::{Shared, Stay};
use crate::store::{Durable, Opened, Result, Store, StoreError, Tx};
use crate::{badge, leave, migrate, overlay, scope, session};

/// One app on one device.
pub(crate) struct App {
    pub(crate) env: ClientEnv,
    pub(crate) start: ClientStart,
    pub(crate) policy: ClientPolicy,
    model: Model,
    pub(crate) store: AsyncMutex<Store>,
    /// Held while tokens are fetched.
    pub(crate) tokens: AsyncMutex<()>,
    /// Something changed that the sync loop should look at.
    pub(crate) wake: Notify,
    /// Something changed that decides whether to listen for hints.
    pub(crate) listen: Notify,
    /// Somebody has signed out: what is under way in that stay ends.
    pub(crate) left: Notify,
    shared: Mutex<Shared>,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::new(Code::Storage, format!("{error}; nothing of this was saved"))
    }
}

impl App {
    /// Opens the database, shows what is in it and begins to sync. A database that fails is tried
    /// again while the app runs; only one that is in use, or of another version, is refused.
    pub(crate) async fn open(
        start: ClientStart,
        policy: ClientPolicy,
        model: Model,
        env: ClientEnv,
    ) -> std::result::Result<Arc<App>, Refusal> {
        env.env.disk.latency().await;
        let (disk, random) = (Arc::clone(&env.env.disk), Arc::clone(&env.env.random));
        let store = Store::new(disk, random, &start.user, policy.integrity, policy.commits);
        let shared = Shared {
            online: start.online,
            work: true,
            signed_out: env.secrets.get(session::REFRESH).is_none(),
            user: env.secrets.get(session::USER),
            since_ms: env.env.clock.wall_ms(),
            ..Shared::default()
        };
        let app = Arc::new(App {
            env,
            start,
            policy,
            model,
            store: AsyncMutex::new(store),
            tokens: AsyncMutex::new(()),
            wake: Notify::new(),
            listen: Notify::new(),
            left: Notify::new(),
            shared: Mutex::new(shared),
        });
        match app.open_store().await.map(drop) {
            Err(error) if !error.may_pass() => return Err(error.into()),
            _ => {}
        }
        let looping = Arc::clone(&app);
        app.env.env.spawner.spawn(Box::pin(crate::engine::run(looping)));
        let listening = Arc::clone(&app);
        app.env.env.spawner.spawn(Box::pin(crate::hints::run(listening)));
        Ok(app)
    }

    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("nothing panics while it holds this lock")
    }

    /// How this app calls and treats fields.
    pub(crate) fn dialect(&self) -> Dialect {
        Dialect { schema: self.start.app_version, model: self.model }
    }

    pub(crate) fn wall_ms(&self) -> u64 {
        self.env.env.clock.wall_ms()
    }

    /// There is something to sync; if `impatient`, whatever the last attempt has come to.
    pub(crate) fn nudge(&self, impatient: bool) {
        let mut shared = self.shared();
        shared.work = true;
        shared.impatient |= impatient;
        drop(shared);
        self.wake.notify_one();
    }

    /// The server has asked to be left alone for a time.
    pub(crate) fn hold(&self, time: Option<Duration>) {
        let Some(time) = time.filter(|_| self.policy.retry_after == RetryAfter::Obeyed) else { return };
        let until = self.env.env.clock.elapsed().saturating_add(time);
        let mut shared = self.shared();
        shared.hold_until = shared.hold_until.max(until);
    }

    /// How long the server still wants to be left alone.
    pub(crate) fn held(&self) -> Option<Duration> {
        let left = self.shared().hold_until.saturating_sub(self.env.env.clock.elapsed());
        (left > Duration::ZERO).then_some(left)
    }

    /// # Errors
    /// [`CallError::Held`] while the server wants to be left alone.
    pub(crate) fn may_send(&self) -> std::result::Result<(), CallError> {
        self.held().map_or(Ok(()), |left| Err(CallError::Held(left)))
    }

    /// How long it is until the last sync is too old; none: it is already.
    pub(crate) fn until_stale(&self) -> Option<Duration> {
        let age_ms = self.shared().age_ms(self.wall_ms());
        let left_ms = (self.start.parameters.stale_after + 1).saturating_sub(age_ms);
        (left_ms > 0).then_some(Duration::from_millis(left_ms))
    }

    /// The present stay.
    pub(crate) fn stay(&self) -> Stay {
        self.shared().stay
    }

    /// A transaction of the sync engine.
    pub(crate) async fn begin(&self) -> Result<Tx<'_>> {
        Tx::begin(self.open_store().await?)
    }

    /// As [`App::begin`], for what belongs to a stay.
    ///
    /// # Errors
    /// [`StoreError::Left`] where it is over.
    pub(crate) async fn begin_in(&self, stay: Stay) -> Result<Tx<'_>> {
        let store = self.open_store().await?;
        if self.shared().is_current(stay) { Tx::begin(store) } else { Err(StoreError::Left) }
    }

    /// A transaction for a user's action. What it writes must not take the room that draining
    /// the queue may need: where that room is not to be had, for whatever reason, there is none.
    pub(crate) async fn begin_action(&self) -> Result<Tx<'_>> {
        let mut store = self.open_store().await?;
        if let Err(error) = store.ensure_reserve() {
            // A full disk is not over by the next try.
            if matches!(error, StoreError::Full) {
                self.storage_fails(&error);
            }
            return Err(error);
        }
        Ok(Tx::begin(store)?.with_undo())
    }

    /// A look that changes nothing.
    pub(crate) async fn read(&self) -> Result<Tx<'_>> {
        Ok(Tx::read(self.open_store().await?))
    }

    /// Commits, then publishes what changed while the order of commits still holds.
    pub(crate) async fn commit(&self, mut tx: Tx<'_>) -> Result<()> {
        self.env.env.disk.latency().await;
        let news = self.news(&mut tx)?;
        let Err(error) = tx.commit() else {
            if !tx.is_draining() {
                self.shared().storage = None;
            }
            self.publish(news);
            // It is committed; where this fails, whoever opens the database next does it.
            let _ = tx.into_store().shred();
            return Ok(());
        };
        // Whether it is in the database is not known. Its user hears what is true: at once where
        // the database opens again, else as soon as it does.
        let (store, mut told) = tx.into_limbo();
        let is_action = store.limbo.as_ref().is_some_and(|limbo| limbo.undo.is_some());
        if self.revive(store).await.is_err() && is_action {
            self.wake.notify_one();
            let patience = Duration::from_millis(self.start.parameters.save_bound / 2);
            future::select(&mut told, self.env.env.clock.sleep(patience)).await;
        }
        told.close();
        if told.try_recv() == Ok(true) {
            return Ok(());
        }
        if is_action {
            self.take_back().await;
        }
        if matches!(error, StoreError::Full) {
            // The database is open again, but that is not over.
            self.storage_fails(&error);
        }
        Err(error)
    }

    /// Its user is about to hear that nothing was kept. Where the disk can be written but nothing
    /// made durable, the transaction may stand in the log, and whoever opens the database next,
    /// after a crash or on another device, would find it. So it is taken back in the log as well.
    async fn take_back(&self) {
        let store = self.store.lock().await;
        if store.limbo.is_none() || store.is_open() {
            return;
        }
        // What does not go well now is done again by whoever opens the database. Nobody may go
        // on with it as it is: not all that it holds is on the disk.
        if let Ok(mut store) = self.try_revive(store, Durable::NotYet).await {
            store.close();
        }
        self.wake.notify_one();
    }

    /// The open database; opens it if need be.
    pub(crate) async fn open_store(&self) -> Result<AsyncMutexGuard<'_, Store>> {
        let store = self.store.lock().await;
        if store.is_open() { Ok(store) } else { self.revive(store).await }
    }

    /// Opens the database and publishes everything in it.
    async fn revive<'a>(&'a self, store: AsyncMutexGuard<'a, Store>) -> Result<AsyncMutexGuard<'a, Store>> {
        let revived = match self.try_revive(store, Durable::Yes).await {
            // Nothing is sent before it is open.
            Err(StoreError::Full) => {
                let mut store = self.store.lock().await;
                if store.give_up_reserve() {
                    self.try_revive(store, Durable::Yes).await
                } else {
                    Err(StoreError::Full)
                }
            }
            revived => revived,
        };
        match &revived {
            Ok(_) => {
                self.shared().storage = None;
                self.publish_status();
            }
            Err(error) => self.storage_fails(error),
        }
        revived
    }

    async fn try_revive<'a>(
        &'a self,
        mut store: AsyncMutexGuard<'a, Store>,
        durable: Durable,
    ) -> Result<AsyncMutexGuard<'a, Store>> {
        leave::finish(self, &mut store)?;
        let opened = store.open(durable)?;
        let opened = leave::evict_others(self, &mut store, opened, durable)?;
        let first = !store.taken_up;
        let in_doubt = store.limbo.is_some();
        let undo = store.resolve_limbo();
        let mut tx = Tx::begin(store)?;
        if in_doubt {
            // What was in doubt may still stand in a log that was only deleted, and come back with
            // a power loss. A commit of its own syncs the log that takes its place.
            tx.meta.force_commit();
        }
        tx.meta.user = leave::whose(self, &tx, opened);
        if first {
            self.take_up(&mut tx, opened)?;
        }
        if let Some(undo) = undo {
            tx.take_back(undo)?;
        }
        tx.touched.extend(tx.record_ids()?);
        tx.touched.extend(self.shared().shown.ids());
        let news = self.news(&mut tx)?;
        tx.commit()?;
        if opened == Opened::Repaired {
            self.shared().last_error = Some(REPAIRED.to_owned());
            self.shared().work = true;
        }
        self.shared().user.clone_from(&tx.meta.user);
        self.publish(news);
        let mut store = tx.into_store();
        store.taken_up = true;
        store.limbo = None;
        Ok(store)
    }

    /// Takes up what an earlier run left.
    fn take_up(&self, tx: &mut Tx<'_>, opened: Opened) -> Result<()> {
        if self.policy.numbers == Numbers::NeverReused && opened != Opened::New {
            // A restored database gives a number of an earlier run again only if both runs drew gaps
            // that lie closer together than the work they saved: once in millions of restores. Two
            // million starts stay below 2^53, so that every JSON parser reads the numbers right.
            let gap = self.env.env.random.number("number gap") % self.start.parameters.number_gap;
            tx.meta.skip_numbers(1 + gap);
        }
        migrate::adopt(self, tx)?;
        scope::adopt(self, tx, opened == Opened::New)?;
        tx.requeue_sending()?;
        for id in tx.record_ids()? {
            let Some(record) = tx.record(&id)? else { continue };
            let rows = tx.queue_of(&id)?;
            let over = overlay::overlay(&record, &rows);
            if let Some(shown) = record.state {
                let derived = badge::derived_state(&record, &rows, &over);
                tx.set_state(&id, Some(badge::restarted_state(shown, derived)))?;
            }
        }
        Ok(())
    }

    /// Notes that the storage fails, for its user to see.
    pub(crate) fn storage_fails(&self, error: &StoreError) {
        self.shared().storage = Some(error.to_string());
        self.publish_status();
    }
}

const REPAIRED: &str =
    "the database on this device was damaged; what was whole in it is kept, and the rest is fetched anew";
