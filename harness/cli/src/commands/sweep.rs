//! `sweep`: one scenario, with every fault that could strike it somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deadzone_contract::Model;
use deadzone_oracle::Outcome;
use deadzone_reports::{Failing, InDoubt, Pairs, Run as RunReport, Sweep as Report, Tally};
use deadzone_reports::{sweep_document, sweep_text};
use deadzone_script::Script;
use deadzone_search::sweep::{Swept, evenly, ways};

use super::finish;
use super::run::{blank, count, fill, kept_for, told};
use crate::args::Sweep;
use crate::lineups::Lineups;
use crate::plan::{Part, Who, bare};
use crate::progress::Progress;
use crate::repro::{self, Which};
use crate::scenarios::{self, Scenario};
use crate::stop::Stop;
use crate::worker::{Done, Ending, Job, Named, Plan, Pool, Question, Wanted};
use crate::{clock, files, interrupt, output, suggest};

/// The host that is in every world.
const SERVER: &str = "server";
/// What `--crash` says for every host.
const ALL: &str = "all";

/// Sweeps a scenario; the exit status.
pub(super) fn sweep(args: &Sweep, lineups: &Lineups) -> Result<u8, Stop> {
    let mut scenario = scenario(&args.scenario)?;
    scenario.put_under(args.model.map(Model::from));
    let part = part(args, &scenario, lineups)?;
    let wanted = wanted(args, &part.script)?;
    let folder = Path::new(&args.out.folder);
    files::check_folder(folder)?;

    let interrupted = interrupt::flag();
    let began = clock::now();
    let mut sweeper = Sweeper {
        swept: Swept::of(&part.script),
        report: blank_report(&part, &wanted),
        seen: BTreeMap::new(),
        numbers: Vec::new(),
        made: 0,
        pool: Pool::new(args.workers.jobs(), args.workers.deadline.time, Arc::clone(&interrupted)),
        part: &part,
        wanted,
        folder,
        watched: !args.json,
    };
    let stopped = sweeper.run_all(args.pairs.map(|most| most as usize));
    sweeper.keep()?;
    let stopped = stopped.and_then(|()| sweeper.tell());
    sweeper.report.wall = began.elapsed();
    let report = sweeper.report;
    finish(stopped, report.outcome(), || print(args, &report))
}

fn print(args: &Sweep, report: &Report) -> Result<(), Stop> {
    output::result(&if args.json {
        sweep_document(report)
    } else {
        sweep_text(report, &output::program(), output::look())
    })
}

/// The one scenario that a word of the command line names.
fn scenario(word: &str) -> Result<Scenario, Stop> {
    let mut found = scenarios::select(&[word.to_owned()], None)?;
    match found.len() {
        1 => Ok(found.remove(0)),
        n => Err(Stop::usage(format!("{word} has {n} scenarios in it; a sweep takes one"))),
    }
}

fn part(args: &Sweep, scenario: &Scenario, lineups: &Lineups) -> Result<Part, Stop> {
    let who = Who::of(scenario, args.client.as_deref(), args.defect.as_deref(), lineups)?;
    let Who { client, defect, lineup } = who;
    let script = &scenario.script;
    if let Some(missing) = deadzone_world::missing(script, &lineup).first() {
        let message = format!("{} cannot run with {client}: it has no {missing}", scenario.place);
        return Err(Stop::file(Path::new(&scenario.place), message));
    }
    let seed = args.seed.or(script.seed()).unwrap_or(0);
    let suite = script.suite().map(|suite| suite.to_string());
    let name = scenario.name().to_owned();
    Ok(Part { script: bare(script), name, suite, client, defect, seeds: seed..=seed })
}

/// Which faults are asked for.
fn wanted(args: &Sweep, script: &Script) -> Result<Wanted, Stop> {
    let mut hosts: Vec<&str> = script.devices().map(|device| device.name).chain([SERVER]).collect();
    hosts.sort_unstable();
    let crashed = match args.crash.as_deref() {
        None if args.exchanges => Vec::new(),
        None | Some(ALL) => hosts,
        Some(host) if hosts.contains(&host) => vec![host],
        Some(host) => {
            let help = suggest::help(host, hosts);
            return Err(Stop::usage(format!("there is no host `{host}` in {}{help}", script.name())));
        }
    };
    Ok(Wanted {
        exchanges: args.exchanges || args.crash.is_none(),
        hosts: crashed.into_iter().map(str::to_owned).collect(),
        subsets: args.subsets,
        named: Named::All,
    })
}

