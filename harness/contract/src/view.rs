//! What a device shows its user.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{RecordId, Value};

/// The sync state of one record, as its badge shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordState {
    /// New on this device, and safe here.
    Saved,
    /// Known to the server, changed here since.
    Modified,
    /// On its way.
    Syncing,
    /// An attempt failed; another will follow by itself.
    Retrying,
    /// The server has everything that was done here.
    Synced,
    /// The server refused something; the tray says what.
    Failed,
    /// Somebody has to decide; the tray says between what.
    Conflict,
    /// Its user threw this device's work on it away.
    Discarded,
}

impl fmt::Display for RecordState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A record as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordView {
    /// Which.
    pub record: RecordId,
    /// Of what kind.
    pub entity: String,
    /// Where it belongs.
    pub workspace: String,
    /// What it hangs under.
    pub parent: Option<RecordId>,
    /// Its values: those of the server with this device's own pending work on top.
    pub fields: BTreeMap<String, Value>,
    /// Its badge.
    pub state: RecordState,
    /// The open conflicts that this user has to decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<ConflictView>,
}

/// An open conflict as its author sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConflictView {
    /// The field that is fought over.
    pub field: String,
    /// The value that lost.
    pub mine: Value,
    /// The value that the server holds.
    pub theirs: Option<Value>,
}

/// One line of the tray: work that needs its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrayItem {
    /// The record it is about.
    pub record: RecordId,
    /// Failed or in conflict.
    pub state: RecordState,
    /// What was tried, in words: `set status=done`.
    pub what: String,
    /// Why it is here: a stable code, then a sentence.
    pub reason: String,
    /// What the user can do about it; never empty.
    pub ways_out: Vec<WayOut>,
}

/// What a user can do about a line of the tray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayOut {
    /// Send it once more.
    Retry,
    /// Throw it away.
    Discard,
    /// Decide for the value that lost.
    KeepMine,
    /// Decide for the value that the server holds.
    UseTheirs,
    /// Decide for a third value.
    Merge,
}

/// The connection badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Badge {
    /// Nothing is waiting.
    Synced,
    /// Work is waiting or under way.
    Syncing,
    /// No network; work is kept.
    Offline,
    /// Nothing is wrong, but the last sync is older than `stale_after`.
    Stale,
    /// Something needs its user: the tray or a sign-in.
    Error,
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The device's own state, as its corner badge and its tooltip show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The colour of the badge.
    pub badge: Badge,
    /// Mutations that are saved here and not yet answered.
    pub queued: u64,
    /// When a pull last came to its end, by the device's own clock, in ms since the epoch.
    pub last_sync_ms: Option<u64>,
    /// What went wrong last; cleared by the next success.
    pub last_error: Option<String>,
}

/// Everything a device shows at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Every record, by identity.
    pub records: Vec<RecordView>,
    /// Every line of the tray.
    pub tray: Vec<TrayItem>,
    /// The device's own state.
    pub status: Status,
}
