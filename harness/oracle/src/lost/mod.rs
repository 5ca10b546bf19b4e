//! Oracle `lost`: what a user was told is saved is not lost.
//!
//! Invariant: every effect that must be found is explained by the last state of the server (or
//! stands in a tray or in an open conflict where its user sees it), and at every moment on its
//! own device. The last state has one legal explanation, by the rule of the field:
//!
//! * `lww`: the highest stamp among the writes that no must-write had seen stands;
//! * `version`: every must-write stands, was seen by a later one, or is an open conflict;
//! * `set`: a member is there if a must-addition was observed by no removal, and is not there if
//!   every addition was observed by a must-removal;
//! * `counter`: the total is every must-increment plus some of those that may be;
//! * a record is there unless a delete explains its absence, and an edit that a delete did not
//!   know of outlives it.
//!
//! Source: the contract's field rules, and the promise of `Saved`.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `at-end` | the last state does not show an effect that it has to show |
//! | `edit-against-delete` | a delete took away an edit that it did not know of |
//! | `on-own-device` | a device shows again what its own saved work had replaced |
//! | `record-gone` | a device stops showing what was saved on it |

mod at_end;
mod lww;
mod moments;
mod set;
mod version;

use crate::findings::Findings;
use crate::history::History;
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("lost");
    moments::judge(history, &mut findings);
    match &history.last {
        Ok(last) => at_end::judge(history, last, &mut findings),
        Err(why) => findings.unknown(why.clone()),
    }
    findings.verdict()
}
