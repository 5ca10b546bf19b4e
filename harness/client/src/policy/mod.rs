//! The decisions in which offline-first clients go wrong.
//!
//! Each is an enum whose default is right. Setting one wrong plants the defect, so that anybody
//! can see what that mistake looks like to a user, and the harness can prove that it would
//! notice.

mod keeping;
mod pulling;
mod sending;
mod showing;

pub use keeping::{
    Commits, Discard, Expiry, FailedWork, Integrity, OldSchema, PendingEdits, PendingOnMigration,
    PendingOnResync, Revocation, Saving, SignOut, Tokens,
};
pub use pulling::{CursorSaved, ForeignAnswer, Hints, Pulling, Reconnect, Scope};
pub use sending::{
    Backoff, CaptivePortal, Counters, Idempotency, Numbers, Parents, QueueAge, Refusals, Removal, RetryAfter,
    ServerErrors, SetsSent, Stamps, StepUp,
};
pub use showing::{Answering, Conflicts, ErrorText, RemoteConflicts, SyncedShown};

/// How this client decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientPolicy {
    /// What identifies a mutation to the server.
    pub idempotency: Idempotency,
    /// When a row leaves the queue.
    pub removal: Removal,
    /// What is sent for an increment.
    pub counters: Counters,
    /// Where stamps come from.
    pub stamps: Stamps,
    /// When a record is shown as synced.
    pub synced: SyncedShown,
    /// What a discard throws away.
    pub discard: Discard,
    /// What happens when the network is back.
    pub reconnect: Reconnect,
    /// What to make of an answer that is not of the contract.
    pub foreign_answer: ForeignAnswer,
    /// What to make of a conflict that another device of the user caused.
    pub remote_conflicts: RemoteConflicts,
    /// When the cursor of a pull is saved.
    pub cursor: CursorSaved,
    /// How an action is written down.
    pub saving: Saving,
    /// When a user hears that an action is saved.
    pub answering: Answering,
    /// What a pull does to work that is still to be sent.
    pub pending_edits: PendingEdits,
    /// Which numbers work gets after a start.
    pub numbers: Numbers,
    /// What is made of what the disk holds.
    pub integrity: Integrity,
    /// How safe a commit is when it returns.
    pub commits: Commits,
    /// What a full resync does to work that is still to be sent.
    pub pending_on_resync: PendingOnResync,
    /// What a new version of the app does to work that an older one has left.
    pub pending_on_migration: PendingOnMigration,
    /// What to make of a cache that an app of an older schema has left.
    pub old_schema: OldSchema,
    /// What is sent for a change of a set.
    pub sets: SetsSent,
    /// In which order new records are sent.
    pub parents: Parents,
    /// What to make of a refusal by the server.
    pub refusals: Refusals,
    /// What to make of an error of the server's own.
    pub server_errors: ServerErrors,
    /// What becomes of work that the server refused.
    pub failed_work: FailedWork,
    /// What a user reads of a failure.
    pub error_text: ErrorText,
    /// How long to wait after a failure.
    pub backoff: Backoff,
    /// What to make of a time that the server asks to wait.
    pub retry_after: RetryAfter,
    /// What to make of a page that comes with a status of success.
    pub captive_portal: CaptivePortal,
    /// When a hint is applied.
    pub hints: Hints,
    /// When a device pulls.
    pub pulling: Pulling,
    /// When a user is asked to decide.
    pub conflicts: Conflicts,
    /// What a sign-out leaves on the device.
    pub sign_out: SignOut,
    /// What becomes of a record that its user may not see any more.
    pub revocation: Revocation,
    /// What to make of an access token that is not valid any more.
    pub expiry: Expiry,
    /// Where tokens are kept.
    pub tokens: Tokens,
    /// Which workspaces are pulled.
    pub scope: Scope,
    /// What requests tell of the age of pending work.
    pub queue_age: QueueAge,
    /// What becomes of an operation that needs a fresh sign-in, when there is no network.
    pub step_up: StepUp,
}
