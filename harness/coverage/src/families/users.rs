//! What people do with work of their own: undo, retry, discard, and long chains offline.

use deadzone_contract::{Action, Badge};
use deadzone_trace::Event;

use crate::met::Met;
use crate::table::Case;
use crate::walk::See;
use crate::work::Deed;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Saved { .. } => saved(see, met),
        Event::Status(status) => {
            met.when(status.badge == Badge::Stale, Case::DeviceSaysItIsStale);
        }
        Event::Connectivity { online: true } => {
            let waiting = see.on().map_or(0, |(_, device)| device.waiting());
            met.when(waiting >= 20, Case::BackOnlineWithALongQueue);
        }
        _ => {}
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((_, device)), Some(record), Some(begun)) = (see.on(), see.record, see.begun) else { return };
    let known = &see.state.records[record];
    let waits = device.work_on(record);
    match begun.act {
        Action::Create { .. } => {
            let parent = known.parent.filter(|parent| see.state.creates(device, *parent));
            let grand = parent.and_then(|parent| see.state.records[parent].parent);
            let deep = grand.is_some_and(|grand| see.state.creates(device, grand));
            met.when(deep && device.is_offline, Case::ThreeGenerationsMadeOffline);
        }
        Action::Edit { .. } => {
            met.when(waits.has(Deed::CREATE), Case::EditOfARecordNeverSent);
        }
        Action::Undo { .. } => {
            let waits = !device.pending_on(record).is_empty();
            met.add(if waits { Case::UndoOfWaitingWork } else { Case::UndoAfterSync });
            let other = known.last_by.is_some_and(|last| Some(last) != see.device);
            met.when(other, Case::UndoAfterSomebodyElsesEdit);
        }
        Action::Retry { .. } => met.when(device.failed.contains(&record), Case::RetryFromTheTray),
        Action::Discard { .. } => met.when(device.failed.contains(&record), Case::DiscardFromTheTray),
        _ => {}
    }
}
