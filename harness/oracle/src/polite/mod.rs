//! Oracle `polite`: devices do not hammer a server that fails or asks for time, and a server says
//! for how long and keeps the limits that it declares.
//!
//! Invariant: once a device has an answer that says when to come again, it asks for nothing of the
//! kind before. Failures in a row are followed by growing pauses. What has been answered is not
//! asked again and again. The server carries out no more for a user within a window of time than
//! twice its limit, which is what fixed windows can come to. An answer 429 or 503 of its own says
//! when to come again.
//!
//! The trace does not tell when a user asks a device to sync; one request of that kind ahead of its
//! time, and some in a row, are excused by it. So is whatever comes after the app's start, after a
//! sleep, after the network came back and after a sign-in or a step-up operation.
//!
//! Source: the contract's `Retry-After`, backoff and limits.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `too-early` | a device asks again before the time has passed that the server asked for |
//! | `hammering` | failed attempts follow each other without pauses |
//! | `answered-again` | a device sends a mutation again and again that has been answered |
//! | `over-the-limit` | the server carries out more for a user than its limits allow |
//! | `no-retry-after` | the server refuses for now and does not say when to come again |

mod attempts;
mod limits;
mod refusals;

use crate::findings::Findings;
use crate::history::{Class, History};
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("polite");
    attempts::judge(history, &mut findings);
    limits::judge(history, &mut findings);
    refusals::judge(history, &mut findings);
    findings.verdict()
}

/// What a request asks for, as violations call it.
fn word(class: Class) -> &'static str {
    match class {
        Class::Push => "push",
        Class::Pull => "pull",
        Class::Hints => "hints",
        Class::Token => "token",
        Class::Members => "members",
        Class::Other => "request",
    }
}
