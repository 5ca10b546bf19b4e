//! Oracle `alerted`: the operator hears of work that does not get through, and of nothing else.
//!
//! Invariant: whenever the operator's monitoring reads the metrics, the queue-lag alert is on if and
//! only if some device has last told of a pending mutation that is older than allowed. And every
//! device tells the truth of it: with each push and each pull, the age of its oldest saved work that
//! nobody has answered.
//!
//! What was reported around the moment of the reading, in a request that was not answered with
//! success, or to a server that has started anew since, may count or not. Where nobody reads the
//! metrics, there is nothing to judge of the alert; an app that never tells of ages is not judged
//! by them.
//!
//! Source: the contract's metrics and the header `Queue-Age`.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `firing-without-reason` | the alert is on, although no device has told of work that is too old |
//! | `silent-although-late` | the alert is off, although a device has |
//! | `age-not-reported` | a device tells of a lesser age than that of its oldest pending work |

mod ages;
mod metrics;

use crate::findings::Findings;
use crate::history::History;
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("alerted");
    metrics::judge(history, &mut findings);
    ages::judge(history, &mut findings);
    findings.verdict()
}
