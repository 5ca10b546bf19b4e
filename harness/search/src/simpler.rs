//! Simpler lines, and scripts with fewer people and machines in them.

use std::time::Duration;

use deadzone_contract::wire::Role;
use deadzone_script::{
    Act, Crash, Declaration, Fault, HostAct, Item, Moment, Script, Step, Survivors, Target, UserAction,
};

/// Times that a reader grasps at once, the longest last.
const ROUND_MS: &[u64] = &[100, 1_000, 5_000, 10_000, 60_000, 600_000, 3_600_000];

/// What a line could be instead, the simplest first.
pub(crate) fn simpler(item: &Item) -> Vec<Item> {
    match item {
        Item::Blank | Item::Comment(_) => Vec::new(),
        Item::Declaration(declaration) => {
            simpler_declarations(declaration).into_iter().map(Item::Declaration).collect()
        }
        Item::Step(step) => {
            let step_of = |act| Item::Step(Step { act, ..step.clone() });
            simpler_acts(&step.act).into_iter().map(step_of).collect()
        }
    }
}

fn simpler_declarations(declaration: &Declaration) -> Vec<Declaration> {
    match declaration {
        Declaration::Device { name, user, skew_ms, drift_ppm, scope, entities, app } => {
            let device = |skew_ms: i64, drift_ppm: i32, is_scoped: bool, app: Option<u32>| {
                let (name, user) = (name.clone(), user.clone());
                let scope = scope.clone().filter(|_| is_scoped);
                let entities = entities.clone().filter(|_| is_scoped);
                Declaration::Device { name, user, skew_ms, drift_ppm, scope, entities, app }
            };
            let candidates = [
                device(0, 0, false, None),
                device(0, 0, true, *app),
                device(*skew_ms, *drift_ppm, false, *app),
                device(*skew_ms, *drift_ppm, true, None),
            ];
            candidates.into_iter().filter(|candidate| candidate != declaration).collect()
        }
        Declaration::Workspace { name, members } => {
            let without = (0..members.len()).filter(|_| members.len() > 1).map(|gone| {
                let mut members = members.clone();
                members.remove(gone);
                Declaration::Workspace { name: name.clone(), members }
            });
            let as_editor = (0..members.len()).filter(|at| members[*at].1 != Role::Editor).map(|at| {
                let mut members = members.clone();
                members[at].1 = Role::Editor;
                Declaration::Workspace { name: name.clone(), members }
            });
            without.chain(as_editor).collect()
        }
        _ => Vec::new(),
    }
}

fn simpler_acts(act: &Act) -> Vec<Act> {
    match act {
        Act::User { devices, action, cannot } => {
            let user = |action| Act::User { devices: devices.clone(), action, cannot: *cannot };
            simpler_actions(action).into_iter().map(user).collect()
        }
        Act::Wait(time) => shorter(*time).into_iter().map(Act::Wait).collect(),
        Act::Host { hosts, what: HostAct::Crash(crash) } => {
            let host = |crash| Act::Host { hosts: hosts.clone(), what: HostAct::Crash(crash) };
            simpler_crashes(*crash).into_iter().map(host).collect()
        }
        Act::Fault(fault) => simpler_faults(fault).into_iter().map(Act::Fault).collect(),
        _ => Vec::new(),
    }
}

/// An action with fewer changes.
fn simpler_actions(action: &UserAction) -> Vec<UserAction> {
    let without = |changes: &[(String, deadzone_contract::Change)], least: usize| {
        let go = (0..changes.len()).rev().filter(|_| changes.len() > least);
        let fewer = |gone: usize| {
            let mut changes = changes.to_vec();
            changes.remove(gone);
            changes
        };
        go.map(fewer).collect::<Vec<_>>()
    };
    match action {
        UserAction::Create { name, place, changes } => {
            let create = |changes| UserAction::Create { name: name.clone(), place: place.clone(), changes };
            // A record keeps its first value, mostly its name, for whoever reads the script.
            without(changes, 1)
                .into_iter()
                .filter(|left| left.first() == changes.first())
                .map(create)
                .collect()
        }
        UserAction::Edit { name, changes } => {
            let edit = |changes| UserAction::Edit { name: name.clone(), changes };
            without(changes, 1).into_iter().map(edit).collect()
        }
        _ => Vec::new(),
    }
}

/// Round times below a time.
fn shorter(time: Duration) -> Vec<Duration> {
    let rounds = ROUND_MS.iter().map(|ms| Duration::from_millis(*ms));
    rounds.filter(|round| *round < time).collect()
}

fn simpler_crashes(crash: Crash) -> Vec<Crash> {
    match crash {
        Crash::Kill => Vec::new(),
        Crash::PowerLoss(Some(Survivors::LoseAll)) => vec![Crash::Kill],
        Crash::PowerLoss(_) => vec![Crash::Kill, Crash::PowerLoss(Some(Survivors::LoseAll))],
    }
}

