//! Rights that change under people's hands.

use deadzone_contract::wire::{MemberChange, Role};
use deadzone_contract::{Action, Code};
use deadzone_trace::Event;

use crate::met::Met;
use crate::state::{Class, Outcome, What};
use crate::table::Case;
use crate::walk::See;
use crate::work::Deed;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Granted(change) => granted(see, change, met),
        Event::Delivered { replaced: None, .. } => delivered(see, met),
        Event::Saved { .. } => saved(see, met),
        _ => {}
    }
}

fn granted(see: &See<'_, '_>, change: &MemberChange, met: &mut Met) {
    let before = see.state.role(&change.user, &change.workspace);
    for device in see.state.devices.iter().filter(|device| device.user == Some(&change.user)) {
        let waits = see.state.has_pending_in(device, &change.workspace);
        let lost = device.queue.iter().any(|(record, queue)| {
            let inside = see.state.records[*record].workspace == change.workspace;
            inside && queue.iter().any(|pending| pending.is_answer_lost())
        });
        match change.role {
            None => {
                met.when(waits, Case::RevokedWithWork);
                met.when(lost, Case::RevokedAfterLostAnswer);
            }
            Some(Role::Viewer) if before > Some(Role::Viewer) => {
                met.when(waits, Case::DemotedWithWork);
            }
            Some(_) => met.when(before.is_none() && device.is_offline, Case::JoinsWhileOffline),
        }
    }
    let waits_for_hints = |request: &&crate::state::Request<'_>| {
        let device = &see.state.devices[request.device];
        request.class == Class::Hints && !request.closed && device.user == Some(&change.user)
    };
    let hinted = see.state.requests.values().find(waits_for_hints).is_some();
    met.when(change.role.is_none() && hinted, Case::RevokedWhileWaitingForHints);
}

fn delivered(see: &See<'_, '_>, met: &mut Met) {
    let Some((no, device)) = see.sender() else { return };
    for (mutation, outcome) in see.results() {
        if let Outcome::Done { hidden: true, .. } = outcome {
            let later = device.pending_on(mutation.record).len() > 1;
            met.when(mutation.work.has(Deed::CREATE) && later, Case::RowMadeForOtherEyesWithWork);
        }
        let Outcome::Rejected(code) = outcome else { continue };
        met.when(code == Some(Code::Forbidden), Case::WorkForbiddenByServer);
        let own = see.state.records[mutation.record].author == Some(no);
        met.when(own && code == Some(Code::UnknownRecord), Case::WorkOnOwnRecordOutOfSight);
        if mutation.work.has(Deed::CREATE) {
            let waits = |record: &usize| see.state.records[*record].parent == Some(mutation.record);
            met.when(device.queue.keys().any(waits), Case::CreateRefusedWithChildrenWaiting);
            let later = device.pending_on(mutation.record).len() > 1;
            met.when(later, Case::CreateRefusedWithItsEditsWaiting);
        }
    }
    for (record, what) in see.changes() {
        if *what == What::Removed {
            let known = &see.state.records[*record];
            let member = device.user.and_then(|user| see.state.role(user, known.workspace)).is_some();
            met.when(member, Case::RowReassignedOutOfSight);
            met.when(member && known.author == Some(no), Case::RowOutOfItsAuthorsSight);
            met.when(!device.pending_on(*record).is_empty(), Case::RowOutOfSightWithWork);
        }
        if *what == What::There {
            met.when(device.removed.contains(record), Case::RowComesBackIntoSight);
        }
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((_, device)), Some(record), Some(begun)) = (see.on(), see.record, see.begun) else { return };
    let known = &see.state.records[record];
    if let (Action::Retry { .. }, Some(user)) = (begun.act, device.user) {
        met.when(see.state.regranted.contains(&(known.workspace, user)), Case::RetryWithRightsBack);
    }
    if let Action::Create { parent: Some(_), .. } = begun.act {
        let refused = known.parent.is_some_and(|parent| see.state.records[parent].refused);
        met.when(refused, Case::ChildMadeUnderRefusedParent);
    }
}
