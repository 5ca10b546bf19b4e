//! The command line as data.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use deadzone_contract::Model;
use deadzone_reports::Complaint;
use deadzone_script::Suite;

use crate::{STATUS_PASS, STATUS_USAGE, output, seeds};

/// Reads the arguments of this process; the exit status where there is nothing more to do, after
/// a help text or an error has been printed.
pub(crate) fn parse() -> Result<Command, u8> {
    match Cli::try_parse() {
        Ok(cli) => Ok(cli.command.unwrap_or_else(Command::pr_suite)),
        Err(error) => {
            // A reader that went away has read enough.
            let _ = error.print();
            if !error.use_stderr() {
                return Err(STATUS_PASS);
            }
            if std::env::args_os().any(|arg| arg == "--json") {
                output::complain(&complaint(&error));
            }
            Err(STATUS_USAGE)
        }
    }
}

/// The sentence of an error, without the hints that follow it.
fn complaint(error: &clap::Error) -> Complaint {
    let text = error.to_string();
    let sentence = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    Complaint { message: sentence.trim_end().to_owned(), file: None, line: None }
}

const LONG_ABOUT: &str = "\
Runs fleets of devices and a server in a simulated world, breaks the network, the clocks and the
processes on purpose, and proves that nothing a user saved is lost, duplicated or made up.

A scenario is a script. The seed decides what the script leaves open: latencies, the order of
events, the moment a fault strikes. The same script and seed give the same run, for ever. Whatever
fails is written down as a script that replays it.

Without a command, the suite `pr` is run.";

const AFTER_HELP: &str = "\
First steps:
  deadzone                                   the suite for pull requests, 20 seeds each
  deadzone run --defect no-idempotency-number --suite nightly
                                             what a failure looks like
  deadzone replay target/deadzone/NAME.scn   the same failure again
  deadzone list defects                      which mistakes can be planted

Exit status:
  0   every run passed
  1   a promise was broken
  2   unknown: nothing was proven, because a fault never struck or nothing was saved
  3   the harness failed, or a file could not be read or written
  64  the command line makes no sense";

/// Deterministic chaos and offline scenarios for offline-first sync.
#[derive(Debug, Parser)]
#[command(name = "deadzone", version, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs scenarios over many seeds and judges every run
    Run(Run),
    /// Runs a repro once more and tells what happened
    Replay(Replay),
    /// Deletes lines of a repro while the same violation stays
    Shrink(Shrink),
    /// Proves that runs are deterministic: each seed twice, in two processes
    Check(Check),
    /// Strikes one scenario everywhere: crashes at every disk operation, every message lost
    Sweep(Sweep),
    /// Draws scripts from seeds, runs them, and makes every failure small
    Search(Search),
    /// Searches for every planted mistake: would the harness notice?
    Defects(Defects),
    /// Lists scenarios, faults, oracles, planted defects, field rules or situations
    List(List),
    /// Runs scripts that are named on standard input, for a parent process
    #[command(hide = true)]
    Worker,
}

impl Command {
    /// Whether programs read what it prints.
    pub(crate) fn json(&self) -> bool {
        match self {
            Command::Run(args) => args.json,
            Command::List(args) => args.json,
            Command::Search(args) => args.json,
            Command::Defects(args) => args.json,
            Command::Sweep(args) => args.json,
            Command::Replay(_) | Command::Shrink(_) | Command::Check(_) | Command::Worker => false,
        }
    }

    /// What is run where nobody asks for anything.
    fn pr_suite() -> Command {
        match Cli::parse_from(["deadzone", "run"]).command {
            Some(command) => command,
            None => unreachable!("the command is on the line"),
        }
    }
}

const RUN_HELP: &str = "\
Examples:
  deadzone run --suite nightly --seeds 500   everything, 500 seeds each
  deadzone run answer-lost-after-commit      one scenario by its name
  deadzone run my.scn --seed 17              one file, one seed
  deadzone run scenarios/ --seeds 100..200   every script in a folder
  deadzone run --client tiny                 the same against the small second client
  deadzone run --defect row-dropped-when-sent
                                             with a mistake planted in the client
  deadzone run --model A                     those that make sense without rules for single fields
  deadzone run --json --junit report.xml     for CI

