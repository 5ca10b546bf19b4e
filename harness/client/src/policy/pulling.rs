//! What is fetched, and when.

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

/// When the cursor of a pull is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CursorSaved {
    /// In the transaction that keeps its page.
    #[default]
    WithPage,
    /// In one of its own, before: a crash in between skips the page for ever.
    BeforePage,
}

/// When a hint is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hints {
    /// Where it continues exactly what the device has.
    #[default]
    InOrder,
    /// Whenever it comes, and what lies in between is never asked for.
    AppliedOutOfOrder,
}

/// When a device pulls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pulling {
    /// Now and then, on reconnect, after its own work and when a hint says so.
    #[default]
    EveryRound,
    /// When a hint says so: one that is lost is never made up for.
    OnHintsOnly,
}

/// Which workspaces, and which kinds of records, are pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those that the device subscribes to.
    #[default]
    Honoured,
    /// All that its user may see.
    Ignored,
}
