//! What counts as wrong.
//!
//! [`judge`] reads a trace and says, for every invariant in [`ORACLES`], whether it held, with
//! the evidence where it did not. Oracles know what users did, what devices showed them, what
//! went over the wire and what the world did; never what a client or a server claims about
//! itself. They hold their own, third implementation of every field rule.
//!
//! `history` puts a trace in order, and `life` adds what is asked of each effect at the end; then
//! one module judges one invariant. `counter` is the arithmetic that several of them need.
//!
//! This crate depends on `contract` for the declared rules and on `trace`. It runs nothing,
//! draws nothing and renders nothing, and a strange or a broken trace never makes it panic: what
//! cannot be told is *unknown*.

mod alerted;
mod alive;
mod available;
mod bounded;
mod converged;
mod counter;
mod duplicated;
mod expected;
mod findings;
mod history;
mod honest;
mod intact;
mod invented;
mod justified;
mod leaked;
mod life;
mod lost;
mod monotonic;
mod polite;
mod settled;
mod verdict;

pub use verdict::{Doubt, Judgement, Key, Outcome, Verdict, Violation};

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{Action, Code};
use deadzone_trace::{Event, Trace};

use history::{ActionRun, History};

/// An invariant and who watches over it.
#[derive(Debug)]
pub struct OracleDecl {
    /// As reports and repros name it.
    pub name: &'static str,
    /// In plain words.
    pub invariant: &'static str,
    /// Where the invariant comes from.
    pub source: &'static str,
    judge: fn(&History<'_>) -> Verdict,
}

/// Every oracle, gravest promise first. The order is stable.
pub const ORACLES: &[OracleDecl] = &[
    OracleDecl {
        name: "lost",
        invariant: "what a device called saved is found at the end, by the rule of its field, and on its \
                    own device at every moment",
        source: "the contract's field rules and the promise of `saved`",
        judge: lost::judge,
    },
    OracleDecl {
        name: "invented",
        invariant: "whatever is visible was written by somebody, in that place, and was not discarded \
                    before it left its device",
        source: "the contract's field rules and the promises of `discard` and of a refusal",
        judge: invented::judge,
    },
    OracleDecl {
        name: "duplicated",
        invariant: "one create makes one record and an increment counts once, however often it is sent",
        source: "the contract's idempotency",
        judge: duplicated::judge,
    },
    OracleDecl {
        name: "leaked",
        invariant: "nobody is told, shown or left with what he was not entitled to, and no token lies about",
        source: "the contract's scopes, private rows, revocations and sign-outs",
        judge: leaked::judge,
    },
    OracleDecl {
        name: "intact",
        invariant: "every database passes its check after every crash",
        source: "the crash model: what is durable survives whole",
        judge: intact::judge,
    },
    OracleDecl {
        name: "converged",
        invariant: "once settled, every device shows what the server has for its user",
        source: "strong eventual convergence",
        judge: converged::judge,
    },
    OracleDecl {
        name: "monotonic",
        invariant: "a device that has shown what the server has never goes back to something older",
        source: "monotonic reads, a session guarantee",
        judge: monotonic::judge,
    },
    OracleDecl {
        name: "available",
        invariant: "a user action is saved or refused at once, whatever the network does",
        source: "local first: only a sign-in and a step-up operation wait for the network",
        judge: available::judge,
    },
    OracleDecl {
        name: "settled",
        invariant: "once every fault has ended, the world falls quiet within a bound",
        source: "liveness after healing",
        judge: settled::judge,
    },
    OracleDecl {
        name: "honest",
        invariant: "badges move only in legal steps, `synced` is shown only after the answer that says so, \
                    and what needs its user is in the tray",
        source: "the contract's record and device states",
        judge: honest::judge,
    },
    OracleDecl {
        name: "justified",
        invariant: "nothing is sent to the tray or made a conflict without a refusal or a rule that says so",
        source: "the contract's rules for errors",
        judge: justified::judge,
    },
    OracleDecl {
        name: "polite",
        invariant: "devices do not hammer a server that fails or asks for time, and a server keeps its limits",
        source: "the contract's `Retry-After`, backoff and limits",
        judge: polite::judge,
    },
    OracleDecl {
        name: "bounded",
        invariant: "queues, databases, pages and pushes stay within their declared limits, and pages and hints \
                    within what a device subscribes to",
        source: "the contract's parameters and scopes",
        judge: bounded::judge,
    },
    OracleDecl {
        name: "alerted",
        invariant: "devices tell how old their oldest work is, and the alert fires when that is too old, and \
                    never otherwise",
        source: "the contract's metrics",
        judge: alerted::judge,
    },
    OracleDecl {
        name: "alive",
        invariant: "nothing under test panics, hangs or gives up",
        source: "panics are bugs; actions end in bounded time",
        judge: alive::judge,
    },
    OracleDecl {
        name: "expected",
        invariant: "what the script claims holds",
        source: "the script's `expect` lines",
        judge: expected::judge,
    },
];

/// Judges a run.
pub fn judge(trace: &Trace) -> Judgement {
    let translated = history::apps::translated(trace);
    let trace = translated.as_ref().unwrap_or(trace);
    let Some(history) = History::of(trace) else { return headless() };
    let verdicts: Vec<Verdict> = ORACLES.iter().map(|oracle| (oracle.judge)(&history)).collect();
    let mut doubts = doubts(&history);
    for verdict in &verdicts {
        let doubt = |why: &String| Doubt::Oracle { oracle: verdict.oracle, why: why.clone() };
        doubts.extend(verdict.unknown.as_ref().map(doubt));
    }
    let doubt = if doubts.is_empty() { Outcome::Pass } else { Outcome::Unknown };
    let outcome = verdicts.iter().map(|verdict| verdict.outcome).fold(doubt, Outcome::max);
    Judgement { outcome, verdicts, doubts }
}

/// A trace that does not say what was run is a failure of the harness.
fn headless() -> Judgement {
    let verdict = |oracle: &OracleDecl| Verdict {
        oracle: oracle.name,
        outcome: Outcome::Error,
        violations: Vec::new(),
        unknown: Some(Doubt::Headless.to_string()),
        exempt: Vec::new(),
    };
    Judgement {
        outcome: Outcome::Error,
        verdicts: ORACLES.iter().map(verdict).collect(),
        doubts: vec![Doubt::Headless],
    }
}

/// Why a run as a whole proves less than it should.
fn doubts(history: &History<'_>) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let work = |act: &Action| !matches!(act, Action::SignIn { .. });
    if !history.actions.iter().any(|action| action.saved() && work(action.act)) {
        doubts.push(Doubt::NothingSaved);
    }
    if !history.end.finished {
        doubts.push(Doubt::Unfinished);
    }
    // What the script says cannot be done and what a full disk could not take was refused as it
    // should be, and who could not sign in may have done so later.
    let signed_in_later = |refused: &ActionRun<'_>| {
        let sign_ins = history.actions.iter().filter(|run| matches!(run.act, Action::SignIn { .. }));
        sign_ins
            .into_iter()
            .any(|run| run.device == refused.device && run.saved() && run.begun > refused.begun)
    };
    let excused: BTreeSet<usize> = history
        .actions
        .iter()
        .filter(|run| match run.act {
            _ if run.cannot => true,
            Action::SignIn { .. } => signed_in_later(run),
            _ => run.refusal == Some(Code::Storage) && available::is_excused(history, run),
        })
        .map(|run| run.ended)
        .collect();
    doubts.extend(history.entries.iter().enumerate().filter_map(|(at, entry)| match &entry.event {
        Event::Refused { action, code, detail } if !excused.contains(&at) => Some(Doubt::StepRefused {
            device: entry.host.clone(),
            action: action.clone(),
            code: *code,
            detail: detail.clone(),
        }),
        _ => None,
    }));
    let mut idle: BTreeMap<&String, (usize, &String)> = BTreeMap::new();
    for (at, entry) in history.entries.iter().enumerate() {
        match &entry.event {
            Event::FaultBegan { fault, text } => {
                idle.insert(fault, (at, text));
            }
            Event::FaultStruck { fault, .. } => {
                idle.remove(fault);
            }
            _ => {}
        }
    }
    let mut idle: Vec<_> = idle.into_iter().map(|(fault, (at, text))| (at, fault, text)).collect();
    idle.sort_unstable();
    doubts.extend(
        idle.into_iter()
            .map(|(_, fault, text)| Doubt::FaultIdle { fault: fault.clone(), text: text.clone() }),
    );
    doubts
}
