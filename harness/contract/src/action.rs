//! What a user does, in the words the user would use.

use serde::{Deserialize, Serialize};

use crate::wire::Role;
use crate::{Code, RecordId, Value};

/// One thing a user does on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Signs in with a password. It needs a network. Another user than before can sign in only
    /// after a sign-out.
    SignIn {
        /// Who.
        user: String,
        /// Given to the server once; never stored by the device.
        password: String,
    },
    /// Creates a record of `entity`, in `parent` or, without one, in `workspace`.
    Create {
        /// `project`, `task` or `comment`.
        entity: String,
        /// The workspace that the record belongs to.
        workspace: String,
        /// What the record hangs under.
        parent: Option<RecordId>,
        /// Its first values.
        changes: Vec<FieldChange>,
    },
    /// Changes fields of a record.
    Edit {
        /// Which.
        record: RecordId,
        /// At least one.
        changes: Vec<FieldChange>,
    },
    /// Signs out: everything on the device goes. Refused while work is pending, unless forced.
    SignOut {
        /// Throws pending work away too.
        anyway: bool,
    },
    /// Deletes a record.
    Delete {
        /// Which.
        record: RecordId,
        /// The user's password, typed again: deleting a project is a step-up operation, which is
        /// never queued. None for everything else.
        password: Option<String>,
    },
    /// Does the opposite of this device's last own change of a record.
    Undo {
        /// Which.
        record: RecordId,
    },
    /// Fetches everything anew; pending work is kept.
    Repair,
    /// Changes what a user may do in a workspace: a step-up operation, which is never queued.
    SetRole {
        /// Where.
        workspace: String,
        /// Whose.
        member: String,
        /// To what; none takes the member out.
        role: Option<Role>,
        /// The password of who does it, typed again.
        password: String,
    },
    /// Throws away this device's work on a record that is retrying, failed or in conflict.
    Discard {
        /// Which.
        record: RecordId,
    },
    /// Sends failed work on a record once more.
    Retry {
        /// Which.
        record: RecordId,
    },
    /// Decides an open conflict.
    Resolve {
        /// Which record.
        record: RecordId,
        /// Which of its fields.
        field: String,
        /// How.
        choice: Choice,
    },
}

impl Action {
    /// The record that an action is about; none for a sign-in, and for a create, whose record
    /// gets its name only when it is saved.
    pub fn record(&self) -> Option<&RecordId> {
        match self {
            Action::SignIn { .. }
            | Action::SignOut { .. }
            | Action::Create { .. }
            | Action::Repair
            | Action::SetRole { .. } => None,
            Action::Edit { record, .. }
            | Action::Delete { record, .. }
            | Action::Undo { record }
            | Action::Discard { record }
            | Action::Retry { record }
            | Action::Resolve { record, .. } => Some(record),
        }
    }

    /// The field changes that an action makes: those of a create or an edit.
    pub fn changes(&self) -> &[FieldChange] {
        match self {
            Action::Create { changes, .. } | Action::Edit { changes, .. } => changes,
            _ => &[],
        }
    }
}

/// One field and what the user does to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field's declared name.
    pub field: String,
    /// What happens to it.
    pub change: Change,
}

/// What a user can do to a field; which of these fit is told by the field's rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Replaces the value.
    Put(Value),
    /// Adds to a counter.
    Add(i64),
    /// Puts a member into a set.
    Insert(String),
    /// Takes a member out of a set.
    Remove(String),
}

/// How a user decides an open conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The value that lost, whichever device it is chosen on.
    KeepMine,
    /// The value that the server holds.
    UseTheirs,
    /// A third one.
    Merge(Value),
}

/// A device's promise: the action is durable here, and will reach the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The record it is about; absent for a sign-in.
    pub record: Option<RecordId>,
    /// What an undo came to, as its user is told: the changes that it made. Empty for what is no
    /// undo, and where the undo deleted the record or brought it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undid: Vec<FieldChange>,
}

impl Saved {
    /// Saved, and no undo.
    pub fn of(record: Option<RecordId>) -> Saved {
        Saved { record, undid: Vec::new() }
    }
}

/// A device's refusal: nothing of the action was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// Why, for programs.
    pub code: Code,
    /// Why, for people: what was refused and what can be done.
    pub detail: String,
}

impl Refusal {
    /// A refusal with its reason for people.
    pub fn new(code: Code, detail: impl Into<String>) -> Refusal {
        Refusal { code, detail: detail.into() }
    }
}
