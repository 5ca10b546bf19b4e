//! What is to be run: scripts, seeds, and who runs them.

use std::ops::RangeInclusive;

use deadzone_contract::Model;
use deadzone_reports::Skipped;
use deadzone_script::{Declaration, Item, Named, Script, Suite};
use deadzone_world::Lineup;

use crate::args::Selection;
use crate::lineups::{self, Lineups};
use crate::scenarios::{self, Scenario};
use crate::seeds::{self, SEEDS_DEFAULT};
use crate::stop::Stop;
use crate::worker::Job;

/// One scenario and how it is to be run.
pub(crate) struct Part {
    /// The script as it is run: see [`bare`].
    pub(crate) script: Script,
    pub(crate) name: String,
    pub(crate) suite: Option<String>,
    pub(crate) client: String,
    pub(crate) defect: Option<String>,
    pub(crate) seeds: RangeInclusive<u64>,
}

/// Everything that is to be run.
pub(crate) struct Plan {
    /// By name.
    pub(crate) parts: Vec<Part>,
    /// Scenarios that the client cannot run.
    pub(crate) skipped: Vec<Skipped>,
}

impl Plan {
    /// What a command line asks for. A script's own client, defect and seed hold where the
    /// command line names none.
    pub(crate) fn new(selection: &Selection, lineups: &Lineups) -> Result<Plan, Stop> {
        let mut plan = Plan { parts: Vec::new(), skipped: Vec::new() };
        for scenario in scenarios::select(&selection.what, selection.suite())? {
            plan.add(scenario, selection, lineups)?;
        }
        Ok(plan)
    }

    fn add(&mut self, mut scenario: Scenario, selection: &Selection, lineups: &Lineups) -> Result<(), Stop> {
        let asked = selection.model.map(Model::from);
        scenario.put_under(asked);
        let script = &scenario.script;
        let who = Who::of(&scenario, selection.client.as_deref(), selection.defect.as_deref(), lineups)?;
        let Who { client, defect, lineup } = who;
        let suite = script.suite().map(|suite| suite.to_string());
        let name = scenario.name().to_owned();
        let mut missing: Vec<String> =
            deadzone_world::missing(script, &lineup).iter().map(ToString::to_string).collect();
        if asked.is_some_and(|asked| asked != lineup.model) {
            missing.insert(0, format!("rules of model {}", lineup.model));
        }
        if !missing.is_empty() {
            self.skipped.push(Skipped { scenario: name, suite, missing });
            return Ok(());
        }
        let own = script.seed().map(|seed| seed..=seed);
        let seeds = selection.seeds().or(own).unwrap_or(SEEDS_DEFAULT);
        self.parts.push(Part { script: bare(script), name, suite, client, defect, seeds });
        Ok(())
    }

    /// Whether it is all of the nightly suite on the reference as it should be: together these
    /// runs have to meet every situation.
    pub(crate) fn is_whole_nightly(&self, selection: &Selection) -> bool {
        let reference = |part: &Part| part.client == lineups::DEFAULT && part.defect.is_none();
        selection.what.is_empty()
            && selection.suite() == Some(Suite::Nightly)
            && selection.model.is_none()
            && self.skipped.is_empty()
            && self.parts.iter().all(reference)
    }

    /// How many runs that is.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| seeds::count(&part.seeds)).sum()
    }

    /// Every run, by scenario and seed. The id of a job is the place of its part.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = Job> + '_ {
        self.parts.iter().enumerate().flat_map(|(at, part)| {
            let text = part.script.to_string();
            part.seeds.clone().map(move |seed| part.job(at, seed, &text))
        })
    }
}

impl Part {
    /// One run of it.
    pub(crate) fn job(&self, at: usize, seed: u64, text: &str) -> Job {
        Job {
            id: at,
            text: text.to_owned(),
            seed,
            client: self.client.clone(),
            defect: self.defect.clone(),
            ..Job::default()
        }
    }
}

/// Who is to run a script.
pub(crate) struct Who {
    pub(crate) client: String,
    pub(crate) defect: Option<String>,
    pub(crate) lineup: Lineup,
}

impl Who {
    /// What the command line says, else what the script says, else the reference without a
    /// defect. A name that does not fit is the fault of whoever said it.
    pub(crate) fn of(
        scenario: &Scenario,
        client: Option<&str>,
        defect: Option<&str>,
        lineups: &Lineups,
    ) -> Result<Who, Stop> {
        let script = &scenario.script;
        let named = client.or(script.client()).unwrap_or(lineups::DEFAULT).to_owned();
        let planted =
            defect.or(script.defect()).filter(|defect| *defect != lineups::NO_DEFECT).map(str::to_owned);
        let lineup = lineups.find(&named, planted.as_deref(), script.model().unwrap_or_default()).map_err(
            |unfit| {
                let on_the_command_line = |name: &Named| match name {
                    Named::Client => client.is_some(),
                    Named::Defect => defect.is_some(),
                    Named::Violates | Named::Reaches => false,
                };
                if unfit.blamed.iter().any(on_the_command_line) {
                    Stop::usage(unfit.text())
                } else {
                    scenario.refuse(unfit.blamed[0], &unfit.message, unfit.help)
                }
            },
        )?;
        Ok(Who { client: named, defect: planted, lineup })
    }
}

/// The script without the lines that make it a repro: those say which run it is, which the job
/// says too. What is left has the lines of the script that the repro was made from, so that both
/// give the same trace.
pub(crate) fn bare(script: &Script) -> Script {
    let says_which_run = |item: &Item| {
        matches!(
            item,
            Item::Declaration(
                Declaration::Seed(_)
                    | Declaration::Client(_)
                    | Declaration::Defect(_)
                    | Declaration::Violates { .. }
                    | Declaration::Digest(_)
            )
        )
    };
    Script { items: script.items.iter().filter(|item| !says_which_run(item)).cloned().collect() }
}
