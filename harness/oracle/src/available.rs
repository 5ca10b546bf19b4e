//! Oracle `available`: a user action is saved or refused at once, whatever the network does.
//!
//! Invariant: every action but a sign-in and a step-up operation ends within the bound for saving,
//! counted while its device is awake, and is never refused for the sake of the network. It is
//! refused for the sake of the storage only where the disk was full or had errors while it went
//! on, or has not recovered from damage that is outside the model; or where the queue is as long,
//! or the database as large, as the script allows.
//!
//! A device that keeps silent is the matter of `alive`.
//!
//! Source: local first: the device is where work is saved, and the network is for later.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `slow` | an action was saved or refused, but later than within the bound |
//! | `refused-for-network` | it was refused because there is no network, or for a failing server |
//! | `refused-for-storage` | it was refused because of a storage that nothing was wrong with |

use deadzone_contract::{Code, Parameters};

use crate::findings::{Case, Findings};
use crate::history::{ActionRun, Ending, History};
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("available");
    let mut ended = history
        .actions
        .iter()
        .filter(|run| !run.needs_network())
        .filter(|run| matches!(run.ending, Ending::Saved | Ending::Refused))
        .peekable();
    if ended.peek().is_none() {
        findings.unknown("no user did anything that was saved or refused");
    }
    for run in ended {
        judge_time(history, run, &mut findings);
        judge_refusal(history, run, &mut findings);
    }
    findings.verdict()
}

fn case(clause: &'static str, history: &History<'_>, run: &ActionRun<'_>) -> Case {
    let record = run.record.map(|record| history.records[record].id);
    let case = Case::new(clause, run.kind()).device(run.device).subject(run.label);
    record.into_iter().fold(case, Case::record).evidence(history.outcome(run))
}

fn judge_time(history: &History<'_>, run: &ActionRun<'_>, findings: &mut Findings) {
    let bound_ms = history.header.parameters.save_bound;
    let took_ms = history.hosts.awake_ms(history.entries, run.device, run.begun, run.ended);
    if took_ms <= bound_ms {
        return;
    }
    let did = if run.saved() { "saved" } else { "refused" };
    findings.report(case("slow", history, run).says(
        format!("{} {did} {} {} only after {took_ms} ms", run.device, run.kind(), run.label),
        format!("saved or refused within {bound_ms} ms, with or without a network"),
    ));
}

fn judge_refusal(history: &History<'_>, run: &ActionRun<'_>, findings: &mut Findings) {
    let Some(code) = run.refusal else { return };
    let (clause, expected) = match code {
        Code::Offline | Code::Unavailable | Code::Internal => {
            ("refused-for-network", "saved: only a sign-in and a step-up operation need a network")
        }
        Code::Storage if !is_excused(history, run) => {
            ("refused-for-storage", "saved: the disk was neither full nor had errors")
        }
        _ => return,
    };
    findings.report(
        case(clause, history, run)
            .says(format!("{} refused {} {} with `{code}`", run.device, run.kind(), run.label), expected),
    );
}

/// Whether the storage had a reason to fail: a disk that is full, failing or damaged, or a limit of
/// the script's own.
pub(crate) fn is_excused(history: &History<'_>, run: &ActionRun<'_>) -> bool {
    let parameters = &history.header.parameters;
    history.hosts.disk_could_fail(run.device, run.begun, run.ended)
        || history.hosts.is_behind(run.device, 0, run.ended)
        || parameters.database_max < Parameters::default().database_max
        || history.kept(run.device, run.ended) >= parameters.queue_max
}
