//! The messages: JSON over HTTP/1.1.
//!
//! | Call | Request | Answer |
//! |---|---|---|
//! | `POST /auth/token` | [`TokenRequest`] | [`TokenAnswer`] |
//! | `GET /sync?since=CURSOR&limit=N&scope=WORKSPACE,...&entities=ENTITY,...` | query | [`SyncPage`] |
//! | `POST /sync/mutations` | [`PushRequest`] | [`PushAnswer`] |
//! | `GET /sync/hints?since=CURSOR&scope=...&entities=...` | query | a server-sent event that is a [`Hint`], or none |
//! | `POST /members` | [`MemberChange`] | `204` |
//! | `GET /healthz` | | `200` |
//! | `GET /metrics` | | Prometheus text |
//!
//! Every refusal of a whole request is a [`crate::problem::Problem`]; refusals of single
//! mutations stand in their entry of a [`PushAnswer`], which itself is a `200`.
//!
//! # Scope
//!
//! A device may ask for some workspaces (`scope`) and for some kinds of records (`entities`), each a
//! list with commas in between; what is not said is not restricted. Pages and hints then carry
//! changes, tombstones and removals of records that are in both lists, and of nothing else. The
//! answer to a push is about records that the device itself names, and knows no scope.
//!
//! - A workspace that does not exist and one that is not the caller's are the same: nothing comes
//!   of either, so that nobody learns which there are.
//! - Entities are those of [`ENTITIES`](crate::rules::ENTITIES), and everybody knows them. A list
//!   with another name in it, or that is empty, is refused as a whole: `400`, code `malformed`. So
//!   is one that lacks what an entity in it hangs under: a comment says nothing without its task,
//!   and parents come before their children.
//! - A cursor is good for the scope that it was got with. Under another one a device begins anew
//!   from [`CURSOR_START`]: what it now subscribes to may lie behind it.
//! - A device makes nothing outside of its scope: it refuses that when its user asks for it, with
//!   code `invalid`, because no pull would ever tell what became of it. Work that was pending when
//!   the scope was narrowed is still sent; its record goes with the last of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Code, RecordId, Stamp, Value};

/// `POST`: sign-in and refresh.
pub const PATH_TOKEN: &str = "/auth/token";
/// `GET`: pull.
pub const PATH_SYNC: &str = "/sync";
/// `POST`: push.
pub const PATH_MUTATIONS: &str = "/sync/mutations";
/// `GET`: hints that something changed. A request is held until there is something to tell, for
/// `hint_hold` at most. Its answer carries one event of the name `hint`, or a comment in place of
/// none, and ends; the device asks again.
pub const PATH_HINTS: &str = "/sync/hints";
/// `POST`: who may do what in a workspace. A step-up operation, or the operator's.
pub const PATH_MEMBERS: &str = "/members";
/// `GET`: liveness.
pub const PATH_HEALTH: &str = "/healthz";
/// `GET`: what an operator watches, as Prometheus text.
pub const PATH_METRICS: &str = "/metrics";

/// On [`PATH_METRICS`]: the age of the oldest pending mutation as each device reported it last,
/// in seconds, with the label `device`.
pub const METRIC_QUEUE_AGE: &str = "sync_queue_age_seconds";
/// On [`PATH_METRICS`]: 1 while any device's reported age is above `lag_alert`, else 0.
pub const METRIC_LAG_ALERT: &str = "sync_queue_lag_alert";

/// Names the device that speaks. The server keeps its idempotency by it.
pub const HEADER_DEVICE_ID: &str = "device-id";
/// The schema that the device's cache is in; the newest where it is missing.
pub const HEADER_SCHEMA_VERSION: &str = "schema-version";
/// The version of the app, a whole number. Where it is missing or is none, the app counts as the
/// newest.
pub const HEADER_CLIENT_VERSION: &str = "client-version";
/// The age of the oldest pending mutation, in whole milliseconds; 0 when nothing waits.
pub const HEADER_QUEUE_AGE: &str = "queue-age";

/// What this contract's data look like; a change of shape raises it. An app of version N speaks
/// schema N. What the schema before looked like is told by
/// [`FieldDecl::name_before`](crate::FieldDecl::name_before).
pub const SCHEMA_VERSION: u32 = 4;

