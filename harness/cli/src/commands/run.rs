//! `run`: scenarios over many seeds.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deadzone_coverage::Totals;
use deadzone_oracle::Outcome;
use deadzone_reports::{Finding, Report, Run as RunReport, document, failures, junit, summary, unknowns};

use super::{absorb, finding_of, finish};
use crate::args::Run;
use crate::lineups::Lineups;
use crate::plan::{Part, Plan};
use crate::progress::Progress;
use crate::repro::{self, Which};
use crate::stop::Stop;
use crate::worker::{Done, Ending, Pool};
use crate::{clock, defects, files, interrupt, output};

/// Runs what the command line asks for; the exit status.
pub(super) fn run(args: &Run, lineups: &Lineups) -> Result<u8, Stop> {
    let plan = Plan::new(&args.selection, lineups)?;
    let folder = Path::new(&args.out.folder);
    files::check_folder(folder)?;
    args.junit.as_deref().map_or(Ok(()), files::check_file)?;

    let interrupted = interrupt::flag();
    let began = clock::now();
    let mut pool = Pool::new(args.workers.jobs(), args.workers.deadline.time, Arc::clone(&interrupted));
    let mut runner = Runner { plan: &plan, folder, fail_fast: args.fail_fast, report: Report::default() };
    runner.report.coverage.is_demanded = plan.is_whole_nightly(&args.selection);
    let stopped = runner.run_all(&mut pool, !args.json);
    let stopped = stopped.and_then(|()| runner.tell(&mut pool));
    let stopped = absorb(stopped, &mut runner.report);
    runner.report.wall = began.elapsed();
    runner.report.skipped.clone_from(&plan.skipped);
    let report = runner.report;
    finish(stopped, report.outcome(), || print(args, &report))
}

fn print(args: &Run, report: &Report) -> Result<(), Stop> {
    let program = output::program();
    if let Some(path) = &args.junit {
        let text = junit(report, &program).map_err(|error| Stop::harness(error.to_string()))?;
        files::write(path, text.as_bytes())?;
    }
    if args.json {
        output::result(&document(report))?;
        return Ok(());
    }
    let look = output::look();
    let stories = failures(&report.told(), &program, look);
    output::result(&(stories + &unknowns(report, look) + &summary(report, look)))?;
    Ok(())
}

struct Runner<'a> {
    plan: &'a Plan,
    folder: &'a Path,
    fail_fast: bool,
    report: Report,
}

impl Runner<'_> {
    /// Runs everything once, or up to the first failure, and leaves a repro for whatever failed.
    fn run_all(&mut self, pool: &mut Pool, watched: bool) -> Result<(), Stop> {
        let planned = self.plan.len();
        let mut progress = Progress::new(Some(planned), watched);
        let mut runs: Vec<(usize, RunReport)> = Vec::new();
        let mut unwritten = Ok(());
        let stopped = pool.run(self.plan.jobs(), |job, ending| {
            let part = &self.plan.parts[job.id];
            let mut run = blank(&part.name, part.suite.clone(), job.seed);
            count(&mut self.report.coverage.totals, &ending);
            fill(&mut run, ending);
            progress.done(run.outcome == Outcome::Fail);
            // A file that cannot be written is no reason to find nothing more.
            let kept = self.keep(part, &mut run);
            unwritten = std::mem::replace(&mut unwritten, Ok(())).and(kept);
            let is_enough = self.fail_fast && run.outcome == Outcome::Fail;
            runs.push((job.id, run));
            if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        drop(progress);
        // Parts stand in the order of their names.
        runs.sort_by_key(|(part, run)| (*part, run.seed));
        self.report.unmade = planned - runs.len();
        self.report.runs = runs.into_iter().map(|(_, run)| run).collect();
        stopped.and(unwritten)
    }

    /// Writes the repro of a run that failed.
    fn keep(&self, part: &Part, run: &mut RunReport) -> Result<(), Stop> {
        let Some(kept_for) = kept_for(part.defect.as_deref(), &run.findings) else { return Ok(()) };
        let path = self.path(part, run.seed, "scn");
        let which = Which {
            script: &part.script,
            seed: run.seed,
            client: &part.client,
            defect: part.defect.as_deref(),
            kept_for,
            digest: run.digest.as_deref(),
        };
        which.write(&path)?;
        run.repro = Some(path.display().to_string());
        Ok(())
    }

    /// Runs once more what is to be told, and keeps the stories and the traces.
    fn tell(&mut self, pool: &mut Pool) -> Result<(), Stop> {
        let mut seeds: Vec<(String, u64)> =
            self.report.told().iter().map(|told| (told.run.scenario.clone(), told.run.seed)).collect();
        seeds.sort();
        seeds.dedup();
        for (scenario, seed) in seeds {
            let known = |part: &&Part| part.name == scenario;
            let part = self.plan.parts.iter().find(known).expect("what was run was planned");
            let path = self.path(part, seed, "trace.jsonl");
            let run = self.report.runs.iter_mut().find(|run| run.scenario == scenario && run.seed == seed);
            let run = run.expect("what is told was run");
            // A run that died left no trace, and would die again.
            if run.digest.is_some() {
                let mut job = part.job(0, seed, &part.script.to_string());
                job.trace = Some(path.display().to_string());
                told(run, pool.run_one(&job)?, &path);
            }
        }
        Ok(())
    }

    fn path(&self, part: &Part, seed: u64, ending: &str) -> PathBuf {
        repro::path(self.folder, &part.name, seed, part.defect.as_deref(), ending)
    }
}

/// What a repro is kept for: with a planted defect, what an oracle found that has to catch it;
/// else the first finding, whose oracle watches over the gravest promise.
pub(super) fn kept_for<'r>(defect: Option<&str>, findings: &'r [Finding]) -> Option<&'r Finding> {
    let defect = defect.and_then(defects::find);
    let declared =
        |finding: &&Finding| defect.is_some_and(|one| one.oracles.contains(&finding.oracle.as_str()));
    findings.iter().find(declared).or(findings.first())
}

