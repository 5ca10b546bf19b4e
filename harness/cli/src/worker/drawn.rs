//! Scripts that are drawn from seeds: run, relieved of what came to nothing, and run again.
//!
//! A drawn script cannot know whether its faults find something to strike, nor whether an edit
//! made the conflict that it resolves. Such lines prove nothing, so they are taken out, and what is
//! left is run again until every fault of it strikes and every step of it is done.
//!
//! A step that a device has to refuse by the contract (a sign-out with work waiting, a step-up
//! operation without a network, work of a viewer) proves something: it stays, as `cannot`. That is
//! the run's own word, so nothing may fail by it, and nothing may be hidden by it: oracles judge a
//! refusal whatever the script says of it, and a script that fails, or that stays unknown, is run
//! once more without any such word; what that run shows is what counts.

use std::collections::BTreeSet;

use deadzone_contract::{Capability, Code, Model};
use deadzone_oracle::{Doubt, Judgement, Outcome};
use deadzone_reports::Measured;
use deadzone_script::{Act, Script, UserAction};
use deadzone_search::{fitted, generate, refused, unclaimed, without};
use deadzone_trace::{Event, Trace};
use deadzone_world::Lineup;

use super::protocol::{Drawn, Job, Ran};
use super::serve;
use crate::clock;
use crate::lineups::Lineups;

/// After so many runs a script is unknown: taking lines out goes on upsetting others. One in a
/// thousand scripts is not through after 8.
const RERUNS_MAX: usize = 40;

pub(super) fn run(job: &Job, lineups: &Lineups) -> Result<Ran, String> {
    let began = clock::now();
    // Which model it lives in, the script says; what a client can do, it can do in each.
    let drawn = script(job.seed, &serve::lineup(job, Model::default(), lineups)?)?;
    let lineup = serve::lineup(job, drawn.model().unwrap_or_default(), lineups)?;
    // What is run is what a file would say.
    let mut text = drawn.to_string();
    let mut measured = Measured::default();
    let mut may_claim = true;
    loop {
        let script = deadzone_script::parse(&text).map_err(|errors| errors.to_string())?;
        let trace = deadzone_world::run(&script, job.seed, &lineup);
        let judgement = deadzone_oracle::judge(&trace);
        let next = match judgement.outcome {
            Outcome::Fail => unclaimed(&script).inspect(|_| may_claim = false),
            Outcome::Unknown if measured.reruns < RERUNS_MAX => {
                let idle = Idle::of(&judgement, &script, may_claim);
                without_idle(&script, &idle, &mut measured)
                    .or_else(|| unclaimed(&script).inspect(|_| may_claim = false))
            }
            _ => None,
        };
        if let Some(next) = next {
            measured.reruns += 1;
            text = next.to_string();
            continue;
        }
        measure(&mut measured, &trace);
        let text = (judgement.outcome != Outcome::Pass).then_some(text);
        let digest = trace.digest().to_string();
        return Ok(Ran {
            digest,
            drawn: Some(Drawn { text, measured }),
            ..serve::ran(job, &script, &trace, &judgement, began.elapsed())
        });
    }
}

/// The script of a seed, as far as a client can go through it.
pub(crate) fn script(seed: u64, lineup: &Lineup) -> Result<Script, String> {
    let can = |capability: &Capability| lineup.client.supports(capability);
    fitted(&generate::script(seed), can).ok_or_else(|| {
        let client = lineup.client.name();
        format!("the client {client} can do nothing of what seed {seed} asks for")
    })
}

/// The labels of what came to nothing.
#[derive(Default)]
struct Idle {
    /// Faults that had nothing to strike.
    faults: BTreeSet<String>,
    /// Steps that were refused.
    steps: BTreeSet<String>,
    /// Steps that were refused as they have to be.
    refusals: BTreeSet<String>,
}

impl Idle {
    fn of(judgement: &Judgement, script: &Script, may_claim: bool) -> Idle {
        let mut idle = Idle::default();
        for doubt in &judgement.doubts {
            match doubt {
                Doubt::FaultIdle { fault, .. } => drop(idle.faults.insert(fault.clone())),
                Doubt::StepRefused { action, code, .. } => {
                    // Of a step that is repeated, every time has a name of its own.
                    let step = action.split('.').next().unwrap_or(action);
                    let is_due = may_claim && step == action && has_to_be_refused(script, step, *code);
                    let steps = if is_due { &mut idle.refusals } else { &mut idle.steps };
                    steps.insert(step.to_owned());
                }
                // What a script claims of a device that happened to be down says nothing.
                Doubt::Oracle { oracle: "expected", .. } => {
                    let claims = script.steps().filter(|(.., step)| matches!(step.act, Act::Expect(_)));
                    idle.steps.extend(claims.map(|(_, label, _)| label));
                }
                _ => {}
            }
        }
        idle
    }
}

/// Whether a device that refuses a step for this reason does what the contract asks of it.
fn has_to_be_refused(script: &Script, label: &str, code: Code) -> bool {
    let is_sign_in = |act: &Act| matches!(act, Act::User { action: UserAction::SignIn { .. }, .. });
    match code {
        Code::WorkPending | Code::SignedOut | Code::Forbidden | Code::Immutable => true,
        // A sign-in is tried, and a network that fails is no reason of the contract.
        Code::Offline => !script.steps().any(|(_, one, step)| one == label && is_sign_in(&step.act)),
        _ => false,
    }
}

/// The script without what came to nothing, and with `cannot` where a step has to be refused.
fn without_idle(script: &Script, idle: &Idle, measured: &mut Measured) -> Option<Script> {
    let claimed = refused(script, &idle.refusals);
    let pruned =
        without(claimed.as_ref().unwrap_or(script), &idle.faults.union(&idle.steps).cloned().collect());
    if pruned.is_some() {
        measured.pruned_faults += idle.faults.len();
        measured.pruned_steps += idle.steps.len();
    }
    pruned.or(claimed)
}

fn measure(measured: &mut Measured, trace: &Trace) {
    let mut struck = BTreeSet::new();
    for entry in &trace.entries {
        match &entry.event {
            Event::Started(header) => measured.devices = header.devices.len(),
            // The world's own sign-ins are nobody's work.
            Event::Saved { action, .. } if !action.starts_with("sign-in-") => measured.saved += 1,
            Event::FaultStruck { fault, .. } => drop(struck.insert(fault)),
            _ => {}
        }
    }
    measured.struck = struck.len();
}
