//! The worker's side: takes a job, runs it, judges it, says what came of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use deadzone_contract::Model;
use deadzone_oracle::{Judgement, Outcome};
use deadzone_reports::Finding;
use deadzone_script::Script;
use deadzone_trace::{Event, Trace};
use deadzone_world::{Lineup, Probe};

use super::protocol::{Done, Job, MARK, Ran, Word};
use super::{drawn, survey};
use crate::lineups::Lineups;
use crate::{STATUS_ERROR, STATUS_PASS, clock, files};

/// Takes jobs from standard input until it ends.
pub(crate) fn serve(lineups: &Lineups) -> u8 {
    let Some(lines) = listen() else { return STATUS_ERROR };
    if say(&Word::Ready).is_err() {
        return STATUS_ERROR;
    }
    for line in lines {
        let done = match serde_json::from_str::<Job>(&line) {
            Ok(job) => run(&job, lineups),
            Err(error) => Done::Broke(format!("the worker got a line that is no job: {error}")),
        };
        if say(&Word::Done(done)).is_err() {
            return STATUS_ERROR;
        }
    }
    STATUS_PASS
}

/// Reads standard input beside the runs: when the parent is gone the worker ends at once, also
/// from within a run that spins.
fn listen() -> Option<mpsc::Receiver<String>> {
    let (sender, lines) = mpsc::channel();
    let reading = move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
        std::process::exit(STATUS_PASS.into());
    };
    let thread = std::thread::Builder::new().name("parent".to_owned()).spawn(reading);
    thread.is_ok().then_some(lines)
}

fn say(word: &Word) -> io::Result<()> {
    let word = serde_json::to_string(word).expect("messages have string keys and no failing parts");
    let mut out = io::stdout().lock();
    // The first line end closes what the code under test may have left open.
    out.write_all(format!("\n{MARK}{word}\n").as_bytes())?;
    out.flush()
}

fn run(job: &Job, lineups: &Lineups) -> Done {
    // A panic of the code under test stands in the trace; what arrives here is our own bug.
    match catch_unwind(AssertUnwindSafe(|| run_and_judge(job, lineups))) {
        Ok(Ok(ran)) => Done::Ran(Box::new(ran)),
        Ok(Err(why)) => Done::Broke(why),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text =
                text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason was given");
            Done::Broke(format!("the harness panicked: {text}"))
        }
    }
}

fn run_and_judge(job: &Job, lineups: &Lineups) -> Result<Ran, String> {
    if job.is_drawn {
        return drawn::run(job, lineups);
    }
    let script = deadzone_script::parse(&job.text).map_err(|errors| errors.to_string())?;
    let lineup = lineup(job, script.model().unwrap_or_default(), lineups)?;
    let began = clock::now();
    let probe = if survey::plans(job) { Probe::recording() } else { Probe::none() };
    let trace = deadzone_world::run_watched(&script, job.seed, &lineup, &probe);
    let wall = began.elapsed();
    let mut judgement = deadzone_oracle::judge(&trace);
    let sweep = job.sweep.as_ref().map(|question| {
        survey::excuse(&mut judgement, &script, &trace, &question.faults);
        survey::answer(question, &trace, &probe)
    });
    if let Some(path) = &job.trace {
        write(&trace, Path::new(path))?;
    }
    let is_repeated = sweep.is_none() || job.trace.is_some() || judgement.outcome == Outcome::Fail;
    let digest = if is_repeated { trace.digest().to_string() } else { String::new() };
    Ok(Ran { digest, sweep, ..ran(job, &script, &trace, &judgement, wall) })
}

pub(super) fn lineup(job: &Job, model: Model, lineups: &Lineups) -> Result<Lineup, String> {
    lineups.find(&job.client, job.defect.as_deref(), model).map_err(|unfit| unfit.text())
}

/// What there is to say of a run, but for its digest.
pub(super) fn ran(job: &Job, script: &Script, trace: &Trace, judgement: &Judgement, wall: Duration) -> Ran {
    let finding = |violation| match job.trace {
        Some(_) => Finding::told(violation, trace),
        None => Finding::of(violation),
    };
    let met = deadzone_coverage::met(trace);
    // What a sweep adds may keep a run from where it went without.
    let missed = script.reaches().filter(|situation| job.sweep.is_none() && !met.holds(situation));
    let missed =
        missed.map(|situation| format!("the run did not reach what its script is about: {situation}"));
    Ran {
        outcome: if missed.is_some() { judgement.outcome.max(Outcome::Unknown) } else { judgement.outcome },
        digest: String::new(),
        order: order(trace),
        sim_ms: trace.sim_ms(),
        wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
        requests: trace.requests(),
        findings: judgement.violations().map(finding).collect(),
        unknowns: judgement.unknowns().into_iter().chain(missed).collect(),
        met,
        sweep: None,
        drawn: None,
    }
}

fn write(trace: &Trace, path: &Path) -> Result<(), String> {
    let mut text = Vec::new();
    trace.write(&mut text).expect("a vector takes everything");
    files::write(path, &text).map_err(|stop| stop.text())
}

/// A number that is the same for two traces in which the same things happened on the same hosts
/// in the same order, whatever the times and the drawn values. Good within one build only.
fn order(trace: &Trace) -> u64 {
    let mut hash = DefaultHasher::new();
    for entry in &trace.entries {
        entry.host.hash(&mut hash);
        std::mem::discriminant(&entry.event).hash(&mut hash);
        match &entry.event {
            Event::Sent { exchange, .. }
            | Event::Arrived { exchange, .. }
            | Event::Answered { exchange, .. }
            | Event::Delivered { exchange, .. }
            | Event::Failed { exchange, .. } => exchange.0.hash(&mut hash),
            Event::Invoked { action, .. } | Event::Saved { action, .. } => action.hash(&mut hash),
            _ => {}
        }
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use deadzone_trace::{Entry, Event};

    use super::*;

    #[test]
    fn the_order_of_events_does_not_depend_on_their_times() {
        let entry = |at_us, host: &str, event| Entry { at_us, host: host.into(), event };
        let up = || Event::HostUp { incarnation: 1 };
        let one = Trace { entries: vec![entry(1, "a", up()), entry(2, "b", Event::Settled)] };
        let later = Trace { entries: vec![entry(5, "a", up()), entry(9, "b", Event::Settled)] };
        let other = Trace { entries: vec![entry(1, "b", Event::Settled), entry(2, "a", up())] };
        assert_eq!(order(&one), order(&later));
        assert_ne!(order(&one), order(&other));
    }
}
