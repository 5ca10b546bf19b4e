//! A server, its users and its environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use deadzone_contract::problem::Problem;
use deadzone_contract::seam::{
    BoxFuture, Clock, DatabaseLocation, Disk, Env, HttpService, Random, Server, ServerStart, Spawner,
};
use deadzone_contract::wire::{
    HEADER_CLIENT_VERSION, HEADER_DEVICE_ID, HEADER_SCHEMA_VERSION, MemberChange, Mutation, PushAnswer,
    PushRequest, Role, SyncPage, TokenAnswer, TokenRequest,
};
use deadzone_contract::{Model, Parameters};
use deadzone_disk::Mount;
use deadzone_server::{ReferenceServer, ServerPolicy};
use http::{Method, Request, Response};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use crate::render;

/// The time at which every test begins.
pub(crate) const START_MS: u64 = 1_000_000;

/// What the operator shows.
pub(crate) const OPERATOR_TOKEN: &str = "operator-secret";

/// Polls a future that has no reason to wait for anything but its turn.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
    panic!("the future never ends");
}

#[derive(Clone)]
pub(crate) struct TestClock {
    wall_ms: Arc<AtomicU64>,
    /// Nobody sleeps: a task is run to its end.
    hurried: Arc<AtomicBool>,
}

impl Clock for TestClock {
    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> Duration {
        unreachable!("the server never measures")
    }

    /// Over when the time has come, or when [`Lab::run_tasks`] comes by.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let (clock, until_ms) = (self.clone(), self.wall_ms() + time.as_millis() as u64);
        Box::pin(std::future::poll_fn(move |_| {
            let over = clock.wall_ms() >= until_ms || clock.hurried.load(Ordering::Relaxed);
            if over { Poll::Ready(()) } else { Poll::Pending }
        }))
    }
}

/// Takes one poll.
fn one_poll() -> impl Future<Output = ()> {
    let mut polled = false;
    std::future::poll_fn(
        move |_| {
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        },
    )
}

/// For each purpose 1, 2, 3 and so on.
struct Counting(Mutex<BTreeMap<&'static str, u64>>);

impl Random for Counting {
    fn fill(&self, purpose: &'static str, out: &mut [u8]) {
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(purpose).or_default();
        *count += 1;
        let bytes = format!("{purpose}{count}").into_bytes();
        out.fill(0);
        for (to, from) in out.iter_mut().rev().zip(bytes.iter().rev()) {
            *to = *from;
        }
    }
}

/// A database in memory, in a file or on a simulated disk; storage takes one poll, or for ever.
pub(crate) struct TestDisk {
    place: Mutex<DatabaseLocation>,
    stalled: AtomicBool,
}

impl Disk for TestDisk {
    fn database(&self, name: &str) -> DatabaseLocation {
        assert_eq!(name, "server");
        self.place.lock().unwrap().clone()
    }

    fn remove(&self, _: &str) -> Result<(), String> {
        unreachable!("the server never deletes its database")
    }

    fn latency(&self) -> BoxFuture<'static, ()> {
        match self.stalled.load(Ordering::Relaxed) {
            true => Box::pin(std::future::pending()),
            false => Box::pin(one_poll()),
        }
    }
}

/// Tasks that wait until they are run.
#[derive(Default)]
struct Tasks(Mutex<Vec<BoxFuture<'static, ()>>>);

impl Spawner for Tasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(task);
    }
}

