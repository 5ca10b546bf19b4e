//! JUnit XML, as CI viewers show it.
//!
//! A scenario is one test case: its name is the same every night, so that viewers can show its
//! history, while seeds come and go. The failure tells the story of the lowest failing seed of
//! each oracle. Fail is `<failure>`; unknown and harness errors are `<error>`, because a run that
//! proves nothing must not look like a pass.

use std::time::Duration;

use deadzone_oracle::Outcome;
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use crate::{Look, Report, Run, Told, failures};

/// Why there is no document.
#[derive(Debug)]
pub struct JunitError(quick_junit::SerializeError);

impl std::fmt::Display for JunitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the JUnit document could not be written: {}", self.0)
    }
}

impl std::error::Error for JunitError {}

/// The report as a JUnit document.
///
/// # Errors
/// Only where the XML writer fails.
pub fn junit(report: &Report, program: &str) -> Result<String, JunitError> {
    let mut document = Document::new("deadzone");
    document.set_time(report.wall);
    let told = report.told();
    for suite in suites(report) {
        let mut group = TestSuite::new(suite.as_deref().unwrap_or("scenarios"));
        for name in scenarios(report, suite.as_deref()) {
            let runs: Vec<&Run> = report.runs.iter().filter(|run| run.scenario == name).collect();
            group.add_test_case(case(name, suite.as_deref(), &runs, &told, program));
        }
        for skipped in report.skipped.iter().filter(|skipped| skipped.suite == suite) {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("the client has no {}", skipped.missing.join(", ")));
            group.add_test_case(classed(TestCase::new(&skipped.scenario, status), suite.as_deref()));
        }
        document.add_test_suite(group);
    }
    if report.coverage.is_demanded {
        let mut group = TestSuite::new("coverage");
        group.add_test_case(classed(TestCase::new("situations", coverage(report)), Some("coverage")));
        document.add_test_suite(group);
    }
    document.to_string().map_err(JunitError)
}

/// Whether every situation that has to be met was.
fn coverage(report: &Report) -> TestCaseStatus {
    match report.coverage.doubt() {
        None => TestCaseStatus::success(),
        Some(doubt) => non_success(
            NonSuccessKind::Error,
            &Outcome::Unknown.to_string(),
            doubt,
            report.coverage.lacking().join("\n") + "\n",
        ),
    }
}

fn suites(report: &Report) -> Vec<Option<String>> {
    let mut suites: Vec<Option<String>> = report
        .runs
        .iter()
        .map(|run| run.suite.clone())
        .chain(report.skipped.iter().map(|skipped| skipped.suite.clone()))
        .collect();
    suites.sort();
    suites.dedup();
    suites
}

fn scenarios<'r>(report: &'r Report, suite: Option<&str>) -> Vec<&'r str> {
    let mut names: Vec<&str> = report
        .runs
        .iter()
        .filter(|run| run.suite.as_deref() == suite)
        .map(|run| run.scenario.as_str())
        .collect();
    names.dedup();
    names
}

