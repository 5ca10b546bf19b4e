//! The seam: what a client or a server needs from its world, and what a world needs from them.
//!
//! Everything that is not determined arrives through [`Env`]. In a simulated world these are
//! simulated; in production they are the system's clock, entropy, files and sockets.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tower::util::BoxCloneSyncService;

use crate::wire::Role;
use crate::{Action, Parameters, RecordId, RecordView, Refusal, Rule, Saved, Status, TrayItem, view::View};

/// A future that may move between threads, boxed so that it can cross the seam.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one request and brings its whole answer, or says why there is none.
pub type Transport = BoxCloneSyncService<http::Request<Bytes>, http::Response<Bytes>, TransportError>;

/// Answers requests.
pub type HttpService = BoxCloneSyncService<http::Request<Bytes>, http::Response<Bytes>, Infallible>;

/// Why a request got no answer. Whether it took effect is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// Everything that code under test may touch.
#[derive(Clone)]
pub struct Env {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Durable storage.
    pub disk: Arc<dyn Disk>,
    /// Tasks.
    pub spawner: Arc<dyn Spawner>,
}

/// What a client has besides an [`Env`].
#[derive(Clone)]
pub struct ClientEnv {
    /// What every host has.
    pub env: Env,
    /// The way to the server. Paths are absolute (`/sync`); the transport knows the rest.
    pub transport: Transport,
    /// Where secrets survive, apart from the database.
    pub secrets: Arc<dyn Secrets>,
    /// Where the user looks.
    pub screen: Arc<dyn Screen>,
}

