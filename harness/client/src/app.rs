//! The running app: its parts, its start, and how it publishes what it shows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use deadzone_contract::seam::{BoxFuture, ClientEnv, ClientStart};
use deadzone_contract::view::View;
use deadzone_contract::{
    Action, Badge, Code, Device, RecordId, RecordState, RecordView, Refusal, Saved, Status, TrayItem, WayOut,
};
use tokio::sync::{Mutex as AsyncMutex, Notify, oneshot};

use crate::overlay;
use crate::policy::{ClientPolicy, Reconnect};
use crate::store::{QueueRow, Result, RowStatus, Store, StoreError, Tx};

/// One app on one device.
pub(crate) struct App {
    pub(crate) env: ClientEnv,
    pub(crate) start: ClientStart,
    pub(crate) policy: ClientPolicy,
    store: AsyncMutex<Store>,
    /// Held while tokens are fetched.
    pub(crate) session: AsyncMutex<()>,
    /// Something changed that the sync loop should look at.
    pub(crate) wake: Notify,
    shared: Mutex<Shared>,
}

/// What the app knows only while it runs.
#[derive(Default)]
pub(crate) struct Shared {
    /// What the platform says.
    pub(crate) online: bool,
    /// An action was saved, or the network came back, since the last round.
    pub(crate) work: bool,
    /// The pause after failures does not hold for the next round.
    pub(crate) impatient: bool,
    /// Callers of [`Device::sync`].
    pub(crate) waiters: Vec<oneshot::Sender<std::result::Result<(), String>>>,
    /// Nothing but a sign-in helps.
    pub(crate) signed_out: bool,
    pub(crate) last_sync_ms: Option<u64>,
    pub(crate) last_error: Option<String>,
    /// The last round found no way to the server.
    pub(crate) unreachable: bool,
    shown: BTreeMap<RecordId, RecordView>,
    tray: Vec<TrayItem>,
    status: Option<Status>,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::new(Code::Storage, format!("{error}; nothing of this was saved"))
    }
}

impl App {
    /// Opens the database, shows what is in it and begins to sync.
    pub(crate) async fn open(
        start: ClientStart,
        policy: ClientPolicy,
        env: ClientEnv,
    ) -> std::result::Result<Arc<App>, Refusal> {
        env.env.disk.latency().await;
        let store = Store::open(&env.env.disk.database(&format!("{}.db", start.user)))?;
        let shared = Shared {
            online: start.online,
            work: true,
            signed_out: env.secrets.get("refresh").is_none(),
            ..Shared::default()
        };
        let app = Arc::new(App {
            env,
            start,
            policy,
            store: AsyncMutex::new(store),
            session: AsyncMutex::new(()),
            wake: Notify::new(),
            shared: Mutex::new(shared),
        });
        app.take_up().await?;
        let looping = Arc::clone(&app);
        app.env.env.spawner.spawn(Box::pin(crate::engine::run(looping)));
        Ok(app)
    }