Every failing run leaves a repro in the out folder, SCENARIO-SEED[-DEFECT].scn. For each scenario
and oracle the lowest failing seed is told as a story, and its trace is kept as JSON Lines.";

/// Runs scenarios over many seeds and judges every run.
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) workers: Workers,
    /// Stop at the first run that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a JUnit report: one test case a scenario; unknown counts as an error
    #[arg(long, value_name = "PATH")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) out: Out,
}

const REPLAY_HELP: &str = "\
Examples:
  deadzone replay target/deadzone/answer-lost-after-commit-3-no-idempotency-number.scn
  deadzone replay FILE --defect none         does it fail without the planted mistake?
  deadzone replay FILE --client tiny         does another client fail the same way?";

/// Runs a repro once more and tells what happened.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_HELP)]
pub(crate) struct Replay {
    /// A script with a `seed` line, as every failure leaves one
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Another client than the repro names
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Option<String>,
    /// Another planted defect than the repro names, or `none`
    #[arg(long, value_name = "NAME|none")]
    pub(crate) defect: Option<String>,
    #[command(flatten)]
    pub(crate) deadline: Deadline,
    #[command(flatten)]
    pub(crate) out: Out,
}

/// Deletes lines of a repro while the same violation stays.
#[derive(Debug, Args)]
#[command(after_help = "The result stands beside the repro: NAME.scn becomes NAME.min.scn.")]
pub(crate) struct Shrink {
    /// A script with a `seed` line, as every failure leaves one
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) deadline: Deadline,
}

const CHECK_HELP: &str = "\
Examples:
  deadzone check                             the suite for pull requests
  deadzone check --suite nightly --seeds 100

Both runs of a seed happen in processes that have run other things before. Where their traces
differ, the first line that differs is shown, both traces are kept, and the check ends.";

/// Proves that runs are deterministic: each seed twice, in two processes.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) workers: Workers,
    #[command(flatten)]
    pub(crate) out: Out,
}

const SWEEP_HELP: &str = "\
Examples:
  deadzone sweep answer-lost-after-commit    every crash of every host, every message
  deadzone sweep my.scn --crash phone        crashes of one host only
  deadzone sweep my.scn --exchanges          messages only
  deadzone sweep my.scn --pairs 500          besides, 500 runs with a second fault, such as a crash
                                             while the first one is recovered from
  deadzone sweep my.scn --defect row-dropped-when-sent
                                             does the sweep find it?

The scenario is run once without any more faults. Then for each fault that could have struck in
that run there is one that it does strike:
  --crash      before every disk operation of a host: a kill, and a power loss that leaves nothing of
               what was not synced, all of it, a torn prefix, and some subsets of its sectors; what
               would be the same run is run once and counted. The host comes up again after 2 s
  --exchanges  every request is lost; every answer is lost after its commit; every exchange that did
               something is delivered twice; a device dies between every two pages of a pull
Without either, both, with the crashes of all hosts.

The scenario's `expect` lines and `cannot` steps are left out: they are said of the run without
another fault. Every run is judged by every oracle. Each kind of violation leaves a repro in the out folder,
SCENARIO-SEED[-DEFECT]-sweep-N.scn, with the fault as an ordinary line. A run whose fault did not
strike is unknown; that steps cannot be done whose record was never created is not.";

