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
/// - a step that needs a record whose create was interrupted, so that it has none; or a conflict
///   about a record on which an edit was interrupted, so that there is none;
/// - that nothing was saved, where all that was to be hung on a create that was interrupted;
/// - a fault of the scenario that has nothing to strike any more;
/// - a sign-in of the world's set-up that was refused, which the world repeats.
///
/// Without faults nothing is excused. Whether the sweep's own faults struck, it is told apart.
pub(super) fn excuse(judgement: &mut Judgement, script: &Script, trace: &Trace, faults: &[String]) {
    if faults.is_empty() || judgement.doubts.is_empty() {
        return;
    }
    let orphaned = orphaned(script, trace);
    let of_set_up = |action: &str| is_of_set_up(action, script);
    let nothing_is_left = nothing_is_left(trace, &orphaned, of_set_up, faults.len());
    judgement.doubts.retain(|doubt| match doubt {
        Doubt::StepRefused { action, .. } => !orphaned.contains(action) && !of_set_up(action),
        Doubt::NothingSaved | Doubt::Oracle { oracle: "available", .. } => !nothing_is_left,
        Doubt::FaultIdle { .. } => false,
        _ => true,
    });
    if judgement.outcome == Outcome::Unknown && judgement.doubts.is_empty() {
        judgement.outcome = Outcome::Pass;
    }
}

/// Whether users did nothing but what was interrupted, at most once for each fault, and what hung
/// on that.
fn nothing_is_left(
    trace: &Trace,
    orphaned: &BTreeSet<String>,
    of_set_up: impl Fn(&str) -> bool,
    faults: usize,
) -> bool {
    let mut interrupted = 0;
    trace.entries.iter().all(|entry| match &entry.event {
        Event::Saved { action, .. } => of_set_up(action),
        Event::Refused { action, .. } => orphaned.contains(action) || of_set_up(action),
        Event::Indefinite { action, .. } if !of_set_up(action) => {
            interrupted += 1;
            interrupted <= faults
        }
        _ => true,
    }) && interrupted > 0
}

/// Whether an action is one of the world's own: whoever writes `sign in` has labels of his own.
fn is_of_set_up(action: &str, script: &Script) -> bool {
    action.starts_with("sign-in-") && !script.steps().any(|(_, label, _)| action.starts_with(&label))
}

/// The steps that were refused and need what came to no end: a record, or, to resolve a conflict,
/// an edit of it. What needs a refused create of these needs what it needed.
fn orphaned(script: &Script, trace: &Trace) -> BTreeSet<String> {
    let needs = needs(script);
    let mut creates: BTreeMap<&String, &String> = BTreeMap::new();
    let mut unborn: BTreeSet<&String> = BTreeSet::new();
    let mut unedited: BTreeSet<&String> = BTreeSet::new();
    let mut orphaned = BTreeSet::new();
    for entry in &trace.entries {
        match &entry.event {
            Event::Invoked { action, name: Some(name), act: Action::Create { .. }, .. } => {
                creates.insert(action, name);
            }
            Event::Named { name, .. } => drop(unborn.remove(name)),
            Event::Indefinite { action, .. } => {
                unborn.extend(creates.get(action).copied());
                unedited.extend(needs.get(action).map(|need| &need.record));
            }
            Event::Refused { action, .. } => {
                let lacks = |need: &Need| {
                    unborn.contains(&need.record) || (need.is_conflict && unedited.contains(&need.record))
                };
                if needs.get(action).is_some_and(lacks) {
                    orphaned.insert(action.clone());
                    unborn.extend(creates.get(action).copied());
                }
            }
            _ => {}
        }
    }
    orphaned
}

/// What an action needs to be there.
#[derive(Clone)]
struct Need {
    record: String,
    /// A conflict about it.
    is_conflict: bool,
}

/// What each action of a script needs, by the action's name in a run.
fn needs(script: &Script) -> BTreeMap<String, Need> {
    let mut needs = BTreeMap::new();
    let mut note = |id: String, devices: &[String], action: &UserAction| {
        let Some(need) = need(action) else { return };
        for device in devices {
            let id = if devices.len() == 1 { id.clone() } else { format!("{id}.{device}") };
            needs.insert(id, need.clone());
        }
    };
    for (_, label, step) in script.steps() {
        match &step.act {
            Act::User { devices, action, .. } => note(label, devices, action),
            Act::Repeat { times, act, .. } => {
                let Act::User { devices, action, .. } = act.as_ref() else { continue };
                (1..=*times).for_each(|n| note(format!("{label}.{n}"), devices, &action.numbered(n)));
            }
            _ => {}
        }
    }
    needs
}

fn need(action: &UserAction) -> Option<Need> {
    let (record, is_conflict) = match action {
        UserAction::Create { place, .. } => (place.as_ref()?, false),
        UserAction::SignIn { .. }
        | UserAction::SignOut { .. }
        | UserAction::Repair
        | UserAction::SetRole(_) => return None,
        UserAction::Edit { name, .. }
        | UserAction::Delete { name }
        | UserAction::Discard { name }
        | UserAction::Retry { name }
        | UserAction::Undo { name } => (name, false),
        UserAction::Resolve { name, .. } => (name, true),
    };
    Some(Need { record: record.clone(), is_conflict })
}

#[cfg(test)]
mod tests {
    use deadzone_contract::{Code, RecordId};
    use deadzone_oracle::Verdict;
    use deadzone_trace::Entry;

    use super::*;

    const SCRIPT: &str = "scenario x\nworkspace home: ana editor\ndevice phone: ana\ndevice laptop: ana\n\
                          a: phone create project/p\n\
                          b: 2 times: phone create task/# in project/p\n\
                          c: phone, laptop set task/2 title=x\n\
                          d: phone create project/q\n\
                          e: phone resolve task/1.status keep mine\n\
                          f: phone delete task/1\n\
                          g: laptop set task/1 status=done\n";

