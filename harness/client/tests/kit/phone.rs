//! A phone: a disk that outlives its apps, and the app on it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadzone_client::{ClientPolicy, ReferenceClient};
use deadzone_contract::seam::{
    BoxFuture, ClientEnv, ClientStart, Clock, DatabaseLocation, Disk as DiskSeam, Random, Secrets, Spawner,
};
use deadzone_contract::view::View;
use deadzone_contract::wire::SCHEMA_VERSION;
use deadzone_contract::{
    Action, Change, Client, Device, Env, FieldChange, Model, Parameters, RecordId, RecordView, Refusal,
    Saved, TrayItem, Value,
};
use deadzone_disk::{Disk, Mount};
use tokio::task::JoinSet;

use super::screen::Eyes;
use super::server::Server;

/// Runs a story on a clock that jumps.
pub(crate) fn story<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(tokio::task::LocalSet::new().run_until(story))
}

/// What belongs to a phone.
#[derive(Clone)]
pub(crate) struct Phone {
    pub(crate) disk: Disk,
    secrets: Arc<Keychain>,
    /// Two phones draw differently.
    drawn: Arc<AtomicU64>,
    pub(crate) policy: ClientPolicy,
    pub(crate) parameters: Parameters,
    pub(crate) model: Model,
    pub(crate) app_version: u32,
    pub(crate) scope: Option<Vec<String>>,
    /// The entities that it keeps; none: all.
    pub(crate) entities: Option<Vec<String>>,
    /// How far the wall clock has gone on while the timers stood, in ms.
    pub(crate) slept: Arc<AtomicU64>,
}

impl Phone {
    pub(crate) fn new(seed: u64) -> Phone {
        let drawn = Arc::new(AtomicU64::new(seed << 32));
        Phone {
            disk: Disk::new(),
            secrets: Arc::default(),
            drawn,
            policy: ClientPolicy::default(),
            parameters: Parameters::default(),
            model: Model::B,
            app_version: SCHEMA_VERSION,
            scope: None,
            entities: None,
            slept: Arc::default(),
        }
    }

    /// Everything in its store for secrets.
    pub(crate) fn secrets(&self) -> BTreeMap<String, String> {
        self.secrets.0.lock().unwrap().clone()
    }

    /// The same phone with another disk and other secrets.
    pub(crate) fn as_it_was(&self, disk: Disk, secrets: BTreeMap<String, String>) -> Phone {
        Phone { disk, secrets: Arc::new(Keychain(Mutex::new(secrets))), ..self.clone() }
    }

    /// The same phone with another disk.
    pub(crate) fn with_disk(&self, disk: Disk) -> Phone {
        Phone { disk, ..self.clone() }
    }

    /// Starts the app.
    pub(crate) async fn start(&self, server: &Server, online: bool) -> Result<App, Refusal> {
        let eyes = Arc::new(Eyes::default());
        let platform = Arc::new(Platform {
            eyes: Arc::clone(&eyes),
            mount: self.disk.mount(|| 0),
            drawn: Arc::clone(&self.drawn),
            slept: Arc::clone(&self.slept),
            tasks: Mutex::default(),
            started: tokio::time::Instant::now(),
        });
        let env = ClientEnv {
            env: Env {
                clock: platform.clone(),
                random: platform.clone(),
                disk: platform.clone(),
                spawner: platform.clone(),
            },
            transport: server.transport(),
            secrets: self.secrets.clone(),
            screen: eyes.clone(),
        };
        let start = ClientStart {
            user: "ana".into(),
            parameters: self.parameters.clone(),
            online,
            app_version: self.app_version,
            scope: self.scope.clone(),
            entities: self.entities.clone(),
        };
        let device = ReferenceClient::new(self.policy.clone()).in_model(self.model).start(start, env).await?;
        Ok(App { device, platform, eyes })
    }

    /// Starts the app and signs in.
    pub(crate) async fn signed_in(&self, server: &Server) -> App {
        let app = self.start(server, true).await.unwrap();
        self.sign_in(&app).await;
        app
    }

    pub(crate) async fn sign_in(&self, app: &App) {
        app.sign_in("ana").await.unwrap();
    }
}

/// A running app.
pub(crate) struct App {
    pub(crate) device: Arc<dyn Device>,
    pub(crate) eyes: Arc<Eyes>,
    platform: Arc<Platform>,
}

impl App {
    /// Ends it as an operating system does.
    pub(crate) async fn kill(self) {
        assert_eq!(self.eyes.illegal(), Vec::<String>::new());
        self.platform.mount.kill();
        let mut tasks = std::mem::take(&mut *self.platform.tasks.lock().unwrap());
        tasks.shutdown().await;
    }

    /// Ends it as a user does: its database is closed.
    pub(crate) async fn end(self) {
        let mut tasks = std::mem::take(&mut *self.platform.tasks.lock().unwrap());
        tasks.shutdown().await;
        drop(self.device);
    }

    pub(crate) async fn sign_in(&self, user: &str) -> Result<Saved, Refusal> {
        self.act(Action::SignIn { user: user.into(), password: "secret".into() }).await
    }

    pub(crate) async fn sign_out(&self, anyway: bool) -> Result<Saved, Refusal> {
        self.act(Action::SignOut { anyway }).await
    }

    pub(crate) async fn act(&self, action: Action) -> Result<Saved, Refusal> {
        self.device.act(action).await
    }

