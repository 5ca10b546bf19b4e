//! What a sweep asks about a run besides: whether its faults struck, what else could have, and
//! which doubts are the plain consequence of its faults.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::Action;
use deadzone_oracle::{Doubt, Judgement, Outcome};
use deadzone_script::{Act, Script, UserAction};
use deadzone_search::sweep::{self, CrashPoint, Sighted, Sighting, SweepPlan};
use deadzone_trace::{Event, Trace};
use deadzone_world::Probe;

use super::protocol::{Answer, Job, Named, Plan, Question, Wanted};

/// Whether a run has to be looked on.
pub(super) fn plans(job: &Job) -> bool {
    job.sweep.as_ref().is_some_and(|question| question.plan.is_some())
}

/// What a sweep gets to know.
pub(super) fn answer(question: &Question, trace: &Trace, probe: &Probe) -> Answer {
    let strikes = strikes(trace, &question.faults);
    Answer {
        struck: strikes.len() == question.faults.len(),
        plan: question.plan.as_ref().map(|wanted| {
            // Each pair of faults is run once: the second one strikes after the first.
            let from = strikes.values().max().map_or(0, |strike| strike + 1);
            told(&look(wanted, trace, probe, from), wanted)
        }),
    }
}

/// Where each of these faults struck first, as far as they did.
fn strikes<'t>(trace: &'t Trace, faults: &[String]) -> BTreeMap<&'t String, usize> {
    let mut strikes = BTreeMap::new();
    for (at, entry) in trace.entries.iter().enumerate() {
        if let Event::FaultStruck { fault, .. } = &entry.event
            && faults.contains(fault)
        {
            strikes.entry(fault).or_insert(at);
        }
    }
    strikes
}

fn look(wanted: &Wanted, trace: &Trace, probe: &Probe, from: usize) -> SweepPlan {
    // What comes after is the harness's own look at the server.
    let is_rest = |event: &Event| matches!(event, Event::Settled | Event::Unsettled { .. });
    let Some(rest) = trace.entries.iter().rposition(|entry| is_rest(&entry.event)) else {
        return SweepPlan::default();
    };
    let ways = sweep::ways(wanted.subsets);
    let within = from..=rest;
    let points = probe.take_points().into_iter().filter(|point| wanted.hosts.contains(&point.host));
    let points = points.filter(|point| within.contains(&point.moment.entries));
    let points: Vec<CrashPoint> = points
        .map(|point| CrashPoint {
            left: ways.iter().map(|way| point.survivor(*way)).collect(),
            operation: point.operation,
            entries: point.moment.entries,
            at_us: point.moment.at_us,
            host: point.host,
        })
        .collect();
    let sightings = if wanted.exchanges { probe.take_sightings() } else { Vec::new() };
    let sightings: Vec<Sighting> = sightings.into_iter().map(sighting).collect();
    sweep::plan(&points, &sightings, &ways, &within)
}

fn sighting(seen: deadzone_world::Sighting) -> Sighting {
    let deadzone_world::Sighting { exchange, device, class, what, entries } = seen;
    let what = match what {
        deadzone_world::Sighted::Asked => Sighted::Asked,
        deadzone_world::Sighted::TookEffect => Sighted::TookEffect,
        deadzone_world::Sighted::Delivered { more } => Sighted::Delivered { more },
    };
    Sighting { exchange: exchange.0, device, class, what, entries }
}

fn told(plan: &SweepPlan, wanted: &Wanted) -> Plan {
    let line = |at: usize| plan.faults.get(at).map(|planned| planned.step.to_string());
    Plan {
        crash_points: plan.crash_points,
        exchanges: plan.exchanges,
        merged: plan.merged(),
        faults: plan.faults.len(),
        named: match &wanted.named {
            Named::All => (0..plan.faults.len()).filter_map(line).collect(),
            Named::None => Vec::new(),
            Named::These(places) => places.iter().copied().filter_map(line).collect(),
        },
    }
}

/// Takes those doubts out of a judgement that are the plain consequence of a sweep's faults:
///
/// - a step that needs a record whose create was interrupted, so that it has none;
/// - a fault of the scenario that has nothing to strike any more;
/// - a sign-in of the world's set-up that was refused, which the world repeats.
///
/// Without faults nothing is excused.
pub(super) fn excuse(judgement: &mut Judgement, script: &Script, trace: &Trace, faults: &[String]) {
    if faults.is_empty() || judgement.doubts.is_empty() {
        return;
    }
    let orphaned = orphaned(script, trace);
    judgement.doubts.retain(|doubt| match doubt {
        Doubt::StepRefused { action, .. } => !orphaned.contains(action) && !is_of_set_up(action, script),
        // Whether the sweep's own faults struck, it is told anyway.
        Doubt::FaultIdle { .. } => false,
        _ => true,
    });
    if judgement.outcome == Outcome::Unknown && judgement.doubts.is_empty() {
        judgement.outcome = Outcome::Pass;
    }
}

/// Whether an action is one of the world's own: whoever writes `sign in` has labels of his own.
fn is_of_set_up(action: &str, script: &Script) -> bool {
    action.starts_with("sign-in-") && !script.steps().any(|(_, label, _)| action.starts_with(&label))
}

/// The steps that were refused and need a record whose create came to no end, or was itself such
/// a step.
fn orphaned(script: &Script, trace: &Trace) -> BTreeSet<String> {
    let needs = needs(script);
    let mut creates: BTreeMap<&String, &String> = BTreeMap::new();
    let mut unborn: BTreeSet<&String> = BTreeSet::new();
    let mut orphaned = BTreeSet::new();
    for entry in &trace.entries {
        match &entry.event {
            Event::Invoked { action, name: Some(name), act: Action::Create { .. }, .. } => {
                creates.insert(action, name);
            }
            Event::Named { name, .. } => drop(unborn.remove(name)),
            Event::Indefinite { action, .. } => unborn.extend(creates.get(action).copied()),
            Event::Refused { action, .. } => {
                if needs.get(action).is_some_and(|needed| unborn.contains(needed)) {
                    orphaned.insert(action.clone());
                    unborn.extend(creates.get(action).copied());
                }
            }
            _ => {}
        }
    }
    orphaned
}

/// The record that each action of a script needs to be there, by the action's name in a run.
fn needs(script: &Script) -> BTreeMap<String, String> {
    let mut needs = BTreeMap::new();
    let mut note = |id: String, devices: &[String], action: &UserAction| {
        let Some(record) = needed(action) else { return };
        for device in devices {
            let id = if devices.len() == 1 { id.clone() } else { format!("{id}.{device}") };
            needs.insert(id, record.clone());
        }
    };
    for (_, label, step) in script.steps() {
        match &step.act {
            Act::User { devices, action } => note(label, devices, action),
            Act::Repeat { times, act, .. } => {
                let Act::User { devices, action } = act.as_ref() else { continue };
                (1..=*times).for_each(|n| note(format!("{label}.{n}"), devices, &action.numbered(n)));
            }
            _ => {}
        }
    }
    needs
}

fn needed(action: &UserAction) -> Option<&String> {
    match action {
        UserAction::Create { place, .. } => place.as_ref(),
        UserAction::SignIn => None,
        UserAction::Edit { name, .. }
        | UserAction::Delete { name }
        | UserAction::Discard { name }
        | UserAction::Retry { name }
        | UserAction::Resolve { name, .. } => Some(name),
    }
}