fn blank_report(part: &Part, wanted: &Wanted) -> Report {
    Report {
        scenario: part.name.clone(),
        seed: *part.seeds.start(),
        client: part.client.clone(),
        defect: part.defect.clone(),
        ways: ways(wanted.subsets).iter().map(ToString::to_string).collect(),
        hosts: wanted.hosts.clone(),
        ..Report::default()
    }
}

/// Faults that are added to the scenario, as lines of a script.
type Variant = Vec<String>;

/// What is known of a run with a sweep's faults.
struct Known {
    run: RunReport,
    struck: bool,
    /// What could be added to it, where that was asked.
    plan: Option<Plan>,
}

struct Sweeper<'a> {
    part: &'a Part,
    swept: Swept,
    wanted: Wanted,
    pool: Pool,
    folder: &'a Path,
    watched: bool,
    report: Report,
    /// Where each kind of violation stands in the report: the run, and the place in it.
    seen: BTreeMap<String, (usize, usize)>,
    /// The number and the script of each failing run in the report.
    numbers: Vec<(usize, String)>,
    /// How many runs there were. The one without another fault has the number 0.
    made: usize,
}

impl Sweeper<'_> {
    fn run_all(&mut self, pairs: Option<usize>) -> Result<(), Stop> {
        let clean = self.batch(&[Variant::new()], Some(Named::All), false)?;
        let plan = clean.into_iter().flatten().next();
        // What fails, or ends, by itself says nothing about what is added to it.
        let Some(plan) = plan.filter(|_| self.report.clean < Some(Outcome::Error)) else { return Ok(()) };
        if plan.faults == 0 {
            return Err(Stop::usage(format!(
                "there is nothing to sweep in {}: {}",
                self.part.name,
                if self.wanted.exchanges {
                    "nothing reaches a disk or the server"
                } else {
                    "nothing reaches a disk"
                }
            )));
        }
        (self.report.crash_points, self.report.exchanges) = (plan.crash_points, plan.exchanges);
        self.report.merged = plan.merged;
        let singles: Vec<Variant> = plan.named.into_iter().map(|line| vec![line]).collect();
        let Some(most) = pairs else { return self.batch(&singles, None, true).map(drop) };
        let seconds = self.batch(&singles, Some(Named::None), true)?;
        let counts: Vec<usize> = seconds.into_iter().map(|plan| plan.map_or(0, |plan| plan.faults)).collect();
        self.report.pairs = Some(Pairs { possible: counts.iter().sum(), tally: Tally::default() });
        let chosen = self.pairs(&singles, &choose(&counts, most))?;
        self.batch(&chosen, None, true).map(drop)
    }

    /// Names the second faults that stand in these places of what could be added to each first.
    fn pairs(
        &mut self,
        singles: &[Variant],
        chosen: &BTreeMap<usize, Vec<usize>>,
    ) -> Result<Vec<Variant>, Stop> {
        let jobs: Vec<Job> = chosen
            .iter()
            .map(|(first, places)| self.job(*first, &singles[*first], Some(Named::These(places.clone()))))
            .collect();
        let mut named: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        self.pool.run(jobs.into_iter(), |job, ending| {
            if let Some(plan) = known(self.part, ending).plan {
                named.insert(job.id, plan.named);
            }
            ControlFlow::Continue(())
        })?;
        let agrees = |(first, places): (&usize, &Vec<usize>)| {
            named.get(first).is_some_and(|named| named.len() == places.len())
        };
        if !chosen.iter().all(agrees) {
            return Err(Stop::harness(
                "not deterministic: a run that was repeated could be struck elsewhere",
            ));
        }
        let pair = |first: usize, second: String| [singles[first].clone(), vec![second]].concat();
        Ok(named
            .into_iter()
            .flat_map(|(first, lines)| lines.into_iter().map(move |line| pair(first, line)))
            .collect())
    }

    fn job(&self, id: usize, variant: &Variant, plan: Option<Named>) -> Job {
        let mut job = self.part.job(id, self.report.seed, &self.swept.with(variant));
        job.sweep = Some(Question {
            faults: self.swept.labels(variant.len()).to_vec(),
            plan: plan.map(|named| Wanted { named, ..self.wanted.clone() }),
        });
        job
    }

    /// Runs variants; what could be added to each that does not fail, where that is asked.
    fn batch(
        &mut self,
        variants: &[Variant],
        plan: Option<Named>,
        bar: bool,
    ) -> Result<Vec<Option<Plan>>, Stop> {
        let mut progress = Progress::new(Some(variants.len()), bar && self.watched);
        let mut all: Vec<Option<Known>> = variants.iter().map(|_| None).collect();
        let mut totals = std::mem::take(&mut self.report.coverage.totals);
        let part = self.part;
        let jobs: Vec<Job> =
            variants.iter().enumerate().map(|(id, variant)| self.job(id, variant, plan.clone())).collect();
        let stopped = self.pool.run(jobs.into_iter(), |job, ending| {
            count(&mut totals, &ending);
            let known = known(part, ending);
            progress.done(known.run.outcome == Outcome::Fail);
            all[job.id] = Some(known);
            ControlFlow::Continue(())
        });
        drop(progress);
        self.report.coverage.totals = totals;
        let mut plans = Vec::new();
        for (variant, known) in variants.iter().zip(all) {
            plans.push(match known {
                Some(known) => self.take(variant, known),
                None => {
                    self.report.unmade += 1;
                    None
                }
            });
        }
        stopped.map(|()| plans)
    }

    /// Puts a run into the report; what could be added to it if it does not fail.
    fn take(&mut self, variant: &Variant, known: Known) -> Option<Plan> {
        let Known { mut run, struck, plan } = known;
        let faults: Vec<String> = variant.iter().map(|line| words(line)).collect();
        let mut unknowns = std::mem::take(&mut run.unknowns);
        if !struck && run.outcome < Outcome::Error {
            run.outcome = Outcome::Unknown;
            unknowns.push("the planned fault had nothing to strike".to_owned());
        }
        let number = self.made;
        self.made += 1;
        match (variant.len(), &mut self.report.pairs) {
            (0, _) => self.report.clean = Some(run.outcome),
            (1, _) => self.report.singles.count(run.outcome, struck),
            (_, Some(pairs)) => pairs.tally.count(run.outcome, struck),
            (_, None) => unreachable!("pairs are counted before they are run"),
        }
        if run.outcome != Outcome::Fail {
            for reason in run.error.iter().chain(&unknowns) {
                self.doubt(run.outcome, reason, &faults);
            }
            return plan;
        }
        let mut first: Vec<(String, usize)> = Vec::new();
        let mut counted = BTreeSet::new();
        for key in run.findings.iter().map(|finding| &finding.key).filter(|key| counted.insert(*key)) {
            match self.seen.get(key) {
                Some((at, place)) => self.report.failing[*at].first[*place].1 += 1,
                None => {
                    self.seen.insert(key.clone(), (self.report.failing.len(), first.len()));
                    first.push((key.clone(), 1));
                }
            }
        }
        if !first.is_empty() {
            self.numbers.push((number, self.swept.with(variant)));
            self.report.failing.push(Failing { faults, run, first });
        }
        None
    }

    fn doubt(&mut self, outcome: Outcome, reason: &str, faults: &[String]) {
        match self.report.doubts.iter_mut().find(|doubt| doubt.reason == reason && doubt.outcome == outcome) {
            Some(doubt) => doubt.runs += 1,
            None => self.report.doubts.push(InDoubt {
                outcome,
                reason: reason.to_owned(),
                runs: 1,
                faults: faults.to_vec(),
            }),
        }
    }

    /// Writes the repro of each run that shows something first.
    fn keep(&mut self) -> Result<(), Stop> {
        for (failing, (number, text)) in self.report.failing.iter_mut().zip(&self.numbers) {
            let script = deadzone_script::parse(text);
            let script =
                script.map_err(|errors| Stop::harness(format!("a sweep wrote no script: {errors}")))?;
            let run = &mut failing.run;
            let kept_for = kept_for(self.part.defect.as_deref(), &run.findings);
            let kept_for = kept_for.expect("a run that fails found something");
            let path = path(self.part, self.folder, *number, "scn");
            let which = Which {
                script: &script,
                seed: run.seed,
                client: &self.part.client,
                defect: self.part.defect.as_deref(),
                kept_for,
                digest: run.digest.as_deref(),
            };
            which.write(&path)?;
            run.repro = Some(path.display().to_string());
        }
        Ok(())
    }

    /// Runs once more what is to be told, and keeps the stories and the traces.
    fn tell(&mut self) -> Result<(), Stop> {
        for (failing, (number, text)) in self.report.failing.iter_mut().zip(&self.numbers) {
            // A run that died left no trace, and would die again.
            if failing.run.digest.is_some() {
                let path = path(self.part, self.folder, *number, "trace.jsonl");
                let mut job = self.part.job(0, failing.run.seed, text);
                job.trace = Some(path.display().to_string());
                told(&mut failing.run, self.pool.run_one(&job)?, &path);
            }
        }
        Ok(())
    }
}