    /// Takes up what an earlier run left.
    async fn take_up(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        if tx.meta("device_id")?.is_none() {
            tx.set_meta("device_id", &self.env.env.random.token("device id"))?;
        }
        tx.requeue_sending()?;
        for id in tx.record_ids()? {
            let Some(record) = tx.record(&id)? else { continue };
            let rows = tx.queue_of(&id)?;
            let over = overlay::overlay(&record, &rows, "");
            if let Some(shown) = record.state {
                let derived = overlay::derived_state(&record, &rows, &over);
                tx.set_state(&id, Some(overlay::restarted_state(shown, derived)))?;
            }
            tx.touched.insert(id);
        }
        self.shared().last_sync_ms = match tx.meta_number("last_sync_ms")? {
            0 => None,
            ms => Some(ms as u64),
        };
        self.commit(tx).await
    }

    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("nothing panics while it holds this lock")
    }

    pub(crate) fn wall_ms(&self) -> u64 {
        self.env.env.clock.wall_ms()
    }

    pub(crate) async fn begin(&self) -> Result<Tx<'_>> {
        Tx::begin(self.store.lock().await)
    }

    /// Commits, then publishes what changed while the order of commits still holds.
    pub(crate) async fn commit(&self, mut tx: Tx<'_>) -> Result<()> {
        self.env.env.disk.latency().await;
        let device_id = tx.meta("device_id")?.unwrap_or_default();
        let touched = std::mem::take(&mut tx.touched);
        let mut views = Vec::with_capacity(touched.len());
        for id in touched {
            let view = self.next_view(&mut tx, &id, &device_id)?;
            views.push((id, view));
        }
        let queue = tx.queue()?;
        let tray = self.tray(&tx, &queue)?;
        tx.commit()?;
        if let Some(id) = tx.discarded.take() {
            self.flash(&id, RecordState::Discarded);
        }
        for (id, view) in views {
            self.publish(id, view);
        }
        let mut shared = self.shared();
        if shared.tray != tray {
            self.env.screen.tray(&tray);
            shared.tray = tray;
        }
        drop(shared);
        self.publish_status(&queue);
        Ok(())
    }

    /// The record as it will be shown once this transaction is committed; none if it will not be.
    fn next_view(&self, tx: &mut Tx<'_>, id: &RecordId, device_id: &str) -> Result<Option<RecordView>> {
        let Some(record) = tx.record(id)? else { return Ok(None) };
        let rows = tx.queue_of(id)?;
        let over = overlay::overlay(&record, &rows, device_id);
        if !over.visible {
            if rows.is_empty() {
                tx.drop_record(id)?;
            } else {
                // Should an edit elsewhere bring it back, its badge begins anew.
                tx.set_state(id, None)?;
            }
            return Ok(None);
        }
        let derived = overlay::derived_state(&record, &rows, &over);
        let state = overlay::next_state(record.state, derived);
        if record.state != Some(state) {
            tx.set_state(id, Some(state))?;
        }
        Ok(Some(overlay::view(&record, over, state)))
    }

    fn publish(&self, id: RecordId, view: Option<RecordView>) {
        let mut shared = self.shared();
        match view {
            Some(view) if shared.shown.get(&id) != Some(&view) => {
                self.env.screen.record(&view);
                shared.shown.insert(id, view);
            }
            None if shared.shown.remove(&id).is_some() => self.env.screen.gone(&id),
            _ => {}
        }
    }

    /// Shows a badge that stands in no table: the moment of a discard, or a lie.
    pub(crate) fn flash(&self, id: &RecordId, state: RecordState) {
        let mut shared = self.shared();
        if let Some(view) = shared.shown.get_mut(id) {
            view.state = state;
            self.env.screen.record(view);
        }
    }

    fn tray(&self, tx: &Tx<'_>, queue: &[QueueRow]) -> Result<Vec<TrayItem>> {
        let failed = queue.iter().filter(|row| row.status == RowStatus::Failed).map(|row| TrayItem {
            record: row.mutation.record.clone(),
            state: RecordState::Failed,
            what: row.what.clone(),
            reason: row.reason.clone().unwrap_or_default(),
            ways_out: vec![WayOut::Retry, WayOut::Discard],
        });
        let mut items: Vec<TrayItem> = failed.collect();
        for id in tx.conflicting()? {
            let Some(server) = tx.record(&id)?.and_then(|row| row.server) else { continue };
            items.extend(server.conflicts.iter().map(|open| TrayItem {
                record: id.clone(),
                state: RecordState::Conflict,
                what: format!("set {}={}", open.field, open.mine),
                reason: match &open.theirs {
                    Some(theirs) => format!("conflict: the server has {}={theirs}", open.field),
                    None => format!("conflict: the server has no {} any more", open.field),
                },
                ways_out: vec![WayOut::KeepMine, WayOut::UseTheirs, WayOut::Merge],
            }));
        }
        Ok(items)
    }

    fn publish_status(&self, queue: &[QueueRow]) {
        let queued = queue.iter().filter(|row| row.status != RowStatus::Failed).count() as u64;
        let mut shared = self.shared();
        let badge = if shared.signed_out || !shared.tray.is_empty() {
            Badge::Error
        } else if !shared.online || shared.unreachable {
            Badge::Offline
        } else if queued > 0 {
            Badge::Syncing
        } else {
            Badge::Synced
        };
        let status = Status {
            badge,
            queued,
            last_sync_ms: shared.last_sync_ms,
            last_error: shared.last_error.clone(),
        };
        if shared.status.as_ref() != Some(&status) {
            self.env.screen.status(&status);
            shared.status = Some(status);
        }
    }

    /// Shows the device's own state anew, after something that no transaction changed.
    pub(crate) async fn refresh_status(&self) {
        if let Ok(tx) = self.begin().await
            && let Ok(queue) = tx.queue()
        {
            self.publish_status(&queue);
        }
    }

    fn nudge(&self, impatient: bool) {
        let mut shared = self.shared();
        shared.work = true;
        shared.impatient |= impatient;
        drop(shared);
        self.wake.notify_one();
    }
}

/// What the world holds of a running app.
pub(crate) struct Handle(pub(crate) Arc<App>);

impl Device for Handle {
    fn act(&self, action: Action) -> BoxFuture<'_, std::result::Result<Saved, Refusal>> {
        Box::pin(async move {
            let saved = crate::act::act(&self.0, action).await?;
            self.0.nudge(false);
            Ok(saved)
        })
    }

    fn sync(&self) -> BoxFuture<'_, std::result::Result<(), String>> {
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            self.0.shared().waiters.push(done);
            self.0.nudge(true);
            answer.await.unwrap_or_else(|_| Err("the app is gone".to_owned()))
        })
    }

    fn connectivity(&self, online: bool) {
        if online && self.0.policy.reconnect == Reconnect::StayQuiet {
            return;
        }
        self.0.shared().online = online;
        self.0.nudge(online);
    }

    fn view(&self) -> BoxFuture<'_, View> {
        Box::pin(async move {
            // The lock orders this after whatever is being committed.
            let _store = self.0.store.lock().await;
            let shared = self.0.shared();
            View {
                records: shared.shown.values().cloned().collect(),
                tray: shared.tray.clone(),
                status: shared.status.clone().unwrap_or(Status {
                    badge: Badge::Offline,
                    queued: 0,
                    last_sync_ms: None,
                    last_error: None,
                }),
            }
        })
    }
}
