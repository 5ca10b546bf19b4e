//! Users, roles, devices, and the numbers of the contract, small enough to be reached.

use deadzone_contract::Model;
use deadzone_contract::parameters::{PARAMETERS, Unit};
use deadzone_contract::wire::{Role, SCHEMA_VERSION_MIN};
use deadzone_script::Declaration;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::Index;
use proptest::strategy::Strategy;

use super::theme::Theme;

const USERS: &[&str] = &["ana", "ben", "cleo"];
const DEVICES: &[&str] = &["phone", "laptop", "tablet", "desk"];
const WORKSPACES: &[&str] = &["home", "shop"];

/// What a device has that does without comments.
pub(super) const SMALL: &[&str] = &["project", "task"];

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

/// What the world of a script is like.
#[derive(Clone, Debug)]
pub(super) struct WorldPlan {
    /// How client and server sync.
    pub(super) model: Model,
    /// At least one; the first may write everywhere.
    pub(super) users: usize,
    /// At least two.
    pub(super) devices: Vec<DevicePlan>,
    /// Of each workspace, the role of each user; none: no member.
    pub(super) workspaces: Vec<Vec<Option<Role>>>,
    /// Names and values; times in ms.
    pub(super) numbers: Vec<(&'static str, u64)>,
}

#[derive(Clone, Debug)]
pub(super) struct DevicePlan {
    /// The place of its user.
    pub(super) user: usize,
    pub(super) skew_ms: i64,
    pub(super) drift_ppm: i32,
    /// The place of the only workspace that it subscribes to; none: all.
    pub(super) scope: Option<usize>,
    /// It does without comments.
    pub(super) is_small: bool,
    pub(super) is_old: bool,
    /// It stays an old app to the end, if it is one.
    pub(super) is_kept: bool,
}

/// A number of the contract and what it may be set to.
struct Number {
    name: &'static str,
    values: &'static [u64],
    /// In how many of a hundred worlds it is set.
    percent: u32,
    /// The same where the world is about it.
    themes: &'static [Theme],
}

const fn number(name: &'static str, percent: u32, values: &'static [u64]) -> Number {
    Number { name, values, percent, themes: &[] }
}

impl Number {
    /// Set in nearly every world of these themes.
    const fn sure(self, themes: &'static [Theme]) -> Number {
        Number { themes, ..self }
    }
}

/// How many of a hundred worlds that are about conflicts live in model A, where every field is
/// asked about.
const MODEL_A_PERCENT: u32 = 15;

/// How many of a hundred worlds set a number that they are about.
const SURE_PERCENT: u32 = 85;

const NUMBERS: &[Number] = &[
    number("push_max", 40, &[1, 2, 3, 10]).sure(&[Theme::Crashes, Theme::Limits]),
    number("pull_max", 40, &[1, 2, 3, 10]).sure(&[Theme::Crashes, Theme::Horizons]),
    number("access_life", 5, &[30 * SECOND, 2 * MINUTE, 10 * MINUTE]).sure(&[Theme::Tokens, Theme::Rights]),
    number("refresh_life", 0, &[4 * MINUTE, 15 * MINUTE]).sure(&[Theme::Tokens]),
    number("tombstone_horizon", 5, &[2 * MINUTE, 5 * MINUTE, 20 * MINUTE]).sure(&[Theme::Horizons]),
    number("stamp_ahead", 5, &[SECOND, 30 * SECOND, 2 * MINUTE]).sure(&[Theme::Clocks]),
    number("request_timeout", 40, &[3 * SECOND, 8 * SECOND, 15 * SECOND]),
    number("backoff_max", 40, &[4 * SECOND, 20 * SECOND]),
    number("attempts_max", 10, &[2, 4]),
    number("sync_every", 70, &[15 * SECOND, 40 * SECOND, 2 * MINUTE]),
    number("disk_latency_max", 20, &[0, 2, 60]),
    number("step_up_life", 5, &[20 * SECOND, MINUTE]),
    number("schema_tolerance", 0, &[2 * MINUTE, 10 * MINUTE, 720 * MINUTE]).sure(&[Theme::OldApps]),
    number("push_limit", 0, &[3, 6, 15]).sure(&[Theme::Limits]),
    number("pull_limit", 0, &[5, 8, 20]).sure(&[Theme::Limits]),
    number("limit_window", 0, &[20 * SECOND, MINUTE]).sure(&[Theme::Limits]),
    number("stale_after", 5, &[MINUTE, 5 * MINUTE]).sure(&[Theme::Lag]),
    number("lag_alert", 5, &[30 * SECOND, 3 * MINUTE]).sure(&[Theme::Lag]),
    number("hint_hold", 25, &[10 * SECOND, 30 * SECOND]).sure(&[Theme::Hints]),
    number("queue_max", 0, &[4, 10]).sure(&[Theme::Lag]),
];

/// Draws worlds.
pub(super) fn worlds(theme: Theme) -> impl Strategy<Value = WorldPlan> {
    let few = 1..=USERS.len();
    let devices = vec(any::<[Index; 4]>(), 2..=DEVICES.len());
    let roles = vec(vec(any::<Index>(), USERS.len()), 1..=WORKSPACES.len());
    let numbers = vec((0..100_u32, any::<Index>()), NUMBERS.len());
    (few, devices, roles, numbers, 0..100_u32).prop_map(move |(users, devices, roles, numbers, model)| {
        let users = users.max(least_users(theme));
        let workspaces: Vec<_> =
            roles.iter().enumerate().map(|(n, picks)| members(n, &picks[..users])).collect();
        let device = |(n, picks): (usize, &[Index; 4])| device(theme, n, picks, users, workspaces.len());
        let is_a = theme == Theme::Conflicts && model < MODEL_A_PERCENT;
        WorldPlan {
            model: if is_a { Model::A } else { Model::B },
            users,
            devices: devices.iter().enumerate().map(device).collect(),
            workspaces,
            numbers: numbers_of(theme, &numbers),
        }
    })
}

/// The numbers that a world sets. Where pulls are limited, idle devices ask as seldom as they do by
/// themselves: devices that use the limit up by idling never come to rest.
fn numbers_of(theme: Theme, drawn: &[(u32, Index)]) -> Vec<(&'static str, u64)> {
    let mut numbers: Vec<_> =
        NUMBERS.iter().zip(drawn).filter_map(|(number, drawn)| chosen(theme, number, *drawn)).collect();
    if numbers.iter().any(|(name, _)| *name == "pull_limit") {
        numbers.retain(|(name, _)| *name != "sync_every");
    }
    numbers
}

/// What is about more than one user needs more than one.
fn least_users(theme: Theme) -> usize {
    match theme {
        Theme::Accounts | Theme::Rights | Theme::Hints | Theme::Networks | Theme::Conflicts => 2,
        _ => 1,
    }
}

fn members(workspace: usize, picks: &[Index]) -> Vec<Option<Role>> {
    let role = |(user, pick): (usize, &Index)| match (user, pick.index(20)) {
        (0, 0..8) => Some(Role::Admin),
        (0, _) => Some(Role::Editor),
        (_, 0..5) if workspace > 0 => None,
        (_, 0..2) => Some(Role::Viewer),
        (_, 2..6) => Some(Role::Admin),
        _ => Some(Role::Editor),
    };
    picks.iter().enumerate().map(role).collect()
}

fn device(theme: Theme, n: usize, picks: &[Index; 4], users: usize, workspaces: usize) -> DevicePlan {
    let [user, clock, scope, app] = picks;
    // The first user has a device; so has the second, if there is one.
    let user = if n < 2 { n % users } else { user.index(users) };
    let is_clocks = theme == Theme::Clocks;
    let skew_ms = match clock.index(if is_clocks { 8 } else { 40 }) {
        0 => 4 * 60 * 1_000,
        1 => -7 * 60 * 1_000,
        2 if is_clocks => 3 * 3_600 * 1_000,
        // Beyond the year 2100.
        3 if is_clocks => 75 * 365 * 24 * 3_600 * 1_000,
        4 => -1_500,
        _ => 0,
    };
    let drift_ppm = if clock.index(11) == 5 { 200 } else { 0 };
    let is_small = scope.index(12) == 5;
    let scope = (workspaces > 1 && scope.index(4) == 0).then(|| scope.index(workspaces));
    // One is old for certain, and it is not that of the first user, who goes on whatever happens.
    let is_old = theme == Theme::OldApps && (n == 1 || app.index(2) == 0);
    let is_kept = app.index(3) < 2;
    DevicePlan { user, skew_ms, drift_ppm, scope, is_small, is_old, is_kept }
}

fn chosen(theme: Theme, number: &Number, (percent, value): (u32, Index)) -> Option<(&'static str, u64)> {
    let bound = if number.themes.contains(&theme) { SURE_PERCENT } else { number.percent };
    (percent < bound).then(|| (number.name, *value.get(number.values)))
}

impl WorldPlan {
    /// The name of a user.
    pub(super) fn user(&self, user: usize) -> &'static str {
        USERS[user]
    }