/// A device's clocks.
pub trait Clock: Send + Sync {
    /// The wall clock in ms since the Unix epoch: skewed, drifting, and free to jump.
    fn wall_ms(&self) -> u64;
    /// Time since this start of the host; never goes back.
    fn elapsed(&self) -> Duration;
    /// Ends after `time`.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// Entropy.
pub trait Random: Send + Sync {
    /// Fills `out`. `purpose` says what for (`record id`, `backoff`): draws for one purpose do
    /// not disturb those for another.
    fn fill(&self, purpose: &'static str, out: &mut [u8]);
}

impl dyn Random + '_ {
    /// Draws a number.
    pub fn number(&self, purpose: &'static str) -> u64 {
        let mut bytes = [0; 8];
        self.fill(purpose, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Draws 16 bytes and writes them as hexadecimal digits.
    pub fn token(&self, purpose: &'static str) -> String {
        let mut bytes = [0; 16];
        self.fill(purpose, &mut bytes);
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Where an SQLite database is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseLocation {
    /// A path or a `file:` URI.
    pub path: PathBuf,
    /// The name of the SQLite VFS; none: the default one.
    pub vfs: Option<String>,
}

/// Durable storage.
pub trait Disk: Send + Sync {
    /// Where the database of this name lies. The same name is the same database across
    /// restarts.
    fn database(&self, name: &str) -> DatabaseLocation;
    /// Deletes a database with its journals, so that the name is free for a new one. Nothing may
    /// have it open. A database that does not exist is deleted already.
    ///
    /// # Errors
    /// The storage refused; what is left is not known.
    fn remove(&self, name: &str) -> Result<(), String>;
    /// The time that storage takes. Await it between a transaction's begin and its commit, where
    /// a real disk would let other work run.
    fn latency(&self) -> BoxFuture<'static, ()>;
}

/// Tasks that end when their host does.
pub trait Spawner: Send + Sync {
    /// Runs `task` until it ends or the host dies.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// The platform's store for secrets.
pub trait Secrets: Send + Sync {
    /// A secret by its name.
    fn get(&self, name: &str) -> Option<String>;
    /// Keeps a secret, or forgets it.
    fn set(&self, name: &str, secret: Option<String>);
}

/// Where the user looks. Every change of what is shown is told here, when it is shown.
pub trait Screen: Send + Sync {
    /// A record appeared or changed, or its badge did.
    fn record(&self, view: &RecordView);
    /// A record is no longer shown.
    fn gone(&self, record: &RecordId);
    /// The whole tray, after a change.
    fn tray(&self, tray: &[TrayItem]);
    /// The device's own state, after a change.
    fn status(&self, status: &Status);
}

/// Something that a script may need and that not every client has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Records of an entity.
    Entity(String),
    /// Fields of a rule.
    Rule(Rule),
    /// Deleting records.
    Delete,
    /// Discarding work that waits, failed or conflicts.
    Discard,
    /// Sending failed work again.
    Retry,
    /// Deciding open conflicts.
    Resolve,
    /// Undoing the last change of a record.
    Undo,
    /// Fetching everything anew.
    Repair,
    /// Signing out, and another user's signing in.
    SignOut,
    /// Operations that need a fresh sign-in.
    StepUp,
    /// Keeping only some of a user's workspaces.
    Scope,
    /// Keeping only records of some entities.
    Entities,
    /// An app of another version than the newest, and its upgrade.
    OlderApp,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Capability::Entity(name) => write!(f, "records of `{name}`"),
            Capability::Rule(rule) => write!(f, "fields with rule `{rule}`"),
            Capability::Delete => f.write_str("deleting records"),
            Capability::Discard => f.write_str("discarding work"),
            Capability::Retry => f.write_str("retrying from the tray"),
            Capability::Resolve => f.write_str("resolving conflicts"),
            Capability::Undo => f.write_str("undoing"),
            Capability::Repair => f.write_str("repairing"),
            Capability::SignOut => f.write_str("signing out"),
            Capability::StepUp => f.write_str("operations that need a fresh sign-in"),
            Capability::Scope => f.write_str("keeping only some workspaces"),
            Capability::Entities => f.write_str("keeping only some kinds of records"),
            Capability::OlderApp => f.write_str("apps of an older version"),
        }
    }
}

/// What a device is told when its app starts.
#[derive(Clone, Debug)]
pub struct ClientStart {
    /// The first user of this installation, at every start the same; its password comes with a
    /// sign-in. Who has taken it over since the app has to know by itself.
    pub user: String,
    /// The numbers that the product was built with.
    pub parameters: Parameters,
    /// Whether the platform reports a network.
    pub online: bool,
    /// The version of the app, which is the schema that it speaks and keeps.
    pub app_version: u32,
    /// The workspaces that this device subscribes to; none: all of its user's.
    pub scope: Option<Vec<String>>,
    /// The entities that this device subscribes to, each with what it hangs under; none: all.
    pub entities: Option<Vec<String>>,
}

/// A kind of client: makes devices.
pub trait Client: Send + Sync {
    /// As `--client` names it.
    fn name(&self) -> &str;
    /// Whether it can do what a script asks for.
    fn supports(&self, capability: &Capability) -> bool;
    /// Starts the app on a device: opens its database, takes up what was left, begins to sync.
    /// A database that cannot be opened is a [`Refusal`] with code `storage`.
    fn start(
        &self,
        start: ClientStart,
        env: ClientEnv,
    ) -> BoxFuture<'static, Result<Arc<dyn Device>, Refusal>>;
}

/// A running app on one device, as its user has it in hand.
pub trait Device: Send + Sync {
    /// Does what the user asks for. `Ok` is a promise: it is durable here and will reach the
    /// server, with or without a network. `Err` means that nothing was kept.
    fn act(&self, action: Action) -> BoxFuture<'_, Result<Saved, Refusal>>;
    /// Syncs now: sends what waits, then pulls. Ends with the attempt, however it went; the
    /// error is what a user would read.
    fn sync(&self) -> BoxFuture<'_, Result<(), String>>;
    /// The platform reports that the network came or went.
    fn connectivity(&self, online: bool);
    /// Everything that the device shows at this moment.
    fn view(&self) -> BoxFuture<'_, View>;
}

/// What a server is told when it starts.
#[derive(Clone, Debug)]
pub struct ServerStart {
    /// Users and their passwords.
    pub passwords: BTreeMap<String, String>,
    /// Workspace, user, role: what a new database begins with. Later changes are made over the
    /// wire.
    pub grants: Vec<(String, String, Role)>,
    /// The numbers that the product was built with.
    pub parameters: Parameters,
    /// What the operator, who is no user, shows instead of an access token to change members.
    pub operator_token: String,
}

/// A kind of server.
pub trait Server: Send + Sync {
    /// As reports name it.
    fn name(&self) -> &str;
    /// Starts it: opens its database, takes up what was left. The error is for people.
    fn start(&self, start: ServerStart, env: Env) -> BoxFuture<'static, Result<HttpService, String>>;
}
