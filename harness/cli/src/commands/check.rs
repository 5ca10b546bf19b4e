//! `check`: the same twice.
//!
//! Each seed is run in two processes that have run other things before: the second process gets
//! every batch in the opposite order, so that whatever one run leaves behind in its process
//! meets another run in the other one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::finding_of;
use crate::args::Check;
use crate::lineups::Lineups;
use crate::plan::{Part, Plan};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::worker::{Done, Ending, Job, Pool};
use crate::{STATUS_FAIL, STATUS_PASS, STATUS_UNKNOWN, files, interrupt, output, repro};

/// Runs of one batch, for each worker.
const BATCH: usize = 16;
/// How much of a line that differs is shown, in characters.
const LINE_MAX: usize = 400;

/// Runs everything twice; the exit status.
pub(super) fn check(args: &Check, lineups: &Lineups) -> Result<u8, Stop> {
    let plan = Plan::new(&args.selection, lineups)?;
    let folder = Path::new(&args.out.folder);
    files::check_folder(folder)?;
    let drafts = Drafts(folder.join(format!(".check-{}", std::process::id())));
    let interrupted = interrupt::flag();
    let size = args.workers.jobs().div_ceil(2);
    let pool = || Pool::new(size, args.workers.deadline.time, Arc::clone(&interrupted));
    let mut checker =
        Checker { plan: &plan, folder, drafts: &drafts, pools: [pool(), pool()], orders: BTreeMap::new() };

    let mut progress = Progress::new(Some(plan.len()), true);
    let mut jobs = plan.jobs();
    loop {
        let batch: Vec<Job> = jobs.by_ref().take(BATCH * size).collect();
        if batch.is_empty() {
            break;
        }
        if let Some(difference) = checker.batch(&batch, args.workers.jobs() > 1)? {
            drop(progress);
            output::result(&difference)?;
            return Ok(STATUS_FAIL);
        }
        batch.iter().for_each(|_| progress.done(false));
    }
    drop(progress);
    output::result(&checker.closing_note())?;
    Ok(if plan.parts.is_empty() { STATUS_UNKNOWN } else { STATUS_PASS })
}

struct Checker<'a> {
    plan: &'a Plan,
    folder: &'a Path,
    drafts: &'a Drafts,
    pools: [Pool; 2],
    /// The distinct orders of events of each part.
    orders: BTreeMap<usize, BTreeSet<u64>>,
}

type Results = BTreeMap<(usize, u64), Ending>;

