//! The standard scripts: what the speed of runs is measured with (`cargo bench -p deadzone --bench
//! standard`). They belong to no suite; `deadzone run scenarios/standard` runs them.
//!
//! A figure in runs a second says nothing where runs are empty, so each of them has to be as much
//! of a run as these tests ask.

mod scripts;

use std::collections::BTreeSet;

use deadzone_contract::Action;
use deadzone_oracle::{Outcome, judge};
use deadzone_script::{Act, Fault, Item, Script};
use deadzone_trace::{Event, Trace};
use deadzone_world::run;
use scripts::{reference, scripts_in};

const SEEDS: std::ops::Range<u64> = 0..3;

fn scripts() -> Vec<(String, String, Script)> {
    scripts_in(&["standard"])
}

/// How much of a run it was.
#[derive(Debug)]
struct Weight {
    devices: usize,
    users: usize,
    /// Sign-ins are not counted.
    saved: usize,
    requests: u64,
    struck: usize,
    crashes_struck: usize,
    sim_ms: u64,
    settled: bool,
}

impl Weight {
    fn of(script: &Script, trace: &Trace) -> Weight {
        let (mut devices, mut users) = (0, BTreeSet::new());
        let (mut work, mut saved, mut struck) = (BTreeSet::new(), 0, BTreeSet::new());
        let mut settled = None;
        for entry in &trace.entries {
            match &entry.event {
                Event::Started(header) => {
                    devices = header.devices.len();
                    users.extend(header.devices.values());
                }
                Event::Invoked { action, act, .. } if !matches!(act, Action::SignIn { .. }) => {
                    work.insert(action);
                }
                Event::Saved { action, .. } if work.contains(action) => saved += 1,
                Event::FaultStruck { fault, .. } => drop(struck.insert(fault.as_str())),
                Event::Settled => settled = settled.or(Some(true)),
                Event::Unsettled { .. } => settled = Some(false),
                _ => {}
            }
        }
        let crashes: Vec<String> = script
            .steps()
            .filter(|(.., step)| matches!(step.act, Act::Fault(Fault::Crash { .. })))
            .map(|(_, label, _)| label)
            .collect();
        Weight {
            devices,
            users: users.len(),
            saved,
            requests: trace.requests(),
            struck: struck.len(),
            crashes_struck: crashes.iter().filter(|label| struck.contains(label.as_str())).count(),
            sim_ms: trace.sim_ms(),
            settled: settled == Some(true),
        }
    }

    fn is_standard(&self) -> bool {
        self.devices == 3
            && self.users == 2
            && self.saved >= 60
            && self.requests >= 150
            && self.struck >= 5
            && self.crashes_struck >= 1
            && self.sim_ms >= 10 * 60 * 1_000
            && self.settled
    }
}

#[test]
fn there_are_twenty_in_canonical_form_outside_of_every_suite() {
    let scripts = scripts();
    assert_eq!(scripts.len(), 20);
    for (name, text, script) in scripts {
        assert_eq!(script.name(), name);
        assert_eq!(script.to_string(), text, "{name} is not in canonical form");
        assert!(script.suite().is_none(), "{name} would run with a suite");
        assert!(matches!(script.items.first(), Some(Item::Comment(_))), "{name} does not say what it shows");
    }
}

#[test]
fn each_is_a_whole_run_and_passes() {
    for (name, _, script) in scripts() {
        for seed in SEEDS {
            let trace = run(&script, seed, &reference(&script));
            let weight = Weight::of(&script, &trace);
            assert!(weight.is_standard(), "{name} {seed}: {weight:?}");
            let judgement = judge(&trace);
            assert_eq!(judgement.outcome, Outcome::Pass, "{name} {seed}: {judgement:#?}");
        }
    }
}
