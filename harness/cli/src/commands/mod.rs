//! The commands: each one file, each from its arguments to an exit status.

mod check;
mod list;
mod replay;
mod run;
mod scorecard;
mod search;
mod shrink;
mod sweep;

use deadzone_oracle::Outcome;
use deadzone_reports::{Finding, Report};

use crate::args::Command;
use crate::lineups::Lineups;
use crate::stop::Stop;
use crate::worker::{self, Death};
use crate::{STATUS_ERROR, STATUS_FAIL, STATUS_INTERRUPTED, STATUS_PASS, STATUS_UNKNOWN, output};

/// Carries out a command; the exit status.
pub(crate) fn dispatch(command: Command, lineups: &Lineups) -> u8 {
    let json = command.json();
    let status = match command {
        Command::Run(args) => run::run(&args, lineups),
        Command::Replay(args) => replay::replay(&args, lineups),
        Command::Shrink(args) => shrink::shrink(&args, lineups),
        Command::Check(args) => check::check(&args, lineups),
        Command::Sweep(args) => sweep::sweep(&args, lineups),
        Command::Search(args) => search::search(&args, lineups),
        Command::Defects(args) => scorecard::defects(&args, lineups),
        Command::List(args) => list::list(&args),
        Command::Worker => Ok(worker::serve(lineups)),
    };
    status.unwrap_or_else(|stop| output::stop(&stop, json))
}

fn status(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Pass => STATUS_PASS,
        Outcome::Fail => STATUS_FAIL,
        Outcome::Unknown => STATUS_UNKNOWN,
        Outcome::Error => STATUS_ERROR,
    }
}

/// The end of a command that may be stopped half-way: prints what was found; the exit status.
fn finish(
    stopped: Result<(), Stop>,
    outcome: Outcome,
    print: impl FnOnce() -> Result<(), Stop>,
) -> Result<u8, Stop> {
    match stopped {
        // What was found until then is worth having.
        Err(Stop::Interrupted) => print().map(|()| STATUS_INTERRUPTED),
        Err(stop) => Err(stop),
        Ok(()) => print().map(|()| status(outcome)),
    }
}

/// What went wrong half-way becomes part of the report, so that what was found is told all the same.
/// Only where nothing was run yet, and where somebody stopped the command, does it end there.
fn absorb(stopped: Result<(), Stop>, report: &mut Report) -> Result<(), Stop> {
    match stopped {
        Err(stop @ (Stop::Harness { .. } | Stop::Script { .. })) if !report.runs.is_empty() => {
            output::remark(&stop.text());
            report.error = Some(stop.complaint());
            Ok(())
        }
        stopped => stopped,
    }
}

/// What a run is found guilty of that took its process down or never ended.
pub(crate) fn finding_of(death: &Death) -> Finding {
    match death {
        Death::Spun(deadline) => Finding::alive(
            "spun",
            format!(
                "the client or the server spins: the run had not ended after {} s of real time",
                deadline.as_secs_f64()
            ),
            "code that waits gives way to others, so that simulated time can go on",
        ),
        Death::Aborted { how, last_words } => {
            let words = last_words.as_ref().map_or_else(String::new, |words| format!(": {words}"));
            Finding::alive(
                "aborted",
                format!("the client or the server took its process down, {how}{words}"),
                "an app that goes on whatever it meets",
            )
        }
    }
}
