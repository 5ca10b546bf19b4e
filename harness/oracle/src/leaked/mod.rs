//! Oracle `leaked`: nobody gets to see what is not for him.
//!
//! Invariant: no byte of a workspace's or a private row reaches anyone who was entitled to it at no
//! moment between the server's receipt of the request and its answer; of a hint, the moment of
//! the answer alone counts. Nor does a device show it, or keep it on its disk after a sign-out or
//! once it has synced after a revocation. The user's own words are no secret from him; after a
//! revocation they stay where the tray lists them, or where they still wait. No token stands on a
//! disk, in a path, or in another user's answer.
//!
//! A row is known by its *canaries*: the identities of records, and texts of at least six bytes
//! that users wrote into rows of one visibility only. Entitlement follows from the script's grants
//! and from what users wrote; what may have happened, may have entitled. A request is that of the
//! user who is signed in on the device that sent it. That a row is gone may be told to whoever was
//! entitled to it at any time before, and what a request says itself, its answer may repeat.
//!
//! Source: the contract's scopes, private rows, revocations and sign-outs.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `on-the-wire` | an answer, or a request, has something in it that is not for its user |
//! | `in-an-error` | so has the body of an error |
//! | `in-a-replay` | so has the answer to a mutation that had been answered before |
//! | `in-a-hint` | so has a hint |
//! | `from-a-cache` | so has an answer that somebody else than the server gave |
//! | `in-the-audit` | the server hands it to a fresh device of the user |
//! | `on-screen` | a device shows what nobody was entitled to who is or was signed in since its last sign-out |
//! | `on-disk-after-sign-out` | a disk still holds what was there before a sign-out |
//! | `on-disk-after-revocation` | a disk holds what its user may not see, although it has synced since |
//! | `token-on-disk` | a token stands on a disk |

mod canaries;
mod disk;
mod shown;
mod wire;

use crate::findings::{Case, Findings};
use crate::history::History;
use crate::verdict::Verdict;

use canaries::{Canaries, Canary};

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("leaked");
    let canaries = Canaries::collect(history);
    wire::judge(history, &canaries, &mut findings);
    shown::judge(history, &canaries, &mut findings);
    disk::judge(history, &canaries, &mut findings);
    findings.verdict()
}

/// Whether a user may have a word, at some moment of a span.
fn is_for(history: &History<'_>, canary: &Canary<'_>, user: Option<&str>, from: usize, to: usize) -> bool {
    let Some(user) = user else { return false };
    canary.authors.contains(user)
        || canary.records.first().is_some_and(|&record| history.rights.may_see(user, record, from, to))
}

/// A violation about a canary, found at a device.
fn case(
    history: &History<'_>,
    clause: &'static str,
    canary: &Canary<'_>,
    device: Option<&str>,
    user: Option<&str>,
    at: usize,
) -> Case {
    let case = Case::new(clause, canary.kind.effect()).evidence([at]);
    let case = device.into_iter().fold(case, Case::device);
    let Some(&record) = canary.records.first() else { return case };
    let change = user.and_then(|user| history.rights.last_change(user, record, at));
    case.record(history.records[record].id).evidence([canary.since.min(at)]).evidence(change)
}

/// What a canary stands for, as people read it.
fn told(history: &History<'_>, canary: &Canary<'_>) -> String {
    let place = canary.records.first().map(|&record| {
        let workspace = history.rights.class(record).map_or("", |(workspace, _)| workspace);
        format!("{} of {workspace}", history.name(record))
    });
    match (canary.kind, place) {
        (canaries::Kind::Token, _) | (_, None) => "a token".to_owned(),
        (canaries::Kind::Id, Some(place)) => place,
        (_, Some(place)) => format!("\"{}\" from {place}", canary.word),
    }
}

/// A user as people read it.
fn called(user: Option<&str>) -> &str {
    user.unwrap_or("nobody")
}
