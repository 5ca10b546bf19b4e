//! `search`: scripts that nobody wrote, each drawn from a seed.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use deadzone_contract::Model;
use deadzone_oracle::Outcome;
use deadzone_reports::{
    Report, Run as RunReport, Search as SearchReport, Shrunk, document, failures, search_summary, summary,
    unknowns,
};
use deadzone_script::Script;
use deadzone_world::Lineup;

use super::run::{blank, count, fill, kept_for, told};
use super::{absorb, finish};
use crate::args::Search;
use crate::bench::Bench;
use crate::lineups::{self, Lineups};
use crate::plan::bare;
use crate::progress::Progress;
use crate::repro::{self, Which};
use crate::stop::Stop;
use crate::worker::{self, Done, Drawn, Ending, Job, Pool};
use crate::{clock, files, interrupt, output, seeds};

/// What every drawn script is called in reports.
pub(super) const NAME: &str = "search";

/// How long is searched where nothing is said.
const TIME_DEFAULT: Duration = Duration::from_secs(60);

/// Searches; the exit status.
pub(super) fn search(args: &Search, lineups: &Lineups) -> Result<u8, Stop> {
    let client = args.client.clone().unwrap_or_else(|| lineups::DEFAULT.to_owned());
    let defect = args.defect.clone().filter(|defect| defect != lineups::NO_DEFECT);
    let lineup = lineups.find(&client, defect.as_deref(), Model::default());
    let lineup = lineup.map_err(|unfit| Stop::usage(unfit.text()))?;
    let folder = Path::new(&args.out.folder);
    files::check_folder(folder)?;

    let began = clock::now();
    let mut hunt = Hunt {
        client,
        defect,
        lineup,
        folder,
        interrupted: interrupt::flag(),
        deadline: args.workers.deadline.time,
        fail_fast: args.fail_fast,
        report: Report::default(),
        totals: SearchReport::default(),
        shrunk: BTreeSet::new(),
    };
    let mut pool = Pool::new(args.workers.jobs(), hunt.deadline, Arc::clone(&hunt.interrupted));
    let stopped = hunt.all(&mut pool, args, began).and_then(|()| hunt.tell(&mut pool));
    let stopped = absorb(stopped, &mut hunt.report);
    hunt.report.wall = began.elapsed();
    hunt.totals.finish();
    hunt.report.search = Some(hunt.totals);
    let report = hunt.report;
    finish(stopped, report.outcome(), || print(args, &report))
}

fn print(args: &Search, report: &Report) -> Result<(), Stop> {
    if args.json {
        return output::result(&document(report));
    }
    let look = output::look();
    let stories = failures(&report.told(), &output::program(), look);
    let drawn = report.search.as_ref().map_or_else(String::new, search_summary);
    output::result(&(stories + &unknowns(report, look) + &drawn + &summary(report, look)))
}

struct Hunt<'a> {
    client: String,
    defect: Option<String>,
    lineup: Lineup,
    folder: &'a Path,
    interrupted: Arc<AtomicBool>,
    deadline: Duration,
    fail_fast: bool,
    report: Report,
    totals: SearchReport,
    /// Violations of which a smallest script was made: one each is enough to read.
    shrunk: BTreeSet<String>,
}