/// Strikes one scenario everywhere: crashes at every disk operation, every message lost.
#[derive(Debug, Args)]
#[command(after_help = SWEEP_HELP)]
pub(crate) struct Sweep {
    /// A script, or the name of a scenario
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: String,
    /// Crash this host, or all of them, before every disk operation
    #[arg(long, value_name = "HOST|all")]
    pub(crate) crash: Option<String>,
    /// Lose, repeat and interrupt every exchange
    #[arg(long)]
    pub(crate) exchanges: bool,
    /// Add a second fault to the first, in at most N runs spread evenly over all pairs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pairs: Option<u32>,
    /// How many subsets of sectors are drawn of what a power loss may leave
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(..=1000))]
    pub(crate) subsets: u32,
    /// The seed [default: the script's own, else 0]
    #[arg(long, value_name = "S", value_parser = seeds::number)]
    pub(crate) seed: Option<u64>,
    /// The client that runs on the devices [default: reference]
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Option<String>,
    /// How client and server sync: A, a cache and a queue before a server that has the last word;
    /// B, two-way with a rule for each field [default: B]
    #[arg(long, value_enum)]
    pub(crate) model: Option<ModelName>,
    /// Plant a mistake in the reference client or server; `deadzone list defects` names them
    #[arg(long, value_name = "NAME|none")]
    pub(crate) defect: Option<String>,
    #[command(flatten)]
    pub(crate) workers: Workers,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) out: Out,
}

const SEARCH_HELP: &str = "\
Examples:
  deadzone search                            for a minute, from seed 0 on
  deadzone search --seeds 5000..6000         these seeds
  deadzone search --time 10m --seeds 0..100000
                                             these, but no longer than that
  deadzone search --defect row-dropped-when-sent
                                             does the search find it?

A seed becomes a script: a world, a workload over everything that users can do, and a swarm of
faults; then all faults end, and the world has to settle. Seed N is the same script everywhere.
Faults that had nothing to strike and steps that a device refused are taken out, the script is run
again, and both are counted. What has to be refused by the contract stays, as `cannot`.

Every run that fails or stays unknown leaves its script in the out folder,
search-SEED[-DEFECT].scn. For each kind of violation the first one is made as small as it can be,
search-SEED[-DEFECT].min.scn, and is told as a story.";

/// Draws scripts from seeds, runs them, and makes every failure small.
#[derive(Debug, Args)]
#[command(after_help = SEARCH_HELP)]
pub(crate) struct Search {
    /// Seeds 0 to N, or A to B, the end excluded
    #[arg(long, value_name = "A..B", value_parser = seeds::parse)]
    pub(crate) seeds: Option<RangeInclusive<u64>>,
    /// How long to search, such as 60s or 10m [default: 60s, without `--seeds`]
    #[arg(long = "time", value_name = "TIME", value_parser = time)]
    pub(crate) budget: Option<Duration>,
    /// The client that runs on the devices [default: reference]
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Option<String>,
    /// Plant a mistake in the reference client or server; `deadzone list defects` names them
    #[arg(long, value_name = "NAME|none")]
    pub(crate) defect: Option<String>,
    #[command(flatten)]
    pub(crate) workers: Workers,
    /// Stop at the first run that fails, and leave its script as it was drawn
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) out: Out,
}

const DEFECTS_HELP: &str = "\
Examples:
  deadzone defects                           all of them, for a minute each at most
  deadzone defects hard-delete --starts 1    one of them, from one start
  deadzone defects --json --page scorecard.md

Each mistake is planted alone, and drawn scripts are run one after the other until an oracle fails
that was declared for it, from several starts far apart. One that is not found from every start
within the time is a failure.";

/// Searches for every planted mistake: would the harness notice?
#[derive(Debug, Args)]
#[command(after_help = DEFECTS_HELP)]
pub(crate) struct Defects {
    /// Which; all where none is named
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// How long one core searches for one of them from one start, at most
    #[arg(long = "time", value_name = "TIME", default_value = "60s", value_parser = time)]
    pub(crate) budget: Duration,
    /// From how many seeds each is searched
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) starts: u8,
    #[command(flatten)]
    pub(crate) workers: Workers,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a page about it, in Markdown
    #[arg(long, value_name = "PATH")]
    pub(crate) page: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) out: Out,
}

/// Lists scenarios, faults, oracles, planted defects, field rules or situations.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// What to list
    #[arg(value_enum)]
    pub(crate) what: Listed,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// What can be run, with what it proves
    Scenarios,
    /// What a script can do to the world
    Faults,
    /// What counts as wrong
    Oracles,
    /// Which mistakes can be planted, and who has to catch them
    Defects,
    /// What becomes of concurrent writes, field by field
    Rules,
    /// What a healthy suite has to reach
    Situations,
}