/// What a worker says of a run.
fn known(part: &Part, ending: Ending) -> Known {
    let mut run = blank(&part.name, part.suite.clone(), *part.seeds.start());
    let answer = match &ending {
        Ending::Done(Done::Ran(ran)) => ran.sweep.clone(),
        _ => None,
    };
    fill(&mut run, ending);
    let struck = answer.as_ref().is_some_and(|answer| answer.struck);
    Known { run, struck, plan: answer.and_then(|answer| answer.plan) }
}

/// At most `most` pairs, evenly spread: for each first fault the places of the second ones, of
/// which `counts` says how many there are.
fn choose(counts: &[usize], most: usize) -> BTreeMap<usize, Vec<usize>> {
    let mut chosen: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut firsts = counts.iter().copied().enumerate();
    let (mut first, mut begins, mut ends) = (0, 0, 0);
    for pair in evenly(counts.iter().sum(), most) {
        while pair >= ends {
            let (next, count) = firsts.next().expect("the counts add up");
            (first, begins, ends) = (next, ends, ends + count);
        }
        chosen.entry(first).or_default().push(pair - begins);
    }
    chosen
}

/// A fault without what makes a line of it.
fn words(line: &str) -> String {
    line.split_once("fault").map_or(line, |(_, fault)| fault).trim().to_owned()
}

