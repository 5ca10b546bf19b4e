//! The reference server of the sync contract: an HTTP service over SQLite.
//!
//! It stands in a simulated world, where everything that it touches arrives through
//! [`Env`], and the same code runs stand-alone as the `fake-server` binary. A map:
//!
//! - `http` is the surface: routes, forms, problem documents; `limits` says how much of what a
//!   user asks for is served;
//! - `auth` hands out tokens and says whose request it is; `headers` reads what a request says of
//!   itself, and `shape` translates for an older app;
//! - `push` takes mutations one by one, each in a transaction of its own; `answers` remembers
//!   what was answered, `apply` carries out the rules, one file a rule;
//! - `pull` hands out what `changes` finds, in commit order; `cursor` says where a device stands;
//!   `hints` tells that there is something to pull;
//! - `members` changes who may do what; `sight` is who may see what, and `ledger` is where they
//!   are told when that changes;
//! - `metrics` tells an operator how it goes;
//! - `collect` forgets tombstones and answers that are past their horizon;
//! - `store` owns the connection, `transaction` is what is done on it, `records` reads what they
//!   keep, `stored` is how they keep it;
//! - [`policy`] names the decisions that go wrong elsewhere, so that they can go wrong here.
//!
//! This crate depends on `contract` alone. It never reads a clock, draws entropy or starts a
//! task by itself, it shares no merge code with any client, and it trusts nothing that a
//! request says about its sender.

mod answers;
mod apply;
mod auth;
mod changes;
mod collect;
mod cursor;
mod failure;
mod headers;
mod hints;
mod http;
mod ledger;
mod limits;
mod members;
mod metrics;
pub mod policy;
mod pull;
mod push;
mod records;
mod seed;
mod shape;
mod sight;
mod store;
mod stored;
mod transaction;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use deadzone_contract::seam::{BoxFuture, Env, HttpService, Server, ServerStart};
use deadzone_contract::{Model, Parameters};
use rusqlite::Connection;
use tokio::sync::{Mutex, Notify};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

pub use policy::{DEFECTS, Defect, ServerPolicy, defect};
pub use store::StartError;

use auth::Caller;
use ledger::Ledger;
use limits::Limits;
use metrics::Metrics;
use sight::Eyes;
use store::Store;
use transaction::Transaction;

/// The name of the server's database on its disk.
const DATABASE: &str = "server";

/// The reference server.
#[derive(Clone, Debug, Default)]
pub struct ReferenceServer {
    /// Its decisions; the right ones by default.
    pub policy: ServerPolicy,
    /// How it syncs: which rules hold. A database is for one model.
    pub model: Model,
}

impl ReferenceServer {
    /// A server that makes these decisions.
    pub fn new(policy: ServerPolicy) -> ReferenceServer {
        ReferenceServer { policy, model: Model::default() }
    }

    /// The same server with the rules of a model.
    pub fn in_model(self, model: Model) -> ReferenceServer {
        ReferenceServer { model, ..self }
    }

    /// Opens the database, takes up what was left there, brings in the users and, into a new
    /// database, the grants, and returns the routes. [`Server::start`] wraps them for a world; a
    /// process of its own hands them to a socket.
    ///
    /// # Errors
    /// The database cannot be opened, is damaged, is of another version or model, or does not keep
    /// what it is told to keep; or a grant names a user that does not exist.
    pub async fn router(&self, start: ServerStart, env: Env) -> Result<Router, StartError> {
        let store = Store::open(env.disk.database(DATABASE))?;
        let store = Arc::new(Mutex::new(store));
        let mut app = App {
            store,
            env,
            parameters: start.parameters.clone(),
            operator_token: start.operator_token.clone(),
            started_ms: 0,
            policy: self.policy.clone(),
            model: self.model,
            limits: Limits::default(),
            metrics: Metrics::default(),
            news: Notify::new(),
        };
        let mut transaction = app.begin().await?;
        let ledger = Ledger { db: &transaction, now_ms: app.now_ms(), policy: &app.policy };
        let started_ms = seed::seed(&ledger, app.env.random.as_ref(), &start, app.model)?;
        transaction.commit()?;
        drop(transaction);
        app.started_ms = started_ms;
        Ok(http::router(Arc::new(app)))
    }
}

impl Server for ReferenceServer {
    fn name(&self) -> &str {
        "fake-server"
    }

    fn start(&self, start: ServerStart, env: Env) -> BoxFuture<'static, Result<HttpService, String>> {
        let server = self.clone();
        Box::pin(async move {
            let router = server.router(start, env).await.map_err(|error| error.to_string())?;
            Ok(in_memory(router))
        })
    }
}

/// Requests and answers with whole bodies, as the seam has them.
fn in_memory(router: Router) -> HttpService {
    BoxCloneSyncService::new(tower::service_fn(move |request: ::http::Request<Bytes>| {
        let router = router.clone();
        async move {
            let Ok(response) = router.oneshot(request.map(Body::from)).await;
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await;
            let body = body.expect("a body that is built in memory can be read");
            Ok::<_, Infallible>(::http::Response::from_parts(parts, body))
        }
    }))
}

/// What every request is served from.
struct App {
    store: Arc<Mutex<Store>>,
    env: Env,
    parameters: Parameters,
    operator_token: String,
    /// When the database was new.
    started_ms: u64,
    policy: ServerPolicy,
    model: Model,
    limits: Limits,
    metrics: Metrics,
    /// Sent to after each commit that changes what somebody may be shown.
    news: Notify,
}

impl App {
    fn eyes<'a>(&'a self, db: &'a Connection, caller: &'a Caller) -> Eyes<'a> {
        Eyes { db, caller, model: self.model, policy: &self.policy }
    }

    fn now_ms(&self) -> u64 {
        self.env.clock.wall_ms()
    }

    /// Begins a transaction that writes, and lets storage take its time.
    async fn begin(&self) -> rusqlite::Result<Transaction<'_>> {
        let transaction = Transaction::begin(self.store.lock().await, "BEGIN IMMEDIATE")?;
        self.env.disk.latency().await;
        Ok(transaction)
    }

    /// Gathers the transactions of the next second in one: [`policy::Commits::OnceASecond`].
    async fn gather(&self) -> rusqlite::Result<()> {
        let mut store = self.store.lock().await;
        if store.is_gathering() {
            return Ok(());
        }
        store.gather()?;
        let (store, second) = (Arc::clone(&self.store), self.env.clock.sleep(Duration::from_secs(1)));
        self.env.spawner.spawn(Box::pin(async move {
            second.await;
            store.lock().await.commit_gathered();
        }));
        Ok(())
    }

    /// Lets go of the connection after an error that makes it doubtful.
    async fn doubt(&self, error: &rusqlite::Error) {
        if failure::is_storage(error) {
            self.store.lock().await.give_up();
        }
    }

    /// Begins a transaction that only reads: everything in it is of one moment.
    async fn read(&self) -> rusqlite::Result<Transaction<'_>> {
        Transaction::begin(self.store.lock().await, "BEGIN")
    }
}
