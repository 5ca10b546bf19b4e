//! Scripts that are drawn from seeds: run, relieved of what came to nothing, and run again.
//!
//! A drawn script cannot know whether its faults find something to strike, nor whether an edit
//! made the conflict that it resolves. Such lines prove nothing, so they are taken out, and what is
//! left is run again until every fault of it strikes and every step of it is done.

use std::collections::BTreeSet;
use std::time::Instant;

use deadzone_contract::Capability;
use deadzone_oracle::{Doubt, Judgement, Outcome};
use deadzone_script::Script;
use deadzone_search::{fitted, generate, without};
use deadzone_trace::{Event, Trace};
use deadzone_world::Lineup;

use super::protocol::{Drawn, Job, Ran};
use super::serve;
use crate::lineups::Lineups;

/// After so many runs a script is unknown: taking lines out goes on upsetting others.
const RERUNS_MAX: usize = 8;

pub(super) fn run(job: &Job, lineups: &Lineups) -> Result<Ran, String> {
    #[expect(clippy::disallowed_methods, reason = "the real time that a run takes is only ever reported")]
    let began = Instant::now();
    // What is run is what a file would say.
    let mut text = script(job.seed, &serve::lineup(job, &generate::script(job.seed), lineups)?)?.to_string();
    let mut drawn =
        Drawn { text: None, pruned_faults: 0, pruned_steps: 0, reruns: 0, devices: 0, saved: 0, struck: 0 };
    loop {
        let script = deadzone_script::parse(&text).map_err(|errors| errors.to_string())?;
        let lineup = serve::lineup(job, &script, lineups)?;
        let trace = deadzone_world::run(&script, job.seed, &lineup);
        let judgement = deadzone_oracle::judge(&trace);
        let idle = idle(&judgement);
        let smaller = if judgement.outcome == Outcome::Unknown && drawn.reruns < RERUNS_MAX {
            without(&script, &idle.0.union(&idle.1).cloned().collect())
        } else {
            None
        };
        if let Some(smaller) = smaller {
            drawn.pruned_faults += idle.0.len();
            drawn.pruned_steps += idle.1.len();
            drawn.reruns += 1;
            text = smaller.to_string();
            continue;
        }
        measure(&mut drawn, &trace);
        drawn.text = (judgement.outcome != Outcome::Pass).then_some(text);
        let digest = trace.digest().to_string();
        return Ok(Ran {
            digest,
            drawn: Some(drawn),
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

fn measure(drawn: &mut Drawn, trace: &Trace) {
    let mut struck = BTreeSet::new();
    for entry in &trace.entries {
        match &entry.event {
            Event::Started(header) => drawn.devices = header.devices.len(),
            // The world's own sign-ins are nobody's work.
            Event::Saved { action, .. } if !action.starts_with("sign-in-") => drawn.saved += 1,
            Event::FaultStruck { fault, .. } => drop(struck.insert(fault)),
            _ => {}
        }
    }
    drawn.struck = struck.len();
}
