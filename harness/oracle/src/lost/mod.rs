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
//! * `manual`: as `version`; an open conflict explains a write wherever a member is asked about it;
//! * `immutable`: every must-write says what stands: any other was refused, and is in the tray;
//! * `custom`: which of the values stands is the product's own affair, but one of them does;
//! * `counter`: the total is every must-increment plus some of those that may be;
//! * a record is there unless a delete explains its absence, and an edit that a delete did not
//!   know of outlives it; where the entity says that a delete wins, the record stays away, and an
//!   edit that the server did not take stands in the tray.
//!
//! In model A every field that is written as a whole is under rule `version`, but `immutable` ones.
//!
//! Source: the contract's field rules, and the promise of `Saved`.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `at-end` | the last state does not show an effect that it has to show |
//! | `edit-against-delete` | a delete took away an edit that it did not know of; or, where deletes win, such an edit is not in the tray |
//! | `replaced` | an immutable field has another value than it once had |
//! | `on-own-device` | a device shows again what its own saved work had replaced |
//! | `record-gone` | a device stops showing what was saved on it |

mod at_end;
mod immutable;
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
    for record in 0..history.records.len() {
        immutable::judge_moments(history, record, &mut findings);
    }
    match &history.last {
        Ok(last) => at_end::judge(history, last, &mut findings),
        Err(why) => findings.unknown(why.clone()),
    }
    findings.verdict()
}
