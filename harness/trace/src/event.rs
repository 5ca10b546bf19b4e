//! The events.

use std::collections::BTreeMap;

use deadzone_contract::view::View;
use deadzone_contract::wire::{MemberChange, Role};
use deadzone_contract::{
    Action, Code, FieldChange, Model, Parameters, RecordId, RecordView, Status, TrayItem,
};
use serde::{Deserialize, Serialize};

use crate::Expectation;

/// An event with its time and place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds of simulated time since the world began.
    pub at_us: u64,
    /// The device, `server`, or `world` for what the harness itself does.
    pub host: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What was run. Two traces with equal headers, made by the same build, are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The scenario's name.
    pub scenario: String,
    /// What the script left open.
    pub seed: u64,
    /// The client's name.
    pub client: String,
    /// The server's name.
    pub server: String,
    /// The planted defect, if any.
    pub defect: Option<String>,
    /// Device to user.
    pub devices: BTreeMap<String, String>,
    /// How the lineup syncs: which rules hold.
    #[serde(default)]
    pub model: Model,
    /// Device to the version of its app, where that is not the newest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apps: BTreeMap<String, u32>,
    /// Device to the workspaces that it subscribes to, where those are not all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<String, Vec<String>>,
    /// Device to the entities that it subscribes to, where those are not all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entities: BTreeMap<String, Vec<String>>,
    /// Workspace, user, role: who is entitled to what when the world begins.
    pub grants: Vec<(String, String, Role)>,
    /// Every number of the run.
    pub parameters: Parameters,
}

/// Names one request of one device: unique in a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Exchange(pub String);

/// How a host went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crash {
    /// The process was killed; its machine says goodbye for it.
    Kill,
    /// The machine lost power; nobody is told.
    PowerLoss,
}

/// Whether an exchange that brought no answer may have taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The transport failed.
    Transport,
    /// The client stopped waiting.
    Abandoned,
}