/// The oldest schema that a server can still speak, within `schema_tolerance`.
pub const SCHEMA_VERSION_MIN: u32 = 3;

/// The first commit has number 1: a pull from 0 gets everything.
pub const CURSOR_START: u64 = 0;

/// Asks for tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "grant", rename_all = "kebab-case")]
pub enum TokenRequest {
    /// A sign-in.
    Password {
        /// Who.
        user: String,
        /// Proof of it.
        password: String,
    },
    /// A new access token for a refresh token.
    Refresh {
        /// As it was handed out last; it is good for one use.
        refresh_token: String,
    },
}

/// Hands out tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// Goes into `Authorization: Bearer`.
    pub access_token: String,
    /// How long it is valid, in ms from now.
    pub expires_in_ms: u64,
    /// Gets the next access token.
    pub refresh_token: String,
    /// The user that they speak for.
    pub user: String,
    /// The workspaces that the user is a member of, with the role.
    pub roles: BTreeMap<String, Role>,
}

/// What a member of a workspace may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and writes.
    Editor,
    /// Reads, writes and administers.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One page of a pull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPage {
    /// In commit order, each record in its present state.
    pub changes: Vec<PulledChange>,
    /// Where the next pull goes on.
    pub next: u64,
    /// Whether there is more to pull right now.
    pub more: bool,
    /// The server's clock, ms since the epoch.
    pub server_time_ms: u64,
    /// The server's [`SCHEMA_VERSION`].
    pub schema_version: u32,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PulledChange {
    /// It is there, in this state.
    Record(ServerRecord),
    /// The caller may not see it any more: whatever the device holds of it has to go.
    Removed {
        /// Which.
        record: RecordId,
    },
    /// It was deleted.
    Tombstone {
        /// Which.
        record: RecordId,
        /// Its version when it was deleted.
        version: u64,
        /// See [`ServerRecord::included`].
        included: Option<u64>,
    },
}

/// Tells a device that something changed. Truth is what a pull says; a hint only saves the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The cursor that the changes continue. A device that stands elsewhere pulls.
    pub since: u64,
    /// Where a device stands that has applied them.
    pub next: u64,
    /// Everything that its user may see of what changed in between; none where it was too much,
    /// and only a pull helps.
    pub changes: Option<Vec<PulledChange>>,
    /// The server's clock, ms since the epoch.
    pub server_time_ms: u64,
}

/// Changes what a user may do in a workspace. An admin's, with a fresh sign-in; or the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberChange {
    /// Where.
    pub workspace: String,
    /// Who.
    pub user: String,
    /// What; none takes the user out of the workspace.
    pub role: Option<Role>,
}

/// A record as the server has it, for the eyes of one caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Which.
    pub record: RecordId,
    /// Of what kind.
    pub entity: String,
    /// Where it belongs.
    pub workspace: String,
    /// What it hangs under.
    pub parent: Option<RecordId>,
    /// Rises with every change of the record.
    pub version: u64,
    /// The fields that have a value.
    pub fields: BTreeMap<String, ServerField>,
    /// The caller's open conflicts.
    pub conflicts: Vec<OpenConflict>,
    /// The highest mutation number of the calling device that this state includes. A device
    /// must not lay a mutation over a state that has it in it already: an increment would show
    /// twice while its answer is lost.
    pub included: Option<u64>,
    /// The record is deleted, and this is what stands under its tombstone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// A field's value with what its rule needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerField {
    /// Rule `lww`.
    Lww {
        /// The winner so far.
        value: Value,
        /// Its stamp.
        stamp: Stamp,
    },
    /// Rules `version`, `manual` and `custom`.
    Version {
        /// The value.
        value: Value,
        /// Rises with every change of the field.
        version: u64,
    },
    /// Rule `counter`.
    Counter {
        /// The sum.
        total: i64,
    },
    /// Rule `immutable`.
    Fixed {
        /// For ever.
        value: Value,
    },
    /// Rule `set`: each member with the additions that hold it in the set.
    Set {
        /// Member to additions; no member has none.
        members: BTreeMap<String, BTreeSet<AddId>>,
    },
}

/// Names one addition to a set: see [`add_id`].
pub type AddId = String;

