//! Plans, and the strategies that draw them.

use proptest::collection::vec;
use proptest::prelude::{Just, any};
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::{Strategy, Union};

use super::theme::{ALWAYS, DRAWN, Family, THEMES, Theme};
use super::world::{WorldPlan, worlds};

/// How many events a run has between its set-up and the end of all faults.
const EVENTS: std::ops::Range<usize> = 22..58;

/// How many events follow when all faults have ended.
const LATE_EVENTS: std::ops::Range<usize> = 0..5;

/// Everything that is drawn for a script.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) swarm: Swarm,
    pub(super) world: WorldPlan,
    /// Creates that everybody hears of before anything else.
    pub(super) setup: Vec<Picks>,
    pub(super) events: Vec<Event>,
    /// What users do about what they find in the end.
    pub(super) late: Vec<Event>,
}

/// Which events a run has, and how many of each: a subset, so that runs differ more from each
/// other than runs that have a little of everything.
#[derive(Clone, Debug)]
pub(super) struct Swarm {
    pub(super) theme: Theme,
    /// Each family with its rate; an event of the family is so many times as likely as one of
    /// rate 1.
    pub(super) rates: Vec<(Family, u32)>,
}

/// One event; who and what is decided when it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) picks: Picks,
}

/// Choices that an event may have to make, in the order in which it makes them.
pub(super) type Picks = [Index; 6];

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Edit,
    /// Two devices edit the same field.
    Race,
    /// Two devices edit the same fields, several of them at once.
    WideRace,
    /// One device adds tags and another takes some away.
    TagRace,
    /// Two devices write what never changes once it is written.
    FirstWins,
    /// One device edits several times in a row.
    Burst,
    /// A project, a task in it and a comment on that are made offline.
    Generations,
    Delete,
    /// A device is away for longer than tombstones are kept.
    Absence,
    Undo,
    Resolve,
    Retry,
    Discard,
    /// Work is discarded that could not be sent.
    DiscardWaiting,
    /// Work is discarded that the server has, without its device knowing.
    DiscardUnheard,
    Repair,
    Sync,
    Offline,
    Online,
    ShortWait,
    LongWait,
    Settle,
    SignIn,
    SignOut,
    SwitchUser,
    /// Somebody signs out with work that was never sent.
    SignOutWithWork,
    /// Nobody gets a new access token while work waits.
    IdentityDown,
    /// Somebody goes on working without having signed in.
    WorkSignedOut,
    /// Somebody wants to decide offline what has to be decided online.
    StepUpOffline,
    Grant,
    SetRole,
    Reassign,
    /// Somebody makes a record that only others may see, and goes on working on it.
    ForOtherEyes,
    /// A viewer edits.
    ViewerEdits,
    /// Somebody loses a role while the answer to their work is lost.
    RevokedUnheard,
    /// A create is refused, and with it what hangs on it; then its user may write again.
    RefusedTree,
    LinkFault,
    ExchangeFault,
    ProxyPage,
    Cache,
    /// Two users fetch everything anew behind one cache.
    SharedCache,
    EndFault,
    Crash,
    CrashLater,
    Restart,
    Suspend,
    Resume,
    SecondApp,
    ServerCrash,
    ServerCrashLater,
    ServerDisk,
    FullDisk,
    FailingDisk,
    Jump,
    /// The newest app writes a field that old ones know by another name.
    DeadlineElsewhere,
    Upgrade,
    RequireApp,
    LyingDisk,
    FlipBit,
    Wipe,
    Backup,
    Restore,
    Clone,
    HintFault,
    /// A hint comes late, when the device has heard of later things.
    LateHint,
    /// More has changed than a hint can carry.
    HintFlood,
    /// A device asks for news again and again.
    Pester,
    /// A device sends more than the limit lets through.
    Flood,
    /// Work gets old before the server hears of it.
    OldWork,
}