fn case(name: &str, suite: Option<&str>, runs: &[&Run], told: &[Told<'_>], program: &str) -> TestCase {
    let gravest = runs.iter().map(|run| run.outcome).max().unwrap_or_default();
    let mut case = TestCase::new(name, status(name, gravest, runs, told, program));
    case.set_time(Duration::from_micros(runs.iter().map(|run| run.wall_us).sum()));
    classed(case, suite)
}

fn classed(mut case: TestCase, suite: Option<&str>) -> TestCase {
    case.set_classname(match suite {
        Some(suite) => format!("deadzone.{suite}"),
        None => "deadzone".to_owned(),
    });
    case
}

fn status(name: &str, gravest: Outcome, runs: &[&Run], told: &[Told<'_>], program: &str) -> TestCaseStatus {
    let count = runs.iter().filter(|run| run.outcome == gravest).count();
    let message = format!("{count} of {} seeds: ", runs.len());
    match gravest {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail => {
            let own: Vec<Told<'_>> = told.iter().filter(|told| told.run.scenario == name).copied().collect();
            let summary = own.first().map_or("", |told| &told.finding.summary);
            let kind = own.first().map_or("", |told| &told.finding.oracle);
            non_success(
                NonSuccessKind::Failure,
                kind,
                message + summary,
                failures(&own, program, Look::Plain).trim_end_matches('\n').to_owned() + "\n",
            )
        }
        Outcome::Unknown | Outcome::Error => {
            let own = runs.iter().filter(|run| run.outcome == gravest);
            let mut reasons: Vec<String> = own
                .flat_map(|run| {
                    run.error.iter().chain(&run.unknowns).map(|why| format!("seed {}: {why}", run.seed))
                })
                .collect();
            let first = runs.iter().filter(|run| run.outcome == gravest);
            let first = first.flat_map(|run| run.error.iter().chain(&run.unknowns)).next();
            reasons.push(String::new());
            let message = message + first.map_or("no reason was given", String::as_str);
            non_success(NonSuccessKind::Error, &gravest.to_string(), message, reasons.join("\n"))
        }
    }
}

fn non_success(kind: NonSuccessKind, of: &str, message: String, text: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(of).set_message(message).set_description(text);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Skipped;
    use crate::run::tests::run;

    #[test]
    fn a_scenario_is_one_case_and_unknown_is_an_error() {
        let unknown = Run {
            outcome: Outcome::Unknown,
            unknowns: vec!["nothing was saved".into()],
            suite: Some("nightly".into()),
            ..run("b", 0, &[])
        };
        let skipped = Skipped {
            scenario: "c".into(),
            suite: Some("nightly".into()),
            missing: vec!["deleting records".into()],
        };
        let report = Report {
            runs: vec![run("a", 3, &["lost"]), run("a", 4, &[]), unknown, run("d", 0, &[])],
            skipped: vec![skipped],
            wall: Duration::from_secs(2),
            ..Report::default()
        };
        insta::assert_snapshot!(junit(&report, "deadzone").expect("it can be written"), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="deadzone" tests="4" skipped="1" failures="1" errors="1" time="2.000">
            <testsuite name="nightly" tests="2" skipped="1" errors="1" failures="0">
                <testcase name="b" classname="deadzone.nightly" time="0.003">
                    <error message="1 of 1 seeds: nothing was saved" type="unknown">seed 0: nothing was saved
        </error>
                </testcase>
                <testcase name="c" classname="deadzone.nightly">
                    <skipped message="the client has no deleting records"/>
                </testcase>
            </testsuite>
            <testsuite name="pr" tests="2" skipped="0" errors="0" failures="1">
                <testcase name="a" classname="deadzone.pr" time="0.005">
                    <failure message="1 of 2 seeds: task/1 stands twice on the server" type="lost">fail a seed 3, 1 of 2 runs
          lost twice: task/1 stands twice on the server
          +0.210s ana on phone: create task/1 (saved)
           +12.5s phone&apos;s app starts again
                  2 more in the trace
          expected one record for one create
          replay   deadzone replay target/deadzone/a-3.scn
        </failure>
                </testcase>
                <testcase name="d" classname="deadzone.pr" time="0.003"/>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn a_demanded_situation_that_is_not_met_is_an_error() {
        let mut report = Report { runs: vec![run("a", 0, &[])], ..Report::default() };
        report.coverage.totals.count(&crate::coverage::tests::met(1));
        let document = |report: &Report| junit(report, "deadzone").expect("it can be written");
        assert!(!document(&report).contains("coverage"));
        report.coverage.is_demanded = true;
        let text = document(&report);
        assert!(text.contains(r#"<testcase name="situations" classname="deadzone.coverage">"#), "{text}");
        assert!(
            text.contains("<error message=\"no run reached situations: answer-lost-of-counter, "),
            "{text}"
        );
    }
}