/// Takes the story of a run over from its repetition, which has to have given the same trace.
pub(super) fn told(run: &mut RunReport, ending: Ending, path: &Path) {
    let why = match ending {
        Ending::Done(Done::Ran(ran)) if run.digest.as_ref() == Some(&ran.digest) => {
            run.findings = ran.findings;
            run.trace = Some(path.display().to_string());
            return;
        }
        Ending::Done(Done::Ran(ran)) => {
            let first = run.digest.as_deref().unwrap_or("none");
            format!(
                "not deterministic: the same seed gave two traces, {first} and {}; `check` finds the first line \
                 that differs",
                ran.digest
            )
        }
        Ending::Done(Done::Broke(why)) => why,
        Ending::Death(death) => format!("not deterministic: run again, {}", finding_of(&death).summary),
    };
    run.error = Some(why);
}

/// A run of which nothing is known.
pub(super) fn blank(scenario: &str, suite: Option<String>, seed: u64) -> RunReport {
    RunReport {
        scenario: scenario.to_owned(),
        suite,
        seed,
        outcome: Outcome::Error,
        digest: None,
        sim_ms: 0,
        wall_us: 0,
        requests: 0,
        findings: Vec::new(),
        unknowns: Vec::new(),
        error: None,
        repro: None,
        trace: None,
    }
}

/// Adds what a run met to what others did. A run that died left no trace to tell it from.
pub(super) fn count(totals: &mut Totals, ending: &Ending) {
    if let Ending::Done(Done::Ran(ran)) = ending {
        totals.count(&ran.met);
    }
}

/// Adds what a worker said of a run, or what its death says.
pub(super) fn fill(run: &mut RunReport, ending: Ending) {
    match ending {
        Ending::Done(Done::Ran(ran)) => {
            run.outcome = ran.outcome;
            run.digest = Some(ran.digest);
            run.sim_ms = ran.sim_ms;
            run.wall_us = ran.wall_us;
            run.requests = ran.requests;
            run.findings = ran.findings;
            run.unknowns = ran.unknowns;
        }
        Ending::Done(Done::Broke(why)) => run.error = Some(why),
        Ending::Death(death) => {
            run.outcome = Outcome::Fail;
            run.findings = vec![finding_of(&death)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repro_is_kept_for_what_has_to_catch_its_defect() {
        let finding =
            |oracle: &str| Finding { oracle: oracle.into(), ..Finding::alive("x", String::new(), "") };
        let findings = [finding("lost"), finding("expected"), finding("honest")];
        let kept = |defect| kept_for(defect, &findings).map(|finding| finding.oracle.as_str());
        assert_eq!(kept(None), Some("lost"));
        assert_eq!(kept(Some("synced-shown-too-early")), Some("honest"));
        assert_eq!(kept(Some("panics-on-unknown-answer")), Some("lost"), "not caught by who has to");
    }

    #[test]
    fn a_harness_that_breaks_is_an_error_and_no_finding() {
        let mut run = blank("x", None, 0);
        fill(&mut run, Ending::Done(Done::Broke("the harness panicked: index out of bounds".into())));
        assert_eq!((run.outcome, run.findings.len()), (Outcome::Error, 0));
        assert_eq!(run.error.as_deref(), Some("the harness panicked: index out of bounds"));
    }

    #[test]
    fn a_run_that_cannot_be_repeated_says_so() {
        let mut run = blank("x", None, 0);
        run.digest = Some("aa".into());
        told(
            &mut run,
            Ending::Death(crate::worker::Death::Spun(std::time::Duration::from_secs(1))),
            Path::new("t"),
        );
        assert!(run.error.is_some_and(|error| error.starts_with("not deterministic: ")));
        assert_eq!(run.trace, None);
    }
}
