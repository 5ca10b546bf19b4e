//! Oracle `settled`: once every fault has ended, the world falls quiet.
//!
//! Invariant: whenever the world waits for quiet, queues drain and nothing more happens within
//! the bound that follows from the declared timeouts and backoffs.
//!
//! Source: liveness after healing. A world that does not settle has failed, and is not unknown.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `unsettled` | the bound passed and somebody still waits for something |

use deadzone_trace::Event;

use crate::findings::{Case, Findings};
use crate::history::History;
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("settled");
    let mut began = None;
    let mut settled = false;
    for (at, entry) in history.entries.iter().enumerate() {
        match &entry.event {
            Event::SettleBegan { bound_ms, .. } => began = Some((at, *bound_ms)),
            Event::Settled => {
                settled = true;
                began = None;
            }
            Event::Unsettled { waiting } => {
                let bound = began.map_or_else(String::new, |(_, ms)| format!(" within {}", seconds(ms)));
                let waiting =
                    if waiting.is_empty() { "nobody says why".to_owned() } else { waiting.join("; ") };
                let case = Case::new("unsettled", "quiet").evidence(began.map(|(at, _)| at)).evidence([at]);
                findings.report(case.says(
                    format!("the world did not settle{bound}: {waiting}"),
                    format!("every queue empty and nothing under way{bound}"),
                ));
                began = None;
            }
            _ => {}
        }
    }
    if began.is_some() {
        findings.unknown("the trace ends while the world settles");
    } else if !settled {
        findings.unknown("nobody waited for the world to settle");
    }
    findings.verdict()
}

/// Milliseconds as people write them.
fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1_000) {
        format!("{}s", ms / 1_000)
    } else {
        format!("{}.{:03}s", ms / 1_000, ms % 1_000)
    }
}
