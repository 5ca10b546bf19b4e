//! The one document that programs read.

use deadzone_oracle::Outcome;
use serde::Serialize;

use crate::coverage::CoverageEntry;
use crate::{Finding, Report, Run, Search, Skipped};

/// Why a command came to nothing, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// One sentence.
    pub message: String,
    /// The file that it is about.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
}

#[derive(Serialize)]
struct Document<'r> {
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'r Complaint>,
    runs: Vec<RunEntry<'r>>,
    /// Scenarios that the client cannot run.
    skipped: &'r [Skipped],
    /// Runs that were asked for and not made; only where the command was stopped.
    #[serde(skip_serializing_if = "is_zero")]
    unmade: usize,
    /// What a search was worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<&'r Search>,
    /// Which situations were met; none where nothing was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<CoverageEntry>,
}

#[derive(Serialize)]
struct RunEntry<'r> {
    scenario: &'r str,
    suite: Option<&'r str>,
    seed: u64,
    outcome: Outcome,
    digest: Option<&'r str>,
    sim_ms: u64,
    wall_us: u64,
    requests: u64,
    violations: Vec<Violation<'r>>,
    repro: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'r str>,
    /// Why the run proves less than it should.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unknown: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'r str>,
}

#[derive(Serialize)]
pub(crate) struct Violation<'r> {
    oracle: &'r str,
    clause: &'r str,
    summary: &'r str,
    expected: &'r str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// The report as one JSON document, indented, with a line end.
pub fn document(report: &Report) -> String {
    text_of(&Document {
        outcome: report.outcome(),
        error: report.error.as_ref(),
        runs: report.runs.iter().map(RunEntry::of).collect(),
        skipped: &report.skipped,
        unmade: report.unmade,
        search: report.search.as_ref(),
        coverage: report.coverage.entry(),
    })
}

/// The same document for a command that came to nothing: its outcome is `error`, nothing was run,
/// and `error` says why.
pub fn error_document(complaint: &Complaint) -> String {
    text_of(&Document {
        outcome: Outcome::Error,
        error: Some(complaint),
        runs: Vec::new(),
        skipped: &[],
        unmade: 0,
        search: None,
        coverage: None,
    })
}

pub(crate) fn text_of(document: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(document).expect("a report has string keys and no failing parts");
    text.push('\n');
    text
}

impl<'r> RunEntry<'r> {
    fn of(run: &'r Run) -> RunEntry<'r> {
        RunEntry {
            scenario: &run.scenario,
            suite: run.suite.as_deref(),
            seed: run.seed,
            outcome: run.outcome,
            digest: run.digest.as_deref(),
            sim_ms: run.sim_ms,
            wall_us: run.wall_us,
            requests: run.requests,
            violations: run.findings.iter().map(Violation::of).collect(),
            repro: run.repro.as_deref(),
            trace: run.trace.as_deref(),
            unknown: &run.unknowns,
            error: run.error.as_deref(),
        }
    }
}

impl<'r> Violation<'r> {
    pub(crate) fn of(finding: &'r Finding) -> Violation<'r> {
        let Finding { oracle, clause, summary, expected, .. } = finding;
        Violation { oracle, clause, summary, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::run;

    #[test]
    fn a_command_that_came_to_nothing_has_its_document() {
        let complaint = Complaint { message: "no".into(), file: Some("a.scn".into()), line: Some(3) };
        insta::assert_snapshot!(error_document(&complaint), @r#"
        {
          "outcome": "error",
          "error": {
            "message": "no",
            "file": "a.scn",
            "line": 3
          },
          "runs": [],
          "skipped": []
        }
        "#);
    }

    #[test]
    fn the_document_has_the_promised_shape() {
        let skipped = Skipped { scenario: "c".into(), suite: None, missing: vec!["deleting records".into()] };
        let report =
            Report { runs: vec![run("a", 3, &["lost"])], skipped: vec![skipped], ..Report::default() };
        insta::assert_snapshot!(document(&report), @r#"
        {
          "outcome": "fail",
          "runs": [
            {
              "scenario": "a",
              "suite": "pr",
              "seed": 3,
              "outcome": "fail",
              "digest": "00ff",
              "sim_ms": 90000,
              "wall_us": 2500,
              "requests": 12,
              "violations": [
                {
                  "oracle": "lost",
                  "clause": "twice",
                  "summary": "task/1 stands twice on the server",
                  "expected": "one record for one create"
                }
              ],
              "repro": "target/deadzone/a-3.scn"
            }
          ],
          "skipped": [
            {
              "scenario": "c",
              "suite": null,
              "missing": [
                "deleting records"
              ]
            }
          ]
        }
        "#);
    }
}