impl Checker<'_> {
    /// Runs a batch in both pools; the first difference, told. With `beside` both at a time.
    fn batch(&mut self, batch: &[Job], beside: bool) -> Result<Option<String>, Stop> {
        let drafts = self.drafts;
        let [one, two] = &mut self.pools;
        let forth = || batch.iter().map(|job| drafts.with_trace(job, "a"));
        let back = || batch.iter().rev().map(|job| drafts.with_trace(job, "b"));
        let (first, second) = if beside {
            std::thread::scope(|scope| {
                let other = scope.spawn(|| run_all(two, back()));
                let first = run_all(one, forth());
                (first, other.join().expect("a pool does not panic"))
            })
        } else {
            (run_all(one, forth()), run_all(two, back()))
        };
        let (first, second) = (first?, second?);
        for job in batch {
            let key = (job.id, job.seed);
            if let Some(difference) = self.compare(job, &first[&key], &second[&key])? {
                return Ok(Some(difference));
            }
        }
        self.drafts.clear();
        Ok(None)
    }

    fn compare(&mut self, job: &Job, one: &Ending, two: &Ending) -> Result<Option<String>, Stop> {
        let part = &self.plan.parts[job.id];
        match (one, two) {
            (Ending::Done(Done::Ran(a)), Ending::Done(Done::Ran(b))) if a.digest == b.digest => {
                self.orders.entry(job.id).or_default().insert(a.order);
                Ok(None)
            }
            (Ending::Done(Done::Ran(_)), Ending::Done(Done::Ran(_))) => self.differ(part, job).map(Some),
            (Ending::Death(a), Ending::Death(b)) if finding_of(a).clause == finding_of(b).clause => Ok(None),
            (Ending::Done(Done::Broke(why)), _) | (_, Ending::Done(Done::Broke(why))) => {
                Err(Stop::harness(format!("{} seed {}: {why}", part.name, job.seed)))
            }
            (one, two) => Ok(Some(format!(
                "{} seed {} is not deterministic: {} in one process, {} in the other\n",
                part.name,
                job.seed,
                how(one),
                how(two)
            ))),
        }
    }

    /// Keeps both traces and shows the first line that differs.
    fn differ(&self, part: &Part, job: &Job) -> Result<String, Stop> {
        let [a, b] = ["a", "b"].map(|which| {
            let text = files::read(&self.drafts.path(job, which))?;
            let ending = format!("{which}.trace.jsonl");
            let kept = repro::path(self.folder, &part.name, job.seed, part.defect.as_deref(), &ending);
            files::write(&kept, text.as_bytes())?;
            Ok::<_, Stop>((text, kept))
        });
        let ((a, a_path), (b, b_path)) = (a?, b?);
        Ok(format!(
            "{} seed {} is not deterministic\n{}  both traces are kept:\n  {}\n  {}\n",
            part.name,
            job.seed,
            first_difference(&a, &b),
            a_path.display(),
            b_path.display()
        ))
    }

    fn closing_note(&self) -> String {
        let mut text = String::new();
        for (at, part) in self.plan.parts.iter().enumerate() {
            let orders = self.orders.get(&at).map_or(0, BTreeSet::len);
            let seeds = crate::seeds::count(&part.seeds);
            text += &format!("{}: {orders} distinct orders of events in {seeds} seeds\n", part.name);
        }
        for skipped in &self.plan.skipped {
            text +=
                &format!("skipped {}: the client has no {}\n", skipped.scenario, skipped.missing.join(", "));
        }
        text + &format!("no difference: {} seeds, each run twice in two processes\n", self.plan.len())
    }
}

fn run_all(pool: &mut Pool, jobs: impl Iterator<Item = Job> + Send) -> Result<Results, Stop> {
    let mut results = Results::new();
    pool.run(jobs, |job, ending| {
        results.insert((job.id, job.seed), ending);
        ControlFlow::Continue(())
    })?;
    Ok(results)
}

fn how(ending: &Ending) -> String {
    match ending {
        Ending::Done(Done::Ran(ran)) => format!("ended with {}", ran.outcome),
        Ending::Done(Done::Broke(why)) => why.clone(),
        Ending::Death(death) => finding_of(death).summary,
    }
}

fn first_difference(a: &str, b: &str) -> String {
    let (mut ours, mut theirs) = (a.lines(), b.lines());
    let mut line = 1;
    loop {
        match (ours.next(), theirs.next()) {
            (Some(one), Some(two)) if one == two => line += 1,
            (one, two) => {
                let shown = |text: Option<&str>| match text {
                    Some(text) => deadzone_reports::shorten(text, LINE_MAX),
                    None => "the trace has ended".to_owned(),
                };
                return format!(
                    "  the first line that differs is line {line}:\n  {}\n  {}\n",
                    shown(one),
                    shown(two)
                );
            }
        }
    }
}

/// A folder for traces that are compared and forgotten. Goes away with whatever is in it.
struct Drafts(PathBuf);

impl Drafts {
    fn path(&self, job: &Job, which: &str) -> PathBuf {
        self.0.join(format!("{}-{}.{which}", job.id, job.seed))
    }

    fn with_trace(&self, job: &Job, which: &str) -> Job {
        Job { trace: Some(self.path(job, which).display().to_string()), ..job.clone() }
    }

    fn clear(&self) {
        // What cannot be removed now is removed, or left, with the rest.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Drop for Drafts {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_shown() {
        let text = first_difference("same\none\nmore\n", "same\ntwo\n");
        assert_eq!(text, "  the first line that differs is line 2:\n  one\n  two\n");
        let text = first_difference("same\n", "same\nmore\n");
        assert_eq!(text, "  the first line that differs is line 2:\n  the trace has ended\n  more\n");
    }
}
