//! `defects`: searches for every planted mistake, and says what it took to find it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadzone_contract::Model;
use deadzone_oracle::Outcome;
use deadzone_reports::{Finding, Score, Scorecard, scorecard_document, scorecard_page, scorecard_text};
use deadzone_script::Script;
use deadzone_world::Lineup;

use super::finish;
use super::search::{NAME, job, run_last};
use crate::args::Defects;
use crate::bench::Bench;
use crate::defects::{DEFECTS, Defect};
use crate::lineups::{self, Lineups};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::worker::{Done, Ending, Pool};
use crate::{clock, files, interrupt, output, repro};

/// How far apart the seeds are from which a defect is searched.
const START_STEP: u64 = 1_000_000;

/// Scores the defects; the exit status.
pub(super) fn defects(args: &Defects, lineups: &Lineups) -> Result<u8, Stop> {
    let chosen = chosen(args)?;
    let lineup = |defect: &&'static Defect| {
        let found = lineups.find(lineups::DEFAULT, Some(defect.name), Model::default());
        found.map(|lineup| (*defect, lineup)).map_err(|unfit| Stop::usage(unfit.text()))
    };
    let planted: Vec<Planted> = chosen.iter().map(lineup).collect::<Result<_, _>>()?;
    let folder = Path::new(&args.out.folder);
    files::check_folder(folder)?;
    args.page.as_deref().map_or(Ok(()), files::check_file)?;
    let interrupted = interrupt::flag();
    let all = Searches { args, folder, interrupted, tasks: Mutex::default(), found: Mutex::default() };
    let stopped = all.run(&planted);
    let card = all.card(&chosen);
    let outcome = if card.is_complete() { Outcome::Pass } else { Outcome::Fail };
    finish(stopped, outcome, || {
        if let Some(page) = &args.page {
            files::write(page, scorecard_page(&card).as_bytes())?;
        }
        output::result(&if args.json { scorecard_document(&card) } else { scorecard_text(&card) })
    })
}

fn chosen(args: &Defects) -> Result<Vec<&'static Defect>, Stop> {
    if args.names.is_empty() {
        return Ok(DEFECTS.iter().collect());
    }
    args.names
        .iter()
        .map(|name| lineups::find_defect(name).map_err(|unfit| Stop::usage(unfit.text())))
        .collect()
}