    fn script() -> Script {
        deadzone_script::parse(SCRIPT).unwrap_or_else(|errors| panic!("{}", errors.render("x", false)))
    }

    fn invoked(action: &str, name: &str) -> Event {
        let act = Action::Create {
            entity: "task".into(),
            workspace: String::new(),
            parent: None,
            changes: Vec::new(),
        };
        Event::Invoked {
            action: action.into(),
            user: "ana".into(),
            name: Some(name.into()),
            act,
            cannot: false,
        }
    }

    fn indefinite(action: &str) -> Event {
        Event::Indefinite { action: action.into(), why: "its host went down".into() }
    }

    fn refused(action: &str) -> Event {
        Event::Refused { action: action.into(), code: Code::UnknownRecord, detail: String::new() }
    }

    fn saved(action: &str) -> Event {
        Event::Saved { action: action.into(), record: None, undid: Vec::new() }
    }

    fn trace(events: &[Event]) -> Trace {
        let entry = |event: &Event| Entry { at_us: 0, host: "phone".into(), event: event.clone() };
        Trace { entries: events.iter().map(entry).collect() }
    }

    fn step_refused(action: &str) -> Doubt {
        let (device, detail) = ("phone".to_owned(), String::new());
        Doubt::StepRefused { device, action: action.into(), code: Code::UnknownRecord, detail }
    }

    /// What is left of the doubts, with the outcome that they leave.
    fn left(events: &[Event], doubts: &[Doubt], faults: &[&str]) -> (Outcome, Vec<Doubt>) {
        let faults: Vec<String> = faults.iter().map(|fault| (*fault).to_owned()).collect();
        let mut judgement =
            Judgement { outcome: Outcome::Unknown, verdicts: Vec::<Verdict>::new(), doubts: doubts.to_vec() };
        excuse(&mut judgement, &script(), &trace(events), &faults);
        (judgement.outcome, judgement.doubts)
    }

    #[test]
    fn what_hangs_on_an_interrupted_create_is_excused_and_nothing_else() {
        // The project has no record; so has no task in it, and nobody can edit one.
        let events = [
            invoked("a", "project/p"),
            indefinite("a"),
            invoked("b.1", "task/1"),
            refused("b.1"),
            invoked("b.2", "task/2"),
            refused("b.2"),
            refused("c.phone"),
            refused("c.laptop"),
            refused("d"),
        ];
        let doubts: Vec<Doubt> = ["b.1", "b.2", "c.phone", "c.laptop", "d"].map(step_refused).to_vec();
        let (outcome, kept) = left(&events, &doubts, &["sweep-1"]);
        assert_eq!((outcome, kept), (Outcome::Unknown, vec![step_refused("d")]));
        assert_eq!(left(&events[..8], &doubts[..4], &["sweep-1"]), (Outcome::Pass, Vec::new()));
        assert_eq!(left(&events[..8], &doubts[..4], &[]).1, doubts[..4], "a run without another fault");
        // A create that was refused for its own reasons interrupts nothing.
        let events = [invoked("a", "project/p"), refused("a"), invoked("b.1", "task/1"), refused("b.1")];
        let doubts = ["a", "b.1"].map(step_refused);
        assert_eq!(left(&events, &doubts, &["sweep-1"]).1, doubts);
        // And one that was named after all is there.
        let named = Event::Named { name: "project/p".into(), record: RecordId("r".into()) };
        let events = [invoked("a", "project/p"), indefinite("a"), named, refused("b.1")];
        assert_eq!(left(&events, &doubts[1..], &["sweep-1"]).1, doubts[1..]);
    }

    #[test]
    fn a_conflict_that_an_interrupted_edit_did_not_make_cannot_be_resolved() {
        let doubts = ["e", "f"].map(step_refused);
        let refusals = [refused("e"), refused("f")];
        assert_eq!(left(&refusals, &doubts, &["sweep-1"]).1, doubts);
        let events = [&[saved("b.1"), indefinite("g")], &refusals[..]].concat();
        assert_eq!(left(&events, &doubts, &["sweep-1"]).1, doubts[1..], "it can be deleted all the same");
    }

    #[test]
    fn that_nothing_was_saved_is_excused_where_all_was_interrupted_with_its_first_create() {
        let doubts = [Doubt::NothingSaved, Doubt::Oracle { oracle: "available", why: String::new() }];
        let begun = [saved("sign-in-phone"), invoked("a", "project/p"), indefinite("a")];
        assert_eq!(left(&begun, &doubts, &["sweep-1"]).0, Outcome::Pass);
        for more in [indefinite("d"), refused("d")] {
            let events = [&begun[..], &[more]].concat();
            assert_eq!(left(&events, &doubts, &["sweep-1"]).1, doubts, "{events:?}");
        }
        assert_eq!(left(&begun[..2], &doubts, &["sweep-1"]).1, doubts, "nothing was interrupted");
        let lost = Doubt::Oracle { oracle: "lost", why: String::new() };
        assert_eq!(
            left(&begun, std::slice::from_ref(&lost), &["sweep-1"]).1,
            [lost],
            "what an oracle lacked"
        );
    }

    #[test]
    fn idle_faults_and_sign_ins_of_the_set_up_are_no_doubts_of_a_sweep() {
        let idle = Doubt::FaultIdle { fault: "f".into(), text: String::new() };
        let doubts = [idle, step_refused("sign-in-phone.2"), Doubt::Unfinished];
        let events = [refused("sign-in-phone.2")];
        assert_eq!(left(&events, &doubts, &["sweep-1"]).1, [Doubt::Unfinished]);
    }
}