/// Every kind with its family and its share of the family.
const KINDS: &[(Kind, Family, u32)] = &[
    (Kind::Create, Family::Work, 8),
    (Kind::Edit, Family::Work, 16),
    (Kind::Race, Family::Work, 6),
    (Kind::WideRace, Family::Work, 2),
    (Kind::TagRace, Family::Work, 2),
    (Kind::FirstWins, Family::Work, 1),
    (Kind::Burst, Family::Work, 4),
    (Kind::Generations, Family::Work, 1),
    (Kind::Delete, Family::Deletes, 6),
    (Kind::Absence, Family::Deletes, 2),
    (Kind::Undo, Family::Decisions, 4),
    (Kind::Resolve, Family::Decisions, 6),
    (Kind::Retry, Family::Decisions, 2),
    (Kind::Discard, Family::Decisions, 2),
    (Kind::DiscardWaiting, Family::Decisions, 4),
    (Kind::DiscardUnheard, Family::Decisions, 1),
    (Kind::Repair, Family::Decisions, 2),
    (Kind::Sync, Family::Pace, 4),
    (Kind::Offline, Family::Pace, 4),
    (Kind::Online, Family::Pace, 4),
    (Kind::ShortWait, Family::Pace, 8),
    (Kind::LongWait, Family::Pace, 2),
    (Kind::Settle, Family::Pace, 2),
    (Kind::SignIn, Family::Accounts, 4),
    (Kind::SignOut, Family::Accounts, 2),
    (Kind::SwitchUser, Family::Accounts, 4),
    (Kind::SignOutWithWork, Family::Accounts, 1),
    (Kind::WorkSignedOut, Family::Accounts, 1),
    (Kind::IdentityDown, Family::Accounts, 1),
    (Kind::StepUpOffline, Family::Rights, 1),
    (Kind::Grant, Family::Rights, 6),
    (Kind::SetRole, Family::Rights, 2),
    (Kind::Reassign, Family::Rights, 4),
    (Kind::ForOtherEyes, Family::Rights, 1),
    (Kind::ViewerEdits, Family::Rights, 1),
    (Kind::RevokedUnheard, Family::Rights, 2),
    (Kind::RefusedTree, Family::Rights, 1),
    (Kind::LinkFault, Family::Link, 8),
    (Kind::EndFault, Family::Link, 4),
    (Kind::ExchangeFault, Family::Exchange, 10),
    (Kind::ProxyPage, Family::Middlebox, 6),
    (Kind::Cache, Family::Middlebox, 2),
    (Kind::SharedCache, Family::Middlebox, 3),
    (Kind::Crash, Family::Process, 4),
    (Kind::CrashLater, Family::Process, 6),
    (Kind::Restart, Family::Process, 4),
    (Kind::Suspend, Family::Process, 2),
    (Kind::Resume, Family::Process, 2),
    (Kind::SecondApp, Family::Process, 2),
    (Kind::ServerCrash, Family::Server, 2),
    (Kind::ServerCrashLater, Family::Server, 6),
    (Kind::ServerDisk, Family::Server, 4),
    (Kind::FullDisk, Family::Disk, 2),
    (Kind::FailingDisk, Family::Disk, 6),
    (Kind::Jump, Family::Clock, 6),
    (Kind::DeadlineElsewhere, Family::Versions, 3),
    (Kind::Upgrade, Family::Versions, 4),
    (Kind::RequireApp, Family::Versions, 1),
    (Kind::LyingDisk, Family::Damage, 2),
    (Kind::FlipBit, Family::Damage, 4),
    (Kind::Wipe, Family::Damage, 2),
    (Kind::Backup, Family::Damage, 6),
    (Kind::Restore, Family::Damage, 6),
    (Kind::Clone, Family::Damage, 4),
    (Kind::HintFault, Family::Hints, 8),
    (Kind::LateHint, Family::Hints, 4),
    (Kind::HintFlood, Family::Hints, 1),
    (Kind::Pester, Family::Floods, 1),
    (Kind::Flood, Family::Floods, 1),
    (Kind::OldWork, Family::Lag, 1),
];

/// What may still be done when all faults have ended.
const LATE: &[(u32, Kind)] = &[
    (3, Kind::Resolve),
    (2, Kind::Edit),
    (1, Kind::Undo),
    (1, Kind::Retry),
    (1, Kind::Discard),
    (1, Kind::Settle),
];

/// Draws plans.
pub fn plans() -> impl Strategy<Value = Plan> {
    swarms().prop_flat_map(|swarm| {
        let events = vec(event(kinds_of(&swarm)), EVENTS);
        let late = vec(event(Union::new_weighted(weighted(LATE))), LATE_EVENTS);
        let world = worlds(swarm.theme);
        (Just(swarm), world, vec(any::<Picks>(), 2..6), events, late)
            .prop_map(|(swarm, world, setup, events, late)| Plan { swarm, world, setup, events, late })
    })
}

fn swarms() -> impl Strategy<Value = Swarm> {
    let theme = Union::new_weighted(weighted(THEMES));
    let drawn = subsequence(DRAWN.to_vec(), 1..=5);
    let rates = vec(select(vec![1, 2, 4]), ALWAYS.len() + DRAWN.len());
    (theme, drawn, rates).prop_map(|(theme, drawn, rates)| {
        let mut families: Vec<Family> = ALWAYS.iter().chain(theme.families()).copied().collect();
        families.extend(drawn.into_iter().filter(|family| !theme.families().contains(family)));
        let rate = |(family, drawn): (Family, u32)| match family {
            Family::Work => (family, 2 + drawn),
            // Whoever has a theme sees it.
            _ if theme.families().contains(&family) => (family, 2 * drawn),
            _ => (family, drawn),
        };
        Swarm { theme, rates: families.into_iter().zip(rates).map(rate).collect() }
    })
}

fn kinds_of(swarm: &Swarm) -> Union<Just<Kind>> {
    let weight = |family: Family| swarm.rates.iter().find(|(one, _)| *one == family).map(|(_, rate)| *rate);
    let kinds =
        KINDS.iter().filter_map(|(kind, family, share)| Some((weight(*family)? * share, Just(*kind))));
    Union::new_weighted(kinds.collect())
}

fn event(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Event> {
    (kind, any::<Picks>()).prop_map(|(kind, picks)| Event { kind, picks })
}

/// A table of weights as `proptest` takes it.
pub(super) fn weighted<T: Copy + std::fmt::Debug>(table: &[(u32, T)]) -> Vec<(u32, Just<T>)> {
    table.iter().map(|(weight, value)| (*weight, Just(*value))).collect()
}