/// `SCENARIO-SEED[-DEFECT]-sweep-N` in a folder, with an ending.
fn path(part: &Part, folder: &Path, number: usize, ending: &str) -> PathBuf {
    let name = repro::name(&part.name, *part.seeds.start(), part.defect.as_deref());
    folder.join(format!("{name}-sweep-{number}.{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_spread_over_all_firsts() {
        let chosen = |counts: &[usize], most| choose(counts, most).into_iter().collect::<Vec<_>>();
        assert_eq!(chosen(&[2, 0, 3], 9), [(0, vec![0, 1]), (2, vec![0, 1, 2])]);
        assert_eq!(chosen(&[4, 4, 4], 3), [(0, vec![0]), (1, vec![0]), (2, vec![0])]);
        assert_eq!(chosen(&[1, 9], 5), [(0, vec![0]), (1, vec![1, 3, 5, 7])]);
        assert_eq!(chosen(&[0, 0], 5), []);
    }

    #[test]
    fn a_fault_is_told_without_its_line() {
        assert_eq!(words("at start fault  lose phone's next push"), "lose phone's next push");
        assert_eq!(words("fault   kill phone at disk operation 7"), "kill phone at disk operation 7");
    }

    #[test]
    fn a_repro_has_its_number_in_its_name() {
        let mut part = Part {
            script: Script::default(),
            name: "x".into(),
            suite: None,
            client: "reference".into(),
            defect: None,
            seeds: 3..=3,
        };
        assert_eq!(path(&part, Path::new("out"), 7, "trace.jsonl"), Path::new("out/x-3-sweep-7.trace.jsonl"));
        part.defect = Some("mistake".into());
        assert_eq!(path(&part, Path::new("out"), 0, "scn"), Path::new("out/x-3-mistake-sweep-0.scn"));
    }
}
