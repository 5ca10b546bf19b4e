//! What reports are made of.

use std::collections::BTreeMap;
use std::time::Duration;

use deadzone_oracle::{Outcome, Violation};
use deadzone_trace::Trace;
use serde::{Deserialize, Serialize};

use crate::{Complaint, Coverage, Search, Story};

/// One broken promise of one run, as it travels between processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Who says so.
    pub oracle: String,
    /// Which part of the invariant is broken.
    pub clause: String,
    /// The identity of the violation: equal in two runs that show the same one.
    pub key: String,
    /// One sentence for a person in a hurry.
    pub summary: String,
    /// What should have been, in its place.
    pub expected: String,
    /// How it came about; none where nobody asked, or where no trace is left to tell it from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story: Option<Story>,
}

impl Finding {
    /// A violation without its story.
    pub fn of(violation: &Violation) -> Finding {
        Finding {
            oracle: violation.oracle.to_owned(),
            clause: violation.clause.to_owned(),
            key: violation.key().to_string(),
            summary: violation.summary.clone(),
            expected: violation.expected.clone(),
            story: None,
        }
    }

    /// A violation with its story.
    pub fn told(violation: &Violation, trace: &Trace) -> Finding {
        Finding { story: Some(crate::story(trace, violation)), ..Finding::of(violation) }
    }

    /// A run that took its process down or never ended, so that nobody could judge its trace: a
    /// finding of the oracle `alive`.
    pub fn alive(clause: &str, summary: String, expected: &str) -> Finding {
        Finding {
            oracle: "alive".to_owned(),
            clause: clause.to_owned(),
            key: format!("alive {clause} run"),
            summary,
            expected: expected.to_owned(),
            story: None,
        }
    }
}

/// One run of one scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// Its suite; none where the script names none.
    pub suite: Option<String>,
    /// What the script left open.
    pub seed: u64,
    /// How it came out.
    pub outcome: Outcome,
    /// The digest of its trace; none where the run died.
    pub digest: Option<String>,
    /// Simulated time, in ms.
    pub sim_ms: u64,
    /// Real time, in us.
    pub wall_us: u64,
    /// How many requests devices sent.
    pub requests: u64,
    /// In the order of the oracles.
    pub findings: Vec<Finding>,
    /// Why the run proves less than it should.
    pub unknowns: Vec<String>,
    /// What went wrong in the harness itself.
    pub error: Option<String>,
    /// The file that replays it; of a drawn script that stayed unknown, the script.
    pub repro: Option<String>,
    /// The file with its trace.
    pub trace: Option<String>,
}

/// A scenario that was not run because the client lacks something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The scenario's name.
    pub scenario: String,
    /// Its suite; none where the script names none.
    pub suite: Option<String>,
    /// What the client lacks, in words.
    pub missing: Vec<String>,
}

/// A failing run that stands for all of its scenario that the same oracle found wrong.
#[derive(Clone, Copy, Debug)]
pub struct Told<'r> {
    /// The one with the lowest seed.
    pub run: &'r Run,
    /// The first finding of the oracle in it.
    pub finding: &'r Finding,
    /// How many runs of the scenario the oracle found wrong.
    pub failing: usize,
    /// How many runs of the scenario there were.
    pub runs: usize,
}

/// Everything that one command ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// By scenario, then by seed.
    pub runs: Vec<Run>,
    /// By scenario.
    pub skipped: Vec<Skipped>,
    /// Runs that were asked for and not made, because somebody stopped the command.
    pub unmade: usize,
    /// What went wrong beside the runs, such as a repro that could not be written.
    pub error: Option<Complaint>,
    /// What the runs met together.
    pub coverage: Coverage,
    /// Real time of all together.
    pub wall: Duration,
    /// What a search was worth; none for everything else.
    pub search: Option<Search>,
}

impl Report {
    /// The gravest outcome of all; unknown where nothing was run or a demanded situation was not
    /// met, and an error where something went wrong, or the command was stopped, before it found a
    /// failure.
    pub fn outcome(&self) -> Outcome {
        let mut gravest = self.runs.iter().map(|run| run.outcome).max().unwrap_or(Outcome::Unknown);
        if !self.coverage.lacking().is_empty() {
            gravest = gravest.max(Outcome::Unknown);
        }
        if self.unmade > 0 || self.error.is_some() { gravest.max(Outcome::Error) } else { gravest }
    }

