//! What is kept on the device, and what is not.

/// What a discard throws away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discard {
    /// The work, wherever it waits.
    #[default]
    FromQueue,
    /// Only what is shown; the queue still sends it.
    FromScreen,
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

/// What a pull does to work that is still to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PendingEdits {
    /// Nothing: it stays on top of what the server says.
    #[default]
    StayOnTop,
    /// What the server has takes its place.
    Overwritten,
}

/// What a full resync does to work that is still to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PendingOnResync {
    /// Nothing: it is laid over what comes.
    #[default]
    Kept,
    /// It goes with the cache that it stands in.
    Dropped,
}

/// What a new version of the app does to work that an older one has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PendingOnMigration {
    /// It says it in its own words and sends it.
    #[default]
    Kept,
    /// It begins with an empty queue.
    Dropped,
}

/// What to make of a cache that an app of another schema has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldSchema {
    /// It is said anew, and then everything is pulled anew.
    #[default]
    Migrated,
    /// It is read as if it were one of this schema: what has another name by now is not there.
    ReadAsNew,
}

/// What becomes of work that the server refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedWork {
    /// It stands in the tray until its user decides.
    #[default]
    InTray,
    /// It is gone, and nobody is told.
    Forgotten,
}

/// Where tokens are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tokens {
    /// In the platform's store for secrets.
    #[default]
    InSecretStore,
    /// In the database as well, for anybody to read.
    InDatabase,
}

/// What a sign-out leaves on the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignOut {
    /// Nothing.
    #[default]
    LeavesNothing,
    /// Everything but the tokens.
    LeavesData,
}

/// What becomes of a record that its user may not see any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// What the server gave of it goes.
    #[default]
    WipesData,
    /// It stays as it is.
    LeavesData,
}

/// What to make of an access token that is not valid any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// A new one is got; if there is none, its user signs in again and goes on.
    #[default]
    Refreshes,
    /// Its user is signed out, and what was pending is gone.
    SignsOut,
}
