//! The simulated `Env` of one incarnation of a host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadzone_contract::seam::{BoxFuture, Clock, DatabaseLocation, Disk, Random, Screen, Secrets, Spawner};
use deadzone_contract::{Env, RecordId, RecordView, Status, TrayItem};
use deadzone_disk::Mount;
use deadzone_net::Host;
use deadzone_trace::Event;
use tokio::time::Instant;

use crate::caught::caught;
use crate::clock::ms;
use crate::machine::Machine;
use crate::recorder::Recorder;

/// One incarnation's view of its machine. Once the incarnation is dead, it does nothing more.
#[derive(Clone)]
pub(crate) struct Incarnation {
    pub(crate) machine: Arc<Machine>,
    pub(crate) host: Host,
    pub(crate) recorder: Recorder,
    pub(crate) mount: Arc<Mount>,
    booted: Instant,
    slept_before: Duration,
    screen: Arc<Mutex<OnScreen>>,
}

/// What an app's screen shows, so that the trace is told of changes only.
#[derive(Default)]
struct OnScreen {
    records: BTreeMap<RecordId, RecordView>,
    tray: Vec<TrayItem>,
    status: Option<Status>,
}

impl Incarnation {
    pub(crate) fn new(machine: Arc<Machine>, host: Host, recorder: Recorder) -> Incarnation {
        let clock = Arc::clone(&machine);
        Incarnation {
            mount: Arc::new(machine.disk.mount(move || clock.clock.now_ms())),
            host,
            recorder,
            booted: Instant::now(),
            slept_before: machine.gate.slept(),
            screen: Arc::default(),
            machine,
        }
    }

    /// Writes to the trace, unless this incarnation is dead.
    pub(crate) fn record(&self, event: Event) {
        if self.host.is_alive() {
            self.recorder.record(&self.machine.name, event);
        }
    }

    pub(crate) fn env(&self) -> Env {
        let this = Arc::new(self.clone());
        Env { clock: this.clone(), random: this.clone(), disk: this.clone(), spawner: this }
    }

    fn on_screen(&self) -> std::sync::MutexGuard<'_, OnScreen> {
        self.screen.lock().expect("nothing panics here")
    }

    /// Lets other tasks run, as often as the seed says.
    pub(crate) async fn yields(&self, purpose: &'static str) {
        for _ in 0..self.machine.draw("yields", purpose).below(4) {
            tokio::task::yield_now().await;
        }
    }

    /// Runs code under test as a task of this incarnation, while its machine is awake.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let this = self.clone();
        self.host.spawn(async move {
            this.yields("task").await;
            if let Err(panic) = this.machine.gate.behind(caught(task)).await {
                this.record(panic);
            }
        });
    }
}

impl Clock for Incarnation {
    fn wall_ms(&self) -> u64 {
        self.machine.clock.now_ms()
    }

    fn elapsed(&self) -> Duration {
        self.booted.elapsed().saturating_sub(self.machine.gate.slept() - self.slept_before)
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let this = self.clone();
        Box::pin(async move {
            this.machine.gate.sleep(time).await;
            this.yields("timer").await;
        })
    }
}

impl Random for Incarnation {
    fn fill(&self, purpose: &'static str, out: &mut [u8]) {
        self.machine.draw("random", purpose).fill(out);
    }
}

impl Disk for Incarnation {
    fn database(&self, name: &str) -> DatabaseLocation {
        self.machine.note_database(name);
        DatabaseLocation { path: name.into(), vfs: Some(self.mount.vfs().to_owned()) }
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        // The journals first: a journal without its database is harmless, the other way it is not.
        for suffix in ["-wal", "-shm", "-journal", ""] {
            let path = format!("{name}{suffix}");
            self.mount.delete(&path).map_err(|error| format!("{path} cannot be deleted: {error}"))?;
        }
        if self.machine.forget_wear(name) {
            let why = format!("its app gave the damaged {name} up");
            self.record(Event::CopiesLost { since: 0, given_up: true, why });
        }
        Ok(())
    }

    fn latency(&self) -> BoxFuture<'static, ()> {
        let this = self.clone();
        Box::pin(async move {
            match this.machine.draw("disk", "disk").between(0, this.machine.disk_latency_max_ms) {
                0 => this.yields("disk yield").await,
                time_ms => tokio::time::sleep(ms(time_ms)).await,
            }
        })
    }
}

impl Spawner for Incarnation {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        Incarnation::spawn(self, task);
    }
}

impl Secrets for Incarnation {
    fn get(&self, name: &str) -> Option<String> {
        self.machine.secret(name)
    }

    fn set(&self, name: &str, secret: Option<String>) {
        if self.host.is_alive() {
            self.machine.set_secret(name, secret);
        }
    }
}

impl Screen for Incarnation {
    fn record(&self, view: &RecordView) {
        if self.on_screen().records.insert(view.record.clone(), view.clone()).as_ref() != Some(view) {
            Incarnation::record(self, Event::Shown(view.clone()));
        }
    }

    fn gone(&self, record: &RecordId) {
        if self.on_screen().records.remove(record).is_some() {
            Incarnation::record(self, Event::Gone { record: record.clone() });
        }
    }

    fn tray(&self, tray: &[TrayItem]) {
        if std::mem::replace(&mut self.on_screen().tray, tray.to_vec()) != tray {
            Incarnation::record(self, Event::Tray { items: tray.to_vec() });
        }
    }

    fn status(&self, status: &Status) {
        if self.on_screen().status.replace(status.clone()).as_ref() != Some(status) {
            Incarnation::record(self, Event::Status(status.clone()));
        }
    }
}
