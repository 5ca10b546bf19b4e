//! Cursors that expire, numbers that mean something else, and everything fetched anew.

use deadzone_contract::{Action, Code};
use deadzone_trace::Event;

use crate::met::Met;
use crate::state::{Class, Content, Outcome, What};
use crate::table::Case;
use crate::walk::See;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Delivered { replaced: None, .. } => delivered(see, met),
        Event::Saved { .. } => saved(see, met),
        Event::Answered { .. } => answered(see, met),
        Event::Failed { .. } => {
            let pull = see.request.is_some_and(|request| request.class == Class::Pull);
            let paging = see.sender().is_some_and(|(_, device)| device.is_paging);
            met.when(pull && paging, Case::PullFailsBetweenPages);
        }
        _ => {}
    }
}

fn delivered(see: &See<'_, '_>, met: &mut Met) {
    let Some((_, device)) = see.sender() else { return };
    if see.answer.is_some_and(|answer| answer.code == Some(Code::CursorExpired)) {
        met.when(device.has_pending(), Case::CursorExpiresWithWork);
    }
    for (_, outcome) in see.results() {
        met.when(outcome == Outcome::Rejected(Some(Code::KeyExpired)), Case::KeyExpires);
    }
    if let Some(Content::Page { changes, more, .. }) = see.answer.map(|answer| &answer.content) {
        met.when(device.is_resyncing && !more && device.has_pending(), Case::ResyncEndsWithWork);
        let pending =
            |(record, what): &(usize, What)| *what == What::There && !device.pending_on(*record).is_empty();
        met.when(changes.iter().any(pending), Case::PullBringsARecordWithWork);
    }
}

fn answered(see: &See<'_, '_>, met: &mut Met) {
    let Some((_, device)) = see.sender() else { return };
    for (_, outcome) in see.results() {
        let Outcome::Done { fresh, .. } = outcome else { continue };
        met.when(!fresh && device.was_restored, Case::RestoredWorkSentAgain);
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((_, device)), Some(begun)) = (see.on(), see.begun) else { return };
    match begun.act {
        Action::Repair => met.when(device.has_pending(), Case::RepairWithWork),
        Action::Edit { .. } | Action::Create { .. } => {
            met.when(device.is_resyncing, Case::WorkSavedInResync);
            met.when(device.is_paging, Case::WorkSavedBetweenPages);
        }
        _ => {}
    }
}
