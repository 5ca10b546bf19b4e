//! What is sent, when, and what is made of the answer.

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

/// What is sent for a change of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetsSent {
    /// The members that come and go.
    #[default]
    Changes,
    /// The whole set as this device sees it, which takes away what others added.
    Whole,
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

/// In which order new records are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parents {
    /// None before what it hangs under.
    #[default]
    WaitedFor,
    /// The newest first: what it hangs under may be unknown to the server yet.
    NotWaitedFor,
}

/// What to make of a refusal by the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusals {
    /// It is definite: the work stands in the tray.
    #[default]
    ToTray,
    /// Perhaps it goes well the next time.
    RetriedForEver,
}

/// What to make of an error of the server's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerErrors {
    /// It passes: the work is sent again, up to a limit.
    #[default]
    Retried,
    /// It is as good as a refusal.
    ToTray,
}

/// How long to wait after a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backoff {
    /// Longer and longer, and not as long as others do.
    #[default]
    Exponential,
    /// Hardly at all.
    None,
}

/// What to make of a time that the server asks to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAfter {
    /// Nothing is sent before it has passed.
    #[default]
    Obeyed,
    /// It is as good as any failure.
    Ignored,
}

/// What to make of a page that comes with a status of success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptivePortal {
    /// It is no answer of the server's.
    #[default]
    Recognized,
    /// Success is success: what was sent has arrived.
    TakenForSuccess,
}

/// What requests tell of the age of pending work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueAge {
    /// The age of the oldest of it.
    #[default]
    Reported,
    /// That there is none.
    NotReported,
}

/// What becomes of an operation that needs a fresh sign-in, when there is no network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepUp {
    /// It is refused at once.
    #[default]
    Refused,
    /// It is called saved; a delete is queued like any other.
    Queued,
}