impl Hunt<'_> {
    /// Runs seed after seed until they or the time come to an end, or one fails that is to be the
    /// last.
    fn all(&mut self, pool: &mut Pool, args: &Search, began: Instant) -> Result<(), Stop> {
        let seeds = args.seeds.clone().unwrap_or(0..=u64::MAX);
        let time = args.budget.or_else(|| args.seeds.is_none().then_some(TIME_DEFAULT));
        let planned = args.seeds.as_ref().map(seeds::count);
        let mut progress = Progress::new(planned, !args.json);
        let (client, defect) = (self.client.clone(), self.defect.clone());
        let is_over = move || time.is_some_and(|time| began.elapsed() >= time);
        let jobs =
            seeds.take_while(move |_| !is_over()).map(move |seed| job(seed, &client, defect.as_deref()));
        let mut runs: Vec<RunReport> = Vec::new();
        let mut unwritten = Ok(());
        let (fail_fast, mut has_failed) = (self.fail_fast, false);
        let stopped = pool.run(jobs, |job, ending| {
            let mut run = blank(NAME, None, job.seed);
            let drawn = drawn(&ending);
            count(&mut self.report.coverage.totals, &ending);
            fill(&mut run, ending);
            progress.done(run.outcome == Outcome::Fail);
            // A file that cannot be written is no reason to find nothing more.
            let kept = self.keep(&mut run, drawn);
            unwritten = std::mem::replace(&mut unwritten, Ok(())).and(kept);
            has_failed |= run.outcome == Outcome::Fail;
            runs.push(run);
            if fail_fast && has_failed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        drop(progress);
        runs.sort_by_key(|run| run.seed);
        let is_cut_short = stopped.is_err() || (fail_fast && has_failed);
        if let Some(planned) = planned.filter(|_| is_cut_short && time.is_none()) {
            self.report.unmade = planned - runs.len();
        }
        self.report.runs = runs;
        stopped.and(unwritten)
    }

    /// Adds a run to the totals, and leaves a repro of it if it failed: the whole one, and a
    /// smallest one of each kind of violation, unless one failure is all that is asked for.
    fn keep(&mut self, run: &mut RunReport, drawn: Option<Drawn>) -> Result<(), Stop> {
        let seed = run.seed;
        let text = drawn.as_ref().and_then(|drawn| drawn.text.clone());
        if let Some(drawn) = drawn {
            self.totals.add(&drawn.measured);
        }
        let Some(kept_for) = kept_for(self.defect.as_deref(), &run.findings).cloned() else {
            return self.keep_unknown(run, text.as_deref());
        };
        let script = run_last(seed, text.as_deref(), &self.lineup)?;
        let path = self.path(seed, "scn");
        let which = Which {
            script: &script,
            seed,
            client: &self.client,
            defect: self.defect.as_deref(),
            kept_for: &kept_for,
            digest: run.digest.as_deref(),
        };
        which.write(&path)?;
        run.repro = Some(path.display().to_string());
        if !self.fail_fast && self.shrunk.insert(kept_for.key.clone()) {
            let smallest = self.path(seed, "min.scn");
            let (client, defect) = (self.client.clone(), self.defect.clone());
            let began = clock::now();
            let mut bench = Bench::new(self.deadline, Arc::clone(&self.interrupted), seed, client, defect);
            let shrunk = bench.shrink(&bare(&script), &kept_for, &smallest)?;
            run.repro = Some(smallest.display().to_string());
            self.totals.shrunk.push(Shrunk {
                seed,
                oracle: kept_for.oracle,
                clause: kept_for.clause,
                steps: shrunk.script.steps().count(),
                lines_before: shrunk.lines_before,
                lines: shrunk.lines_after,
                runs: shrunk.runs,
                seconds: began.elapsed().as_secs_f64(),
                path: smallest.display().to_string(),
            });
        }
        Ok(())
    }

    /// Leaves the script of a run that proved nothing: somebody has to see why.
    fn keep_unknown(&self, run: &mut RunReport, text: Option<&str>) -> Result<(), Stop> {
        let Some(text) = text.filter(|_| run.outcome == Outcome::Unknown) else { return Ok(()) };
        let script = run_last(run.seed, Some(text), &self.lineup)?;
        let path = self.path(run.seed, "scn");
        let again = repro::again(&script, run.seed, &self.client, self.defect.as_deref());
        files::write(&path, again.to_string().as_bytes())?;
        run.repro = Some(path.display().to_string());
        Ok(())
    }

    /// Runs the repros of those failures once more that are to be told.
    fn tell(&mut self, pool: &mut Pool) -> Result<(), Stop> {
        let mut seeds: Vec<u64> = self.report.told().iter().map(|told| told.run.seed).collect();
        seeds.dedup();
        for seed in seeds {
            let run = self.report.runs.iter_mut().find(|run| run.seed == seed).expect("what is told was run");
            let (Some(repro), Some(_)) = (&run.repro, &run.digest) else { continue };
            let script = run_last(seed, Some(&files::read(Path::new(repro))?), &self.lineup)?;
            let trace = repro::path(self.folder, NAME, seed, self.defect.as_deref(), "trace.jsonl");
            let mut job = job(seed, &self.client, self.defect.as_deref());
            job.is_drawn = false;
            job.text = bare(&script).to_string();
            job.trace = Some(trace.display().to_string());
            // The story is that of the smallest script, whose trace is another one.
            let mut smallest = RunReport { digest: script.digest().map(str::to_owned), ..run.clone() };
            told(&mut smallest, pool.run_one(&job)?, &trace);
            run.findings = smallest.findings;
            run.trace = smallest.trace;
            run.error = smallest.error;
        }
        Ok(())
    }

    fn path(&self, seed: u64, ending: &str) -> PathBuf {
        repro::path(self.folder, NAME, seed, self.defect.as_deref(), ending)
    }
}

/// The script of a seed as it was run last. Whoever died could not say what was left of it.
pub(super) fn run_last(seed: u64, text: Option<&str>, lineup: &Lineup) -> Result<Script, Stop> {
    match text {
        Some(text) => deadzone_script::parse(text).map_err(|errors| Stop::harness(errors.to_string())),
        None => worker::drawn_script(seed, lineup).map_err(Stop::harness),
    }
}

fn drawn(ending: &Ending) -> Option<Drawn> {
    match ending {
        Ending::Done(Done::Ran(ran)) => ran.drawn.clone(),
        _ => None,
    }
}

pub(super) fn job(seed: u64, client: &str, defect: Option<&str>) -> Job {
    let (client, defect) = (client.to_owned(), defect.map(str::to_owned));
    Job { seed, client, defect, is_drawn: true, ..Job::default() }
}
