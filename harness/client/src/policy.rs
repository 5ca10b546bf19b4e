//! The decisions in which offline-first clients go wrong.
//!
//! Each is an enum whose default is right. Setting one wrong plants the defect, so that anybody
//! can see what that mistake looks like to a user, and the harness can prove that it would
//! notice.

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
}

/// What identifies a mutation to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotency {
    /// Its number, given once, when it is saved.
    #[default]
    NumberedWhenSaved,
    /// Nothing: a repeated request is a second request.
    None,
    /// A new number for each attempt, which comes to the same.
    NumberedWhenSent,
}

/// When a row leaves the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Removal {
    /// In the transaction that applies its answer.
    #[default]
    WhenAnswered,
    /// When it is sent, as if sent were arrived.
    WhenSent,
}

/// What is sent for an increment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counters {
    /// The increment.
    #[default]
    Increment,
    /// The total as this device sees it, which overwrites what others added.
    Total,
}

/// Where stamps come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamps {
    /// A hybrid logical clock, ahead of every stamp in the database.
    #[default]
    Hybrid,
    /// The wall clock, however wrong it is.
    WallClock,
}

/// When a record is shown as synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncedShown {
    /// Once the server's answer is applied.
    #[default]
    WhenAnswered,
    /// Once the request is under way.
    WhenSent,
}

/// What a discard throws away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discard {
    /// The work, wherever it waits.
    #[default]
    FromQueue,
    /// Only what is shown; the queue still sends it.
    FromScreen,
}

/// What happens when the network is back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reconnect {
    /// Syncing goes on.
    #[default]
    Resume,
    /// Nothing, until the app is started again.
    StayQuiet,
}

/// What to make of an answer that is not of the contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignAnswer {
    /// Somebody between here and the server spoke: try again later.
    #[default]
    Retry,
    /// "Cannot happen".
    Panic,
}

/// What to make of a conflict that another device of the user caused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoteConflicts {
    /// Show it: the user can decide anywhere.
    #[default]
    Show,
    /// Leave it to the device that caused it.
    Drop,
}