    /// How many runs came out so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.runs.iter().filter(|run| run.outcome == outcome).count()
    }

    /// The runs to tell: for each scenario and oracle the failing one with the lowest seed.
    pub fn told(&self) -> Vec<Told<'_>> {
        let mut scenarios: BTreeMap<&str, usize> = BTreeMap::new();
        let mut told: Vec<Told<'_>> = Vec::new();
        let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for run in &self.runs {
            *scenarios.entry(&run.scenario).or_default() += 1;
            let mut seen = Vec::new();
            for finding in &run.findings {
                if seen.contains(&finding.oracle.as_str()) {
                    continue;
                }
                seen.push(&finding.oracle);
                let place = *places.entry((&run.scenario, &finding.oracle)).or_insert_with(|| {
                    told.push(Told { run, finding, failing: 0, runs: 0 });
                    told.len() - 1
                });
                let entry = &mut told[place];
                entry.failing += 1;
                if run.seed < entry.run.seed {
                    (entry.run, entry.finding) = (run, finding);
                }
            }
        }
        for entry in &mut told {
            entry.runs = scenarios[entry.run.scenario.as_str()];
        }
        told
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn finding(oracle: &str) -> Finding {
        Finding {
            oracle: oracle.into(),
            clause: "twice".into(),
            key: format!("{oracle} twice create"),
            summary: "task/1 stands twice on the server".into(),
            expected: "one record for one create".into(),
            story: Some(Story {
                moments: vec![
                    Moment { at_us: 210_000, text: "ana on phone: create task/1 (saved)".into() },
                    Moment { at_us: 12_500_000, text: "phone's app starts again".into() },
                ],
                left_out: 2,
            }),
        }
    }

    pub(crate) fn run(scenario: &str, seed: u64, oracles: &[&str]) -> Run {
        Run {
            scenario: scenario.into(),
            suite: Some("pr".into()),
            seed,
            outcome: if oracles.is_empty() { Outcome::Pass } else { Outcome::Fail },
            digest: Some("00ff".into()),
            sim_ms: 90_000,
            wall_us: 2_500,
            requests: 12,
            findings: oracles.iter().map(|oracle| finding(oracle)).collect(),
            unknowns: Vec::new(),
            error: None,
            repro: (!oracles.is_empty()).then(|| format!("target/deadzone/{scenario}-{seed}.scn")),
            trace: None,
        }
    }

    use crate::Moment;

    #[test]
    fn each_scenario_and_oracle_is_told_once_with_its_lowest_seed() {
        let runs = vec![
            run("a", 0, &[]),
            run("a", 3, &["lost", "lost", "converged"]),
            run("a", 2, &["lost"]),
            run("b", 7, &["lost"]),
        ];
        let report = Report { runs, ..Report::default() };
        let told: Vec<_> = report
            .told()
            .iter()
            .map(|t| (t.run.scenario.as_str(), t.finding.oracle.as_str(), t.run.seed, t.failing, t.runs))
            .collect();
        assert_eq!(
            told,
            [("a", "lost", 2, 2, 3), ("a", "converged", 3, 1, 3), ("b", "lost", 7, 1, 1)],
            "scenario, oracle, lowest seed, failing runs, runs"
        );
    }

    #[test]
    fn nothing_run_proves_nothing_and_a_stopped_command_does_not_pass() {
        assert_eq!(Report::default().outcome(), Outcome::Unknown);
        let mut report = Report { runs: vec![run("a", 0, &[])], ..Report::default() };
        assert_eq!(report.outcome(), Outcome::Pass);
        report.unmade = 1;
        assert_eq!(report.outcome(), Outcome::Error);
        report.runs.push(run("a", 1, &["lost"]));
        assert_eq!(report.outcome(), Outcome::Fail);
    }

    #[test]
    fn a_demanded_situation_that_is_not_met_leaves_all_unknown() {
        let mut report = Report { runs: vec![run("a", 0, &[])], ..Report::default() };
        report.coverage.totals.count(&crate::coverage::tests::met(3));
        assert_eq!(report.outcome(), Outcome::Pass);
        report.coverage.is_demanded = true;
        assert_eq!(report.outcome(), Outcome::Unknown);
        report.runs.push(run("a", 1, &["lost"]));
        assert_eq!(report.outcome(), Outcome::Fail);
    }
}