/// `ana/phone`: whose device speaks. `ana/phone/3`: its app is of version 3, and says so.
pub(crate) struct Lab {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) disk: Arc<TestDisk>,
    pub(crate) start: ServerStart,
    pub(crate) policy: ServerPolicy,
    pub(crate) model: Model,
    /// Keeps the database in memory while the server is down, and looks into it.
    pub(crate) anchor: Connection,
    env: Env,
    tasks: Arc<Tasks>,
    service: Option<HttpService>,
    tokens: Mutex<BTreeMap<String, String>>,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        Lab::with(|_| ())
    }

    /// A server after `change` of its parameters. Ana and Ben write at home, Vic reads there,
    /// Eve writes elsewhere.
    pub(crate) fn with(change: impl FnOnce(&mut Parameters)) -> Lab {
        Lab::started(change, ServerPolicy::default())
    }

    pub(crate) fn started(change: impl FnOnce(&mut Parameters), policy: ServerPolicy) -> Lab {
        Lab::begin(change, policy, Model::B)
    }

    pub(crate) fn of_model(model: Model) -> Lab {
        Lab::begin(|_| (), ServerPolicy::default(), model)
    }

    fn begin(change: impl FnOnce(&mut Parameters), policy: ServerPolicy, model: Model) -> Lab {
        static LABS: AtomicU64 = AtomicU64::new(0);
        let uri = format!("file:/lab-{}?vfs=memdb", LABS.fetch_add(1, Ordering::Relaxed));
        let anchor = Connection::open(&uri).unwrap();
        let mut parameters = Parameters::default();
        change(&mut parameters);
        let start = ServerStart {
            passwords: ["ana", "ben", "vic", "eve"].map(|user| (user.into(), format!("{user}-pw"))).into(),
            grants: vec![
                ("home".into(), "ana".into(), Role::Editor),
                ("home".into(), "ben".into(), Role::Editor),
                ("home".into(), "vic".into(), Role::Viewer),
                ("away".into(), "eve".into(), Role::Editor),
            ],
            parameters,
            operator_token: OPERATOR_TOKEN.into(),
        };
        let wall_ms = Arc::new(AtomicU64::new(START_MS));
        let clock = Arc::new(TestClock { wall_ms, hurried: Arc::default() });
        let place = Mutex::new(DatabaseLocation { path: uri.into(), vfs: None });
        let disk = Arc::new(TestDisk { place, stalled: AtomicBool::new(false) });
        let tasks = Arc::new(Tasks::default());
        let env = Env {
            clock: clock.clone(),
            random: Arc::new(Counting(Mutex::default())),
            disk: disk.clone(),
            spawner: tasks.clone(),
        };
        let (service, tokens) = (None, Mutex::default());
        let mut lab = Lab { clock, disk, start, policy, model, anchor, env, tasks, service, tokens };
        lab.restart();
        lab
    }

    /// Puts the database of the next start into a file.
    pub(crate) fn use_file(&self, file: &Path) {
        *self.disk.place.lock().unwrap() = DatabaseLocation { path: file.to_owned(), vfs: None };
    }

    /// Puts the database of the next start onto a simulated disk.
    pub(crate) fn use_mount(&self, mount: &Mount) {
        let vfs = Some(mount.vfs().to_owned());
        *self.disk.place.lock().unwrap() = DatabaseLocation { path: "server".into(), vfs };
    }

    /// Ends the server and its tasks.
    pub(crate) fn stop(&mut self) {
        self.tasks.0.lock().unwrap().clear();
        self.service = None;
    }

    /// Runs the server's tasks to their end; how many there were.
    pub(crate) fn run_tasks(&self) -> usize {
        let tasks = std::mem::take(&mut *self.tasks.0.lock().unwrap());
        self.clock.hurried.store(true, Ordering::Relaxed);
        let run = tasks.into_iter().map(block_on).count();
        self.clock.hurried.store(false, Ordering::Relaxed);
        run
    }

    /// Ends the server and starts it anew on what it left.
    pub(crate) fn restart(&mut self) {
        self.try_restart().unwrap();
    }

    /// What a start says when it fails.
    pub(crate) fn start_error(&mut self) -> String {
        self.try_restart().expect_err("it started")
    }

    pub(crate) fn try_restart(&mut self) -> Result<(), String> {
        self.stop();
        let server = ReferenceServer::new(self.policy.clone()).in_model(self.model);
        self.service = Some(block_on(server.start(self.start.clone(), self.env.clone()))?);
        Ok(())
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.clock.wall_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(crate) fn set_back(&self, ms: u64) {
        self.clock.wall_ms.fetch_sub(ms, Ordering::Relaxed);
    }

    pub(crate) fn stall(&self, stalled: bool) {
        self.disk.stalled.store(stalled, Ordering::Relaxed);
    }

    pub(crate) fn service(&self) -> HttpService {
        self.service.clone().expect("the server is up")
    }

    pub(crate) fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        let Ok(response) = block_on(self.service().oneshot(request));
        response
    }

    /// A request of a user's device, with a valid token.
    pub(crate) fn request(
        &self,
        who: &str,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Request<Bytes> {
        let (user, device) = who.split_once('/').expect("user/device");
        let (device, app) =
            device.split_once('/').map_or((device, None), |(device, app)| (device, Some(app)));
        let mut tokens = self.tokens.lock().unwrap();
        let token = tokens.entry(user.to_owned()).or_insert_with(|| self.sign_in(user).access_token);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header(HEADER_DEVICE_ID, device);
        let versions = [HEADER_CLIENT_VERSION, HEADER_SCHEMA_VERSION];
        let request = app.into_iter().fold(request, |request, app| {
            versions.iter().fold(request, |request, name| request.header(*name, app))
        });
        request.body(body.into()).unwrap()
    }

    pub(crate) fn token(&self, request: &TokenRequest) -> Result<TokenAnswer, Problem> {
        let body = serde_json::to_vec(request).unwrap();
        parsed(&self.send(Request::post("/auth/token").body(body.into()).unwrap()))
    }

    pub(crate) fn sign_in(&self, user: &str) -> TokenAnswer {
        let request = TokenRequest::Password { user: user.into(), password: format!("{user}-pw") };
        self.token(&request).unwrap()
    }

    /// Asks to change what a user may do in a workspace; what the answer is.
    pub(crate) fn members(&self, token: &str, workspace: &str, user: &str, role: Option<Role>) -> String {
        let change = MemberChange { workspace: workspace.into(), user: user.into(), role };
        let body = serde_json::to_vec(&change).unwrap();
        let request = Request::post("/members").header("authorization", format!("Bearer {token}"));
        let response = self.send(request.body(body.into()).unwrap());
        match response.status().as_u16() {
            204 => "done".into(),
            _ => render::problem(&parsed::<()>(&response).unwrap_err()),
        }
    }

    /// The operator sets what a user may do in a workspace.
    pub(crate) fn grant(&self, workspace: &str, user: &str, role: Option<Role>) {
        assert_eq!(self.members(OPERATOR_TOKEN, workspace, user, role), "done");
    }

    /// Forgets the tokens, so that the next request signs in.
    pub(crate) fn forget_tokens(&self) {
        self.tokens.lock().unwrap().clear();
    }

    pub(crate) fn try_push(&self, who: &str, mutations: Vec<Mutation>) -> Result<PushAnswer, Problem> {
        let body = serde_json::to_vec(&PushRequest { mutations }).unwrap();
        parsed(&self.send(self.request(who, Method::POST, "/sync/mutations", body)))
    }

    /// The answer to a push, a line for each mutation.
    pub(crate) fn push(&self, who: &str, mutations: impl IntoIterator<Item = impl Into<Mutation>>) -> String {
        match self.try_push(who, mutations.into_iter().map(Into::into).collect()) {
            Ok(answer) => render::push(&answer),
            Err(problem) => render::problem(&problem),
        }
    }

    pub(crate) fn try_pull(&self, who: &str, query: &str) -> Result<SyncPage, Problem> {
        parsed(&self.send(self.request(who, Method::GET, &format!("/sync?{query}"), Bytes::new())))
    }

    /// The answer to a pull, a line for each change.
    pub(crate) fn pull(&self, who: &str, query: &str) -> String {
        match self.try_pull(who, query) {
            Ok(page) => render::page(&page),
            Err(problem) => render::problem(&problem),
        }
    }

    /// A pull from the start, page by page: what each page brings.
    pub(crate) fn pages(&self, who: &str, limit: u64) -> Vec<String> {
        self.pages_of(who, "", limit)
    }

    /// As [`Lab::pages`], of a scope.
    pub(crate) fn pages_of(&self, who: &str, scope: &str, limit: u64) -> Vec<String> {
        let (mut since, mut pages) = (0, Vec::new());
        for _ in 0..100 {
            let page = self.try_pull(who, &format!("since={since}&limit={limit}{scope}")).unwrap();
            pages.push(render::changes(&page.changes));
            since = page.next;
            if !page.more {
                return pages;
            }
        }
        panic!("the pull does not end: {pages:?}");
    }

    /// Everything that a device is shown.
    pub(crate) fn all(&self, who: &str) -> String {
        render::changes(&self.try_pull(who, "since=0").unwrap().changes)
    }
}

/// An answer, or the problem that stands in its place.
pub(crate) fn parsed<T: DeserializeOwned>(response: &Response<Bytes>) -> Result<T, Problem> {
    let read = |what| format!("{what}: {}", String::from_utf8_lossy(response.body()));
    if response.status().is_success() {
        Ok(serde_json::from_slice(response.body()).unwrap_or_else(|_| panic!("{}", read("no answer"))))
    } else {
        Err(serde_json::from_slice(response.body()).unwrap_or_else(|_| panic!("{}", read("no problem"))))
    }
}
