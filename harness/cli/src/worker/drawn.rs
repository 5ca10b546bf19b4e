//! Scripts that are drawn from seeds: run, relieved of what came to nothing, and run again.
//!
//! A drawn script cannot know whether its faults find something to strike, nor whether an edit
//! made the conflict that it resolves. Such lines prove nothing, so they are taken out, and what is
//! left is run again until every fault of it strikes and every step of it is done.

use std::collections::BTreeSet;

use deadzone_contract::{Capability, Model};
use deadzone_oracle::{Doubt, Judgement, Outcome};
use deadzone_reports::Measured;
use deadzone_script::Script;
use deadzone_search::{fitted, generate, without};
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
    // A drawn script says no model.
    let lineup = serve::lineup(job, Model::default(), lineups)?;
    // What is run is what a file would say.
    let mut text = script(job.seed, &lineup)?.to_string();
    let mut measured = Measured::default();
    loop {
        let script = deadzone_script::parse(&text).map_err(|errors| errors.to_string())?;
        let trace = deadzone_world::run(&script, job.seed, &lineup);
        let judgement = deadzone_oracle::judge(&trace);
        let idle = idle(&judgement);
        let smaller = if judgement.outcome == Outcome::Unknown && measured.reruns < RERUNS_MAX {
            without(&script, &idle.0.union(&idle.1).cloned().collect())
        } else {
            None
        };
        if let Some(smaller) = smaller {
            measured.pruned_faults += idle.0.len();
            measured.pruned_steps += idle.1.len();
            measured.reruns += 1;
            text = smaller.to_string();
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

/// The labels of faults that had nothing to strike, and of steps that were refused.
fn idle(judgement: &Judgement) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut faults, mut steps) = (BTreeSet::new(), BTreeSet::new());
    for doubt in &judgement.doubts {
        match doubt {
            Doubt::FaultIdle { fault, .. } => drop(faults.insert(fault.clone())),
            Doubt::StepRefused { action, .. } => drop(steps.insert(action.clone())),
            _ => {}
        }
    }
    (faults, steps)
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