    /// The name of a device.
    pub(super) fn device(&self, device: usize) -> &'static str {
        DEVICES[device]
    }

    /// The name of a workspace.
    pub(super) fn workspace(&self, workspace: usize) -> &'static str {
        WORKSPACES[workspace]
    }

    /// The value of a number.
    pub(super) fn number(&self, name: &str) -> u64 {
        let set = self.numbers.iter().find(|(set, _)| *set == name).map(|(_, value)| *value);
        let default =
            || PARAMETERS.iter().find(|decl| decl.name == name).expect("numbers are declared").default;
        set.unwrap_or_else(default)
    }

    /// The lines that say all of it, those of each kind together.
    pub(super) fn declarations(&self) -> [Vec<Declaration>; 2] {
        let number = |(name, value): &(&'static str, u64)| {
            let decl = PARAMETERS.iter().find(|decl| decl.name == *name).expect("numbers are declared");
            Declaration::Set {
                parameter: (*name).to_owned(),
                value: *value,
                is_time: decl.unit == Unit::Time,
            }
        };
        let workspace = |(place, roles): (usize, &Vec<Option<Role>>)| {
            let member = |(user, role): (usize, &Option<Role>)| Some((self.user(user).to_owned(), (*role)?));
            Declaration::Workspace {
                name: self.workspace(place).to_owned(),
                members: roles.iter().enumerate().filter_map(member).collect(),
            }
        };
        let device = |(place, device): (usize, &DevicePlan)| Declaration::Device {
            name: self.device(place).to_owned(),
            user: self.user(device.user).to_owned(),
            skew_ms: device.skew_ms,
            drift_ppm: device.drift_ppm,
            scope: device.scope.map(|workspace| vec![self.workspace(workspace).to_owned()]),
            entities: device.is_small.then(|| SMALL.iter().map(|entity| (*entity).to_owned()).collect()),
            app: device.is_old.then_some(SCHEMA_VERSION_MIN),
        };
        let workspaces = self.workspaces.iter().enumerate().map(workspace);
        let hosts = workspaces.chain(self.devices.iter().enumerate().map(device)).collect();
        // What is said by itself where nothing is said is not written.
        let model = (self.model != Model::default()).then_some(Declaration::Model(self.model));
        [model.into_iter().chain(self.numbers.iter().map(number)).collect(), hosts]
    }
}
