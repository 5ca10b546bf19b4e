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

/// When the cursor of a pull is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CursorSaved {
    /// In the transaction that keeps its page.
    #[default]
    WithPage,
    /// In one of its own, before: a crash in between skips the page for ever.
    BeforePage,
}

/// How an action is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Saving {
    /// The record and the queue in one transaction.
    #[default]
    OneTransaction,
    /// The record first, the queue in a second one: a crash in between leaves a change that is
    /// shown and never sent.
    TwoTransactions,
}

/// When a user hears that an action is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answering {
    /// When it is durable on the device.
    #[default]
    WhenSaved,
    /// When the round that sends it is over, however long the network takes.
    AfterRound,
}

/// What a pull does to work that is still to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PendingEdits {
    /// Nothing: it stays on top of what the server says.
    #[default]
    StayOnTop,
    /// What the server has takes its place.
    Overwritten,
}

/// Which numbers work gets after a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// Some that no earlier run of this database can have given, should it have been restored
    /// from a backup; and a new name where the server says that one was used before.
    #[default]
    NeverReused,
    /// The next ones, as the database says; and a number that was used before is taken for the
    /// answer to this device's own work.
    Reused,
}

/// How safe a commit is when it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commits {
    /// It is on the disk.
    #[default]
    Synced,
    /// It is in the machine's cache, which is faster, and gone with the power.
    Unsynced,
}

/// What is made of what the disk holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Integrity {
    /// It is looked at before it is shown or sent; what is damaged is replaced.
    #[default]
    Checked,
    /// It is believed.
    Trusted,
}
