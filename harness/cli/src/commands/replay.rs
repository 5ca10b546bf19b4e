//! `replay`: one run, once more.

use std::path::Path;

use deadzone_reports::{Finding, Report, Run, failures, unknowns};
use deadzone_script::Script;

use super::status;
use crate::args::Replay;
use crate::lineups::Lineups;
use crate::plan::{Who, bare};
use crate::scenarios::Scenario;
use crate::stop::Stop;
use crate::worker::{Ending, Job, Pool};
use crate::{files, interrupt, output, repro};

/// Runs a repro and tells what happened; the exit status.
pub(super) fn replay(args: &Replay, lineups: &Lineups) -> Result<u8, Stop> {
    let scenario = Scenario::open(&args.file)?;
    let seed = seed_of(&scenario, &args.file)?;
    let who = Who::of(&scenario, args.client.as_deref(), args.defect.as_deref(), lineups)?;
    let Who { client, defect, lineup } = who;
    if let Some(missing) = deadzone_world::missing(&scenario.script, &lineup).first() {
        let message = format!("{} cannot run with {client}: it has no {missing}", scenario.place);
        return Err(Stop::file(&args.file, message));
    }
    let folder = Path::new(&args.out.folder);
    files::check_folder(folder)?;
    let trace = repro::path(folder, scenario.name(), seed, defect.as_deref(), "trace.jsonl");
    let text = bare(&scenario.script).to_string();
    let trace = Some(trace.display().to_string());
    let job = Job { text, seed, client, defect, trace, ..Job::default() };
    let ending = Pool::new(1, args.deadline.time, interrupt::flag()).run_one(&job)?;

    let run = run_of(&scenario.script, &job, ending);
    let overridden = args.client.is_some() || args.defect.is_some();
    output::result(&text_of(&run, &scenario.script, overridden))?;
    Ok(status(run.outcome))
}

/// The seed that a repro names.
pub(super) fn seed_of(scenario: &Scenario, file: &Path) -> Result<u64, Stop> {
    scenario.script.seed().ok_or_else(|| {
        let (place, program) = (file.display(), output::program());
        let way_out = format!("`{program} run {place} --seed 0` runs it");
        Stop::file(file, format!("{place} is no repro: it has no `seed` line; {way_out}"))
    })
}

fn run_of(script: &Script, job: &Job, ending: Ending) -> Run {
    let mut run = super::run::blank(script.name(), script.suite().map(|suite| suite.to_string()), job.seed);
    super::run::fill(&mut run, ending);
    if run.digest.is_some() {
        run.trace.clone_from(&job.trace);
    }
    run
}

fn text_of(run: &Run, script: &Script, overridden: bool) -> String {
    let look = output::look();
    let report = Report { runs: vec![run.clone()], ..Report::default() };
    let mut text = failures(&report.told(), &output::program(), look);
    text += &unknowns(&report, look);
    for line in compared(run, script, overridden) {
        text += &line;
        text.push('\n');
    }
    text
}

/// How the run compares with what the repro was kept for.
fn compared(run: &Run, script: &Script, overridden: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((oracle, clause)) = script.violates() {
        let same = |finding: &Finding| finding.oracle == oracle && finding.clause == clause;
        lines.push(match run.findings.first() {
            _ if run.findings.iter().any(same) => format!("fails the same way: {oracle} {clause}"),
            Some(other) => format!(
                "fails in another way: {} {} instead of {oracle} {clause}",
                other.oracle, other.clause
            ),
            None => format!("does not fail: {}, and not {oracle} {clause}", run.outcome),
        });
    } else if run.findings.is_empty() {
        lines.push(format!("does not fail: {}", run.outcome));
    }
    if let (Some(expected), Some(digest), false) = (script.digest(), &run.digest, overridden) {
        lines.push(if expected == digest {
            format!("same digest: {digest}")
        } else {
            format!(
                "digest differs: the build or the script changed ({digest}, and the repro has {expected})"
            )
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use deadzone_oracle::Outcome;

    use super::*;

    fn script() -> Script {
        let digest = "0".repeat(64);
        let text = format!(
            "scenario x\nseed 3\nclient reference\nviolates lost at-end\ndigest {digest}\n\
             workspace home: ana editor\ndevice phone: ana\nphone sync\n"
        );
        deadzone_script::parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("x", false)))
    }

    fn run(digest: Option<&str>, findings: &[(&str, &str)]) -> Run {
        let mut run = super::super::run::blank("x", None, 3);
        run.digest = digest.map(str::to_owned);
        run.outcome = if findings.is_empty() { Outcome::Pass } else { Outcome::Fail };
        let finding = |(oracle, clause): &(&str, &str)| Finding {
            oracle: (*oracle).to_owned(),
            ..Finding::alive(clause, String::new(), "")
        };
        run.findings = findings.iter().map(finding).collect();
        run
    }

    #[test]
    fn a_replay_says_how_it_compares() {
        let zeros = "0".repeat(64);
        let same = compared(&run(Some(&zeros), &[("honest", "x"), ("lost", "at-end")]), &script(), false);
        assert_eq!(same, ["fails the same way: lost at-end".to_owned(), format!("same digest: {zeros}")]);
        let other = compared(&run(Some("11"), &[("lost", "meanwhile")]), &script(), false);
        assert_eq!(other[0], "fails in another way: lost meanwhile instead of lost at-end");
        assert!(
            other[1].starts_with("digest differs: the build or the script changed (11, "),
            "{}",
            other[1]
        );
        let overridden = compared(&run(Some("11"), &[]), &script(), true);
        assert_eq!(overridden, ["does not fail: pass, and not lost at-end"]);
        let died = compared(&run(None, &[("alive", "spun")]), &script(), false);
        assert_eq!(died, ["fails in another way: alive spun instead of lost at-end"]);
    }
}