fn simpler_faults(fault: &Fault) -> Vec<Fault> {
    let mut sooner_one = fault.clone();
    if let Some(target) = target_of(&mut sooner_one) {
        let is_later = target.nth > 1;
        target.nth = target.nth.min(1);
        return is_later.then_some(sooner_one).into_iter().collect();
    }
    match fault {
        Fault::Latency { device, min, max } if min != max => {
            vec![Fault::Latency { device: device.clone(), min: *min, max: *min }]
        }
        Fault::Cut { from, to } => vec![Fault::Partition { a: from.clone(), b: to.clone() }],
        Fault::Crash { host, crash, moment, down_for } => {
            let fault =
                |crash, moment| Fault::Crash { host: host.clone(), crash, moment, down_for: *down_for };
            let kinder = simpler_crashes(*crash).into_iter().map(|crash| fault(crash, *moment));
            let sooner = sooner(*moment).into_iter().map(|moment| fault(*crash, moment));
            kinder.chain(sooner).collect()
        }
        Fault::FailDisk { host, nth, on } => {
            let fault = |nth| Fault::FailDisk { host: host.clone(), nth, on: *on };
            halves(*nth).into_iter().map(fault).collect()
        }
        _ => Vec::new(),
    }
}

/// The exchange that a fault lies in wait for, if it does for one.
fn target_of(fault: &mut Fault) -> Option<&mut Target> {
    match fault {
        Fault::LoseRequest(target)
        | Fault::LoseAnswer(target)
        | Fault::DeliverTwice(target)
        | Fault::ProxyPage(target, _)
        | Fault::DelayAnswer(target, _)
        | Fault::ExecuteLate(target, _) => Some(target),
        _ => None,
    }
}

fn sooner(moment: Moment) -> Vec<Moment> {
    match moment {
        Moment::Acknowledged(n) if n > 1 => vec![Moment::Acknowledged(1)],
        Moment::Answered(n, class) if n > 1 => vec![Moment::Answered(1, class)],
        Moment::Operation(n) => halves(n).into_iter().map(Moment::Operation).collect(),
        Moment::Acknowledged(_) | Moment::Answered(..) | Moment::OperationEver(_) => Vec::new(),
    }
}

/// The first, and one half-way to it.
fn halves(nth: u32) -> Vec<u32> {
    let mut halves: Vec<u32> = [1, nth / 2].into_iter().filter(|half| (1..nth).contains(half)).collect();
    halves.dedup();
    halves
}

/// What an action costs a disk, at most: so much earlier comes what a fault counts to when the action
/// goes.
const OPERATIONS_OF_ONE_ACTION: u32 = 12;
const SYNCS_OF_ONE_ACTION: u32 = 4;

/// A fault that counts what a disk does, counting less far, the nearest first; nothing of other lines.
pub(crate) fn earlier(item: &Item) -> Vec<Item> {
    let Item::Step(step) = item else { return Vec::new() };
    let Act::Fault(fault) = &step.act else { return Vec::new() };
    let counted = |nth: u32, by: u32| (nth.saturating_sub(by).max(1)..nth).rev();
    let faults: Vec<Fault> = match fault {
        Fault::Crash { host, crash, moment: Moment::Operation(nth), down_for } => {
            let sooner = |nth| Fault::Crash {
                host: host.clone(),
                crash: *crash,
                moment: Moment::Operation(nth),
                down_for: *down_for,
            };
            counted(*nth, OPERATIONS_OF_ONE_ACTION).map(sooner).collect()
        }
        Fault::FailDisk { host, nth, on } => {
            let sooner = |nth| Fault::FailDisk { host: host.clone(), nth, on: *on };
            counted(*nth, SYNCS_OF_ONE_ACTION).map(sooner).collect()
        }
        _ => Vec::new(),
    };
    faults.into_iter().map(|fault| Item::Step(Step { act: Act::Fault(fault), ..step.clone() })).collect()
}

/// Scripts in which one device does what two did, or one user has what two had; not all of them
/// legal.
pub(crate) fn merged(script: &Script) -> Vec<Script> {
    let devices: Vec<String> = script.devices().map(|device| device.name.to_owned()).collect();
    let mut users: Vec<String> = script.devices().map(|device| device.user.to_owned()).collect();
    users.sort_unstable();
    users.dedup();
    let pairs = |names: &[String]| -> Vec<(String, String)> {
        let later = names.iter().enumerate().rev();
        later.flat_map(|(n, gone)| names[..n].iter().map(|kept| (gone.clone(), kept.clone()))).collect()
    };
    let of_devices = pairs(&devices).into_iter().map(|(gone, kept)| with_device(script, &gone, &kept));
    let of_users = pairs(&users).into_iter().map(|(gone, kept)| with_user(script, &gone, &kept));
    of_devices.chain(of_users).collect()
}

/// What `gone` did, `kept` does.
fn with_device(script: &Script, gone: &str, kept: &str) -> Script {
    let is_gone =
        |item: &Item| matches!(item, Item::Declaration(Declaration::Device { name, .. }) if name == gone);
    let mut script = script.clone();
    script.items.retain(|item| !is_gone(item));
    for item in &mut script.items {
        let Item::Step(step) = item else { continue };
        match &mut step.act {
            Act::User { devices, .. } => rename(devices, gone, kept),
            Act::Host { hosts, .. } => rename(hosts, gone, kept),
            _ => {}
        }
    }
    script
}

/// The devices of `gone` are those of `kept`.
fn with_user(script: &Script, gone: &str, kept: &str) -> Script {
    let mut script = script.clone();
    for item in &mut script.items {
        match item {
            Item::Declaration(Declaration::Device { user, .. }) if user == gone => kept.clone_into(user),
            Item::Declaration(Declaration::Workspace { members, .. }) if members.len() > 1 => {
                members.retain(|(user, _)| user != gone);
            }
            _ => {}
        }
    }
    script
}

fn rename(names: &mut Vec<String>, gone: &str, kept: &str) {
    for name in names.iter_mut().filter(|name| *name == gone) {
        kept.clone_into(name);
    }
    names.dedup();
}
