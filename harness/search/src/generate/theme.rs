//! What a seed is about.
//!
//! A world in which everything can happen at once hardly ever shows what takes three unlikely
//! things in a row. So most seeds are about one corner of the contract: its numbers are small
//! enough to be reached and its families of events are sure to be there. The weights prefer what
//! drawn scripts reach least.

/// A family of events; each run has some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// Records are created and edited.
    Work,
    /// Records are deleted.
    Deletes,
    /// Conflicts and failed work are decided, changes are undone.
    Decisions,
    /// Time goes by; devices sync, go offline and come back.
    Pace,
    /// Sign-ins, sign-outs, accounts that are switched.
    Accounts,
    /// Roles and private rows change.
    Rights,
    /// Links: partitions, loss, latency, bandwidth.
    Link,
    /// Single exchanges: lost, late, twice.
    Exchange,
    /// What stands between: portals, proxies, caches.
    Middlebox,
    /// Apps are killed, devices lose power or sleep.
    Process,
    /// The server goes down.
    Server,
    /// Disks are full or fail.
    Disk,
    /// Clocks jump.
    Clock,
    /// Apps and the least version change.
    Versions,
    /// Disks that lie, rot, are wiped, restored or cloned: outside the model.
    Damage,
    /// Hints get lost, come late, or are too much to carry.
    Hints,
    /// Devices ask or send too often.
    Floods,
    /// Work waits for longer than anybody likes.
    Lag,
}

use Family::{
    Accounts, Clock, Damage, Decisions, Deletes, Disk, Exchange, Floods, Hints, Lag, Link, Middlebox, Pace,
    Process, Rights, Server, Versions, Work,
};

/// Families that each run has.
pub(super) const ALWAYS: &[Family] = &[Work, Pace];

/// Families that a run has or has not, whatever it is about.
pub(super) const DRAWN: &[Family] =
    &[Deletes, Decisions, Rights, Link, Exchange, Middlebox, Process, Server, Disk, Clock];

impl Family {
    /// As the head of a script names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Work => "work",
            Deletes => "deletes",
            Decisions => "decisions",
            Pace => "pace",
            Accounts => "accounts",
            Rights => "rights",
            Link => "link",
            Exchange => "exchange",
            Middlebox => "middlebox",
            Process => "process",
            Server => "server",
            Disk => "disk",
            Clock => "clock",
            Versions => "versions",
            Damage => "damage",
            Hints => "hints",
            Floods => "floods",
            Lag => "lag",
        }
    }
}

/// What a seed is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Theme {
    Mixed,
    Conflicts,
    Deleting,
    Crashes,
    Outages,
    Networks,
    Tokens,
    Accounts,
    Rights,
    Horizons,
    Limits,
    Hints,
    Clocks,
    Disks,
    OldApps,
    Lag,
    Damage,
}

/// Every theme with its share of a hundred seeds. The shares were derived from measured rates, so that
/// the rarest situation is as frequent as it can be: decision 8 says how.
pub(super) const THEMES: &[(u32, Theme)] = &[
    (4, Theme::Mixed),
    (11, Theme::Conflicts),
    (4, Theme::Deleting),
    (5, Theme::Crashes),
    (4, Theme::Outages),
    (5, Theme::Networks),
    (8, Theme::Tokens),
    (5, Theme::Accounts),
    (6, Theme::Rights),
    (9, Theme::Horizons),
    (6, Theme::Limits),
    (5, Theme::Hints),
    (4, Theme::Clocks),
    (4, Theme::Disks),
    (6, Theme::OldApps),
    (6, Theme::Lag),
    (8, Theme::Damage),
];

impl Theme {
    /// As the head of a script names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Theme::Mixed => "everything",
            Theme::Conflicts => "conflicts and their decisions",
            Theme::Deleting => "deletes against edits",
            Theme::Crashes => "crashes of devices",
            Theme::Outages => "crashes of the server",
            Theme::Networks => "bad networks",
            Theme::Tokens => "tokens that expire",
            Theme::Accounts => "accounts on shared devices",
            Theme::Rights => "rights that change",
            Theme::Horizons => "long absences",
            Theme::Limits => "limits",
            Theme::Hints => "hints",
            Theme::Clocks => "wrong clocks",
            Theme::Disks => "disks that fail",
            Theme::OldApps => "old apps and a new schema",
            Theme::Lag => "queues that stand",
            Theme::Damage => "disks that leave the model",
        }
    }

    /// The families that it is sure to have.
    pub(super) fn families(self) -> &'static [Family] {
        match self {
            Theme::Mixed => &[],
            Theme::Conflicts => &[Decisions],
            Theme::Deleting => &[Deletes, Decisions],
            Theme::Crashes => &[Process],
            Theme::Outages => &[Server, Exchange],
            Theme::Networks => &[Link, Exchange, Middlebox],
            Theme::Tokens | Theme::Accounts => &[Accounts],
            Theme::Rights => &[Rights, Exchange],
            Theme::Horizons => &[Deletes, Exchange],
            Theme::Limits => &[Floods, Exchange],
            Theme::Hints => &[Hints, Link],
            Theme::Clocks => &[Clock],
            Theme::Disks => &[Disk, Process],
            Theme::OldApps => &[Versions],
            Theme::Lag => &[Lag, Link],
            Theme::Damage => &[Damage, Process],
        }
    }
}