    pub(crate) async fn create(&self, title: &str) -> Result<RecordId, Refusal> {
        let changes = vec![FieldChange { field: "title".into(), change: Change::Put(Value::text(title)) }];
        let action =
            Action::Create { entity: "project".into(), workspace: "home".into(), parent: None, changes };
        Ok(self.act(action).await?.record.unwrap())
    }

    /// A project in any workspace.
    pub(crate) async fn create_in(&self, workspace: &str) -> Result<RecordId, Refusal> {
        let (entity, workspace) = ("project".into(), workspace.to_owned());
        let action = Action::Create { entity, workspace, parent: None, changes: Vec::new() };
        Ok(self.act(action).await?.record.unwrap())
    }

    /// A task that can count.
    pub(crate) async fn task(&self, project: &RecordId, title: &str) -> Result<RecordId, Refusal> {
        let changes = vec![FieldChange { field: "title".into(), change: Change::Put(Value::text(title)) }];
        let (entity, workspace) = ("task".into(), "home".into());
        let action = Action::Create { entity, workspace, parent: Some(project.clone()), changes };
        Ok(self.act(action).await?.record.unwrap())
    }

    pub(crate) async fn edit(
        &self,
        record: &RecordId,
        field: &str,
        change: Change,
    ) -> Result<Saved, Refusal> {
        let changes = vec![FieldChange { field: field.to_owned(), change }];
        self.act(Action::Edit { record: record.clone(), changes }).await
    }

    pub(crate) async fn add(&self, record: &RecordId, by: i64) -> Result<Saved, Refusal> {
        self.edit(record, "completed_count", Change::Add(by)).await
    }

    pub(crate) async fn set(&self, record: &RecordId, field: &str, words: &str) -> Result<Saved, Refusal> {
        self.edit(record, field, Change::Put(Value::text(words))).await
    }

    pub(crate) async fn view(&self) -> View {
        self.device.view().await
    }

    pub(crate) async fn delete(&self, record: &RecordId) -> Result<Saved, Refusal> {
        self.act(Action::Delete { record: record.clone(), password: Some("secret".into()) }).await
    }

    pub(crate) async fn undo(&self, record: &RecordId) -> Result<Saved, Refusal> {
        self.act(Action::Undo { record: record.clone() }).await
    }

    /// A record as it is shown.
    pub(crate) async fn record(&self, record: &RecordId) -> Option<RecordView> {
        self.view().await.records.into_iter().find(|view| view.record == *record)
    }

    /// A field of a record as it is shown.
    pub(crate) async fn field(&self, record: &RecordId, field: &str) -> Option<Value> {
        self.record(record).await?.fields.remove(field)
    }

    pub(crate) async fn tray(&self) -> Vec<TrayItem> {
        self.view().await.tray
    }

    /// A comment, which a delete elsewhere takes for good.
    pub(crate) async fn comment(&self, task: &RecordId, body: &str) -> Result<RecordId, Refusal> {
        let changes = vec![FieldChange { field: "body".into(), change: Change::Put(Value::text(body)) }];
        let (entity, workspace) = ("comment".into(), "home".into());
        let action = Action::Create { entity, workspace, parent: Some(task.clone()), changes };
        Ok(self.act(action).await?.record.unwrap())
    }

    /// A project with a task in it, known to the server.
    pub(crate) async fn house(&self) -> (RecordId, RecordId) {
        let project = self.create("House").await.unwrap();
        let task = self.task(&project, "Roof").await.unwrap();
        self.settle().await;
        (project, task)
    }

    pub(crate) async fn shown(&self) -> BTreeMap<RecordId, BTreeMap<String, Value>> {
        let view = self.view().await;
        view.records.into_iter().map(|record| (record.record, record.fields)).collect()
    }

    /// Syncs until nothing waits, and nothing more comes.
    pub(crate) async fn settle(&self) {
        self.device.connectivity(true);
        for _ in 0..20 {
            let synced = self.device.sync().await.is_ok();
            if synced && self.view().await.status.queued == 0 {
                return;
            }
            sleep_s(60).await;
        }
        panic!("it does not settle: {:?}", self.view().await.status);
    }
}

pub(crate) async fn sleep_s(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

struct Platform {
    eyes: Arc<Eyes>,
    mount: Mount,
    drawn: Arc<AtomicU64>,
    slept: Arc<AtomicU64>,
    tasks: Mutex<JoinSet<()>>,
    started: tokio::time::Instant,
}

impl Clock for Platform {
    fn wall_ms(&self) -> u64 {
        let slept = self.slept.load(Ordering::Relaxed);
        1_700_000_000_000 + slept + self.started.elapsed().as_millis() as u64
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

impl Random for Platform {
    fn fill(&self, _: &'static str, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&(drawn ^ (drawn >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

impl DiskSeam for Platform {
    fn database(&self, name: &str) -> DatabaseLocation {
        DatabaseLocation { path: name.into(), vfs: Some(self.mount.vfs().to_owned()) }
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        for suffix in ["-wal", "-shm", "-journal", ""] {
            self.mount.delete(&format!("{name}{suffix}")).map_err(|error| error.to_string())?;
        }
        if name.ends_with(".db") {
            self.eyes.begin_anew();
        }
        Ok(())
    }

    fn latency(&self) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }
}

impl Spawner for Platform {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().unwrap().spawn(task);
    }
}

#[derive(Default)]
struct Keychain(Mutex<BTreeMap<String, String>>);

impl Secrets for Keychain {
    fn get(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn set(&self, name: &str, secret: Option<String>) {
        let mut secrets = self.0.lock().unwrap();
        match secret {
            Some(secret) => secrets.insert(name.to_owned(), secret),
            None => secrets.remove(name),
        };
    }
}
