//! Writes that meet: by the rule of their field.

use deadzone_contract::{Action, Choice, Code, Model};
use deadzone_trace::Event;

use crate::met::Met;
use crate::state::{Outcome, Sent};
use crate::table::Case;
use crate::walk::See;
use crate::work::Deed;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Answered { .. } => answered(see, met),
        Event::Delivered { replaced: None, .. } => delivered(see, met),
        Event::Saved { .. } => saved(see, met),
        Event::Shown(view) if !view.conflicts.is_empty() => {
            met.when(view.conflicts.len() > 1, Case::TwoConflictsOnOneRecord);
            let Some(record) = see.state.record_nos.get(view.record.0.as_str()) else { return };
            let shows = |device: &&crate::state::Device<'_>| device.conflicts.contains_key(record);
            let elsewhere = see.state.devices.iter().enumerate().filter(|(no, _)| Some(*no) != see.device);
            met.when(
                elsewhere.map(|(_, device)| device).any(|device| shows(&device)),
                Case::ConflictOnTwoDevices,
            );
        }
        _ => {}
    }
}

fn answered(see: &See<'_, '_>, met: &mut Met) {
    for (no, mutation) in see.carried_out() {
        meets(see, no, mutation, met);
    }
}

/// The server carries work out while other devices have work on the same record.
fn meets(see: &See<'_, '_>, by: usize, mutation: Sent, met: &mut Met) {
    let work = mutation.work;
    for (_, device) in see.state.devices.iter().enumerate().filter(|(no, _)| *no != by) {
        let other = device.work_on(mutation.record);
        let both = |deed| work.has(deed) && other.has(deed);
        met.when(both(Deed::COUNT), Case::CountersMeet);
        met.when(both(Deed::CUSTOM), Case::CustomWritesMeet);
        met.when(both(Deed::IMMUTABLE), Case::ImmutableWritesMeet);
        met.when(work.same_lww(other), Case::LwwWritesMeet);
        let tags = (work.has(Deed::TAG) && other.has(Deed::UNTAG))
            || (work.has(Deed::UNTAG) && other.has(Deed::TAG));
        met.when(tags, Case::TagMeetsUntag);
    }
    let waiting = see.state.devices_pending_on(mutation.record);
    met.when(waiting >= 3, Case::ThreeDevicesOnOneRecord);
}

fn delivered(see: &See<'_, '_>, met: &mut Met) {
    let Some((_, device)) = see.sender() else { return };
    for (mutation, outcome) in see.results() {
        let Outcome::Done { conflict, refused, applied, .. } = outcome else { continue };
        if conflict {
            met.when(mutation.work.has(Deed::VERSION), Case::ConflictOnVersion);
            met.when(mutation.work.has(Deed::MANUAL), Case::ConflictOnManual);
            met.when(applied, Case::ConflictOnOneFieldOthersTaken);
            let queued = device.pending_on(mutation.record).iter().any(|one| one.number != mutation.number);
            met.when(queued, Case::ConflictWithAnotherEditQueued);
            met.when(see.state.model == Model::A, Case::ConflictInModelA);
        }
        met.when(refused == Some(Code::Immutable) && applied, Case::ImmutableRefusedOthersTaken);
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((no, device)), Some(record), Some(begun)) = (see.on(), see.record, see.begun) else { return };
    let open = device.conflicts.contains_key(&record);
    match begun.act {
        Action::Resolve { choice, .. } => {
            met.add(match choice {
                Choice::KeepMine => Case::ResolvedKeepMine,
                Choice::UseTheirs => Case::ResolvedUseTheirs,
                Choice::Merge(_) => Case::ResolvedMerge,
            });
            met.when(device.is_offline, Case::ResolvedOffline);
            let others = see.state.devices.iter().enumerate().filter(|(other, _)| *other != no);
            let shown = others.map(|(_, other)| other).any(|other| other.conflicts.contains_key(&record));
            met.when(shown, Case::ResolvedWhileShownElsewhere);
        }
        Action::Edit { .. } => met.when(open, Case::EditWithOpenConflict),
        _ => {}
    }
}