/// Which runs.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Scripts, folders of scripts, or names of scenarios
    #[arg(value_name = "FILE|DIR|NAME")]
    pub(crate) what: Vec<String>,
    /// Only scenarios of this suite; `nightly` includes `pr`. `pr` where nothing is named
    #[arg(long, value_enum)]
    suite: Option<SuiteName>,
    /// Seeds 0 to N, or A to B, the end excluded
    #[arg(long, value_name = "N|A..B", value_parser = seeds::parse, conflicts_with = "seed")]
    #[arg(help = "Seeds 0 to N, or A to B, the end excluded; 20 where nothing is said")]
    seeds: Option<RangeInclusive<u64>>,
    /// One seed
    #[arg(long, value_name = "S", value_parser = seeds::number)]
    seed: Option<u64>,
    /// The client that runs on the devices [default: reference]
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Option<String>,
    /// How client and server sync: A, a cache and a queue before a server that has the last word;
    /// B, two-way with a rule for each field [default: B]
    #[arg(long, value_enum)]
    pub(crate) model: Option<ModelName>,
    /// Plant a mistake in the reference client or server; `deadzone list defects` names them
    #[arg(long, value_name = "NAME|none")]
    pub(crate) defect: Option<String>,
}

impl Selection {
    /// The suite that is asked for.
    pub(crate) fn suite(&self) -> Option<Suite> {
        match self.suite {
            Some(SuiteName::Pr) => Some(Suite::Pr),
            Some(SuiteName::Nightly) => Some(Suite::Nightly),
            None => self.what.is_empty().then_some(Suite::Pr),
        }
    }

    /// The seeds that are asked for; none where nothing is said.
    pub(crate) fn seeds(&self) -> Option<RangeInclusive<u64>> {
        self.seeds.clone().or(self.seed.map(|seed| seed..=seed))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SuiteName {
    Pr,
    Nightly,
}

/// How client and server sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelName {
    #[value(name = "A", alias = "a")]
    A,
    #[value(name = "B", alias = "b")]
    B,
}

impl From<ModelName> for Model {
    fn from(name: ModelName) -> Model {
        match name {
            ModelName::A => Model::A,
            ModelName::B => Model::B,
        }
    }
}

/// Who runs them.
#[derive(Debug, Args)]
pub(crate) struct Workers {
    /// Worker processes [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) deadline: Deadline,
}

impl Workers {
    /// How many worker processes there are to be.
    pub(crate) fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(cores, usize::from)
    }
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Deadline {
    /// Real time after which a run counts as spinning, and its process is killed
    #[arg(long = "deadline", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) time: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Out {
    /// Where repros and traces go
    #[arg(long = "out", value_name = "DIR", default_value = "target/deadzone")]
    pub(crate) folder: String,
}

/// Reads a length of real time: `90s`, `10m`, `2h`.
fn time(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600)];
    let read = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        number.checked_mul(*seconds).filter(|seconds| (1..=7 * 24 * 3_600).contains(seconds))
    });
    read.map(Duration::from_secs).ok_or_else(|| "a time is 1s to 168h: 60s, 10m or 2h".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds such as 60 or 2.5".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if (0.1..=86_400.0).contains(&seconds) => Ok(time),
        _ => Err("a deadline is 0.1 to 86400 seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_runs_the_suite_for_pull_requests() {
        let Command::Run(run) = Command::pr_suite() else { panic!("not a run") };
        assert_eq!(run.selection.suite(), Some(Suite::Pr));
        assert_eq!(run.selection.seeds(), None);
    }

    #[test]
    fn what_is_named_is_run_whatever_its_suite() {
        let Ok(Cli { command: Some(Command::Run(run)) }) = Cli::try_parse_from(["deadzone", "run", "x"])
        else {
            panic!("not a run")
        };
        assert_eq!(run.selection.suite(), None);
    }
}
