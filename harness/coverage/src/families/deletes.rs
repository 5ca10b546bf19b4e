//! Deletes that meet edits, deletes and conflicts.

use deadzone_contract::{Action, Deletes};
use deadzone_trace::Event;

use crate::met::Met;
use crate::state::{Outcome, Sent, What};
use crate::table::Case;
use crate::walk::See;
use crate::work::Deed;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Answered { .. } => answered(see, met),
        Event::Delivered { replaced: None, .. } => delivered(see, met),
        Event::Saved { .. } => saved(see, met),
        _ => {}
    }
}

fn answered(see: &See<'_, '_>, met: &mut Met) {
    for (no, mutation) in see.carried_out() {
        meets(see, no, mutation, met);
    }
}

fn meets(see: &See<'_, '_>, by: usize, mutation: Sent, met: &mut Met) {
    let record = &see.state.records[mutation.record];
    let deletes = mutation.work.has(Deed::DELETE);
    for (_, device) in see.state.devices.iter().enumerate().filter(|(no, _)| *no != by) {
        let other = device.work_on(mutation.record);
        met.when(deletes && other.has(Deed::EDIT), Case::DeleteMeetsWaitingEdit);
        met.when(deletes && other.has(Deed::DELETE), Case::DeleteMeetsDelete);
        met.when(!deletes && other.has(Deed::DELETE), Case::EditMeetsWaitingDelete);
        let both = other.has(Deed::EDIT) && other.has(Deed::DELETE);
        met.when(!deletes && both, Case::EditMeetsEditAndDelete);
        let lost = device.pending_on(mutation.record).iter().any(|one| one.is_answer_lost());
        met.when(deletes && lost, Case::AnswerLostThenDeletedElsewhere);
        met.when(deletes && device.conflicts.contains_key(&mutation.record), Case::DeleteWithOpenConflict);
    }
    let revives = !deletes && record.deleted_by.is_some_and(|deleter| deleter != by);
    met.when(revives, Case::EditBringsBackADeletedRecord);
}

fn delivered(see: &See<'_, '_>, met: &mut Met) {
    let Some((no, device)) = see.sender() else { return };
    for (mutation, outcome) in see.results() {
        let record = &see.state.records[mutation.record];
        let elsewhere = record.deleted_by.is_some_and(|deleter| deleter != no);
        let delete_wins = record.entity.is_some_and(|entity| entity.deletes == Deletes::DeleteWins);
        let refused = matches!(outcome, Outcome::Rejected(_));
        met.when(refused && elsewhere && delete_wins, Case::EditLosesToADelete);
    }
    for (record, what) in see.changes() {
        let waits = !device.pending_on(*record).is_empty();
        met.when(*what == What::Deleted && waits, Case::TombstoneMeetsWork);
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((_, device)), Some(record), Some(begun)) = (see.on(), see.record, see.begun) else { return };
    if let Action::Delete { .. } = begun.act {
        met.when(see.state.creates(device, record), Case::DeleteOfARecordNeverSent);
        let edits = device.work_on(record).has(Deed::EDIT);
        met.when(edits, Case::DeleteOverOwnWaitingEdit);
        let children = |child: &usize| see.state.records[*child].parent == Some(record);
        met.when(device.queue.keys().any(children), Case::DeleteOverWaitingChildren);
    }
}