/// The identity of the addition of `member` by mutation `number` of a device. It is unique, and
/// a device knows it before the server does, so that it can remove what it has just added.
pub fn add_id(device_id: &str, number: u64, member: &str) -> AddId {
    format!("{device_id}:{number}:{member}")
}

/// A write that lost against another one and waits for a decision: of its author, under rule
/// `version`; of any member who may write, under rule `manual`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenConflict {
    /// Names the conflict.
    pub id: String,
    /// The field.
    pub field: String,
    /// The value that lost.
    pub mine: Value,
    /// The server's value at the moment; none where the field has none.
    pub theirs: Option<Value>,
    /// The version of `theirs`: what a decision has to be based on.
    pub version: u64,
}

/// A push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRequest {
    /// In the order in which the device saved them.
    pub mutations: Vec<Mutation>,
}

/// One saved action on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutation {
    /// With the device's id, its identity for ever. A mutation without one is carried out as
    /// often as it arrives.
    pub number: Option<u64>,
    /// The record.
    pub record: RecordId,
    /// What happens to the record.
    pub kind: MutationKind,
    /// When, by the device's hybrid logical clock.
    pub stamp: Stamp,
    /// What happens to its fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldOp>,
}

/// What a mutation does to its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MutationKind {
    /// Makes it.
    Create {
        /// Of what kind.
        entity: String,
        /// Where.
        workspace: String,
        /// Under what.
        parent: Option<RecordId>,
    },
    /// Changes its fields.
    Update,
    /// Deletes it, unless somebody changed it since the version that is named.
    Delete {
        /// What the user had in view when deleting.
        base: Base,
    },
}

/// The state that a write was made upon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The version that the device had from the server; 0 where it had none.
    pub version: u64,
    /// This device's own pending mutation that the write was made upon, if there was one: a
    /// second edit does not conflict with the first one of the same device.
    pub after: Option<u64>,
}

/// What a mutation does to one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldOp {
    /// Sets an `lww` or an `immutable` field. On a counter it overwrites the total: meant for
    /// imports.
    Put {
        /// To this.
        value: Value,
    },
    /// Sets a `version`, `manual` or `custom` field.
    Write {
        /// To this.
        value: Value,
        /// If this is still what stands there; otherwise it becomes an open conflict or, under
        /// `custom`, is merged.
        base: Base,
        /// The open conflict that this write decides.
        closes: Option<String>,
    },
    /// Decides an open conflict for the server's value.
    Close {
        /// The conflict.
        conflict: String,
    },
    /// Adds to a `counter`.
    Add {
        /// This much.
        by: i64,
    },
    /// Adds to and removes from a `set`.
    Tags {
        /// Members to add.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        add: BTreeSet<String>,
        /// Members to remove, each with the additions that the device had seen.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        remove: BTreeMap<String, BTreeSet<AddId>>,
    },
}

/// The answer to a push: one result for each mutation, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushAnswer {
    /// One for each mutation of the request.
    pub results: Vec<MutationResult>,
    /// The server's clock, ms since the epoch.
    pub server_time_ms: u64,
}

/// What became of one mutation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MutationResult {
    /// As it was sent.
    pub number: Option<u64>,
    /// The record.
    pub record: RecordId,
    /// Taken or refused as a whole.
    pub outcome: Outcome,
    /// The record's present state; none where the caller may not see it, after a delete, and where
    /// nothing was done yet. Where another device deleted the record meanwhile, it is the state
    /// under the tombstone, so that this device has whole what its further work will bring back.
    pub state: Option<ServerRecord>,
}

/// Taken or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Committed; each field tells its own result.
    Done {
        /// By field; a delete has none.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<String, FieldResult>,
    },
    /// Nothing of it was kept.
    Rejected {
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        detail: String,
    },
    /// Nothing was done yet: its user has sent more than a limit allows. It is to be sent again
    /// after the time in the answer's `Retry-After`.
    Deferred,
}

/// What became of one field of a mutation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldResult {
    /// The rule was applied.
    Applied,
    /// This field only was refused.
    Rejected {
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        detail: String,
    },
    /// The value became an open conflict (the 409 of this contract).
    Conflict {
        /// What stands in its way, and what to base a decision on.
        open: OpenConflict,
    },
}