/// What the network did in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetTotals {
    /// Messages that arrived.
    pub delivered: u64,
    /// Transmissions that did not.
    pub lost: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Payload bytes that arrived.
    pub bytes: u64,
    /// A hash over every delivery, so that the trace also tells apart what is not told in it.
    pub digest: u64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The world began.
    Started(Box<Header>),
    /// A host came up.
    HostUp {
        /// Counts its starts, from 1.
        incarnation: u32,
    },
    /// A host went down.
    HostDown {
        /// How.
        crash: Crash,
    },
    /// What a power loss left of what the host's disk had not made durable.
    DiskSurvived {
        /// `lose-all`, `keep-all`, `torn-prefix` or `subset`.
        outcome: String,
    },
    /// A fault outside the model damaged this host's disk: the only durable copies of what was
    /// saved here may be gone, and its user may see an older state or none until it has synced.
    CopiesLost {
        /// Counts the entries of the trace: whatever was saved on this host in an entry below
        /// this one is still on its disk. 0: nothing is.
        since: usize,
        /// The app that runs did it: it has deleted a database in which bits had flipped, and
        /// knows that it has to fetch everything anew. Else only its next start finds out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        given_up: bool,
        /// What happened, for people.
        why: String,
    },
    /// The harness checked a copy of a database after a crash of its host, before the app could
    /// touch it again.
    DatabaseChecked {
        /// The database.
        database: String,
        /// What SQLite says is wrong with it; none where it is intact.
        problem: Option<String>,
    },
    /// What this host writes may fail from now on, or does not fail any more: its disk is full,
    /// or has errors.
    DiskFault {
        /// Whether an operation that begins from now on may fail.
        active: bool,
    },
    /// A host went to sleep: its timers stand, nothing reaches it, its wall clock goes on.
    Suspended,
    /// A host woke up.
    Resumed,
    /// Somebody asks the app of this device to sync now.
    SyncAsked,
    /// A second process of the app was started on the device, on the same database.
    SecondApp {
        /// What it said instead of starting; none where it runs.
        refused: Option<String>,
    },
    /// A copy of the host's disk was put aside.
    BackedUp {
        /// The copy's name.
        backup: String,
    },
    /// The host's disk is what a copy of it was.
    Restored {
        /// The copy's name.
        backup: String,
    },
    /// The host's disk is empty, and so is its store for secrets.
    Wiped,
    /// The host's disk and secrets are those of another device.
    Cloned {
        /// The device that was copied.
        from: String,
    },
    /// The operator began to change what a user may do in a workspace.
    Granting(MemberChange),
    /// The server has answered that what a user may do in a workspace is changed.
    Granted(MemberChange),
    /// What a user may do in a workspace may or may not have been changed.
    GrantFailed {
        /// What was asked for.
        change: MemberChange,
        /// Why that is not known.
        why: String,
    },
    /// A device has another version of its app from its next start on.
    Upgraded {
        /// The version.
        to: u32,
    },
    /// The operator's monitoring read the server's metrics.
    Scraped {
        /// HTTP status.
        status: u16,
        /// Prometheus text.
        body: String,
    },
    /// The harness read all of a host's disk.
    DiskRead {
        /// What its databases come to, journals included.
        bytes: u64,
        /// Which of the words that were looked for stand on it: ids of records, texts that users
        /// wrote, tokens that the server handed out.
        holds: Vec<String>,
    },
    /// A user began an action.
    Invoked {
        /// Names the action in this run: the step's label, with `.N` behind it in a repetition.
        action: String,
        /// Who.
        user: String,
        /// What a create calls its record in the script.
        name: Option<String>,
        /// What.
        act: Action,
        /// The script says that the device must refuse it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cannot: bool,
    },
    /// A device promised that an action is saved.
    Saved {
        /// The action.
        action: String,
        /// The record it is about.
        record: Option<RecordId>,
        /// What an undo came to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        undid: Vec<FieldChange>,
    },
    /// A device refused an action: nothing of it was kept.
    Refused {
        /// The action.
        action: String,
        /// For programs.
        code: Code,
        /// For people.
        detail: String,
    },
    /// An action ended without a word: its host died, or its device kept silent past the bound.
    Indefinite {
        /// The action.
        action: String,
        /// Why.
        why: String,
    },
    /// The script's name for a record.
    Named {
        /// `task/1`.
        name: String,
        /// The record.
        record: RecordId,
    },
    /// A device showed a record, or showed it differently.
    Shown(RecordView),
    /// A device stopped showing a record.
    Gone {
        /// Which.
        record: RecordId,
    },
    /// A device's tray changed.
    Tray {
        /// All of it.
        items: Vec<TrayItem>,
    },
    /// A device's own state changed.
    Status(Status),
    /// A device began to send a request.
    Sent {
        /// Names the request.
        exchange: Exchange,
        /// `GET`, `POST`.
        method: String,
        /// With its query.
        path: String,
        /// As sent.
        headers: Vec<(String, String)>,
        /// As sent.
        body: String,
    },
    /// The server's machine has the whole request and hands it to the server.
    Arrived {
        /// The request.
        exchange: Exchange,
        /// 1, and higher for what was delivered again.
        copy: u32,
    },
    /// The server answered. Whether the answer gets anywhere is another matter.
    Answered {
        /// The request.
        exchange: Exchange,
        /// As in [`Event::Arrived`].
        copy: u32,
        /// HTTP status.
        status: u16,
        /// As answered.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// A device has the whole answer.
    Delivered {
        /// The request.
        exchange: Exchange,
        /// HTTP status.
        status: u16,
        /// The body, where it is not what the server answered.
        replaced: Option<String>,
    },
    /// A device got no answer to a request.
    Failed {
        /// The request.
        exchange: Exchange,
        /// What kind of failure.
        kind: ErrorKind,
        /// For people.
        error: String,
    },
    /// A fault began to lie in wait, or to act.
    FaultBegan {
        /// Its label.
        fault: String,
        /// As the script has it.
        text: String,
    },
    /// A fault changed something.
    FaultStruck {
        /// Its label.
        fault: String,
        /// What it changed.
        what: String,
    },
    /// A fault ended.
    FaultEnded {
        /// Its label.
        fault: String,
    },
    /// A device was taken off the network, or brought back, and its platform told it so.
    Connectivity {
        /// Whether there is a network.
        online: bool,
    },
    /// Every fault has ended and every host is up.
    Healed,
    /// The world began to wait for quiet.
    SettleBegan {
        /// How long it may take, in ms, by the declared timeouts and backoffs.
        bound_ms: u64,
        /// Devices that cannot settle now, each with the reason.
        exempt: BTreeMap<String, String>,
    },
    /// The world fell quiet.
    Settled,
    /// The world did not fall quiet within the bound.
    Unsettled {
        /// Who waits for what.
        waiting: Vec<String>,
    },
    /// What the server hands to a fresh device of a user, all of it, at this moment.
    Audited {
        /// The user.
        user: String,
        /// Every record, with the user's open conflicts.
        records: Vec<RecordView>,
    },
    /// The server could not be asked for what it has.
    AuditFailed {
        /// The user.
        user: String,
        /// Why.
        why: String,
    },
    /// Everything that a device shows, all of it, at this moment.
    Viewed(View),
    /// The script claims something of the audits and views that stand just before.
    Expected {
        /// The line of the script.
        line: u32,
        /// As the script has it.
        text: String,
        /// What is claimed.
        expectation: Expectation,
    },
    /// Code under test panicked.
    Panicked {
        /// What it said.
        message: String,
        /// `file:line`, without the folders before the crate.
        location: String,
    },
    /// Code under test could not go on: an app that does not start, a server that does not open.
    Broke {
        /// What it said.
        what: String,
    },
    /// Code under test did not start while the disk under it was failing: its user, or its
    /// operator, starts it again later.
    NotStarted {
        /// What it said.
        why: String,
    },
    /// The script came to its end.
    Finished(NetTotals),
}
