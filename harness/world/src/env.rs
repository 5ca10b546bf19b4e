//! The simulated `Env` of one incarnation of a host.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadzone_contract::seam::{BoxFuture, Clock, DatabaseLocation, Disk, Random, Screen, Secrets, Spawner};
use deadzone_contract::{Env, RecordId, RecordView, Status, TrayItem};
use deadzone_net::{Draws, Host};
use deadzone_trace::Event;
use rusqlite::{Connection, OpenFlags};
use tokio::time::Instant;

use crate::caught::caught;
use crate::clock::{WallClock, ms};
use crate::recorder::Recorder;

/// What belongs to a machine and outlives its crashes.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) clock: WallClock,
    pub(crate) secrets: Mutex<BTreeMap<String, String>>,
    draws: Draws,
    drawn: Mutex<BTreeMap<&'static str, u64>>,
    databases: Mutex<BTreeMap<String, Database>>,
    disk_latency_max_ms: u64,
}

/// A database in memory; the open connection keeps it there while the host is down.
struct Database {
    uri: String,
    _anchor: Connection,
}

impl Machine {
    pub(crate) fn new(name: &str, clock: WallClock, draws: &Draws, disk_latency_max_ms: u64) -> Machine {
        Machine {
            name: name.to_owned(),
            clock,
            secrets: Mutex::default(),
            draws: draws.key("machine").text(name).draws(),
            drawn: Mutex::default(),
            databases: Mutex::default(),
            disk_latency_max_ms,
        }
    }

    /// Counts the draws for one purpose on this machine, so that no two are the same.
    fn ordinal(&self, purpose: &'static str) -> u64 {
        let mut drawn = self.drawn.lock().expect("nothing panics here");
        let ordinal = drawn.entry(purpose).or_default();
        *ordinal += 1;
        *ordinal
    }

    fn database(&self, name: &str) -> String {
        // SQLite keeps shared in-memory databases by name for the whole process; the name is
        // seen by nobody, so a counter of the process does not disturb a run.
        static UNIQUE: AtomicU64 = AtomicU64::new(0);
        let mut databases = self.databases.lock().expect("nothing panics here");
        let database = databases.entry(name.to_owned()).or_insert_with(|| {
            let uri = format!("file:/world-{}?vfs=memdb", UNIQUE.fetch_add(1, Ordering::Relaxed));
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI;
            let anchor = Connection::open_with_flags(&uri, flags).expect("SQLite opens a database in memory");
            Database { uri, _anchor: anchor }
        });
        database.uri.clone()
    }
}

/// One incarnation's view of its machine. Once the incarnation is dead, it does nothing more.
#[derive(Clone)]
pub(crate) struct Incarnation {
    pub(crate) machine: Arc<Machine>,
    pub(crate) host: Host,
    pub(crate) recorder: Recorder,
    booted: Instant,
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
        Incarnation { machine, host, recorder, booted: Instant::now(), screen: Arc::default() }
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
        let key = self.machine.draws.key("yields").text(purpose).num(self.machine.ordinal(purpose));
        for _ in 0..key.below(4) {
            tokio::task::yield_now().await;
        }
    }

    /// Runs code under test as a task of this incarnation.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let this = self.clone();
        self.host.spawn(async move {
            this.yields("task").await;
            if let Err(panic) = caught(task).await {
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
        self.booted.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let this = self.clone();
        Box::pin(async move {
            tokio::time::sleep(time).await;
            this.yields("timer").await;
        })
    }
}

impl Random for Incarnation {
    fn fill(&self, purpose: &'static str, out: &mut [u8]) {
        self.machine.draws.key("random").text(purpose).num(self.machine.ordinal(purpose)).fill(out);
    }
}

impl Disk for Incarnation {
    fn database(&self, name: &str) -> DatabaseLocation {
        DatabaseLocation { path: self.machine.database(name).into(), vfs: None }
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        self.machine.databases.lock().expect("nothing panics here").remove(name);
        Ok(())
    }

    fn latency(&self) -> BoxFuture<'static, ()> {
        let this = self.clone();
        Box::pin(async move {
            let key = this.machine.draws.key("disk").num(this.machine.ordinal("disk"));
            match key.between(0, this.machine.disk_latency_max_ms) {
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
        self.machine.secrets.lock().expect("nothing panics here").get(name).cloned()
    }

    fn set(&self, name: &str, secret: Option<String>) {
        if !self.host.is_alive() {
            return;
        }
        let mut secrets = self.machine.secrets.lock().expect("nothing panics here");
        match secret {
            Some(secret) => secrets.insert(name.to_owned(), secret),
            None => secrets.remove(name),
        };
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