/// A defect, and the lineup with it.
type Planted = (&'static Defect, Lineup);

/// What one search from one start came to.
struct Found {
    /// None where the time was used up.
    finding: Option<Finding>,
    runs: usize,
    took: Duration,
    /// Of the start that is shrunk.
    shrunk: Option<Smallest>,
}

struct Smallest {
    steps: usize,
    took: Duration,
    path: String,
}

/// Every search, taken by one worker after the other.
struct Searches<'a> {
    args: &'a Defects,
    folder: &'a Path,
    interrupted: Arc<AtomicBool>,
    /// Which defect and which start come next; the last first.
    tasks: Mutex<Vec<(&'a Planted, u64)>>,
    found: Mutex<BTreeMap<(&'static str, u64), Found>>,
}

impl<'a> Searches<'a> {
    fn run(&self, planted: &'a [Planted]) -> Result<(), Stop> {
        let starts = u64::from(self.args.starts);
        let tasks = planted.iter().flat_map(|planted| (0..starts).map(move |start| (planted, start)));
        let mut tasks: Vec<_> = tasks.collect();
        tasks.reverse();
        let progress = Mutex::new(Progress::new(Some(tasks.len()), !self.args.json));
        *self.tasks.lock().expect("nobody panics with it") = tasks;
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.args.workers.jobs()).map(|_| scope.spawn(|| self.work(&progress))).collect();
            // Each is waited for, whatever became of the others.
            let ends: Vec<Result<(), Stop>> =
                workers.into_iter().map(|worker| worker.join().expect("searching does not panic")).collect();
            ends.into_iter().collect()
        })
    }

    fn work(&self, progress: &Mutex<Progress>) -> Result<(), Stop> {
        let mut pool = Pool::new(1, self.args.workers.deadline.time, Arc::clone(&self.interrupted));
        loop {
            let task = self.tasks.lock().expect("nobody panics with it").pop();
            let Some((planted, start)) = task else { return Ok(()) };
            let found = self.search(&mut pool, planted, start)?;
            progress.lock().expect("nobody panics with it").done(found.finding.is_none());
            self.found.lock().expect("nobody panics with it").insert((planted.0.name, start), found);
        }
    }

    /// Runs seed after seed from a start on until a declared oracle fails.
    fn search(&self, pool: &mut Pool, (defect, lineup): &Planted, start: u64) -> Result<Found, Stop> {
        let mut found = Found { finding: None, runs: 0, took: Duration::ZERO, shrunk: None };
        for seed in start * START_STEP.. {
            let (began, job) = (clock::now(), job(seed, lineups::DEFAULT, Some(defect.name)));
            let ending = pool.run_one(&job)?;
            found.runs += 1;
            found.took += began.elapsed();
            let (findings, text) = match ending {
                Ending::Done(Done::Ran(ran)) => (ran.findings, ran.drawn.and_then(|drawn| drawn.text)),
                Ending::Done(Done::Broke(why)) => return Err(Stop::harness(format!("seed {seed}: {why}"))),
                Ending::Death(death) => (vec![super::finding_of(&death)], None),
            };
            let finding = findings.into_iter().find(|one| defect.oracles.contains(&one.oracle.as_str()));
            if let Some(finding) = finding {
                let script = run_last(seed, text.as_deref(), lineup)?;
                let began = clock::now();
                let mut bench = self.bench(defect, seed);
                let is_its_own = bench.is_clean_without(&script)?;
                found.took += began.elapsed();
                if is_its_own {
                    if start == 0 {
                        found.shrunk = Some(self.shrink(&mut bench, defect, &script, &finding)?);
                    }
                    found.finding = Some(finding);
                    break;
                }
            }
            if found.took >= self.args.budget {
                break;
            }
        }
        Ok(found)
    }

    fn bench(&self, defect: &Defect, seed: u64) -> Bench {
        let client = lineups::DEFAULT.to_owned();
        let deadline = self.args.workers.deadline.time;
        Bench::new(deadline, Arc::clone(&self.interrupted), seed, client, Some(defect.name.to_owned()))
    }

    fn shrink(
        &self,
        bench: &mut Bench,
        defect: &Defect,
        script: &Script,
        finding: &Finding,
    ) -> Result<Smallest, Stop> {
        let began = clock::now();
        let path = repro::path(self.folder, NAME, bench.seed(), Some(defect.name), "min.scn");
        let shrunk = bench.shrink(script, finding, &path)?;
        Ok(Smallest {
            steps: shrunk.script.steps().count(),
            took: began.elapsed(),
            path: path.display().to_string(),
        })
    }

    /// What has been found so far.
    fn card(&self, chosen: &[&'static Defect]) -> Scorecard {
        let found = self.found.lock().expect("nobody panics with it");
        let score = |defect: &&'static Defect| {
            let all: Vec<&Found> =
                found.range((defect.name, 0)..=(defect.name, u64::MAX)).map(|(_, one)| one).collect();
            score(defect, &all)
        };
        Scorecard {
            defects: chosen.iter().filter_map(score).collect(),
            starts: self.args.starts.into(),
            seconds_max: self.args.budget.as_secs_f64(),
        }
    }
}

/// None where it was not searched before somebody stopped the command.
fn score(defect: &Defect, all: &[&Found]) -> Option<Score> {
    let first = all.first()?;
    let mut runs: Vec<usize> = all.iter().map(|one| one.runs).collect();
    let mut took: Vec<Duration> = all.iter().map(|one| one.took).collect();
    runs.sort_unstable();
    took.sort_unstable();
    let shrunk = first.shrunk.as_ref();
    Some(Score {
        name: defect.name.to_owned(),
        found: all.iter().all(|one| one.finding.is_some()),
        oracle: first.finding.as_ref().map(|finding| finding.oracle.clone()),
        runs: runs[runs.len() / 2],
        seconds: took[took.len() / 2].as_secs_f64(),
        seconds_max: took[took.len() - 1].as_secs_f64(),
        steps: shrunk.map(|shrunk| shrunk.steps),
        shrink_seconds: shrunk.map(|shrunk| shrunk.took.as_secs_f64()),
        repro: shrunk.map(|shrunk| shrunk.path.clone()),
    })
}
