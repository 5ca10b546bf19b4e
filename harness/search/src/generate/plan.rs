//! Plans, and the strategies that draw them.

use proptest::collection::vec;
use proptest::prelude::{Just, any};
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::{Strategy, Union};

use super::theme::{ALWAYS, DRAWN, Family, THEMES, Theme};
use super::world::{WorldPlan, worlds};

/// How many events a run has between its set-up and the end of all faults.
const EVENTS: std::ops::Range<usize> = 24..64;

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
    /// One device edits several times in a row.
    Burst,
    Delete,
    Undo,
    Resolve,
    Retry,
    Discard,
    /// Work is discarded that could not be sent.
    DiscardWaiting,
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
    Grant,
    SetRole,
    Reassign,
    LinkFault,
    ExchangeFault,
    ProxyPage,
    Cache,
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
    Upgrade,
    RequireApp,
    LyingDisk,
    FlipBit,
    Wipe,
    Backup,
    Restore,
    Clone,
}

/// Every kind with its family and its share of the family.
const KINDS: &[(Kind, Family, u32)] = &[
    (Kind::Create, Family::Work, 4),
    (Kind::Edit, Family::Work, 8),
    (Kind::Race, Family::Work, 4),
    (Kind::Burst, Family::Work, 2),
    (Kind::Delete, Family::Deletes, 3),
    (Kind::Undo, Family::Decisions, 2),
    (Kind::Resolve, Family::Decisions, 3),
    (Kind::Retry, Family::Decisions, 1),
    (Kind::Discard, Family::Decisions, 1),
    (Kind::DiscardWaiting, Family::Decisions, 2),
    (Kind::Repair, Family::Decisions, 1),
    (Kind::Sync, Family::Pace, 2),
    (Kind::Offline, Family::Pace, 2),
    (Kind::Online, Family::Pace, 2),
    (Kind::ShortWait, Family::Pace, 4),
    (Kind::LongWait, Family::Pace, 1),
    (Kind::Settle, Family::Pace, 1),
    (Kind::SignIn, Family::Accounts, 2),
    (Kind::SignOut, Family::Accounts, 1),
    (Kind::SwitchUser, Family::Accounts, 2),
    (Kind::Grant, Family::Rights, 3),
    (Kind::SetRole, Family::Rights, 1),
    (Kind::Reassign, Family::Rights, 2),
    (Kind::LinkFault, Family::Link, 4),
    (Kind::EndFault, Family::Link, 2),
    (Kind::ExchangeFault, Family::Exchange, 5),
    (Kind::ProxyPage, Family::Middlebox, 3),
    (Kind::Cache, Family::Middlebox, 1),
    (Kind::Crash, Family::Process, 2),
    (Kind::CrashLater, Family::Process, 3),
    (Kind::Restart, Family::Process, 2),
    (Kind::Suspend, Family::Process, 1),
    (Kind::Resume, Family::Process, 1),
    (Kind::SecondApp, Family::Process, 1),
    (Kind::ServerCrash, Family::Server, 1),
    (Kind::ServerCrashLater, Family::Server, 3),
    (Kind::ServerDisk, Family::Server, 2),
    (Kind::FullDisk, Family::Disk, 1),
    (Kind::FailingDisk, Family::Disk, 3),
    (Kind::Jump, Family::Clock, 3),
    (Kind::Upgrade, Family::Versions, 2),
    (Kind::RequireApp, Family::Versions, 1),
    (Kind::LyingDisk, Family::Damage, 1),
    (Kind::FlipBit, Family::Damage, 2),
    (Kind::Wipe, Family::Damage, 1),
    (Kind::Backup, Family::Damage, 3),
    (Kind::Restore, Family::Damage, 3),
    (Kind::Clone, Family::Damage, 1),
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
