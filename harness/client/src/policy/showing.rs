//! What a user is told.

/// When a record is shown as synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncedShown {
    /// Once the server's answer is applied.
    #[default]
    WhenAnswered,
    /// Once the request is under way.
    WhenSent,
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

/// What to make of a conflict that another device of the user caused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoteConflicts {
    /// Show it: the user can decide anywhere.
    #[default]
    Show,
    /// Leave it to the device that caused it.
    Drop,
}

/// When a user is asked to decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// When the server says that two values conflict.
    #[default]
    AsAnswered,
    /// Whenever the record has changed meanwhile, whatever its rule and even if nothing differs.
    Needless,
}

/// What a user reads of a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorText {
    /// What failed and why.
    #[default]
    Precise,
    /// That something did.
    Generic,
}
